//! `/v1/runs/{id}/landscape`: the loss around a run's weights. Asked for once, computed beside the trainings, kept.

use std::sync::OnceLock;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use descent_engine::spec::{self, Violation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Kind, Result};
use super::input::{self, Path, Query};
use super::page::{Order, Page, Window};
use super::patience;
use super::time::rfc3339;
use super::translate::wrong;
use crate::ids::{LandscapeId, RunId};
use crate::runs::{Kind as View, LandscapeRequest};
use crate::store::landscapes as rows;

/// What is to be looked at, and how finely. An even `resolution` counts as the next odd one, so that an axis has a middle.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// The plane through the kept weights along the two main directions of the path.
    Plane {
        /// Places along each axis.
        #[schema(minimum = 5, maximum = 101, default = 51)]
        resolution: Option<u32>,
        /// Training rows that the loss is a mean over, drawn by `seed`.
        #[schema(minimum = 1, maximum = 10_000, default = 1000)]
        samples: Option<u32>,
        /// The axes go from minus this to this; by default as far as the path, with a margin.
        #[schema(minimum = 0.000_001, maximum = 1_000_000.0)]
        range: Option<f64>,
        /// Draws the rows.
        #[schema(maximum = 9_007_199_254_740_991_i64, default = 0)]
        seed: Option<u64>,
    },
    /// The plane of two random directions, in which every filter is as long as that of the weights (Li et al. 2018).
    Random {
        /// Places along each axis.
        #[schema(minimum = 5, maximum = 101, default = 51)]
        resolution: Option<u32>,
        /// Training rows that the loss is a mean over, drawn by `seed`.
        #[schema(minimum = 1, maximum = 10_000, default = 1000)]
        samples: Option<u32>,
        /// The axes go from minus this to this, in lengths of the weights.
        #[schema(minimum = 0.000_001, maximum = 1_000_000.0, default = 1.0)]
        range: Option<f64>,
        /// Draws the rows and the directions.
        #[schema(maximum = 9_007_199_254_740_991_i64, default = 0)]
        seed: Option<u64>,
    },
    /// The line along the gradient at the kept weights, or after `step` steps, where all weights of a step are on record: else of the
    /// last one before that has them.
    Gradient {
        /// Places along the line.
        #[schema(minimum = 5, maximum = 101, default = 51)]
        resolution: Option<u32>,
        /// Training rows that the loss is a mean over, drawn by `seed`.
        #[schema(minimum = 1, maximum = 10_000, default = 1000)]
        samples: Option<u32>,
        /// The line goes from minus this to this; by default as far as the path is long.
        #[schema(minimum = 0.000_001, maximum = 1_000_000.0)]
        range: Option<f64>,
        /// Draws the rows.
        #[schema(maximum = 9_007_199_254_740_991_i64, default = 0)]
        seed: Option<u64>,
        /// Steps done; the nearest recorded weights that are not later count.
        #[schema(maximum = 9_007_199_254_740_991_i64)]
        step: Option<u64>,
    },
    /// The straight line to the weights of another run with the same layers.
    Between {
        /// Places along the line.
        #[schema(minimum = 5, maximum = 101, default = 51)]
        resolution: Option<u32>,
        /// Training rows that the loss is a mean over, drawn by `seed`.
        #[schema(minimum = 1, maximum = 10_000, default = 1000)]
        samples: Option<u32>,
        /// How far the line goes on beyond both ends, in parts of the way.
        #[schema(minimum = 0.000_001, maximum = 1_000_000.0, default = 0.25)]
        range: Option<f64>,
        /// Draws the rows.
        #[schema(maximum = 9_007_199_254_740_991_i64, default = 0)]
        seed: Option<u64>,
        /// The other run.
        #[schema(value_type = String, format = Uuid)]
        other: RunId,
    },
    /// A plane through the weights of both runs, with both paths on it.
    Shared {
        /// Places along each axis.
        #[schema(minimum = 5, maximum = 101, default = 51)]
        resolution: Option<u32>,
        /// Training rows that the loss is a mean over, drawn by `seed`.
        #[schema(minimum = 1, maximum = 10_000, default = 1000)]
        samples: Option<u32>,
        /// The axes go from minus this to this; by default as far as both paths, with a margin.
        #[schema(minimum = 0.000_001, maximum = 1_000_000.0)]
        range: Option<f64>,
        /// Draws the rows.
        #[schema(maximum = 9_007_199_254_740_991_i64, default = 0)]
        seed: Option<u64>,
        /// The other run.
        #[schema(value_type = String, format = Uuid)]
        other: RunId,
    },
}

