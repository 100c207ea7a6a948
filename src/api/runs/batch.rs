//! `POST /v1/runs:batch`: many runs at once.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use descent_engine::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::view;
use super::wire::Run;
use crate::api::Api;
use crate::api::auth::Bearer;
use crate::api::error::{Error, Kind, Result, Violation};
use crate::api::idempotency::{self, Once, Stored};
use crate::api::input;
use crate::api::repeated::repeated;
use crate::runs::{self, MAX_BATCH, Mode, RunsError};
use crate::store::runs as rows;

/// What becomes of the others when a spec is refused.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchMode {
    /// Nothing is queued.
    #[default]
    AllOrNothing,
    /// Each spec is queued or refused by itself.
    PerItem,
}

/// Runs to be queued together.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunBatch {
    /// Their specs.
    #[schema(inline, value_type = Vec<crate::api::openapi::SpecReference>, min_items = 1, max_items = 1_000)]
    runs: Vec<Box<RawValue>>,
    /// What becomes of the others when one is refused.
    #[serde(default)]
    mode: BatchMode,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// Always `batch`.
    #[schema(pattern = "^batch$")]
    pub object: &'static str,
    /// One entry per spec, in their order.
    pub data: Vec<BatchItem>,
}

/// What became of one spec of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchItem {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// Whether it was queued.
    pub status: BatchStatus,
    /// The run, when it was queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub run: Option<Run>,
    /// Why not, otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub problem: Option<BatchProblem>,
}

/// Whether a spec of a batch was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// There is a run.
    Created,
    /// There is none, and `problem` says why.
    Refused,
}

/// Why a spec of a batch was refused: the same members as in the answer to a request that is refused as a whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchProblem {
    /// The status that the spec alone would have been answered with.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// Stable, machine-readable.
    pub code: String,
    /// What happened, and what would be right.
    pub detail: String,
    /// Each single violation; pointers begin with the spec's place in the batch (`/runs/17/...`).
    pub errors: Vec<Violation>,
}

/// Submit up to 1,000 runs in one request and one transaction
///
/// `all_or_nothing`: when one spec is wrong nothing is queued, and the answer names every error of every spec under `/runs/17/...`.
/// `per_item`: each spec is queued or refused by itself; the answer is 201 and says which.
#[utoipa::path(post, path = "", operation_id = "runs_submit_batch", tag = "runs", request_body = RunBatch,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely: the answer of the first is given again", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    responses((status = 201, description = "The batch was taken", body = BatchAnswer),
        (status = 409, description = "A request with this Idempotency-Key is still being worked on"),
        (status = 507, description = "Too little free space")))]
pub async fn submit_batch(
    State(api): State<Api>,
    caller: Bearer,
    request: Request,
) -> Result<Response<Body>> {
    let limits = &api.app.config.bodies;
    let (parts, bytes) = input::read_json(request, limits.batch_bytes).await?;
    let batch: RunBatch = input::envelope(&bytes)?;
    check_count(batch.runs.len())?;
    let once = api.running.begin(&caller.owner, &parts.headers)?;
    let fingerprint = idempotency::fingerprint(&parts.method, &parts.uri, &bytes);
    if let Some(once) = &once
        && let Some(answer) = once.replay(&api.app.store, &fingerprint).await?
    {
        return Ok(answer);
    }
    let specs = batch
        .runs
        .iter()
        .map(|spec| parsed(spec, limits.spec_bytes))
        .collect();
    let remember = once
        .as_ref()
        .map(|once: &Once| once.remember(fingerprint, |items: &Vec<_>| stored(items)));
    let items = api.app.runs.submit_batch(runs::Batch {
        owner: caller.owner.clone(),
        specs,
        mode: match batch.mode {
            BatchMode::AllOrNothing => Mode::AllOrNothing,
            BatchMode::PerItem => Mode::PerItem,
        },
        remember,
    });
    idempotency::answer(stored(&items.await?))
}

fn check_count(n_runs: usize) -> Result<()> {
    if (1..=MAX_BATCH).contains(&n_runs) {
        return Ok(());
    }
    let message = format!("a batch has 1 to {MAX_BATCH} runs; this one has {n_runs}");
    let violation = Violation {
        pointer: Some("/runs".into()),
        code: "length".into(),
        message: message.clone(),
        allowed: Some(serde_json::json!({"minimum": 1, "maximum": MAX_BATCH})),
        got: Some(n_runs.into()),
        ..Violation::default()
    };
    Err(Error::new(Kind::Unprocessable, "invalid_body", message).with(vec![violation]))
}

fn parsed(
    spec: &RawValue,
    limit_bytes: u64,
) -> std::result::Result<Spec, Vec<descent_engine::spec::Violation>> {
    if spec.get().len() as u64 > limit_bytes {
        let message = format!(
            "a spec has at most {limit_bytes} bytes; this one has {}",
            spec.get().len()
        );
        let violation = descent_engine::spec::Violation::new("", "too_large", message);
        return Err(vec![violation]);
    }
    let found = repeated(spec.get().as_bytes());
    if !found.is_empty() {
        return Err(found);
    }
    Spec::parse(spec.get().as_bytes())
}

/// The answer to a batch; the same bytes whether it is the first or a repetition.
fn stored(items: &[std::result::Result<rows::Run, RunsError>]) -> Stored {
    let data = items.iter().enumerate().map(|(index, item)| {
        let shown = match item {
            Ok(run) => view(run, &[], run.created_at_ms),
            Err(error) => Err(Error::at(index, error.clone())),
        };
        match shown {
            Ok(run) => BatchItem {
                index,
                status: BatchStatus::Created,
                run: Some(run),
                problem: None,
            },
            Err(error) => BatchItem {
                index,
                status: BatchStatus::Refused,
                run: None,
                problem: Some(BatchProblem {
                    status: error.kind().status().as_u16(),
                    code: error.code().to_owned(),
                    detail: error.detail().to_owned(),
                    errors: error.violations().to_vec(),
                }),
            },
        }
    });
    let answer = BatchAnswer {
        object: "batch",
        data: data.collect(),
    };
    // Rows and problems made by this process always render.
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    (StatusCode::CREATED, None, body)
}
