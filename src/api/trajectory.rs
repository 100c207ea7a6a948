//! `/v1/runs/{id}/trajectory`: the path of a run's weights, seen in the plane of its two main directions, while it trains and after.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Result};
use super::input::{Path, Query};
use crate::ids::RunId;
use crate::runs;

/// Numbers of a network up to which its weights are handed out.
const MAX_WEIGHTS: usize = 4_096;

/// How the plane is found, for those who read the answer alone.
const METHOD: &str =
    "principal components of w_i - w_end, through their Gram matrix; the last point is the origin";

/// The path of a run's weights.
#[derive(Debug, Serialize, ToSchema)]
pub struct Trajectory {
    /// Always `trajectory`.
    #[schema(pattern = "^trajectory$")]
    pub object: &'static str,
    /// Whose.
    #[schema(format = Uuid)]
    pub run_id: String,
    /// Numbers that are trained; `null` before training begins.
    pub n_parameters: Option<usize>,
    /// Numbers kept of each point: all, or for large networks a random part, and then coordinates are unbiased estimates.
    pub n_kept: Option<usize>,
    /// Steps between two points; it doubles while the run goes on, so that there are never more than 256.
    #[schema(minimum = 1)]
    pub stride: u64,
    /// The points, by step. The last one is where the path ends, or is now.
    pub points: Vec<PathPoint>,
    /// The plane that `x` and `y` are measured in.
    pub plane: PathPlane,
    /// How each value becomes a feature; empty for networks of more than 4,096 numbers.
    pub inputs: Vec<PathInput>,
    /// How outputs come from features, for networks of dense layers with at most 4,096 numbers; `null` for others.
    pub layers: Option<Vec<PathLayer>>,
    /// Name of each output: the classes, or the targets. Of two classes with one output, the output is the probability of the second.
    pub outputs: Vec<String>,
}

/// Where the weights are after `step` steps. Loss, gradient and update are those of the step that leaves the point.
#[derive(Debug, Serialize, ToSchema)]
pub struct PathPoint {
    /// Steps done.
    pub step: u64,
    /// Epoch of the step that leaves the point, from 1; at the end the epochs done.
    pub epoch: u64,
    /// Mean loss of the batch of that step; at the end of a run that of the training part.
    pub loss: Option<f64>,
    /// Euclidean norm of the gradient, before clipping.
    pub gradient_norm: Option<f64>,
    /// Learning rate of the step.
    pub learning_rate: Option<f64>,
    /// Euclidean norm of the step.
    pub update_norm: Option<f64>,
    /// Place along the first direction.
    pub x: f64,
    /// Place along the second direction.
    pub y: f64,
    /// The weights themselves (`weights=true`), layer by layer as `layers` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Vec<f32>>,
}

/// The plane of a path.
#[derive(Debug, Serialize, ToSchema)]
pub struct PathPlane {
    /// Part of the sum of squared distances from the end that lies along each of the two directions.
    #[schema(min_items = 2, max_items = 2)]
    pub explained: [f64; 2],
    /// How the directions were found.
    pub method: &'static str,
}

/// A feature: `(value - mean) / scale`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PathInput {
    /// Its name.
    pub name: String,
    /// Subtracted.
    pub mean: f64,
    /// Divided by.
    pub scale: f64,
}

/// A layer: `activation(inputs * weight + bias)`.
#[derive(Debug, Serialize, ToSchema)]
pub struct PathLayer {
    /// `dense`, or `activation` for a function alone.
    #[schema(pattern = "^(dense|activation)$")]
    pub kind: String,
    /// Numbers that come in.
    pub n_inputs: usize,
    /// Numbers that go out.
    pub n_outputs: usize,
    /// Where its weight begins in `weights`: `n_inputs` rows of `n_outputs` numbers.
    pub weight_offset: Option<usize>,
    /// Where its bias begins: `n_outputs` numbers.
    pub bias_offset: Option<usize>,
    /// Function of what comes out: one of the spec's, or for the last layer what makes a prediction of it: `softmax`, `sigmoid`, `exponential`.
    pub activation: Option<String>,
    /// Slope of a leaky_relu below zero, limit of an elu.
    pub constant: Option<f64>,
}

/// What is wanted of a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrajectoryQuery {
    /// Give the weights of each point, for networks of at most 4,096 numbers.
    weights: Option<bool>,
    /// Only points of later steps. Places are always those in the plane of the whole path, so they may move.
    after_step: Option<u64>,
}

/// The path of a run's weights
///
/// At most 256 points, evenly spread over the steps, in the plane through the last one that explains most of the path. It grows while
/// the run trains, and is empty before. For small networks it has all that is needed to draw their outputs at any point.
#[utoipa::path(get, path = "", operation_id = "runs_trajectory", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid), TrajectoryQuery),
    responses((status = 200, description = "The path", body = Trajectory),
        (status = 409, description = "`weights` is asked for and the network is too large")))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
    Query(query): Query<TrajectoryQuery>,
) -> Result<Json<Trajectory>> {
    let path = api.app.runs.trajectory(&caller.owner, id).await?;
    let n_parameters = path.description.as_ref().map(|known| known.n_trained);
    let with_weights = query.weights == Some(true);
    if let Some(n_parameters) = n_parameters.filter(|n| with_weights && *n > MAX_WEIGHTS) {
        let message = format!(
            "this network has {n_parameters} parameters; the weights of each point are given for at most {MAX_WEIGHTS}"
        );
        return Err(Error::conflict("network_too_large", message));
    }
    Ok(Json(Trajectory::of(&path, with_weights, query.after_step)))
}

impl Trajectory {
    fn of(path: &runs::Trajectory, with_weights: bool, after_step: Option<u64>) -> Self {
        let n_kept = path.points.numbers.len() / path.points.points.len().max(1);
        let places = path
            .points
            .points
            .iter()
            .zip(&path.plane.points)
            .enumerate();
        let wanted =
            places.filter(|(_, (point, _))| after_step.is_none_or(|step| point.step > step));
        let points = wanted.map(|(idx, (point, [x, y]))| PathPoint {
            step: point.step,
            epoch: point.epoch,
            loss: point.loss,
            gradient_norm: point.gradient_norm,
            learning_rate: point.learning_rate,
            update_norm: point.update_norm,
            x: *x,
            y: *y,
            weights: with_weights
                .then(|| path.points.numbers[idx * n_kept..(idx + 1) * n_kept].to_vec()),
        });
        let description = path.description.as_ref();
        Self {
            object: "trajectory",
            run_id: path.run.to_string(),
            n_parameters: description.map(|known| known.n_trained),
            n_kept: description.map(|known| known.layout().n_numbers()),
            stride: path.stride,
            points: points.collect(),
            plane: PathPlane {
                explained: path.plane.explained,
                method: METHOD,
            },
            inputs: description
                .map_or_else(Vec::new, |known| known.inputs.iter().map(input).collect()),
            layers: description
                .and_then(|known| known.layers.as_ref())
                .map(|layers| layers.iter().map(layer).collect()),
            outputs: description.map_or_else(Vec::new, |known| known.outputs.clone()),
        }
    }
}

fn input(known: &runs::InputScale) -> PathInput {
    PathInput {
        name: known.name.clone(),
        mean: known.mean,
        scale: known.scale,
    }
}

fn layer(known: &runs::LayerShape) -> PathLayer {
    PathLayer {
        kind: known.kind.clone(),
        n_inputs: known.n_inputs,
        n_outputs: known.n_outputs,
        weight_offset: known.weight_offset,
        bias_offset: known.bias_offset,
        activation: known.activation.clone(),
        constant: known.constant,
    }
}
