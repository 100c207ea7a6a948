//! y = [a | b | ...]: the columns of several matrices beside each other, row by row. a `[rows x m]`, b `[rows x n]`, y `[rows x (m + n)]`.

use super::{Context, Derivation, MAX_INPUTS, Matrix, Rule, Slice, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// The columns of up to five matrices beside each other; more are joined in several steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat;

impl Rule for Concat {
    const NAME: &'static str = "concat";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let rows = inputs.first().map(|first| first.rows);
        match rows {
            Some(Rows::PerSample(rows))
                if inputs.len() <= MAX_INPUTS
                    && inputs
                        .iter()
                        .all(|input| input.rows == Rows::PerSample(rows) && input.cols > 0) =>
            {
                let cols = inputs.iter().map(|input| input.cols).sum();
                Ok(Shape::per_sample(rows, cols))
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes up to five matrices with as many rows per sample",
            )),
        }
    }

    /// The gradient of an input is its columns of dy.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let cols = |input: &NodeId| graph.shape(*input).cols;
        let first = at.inputs[..at.input_idx].iter().map(cols).sum::<usize>();
        let columns = first..first + cols(&at.inputs[at.input_idx]);
        let whole = graph.shape(at.output);
        let n_rows = whole.rows.count(1);
        graph.apply(Slice::of(whole, 0, n_rows, columns), &[at.gradient])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let names = (0..at.inputs.len()).map(|idx| Ok(at.batch(idx)?.name));
        let names = names.collect::<Result<Vec<String>, NotExported>>()?;
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let y = at.node("Concat", &names, vec![("axis", Attribute::Int(-1))]);
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        let cols: usize = inputs.iter().map(|input| input.cols).sum();
        for (row, out) in out.chunks_exact_mut(cols).enumerate() {
            let mut rest = out;
            for input in inputs {
                let (piece, after) = rest.split_at_mut(input.cols);
                piece.copy_from_slice(&input.values[row * input.cols..][..input.cols]);
                rest = after;
            }
        }
    }
}
