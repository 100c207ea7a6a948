//! `/v1/sweeps`: searches over the settings of a spec. What they look like stands in `wire.rs`.

mod wire;

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

pub use wire::{Sweep, SweepResult};

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Kind, Result, Violation};
use super::etag;
use super::idempotency::{self, Once, Stored};
use super::input::{self, Json, Path, Query, check_labels, check_name};
use super::object::Object;
use super::page::{Order, Page, Window, is_number};
use super::patience;
use crate::ids::SweepId;
use crate::store;
use crate::store::sweeps as rows;
use crate::sweeps::{Budget, Change, Domain, Objective, Stopped, Strategy, Wanted};

/// Seeds that JSON readers agree on.
const MAX_SEED: u64 = (1 << 53) - 1;
/// Longest name: the children's numbers are put behind it.
const MAX_NAME: usize = 180;

/// A search over the settings of a spec.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSweep {
    /// For people. Default: the name in the spec, or `sweep`.
    #[schema(min_length = 1, max_length = 180)]
    name: Option<String>,
    /// The spec of the children, before any value is set.
    #[schema(inline, value_type = super::openapi::SpecReference)]
    spec: Value,
    /// JSON Pointer into the spec -> what may stand there; 1 to 32 of them, none for `seeds`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Domain>)]
    space: BTreeMap<String, Object<Domain>>,
    /// How values are chosen.
    #[schema(value_type = Strategy)]
    strategy: Object<Strategy>,
    /// How much it may use.
    #[serde(default)]
    #[schema(value_type = Budget)]
    budget: Object<Budget>,
    /// What it is after. Default: the smallest validation loss, the largest recall of an embedding.
    #[schema(value_type = Option<Objective>)]
    objective: Option<Object<Objective>>,
    /// Everything random in the proposals follows from it: the same sweep proposes the same children.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991u64)]
    seed: u64,
    /// Anything you want to find the sweep by.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// Begin a sweep
///
/// Its children are ordinary runs, proposed one after the other as the budget allows. A space whose ends or values cannot be trained is
/// refused now, with a pointer to each; what only a combination breaks is refused when it is proposed, and the sweep goes on.
#[utoipa::path(post, path = "", operation_id = "sweeps_create", tag = "sweeps", request_body = NewSweep,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely: the answer of the first is given again", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The sweep is at work", body = Sweep, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "A request with this Idempotency-Key is still being worked on"),
        (status = 507, description = "Too little free space")))]
pub async fn create(
    State(api): State<Api>,
    caller: Bearer,
    request: Request,
) -> Result<Response<Body>> {
    let limit_bytes = api.app.config.bodies.spec_bytes;
    let (parts, bytes) = input::read_json(request, limit_bytes).await?;
    let wanted = wanted(input::json(&bytes)?)?;
    let once = api.running.begin(&caller.owner, &parts.headers)?;
    let fingerprint = idempotency::fingerprint(&parts.method, &parts.uri, &bytes);
    if let Some(once) = &once
        && let Some(answer) = once.replay(&api.app.store, &fingerprint).await?
    {
        return Ok(answer);
    }
    let remember = once
        .as_ref()
        .map(|once: &Once| once.remember(fingerprint, stored));
    let row = api
        .app
        .sweeps
        .create(&caller.owner, wanted, remember)
        .await?;
    idempotency::answer(stored(&row))
}

/// The document, checked as far as it is about itself.
fn wanted(new: NewSweep) -> Result<Wanted> {
    let named = new.spec.get("name").and_then(Value::as_str);
    let name = match (new.name, named) {
        (Some(name), _) => {
            name_fits(&name)?;
            name
        }
        // Whether it can be one is found out with the rest of the spec.
        (None, Some(named)) => named.chars().take(MAX_NAME).collect(),
        (None, None) => "sweep".to_owned(),
    };
    check_labels(&new.metadata)?;
    if new.seed > MAX_SEED {
        return Err(invalid(
            "/seed",
            format!("seed is {}; it must be 0 to {MAX_SEED}", new.seed),
        ));
    }
    Ok(Wanted {
        name,
        objective: match new.objective {
            Some(Object(objective)) => objective,
            None => Objective::usual(&new.spec),
        },
        spec: new.spec,
        space: (new.space.into_iter())
            .map(|(pointer, Object(domain))| (pointer, domain))
            .collect(),
        strategy: new.strategy.0,
        budget: new.budget.0,
        seed: new.seed,
        metadata: store::Json::of(&new.metadata)?,
    })
}

fn name_fits(name: &str) -> Result<()> {
    check_name("/name", name)?;
    if name.chars().count() > MAX_NAME {
        let message = format!("a sweep's name has at most {MAX_NAME} characters");
        return Err(invalid("/name", message));
    }
    Ok(())
}

