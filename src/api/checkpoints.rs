//! `/v1/runs/{id}/checkpoints`: the states a run can go on from or be forked from; the latest and the best are kept.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::auth::Bearer;
use super::error::Result;
use super::input::Path;
use super::page::Page;
use super::time::rfc3339;
use crate::ids::RunId;
use crate::store::checkpoints;

/// A complete state of a training.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checkpoint {
    /// Always `checkpoint`.
    #[schema(pattern = "^checkpoint$")]
    pub object: &'static str,
    /// Steps done; names the checkpoint within its run.
    pub step: i64,
    /// Epochs done.
    pub epoch: i64,
    /// SHA-256 of the state.
    pub sha256: String,
    /// Size of the state.
    pub size_bytes: i64,
    /// Whether its weights were the best so far by the watched metric.
    pub best: bool,
    /// When it was committed.
    #[schema(format = DateTime)]
    pub created_at: String,
}

impl From<checkpoints::Checkpoint> for Checkpoint {
    fn from(row: checkpoints::Checkpoint) -> Self {
        Self {
            object: "checkpoint",
            step: row.step,
            epoch: row.epoch,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            best: row.is_best,
            created_at: rfc3339(row.created_at_ms),
        }
    }
}

/// Kept checkpoints of a run, newest first
#[utoipa::path(get, path = "", operation_id = "runs_checkpoints", tag = "runs", params(("id" = String, Path, description = "Run id", format = Uuid)),
    responses((status = 200, description = "The checkpoints", body = Page<Checkpoint>)))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
) -> Result<Json<Page<Checkpoint>>> {
    let run = api.app.runs.show(&caller.owner, id).await?;
    let rows = checkpoints::list(&api.app.store, run.id).await?;
    let data: Vec<Checkpoint> = rows.into_iter().map(Checkpoint::from).collect();
    Ok(Json(Page::of(data, false, |checkpoint| {
        checkpoint.step.to_string()
    })))
}
