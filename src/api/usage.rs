//! `GET /v1/usage`: what the caller's owner holds, beside the quota of each.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Bearer;
use super::error::Result;
use crate::store;

/// What one owner holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Always `usage`.
    #[schema(pattern = "^usage$")]
    pub object: &'static str,
    /// Whose.
    pub owner: String,
    /// Bytes of all datasets.
    pub dataset_bytes: Share,
    /// Datasets.
    pub datasets: Share,
    /// Runs that wait for a worker.
    pub queued_runs: Share,
    /// Runs that hold a worker.
    pub running_runs: Share,
    /// Runs in all, those that are over included.
    #[schema(minimum = 0)]
    pub n_runs: i64,
    /// Model versions.
    #[schema(minimum = 0)]
    pub n_model_versions: i64,
}

/// A part of a quota.
#[derive(Debug, Serialize, ToSchema)]
pub struct Share {
    /// Held now.
    #[schema(minimum = 0)]
    pub used: i64,
    /// Allowed.
    #[schema(minimum = 0)]
    pub limit: u64,
}

/// What you hold, and what you may hold
#[utoipa::path(get, path = "", operation_id = "usage_show", tag = "server", responses((status = 200, description = "Counts and quotas of the token's owner", body = Usage)))]
pub async fn show(State(api): State<Api>, caller: Bearer) -> Result<axum::Json<Usage>> {
    let held = store::usage::of(&api.app.store, &caller.owner).await?;
    let quota = &api.app.config.quota;
    let share = |used, limit| Share { used, limit };
    Ok(axum::Json(Usage {
        object: "usage",
        owner: caller.owner.clone(),
        dataset_bytes: share(held.dataset_bytes, quota.owner_bytes),
        datasets: share(held.n_datasets, quota.owner_datasets),
        queued_runs: share(held.n_queued, quota.owner_queued_runs),
        running_runs: share(held.n_active, quota.owner_running_runs),
        n_runs: held.n_runs,
        n_model_versions: held.n_models,
    }))
}
