//! Plans: a graph compiled once, then run step after step without allocating and without a lock.
//!
//! ```text
//! Graph --compile--> Program (instructions in order, a place for every value) --run--> Arena (the numbers)
//! ```
//!
//! A [`Calculation`] is both, for any graph. The plans built on it: [`TrainPlan`] (loss, gradients, update),
//! [`EvaluationPlan`] (outputs and loss), [`GradientPlan`] (the gradient of that loss), [`Probe`] (what every layer does, for diagnoses) and
//! [`crate::model::Model`] (predictions).

mod arena;
mod calculation;
mod compile;
mod compiled;
mod cost;
mod evaluate;
mod gradient;
mod halves;
mod ownership;
mod packing;
mod preparation;
mod probe;
mod program;
mod train;

pub(crate) use calculation::packings;
pub use calculation::{Calculation, Inputs, measure};
pub use compiled::Compiled;
pub use cost::Cost;
pub use evaluate::{EVALUATED_ROWS, EvaluationPlan};
pub use gradient::GradientPlan;
pub(crate) use packing::Packing;
pub use probe::{LayerActivity, PROBED_ROWS, Probe};
pub use train::{StepResult, TrainPlan};

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

impl<'a, T> Targets<'a, T> {
    /// Those of some rows of `n_rows`.
    fn part(self, rows: std::ops::Range<usize>, n_rows: usize) -> Targets<'a, T> {
        match self {
            Targets::Labels(labels) => Targets::Labels(&labels[rows]),
            Targets::Values(values) => {
                let n_targets = values.len() / n_rows;
                Targets::Values(&values[rows.start * n_targets..rows.end * n_targets])
            }
        }
    }

    /// The labels and the values; the one that the batch does not have is empty.
    #[inline]
    fn split(self) -> (&'a [u32], &'a [T]) {
        match self {
            Targets::Labels(labels) => (labels, &[]),
            Targets::Values(values) => (&[], values),
        }
    }
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
