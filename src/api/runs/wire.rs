//! A run and a plan, as they are sent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::error::Result;
use crate::api::time::rfc3339;
use crate::runs;
use crate::store::checkpoints::Checkpoint;
use crate::store::runs as rows;
use crate::store::{self, Json};

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker reads its data.
    Preparing,
    /// A worker trains it.
    Running,
    /// Trained; its model is being checked and registered.
    Finalizing,
    /// Told to pause.
    Pausing,
    /// Waits for its user; keeps its checkpoint.
    Paused,
    /// Told to stop.
    Cancelling,
    /// Ended with a model.
    Succeeded,
    /// Ended with a reason.
    Failed,
    /// Ended by its user.
    Cancelled,
}

impl From<rows::Status> for Status {
    fn from(status: rows::Status) -> Self {
        match status {
            rows::Status::Queued => Self::Queued,
            rows::Status::Preparing => Self::Preparing,
            rows::Status::Running => Self::Running,
            rows::Status::Finalizing => Self::Finalizing,
            rows::Status::Pausing => Self::Pausing,
            rows::Status::Paused => Self::Paused,
            rows::Status::Cancelling => Self::Cancelling,
            rows::Status::Succeeded => Self::Succeeded,
            rows::Status::Failed => Self::Failed,
            rows::Status::Cancelled => Self::Cancelled,
        }
    }
}

/// One training.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    /// Its id.
    #[schema(format = Uuid)]
    pub id: String,
    /// Always `run`.
    #[schema(pattern = "^run$")]
    pub object: &'static str,
    /// For people.
    pub name: String,
    /// What is trained.
    pub family: String,
    /// Where it is in its life.
    pub status: Status,
    /// Whether nothing can follow: a client may stop waiting without knowing the list of states.
    pub terminal: bool,
    /// Why it is where it is, when there is a reason.
    pub status_reason: Option<Reason>,
    /// Higher goes first.
    pub priority: i64,
    /// How far it is.
    pub progress: Progress,
    /// Metrics of the last epoch by name; null before the first.
    #[schema(value_type = Option<Object>)]
    pub metrics: Option<Json>,
    /// How it ended: metrics of each part, and of the test part the `confusion` matrix, the `roc` of each class (at most 200 points in all) or
    /// the `residuals` of each target (at most 200 rows in all), and why training was over; null before the end. `best_epoch` is the epoch
    /// whose weights are kept: with early stopping the best by its metric; without it, or where that metric never was a number, the last one.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Json>,
    /// As it was asked for.
    #[schema(value_type = Object)]
    pub spec: Json,
    /// With every default filled in; null until the data was read.
    #[schema(value_type = Option<Object>)]
    pub resolved_spec: Option<Json>,
    /// What it trains on.
    pub dataset: DatasetRef,
    /// What came of it; null before the end.
    pub model: Option<ModelRef>,
    /// States it can be resumed or forked from.
    pub checkpoints: Checkpoints,
    /// Time spent.
    pub timings: Timings,
    /// Times it was given to a worker.
    #[schema(minimum = 0)]
    pub attempts: i64,
    /// The run it comes from.
    pub parent: Option<Parent>,
    /// The sweep it is a child of.
    #[schema(format = Uuid)]
    pub sweep: Option<String>,
    /// The user's own labels.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub metadata: Json,
    /// When it was submitted.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was first given to a worker.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// When it was over.
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
}

/// Why a run is where it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reason {
    /// Stable code: `diverged`, `worker_lost`, `user`, `deadline`, `poison`, `bad_data` ...
    pub code: String,
    /// A sentence.
    pub message: String,
    /// Evidence and remedy.
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Json>,
}

/// How far a run is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Progress {
    /// Epochs done.
    pub epoch: i64,
    /// Epochs at most; 0 until it is known.
    pub epochs: i64,
    /// Steps done.
    pub step: i64,
    /// Steps at most; 0 until it is known.
    pub steps: i64,
    /// Best value of the watched metric, where early stopping watches one.
    pub best: Option<f64>,
    /// Epochs without improvement that are still tolerated.
    pub patience_left: Option<i64>,
    /// Estimated time to the last step, while it trains.
    pub eta_ms: Option<i64>,
}