fn invalid(pointer: &str, message: String) -> Error {
    let violation = Violation {
        pointer: Some(pointer.to_owned()),
        code: "invalid".into(),
        message: message.clone(),
        ..Violation::default()
    };
    Error::new(Kind::Unprocessable, "invalid_body", message).with(vec![violation])
}

/// The answer to a new sweep; the same bytes whether it is the first or a repetition.
fn stored(row: &rows::Sweep) -> Stored {
    let location = Some(format!("/v1/sweeps/{}", row.id));
    // A row that this process made always renders.
    let body = serde_json::to_vec(&Sweep::begun(row)).unwrap_or_default();
    (StatusCode::CREATED, location, body)
}

/// Which sweeps a list shows.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    limit: Option<u32>,
    after: Option<String>,
    order: Option<Order>,
}

/// The caller's sweeps
#[utoipa::path(get, path = "", operation_id = "sweeps_list", tag = "sweeps",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Items on a page, default 20"),
        ("after" = Option<String>, Query, format = Uuid, description = "`last_id` of the page before"),
        ("order" = Option<Order>, Query, description = "By time of creation, default newest first")),
    responses((status = 200, description = "A page", body = Page<Sweep>, headers(("Link" = Option<String>, description = "`rel=\"next\"` when more follow.")))))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Query(query): Query<ListQuery>,
    uri: Uri,
) -> Result<Response<Body>> {
    let window = Window::of::<SweepId>(query.limit, query.after, query.order)?.for_store();
    let page = api.app.sweeps.list(&caller.owner, &window).await?;
    let mut data = Vec::with_capacity(page.rows.len());
    for row in &page.rows {
        data.push(Sweep::of(row, api.app.sweeps.summary(row).await?));
    }
    Ok(Page::of(data, page.has_more, |sweep: &Sweep| sweep.id.clone()).answer(&uri))
}

/// How long to wait.
#[derive(Debug, Deserialize)]
pub struct ShowQuery {
    wait_s: Option<u64>,
}

/// One sweep: how far it is, its best child, and what matters
///
/// With `?wait_s` the answer comes as soon as the sweep is over, or after that time as it stands then.
#[utoipa::path(get, path = "", operation_id = "sweeps_show", tag = "sweeps",
    params(("id" = String, Path, format = Uuid, description = "Id of the sweep"),
        ("wait_s" = Option<u64>, Query, minimum = 0, maximum = 60, description = "Wait at most this long for the sweep to be over")),
    responses((status = 200, description = "The sweep", body = Sweep, headers(("ETag" = String, description = "For PATCH and DELETE.")))))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(query): Query<ShowQuery>,
) -> Result<Response<Body>> {
    let id = id_of(&id)?;
    let patience = patience::asked(query.wait_s)?;
    let sweeps = &api.app.sweeps;
    let row = patience::within(
        &api,
        patience,
        |patience| sweeps.wait(&caller.owner, id, patience),
        sweeps.show(&caller.owner, id),
    )
    .await?;
    tagged(&api, &row, StatusCode::OK).await
}

/// What can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepChange {
    /// New name.
    #[schema(min_length = 1, max_length = 180)]
    name: Option<String>,
    /// New labels, all of them.
    metadata: Option<BTreeMap<String, String>>,
    /// New budget; what it leaves out stays. A larger one lets a completed sweep go on.
    #[schema(value_type = Option<Budget>)]
    budget: Option<Object<Budget>>,
}

/// Change name, labels or budget
#[utoipa::path(patch, path = "", operation_id = "sweeps_change", tag = "sweeps", request_body = SweepChange,
    params(("id" = String, Path, format = Uuid, description = "Id of the sweep"),
        ("If-Match" = Option<String>, Header, description = "Change only this state; progress of the sweep does not count as a change")),
    responses((status = 200, description = "The sweep after the change", body = Sweep, headers(("ETag" = String, description = "For the next change."))),
        (status = 409, description = "It was stopped or failed, so it has no use for a budget"), (status = 412, description = "It was changed in the meantime")))]
pub async fn change(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(change): Json<SweepChange>,
) -> Result<Response<Body>> {
    let id = id_of(&id)?;
    if let Some(name) = &change.name {
        name_fits(name)?;
    }
    if let Some(labels) = &change.metadata {
        check_labels(labels)?;
    }
    let version = version_of(&api, &caller, id, &headers).await?;
    let changes = Change {
        name: change.name,
        metadata: change.metadata.as_ref().map(store::Json::of).transpose()?,
        budget: change.budget.unwrap_or_default().0,
    };
    let row = api
        .app
        .sweeps
        .change(&caller.owner, id, version, changes)
        .await?;
    tagged(&api, &row, StatusCode::OK).await
}

