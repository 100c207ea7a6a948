//! y = e^x, element by element: turns the outputs of a network that learned with `Poisson` into expected counts.

use super::{Context, Derivation, Matrix, Rule, alike};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{NotExported, Value, Writing};

/// e^x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exponential;

impl Rule for Exponential {
    const NAME: &'static str = "exponential";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 1)
    }

    /// dx = dy y.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(ExponentialGradient, &[at.gradient, at.output])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?;
        let y = at.node("Exp", &[&x.name], Vec::new());
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        _inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        exponential(context.isa, out);
    }
}

/// Derivative of [`Exponential`] from the gradient and the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExponentialGradient;

impl Rule for ExponentialGradient {
    const NAME: &'static str = "exponential_gradient";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 2)
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        times(context.isa, out, inputs[0].values);
    }
}

kernel! {
    /// x <- e^x.
    pub(crate) fn exponential[T: Real](values: &mut [T]) {
        for x in values {
            *x = x.exp();
        }
    }
}

kernel! {
    fn times[T: Real](gradients: &mut [T], outputs: &[T]) {
        for (d, &y) in gradients.iter_mut().zip(outputs) {
            *d *= y;
        }
    }
}
