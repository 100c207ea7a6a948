//! Runs: the row and its queries. What a status may become is decided in `crate::runs`, nowhere else.

mod list;
mod queue;
mod status;

pub use list::{Filter, list};
pub use queue::{OwnerTurn, Waiting, claim, count_queued, n_queued, take_turn, waiting};
pub use status::{ParentKind, Status};

use super::codec::Json;
use super::{Store, StoreError, Tx};
use crate::ids::{DatasetId, RunId, SweepId};

/// One training. The columns are explained in `migrations/0002_runs.sql` and `0013_sweeps.sql`.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)] // the migration says why each column is there; saying it twice would let the two drift apart
pub struct Run {
    pub id: RunId,
    pub owner: String,
    pub name: String,
    pub status: Status,
    pub reason_code: Option<String>,
    pub reason_message: Option<String>,
    pub reason_detail: Option<Json>,
    pub priority: i64,
    pub family: String,
    pub dataset_id: DatasetId,
    pub dataset_sha256: String,
    pub dataset_schema: Json,
    pub spec: Json,
    pub resolved_spec: Option<Json>,
    pub metadata: Json,
    pub parent_id: Option<RunId>,
    pub parent_kind: Option<ParentKind>,
    pub start_sha256: Option<String>,
    pub expected_sha256: Option<String>,
    pub attempts: i64,
    pub losses: i64,
    pub fence: i64,
    pub worker: Option<String>,
    pub lease_until_ms: Option<i64>,
    pub epoch: i64,
    pub epochs: i64,
    pub step: i64,
    pub steps: i64,
    pub best: Option<Json>,
    pub latest_metrics: Option<Json>,
    pub result: Option<Json>,
    pub model_name: Option<String>,
    pub model_version: Option<i64>,
    pub weights_sha256: Option<String>,
    pub last_seq: i64,
    pub version: i64,
    pub queued_ms: i64,
    pub running_ms: i64,
    pub paused_ms: i64,
    pub phase_since_ms: i64,
    pub created_at_ms: i64,
    pub queued_at_ms: i64,
    pub started_at_ms: Option<i64>,
    pub finished_at_ms: Option<i64>,
    pub sweep_id: Option<SweepId>,
}

/// Adds a run.
pub async fn insert(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO runs (id, owner, name, status, priority, family, dataset_id, dataset_sha256, dataset_schema, spec, resolved_spec,
            metadata, parent_id, parent_kind, start_sha256, expected_sha256, last_seq, phase_since_ms, created_at_ms, queued_at_ms, epochs, sweep_id)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(run.id)
    .bind(&run.owner)
    .bind(&run.name)
    .bind(run.status)
    .bind(run.priority)
    .bind(&run.family)
    .bind(run.dataset_id)
    .bind(&run.dataset_sha256)
    .bind(&run.dataset_schema)
    .bind(&run.spec)
    .bind(&run.resolved_spec)
    .bind(&run.metadata)
    .bind(run.parent_id)
    .bind(run.parent_kind)
    .bind(&run.start_sha256)
    .bind(&run.expected_sha256)
    .bind(run.last_seq)
    .bind(run.phase_since_ms)
    .bind(run.created_at_ms)
    .bind(run.queued_at_ms)
    .bind(run.epochs)
    .bind(run.sweep_id)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// One run of `owner`.
pub async fn find(store: &Store, owner: &str, id: RunId) -> Result<Option<Run>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM runs WHERE id = ? AND owner = ?")
            .bind(id)
            .bind(owner)
            .fetch_optional(store.readers())
            .await?,
    )
}

/// One run as this transaction sees it, of any owner when `owner` is `None`.
pub async fn get(tx: &mut Tx, id: RunId, owner: Option<&str>) -> Result<Option<Run>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM runs WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)")
            .bind(id)
            .bind(owner)
            .fetch_optional(tx.connection())
            .await?,
    )
}

/// Mean time a worker needed for one of the last finished runs, for estimates; `None` before the first.
pub async fn mean_running_ms(store: &Store) -> Result<Option<f64>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT AVG(CAST(running_ms AS REAL)) FROM (SELECT running_ms FROM runs WHERE status = 'succeeded' ORDER BY id DESC LIMIT 20)",
    )
    .fetch_one(store.readers())
    .await?)
}

