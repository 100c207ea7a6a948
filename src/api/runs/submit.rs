//! Runs that begin: a new spec, or one that comes from an earlier run.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use descent_engine::spec::{Spec, Violation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::wire::{Plan, Run};
use super::{id_of, view};
use crate::api::Api;
use crate::api::auth::Bearer;
use crate::api::error::{self, Error, Kind, Result};
use crate::api::idempotency::{self, Once, Stored};
use crate::api::input::{self, Path, Query};
use crate::runs::message::Submission;
use crate::runs::{ForkFrom, RunsError};
use crate::store::idempotency::Remember;
use crate::store::runs as rows;

/// Whether the run is only planned.
#[derive(Debug, Deserialize)]
pub struct SubmitQuery {
    dry_run: Option<bool>,
}

/// Submit a run
///
/// It exists as `queued` when the answer comes, and is worked off even when the server is killed right after. Everything
/// that is wrong with the spec is said at once. With `?dry_run=true` nothing is queued and the answer is the plan.
#[utoipa::path(post, path = "", operation_id = "runs_submit", tag = "runs",
    params(("dry_run" = Option<bool>, Query, description = "Only say what it would become"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely: the answer of the first is given again", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body(content = ref("#/components/schemas/Spec"), description = "What is to be trained", content_type = "application/json"),
    responses((status = 200, description = "The plan (`dry_run`)", body = Plan),
        (status = 201, description = "The run is queued", body = Run, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "A request with this Idempotency-Key is still being worked on"),
        (status = 507, description = "Too little free space")))]
pub async fn submit(
    State(api): State<Api>,
    caller: Bearer,
    Query(query): Query<SubmitQuery>,
    request: Request,
) -> Result<Response<Body>> {
    let limit_bytes = api.app.config.bodies.spec_bytes;
    let (parts, bytes) = input::read_json(request, limit_bytes).await?;
    let spec = Spec::from_value(input::document(&bytes)?)?;
    if query.dry_run == Some(true) {
        let plan = api.app.runs.plan(&caller.owner, &spec).await?;
        return Ok(axum::Json(Plan::of(&plan)?).into_response());
    }
    create(&api, &caller, &parts, &bytes, async |remember| {
        // The plan is made for its checks: a spec that cannot fit its data is refused now, not when a worker meets it.
        api.app.runs.plan(&caller.owner, &spec).await?;
        api.app
            .runs
            .submit(Submission {
                owner: caller.owner.clone(),
                spec,
                remember,
            })
            .await
    })
    .await
}

/// Run it once more
///
/// The same spec on the same bytes, as a new run. What diverged is never retried unchanged: fork it.
#[utoipa::path(post, path = "", operation_id = "runs_retry", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The new run", body = Run, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "It is not over, or it diverged"), (status = 507, description = "Too little free space")))]
pub async fn retry(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response<Body>> {
    let id = id_of(&id)?;
    create(&api, &caller, &parts, b"", async |remember| {
        api.app.runs.retry(&caller.owner, id, remember).await
    })
    .await
}

/// Train it again and compare the weights
///
/// The new run says in its log whether its weights have the same SHA-256 as the parent's.
#[utoipa::path(post, path = "", operation_id = "runs_reproduce", tag = "runs",
    params(("id" = String, Path, format = Uuid, description = "Id of the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The new run", body = Run, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "It has no model to compare with"), (status = 507, description = "Too little free space")))]
pub async fn reproduce(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Response<Body>> {
    let id = id_of(&id)?;
    create(&api, &caller, &parts, b"", async |remember| {
        api.app.runs.reproduce(&caller.owner, id, remember).await
    })
    .await
}

/// From where a fork starts.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForkPoint {
    /// The newest checkpoint.
    Latest,
    /// The best checkpoint by the watched metric.
    Best,
    /// Fresh weights.
    Scratch,
}

/// How a fork differs from its parent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fork {
    /// Where the weights come from: by default the newest checkpoint, of a run that diverged fresh weights.
    #[schema(nullable = false)]
    checkpoint: Option<ForkPoint>,
    /// Where the weights come from, by steps done; wins over `checkpoint`.
    #[schema(minimum = 0, nullable = false)]
    step: Option<i64>,
    /// Changes to the parent's spec (JSON Merge Patch, RFC 7396): the remedy of a diagnosis can be sent as it is.
    #[schema(value_type = Object)]
    spec_patch: serde_json::Map<String, Value>,
}

/// Start a new run from this one's weights
///
/// With changes to the spec if wanted: the way on after a divergence or a diagnosis. Weights fit the same layers only; with others it starts from `scratch`.
/// With weights it keeps the rows that its parent was tested on, also with another seed (`task.split.seed` then says the parent's); only a patch
/// of `task.split`, or of the task's kind or target, may draw others, and test on rows that the weights know.
#[utoipa::path(post, path = "", operation_id = "runs_fork", tag = "runs", request_body = Fork,
    params(("id" = String, Path, format = Uuid, description = "Id of the run"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The new run", body = Run, headers(("Location" = String, description = "Where it is."))),
        (status = 409, description = "A request with this Idempotency-Key is still being worked on"), (status = 507, description = "Too little free space")))]
