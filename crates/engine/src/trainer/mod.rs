//! Trains a resolved spec on a dataset and says what happens.
//!
//! ```
//! # use std::sync::Arc;
//! # use descent_engine::{dataset::{Dataset, Parts, Targets}, spec::Spec};
//! use descent_engine::trainer::{Ending, Silent, Trainer};
//! # let features = ndarray::Array2::from_shape_fn((40, 1), |(row, _)| row as f32 / 20.0 - 1.0);
//! # let targets = Targets::Classes { labels: (0..40).map(|row| u32::from(row >= 20)).collect(), names: vec!["no".into(), "yes".into()] };
//! # let dataset = Arc::new(Dataset { features, categories: vec![], sample_shape: 1.into(), targets, feature_names: vec!["x".into()], feature_columns: vec![0], column_names: vec!["x".into()] });
//! # let parts = Parts { train: (0..40).filter(|row| row % 4 != 0).collect(), validation: vec![], test: (0..40).step_by(4).collect() };
//! let spec = Spec::parse(br#"{"dataset": "steps", "task": {"kind": "classification", "target": "y"}, "training": {"epochs": 50}}"#);
//! let spec = spec.and_then(|spec| spec.resolve(&dataset.facts(parts.train.len())));
//! let mut trainer = Trainer::new(&spec.expect("a sound spec"), dataset, parts)?;
//! assert!(matches!(trainer.run(&mut Silent), Ending::Completed(_)));
//! let accuracy = trainer.trained()?.metrics.iter().find(|(name, _)| name == "test_accuracy").map(|(_, value)| *value);
//! assert!(accuracy >= Some(0.8));
//! # Ok::<(), descent_engine::trainer::EngineError>(())
//! ```

mod advice;
pub(crate) mod baseline;
mod error;
mod evaluation;
mod fingerprint;
mod network;
mod observer;
mod perceptron;
pub(crate) mod recipe;
mod recorder;
pub(crate) mod rows;
mod state;
mod stopping;
mod targets;
mod trained;

use std::sync::Arc;

pub use error::EngineError;
pub use observer::{
    CheckpointReport, Completion, Directive, Ending, EpochReport, Observer, PathPoint, Silent,
    StepReport, StopReason,
};
pub use trained::{Confusion, Golden, Residuals, Roc, Trained};

use crate::dataset::{Dataset, Outcome, Parts};
use crate::isa::Cpu;
use crate::spec::{Family, Spec, Violation};
use crate::trajectory::Layout;

/// One training: everything that changes while it goes on.
pub struct Trainer {
    learner: Learner,
}

/// What is trained; one variant per kind of network.
enum Learner {
    Network(Box<network::NetworkTrainer>),
    Perceptron(Box<perceptron::PerceptronTrainer>),
}

/// Hands a call to the trainer of the family.
macro_rules! each {
    ($learner:expr, $it:ident => $call:expr) => {
        match $learner {
            Learner::Network($it) => $call,
            Learner::Perceptron($it) => $call,
        }
    };
}

impl Trainer {
    /// Prepares a training on as many threads as the spec says, with the best instructions of this machine. `spec` is resolved,
    /// see [`Spec::resolve`].
    ///
    /// # Errors
    /// When the spec is not resolved, the dataset contradicts itself, or the two do not fit.
    pub fn new(spec: &Spec, dataset: Arc<Dataset>, parts: Parts) -> Result<Self, EngineError> {
        Self::on(
            Cpu::native(spec.resources.threads as usize),
            spec,
            dataset,
            parts,
        )
    }

