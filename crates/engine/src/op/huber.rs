//! L = mean over elements of r^2/2 for |r| <= delta, else delta (|r| - delta/2); r = z - t (Huber 1964).

use super::{Context, Derivation, Matrix, Rule, gradient_on_values, loss_on_values};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::reduce::mean_of;

/// Inputs: outputs and targets of the same shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    /// Where the square ends, above 0.
    pub delta: f64,
}

impl Rule for Huber {
    const NAME: &'static str = "huber";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        loss_on_values(Self::NAME, inputs)
    }

    /// dz = dL/n r for |r| <= delta, else dL/n delta sign(r), with n the number of elements.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(
                HuberGradient { delta: self.delta },
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
            T::from_f64(self.delta),
        );
    }
}

mean_of! {
    fn loss(delta) |z, t| {
        // With q = min(|r|, delta) both branches are q (|r| - q/2).
        let r = (z - t).abs();
        let q = if r > delta { delta } else { r };
        q * (r - T::from_f64(0.5) * q)
    }
}

/// Derivative of [`Huber`] by the outputs: outputs, targets, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HuberGradient {
    /// Where the square ends, above 0.
    pub delta: f64,
}

impl Rule for HuberGradient {
    const NAME: &'static str = "huber_gradient";

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
            scale,
            T::from_f64(self.delta),
        );
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], targets: &[T], scale: T, delta: T) {
        for ((d, &z), &t) in out.iter_mut().zip(outputs).zip(targets) {
            let r = z - t;
            *d = scale * {
                let r = if r > delta { delta } else { r };
                if r < -delta { -delta } else { r }
            };
        }
    }
}
