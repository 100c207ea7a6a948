//! Checkpoints of runs: the latest and the best are kept.

use super::{Store, StoreError, Tx};
use crate::ids::RunId;

/// A complete trainer state.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Checkpoint {
    /// Whose.
    pub run_id: RunId,
    /// Steps done.
    pub step: i64,
    /// Epochs done.
    pub epoch: i64,
    /// Blob with the state.
    pub sha256: String,
    /// Size of that blob.
    pub size_bytes: i64,
    /// Whether its weights were the best so far by the watched metric.
    pub is_best: bool,
    /// When it was committed.
    pub created_at_ms: i64,
}

/// Adds a checkpoint and drops those that are now neither the latest nor the best. A run that went back to an earlier
/// checkpoint reaches the same steps with the same bytes, so a step met again replaces itself.
pub async fn insert(tx: &mut Tx, row: &Checkpoint) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO checkpoints (run_id, step, epoch, sha256, size_bytes, is_best, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (run_id, step) DO UPDATE SET sha256 = excluded.sha256, size_bytes = excluded.size_bytes, is_best = excluded.is_best",
    )
    .bind(row.run_id)
    .bind(row.step)
    .bind(row.epoch)
    .bind(&row.sha256)
    .bind(row.size_bytes)
    .bind(row.is_best)
    .bind(row.created_at_ms)
    .execute(tx.connection())
    .await?;
    sqlx::query(
        "DELETE FROM checkpoints WHERE run_id = ?1
           AND step <> (SELECT MAX(step) FROM checkpoints WHERE run_id = ?1)
           AND step <> COALESCE((SELECT MAX(step) FROM checkpoints WHERE run_id = ?1 AND is_best), -1)",
    )
    .bind(row.run_id)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The kept checkpoints of a run, newest first.
pub async fn list(store: &Store, run: RunId) -> Result<Vec<Checkpoint>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM checkpoints WHERE run_id = ? ORDER BY step DESC")
            .bind(run)
            .fetch_all(store.readers())
            .await?,
    )
}

/// The checkpoint to resume from, read inside a claim.
pub async fn latest(tx: &mut Tx, run: RunId) -> Result<Option<Checkpoint>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM checkpoints WHERE run_id = ? ORDER BY step DESC LIMIT 1")
            .bind(run)
            .fetch_optional(tx.connection())
            .await?,
    )
}
