//! What a resolved spec asks of the trainer, with nothing optional left.

use super::EngineError;
use crate::loss::{ClassWeights, Loss};
use crate::optimizer::Optimizer;
use crate::schedule::Schedule;
use crate::spec::{Spec, Violation};

/// The fixed terms of a training.
pub(crate) struct Recipe {
    /// The loss with class weights as numbers.
    pub(crate) loss: Loss,
    pub(crate) optimizer: Optimizer,
    pub(crate) schedule: Schedule,
    pub(crate) clip_norm: Option<f64>,
    pub(crate) epochs: u32,
    /// Rows of a step, at most as many as train.
    pub(crate) batch_size: usize,
    pub(crate) steps_per_epoch: u64,
    pub(crate) seed: u64,
    /// Whether rare classes weigh more.
    pub(crate) weighs_classes: bool,
}

impl Recipe {
    /// Reads a resolved spec. `class_counts` are the training rows of each class.
    pub(crate) fn of(
        spec: &Spec,
        class_counts: &[u64],
        n_train: usize,
    ) -> Result<Self, EngineError> {
        let loss = spec.loss.as_ref().ok_or_else(|| unresolved("/loss"))?;
        let optimizer = spec
            .optimizer
            .as_ref()
            .ok_or_else(|| unresolved("/optimizer"))?;
        let batch_size = spec
            .training
            .batch_size
            .ok_or_else(|| unresolved("/training/batch_size"))?;
        let batch_size = (batch_size as usize).clamp(1, n_train.max(1));
        let loss = match loss {
            Loss::CrossEntropy(loss) => Loss::CrossEntropy(loss.resolved(class_counts)),
            other => other.clone(),
        };
        let weighs_classes = match &loss {
            Loss::CrossEntropy(loss) => matches!(loss.class_weights, Some(ClassWeights::Values(_))),
            Loss::BinaryCrossEntropy(loss) => loss.positive_weight != 1.0,
            _ => false,
        };
        Ok(Self {
            loss,
            optimizer: optimizer.rule.clone(),
            schedule: optimizer.schedule.clone().unwrap_or(Schedule::Constant {}),
            clip_norm: optimizer.clip_norm,
            epochs: spec
                .training
                .epochs
                .ok_or_else(|| unresolved("/training/epochs"))?,
            batch_size,
            steps_per_epoch: n_train.div_ceil(batch_size) as u64,
            seed: spec.training.seed,
            weighs_classes,
        })
    }

    /// Learning rate of the step after `step` steps; `reduced` is what a plateau has made of it so far.
    pub(crate) fn learning_rate(&self, step: u64, reduced: f64) -> f64 {
        let n_steps = self.steps_per_epoch * u64::from(self.epochs);
        self.optimizer.learning_rate()
            * self
                .schedule
                .factor(step, self.steps_per_epoch, n_steps, reduced)
    }
}

/// The error for a spec that lacks what resolving fills in.
pub(crate) fn unresolved(pointer: &str) -> EngineError {
    EngineError::Spec(vec![Violation::new(
        pointer,
        "unresolved",
        "the spec is not resolved",
    )])
}
