//! L = mean over elements of p t softplus(-z) + (1 - t) softplus(z), with softplus(z) = ln(1 + e^z).
//!
//! z are the outputs before any sigmoid, t the targets (0 or 1, or a probability), p the weight of the positive side.
//! This is PyTorch's `BCEWithLogitsLoss` with `pos_weight`.

use super::{Context, Derivation, Matrix, Rule, gradient_on_values, loss_on_values};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::reduce::mean_of;

/// Inputs: outputs and targets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryCrossEntropy {
    /// p, above 0.
    pub positive_weight: f64,
}

impl Rule for BinaryCrossEntropy {
    const NAME: &'static str = "binary_cross_entropy";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        loss_on_values(Self::NAME, inputs)
    }

    /// dz = dL/n [(1 - t) s(z) - p t s(-z)], with s the sigmoid and n the number of elements.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(
                BinaryCrossEntropyGradient {
                    positive_weight: self.positive_weight,
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
            T::from_f64(self.positive_weight),
        );
    }
}

mean_of! {
    fn loss(p) |z, t| {
        // softplus(z) = max(z, 0) + ln(1 + e^-|z|), and softplus(-z) = softplus(z) - z.
        let above = if z < T::ZERO { T::ZERO } else { z };
        let tail = (-z.abs()).exp().ln_1p_unit();
        p * t * ((above - z) + tail) + (T::ONE - t) * (above + tail)
    }
}

/// Derivative of [`BinaryCrossEntropy`] by the outputs: outputs, targets, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryCrossEntropyGradient {
    /// p, above 0.
    pub positive_weight: f64,
}

impl Rule for BinaryCrossEntropyGradient {
    const NAME: &'static str = "binary_cross_entropy_gradient";

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
        gradient(
            context.isa,
            out,
            inputs[0].values,
            inputs[1].values,
            T::from_f64(self.positive_weight),
            scale,
        );
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], targets: &[T], p: T, scale: T) {
        for ((d, &z), &t) in out.iter_mut().zip(outputs).zip(targets) {
            let yes = T::ONE / (T::ONE + (-z).exp());
            let no = T::ONE / (T::ONE + z.exp());
            *d = scale * ((T::ONE - t) * yes - p * t * no);
        }
    }
}
