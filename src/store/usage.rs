//! How much an owner holds, for quotas and `GET /v1/usage`.

use super::{Store, StoreError};

/// What one owner holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Usage {
    /// Bytes of all datasets, counted per dataset even where two share a blob.
    pub dataset_bytes: i64,
    /// Datasets.
    pub n_datasets: i64,
    /// Runs waiting.
    pub n_queued: i64,
    /// Runs that hold a worker.
    pub n_active: i64,
    /// Runs in all.
    pub n_runs: i64,
    /// Model versions.
    pub n_models: i64,
}

/// Counts for `owner`.
pub async fn of(store: &Store, owner: &str) -> Result<Usage, StoreError> {
    Ok(sqlx::query_as(
        "SELECT (SELECT COALESCE(SUM(size_bytes), 0) FROM datasets WHERE owner = ?1) AS dataset_bytes,
                (SELECT COUNT(*) FROM datasets WHERE owner = ?1) AS n_datasets,
                (SELECT COUNT(*) FROM runs WHERE owner = ?1 AND status = 'queued') AS n_queued,
                (SELECT COUNT(*) FROM runs WHERE owner = ?1
                    AND status IN ('preparing', 'running', 'finalizing', 'pausing', 'cancelling')) AS n_active,
                (SELECT COUNT(*) FROM runs WHERE owner = ?1) AS n_runs,
                (SELECT COUNT(*) FROM models WHERE owner = ?1) AS n_models",
    )
    .bind(owner)
    .fetch_one(store.readers())
    .await?)
}

/// Runs per status over all owners, for `/metrics`.
pub async fn runs_by_status(store: &Store) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(
        sqlx::query_as("SELECT status, COUNT(*) FROM runs GROUP BY status")
            .fetch_all(store.readers())
            .await?,
    )
}
