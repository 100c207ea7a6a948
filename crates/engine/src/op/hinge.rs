//! L = mean over rows i of 1/K sum over c != y of max(0, m + z_ic - z_iy): every other class stays m below the right one.
//!
//! z `[batch x K]` are the outputs, y the class of row i, m the margin. It is the multi-class hinge of Weston and Watkins
//! (1999), scaled as PyTorch's `MultiMarginLoss`.

use super::{Context, Derivation, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;

/// Inputs: outputs and labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hinge {
    /// m, above 0.
    pub margin: f64,
}

impl Rule for Hinge {
    const NAME: &'static str = "hinge";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [_, labels] if *labels == Shape::batch(1) => Ok(Shape::SCALAR),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one output per class, and labels",
            )),
        }
    }

    /// dz_ic = dL/(n K) [m + z_ic - z_iy > 0] for c != y, and dz_iy is minus the sum of these; n is the number of rows.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(
                HingeGradient {
                    margin: self.margin,
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
            context.labels,
            T::from_f64(self.margin),
        );
    }
}

/// Derivative of [`Hinge`] by the outputs: outputs, labels, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HingeGradient {
    /// m, above 0.
    pub margin: f64,
}

impl Rule for HingeGradient {
    const NAME: &'static str = "hinge_gradient";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [output, labels, Shape::SCALAR] if *labels == Shape::batch(1) => Ok(*output),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one output per class, labels, and a scalar",
            )),
        }
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
            context.labels,
            T::from_f64(self.margin),
            scale,
        );
    }
}

/// By how much a class is too near, or above: max(0, x), and NaN for NaN, so that a diverged step is seen.
#[inline(always)]
fn excess<T: Real>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

kernel! {
    fn loss[T: Real](outputs: &[T], labels: &[u32], margin: T) -> T {
        let cols = outputs.len() / labels.len();
        let mut total = 0.0;
        for (z, &label) in outputs.chunks_exact(cols).zip(labels) {
            let right = z[label as usize];
            let mut sum = T::ZERO;
            for &z in z {
                sum += excess(margin + (z - right));
            }
            // The right class itself contributed the margin.
            total += (sum - margin).to_f64();
        }
        T::from_f64(total / outputs.len() as f64)
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], labels: &[u32], margin: T, scale: T) {
        let cols = outputs.len() / labels.len();
        for ((line, z), &label) in out.chunks_exact_mut(cols).zip(outputs.chunks_exact(cols)).zip(labels) {
            let class = label as usize;
            let right = z[class];
            let mut sum = T::ZERO;
            for (d, &z) in line.iter_mut().zip(z) {
                *d = if margin + (z - right) > T::ZERO { scale } else { T::ZERO };
                sum += *d;
            }
            // The right class counted itself once.
            line[class] = scale - sum;
        }
    }
}
