//! Paths of weights: packed points, and snapshots of all weights at some of them.

use super::{Json, Store, StoreError, Tx};
use crate::ids::RunId;

/// Bytes of a point beside its numbers.
const POINT_BYTES: usize = 56;

/// Numbers of a row's points are cut off here, so that no row grows large beyond one point.
const CHUNK_BYTES: usize = 1 << 20;

/// A point of a path. What is not known is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Steps done.
    pub step: u64,
    /// Epoch of the step that leaves it, from 1; at the end the epochs done.
    pub epoch: u64,
    /// Whether the path ends here.
    pub is_last: bool,
    /// Mean loss of the next batch; at the end of the training part.
    pub loss: Option<f64>,
    /// Norm of the gradient.
    pub gradient_norm: Option<f64>,
    /// Learning rate of the step that leaves it.
    pub learning_rate: Option<f64>,
    /// Norm of that step.
    pub update_norm: Option<f64>,
}

/// Points one after another, with the numbers of each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Points {
    /// Steps ascending.
    pub points: Vec<Point>,
    /// As many for each point as the layout says.
    pub numbers: Vec<f32>,
}

#[derive(sqlx::FromRow)]
struct Chunk {
    first_step: i64,
    points: Vec<u8>,
    numbers: Vec<u8>,
}

impl Point {
    fn write(&self, into: &mut Vec<u8>) {
        for word in [self.step, self.epoch, u64::from(self.is_last)] {
            into.extend_from_slice(&word.to_le_bytes());
        }
        for value in [
            self.loss,
            self.gradient_norm,
            self.learning_rate,
            self.update_norm,
        ] {
            into.extend_from_slice(&value.unwrap_or(f64::NAN).to_le_bytes());
        }
    }

    fn read(bytes: &[u8; POINT_BYTES]) -> Self {
        let word = |idx: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[8 * idx..8 * idx + 8]);
            u64::from_le_bytes(word)
        };
        let value = |idx: usize| Some(f64::from_bits(word(idx))).filter(|value| !value.is_nan());
        Self {
            step: word(0),
            epoch: word(1),
            is_last: word(2) != 0,
            loss: value(3),
            gradient_norm: value(4),
            learning_rate: value(5),
            update_norm: value(6),
        }
    }
}

impl Points {
    /// Numbers of each point.
    fn width(&self) -> usize {
        self.numbers.len() / self.points.len().max(1)
    }

    /// Drops the points that `keep` does not want.
    pub fn retain(&mut self, keep: impl Fn(&Point) -> bool) {
        let width = self.width();
        let kept: Vec<bool> = self.points.iter().map(&keep).collect();
        let mut n_kept = 0;
        for (idx, _) in kept.iter().enumerate().filter(|(_, kept)| **kept) {
            self.points[n_kept] = self.points[idx];
            self.numbers
                .copy_within(idx * width..(idx + 1) * width, n_kept * width);
            n_kept += 1;
        }
        self.points.truncate(n_kept);
        self.numbers.truncate(n_kept * width);
    }

    fn push(&mut self, chunk: &Chunk) -> Result<(), StoreError> {
        let (points, rest) = chunk.points.as_chunks::<POINT_BYTES>();
        let (numbers, odd) = chunk.numbers.as_chunks::<4>();
        if !rest.is_empty()
            || !odd.is_empty()
            || points.is_empty()
            || numbers.len() % points.len() != 0
        {
            return Err(StoreError::Damaged(format!(
                "a chunk of a path has {} bytes of points and {} of numbers",
                chunk.points.len(),
                chunk.numbers.len()
            )));
        }
        self.points.extend(points.iter().map(Point::read));
        self.numbers
            .extend(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        Ok(())
    }
}

/// Says what the numbers of a run's path are. What was said before stays: a resumed run says the same.
pub async fn begin(tx: &mut Tx, run: RunId, document: &Json) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO trajectories (run_id, document) VALUES (?, ?) ON CONFLICT (run_id) DO NOTHING",
    )
    .bind(run)
    .bind(document)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The last step on record; `None` for a path without points.
