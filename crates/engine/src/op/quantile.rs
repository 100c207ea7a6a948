//! L = mean over elements of q r for r >= 0, else (q - 1) r; r = t - z (Koenker, Bassett 1978).
//!
//! z are the outputs, t the targets. The z with the smallest expected loss is the q-quantile of t; q = 1/2 is half the
//! absolute error. It is scikit-learn's `mean_pinball_loss`.

use super::{Context, Derivation, Matrix, Rule, gradient_on_values, loss_on_values};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::reduce::mean_of;

/// Inputs: outputs and targets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// q, between 0 and 1.
    pub quantile: f64,
}

impl Rule for Quantile {
    const NAME: &'static str = "quantile";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        loss_on_values(Self::NAME, inputs)
    }

    /// dz = -q dL/n for z < t, (1 - q) dL/n for z > t and 0 between, with n the number of elements.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(
                QuantileGradient {
                    quantile: self.quantile,
                },
                &[at.inputs[0], at.inputs[1], at.gradient],
            ),
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
        out[0] = loss(
            context.isa,
            inputs[0].values,
            inputs[1].values,
            T::from_f64(self.quantile),
        );
    }
}

mean_of! {
    fn loss(q) |z, t| {
        let r = t - z;
        if r < T::ZERO { (q - T::ONE) * r } else { q * r }
    }
}

/// Derivative of [`Quantile`] by the outputs: outputs, targets, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileGradient {
    /// q, between 0 and 1.
    pub quantile: f64,
}

impl Rule for QuantileGradient {
    const NAME: &'static str = "quantile_gradient";

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
        let q = T::from_f64(self.quantile);
        gradient(
            context.isa,
            out,
            inputs[0].values,
            inputs[1].values,
            -(scale * q),
            scale * (T::ONE - q),
        );
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], targets: &[T], below: T, above: T) {
        for ((d, &z), &t) in out.iter_mut().zip(outputs).zip(targets) {
            let r = t - z;
            // A residual that is not a number stays one, so that a diverged step is seen.
            *d = if r > T::ZERO {
                below
            } else if r < T::ZERO {
                above
            } else {
                r
            };
        }
    }
}
