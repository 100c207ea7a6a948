//! What a training says while it runs, and what may be answered.

use serde_json::Value;

use crate::diagnosis::Diagnosis;

/// Receives everything that happens in a training and decides whether it goes on. The server's worker is one observer, a test
/// is another. The engine has no clock: time limits and checkpoint intervals are kept by the observer.
pub trait Observer {
    /// After every step.
    fn step(&mut self, report: &StepReport) -> Directive {
        let _ = report;
        Directive::Continue
    }

    /// After every epoch, when the metrics of both parts are known.
    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        let _ = report;
        Directive::Continue
    }

    /// A point of the path of the weights, before the report of the step that leaves it. Which steps have one: [`crate::trajectory`].
    fn point(&mut self, point: &PathPoint<'_>) {
        let _ = point;
    }

    /// Something worth saying was noticed. Each code is said at most once in a run.
    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        let _ = diagnosis;
    }

    /// The checkpoint that [`Directive::Checkpoint`] asked for.
    fn checkpoint(&mut self, checkpoint: CheckpointReport) {
        let _ = checkpoint;
    }
}

/// An observer that lets everything run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}

/// One optimizer step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done so far, from 1.
    pub step: u64,
    /// The epoch this step belongs to, from 1.
    pub epoch: u32,
    /// Mean loss over the batch, before the update.
    pub loss: f64,
    /// Learning rate of this update.
    pub learning_rate: f64,
    /// Euclidean norm of the whole gradient, before clipping.
    pub gradient_norm: f64,
}

/// Where the weights are after `step` steps, with what is known of the step that leaves them. Both belong together: loss and gradient
/// are those of these very weights on the batch of the next step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathPoint<'a> {
    /// Steps done.
    pub step: u64,
    /// The epoch of the step that leaves the point, from 1; at the end the epochs done.
    pub epoch: u32,
    /// Mean loss: of the batch, at the end of the whole training part, where it was measured.
    pub loss: Option<f64>,
    /// Euclidean norm of the gradient, before clipping; none at the end.
    pub gradient_norm: Option<f64>,
    /// Learning rate of the step; none at the end.
    pub learning_rate: Option<f64>,
    /// Euclidean norm of the step, an estimate where a point is not complete; none at the end.
    pub update_norm: Option<f64>,
    /// The path ends here. Such a point is kept whatever its step.
    pub is_last: bool,
    /// What the layout keeps of the weights.
    pub numbers: &'a [f32],
    /// All trained numbers as bfloat16, where the layout has a snapshot of this step.
    pub snapshot: Option<&'a [u16]>,
}

/// One pass over the training part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport<'a> {
    /// Epochs done so far, from 1.
    pub epoch: u32,
    /// Epochs the run will do at most.
    pub epochs: u32,
    /// Steps done so far.
    pub step: u64,
    /// Name and value, for example `("train_loss", 0.31)`. All values are finite: a metric that is undefined on this part (the
    /// ROC AUC of one class) is absent.
    pub metrics: &'a [(&'static str, f64)],
    /// Best value of the watched metric so far, where early stopping watches one.
    pub best: Option<f64>,
    /// Epochs without improvement that are still tolerated, where early stopping watches.
    pub patience_left: Option<u32>,
    /// Whether this epoch is the best so far by the watched metric (validation loss without early stopping).
    pub is_best: bool,
}

/// A checkpoint, ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointReport {
    /// The complete state; see `checkpoint.rs` for the format.
    pub bytes: Vec<u8>,
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: u32,
    /// Whether it holds the weights of the best epoch so far.
    pub is_best: bool,
}

/// An observer's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directive {
    /// Go on.
    #[default]
    Continue,
    /// Hand over a checkpoint, then go on.
    Checkpoint,
    /// Stop here; [`Trainer::checkpoint`](super::Trainer::checkpoint) afterwards holds everything needed to go on.
    Pause,
    /// End the training for good.
    Stop(StopReason),
}

/// Why a training is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked for it: nothing is kept.
    Asked,
    /// The run's time is over: the best weights so far are tested and become the model.
    TimeLimit,
}

/// How a call of [`Trainer::run`](super::Trainer::run) ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// Training is over and there is a model.
    Completed(Completion),
    /// The observer asked for a pause.
    Paused,
    /// The observer asked for an end.
    Stopped,
    /// The observer said the time is over; there is a model.
    TimeLimit,
    /// A loss or gradient stopped being finite. The weights are those before the bad step; there is no model.
    Diverged {
        /// The step that was refused.
        step: u64,
        /// What was not finite, in words.
        what: String,
        /// A learning rate that is worth a try.
        suggested_learning_rate: f64,
        /// The same as a patch on the spec, as in the diagnosis.
        spec_patch: Value,
    },
}

impl Ending {
    /// Whether [`Trainer::trained`](super::Trainer::trained) has a model to give.
    #[must_use]
    pub fn has_model(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::TimeLimit)
    }
}

/// Why a training was over by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Completion {
    /// All epochs were done.
    EpochsDone,
    /// The watched metric stopped improving; the weights of `best_epoch` are kept. Where the metric never was a number, that is the last epoch.
    EarlyStopped {
        /// Epochs done.
        epoch: u32,
        /// The epoch whose weights are kept.
        best_epoch: u32,
    },
    /// A metric was not good enough at a rung of the spec.
    StoppedAtRung {
        /// Epochs done.
        epoch: u32,
        /// The metric that decided.
        metric: &'static str,
        /// Its value after that epoch.
        value: f64,
    },
    /// A perceptron went through an epoch without a mistake.
    Converged {
        /// Epochs done.
        epoch: u32,
    },
    /// No perceptron can separate the classes; the message says how that is known.
    NotLinearlySeparable {
        /// Epochs done.
        epoch: u32,
        /// How it is known.
        message: String,
    },
}