pub async fn fork(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response<Body>> {
    let id = id_of(&id)?;
    let limit_bytes = api.app.config.bodies.spec_bytes;
    let (parts, bytes) = input::read_json(request, limit_bytes).await?;
    let fork: Fork = input::json(&bytes)?;
    let parent = api.app.runs.show(&caller.owner, id).await?;
    let spec = match fork.spec_patch {
        patch if patch.is_empty() => None,
        patch => Some(patched(&parent, patch)?),
    };
    let from = match (fork.step, fork.checkpoint) {
        (Some(step), _) => Some(ForkFrom::Step(step)),
        (None, None) => None,
        (None, Some(ForkPoint::Latest)) => Some(ForkFrom::Latest),
        (None, Some(ForkPoint::Best)) => Some(ForkFrom::Best),
        (None, Some(ForkPoint::Scratch)) => Some(ForkFrom::Scratch),
    };
    create(&api, &caller, &parts, &bytes, async |remember| {
        api.app
            .runs
            .fork(&caller.owner, id, from, spec, remember)
            .await
    })
    .await
}

/// The parent's spec with changes; the pointers of violations point into the changed spec.
fn patched(parent: &rows::Run, patch: serde_json::Map<String, Value>) -> Result<Spec> {
    let mut spec: Value = parent.spec.parse()?;
    let own = [
        spec["dataset"].clone(),
        parent.dataset_id.to_string().into(),
    ];
    if let Some(other) = patch.get("dataset")
        && !own.contains(other)
    {
        let message = "a fork trains on the dataset of its parent; submit a run for another one";
        let violation = Violation::new("/dataset", "contradiction", message).got(other.clone());
        return Err(vec![violation].into());
    }
    let patch = Value::Object(patch);
    merge(&mut spec, patch.clone());
    // A name in the parent's spec may mean a newer dataset by now; its id does not.
    spec["dataset"] = parent.dataset_id.to_string().into();
    Ok(Spec::from_patched(spec, &patch)?)
}

/// JSON Merge Patch (RFC 7396): objects are merged, `null` removes, everything else replaces.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(&key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// One run comes to be, once per Idempotency-Key.
async fn create(
    api: &Api,
    caller: &Bearer,
    parts: &Parts,
    body: &[u8],
    effect: impl AsyncFnOnce(Option<Remember<rows::Run>>) -> std::result::Result<rows::Run, RunsError>,
) -> Result<Response<Body>> {
    let once = api.running.begin(&caller.owner, &parts.headers)?;
    let fingerprint = idempotency::fingerprint(&parts.method, &parts.uri, body);
    if let Some(once) = &once
        && let Some(answer) = once.replay(&api.app.store, &fingerprint).await?
    {
        return Ok(answer);
    }
    let remember = once
        .as_ref()
        .map(|once: &Once| once.remember(fingerprint, stored));
    let run = effect(remember).await?;
    idempotency::answer(stored(&run))
}

/// The answer to a submission; the same bytes whether it is the first or a repetition.
fn stored(run: &rows::Run) -> Stored {
    let location = Some(format!("/v1/runs/{}", run.id));
    match view(run, &[], run.created_at_ms).map(|run| serde_json::to_vec(&run)) {
        Ok(Ok(body)) => (StatusCode::CREATED, location, body),
        // Rows made by this process always render; were it otherwise, the run would still exist, and Location says where.
        _ => (StatusCode::CREATED, location, b"{}".to_vec()),
    }
}

/// 404 for what cannot be an id.
pub(super) fn absent(id: &str) -> Error {
    Error::not_found("run", id)
}

/// A violation of a field of a PATCH.
pub(super) fn violation(pointer: &str, message: String) -> Error {
    let violation = error::Violation {
        pointer: Some(pointer.to_owned()),
        code: "invalid".into(),
        message: message.clone(),
        ..error::Violation::default()
    };
    Error::new(Kind::Unprocessable, "invalid_body", message).with(vec![violation])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_merges_removes_and_replaces() {
        let mut spec = json!({ "optimizer": { "kind": "sgd", "learning_rate": 0.5 }, "loss": { "kind": "mse" }, "network": [1, 2] });
        merge(
            &mut spec,
            json!({ "optimizer": { "learning_rate": 0.05 }, "loss": null, "network": [3] }),
        );
        assert_eq!(
            spec,
            json!({ "optimizer": { "kind": "sgd", "learning_rate": 0.05 }, "network": [3] })
        );
    }
}