impl Question {
    /// Reads the document by its own contract, which says of every field what is wrong with it; serde would stop at the first, and
    /// not say where.
    fn read(document: Value) -> Result<Self> {
        let mut found = spec::violations(contract(), &document);
        if let Some(other) = document.get("other").and_then(Value::as_str)
            && other.parse::<RunId>().is_err()
            && found.iter().all(|violation| violation.pointer != "/other")
        {
            let message = "it is the id of a run, a UUID";
            found.push(Violation::new("/other", "invalid", message));
        }
        if found.is_empty() {
            serde_json::from_value(document).map_err(|error| {
                Error::new(Kind::Unprocessable, "invalid_request", error.to_string())
            })
        } else {
            Err(wrong("invalid_request", "request", found))
        }
    }

    /// Everything filled in.
    fn filled(self) -> LandscapeRequest {
        let (kind, (resolution, samples, range, seed), other, step) = match self {
            Self::Plane {
                resolution,
                samples,
                range,
                seed,
            } => (View::Plane, (resolution, samples, range, seed), None, None),
            Self::Random {
                resolution,
                samples,
                range,
                seed,
            } => (View::Random, (resolution, samples, range, seed), None, None),
            Self::Gradient {
                resolution,
                samples,
                range,
                seed,
                step,
            } => (
                View::Gradient,
                (resolution, samples, range, seed),
                None,
                step,
            ),
            Self::Between {
                resolution,
                samples,
                range,
                seed,
                other,
            } => (
                View::Between,
                (resolution, samples, range, seed),
                Some(other),
                None,
            ),
            Self::Shared {
                resolution,
                samples,
                range,
                seed,
                other,
            } => (
                View::Shared,
                (resolution, samples, range, seed),
                Some(other),
                None,
            ),
        };
        let (resolution, samples, seed) = (
            resolution.unwrap_or(51),
            samples.unwrap_or(1_000),
            seed.unwrap_or(0),
        );
        LandscapeRequest {
            kind,
            resolution: resolution | 1,
            samples,
            range,
            other,
            seed,
            step,
        }
    }
}

/// The contract of a question, in the form of a spec's: a kind is a constant.
fn contract() -> &'static Value {
    static CONTRACT: OnceLock<Value> = OnceLock::new();
    CONTRACT.get_or_init(|| {
        let mut schema = serde_json::to_value(Question::schema()).unwrap_or_default();
        for variant in schema["oneOf"].as_array_mut().into_iter().flatten() {
            let kind = variant["properties"]["kind"]["enum"][0].take();
            variant["properties"]["kind"] = json!({"const": kind});
        }
        schema
    })
}

/// Where a landscape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LandscapeStatus {
    /// Waits.
    Queued,
    /// Is being computed.
    Computing,
    /// Can be read.
    Ready,
    /// Cannot be computed; `reason` says why.
    Failed,
}

/// The loss around a run's weights: its own training loss on a sample of its training rows, as the finished network has it (nothing
/// is dropped or augmented). What is still `null` before it is `ready`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Landscape {
    /// Always `landscape`.
    #[schema(pattern = "^landscape$")]
    pub object: &'static str,
    /// Its id.
    #[schema(format = Uuid)]
    pub id: String,
    /// The run it is about.
    #[schema(format = Uuid)]
    pub run_id: String,
    /// Where it is.
    pub status: LandscapeStatus,
    /// Whether nothing more happens to it.
    pub terminal: bool,
    /// Why it failed.
    pub reason: Option<String>,
    /// Part that is computed.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub progress: f64,
    /// What was asked, every default filled in.
    pub request: Asked,
    /// When it was asked for.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was done.
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
    /// The answer; always `null` in a list.
    #[serde(flatten)]
    pub answer: Answer,
}