/// Writes back what changes in a run's life, if its status and fence are still those that were read. `false`: they are not.
pub async fn save(tx: &mut Tx, run: &Run, was: Status, fence: i64) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE runs SET status = ?4, reason_code = ?5, reason_message = ?6, reason_detail = ?7, resolved_spec = ?8, losses = ?9,
            fence = ?10, worker = ?11, lease_until_ms = ?12, epoch = ?13, epochs = ?14, step = ?15, steps = ?16, best = ?17,
            latest_metrics = ?18, result = ?19, model_name = ?20, model_version = ?21, weights_sha256 = ?22, last_seq = ?23,
            queued_ms = ?24, running_ms = ?25, paused_ms = ?26, phase_since_ms = ?27, queued_at_ms = ?28, finished_at_ms = ?29
         WHERE id = ?1 AND status = ?2 AND fence = ?3",
    )
    .bind(run.id)
    .bind(was)
    .bind(fence)
    .bind(run.status)
    .bind(&run.reason_code)
    .bind(&run.reason_message)
    .bind(&run.reason_detail)
    .bind(&run.resolved_spec)
    .bind(run.losses)
    .bind(run.fence)
    .bind(&run.worker)
    .bind(run.lease_until_ms)
    .bind(run.epoch)
    .bind(run.epochs)
    .bind(run.step)
    .bind(run.steps)
    .bind(&run.best)
    .bind(&run.latest_metrics)
    .bind(&run.result)
    .bind(&run.model_name)
    .bind(run.model_version)
    .bind(&run.weights_sha256)
    .bind(run.last_seq)
    .bind(run.queued_ms)
    .bind(run.running_ms)
    .bind(run.paused_ms)
    .bind(run.phase_since_ms)
    .bind(run.queued_at_ms)
    .bind(run.finished_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a PATCH may change.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New name.
    pub name: Option<String>,
    /// New labels (the whole object).
    pub metadata: Option<Json>,
    /// New priority; counts only while the run is queued.
    pub priority: Option<i64>,
}

/// Changes what is not part of the run's life, if the row still has `version` (any, when `None`).
pub async fn update(
    tx: &mut Tx,
    owner: &str,
    id: RunId,
    version: Option<i64>,
    change: &Change,
) -> Result<Option<Run>, StoreError> {
    Ok(sqlx::query_as(
        "UPDATE runs SET name = COALESCE(?4, name), metadata = COALESCE(?5, metadata), priority = COALESCE(?6, priority), version = version + 1
         WHERE id = ?1 AND owner = ?2 AND (?3 IS NULL OR version = ?3) RETURNING *",
    )
    .bind(id)
    .bind(owner)
    .bind(version)
    .bind(&change.name)
    .bind(&change.metadata)
    .bind(change.priority)
    .fetch_optional(tx.connection())
    .await?)
}

/// Renews the lease of a run. `None`: the fence is old, the worker must let go.
pub async fn renew(
    tx: &mut Tx,
    id: RunId,
    fence: i64,
    lease_until_ms: i64,
) -> Result<Option<Status>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE runs SET lease_until_ms = ?3 WHERE id = ?1 AND fence = ?2
            AND status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling') RETURNING status",
    )
    .bind(id)
    .bind(fence)
    .bind(lease_until_ms)
    .fetch_optional(tx.connection())
    .await?)
}

/// Runs whose worker is lost: all in work when `before_ms` is `None` (the process is new, so its workers are), else those
/// whose lease ended before.
pub async fn lost(tx: &mut Tx, before_ms: Option<i64>) -> Result<Vec<Run>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT * FROM runs WHERE status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling')
            AND (?1 IS NULL OR lease_until_ms < ?1) ORDER BY id",
    )
    .bind(before_ms)
    .fetch_all(tx.connection())
    .await?)
}

/// Removes a run with its events, metrics and checkpoints. Models stay.
pub async fn delete(tx: &mut Tx, id: RunId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM runs WHERE id = ?")
        .bind(id)
        .execute(tx.connection())
        .await?;
    Ok(())
}