/// The dataset of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct DatasetRef {
    /// Its id.
    #[schema(format = Uuid)]
    pub id: String,
    /// SHA-256 of the very bytes trained on.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
}

/// The model of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelRef {
    /// Its name.
    pub name: String,
    /// Its version.
    #[schema(minimum = 1)]
    pub version: i64,
    /// SHA-256 of the weights.
    pub sha256: Option<String>,
}

/// The kept checkpoints of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checkpoints {
    /// The newest.
    pub latest: Option<CheckpointRef>,
    /// The best by the watched metric.
    pub best: Option<CheckpointRef>,
}

/// One checkpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointRef {
    /// Steps done.
    pub step: i64,
    /// Epochs done.
    pub epoch: i64,
}

/// Time a run has spent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timings {
    /// Waiting for a worker.
    pub queued_ms: i64,
    /// In work.
    pub running_ms: i64,
    /// Paused.
    pub paused_ms: i64,
}

/// The run another one comes from.
#[derive(Debug, Serialize, ToSchema)]
pub struct Parent {
    /// Its id.
    #[schema(format = Uuid)]
    pub id: String,
    /// How: `retry`, `fork` or `reproduce`.
    pub kind: String,
}

impl Run {
    /// As it stands at `now_ms`.
    ///
    /// # Errors
    /// When the row was written by something else.
    pub fn of(row: &rows::Run, kept: &[Checkpoint], now_ms: i64) -> Result<Self> {
        let timings = timings(row, now_ms);
        Ok(Run {
            id: row.id.to_string(),
            object: "run",
            name: row.name.clone(),
            family: row.family.clone(),
            status: row.status.into(),
            terminal: row.status.is_terminal(),
            status_reason: row.reason_code.clone().map(|code| Reason {
                code,
                message: row.reason_message.clone().unwrap_or_default(),
                detail: row.reason_detail.clone(),
            }),
            priority: row.priority,
            progress: progress(row, timings.running_ms)?,
            metrics: row.latest_metrics.clone(),
            result: row.result.clone(),
            spec: row.spec.clone(),
            resolved_spec: row.resolved_spec.clone(),
            dataset: DatasetRef {
                id: row.dataset_id.to_string(),
                sha256: row.dataset_sha256.clone(),
            },
            model: row
                .model_name
                .clone()
                .zip(row.model_version)
                .map(|(name, version)| ModelRef {
                    name,
                    version,
                    sha256: row.weights_sha256.clone(),
                }),
            checkpoints: Checkpoints {
                latest: kept.first().map(reference),
                best: kept.iter().find(|one| one.is_best).map(reference),
            },
            timings,
            attempts: row.attempts,
            parent: row.parent_id.zip(row.parent_kind).map(|(id, kind)| Parent {
                id: id.to_string(),
                kind: kind.as_str().to_owned(),
            }),
            sweep: row.sweep_id.map(|id| id.to_string()),
            metadata: row.metadata.clone(),
            created_at: rfc3339(row.created_at_ms),
            started_at: row.started_at_ms.map(rfc3339),
            finished_at: row.finished_at_ms.map(rfc3339),
        })
    }
}

fn reference(checkpoint: &Checkpoint) -> CheckpointRef {
    CheckpointRef {
        step: checkpoint.step,
        epoch: checkpoint.epoch,
    }
}

/// The sums of finished phases, and the present phase as far as it has come.
fn timings(row: &rows::Run, now_ms: i64) -> Timings {
    let mut timings = Timings {
        queued_ms: row.queued_ms,
        running_ms: row.running_ms,
        paused_ms: row.paused_ms,
    };
    let present = (now_ms - row.phase_since_ms).max(0);
    match row.status {
        status if status.is_terminal() => {}
        rows::Status::Queued => timings.queued_ms += present,
        rows::Status::Paused => timings.paused_ms += present,
        _ => timings.running_ms += present,
    }
    timings
}

