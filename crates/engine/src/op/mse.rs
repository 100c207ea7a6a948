//! L = mean over elements of (z - t)^2; z are the outputs, t the targets.

use super::{Context, Derivation, Matrix, Rule, Split, gradient_on_values, loss_on_values};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::reduce::mean_of;

/// Inputs: outputs and targets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mse;

impl Rule for Mse {
    const NAME: &'static str = "mse";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        loss_on_values(Self::NAME, inputs)
    }

    /// dz = 2 dL/n (z - t), with n the number of elements.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(MseGradient, &[at.inputs[0], at.inputs[1], at.gradient]),
            input_idx => Err(GraphError::NoDerivative {
                op: Self::NAME,
                input_idx,
            }),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        out[0] = loss(context.isa, inputs[0].values, inputs[1].values);
    }
}

mean_of! {
    fn loss() |z, t| (z - t) * (z - t)
}

/// Derivative of [`Mse`] by the outputs: outputs, targets, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MseGradient;

impl Rule for MseGradient {
    const NAME: &'static str = "mse_gradient";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        gradient_on_values(Self::NAME, inputs)
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let [outputs, targets, dloss] = [0, 1, 2].map(|input_idx| inputs[input_idx].values);
        let scale = dloss[0] / T::from_count(outputs.len());
        let part = first..first + out.len();
        gradient(
            context.isa,
            out,
            &outputs[part.clone()],
            &targets[part],
            scale,
        );
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], targets: &[T], scale: T) {
        for ((d, &z), &t) in out.iter_mut().zip(outputs).zip(targets) {
            let r = z - t;
            *d = scale * (r + r);
        }
    }
}
