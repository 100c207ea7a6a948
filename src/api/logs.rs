//! `/v1/runs/{id}/logs`: what a run said in words, such as columns it left out and why.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Bearer;
use super::error::Result;
use super::input::{Path, Query};
use super::page::{Page, Window};
use super::time::rfc3339;
use crate::ids::RunId;
use crate::store::events;

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogLine {
    /// Always `log`.
    #[schema(pattern = "^log$")]
    pub object: &'static str,
    /// Number of its event within the run.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// When it was recorded.
    #[schema(format = DateTime)]
    pub ts: String,
    /// Training step it belongs to, where there is one.
    pub step: Option<i64>,
    /// The message, and what belongs to it.
    #[serde(flatten)]
    pub body: serde_json::Map<String, Value>,
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogsQuery {
    /// Lines on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Only lines behind this sequence number.
    #[param(minimum = 0)]
    after: Option<u64>,
}

/// Lines of a run, oldest first
#[utoipa::path(get, path = "", operation_id = "runs_logs", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid), LogsQuery),
    responses((status = 200, description = "A page of lines", body = Page<LogLine>)))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    uri: Uri,
    Path(id): Path<RunId>,
    Query(query): Query<LogsQuery>,
) -> Result<Response> {
    let limit = Window::new(query.limit, None, None)?.limit;
    let after = i64::try_from(query.after.unwrap_or(0)).unwrap_or(i64::MAX);
    let run = api.app.runs.show(&caller.owner, id).await?;
    let rows = events::page(
        &api.app.store,
        run.id,
        after,
        Some(events::Kind::Log),
        limit + 1,
    )
    .await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let (seq, ts, step) = (row.seq, rfc3339(row.ts_ms), row.step);
        lines.push(LogLine {
            object: "log",
            seq,
            ts,
            step,
            body: row.body.parse()?,
        });
    }
    Ok(Page::new(lines, limit, |line| line.seq.to_string()).answer(&uri))
}
