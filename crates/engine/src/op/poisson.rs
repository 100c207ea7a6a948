//! L = mean over elements of e^z - t z + t ln t - t, with 0 ln 0 = 0: half the Poisson deviance of the rate e^z.
//!
//! z are the outputs, t >= 0 the counts. It is PyTorch's `PoissonNLLLoss` (`log_input=True`) plus t ln t - t, which
//! depends on the targets alone: the derivative is the same, and a perfect fit has loss 0 (McCullagh, Nelder 1989, 2.3).

use super::{Context, Derivation, Matrix, Rule, gradient_on_values, loss_on_values};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::reduce::mean_of;

/// Inputs: outputs and targets of the same shape; the targets are not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poisson;

impl Rule for Poisson {
    const NAME: &'static str = "poisson";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        loss_on_values(Self::NAME, inputs)
    }

    /// dz = dL/n (e^z - t), with n the number of elements.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(PoissonGradient, &[at.inputs[0], at.inputs[1], at.gradient]),
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
    fn loss() |z, t| {
        // With d = z - ln t it is t (e^d - 1 - d), in which large counts do not cancel; for t = 0 it is e^z.
        let counted = t > T::ZERO;
        let d = z - (if counted { t } else { T::ONE }).ln();
        let m = d.exp_m1();
        if counted { t * (m - d) } else { m + T::ONE }
    }
}

/// Derivative of [`Poisson`] by the outputs: outputs, targets, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoissonGradient;

impl Rule for PoissonGradient {
    const NAME: &'static str = "poisson_gradient";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        gradient_on_values(Self::NAME, inputs)
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let scale = inputs[2].values[0] / T::from_count(out.len());
        gradient(context.isa, out, inputs[0].values, inputs[1].values, scale);
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], targets: &[T], scale: T) {
        for ((d, &z), &t) in out.iter_mut().zip(outputs).zip(targets) {
            *d = scale * (z.exp() - t);
        }
    }
}
