//! `/v1/runs/{id}/diagnoses`: what was noticed while a run trained, in plain words, with a remedy.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::auth::Bearer;
use super::error::Result;
use super::input::Path;
use super::page::Page;
use super::time::rfc3339;
use crate::ids::RunId;
use crate::store::events;

/// There are fewer rules than this, and each speaks at most once in a run.
const ALL: u32 = 100;

/// Something a run's owner should know.
#[derive(Debug, Serialize, ToSchema)]
pub struct Diagnosis {
    /// Always `diagnosis`.
    #[schema(pattern = "^diagnosis$")]
    pub object: &'static str,
    /// Number of its event within the run.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// When it was recorded.
    #[schema(format = DateTime)]
    pub ts: String,
    /// Steps done when it was noticed.
    pub step: Option<i64>,
    /// Stable name, such as `overfitting`.
    pub code: String,
    /// The numbers it rests on.
    pub evidence: Value,
    /// What they mean.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<Remedy>,
}

/// What to do about a diagnosis.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// The same as a JSON merge patch (RFC 7396) on the spec, ready for `/fork`; `null` where no change of the spec helps.
    pub spec_patch: Value,
}

#[derive(Deserialize)]
struct Body {
    code: String,
    #[serde(default)]
    evidence: Value,
    message: String,
    remedy: Option<Remedy>,
}

/// Diagnoses of a run, in the order they were made
#[utoipa::path(get, path = "", operation_id = "runs_diagnoses", tag = "runs", params(("id" = String, Path, description = "Run id", format = Uuid)),
    responses((status = 200, description = "The diagnoses", body = Page<Diagnosis>)))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
) -> Result<Json<Page<Diagnosis>>> {
    let run = api.app.runs.show(&caller.owner, id).await?;
    let rows = events::page(
        &api.app.store,
        run.id,
        0,
        Some(events::Kind::Diagnosis),
        ALL,
    )
    .await?;
    let mut data = Vec::with_capacity(rows.len());
    for row in rows {
        let Body {
            code,
            evidence,
            message,
            remedy,
        } = row.body.parse()?;
        let (seq, ts, step) = (row.seq, rfc3339(row.ts_ms), row.step);
        data.push(Diagnosis {
            object: "diagnosis",
            seq,
            ts,
            step,
            code,
            evidence,
            message,
            remedy,
        });
    }
    Ok(Json(Page::of(data, false, |diagnosis| {
        diagnosis.seq.to_string()
    })))
}
