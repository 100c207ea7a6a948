//! The children of sweeps, in the order they were proposed. The columns are explained in `migrations/0013_sweeps.sql`.

use super::codec::{Json, as_text};
use super::runs::{Run, Status};
use super::{Order, Page, PageOf, Store, StoreError, Tx};
use crate::ids::{RunId, SweepId};

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Its run left a model.
    Succeeded,
    /// Its run failed.
    Failed,
    /// Its run was cancelled.
    Cancelled,
    /// It was never queued: its spec does not fit.
    Refused,
    /// Its run was deleted before anybody looked at how it ended.
    Deleted,
}

impl End {
    /// Every end.
    pub const ALL: [Self; 5] = [
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Refused,
        Self::Deleted,
    ];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Deleted => "deleted",
        }
    }
}

as_text!(End, |end| end.as_str().to_owned(), |text| {
    End::ALL
        .into_iter()
        .find(|end| end.as_str() == text)
        .ok_or_else(|| format!("unknown end of a trial {text:?}").into())
});

/// One child of a sweep.
#[derive(Debug, Clone, sqlx::FromRow)]
#[allow(missing_docs)] // the migration says why each column is there
pub struct Trial {
    pub sweep_id: SweepId,
    pub number: i64,
    pub run_id: Option<RunId>,
    pub parameters: Json,
    pub status: Option<End>,
    pub message: Option<String>,
    pub value: Option<f64>,
    pub epoch: Option<i64>,
    pub stopped_early: bool,
    pub rung_values: Json,
    pub steps: i64,
}

/// A trial and where its run is, for a page of results.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Seen {
    /// The trial.
    #[sqlx(flatten)]
    pub trial: Trial,
    /// Status of its run; `None` without a run.
    pub run_status: Option<Status>,
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct Counts {
    /// Trials proposed.
    pub submitted: i64,
    /// Of them over.
    pub finished: i64,
    /// Of the others, those whose run holds a worker.
    pub running: i64,
}

/// Adds a trial.
pub async fn insert(tx: &mut Tx, row: &Trial) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO trials (sweep_id, number, run_id, parameters, status, message) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(row.sweep_id)
    .bind(row.number)
    .bind(row.run_id)
    .bind(&row.parameters)
    .bind(row.status)
    .bind(&row.message)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes down how a trial ended; what was written once stays.
pub async fn settle(tx: &mut Tx, row: &Trial) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE trials SET status = ?3, message = ?4, value = ?5, epoch = ?6, stopped_early = ?7, rung_values = ?8, steps = ?9
         WHERE sweep_id = ?1 AND number = ?2 AND status IS NULL",
    )
    .bind(row.sweep_id)
    .bind(row.number)
    .bind(row.status)
    .bind(&row.message)
    .bind(row.value)
    .bind(row.epoch)
    .bind(row.stopped_early)
    .bind(&row.rung_values)
    .bind(row.steps)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// All trials of a sweep, in their order.
pub async fn all(store: &Store, sweep: SweepId) -> Result<Vec<Trial>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM trials WHERE sweep_id = ? ORDER BY number")
            .bind(sweep)
            .fetch_all(store.readers())
            .await?,
    )
}

/// Trials proposed so far, as this transaction sees it.
pub async fn count(tx: &mut Tx, sweep: SweepId) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT COUNT(*) FROM trials WHERE sweep_id = ?")
            .bind(sweep)
            .fetch_one(tx.connection())
            .await?,
    )
}

/// The open trials whose run is over, with that run; the second list holds the numbers of those whose run is gone.
pub async fn over(
    store: &Store,
    sweep: SweepId,
) -> Result<(Vec<(i64, Run)>, Vec<i64>), StoreError> {
    #[derive(sqlx::FromRow)]
    struct Ended {
        number: i64,
        #[sqlx(flatten)]
        run: Run,
    }
    let ended: Vec<Ended> = sqlx::query_as(
        "SELECT trials.number, runs.* FROM trials INDEXED BY trials_open JOIN runs ON runs.id = trials.run_id
         WHERE trials.sweep_id = ? AND trials.status IS NULL AND runs.status IN ('succeeded', 'failed', 'cancelled') ORDER BY trials.number",
    )
    .bind(sweep)
    .fetch_all(store.readers())
    .await?;
    let gone = sqlx::query_scalar(
        "SELECT number FROM trials WHERE sweep_id = ? AND status IS NULL AND run_id IS NULL ORDER BY number",
    )
    .bind(sweep)
    .fetch_all(store.readers())
    .await?;
    Ok((
        ended.into_iter().map(|one| (one.number, one.run)).collect(),
        gone,
    ))
}

/// Trials of a sweep that are not over.
pub async fn n_open(store: &Store, sweep: SweepId) -> Result<i64, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT COUNT(*) FROM trials WHERE sweep_id = ? AND status IS NULL")
            .bind(sweep)
            .fetch_one(store.readers())
            .await?,
    )
}

/// Runs of a sweep that still wait (queued or paused), as this transaction sees them; with `at_work` those that a worker holds too.
pub async fn open_runs(
    tx: &mut Tx,
    sweep: SweepId,
    at_work: bool,
) -> Result<Vec<RunId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT runs.id FROM trials JOIN runs ON runs.id = trials.run_id
         WHERE trials.sweep_id = ?1 AND trials.status IS NULL AND (runs.status IN ('queued', 'paused')
            OR (?2 AND runs.status NOT IN ('succeeded', 'failed', 'cancelled'))) ORDER BY trials.number",
    )
    .bind(sweep)
    .bind(at_work)
    .fetch_all(tx.connection())
    .await?)
}

/// Every run of a sweep that is on record.
pub async fn runs_of(tx: &mut Tx, sweep: SweepId) -> Result<Vec<RunId>, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT run_id FROM trials WHERE sweep_id = ? AND run_id IS NOT NULL ORDER BY number",
    )
    .bind(sweep)
    .fetch_all(tx.connection())
    .await?)
}

/// How far a sweep is.
pub async fn counts(store: &Store, sweep: SweepId) -> Result<Counts, StoreError> {
    Ok(sqlx::query_as(
        "SELECT COUNT(*) AS submitted, COUNT(trials.status) AS finished, COUNT(*) FILTER (WHERE trials.status IS NULL
            AND runs.status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling')) AS running
         FROM trials LEFT JOIN runs ON runs.id = trials.run_id WHERE trials.sweep_id = ?",
    )
    .bind(sweep)
    .fetch_one(store.readers())
    .await?)
}

/// A page of trials by their number, which is the cursor.
pub async fn page(store: &Store, sweep: SweepId, page: &Page) -> Result<PageOf<Seen>, StoreError> {
    let sql = match page.order {
        Order::Desc => {
            "SELECT trials.*, runs.status AS run_status FROM trials LEFT JOIN runs ON runs.id = trials.run_id
             WHERE trials.sweep_id = ?1 AND (?2 IS NULL OR number < CAST(?2 AS INTEGER)) ORDER BY number DESC LIMIT ?3"
        }
        Order::Asc => {
            "SELECT trials.*, runs.status AS run_status FROM trials LEFT JOIN runs ON runs.id = trials.run_id
             WHERE trials.sweep_id = ?1 AND (?2 IS NULL OR number > CAST(?2 AS INTEGER)) ORDER BY number ASC LIMIT ?3"
        }
    };
    let rows: Vec<Seen> = sqlx::query_as(sql)
        .bind(sweep)
        .bind(page.after.as_deref())
        .bind(i64::from(page.limit) + 1)
        .fetch_all(store.readers())
        .await?;
    Ok(PageOf::cut(rows, page.limit))
}