pub async fn last_step(tx: &mut Tx, run: RunId) -> Result<Option<u64>, StoreError> {
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT last_step FROM trajectory_chunks WHERE run_id = ? ORDER BY first_step DESC LIMIT 1",
    )
    .bind(run)
    .fetch_optional(tx.connection())
    .await?;
    Ok(last.map(|step| step as u64))
}

/// Appends points, of which there is at least one.
pub async fn append(tx: &mut Tx, run: RunId, points: &Points) -> Result<(), StoreError> {
    let width = points.width();
    let n_points = (CHUNK_BYTES / (4 * width.max(1))).max(1);
    let rows = points.points.chunks(n_points);
    for (own, numbers) in rows.zip(points.numbers.chunks((n_points * width).max(1))) {
        let mut packed = Vec::with_capacity(own.len() * POINT_BYTES);
        own.iter().for_each(|point| point.write(&mut packed));
        let numbers: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        sqlx::query("INSERT INTO trajectory_chunks (run_id, first_step, last_step, points, numbers) VALUES (?, ?, ?, ?, ?)")
            .bind(run)
            .bind(own.first().map_or(0, |point| point.step as i64))
            .bind(own.last().map_or(0, |point| point.step as i64))
            .bind(packed)
            .bind(numbers)
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// Keeps the points at multiples of `stride` and the last one, and writes them again as few rows.
pub async fn thin(tx: &mut Tx, run: RunId, stride: u64) -> Result<(), StoreError> {
    let chunks: Vec<Chunk> = sqlx::query_as(
        "DELETE FROM trajectory_chunks WHERE run_id = ? RETURNING first_step, points, numbers",
    )
    .bind(run)
    .fetch_all(tx.connection())
    .await?;
    let mut points = joined(chunks)?;
    points.retain(|point| point.is_last || point.step.is_multiple_of(stride));
    append(tx, run, &points).await
}

/// Adds a snapshot of all weights; the same step again changes nothing.
pub async fn snapshot(
    tx: &mut Tx,
    run: RunId,
    step: u64,
    halves: &[u16],
) -> Result<(), StoreError> {
    let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    sqlx::query("INSERT INTO trajectory_snapshots (run_id, step, halves) VALUES (?, ?, ?) ON CONFLICT (run_id, step) DO NOTHING")
        .bind(run)
        .bind(step as i64)
        .bind(bytes)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Keeps the snapshots at multiples of `stride`.
pub async fn thin_snapshots(tx: &mut Tx, run: RunId, stride: u64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM trajectory_snapshots WHERE run_id = ? AND step % ? <> 0")
        .bind(run)
        .bind(stride as i64)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// What was said of a run's path when it began; `None` before.
pub async fn document(store: &Store, run: RunId) -> Result<Option<Json>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT document FROM trajectories WHERE run_id = ?")
            .bind(run)
            .fetch_optional(store.readers())
            .await?,
    )
}

/// Every point of a run's path.
pub async fn points(store: &Store, run: RunId) -> Result<Points, StoreError> {
    let chunks: Vec<Chunk> = sqlx::query_as(
        "SELECT first_step, points, numbers FROM trajectory_chunks WHERE run_id = ?",
    )
    .bind(run)
    .fetch_all(store.readers())
    .await?;
    joined(chunks)
}

/// Every snapshot of a run's path: step and bfloat16 bits.
pub async fn snapshots(store: &Store, run: RunId) -> Result<Vec<(u64, Vec<u16>)>, StoreError> {
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT step, halves FROM trajectory_snapshots WHERE run_id = ? ORDER BY step",
    )
    .bind(run)
    .fetch_all(store.readers())
    .await?;
    let halves = |bytes: Vec<u8>| {
        let halves = bytes.as_chunks::<2>().0.iter();
        halves.map(|half| u16::from_le_bytes(*half)).collect()
    };
    Ok(rows
        .into_iter()
        .map(|(step, bytes)| (step as u64, halves(bytes)))
        .collect())
}

fn joined(mut chunks: Vec<Chunk>) -> Result<Points, StoreError> {
    chunks.sort_by_key(|chunk| chunk.first_step);
    let mut points = Points::default();
    for chunk in &chunks {
        points.push(chunk)?;
    }
    Ok(points)
}
