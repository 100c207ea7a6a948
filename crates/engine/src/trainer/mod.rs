//! Trains a resolved spec on a dataset and says what happens.

mod error;
mod observer;

use std::sync::Arc;

pub use error::EngineError;
pub use observer::{
    CheckpointReport, Completion, Directive, Ending, EpochReport, Observer, Silent, StepReport,
    StopReason,
};

use crate::dataset::{Dataset, Parts};
use crate::spec::{Spec, Violation};

/// What a finished training leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The weights as a safetensors file.
    pub weights: Vec<u8>,
    /// SHA-256 of `weights`, as lower-case hex.
    pub sha256: String,
    /// `test_...` of the kept weights, and the `train_...` and `validation_...` of their epoch.
    pub metrics: Vec<(String, f64)>,
    /// How the test rows were told apart, for a classification.
    pub confusion: Option<Confusion>,
    /// Epochs done.
    pub epochs: u32,
    /// Steps done.
    pub steps: u64,
    /// The epoch whose weights are kept.
    pub best_epoch: u32,
}

/// Counts of true against predicted classes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Confusion {
    /// Class names, the order of rows and columns.
    pub labels: Vec<String>,
    /// `counts[true][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

/// One training: everything that changes while it goes on.
pub struct Trainer {
    learner: Learner,
}

/// What is trained; one variant per kind of network.
enum Learner {}

impl Trainer {
    /// Prepares a training. `spec` is resolved, see [`Spec::resolve`].
    ///
    /// # Errors
    /// When the spec is not resolved, the dataset contradicts itself, or the two do not fit.
    pub fn new(spec: &Spec, dataset: Arc<Dataset>, parts: Parts) -> Result<Self, EngineError> {
        dataset.check(&parts)?;
        let message = format!(
            "no trainer for the family {} is built in",
            spec.family().name()
        );
        Err(EngineError::Spec(vec![Violation::new(
            "/network",
            "unsupported",
            message,
        )]))
    }

    /// Goes on where [`Trainer::checkpoint`] was called, bit by bit. The trainer must have been made from the same spec, data
    /// and parts.
    ///
    /// # Errors
    /// When the checkpoint is damaged or belongs to another training.
    pub fn restore(&mut self, checkpoint: &[u8]) -> Result<(), EngineError> {
        let _ = checkpoint;
        match self.learner {}
    }

    /// Starts from the weights of another training's checkpoint; everything else begins anew.
    ///
    /// # Errors
    /// When the checkpoint is damaged or its weights have other shapes.
    pub fn fork_from(&mut self, checkpoint: &[u8]) -> Result<(), EngineError> {
        let _ = checkpoint;
        match self.learner {}
    }

    /// Trains until it ends, pauses or is stopped. After [`Ending::Paused`] it may be called again.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Ending {
        let _ = observer;
        match self.learner {}
    }

    /// The complete state, good for [`Trainer::restore`].
    #[must_use]
    pub fn checkpoint(&self) -> CheckpointReport {
        match self.learner {}
    }

    /// The model, once [`Ending::has_model`].
    ///
    /// # Errors
    /// [`EngineError::NotTrained`] before that.
    pub fn trained(&self) -> Result<Trained, EngineError> {
        match self.learner {}
    }
}
