//! Metric values, packed into one row per series and report. The bits are kept: nothing is rounded.

use std::collections::HashMap;

use sqlx::QueryBuilder;

use super::{Store, StoreError, Tx};
use crate::ids::RunId;

/// Points of one series, steps ascending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// Name of the series, e.g. `loss`.
    pub name: String,
    /// Training step of each point.
    pub steps: Vec<u64>,
    /// Value of each point, as many as steps.
    pub values: Vec<f64>,
}

/// Points of one series as one report brought them.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Name of the series.
    pub series: String,
    /// Step of its first point.
    pub first_step: u64,
    /// The event that announced it.
    pub seq: i64,
    /// When that was.
    pub at_ms: i64,
    /// Training step of each point.
    pub steps: Vec<u64>,
    /// Value of each point.
    pub values: Vec<f64>,
}

/// Parts that are read at a time, so that a long run is never held whole.
const PARTS_AT_A_TIME: i64 = 64;

#[derive(sqlx::FromRow)]
struct PackedPart {
    series: String,
    first_step: i64,
    seq: i64,
    ts_ms: i64,
    steps: Vec<u8>,
    vals: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct Chunk {
    series: String,
    steps: Vec<u8>,
    vals: Vec<u8>,
}

/// Appends the non-empty series of one report under the event number `seq`.
pub async fn append(
    tx: &mut Tx,
    run: RunId,
    seq: i64,
    report: &[Series],
) -> Result<(), StoreError> {
    let chunks: Vec<&Series> = report
        .iter()
        .filter(|series: &&Series| !series.steps.is_empty())
        .collect();
    if chunks.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new(
        "INSERT INTO metric_chunks (run_id, series, first_step, last_step, seq, steps, vals) ",
    );
    query.push_values(chunks, |mut row, series| {
        row.push_bind(run)
            .push_bind(series.name.clone())
            .push_bind(series.steps.first().map_or(0, |&s| s as i64))
            .push_bind(series.steps.last().map_or(0, |&s| s as i64))
            .push_bind(seq)
            .push_bind(
                series
                    .steps
                    .iter()
                    .flat_map(|s| s.to_le_bytes())
                    .collect::<Vec<u8>>(),
            )
            .push_bind(
                series
                    .values
                    .iter()
                    .flat_map(|v| v.to_le_bytes())
                    .collect::<Vec<u8>>(),
            );
    });
    query.build().execute(tx.connection()).await?;
    Ok(())
}

/// Whole series of a run, in the order of their names; only `names` when not empty.
pub async fn series(
    store: &Store,
    run: RunId,
    names: &[String],
) -> Result<Vec<Series>, StoreError> {
    let wanted = serde_json::to_string(names).map_err(|e| StoreError::Damaged(e.to_string()))?;
    let chunks: Vec<Chunk> = sqlx::query_as(
        "SELECT series, steps, vals FROM metric_chunks
         WHERE run_id = ?1 AND (?2 = '[]' OR series IN (SELECT value FROM json_each(?2))) ORDER BY series, first_step",
    )
    .bind(run)
    .bind(wanted)
    .fetch_all(store.readers())
    .await?;
    join(chunks)
}

/// Some parts of a run, by series and step, those behind a series and its step; only series in `names` when it is not empty.
/// None are left when none come.
pub async fn parts_by_series(
    store: &Store,
    run: RunId,
    names: &[String],
    (series, first_step): (&str, u64),
) -> Result<Vec<Part>, StoreError> {
    let wanted = serde_json::to_string(names).map_err(|e| StoreError::Damaged(e.to_string()))?;
    let packed: Vec<PackedPart> = sqlx::query_as(
        "SELECT m.series, m.first_step, m.seq, e.ts_ms, m.steps, m.vals FROM metric_chunks m JOIN events e USING (run_id, seq)
         WHERE m.run_id = ?1 AND (?2 = '[]' OR m.series IN (SELECT value FROM json_each(?2))) AND (m.series, m.first_step) > (?3, ?4)
         ORDER BY m.series, m.first_step LIMIT ?5",
    )
    .bind(run)
    .bind(wanted)
    .bind(series)
    .bind(first_step as i64)
    .bind(PARTS_AT_A_TIME)
    .fetch_all(store.readers())
    .await?;
    packed.into_iter().map(PackedPart::unpacked).collect()
}

/// Some parts of a run in the order in which they were recorded, those behind an event and a series of it. None are left when none come.
pub async fn parts_by_time(
    store: &Store,
    run: RunId,
    (seq, series): (i64, &str),
) -> Result<Vec<Part>, StoreError> {
    let packed: Vec<PackedPart> = sqlx::query_as(
        "SELECT m.series, m.first_step, m.seq, e.ts_ms, m.steps, m.vals FROM metric_chunks m JOIN events e USING (run_id, seq)
         WHERE m.run_id = ?1 AND (m.seq, m.series) > (?2, ?3) ORDER BY m.seq, m.series LIMIT ?4",
    )
    .bind(run)
    .bind(seq)
    .bind(series)
    .bind(PARTS_AT_A_TIME)
    .fetch_all(store.readers())
    .await?;
    packed.into_iter().map(PackedPart::unpacked).collect()
}

impl PackedPart {
    fn unpacked(self) -> Result<Part, StoreError> {
        let (steps, values) = unpacked(&self.series, &self.steps, &self.vals)?;
        Ok(Part {
            series: self.series,
            first_step: self.first_step as u64,
            seq: self.seq,
            at_ms: self.ts_ms,
            steps,
            values,
        })
    }
}

/// What one `metric` event announced.
pub async fn of_event(store: &Store, run: RunId, seq: i64) -> Result<Vec<Series>, StoreError> {
    let chunks: Vec<Chunk> =
        sqlx::query_as("SELECT series, steps, vals FROM metric_chunks WHERE run_id = ? AND seq = ? ORDER BY series, first_step")
            .bind(run)
            .bind(seq)
            .fetch_all(store.readers())
            .await?;
    join(chunks)
}

/// Last recorded step of each series: a resumed run reports again from its checkpoint, and what is recorded stays.
pub async fn last_steps(tx: &mut Tx, run: RunId) -> Result<HashMap<String, u64>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT series, MAX(last_step) FROM metric_chunks WHERE run_id = ? GROUP BY series",
    )
    .bind(run)
    .fetch_all(tx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(name, step)| (name, step as u64))
        .collect())
}

fn join(chunks: Vec<Chunk>) -> Result<Vec<Series>, StoreError> {
    let mut all: Vec<Series> = Vec::new();
    for chunk in chunks {
        let (steps, values) = unpacked(&chunk.series, &chunk.steps, &chunk.vals)?;
        if all.last().is_none_or(|last| last.name != chunk.series) {
            all.push(Series {
                name: chunk.series,
                ..Series::default()
            });
        }
        if let Some(last) = all.last_mut() {
            last.steps.extend(steps);
            last.values.extend(values);
        }
    }
    Ok(all)
}

/// Steps and values from their bytes.
fn unpacked(series: &str, steps: &[u8], values: &[u8]) -> Result<(Vec<u64>, Vec<f64>), StoreError> {
    let ((steps, rest), (values, _)) = (steps.as_chunks::<8>(), values.as_chunks::<8>());
    if steps.len() != values.len() || !rest.is_empty() {
        return Err(StoreError::Damaged(format!(
            "a chunk of series {series:?} has unequal lengths"
        )));
    }
    Ok((
        steps.iter().map(|b| u64::from_le_bytes(*b)).collect(),
        values.iter().map(|b| f64::from_le_bytes(*b)).collect(),
    ))
}
