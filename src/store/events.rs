//! What happened to runs: append-only, `seq` dense from 1.

use std::fmt;

use serde::{Deserialize, Serialize};
use sqlx::QueryBuilder;

use super::codec::{Json, as_text};
use super::{Order, Store, StoreError, Tx};
use crate::ids::RunId;

/// Sort of an event; also the SSE event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The status changed.
    State,
    /// Metrics were recorded; their values lie in `metric_chunks` under the same `seq`.
    Metric,
    /// A line of text.
    Log,
    /// A checkpoint was committed.
    Checkpoint,
    /// Advice.
    Diagnosis,
    /// The last event of a run.
    Done,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::State,
        Self::Metric,
        Self::Log,
        Self::Checkpoint,
        Self::Diagnosis,
        Self::Done,
    ];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Metric => "metric",
            Self::Log => "log",
            Self::Checkpoint => "checkpoint",
            Self::Diagnosis => "diagnosis",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

as_text!(Kind, |kind| kind.as_str().to_owned(), |text| {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("unknown kind of event {text:?}").into())
});

/// One event.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Event {
    /// Whose.
    pub run_id: RunId,
    /// Number within the run, from 1 without gaps.
    pub seq: i64,
    /// Sort.
    pub kind: Kind,
    /// When it was recorded.
    pub ts_ms: i64,
    /// Training step it belongs to, where there is one.
    pub step: Option<i64>,
    /// JSON object.
    pub body: Json,
}

/// Appends events whose numbers the caller took from the run's row in this transaction.
pub async fn append(tx: &mut Tx, events: &[Event]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::new("INSERT INTO events (run_id, seq, kind, ts_ms, step, body) ");
    query.push_values(events, |mut row, event| {
        row.push_bind(event.run_id)
            .push_bind(event.seq)
            .push_bind(event.kind)
            .push_bind(event.ts_ms)
            .push_bind(event.step)
            .push_bind(event.body.clone());
    });
    query.build().execute(tx.connection()).await?;
    Ok(())
}

/// Events of a run after `after_seq`, oldest first; of one kind when asked. The caller has checked whose run it is.
pub async fn page(
    store: &Store,
    run: RunId,
    after_seq: i64,
    kind: Option<Kind>,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM events WHERE run_id = ?1 AND seq > ?2 AND (?3 IS NULL OR kind = ?3) ORDER BY seq LIMIT ?4")
        .bind(run)
        .bind(after_seq)
        .bind(kind)
        .bind(limit)
        .fetch_all(store.readers())
        .await?)
}

/// An event and its place in the order of all events.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Placed {
    /// Number in the order of commits; grows, with gaps where events are somebody else's or were deleted.
    pub place: i64,
    /// The event.
    #[sqlx(flatten)]
    pub event: Event,
}

/// Events of all runs of `owner` behind the place `after` (before it when newest first), of one kind when asked.
pub async fn of_owner(
    store: &Store,
    owner: &str,
    after: i64,
    kind: Option<Kind>,
    order: Order,
    limit: u32,
) -> Result<Vec<Placed>, StoreError> {
    let sql = match order {
        Order::Asc => {
            "SELECT o.place, e.* FROM event_order o JOIN events e ON e.run_id = o.run_id AND e.seq = o.seq
             WHERE o.place > ?1 AND o.owner = ?2 AND (?3 IS NULL OR e.kind = ?3) ORDER BY o.place LIMIT ?4"
        }
        Order::Desc => {
            "SELECT o.place, e.* FROM event_order o JOIN events e ON e.run_id = o.run_id AND e.seq = o.seq
             WHERE o.place < ?1 AND o.owner = ?2 AND (?3 IS NULL OR e.kind = ?3) ORDER BY o.place DESC LIMIT ?4"
        }
    };
    Ok(sqlx::query_as(sql)
        .bind(after)
        .bind(owner)
        .bind(kind)
        .bind(limit)
        .fetch_all(store.readers())
        .await?)
}

/// The newest place, whoever's: who reads on behind it misses nothing that is to come.
pub async fn newest_place(store: &Store) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT COALESCE(MAX(place), 0) FROM event_order")
            .fetch_one(store.readers())
            .await?,
    )
}

/// Codes of the diagnoses a run has on record.
pub async fn diagnosis_codes(tx: &mut Tx, run: RunId) -> Result<Vec<String>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT COALESCE(body ->> 'code', '') FROM events WHERE run_id = ? AND kind = 'diagnosis'",
    )
    .bind(run)
    .fetch_all(tx.connection())
    .await?)
}