    /// Like [`Trainer::new`], with these instructions and threads. The number of threads does not change a bit of the result.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn on(
        cpu: Cpu,
        spec: &Spec,
        dataset: Arc<Dataset>,
        parts: Parts,
    ) -> Result<Self, EngineError> {
        dataset.check(&parts)?;
        let facts = dataset.facts(parts.train.len());
        if matches!(facts.outcome, Outcome::Classes(_)) != spec.task.kind.has_classes() {
            let message = format!(
                "{} was asked for, and the targets of the dataset are of another kind",
                spec.task.kind.article()
            );
            return Err(EngineError::Spec(vec![Violation::new(
                "/task/kind",
                "contradiction",
                message,
            )]));
        }
        if facts.n_features() == 0 {
            let message = "no column is left to learn from";
            return Err(EngineError::Spec(vec![Violation::new(
                "/task/features",
                "no_features",
                message,
            )]));
        }
        // Resolving again changes nothing in a resolved spec and checks it against this data.
        spec.resolve(&facts).map_err(EngineError::Spec)?;
        if let Some(loss) = &spec.loss {
            targets::check(loss, &dataset, &parts)?;
        }
        let fingerprint = fingerprint::of(spec, &dataset, &parts);
        let learner = if spec.family() == Family::Perceptron {
            Learner::Perceptron(Box::new(perceptron::PerceptronTrainer::new(
                spec,
                dataset,
                parts,
                cpu,
                fingerprint,
            )?))
        } else {
            Learner::Network(Box::new(network::NetworkTrainer::new(
                spec,
                dataset,
                parts,
                cpu,
                fingerprint,
            )?))
        };
        Ok(Self { learner })
    }

    /// Goes on where [`Trainer::checkpoint`] was called, bit by bit. The trainer must have been made from the same spec, data
    /// and parts.
    ///
    /// # Errors
    /// When the checkpoint is damaged or belongs to another training; then nothing has changed.
    pub fn restore(&mut self, checkpoint: &[u8]) -> Result<(), EngineError> {
        each!(&mut self.learner, it => it.restore(checkpoint))
    }

    /// Starts from the weights of another training's checkpoint; everything else begins anew.
    ///
    /// # Errors
    /// When the checkpoint is damaged or its network has another shape.
    pub fn fork_from(&mut self, checkpoint: &[u8]) -> Result<(), EngineError> {
        each!(&mut self.learner, it => it.fork_from(checkpoint))
    }

    /// Trains until it ends, pauses or is stopped. After [`Ending::Paused`] it may be called again.
    pub fn run(&mut self, observer: &mut dyn Observer) -> Ending {
        each!(&mut self.learner, it => it.run(observer))
    }

    /// The same training, whose path nobody wants: no point of it is handed to the observer. No bit of the result changes.
    #[must_use]
    pub fn without_path(mut self) -> Self {
        each!(&mut self.learner, it => it.turn_path_off());
        self
    }

    /// The same training, whose remedies are patches on `asked`, the spec that this one was resolved from. No bit of the result changes.
    #[must_use]
    pub fn resolved_from(mut self, asked: &Spec) -> Self {
        if let (None, Learner::Network(trainer)) = (&asked.optimizer, &mut self.learner) {
            trainer.default_optimizer();
        }
        self
    }

    /// What is recorded of the weights' path, and at which steps.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        each!(&self.learner, it => it.layout())
    }

    /// The complete state, good for [`Trainer::restore`].
    #[must_use]
    pub fn checkpoint(&self) -> CheckpointReport {
        each!(&self.learner, it => it.checkpoint())
    }

    /// The model, once [`Ending::has_model`].
    ///
    /// # Errors
    /// [`EngineError::NotTrained`] before that.
    pub fn trained(&self) -> Result<&Trained, EngineError> {
        each!(&self.learner, it => it.trained()).ok_or(EngineError::NotTrained)
    }
}

/// Does what an observer answered; the ending if that ends the call.
fn obey(
    directive: Directive,
    observer: &mut dyn Observer,
    checkpoint: impl FnOnce() -> CheckpointReport,
) -> Option<Ending> {
    match directive {
        Directive::Continue => None,
        Directive::Checkpoint => {
            observer.checkpoint(checkpoint());
            None
        }
        Directive::Pause => Some(Ending::Paused),
        Directive::Stop(reason) => Some(reason.into()),
    }
}
