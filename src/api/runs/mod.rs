//! `/v1/runs`: trainings. How they begin stands in `submit.rs`, what they look like in `wire.rs`.

mod batch;
mod submit;
mod wire;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

pub use batch::*;
pub use submit::*;
pub use wire::{Plan, Run, Status};

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Result};
use super::etag;
use super::input::{Json, Path, Query, check_labels, check_name};
use super::page::{Order, Page, Window};
use super::patience;
use crate::ids::{DatasetId, RunId, SweepId};
use crate::runs::Acted;
use crate::store::checkpoints::{self, Checkpoint};
use crate::store::{self, datasets, runs as rows};

/// Priorities, as a spec may have them.
const PRIORITIES: std::ops::RangeInclusive<i64> = -1000..=1000;

/// Which runs a list shows.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    limit: Option<u32>,
    after: Option<String>,
    order: Option<Order>,
    status: Option<String>,
    family: Option<String>,
    dataset: Option<String>,
    sweep: Option<String>,
}

/// The caller's runs
#[utoipa::path(get, path = "", operation_id = "runs_list", tag = "runs",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Items on a page, default 20"),
        ("after" = Option<String>, Query, format = Uuid, description = "`last_id` of the page before"),
        ("order" = Option<Order>, Query, description = "By time of submission, default newest first"),
        ("status" = Option<Vec<Status>>, Query, style = Form, explode = false, min_items = 1, description = "In one of these states, separated by commas"),
        ("family" = Option<String>, Query, description = "Of this family"),
        ("dataset" = Option<String>, Query, description = "On this dataset, by id or name"),
        ("sweep" = Option<String>, Query, description = "Children of this sweep, by its id"),
        ("metadata" = Option<std::collections::HashMap<String, String>>, Query, style = DeepObject, explode = true, description = "With these labels: `metadata[key]=value`")),
    responses((status = 200, description = "A page", body = Page<Run>, headers(("Link" = Option<String>, description = "`rel=\"next\"` when more follow.")))))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Query(query): Query<ListQuery>,
    uri: Uri,
) -> Result<Response> {
    let window = Window::of::<RunId>(query.limit, query.after, query.order)?.for_store();
    let dataset = match &query.dataset {
        None => None,
        Some(wanted) => match datasets::named(&api.app.store, &caller.owner, wanted).await? {
            Some(found) => Some(found.id),
            // Nothing was trained on a dataset that is not there; the nil id is nobody's.
            None => Some(wanted.parse().unwrap_or(DatasetId(uuid::Uuid::nil()))),
        },
    };
    let filter = rows::Filter {
        statuses: statuses(query.status.as_deref())?,
        family: query.family,
        dataset,
        // What cannot be the id of a sweep has no children; the nil id is nobody's.
        sweep: query
            .sweep
            .map(|id| id.parse().unwrap_or(SweepId(uuid::Uuid::nil()))),
        metadata: labels(&uri)?,
    };
    let page = api.app.runs.list(&caller.owner, &filter, &window).await?;
    let mut data = Vec::with_capacity(page.rows.len());
    for row in &page.rows {
        data.push(shown(&api, row).await?);
    }
    Ok(Page::of(data, page.has_more, |run: &Run| run.id.clone()).answer(&uri))
}

/// How long to wait.
#[derive(Debug, Deserialize)]
pub struct ShowQuery {
    wait_s: Option<u64>,
}

/// One run
///
/// With `?wait_s` the answer comes as soon as the run is over, or after that time as it stands then.
#[utoipa::path(get, path = "", operation_id = "runs_show", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run"),
        ("wait_s" = Option<u64>, Query, minimum = 0, maximum = 60, description = "Wait at most this long for the run to be over")),
    responses((status = 200, description = "The run", body = Run, headers(("ETag" = String, description = "For PATCH."))),
        (status = 304, description = "It is as `If-None-Match` knows it")))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let id = id_of(&id)?;
    let patience = patience::asked(query.wait_s)?;
    let runs = &api.app.runs;
    let row = patience::within(
        &api,
        patience,
        |patience| runs.wait(&caller.owner, id, patience),
        runs.show(&caller.owner, id),
    )
    .await?;
    let tag = tag(&row);
    if etag::is_known(&headers, &tag) {
        return Ok((
            StatusCode::NOT_MODIFIED,
            [(header::ETAG, etag::value(&tag))],
        )
            .into_response());
    }
    tagged(&api, &row, StatusCode::OK).await
}

/// What can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunChange {
    /// New name.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// New labels, all of them.
    metadata: Option<BTreeMap<String, String>>,
    /// New priority; counts while the run is queued.
    #[schema(minimum = -1000, maximum = 1000)]
    priority: Option<i64>,
}

/// Change name, labels or priority
#[utoipa::path(patch, path = "", operation_id = "runs_change", tag = "runs", request_body = RunChange,
    params(("id" = String, Path, format = Uuid, description = "Id of the run"),
        ("If-Match" = Option<String>, Header, description = "Change only this state; progress of the training does not count as a change")),
    responses((status = 200, description = "The run after the change", body = Run, headers(("ETag" = String, description = "For the next change."))),
        (status = 412, description = "It was changed in the meantime")))]
