//! The same numbers in other rows: `[batch x steps features]` as `[steps batch x features]`. Nothing is computed.

use super::{Context, Derivation, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::onnx::{NotExported, Value, Writing};

/// Sees its input in another shape. A plan gives both the same place, so it costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reshape {
    /// The shape to be seen.
    pub shape: Shape,
}

impl Rule for Reshape {
    const NAME: &'static str = "reshape";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        // Two batch sizes tell rows per sample from fixed rows.
        let n_numbers = |shape: Shape| [1, 2].map(|batch| shape.rows.count(batch) * shape.cols);
        match inputs {
            &[x] if n_numbers(x) == n_numbers(self.shape) => Ok(self.shape),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one matrix with as many numbers as the new shape",
            )),
        }
    }

    /// dx = dy in the shape of x.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let shape = graph.shape(at.inputs[0]);
        graph.apply(Reshape { shape }, &[at.gradient])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?;
        let y = at.viewed(&x, &[x.rows * x.cols]);
        Ok(at.put(&y, &[x.rows * x.cols]))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        out.copy_from_slice(inputs[0].values);
    }
}
