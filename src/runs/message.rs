//! What is said between a run's record, its worker and the API: plain values, so that a worker on another machine is the
//! same code with longer arms.

use std::sync::Arc;

use descent_engine::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Path;
use crate::blobs::Staged;
use crate::ids::{DatasetId, RunId};
use crate::store::Json;
use crate::store::events::Kind;
use crate::store::idempotency::Remember;
use crate::store::metrics::Series;
use crate::store::runs::Run;

/// Why a run is where it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code: `diverged`, `server_restart`, `worker_lost`, `out_of_memory`, `user`, `deadline`, `poison`, `bad_data`, `panic`.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// Evidence and remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

impl Reason {
    /// A reason without evidence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            detail: None,
        }
    }
}

/// What somebody asks for.
pub struct Submission {
    /// Who.
    pub owner: String,
    /// What, already checked by [`Spec::parse`].
    pub spec: Spec,
    /// How the answer is remembered for an Idempotency-Key.
    pub remember: Option<Remember<Run>>,
}

/// A run handed to a worker.
#[derive(Debug, Clone)]
pub struct Job {
    /// Which.
    pub run: RunId,
    /// Goes into every write of the worker.
    pub fence: i64,
    /// Whose; the model will be theirs.
    pub owner: String,
    /// For people.
    pub name: String,
    /// Dataset to train on.
    pub dataset: DatasetId,
    /// SHA-256 of its bytes.
    pub dataset_sha256: String,
    /// Its column kinds when the run was submitted.
    pub dataset_schema: Json,
    /// What was asked for.
    pub spec: Json,
    /// State to go on from.
    pub resume: Option<String>,
    /// Checkpoint of another run whose weights this one starts from.
    pub start: Option<String>,
    /// Milliseconds earlier attempts have trained, for the time limit.
    pub running_ms: i64,
    /// Number of this attempt, from 1.
    pub attempt: i64,
}

/// What the worker has to say since it last spoke. All of it is written, or nothing.
#[derive(Default, Clone)]
pub struct Report {
    /// Said once: training begins.
    pub started: Option<Started>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// New points of metrics. Points that are recorded already (a resumed run says them again) are left out.
    pub series: Vec<Series>,
    /// Log lines and diagnoses.
    pub notes: Vec<Note>,
    /// New points of the weights' path.
    pub path: Option<Arc<Path>>,
    /// A checkpoint whose bytes are durable or become so with its row.
    pub checkpoint: Option<Arc<NewCheckpoint>>,
    /// Training is over; the model is being checked.
    pub finalizing: bool,
}

/// Training begins.
#[derive(Debug, Clone)]
pub struct Started {
    /// The spec with every default filled in.
    pub resolved_spec: Json,
    /// JSON of [`Description`](super::Description): what the numbers of the weights' path are.
    pub path: Option<Json>,
}

/// How far a training is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Epochs done.
    pub epoch: i64,
    /// Epochs at most.
    pub epochs: i64,
    /// Steps done.
    pub step: i64,
    /// Steps at most.
    pub steps: i64,
    /// JSON: best value of the watched metric and the patience left.
    pub best: Option<Json>,
    /// JSON: metrics of the last epoch.
    pub metrics: Option<Json>,
}

/// A log line or a diagnosis.
#[derive(Debug, Clone)]
pub struct Note {
    /// [`Kind::Log`] or [`Kind::Diagnosis`].
    pub kind: Kind,
    /// Step it belongs to.
    pub step: Option<i64>,
    /// JSON object; a diagnosis has a `code`.
    pub body: Value,
}

/// A checkpoint to be recorded.
#[derive(Debug)]
pub struct NewCheckpoint {
    /// Its bytes.
    pub staged: Staged,
    /// Steps done.
    pub step: i64,
    /// Epochs done.
    pub epoch: i64,
    /// Whether its weights are the best so far.
    pub is_best: bool,
}

/// A trained model to be registered.
#[derive(Debug, Clone)]
pub struct NewModel {
    /// Its weights.
    pub weights: Arc<Staged>,
    /// JSON: network, transform, schema, labels.
    pub document: Json,
    /// JSON: test metrics.
    pub metrics: Json,
    /// JSON for the run's `result`: confusion, epochs done, why training ended.
    pub result: Json,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With a model. The reason says why training ended early, if it did (`deadline`).
    Trained(Box<NewModel>, Option<Reason>),
    /// The pause that was asked for; its checkpoint stands in the last report.
    Paused,
    /// The cancellation that was asked for.
    Stopped,
    /// With a reason.
    Failed(Reason),
    /// Handed back because the process is about to end.
    Released,
}

/// What a worker is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Directive {
    /// Go on.
    #[default]
    Continue = 0,
    /// Take a checkpoint and let go.
    Pause = 1,
    /// Let go.
    Cancel = 2,
    /// The run belongs to somebody else now: stop without a word.
    Drop = 3,
}