/// What was asked, every default filled in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Asked {
    /// `plane`, `random`, `gradient`, `between` or `shared`.
    #[schema(value_type = String, pattern = "^(plane|random|gradient|between|shared)$")]
    pub kind: View,
    /// Places along each axis.
    pub resolution: u32,
    /// Training rows at most.
    pub samples: u32,
    /// How far the axes go; `null`: as far as the path.
    pub range: Option<f64>,
    /// The other run.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub other: Option<RunId>,
    /// Draws the rows and random directions.
    pub seed: u64,
    /// After how many steps the gradient is taken.
    pub step: Option<u64>,
}

/// What a landscape answers.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The loss over both axes; a line has one `y`, 0.
    pub surface: Option<Surface>,
    /// The path of each run, projected.
    pub paths: Option<Vec<PathOnSurface>>,
    /// The weights that each run keeps; while it trains, those of now.
    pub minima: Option<Vec<Minimum>>,
    /// The wall on the straight line between two runs.
    pub barrier: Option<Barrier>,
    /// Rows that every loss is a mean over.
    pub n_samples: Option<u64>,
    /// Part of the path's squared distances from its end that lies along each axis, for a `plane`.
    pub explained: Option<[f64; 2]>,
    /// What x and y are, in words.
    pub axes: Option<[String; 2]>,
}

/// A loss for every place.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Surface {
    /// Places along the first axis. Except between two runs, one of them is exactly 0: the kept weights.
    pub x: Vec<f64>,
    /// Places along the second axis.
    pub y: Vec<f64>,
    /// `loss[j][i]` belongs to `y[j]` and `x[i]`; `null` where it is not finite.
    pub loss: Vec<Vec<Option<f64>>>,
}

/// A path on a surface.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PathOnSurface {
    /// Whose.
    #[schema(value_type = String, format = Uuid)]
    pub run_id: RunId,
    /// Its points, by step.
    pub points: Vec<PointOnSurface>,
}

/// A point of a path on a surface.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PointOnSurface {
    /// Steps done.
    pub step: u64,
    /// Epoch of the step that leaves the point.
    pub epoch: u64,
    /// Place along the first axis.
    pub x: f64,
    /// Place along the second axis.
    pub y: f64,
    /// Mean loss of the batch of the step that leaves the point.
    pub loss: Option<f64>,
    /// Norm of the gradient of that step.
    pub gradient_norm: Option<f64>,
    /// Learning rate of that step.
    pub learning_rate: Option<f64>,
    /// Norm of that step.
    pub update_norm: Option<f64>,
    /// Loss at these very weights on the rows of the surface, at 64 points at most.
    pub sample_loss: Option<f64>,
    /// Its change per unit of x.
    pub gradient_x: Option<f64>,
    /// Its change per unit of y.
    pub gradient_y: Option<f64>,
}

/// The weights a run keeps.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Minimum {
    /// Whose.
    #[schema(value_type = String, format = Uuid)]
    pub run_id: RunId,
    /// Place along the first axis.
    pub x: f64,
    /// Place along the second axis.
    pub y: f64,
    /// Loss there.
    pub loss: Option<f64>,
}

/// The wall between the weights of two runs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Barrier {
    /// Highest loss on the straight line minus that of its higher end; 0 where there is no wall.
    pub height: Option<f64>,
    /// The run whose kept weights have the lower loss; `null` when both have the same.
    #[schema(value_type = Option<String>, format = Uuid)]
    pub lower_run_id: Option<RunId>,
    /// The loss on the line.
    pub profile: BarrierProfile,
}

/// The loss on the straight line from this run, t = 0, to the other, t = 1.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BarrierProfile {
    /// Part of the way.
    pub t: Vec<f64>,
    /// Loss there.
    pub loss: Vec<Option<f64>>,
}

impl Landscape {
    fn of(row: &rows::Landscape) -> Result<Self> {
        let request: LandscapeRequest = row.request.parse()?;
        let LandscapeRequest {
            kind,
            resolution,
            samples,
            range,
            other,
            seed,
            step,
        } = request;
        Ok(Self {
            object: "landscape",
            id: row.id.to_string(),
            run_id: row.run_id.to_string(),
            status: match row.status {
                rows::Status::Queued => LandscapeStatus::Queued,
                rows::Status::Computing => LandscapeStatus::Computing,
                rows::Status::Ready => LandscapeStatus::Ready,
                rows::Status::Failed => LandscapeStatus::Failed,
            },
            terminal: row.status.is_terminal(),
            reason: row.reason.clone(),
            progress: row.progress,
            request: Asked {
                kind,
                resolution,
                samples,
                range,
                other,
                seed,
                step,
            },
            created_at: rfc3339(row.created_at_ms),
            finished_at: row.finished_at_ms.map(rfc3339),
            answer: match &row.result {
                Some(result) => result.parse()?,
                None => Answer::default(),
            },
        })
    }
}

