//! s_j = sum over i of x_ij. x `[rows x cols]`, s `[1 x cols]`. It is the gradient of a bias.

use super::{Context, Matrix, Rule, Split, blocks, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::isa::kernel;
use crate::reduce;

/// Sum of all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnSum;

impl Rule for ColumnSum {
    const NAME: &'static str = "column_sum";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x] => Ok(Shape::fixed(1, x.cols)),
            _ => Err(misfit(Self::NAME, inputs, "it takes one matrix")),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        match out {
            [single] => *single = reduce::sum(context.isa, inputs[0].values),
            _ => column_sum(context.isa, out, inputs[0].values),
        }
    }
}

/// The sums of sixteen blocks of rows, `[16 x cols]`: their [`ColumnSum`] is that of all rows, which several threads have
/// then taken part in. [`blocks`] says which rows a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSum;

impl Rule for BlockSum {
    const NAME: &'static str = "block_sum";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x] => Ok(Shape::fixed(blocks::BLOCKS, x.cols)),
            _ => Err(misfit(Self::NAME, inputs, "it takes one matrix")),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let (x, cols) = (inputs[0], inputs[0].cols);
        for (block, sum) in (first / cols..).zip(out.chunks_exact_mut(cols)) {
            let rows = blocks::rows(block, x.rows());
            let lines = &x.values[rows.start * cols..rows.end * cols];
            column_sum(context.isa, sum, lines);
        }
    }
}

/// Adds the sum of all rows of a matrix to the graph.
pub(super) fn sum_of_rows(graph: &mut Graph, matrix: NodeId) -> Result<NodeId, GraphError> {
    match graph.shape(matrix).rows {
        // One row per sample is too little for a second thread.
        Rows::PerSample(1) | Rows::Fixed(_) => graph.apply(ColumnSum, &[matrix]),
        Rows::PerSample(_) => {
            let sums = graph.apply(BlockSum, &[matrix])?;
            graph.apply(ColumnSum, &[sums])
        }
    }
}

kernel! {
    /// Four rows at a time: four additions before the sum is read and written again.
    fn column_sum[T: Real](sum: &mut [T], matrix: &[T]) {
        let cols = sum.len();
        sum.fill(T::ZERO);
        let mut quads = matrix.chunks_exact(4 * cols);
        for quad in quads.by_ref() {
            let (a, rest) = quad.split_at(cols);
            let (b, rest) = rest.split_at(cols);
            let (c, d) = rest.split_at(cols);
            for ((((sum, &a), &b), &c), &d) in sum.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *sum += (a + b) + (c + d);
            }
        }
        for line in quads.remainder().chunks_exact(cols) {
            for (sum, &x) in sum.iter_mut().zip(line) {
                *sum += x;
            }
        }
    }
}
