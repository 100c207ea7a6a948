//! L = mean over rows i of sum over c of t_ic (ln t_ic - ln softmax(z_i)_c), with 0 ln 0 = 0.
//!
//! z `[batch x K]` are the outputs, t `[batch x K]` the shares: not negative, each row with sum 1. It is the divergence
//! of the softmax from the targets (Kullback, Leibler 1951) and PyTorch's `KLDivLoss` with `reduction="batchmean"` on
//! `log_softmax`; 0 is a perfect fit.

use super::softmax::{largest, row_sum, shifted_exponentials};
use super::{Context, Derivation, Matrix, Rule, gradient_on_values, loss_on_values};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;

/// Inputs: outputs and targets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kl;

impl Rule for Kl {
    const NAME: &'static str = "kl";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        loss_on_values(Self::NAME, inputs)
    }

    /// dz_ic = dL/n (S_i softmax(z_i)_c - t_ic), with n the number of rows and S_i the sum of row i of the targets.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(KlGradient, &[at.inputs[0], at.inputs[1], at.gradient]),
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
            inputs[0].cols,
        );
    }
}

/// Derivative of [`Kl`] by the outputs: outputs, targets, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KlGradient;

impl Rule for KlGradient {
    const NAME: &'static str = "kl_gradient";

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
        let scale = inputs[2].values[0] / T::from_count(inputs[0].rows());
        gradient(
            context.isa,
            out,
            inputs[0].values,
            inputs[1].values,
            inputs[0].cols,
            scale,
        );
    }
}

kernel! {
    fn loss[T: Real](outputs: &[T], targets: &[T], cols: usize) -> T {
        let mut total = 0.0;
        for (z, t) in outputs.chunks_exact(cols).zip(targets.chunks_exact(cols)) {
            let shift = largest(z);
            let mut sum = T::ZERO;
            for &z in z {
                sum += (z - shift).exp();
            }
            let normaliser = shift + sum.ln();
            let mut divergence = T::ZERO;
            for (&z, &t) in z.iter().zip(t) {
                let own = (if t > T::ZERO { t } else { T::ONE }).ln();
                divergence += t * (own + (normaliser - z));
            }
            total += divergence.to_f64();
        }
        T::from_f64(total / (outputs.len() / cols).max(1) as f64)
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], targets: &[T], cols: usize, scale: T) {
        shifted_exponentials(out, outputs, cols);
        for (line, t) in out.chunks_exact_mut(cols).zip(targets.chunks_exact(cols)) {
            let factor = scale * row_sum(t) / row_sum(line);
            for (d, &t) in line.iter_mut().zip(t) {
                *d = *d * factor - scale * t;
            }
        }
    }
}
