//! c = a + b, element by element. It joins the gradients of a value that is used more than once.

use super::{Context, Derivation, Matrix, Rule, alike};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{NotExported, Value, Writing};

/// Sum of two matrices of the same shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add;

impl Rule for Add {
    const NAME: &'static str = "add";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 2)
    }

    /// da = db = dc.
    fn derive(&self, _graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        Ok(at.gradient)
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let (a, b) = (at.batch(0)?, at.batch(1)?);
        let c = at.node("Add", &[&a.name, &b.name], Vec::new());
        Ok(at.same(c))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        add(context.isa, out, inputs[0].values);
    }
}

kernel! {
    fn add[T: Real](sum: &mut [T], other: &[T]) {
        for (sum, &other) in sum.iter_mut().zip(other) {
            *sum += other;
        }
    }
}