/// Ask for the loss around a run's weights
///
/// It is computed by a thread with a lower priority than any training. The same question, as long as the run has not moved on, is
/// answered with what is there already. While a run trains, its path so far is taken.
#[utoipa::path(post, path = "", operation_id = "runs_landscape_ask", tag = "runs", request_body = Question,
    params(("id" = String, Path, description = "Run id", format = Uuid)),
    responses((status = 202, description = "It will be computed", body = Landscape, headers(("Location" = String, description = "Where it is."))),
        (status = 200, description = "It was asked for before", body = Landscape),
        (status = 409, description = "There cannot be one: training has not begun, the runs cannot be compared, or it would cost too much"),
        (status = 507, description = "Too little free space")))]
pub async fn ask(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
    request: Request,
) -> Result<Response> {
    // As large as a spec, so that what is found wrong with it stays readable.
    let limit_bytes = api.app.config.bodies.spec_bytes;
    let (_, bytes) = input::read_json(request, limit_bytes).await?;
    let request = Question::read(input::document(&bytes)?)?.filled();
    let (row, is_new) = api
        .app
        .runs
        .ask_landscape(&caller.owner, id, request)
        .await?;
    let status = if is_new {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let location = format!("/v1/runs/{}/landscape?id={}", row.run_id, row.id);
    let body = axum::Json(Landscape::of(&row)?);
    Ok((status, [(header::LOCATION, location)], body).into_response())
}

/// Which landscape, and how long to wait for it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LandscapeQuery {
    /// Id of the landscape; the newest when absent.
    #[param(value_type = Option<String>, format = Uuid)]
    id: Option<String>,
    /// Wait at most this long for it to be done.
    #[param(minimum = 0, maximum = 60)]
    wait_s: Option<u64>,
}

/// The loss around a run's weights
#[utoipa::path(get, path = "", operation_id = "runs_landscape", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid), LandscapeQuery),
    responses((status = 200, description = "The landscape", body = Landscape)))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(run): Path<RunId>,
    Query(query): Query<LandscapeQuery>,
) -> Result<axum::Json<Landscape>> {
    let patience = patience::asked(query.wait_s)?;
    let absent = || {
        let detail = "no such landscape of this run was asked for";
        Error::new(Kind::NotFound, "not_found", detail)
    };
    // What cannot be an id is not there.
    let id: Option<LandscapeId> = query
        .id
        .map(|id| id.parse().map_err(|_| absent()))
        .transpose()?;
    let runs = &api.app.runs;
    let found = patience::within(
        &api,
        patience,
        |patience| runs.wait_landscape(&caller.owner, run, id, patience),
        runs.landscape(&caller.owner, run, id),
    )
    .await?;
    Ok(axum::Json(Landscape::of(&found.ok_or_else(absent)?)?))
}

/// Which landscapes a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Items on a page, default 20.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `last_id` of the page before.
    #[param(value_type = Option<String>, format = Uuid)]
    after: Option<String>,
    /// By time, default newest first.
    order: Option<Order>,
}

/// The landscapes of a run
///
/// Without their answers. The newest 32 of a run are kept.
#[utoipa::path(get, path = "", operation_id = "runs_landscapes", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid), ListQuery),
    responses((status = 200, description = "A page", body = Page<Landscape>, headers(("Link" = Option<String>, description = "`rel=\"next\"` when more follow.")))))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
    Query(query): Query<ListQuery>,
    uri: Uri,
) -> Result<Response> {
    let window = Window::of::<LandscapeId>(query.limit, query.after, query.order)?.for_store();
    let run = api.app.runs.show(&caller.owner, id).await?;
    let page = rows::list(&api.app.store, run.id, &window).await?;
    let data = page
        .rows
        .iter()
        .map(Landscape::of)
        .collect::<Result<Vec<_>>>()?;
    Ok(Page::of(data, page.has_more, |landscape: &Landscape| {
        landscape.id.clone()
    })
    .answer(&uri))
}
