//! Surfaces that were asked for; the row is the job.

use super::codec::as_text;
use super::{Json, Order, Page, PageOf, Store, StoreError, Tx};
use crate::ids::{LandscapeId, RunId};

/// Surfaces of a run that are kept; the oldest that is done goes first.
const KEPT: i64 = 32;

/// Where a surface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits.
    Queued,
    /// Is being computed.
    Computing,
    /// Can be read.
    Ready,
    /// Cannot be computed; the reason says why.
    Failed,
}

impl Status {
    const ALL: [Self; 4] = [Self::Queued, Self::Computing, Self::Ready, Self::Failed];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Computing => "computing",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more happens to it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Ready | Self::Failed)
    }
}

as_text!(Status, |status| status.as_str().to_owned(), |text| {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("{text:?} is no status of a landscape").into())
});

/// One surface.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Landscape {
    /// Its id.
    pub id: LandscapeId,
    /// The run it is about.
    pub run_id: RunId,
    /// The second run, where there is one.
    pub other_id: Option<RunId>,
    /// SHA-256 of the question.
    pub key: String,
    /// JSON: what was asked, every default filled in.
    pub request: Json,
    /// Where it is.
    pub status: Status,
    /// Why it failed.
    pub reason: Option<String>,
    /// Part that is computed, 0 to 1.
    pub progress: f64,
    /// JSON: the answer, once ready.
    pub result: Option<Json>,
    /// When it was asked for.
    pub created_at_ms: i64,
    /// When it was done.
    pub finished_at_ms: Option<i64>,
}

/// Adds a question, and forgets the oldest answers of its run beyond those that are kept.
pub async fn insert(tx: &mut Tx, row: &Landscape) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO landscapes (id, run_id, other_id, key, request, status, progress, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
    )
    .bind(row.id)
    .bind(row.run_id)
    .bind(row.other_id)
    .bind(&row.key)
    .bind(&row.request)
    .bind(row.status)
    .bind(row.created_at_ms)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "DELETE FROM landscapes WHERE run_id = ?1 AND status IN ('ready', 'failed')
           AND id NOT IN (SELECT id FROM landscapes WHERE run_id = ?1 ORDER BY id DESC LIMIT ?2)",
    )
    .bind(row.run_id)
    .bind(KEPT)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The answer to the same question, if it was asked before.
pub async fn of_key(tx: &mut Tx, run: RunId, key: &str) -> Result<Option<Landscape>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM landscapes WHERE run_id = ? AND key = ?")
            .bind(run)
            .bind(key)
            .fetch_optional(tx.connection())
            .await?,
    )
}

/// Forgets a surface, so that its question can be asked again.
pub async fn delete(tx: &mut Tx, id: LandscapeId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM landscapes WHERE id = ?")
        .bind(id)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Surfaces of an owner's runs that are not done.
pub async fn count_open(tx: &mut Tx, owner: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM landscapes l JOIN runs r ON r.id = l.run_id WHERE l.status IN ('queued', 'computing') AND r.owner = ?",
    )
    .bind(owner)
    .fetch_one(tx.connection())
    .await?)
}

/// One surface of a run; the newest without an id.
pub async fn find(
    store: &Store,
    run: RunId,
    id: Option<LandscapeId>,
) -> Result<Option<Landscape>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM landscapes WHERE run_id = ?1 AND (?2 IS NULL OR id = ?2) ORDER BY id DESC LIMIT 1",
    )
    .bind(run)
    .bind(id)
    .fetch_optional(store.readers())
    .await?)
}

/// A page of the surfaces of a run, without their answers.
pub async fn list(store: &Store, run: RunId, page: &Page) -> Result<PageOf<Landscape>, StoreError> {
    let sql = match page.order {
        Order::Desc => {
            "SELECT id, run_id, other_id, key, request, status, reason, progress, NULL AS result, created_at_ms, finished_at_ms
             FROM landscapes WHERE run_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
        }
        Order::Asc => {
            "SELECT id, run_id, other_id, key, request, status, reason, progress, NULL AS result, created_at_ms, finished_at_ms
             FROM landscapes WHERE run_id = ?1 AND (?2 IS NULL OR id > ?2) ORDER BY id LIMIT ?3"
        }
    };
    let rows: Vec<Landscape> = sqlx::query_as(sql)
        .bind(run)
        .bind(page.after.as_deref())
        .bind(page.limit + 1)
        .fetch_all(store.readers())
        .await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// Gives the oldest waiting surface to whoever computes them.
pub async fn claim(tx: &mut Tx) -> Result<Option<Landscape>, StoreError> {
    Ok(sqlx::query_as(
        "UPDATE landscapes SET status = 'computing', progress = 0
         WHERE id = (SELECT id FROM landscapes WHERE status = 'queued' ORDER BY id LIMIT 1) RETURNING *",
    )
    .fetch_optional(tx.connection())
    .await?)
}

/// At start: nobody computes what the process before began.
pub async fn requeue(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("UPDATE landscapes SET status = 'queued', progress = 0 WHERE status = 'computing'")
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// How far a surface is; `false` when it is gone.
pub async fn progress(tx: &mut Tx, id: LandscapeId, progress: f64) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE landscapes SET progress = ? WHERE id = ? AND status = 'computing'")
            .bind(progress)
            .bind(id)
            .execute(tx.connection())
            .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes the answer, or why there is none. What was deleted meanwhile stays deleted.
pub async fn finish(
    tx: &mut Tx,
    id: LandscapeId,
    answer: Result<&Json, &str>,
    now_ms: i64,
) -> Result<(), StoreError> {
    let status = if answer.is_ok() {
        Status::Ready
    } else {
        Status::Failed
    };
    sqlx::query(
        "UPDATE landscapes SET status = ?1, result = ?2, reason = ?3, progress = CASE WHEN ?2 IS NULL THEN progress ELSE 1 END, finished_at_ms = ?4
         WHERE id = ?5 AND status = 'computing'",
    )
    .bind(status)
    .bind(answer.ok())
    .bind(answer.err())
    .bind(now_ms)
    .bind(id)
    .execute(tx.connection())
    .await?;
    Ok(())
}
