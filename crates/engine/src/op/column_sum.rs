//! s_j = sum over i of x_ij. x `[rows x cols]`, s `[1 x cols]`. It is the gradient of a bias.

use super::{Context, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{GraphError, Shape};
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
