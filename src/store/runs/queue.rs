//! The queue: who is served next, and everything its order depends on.

use super::Run;
use crate::ids::RunId;
use crate::store::{Store, StoreError, Tx};

/// Gives the first run of the queue to `worker`, in one statement, and answers it.
///
/// Order: priority; then the owner with the fewest runs in work; then the owner whose turn was longest ago; then time.
/// Owners with `running_limit` runs in work wait.
pub async fn claim(
    tx: &mut Tx,
    worker: &str,
    running_limit: i64,
    now_ms: i64,
    lease_until_ms: i64,
) -> Result<Option<Run>, StoreError> {
    Ok(sqlx::query_as(
        "UPDATE runs SET status = 'preparing', worker = ?1, fence = fence + 1, attempts = attempts + 1, last_seq = last_seq + 1, lease_until_ms = ?4,
                queued_ms = queued_ms + MAX(?3 - phase_since_ms, 0), phase_since_ms = ?3, started_at_ms = COALESCE(started_at_ms, ?3),
                reason_code = NULL, reason_message = NULL, reason_detail = NULL
         WHERE id = (
            WITH waiting AS (
                SELECT q.priority, q.owner, MIN(q.queued_at_ms) AS since,
                       (SELECT COUNT(*) FROM runs a WHERE a.owner = q.owner
                          AND a.status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling')) AS n_active
                FROM runs q WHERE q.status = 'queued' GROUP BY q.priority, q.owner)
            SELECT r.id FROM runs r WHERE r.status = 'queued' AND (r.priority, r.owner) = (
                SELECT w.priority, w.owner FROM waiting w LEFT JOIN turns t ON t.owner = w.owner
                WHERE w.n_active < ?2 ORDER BY w.priority DESC, w.n_active, COALESCE(t.turn, 0), w.since, w.owner LIMIT 1)
            ORDER BY r.queued_at_ms, r.id LIMIT 1)
         RETURNING *",
    )
    .bind(worker)
    .bind(running_limit)
    .bind(now_ms)
    .bind(lease_until_ms)
    .fetch_optional(tx.connection())
    .await?)
}

/// Remembers that `owner` was served last.
pub async fn take_turn(tx: &mut Tx, owner: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO turns (owner, turn) VALUES (?1, (SELECT COALESCE(MAX(turn), 0) + 1 FROM turns))
         ON CONFLICT (owner) DO UPDATE SET turn = excluded.turn",
    )
    .bind(owner)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A queued run, as the queue's order needs it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Waiting {
    /// Which.
    pub id: RunId,
    /// Whose.
    pub owner: String,
    /// For people.
    pub name: String,
    /// Higher goes first.
    pub priority: i64,
    /// Since when.
    pub queued_at_ms: i64,
}

/// An owner as the queue's fairness sees them.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OwnerTurn {
    /// Who.
    pub owner: String,
    /// Runs in work.
    pub n_active: i64,
    /// Number of the last claim; 0 when never served.
    pub turn: i64,
}

/// Everything the order of the queue depends on: the waiting runs by priority and time, and their owners.
pub async fn waiting(
    store: &Store,
    limit: u32,
) -> Result<(Vec<Waiting>, Vec<OwnerTurn>), StoreError> {
    let runs = sqlx::query_as(
        "SELECT id, owner, name, priority, queued_at_ms FROM runs WHERE status = 'queued' ORDER BY priority DESC, queued_at_ms, id LIMIT ?",
    )
    .bind(limit)
    .fetch_all(store.readers())
    .await?;
    let owners = sqlx::query_as(
        "SELECT o.owner, COALESCE(t.turn, 0) AS turn, (SELECT COUNT(*) FROM runs a WHERE a.owner = o.owner
            AND a.status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling')) AS n_active
         FROM (SELECT DISTINCT owner FROM runs WHERE status = 'queued') o LEFT JOIN turns t ON t.owner = o.owner",
    )
    .fetch_all(store.readers())
    .await?;
    Ok((runs, owners))
}

const QUEUED: &str = "SELECT COUNT(*) FROM runs WHERE status = 'queued' AND owner = ?";

/// Queued runs of `owner`, as this transaction sees them.
pub async fn count_queued(tx: &mut Tx, owner: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(QUEUED).bind(owner);
    Ok(count.fetch_one(tx.connection()).await?)
}

/// Queued runs of `owner` at this moment.
pub async fn n_queued(store: &Store, owner: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(QUEUED).bind(owner);
    Ok(count.fetch_one(store.readers()).await?)
}