/// Whether children that are at work end too.
#[derive(Debug, Deserialize)]
pub struct StopQuery {
    cancel: Option<bool>,
}

/// Stop a sweep; every result stays
///
/// No further child is proposed, and those that wait are cancelled (`sweep_stopped`). Those at work go on to their end, unless `?cancel=true`
/// ends them too.
#[utoipa::path(post, path = "", operation_id = "sweeps_stop", tag = "sweeps",
    params(("id" = String, Path, format = Uuid, description = "Id of the sweep"),
        ("cancel" = Option<bool>, Query, description = "End the children at work too; default false")),
    responses((status = 202, description = "It is being stopped", body = Sweep), (status = 200, description = "It was stopped before", body = Sweep),
        (status = 409, description = "It is over")))]
pub async fn stop(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(query): Query<StopQuery>,
) -> Result<Response<Body>> {
    let cancel = query.cancel.unwrap_or(false);
    let stopped = api
        .app
        .sweeps
        .stop(&caller.owner, id_of(&id)?, cancel)
        .await?;
    match stopped {
        Stopped::Accepted(row) => tagged(&api, &row, StatusCode::ACCEPTED).await,
        Stopped::Repeated(row) => tagged(&api, &row, StatusCode::OK).await,
    }
}

/// Whether the children go too.
#[derive(Debug, Deserialize)]
pub struct DeleteQuery {
    runs: Option<bool>,
}

/// Delete a sweep that is over
///
/// Its runs stay and belong to no sweep any more; with `?runs=true` they go too. Models stay.
#[utoipa::path(delete, path = "", operation_id = "sweeps_delete", tag = "sweeps",
    params(("id" = String, Path, format = Uuid, description = "Id of the sweep"),
        ("runs" = Option<bool>, Query, description = "Delete its runs too; default false"),
        ("If-Match" = Option<String>, Header, description = "Delete only this state")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "It is not over"),
        (status = 412, description = "It was changed in the meantime")))]
pub async fn delete(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(query): Query<DeleteQuery>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let id = id_of(&id)?;
    let version = version_of(&api, &caller, id, &headers).await?;
    let with_runs = query.runs.unwrap_or(false);
    api.app
        .sweeps
        .delete(&caller.owner, id, version, with_runs)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The children of a sweep with their values and objectives
#[utoipa::path(get, path = "", operation_id = "sweeps_results", tag = "sweeps",
    params(("id" = String, Path, format = Uuid, description = "Id of the sweep"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Items on a page, default 20"),
        ("after" = Option<String>, Query, pattern = "^[0-9]{1,18}$", description = "`last_id` of the page before: the number of a child"),
        ("order" = Option<Order>, Query, description = "By the order they were proposed in, default newest first")),
    responses((status = 200, description = "A page", body = Page<SweepResult>, headers(("Link" = Option<String>, description = "`rel=\"next\"` when more follow.")))))]
pub async fn results(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(query): Query<ListQuery>,
    uri: Uri,
) -> Result<Response<Body>> {
    let window = Window::new(query.limit, query.after, query.order)?.behind(is_number)?;
    let page = api
        .app
        .sweeps
        .results(&caller.owner, id_of(&id)?, &window.for_store())
        .await?;
    let data: Vec<SweepResult> = page.rows.into_iter().map(Into::into).collect();
    Ok(Page::of(data, page.has_more, |row: &SweepResult| {
        row.number.to_string()
    })
    .answer(&uri))
}

/// What cannot be an id is not there.
fn id_of(id: &str) -> Result<SweepId> {
    id.parse().map_err(|_| Error::not_found("sweep", id))
}

/// The version that `If-Match` asks for, if there is one.
async fn version_of(
    api: &Api,
    caller: &Bearer,
    id: SweepId,
    headers: &HeaderMap,
) -> Result<Option<i64>> {
    let row = api.app.sweeps.show(&caller.owner, id).await?;
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    etag::require_match(headers, &tag(&row))?;
    Ok(Some(row.version))
}

async fn tagged(api: &Api, row: &rows::Sweep, status: StatusCode) -> Result<Response<Body>> {
    let shown = Sweep::of(row, api.app.sweeps.summary(row).await?);
    let tag = [(header::ETAG, etag::value(&tag(row)))];
    Ok((status, tag, axum::Json(shown)).into_response())
}

fn tag(row: &rows::Sweep) -> String {
    etag::tag(format_args!("{}", row.version))
}