pub async fn change(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(change): Json<RunChange>,
) -> Result<Response> {
    let id = id_of(&id)?;
    if let Some(name) = &change.name {
        check_name("/name", name)?;
    }
    if let Some(labels) = &change.metadata {
        check_labels(labels)?;
    }
    if let Some(priority) = change
        .priority
        .filter(|priority| !PRIORITIES.contains(priority))
    {
        return Err(violation(
            "/priority",
            format!("priority is {priority}; it must be -1000 to 1000"),
        ));
    }
    let row = api.app.runs.show(&caller.owner, id).await?;
    let mut version = None;
    if headers.contains_key(header::IF_MATCH) {
        etag::require_version(&headers, row.version, &tag(&row))?;
        version = Some(row.version);
    }
    let metadata = change.metadata.as_ref().map(store::Json::of).transpose()?;
    let changes = rows::Change {
        name: change.name,
        metadata,
        priority: change.priority,
    };
    let row = api
        .app
        .runs
        .change(&caller.owner, id, version, changes)
        .await?;
    tagged(&api, &row, StatusCode::OK).await
}

/// Delete a run
///
/// With its events, metrics and checkpoints; its model stays. Only a run that is over can go.
#[utoipa::path(delete, path = "", operation_id = "runs_delete", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "It is not over")))]
pub async fn delete(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    api.app
        .runs
        .delete(&caller.owner, id_of(&id)?, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Cancel a run
#[utoipa::path(post, path = "", operation_id = "runs_cancel", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses((status = 202, description = "It is being cancelled", body = Run), (status = 200, description = "It was cancelled before", body = Run),
        (status = 409, description = "It is over")))]
pub async fn cancel(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<Response> {
    acted(&api, api.app.runs.cancel(&caller.owner, id_of(&id)?).await?).await
}

/// Pause a run; it keeps its checkpoint
#[utoipa::path(post, path = "", operation_id = "runs_pause", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses((status = 202, description = "It is being paused", body = Run), (status = 200, description = "It was paused before", body = Run),
        (status = 409, description = "It is over, or about to be")))]
pub async fn pause(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<Response> {
    acted(&api, api.app.runs.pause(&caller.owner, id_of(&id)?).await?).await
}

/// Let a paused run go on, bit by bit as if it had never paused
#[utoipa::path(post, path = "", operation_id = "runs_resume", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run")),
    responses((status = 202, description = "It is queued again", body = Run), (status = 200, description = "It was resumed before", body = Run),
        (status = 409, description = "It is not paused")))]
pub async fn resume(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<Response> {
    acted(&api, api.app.runs.resume(&caller.owner, id_of(&id)?).await?).await
}

async fn acted(api: &Api, acted: Acted) -> Result<Response> {
    let status = if matches!(acted, Acted::Accepted(_)) {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    tagged(api, &acted.run(), status).await
}

/// What cannot be an id is not there.
pub(super) fn id_of(id: &str) -> Result<RunId> {
    id.parse().map_err(|_| absent(id))
}

async fn shown(api: &Api, row: &rows::Run) -> Result<Run> {
    // Before the first step there is nothing to keep.
    let kept = if row.step > 0 {
        checkpoints::list(&api.app.store, row.id).await?
    } else {
        Vec::new()
    };
    view(row, &kept, api.app.clock.now_ms())
}

fn view(row: &rows::Run, kept: &[Checkpoint], now_ms: i64) -> Result<Run> {
    Run::of(row, kept, now_ms)
}

async fn tagged(api: &Api, row: &rows::Run, status: StatusCode) -> Result<Response> {
    Ok((
        status,
        [(header::ETAG, etag::value(&tag(row)))],
        axum::Json(shown(api, row).await?),
    )
        .into_response())
}

/// Changes with every change by a user and with every event, so that a poller sees progress.
fn tag(row: &rows::Run) -> String {
    etag::tag(format_args!("{}.{}", row.version, row.last_seq))
}

/// `queued,running` as states.
fn statuses(text: Option<&str>) -> Result<Vec<rows::Status>> {
    let words = text.into_iter().flat_map(|text| text.split(','));
    words
        .map(|word| {
            let known = rows::Status::ALL
                .into_iter()
                .find(|status| status.as_str() == word);
            known.ok_or_else(|| {
                let all: Vec<&str> = rows::Status::ALL
                    .iter()
                    .map(|status| status.as_str())
                    .collect();
                Error::query(
                    "status",
                    format!("there is no status {word:?}; known are {}", all.join(", ")),
                )
            })
        })
        .collect()
}

/// `metadata[who]=me` as pairs.
fn labels(uri: &Uri) -> Result<Vec<(String, String)>> {
    let Query(pairs) = Query::<Vec<(String, String)>>::of(uri)?;
    let labels = pairs.into_iter().filter_map(|(name, value)| {
        let key = name
            .strip_prefix("metadata[")?
            .strip_suffix(']')?
            .to_owned();
        Some((key, value))
    });
    Ok(labels.collect())
}