fn progress(row: &rows::Run, running_ms: i64) -> Result<Progress> {
    #[derive(Deserialize, Default)]
    struct Best {
        value: Option<f64>,
        patience_left: Option<i64>,
    }
    let best: Best = row
        .best
        .as_ref()
        .map(Json::parse)
        .transpose()?
        .unwrap_or_default();
    let trains = row.status == rows::Status::Running && row.step > 0;
    let eta_ms = trains.then(|| {
        (running_ms as f64 / row.step as f64 * (row.steps - row.step).max(0) as f64) as i64
    });
    Ok(Progress {
        epoch: row.epoch,
        epochs: row.epochs,
        step: row.step,
        steps: row.steps,
        best: best.value,
        patience_left: best.patience_left,
        eta_ms,
    })
}

/// What a spec would become; nothing was queued.
#[derive(Debug, Serialize, ToSchema)]
pub struct Plan {
    /// Always `plan`.
    #[schema(pattern = "^plan$")]
    pub object: &'static str,
    /// The spec with everything filled in.
    #[schema(value_type = Object)]
    pub resolved_spec: Json,
    /// The dataset it means.
    pub dataset: DatasetRef,
    /// Rows it would train on.
    pub n_train: u64,
    /// Features after encoding, at most.
    pub n_features: u64,
    /// Numbers that would be learned.
    pub parameters: u64,
    /// Its layers in order, the one that makes the outputs last; empty for a perceptron.
    pub layers: Vec<PlanLayer>,
    /// Memory it would need.
    pub memory: Memory,
    /// Steps at most.
    pub steps: u64,
    /// Estimated time of training.
    pub running_ms: f64,
    /// Estimated wait.
    pub waiting_ms: f64,
    /// Where in the queue it would stand, from 1.
    #[schema(minimum = 1)]
    pub queue_position: usize,
}

/// A layer of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanLayer {
    /// Its kind, or `output`.
    pub kind: &'static str,
    /// Shape of a sample that comes out of it, channels last.
    pub shape: Vec<usize>,
    /// Numbers that it learns.
    pub parameters: usize,
}

/// Memory of one training.
#[derive(Debug, Serialize, ToSchema)]
pub struct Memory {
    /// Weights.
    pub weights_bytes: u64,
    /// Their gradients.
    pub gradients_bytes: u64,
    /// What the optimizer keeps.
    pub optimizer_bytes: u64,
    /// What flows through the network in one step.
    pub activations_bytes: u64,
    /// What the threads compute with beside that, on this machine.
    pub working_bytes: u64,
    /// What measures the network on all rows, some at a time.
    pub evaluation_bytes: u64,
    /// The most that is taken for a moment only: for a checkpoint, to look at the layers, to open the trained model.
    pub transient_bytes: u64,
    /// All of it, with the best weights and the encoded dataset.
    pub total_bytes: u64,
}

impl Plan {
    /// As it is sent.
    ///
    /// # Errors
    /// Never for a resolved spec.
    pub fn of(plan: &runs::Plan) -> Result<Self> {
        let cost = &plan.cost;
        Ok(Plan {
            object: "plan",
            resolved_spec: store::Json::of(&plan.resolved_spec)?,
            dataset: DatasetRef {
                id: plan.dataset.id.to_string(),
                sha256: plan.dataset.sha256.clone(),
            },
            n_train: plan.facts.n_train,
            n_features: plan.facts.n_features(),
            parameters: cost.parameters,
            layers: plan
                .layers
                .iter()
                .map(|layer| PlanLayer {
                    kind: layer.kind,
                    shape: layer.output.dims(),
                    parameters: layer.n_parameters,
                })
                .collect(),
            memory: Memory {
                weights_bytes: cost.weights_bytes,
                gradients_bytes: cost.gradients_bytes,
                optimizer_bytes: cost.optimizer_bytes,
                activations_bytes: cost.activations_bytes,
                working_bytes: cost.working_bytes,
                evaluation_bytes: cost.evaluation_bytes,
                transient_bytes: cost.transient_bytes,
                total_bytes: cost.total_bytes,
            },
            steps: plan.steps,
            running_ms: plan.running_ms,
            waiting_ms: plan.waiting_ms,
            queue_position: plan.queue_position,
        })
    }
}
