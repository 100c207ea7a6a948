//! Plans: a graph compiled once, then run step after step without allocating and without a lock.
//!
//! ```text
//! Graph --compile--> Program (instructions in order, a place for every value) --run--> Arena (the numbers)
//! ```
//!
//! A [`Program`] never changes, so threads may share it; each has an [`Arena`] of its own. The plans built on it:
//! [`TrainPlan`] (loss, gradients, update), [`EvaluationPlan`] (outputs and loss), [`Probe`](probe::Probe) (what every
//! layer does, for diagnoses) and [`crate::model::Model`] (predictions).

mod arena;
mod compile;
mod cost;
mod evaluate;
mod probe;
mod program;
mod train;

pub use cost::Cost;
pub use evaluate::EvaluationPlan;
pub use probe::{LayerActivity, Probe};
pub use train::{StepResult, TrainPlan};

pub(crate) use arena::Arena;
pub(crate) use compile::Results;
pub(crate) use program::{Bindings, Crew, Program};

use crate::element::Real;
use crate::graph::GraphError;
use crate::network::NetworkError;

/// The targets of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, T> {
    /// The class of each row.
    Labels(&'a [u32]),
    /// The target values, row-major `[rows x n_targets]`.
    Values(&'a [T]),
}

/// Why a plan cannot be made for a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A layer or the loss does not fit.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// An op does not fit.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The batch is empty.
    #[error("a batch has at least one row")]
    EmptyBatch,
    /// The plan would need more memory than can be counted.
    #[error("the values of a step take more memory than this machine can address")]
    TooLarge,
}

/// The labels as a slice, and the values as a slice; the one that a batch does not have is empty.
pub(crate) fn split<'a, T: Real>(targets: Targets<'a, T>) -> (&'a [u32], &'a [T]) {
    match targets {
        Targets::Labels(labels) => (labels, &[]),
        Targets::Values(values) => (&[], values),
    }
}
