//! Sweeps: the row and its queries. The columns are explained in `migrations/0013_sweeps.sql`.

use std::fmt;

use super::codec::{Json, as_text};
use super::{Order, Page, PageOf, Store, StoreError, Tx};
use crate::ids::SweepId;

/// Where a sweep is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It proposes children.
    Running,
    /// It proposes no more; the last children end.
    Stopping,
    /// Its budget is used up, or its space.
    Completed,
    /// Ended by its user.
    Stopped,
    /// It cannot go on.
    Failed,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Stopping,
        Self::Completed,
        Self::Stopped,
        Self::Failed,
    ];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Completed => "completed",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing follows by itself.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Stopped | Self::Failed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

as_text!(Status, |status| status.as_str().to_owned(), |text| {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("unknown status of a sweep {text:?}").into())
});

/// One sweep.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)] // the migration says why each column is there; saying it twice would let the two drift apart
pub struct Sweep {
    pub id: SweepId,
    pub owner: String,
    pub name: String,
    pub status: Status,
    pub reason_code: Option<String>,
    pub reason_message: Option<String>,
    pub spec: Json,
    pub space: Json,
    pub strategy: Json,
    pub objective: Json,
    pub rungs: Json,
    pub seed: i64,
    pub max_runs: i64,
    pub max_minutes: Option<i64>,
    pub parallel: i64,
    pub space_size: Option<i64>,
    pub metadata: Json,
    pub version: i64,
    pub spent_ms: i64,
    pub active_since_ms: i64,
    pub created_at_ms: i64,
    pub finished_at_ms: Option<i64>,
}

/// Adds a sweep.
pub async fn insert(tx: &mut Tx, row: &Sweep) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO sweeps (id, owner, name, status, spec, space, strategy, objective, rungs, seed, max_runs, max_minutes, parallel, space_size,
            metadata, active_since_ms, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(&row.owner)
    .bind(&row.name)
    .bind(row.status)
    .bind(&row.spec)
    .bind(&row.space)
    .bind(&row.strategy)
    .bind(&row.objective)
    .bind(&row.rungs)
    .bind(row.seed)
    .bind(row.max_runs)
    .bind(row.max_minutes)
    .bind(row.parallel)
    .bind(row.space_size)
    .bind(&row.metadata)
    .bind(row.active_since_ms)
    .bind(row.created_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// One sweep of `owner`.
pub async fn find(store: &Store, owner: &str, id: SweepId) -> Result<Option<Sweep>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM sweeps WHERE id = ? AND owner = ?")
            .bind(id)
            .bind(owner)
            .fetch_optional(store.readers())
            .await?,
    )
}

/// One sweep as this transaction sees it, of any owner when `owner` is `None`.
pub async fn get(
    tx: &mut Tx,
    id: SweepId,
    owner: Option<&str>,
) -> Result<Option<Sweep>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM sweeps WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)")
            .bind(id)
            .bind(owner)
            .fetch_optional(tx.connection())
            .await?,
    )
}

/// The sweeps that somebody has to look after, oldest first.
pub async fn at_work(store: &Store) -> Result<Vec<Sweep>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM sweeps WHERE status IN ('running', 'stopping') ORDER BY id")
            .fetch_all(store.readers())
            .await?,
    )
}

/// A page of an owner's sweeps.
pub async fn list(store: &Store, owner: &str, page: &Page) -> Result<PageOf<Sweep>, StoreError> {
    let sql = match page.order {
        Order::Desc => {
            "SELECT * FROM sweeps WHERE owner = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3"
        }
        Order::Asc => {
            "SELECT * FROM sweeps WHERE owner = ?1 AND (?2 IS NULL OR id > ?2) ORDER BY id ASC LIMIT ?3"
        }
    };
    let rows: Vec<Sweep> = sqlx::query_as(sql)
        .bind(owner)
        .bind(page.after.as_deref())
        .bind(i64::from(page.limit) + 1)
        .fetch_all(store.readers())
        .await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// Writes back everything that can change, if the row still has the status and version that were read. `false`: it has not.
pub async fn save(tx: &mut Tx, row: &Sweep, was: Status, version: i64) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE sweeps SET name = ?4, status = ?5, reason_code = ?6, reason_message = ?7, max_runs = ?8, max_minutes = ?9, parallel = ?10,
            metadata = ?11, version = ?12, spent_ms = ?13, active_since_ms = ?14, finished_at_ms = ?15
         WHERE id = ?1 AND status = ?2 AND version = ?3",
    )
    .bind(row.id)
    .bind(was)
    .bind(version)
    .bind(&row.name)
    .bind(row.status)
    .bind(&row.reason_code)
    .bind(&row.reason_message)
    .bind(row.max_runs)
    .bind(row.max_minutes)
    .bind(row.parallel)
    .bind(&row.metadata)
    .bind(row.version)
    .bind(row.spent_ms)
    .bind(row.active_since_ms)
    .bind(row.finished_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a sweep and its trials. Its runs stay, and belong to none.
pub async fn delete(tx: &mut Tx, id: SweepId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM sweeps WHERE id = ?")
        .bind(id)
        .execute(tx.connection())
        .await?;
    Ok(())
}
