//! Sums over all rows of a batch in sixteen fixed blocks, so that several threads can take part: `[16 x (2 cols + 1)]`.
//!
//! Block b of n rows holds the rows from b n / 16 to (b + 1) n / 16, whatever the number of threads. Its line holds two
//! numbers for each column and then the number of its rows.

use std::ops::Range;

use super::{Context, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{GraphError, Shape};

/// Number of blocks.
pub(super) const BLOCKS: usize = 16;

/// Columns that are summed together, in registers.
pub(super) const PIECE: usize = 64;

/// Rows whose sums are added before they are added to the sums of their block, which keeps rounding small.
pub(super) const CHUNK: usize = 32;

/// The shape of the sums of a matrix with `cols` columns.
pub(super) const fn shape(cols: usize) -> Shape {
    Shape::fixed(BLOCKS, 2 * cols + 1)
}

/// The columns of the matrix that these are the sums of.
pub(super) fn cols_of(sums: &Shape) -> Option<usize> {
    let cols = sums.cols.checked_sub(1)? / 2;
    (*sums == shape(cols) && cols > 0).then_some(cols)
}

/// The rows of a block.
#[inline(always)]
pub(super) fn rows(block: usize, n_rows: usize) -> Range<usize> {
    block * n_rows / BLOCKS..(block + 1) * n_rows / BLOCKS
}

/// Sum over the blocks of one of the two numbers of each column: `[1 x cols]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumOfBlocks {
    /// Of the first number, or of the second.
    pub second: bool,
}

impl Rule for SumOfBlocks {
    const NAME: &'static str = "sum_of_blocks";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [sums] => cols_of(sums).map(|cols| Shape::fixed(1, cols)),
            _ => None,
        }
        .ok_or_else(|| misfit(Self::NAME, inputs, "it takes the sums of sixteen blocks"))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        let skipped = if self.second { out.len() } else { 0 };
        for (col, sum) in out.iter_mut().enumerate() {
            *sum = total(inputs[0], skipped + col);
        }
    }
}

/// Sum over the blocks of column `col` of their lines.
#[inline(always)]
pub(super) fn total<T: Real>(blocks: Matrix<'_, T>, col: usize) -> T {
    let column = blocks.values.iter().skip(col).step_by(blocks.cols);
    T::from_f64(column.map(|x| x.to_f64()).sum())
}
