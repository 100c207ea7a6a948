//! Mean and variance of each column over all rows of a batch, and what running averages become of them.
//!
//! Blocks of rows are joined by the formula of Chan, Golub and LeVeque (1983), which does not lose digits where the mean is
//! large beside the deviation.

use super::blocks::{self, CHUNK, PIECE};
use super::{Context, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{GraphError, Shape};
use crate::isa::kernel;

/// For every block of rows and every column: mean and sum of squared distances from it. It stands for no derivative; the op
/// that reads the moments counts what it owes to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments;

impl Rule for Moments {
    const NAME: &'static str = "moments";
    const SPLIT: Split = Split::Rows;
    const DETACHED: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x] => Ok(blocks::shape(x.cols)),
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
        let cols = inputs[0].cols;
        moments(
            context.isa,
            out,
            inputs[0].values,
            cols,
            first / (2 * cols + 1),
        );
    }
}

/// A moment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Sum of x over n.
    Mean,
    /// Sum of (x - mean)^2 over n.
    Variance,
}

/// A moment of each column, `[1 x cols]`, from those of the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinMoments {
    /// Which one.
    pub moment: Moment,
}

impl Rule for JoinMoments {
    const NAME: &'static str = "join_moments";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [sums] => blocks::cols_of(sums).map(|cols| Shape::fixed(1, cols)),
            _ => None,
        }
        .ok_or_else(|| misfit(Self::NAME, inputs, "it takes the moments of sixteen blocks"))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        for (col, out) in out.iter_mut().enumerate() {
            let joined = join(inputs[0], col);
            *out = T::from_f64(match self.moment {
                Moment::Mean => joined.mean,
                Moment::Variance => joined.squares / joined.n.max(1.0),
            });
        }
    }
}

/// r = 1 / sqrt(v + e), element by element: from a variance what makes it 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseDeviation {
    /// e, above 0.
    pub epsilon: f64,
}

impl Rule for InverseDeviation {
    const NAME: &'static str = "inverse_deviation";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        super::alike(Self::NAME, inputs, 1)
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        _inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        let epsilon = T::from_f64(self.epsilon);
        for v in out {
            *v = T::ONE / (*v + epsilon).sqrt();
        }
    }
}

/// s <- s + momentum (moment - s), with the unbiased variance (over n - 1), as PyTorch's running statistics. Inputs: s
/// `[1 x cols]` and the moments of the blocks. A single row has no variance and leaves s as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunningMoment {
    /// Which one.
    pub moment: Moment,
    /// Part of s that is new, above 0 and at most 1.
    pub momentum: f64,
}

impl Rule for RunningMoment {
    const NAME: &'static str = "running_moment";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [old, sums] if blocks::cols_of(sums) == Some(old.cols) => Ok(Shape::fixed(1, old.cols)),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes a row and the moments of sixteen blocks of as many columns",
            )),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        for (col, (out, old)) in out.iter_mut().zip(inputs[0].values).enumerate() {
            let (joined, old) = (join(inputs[1], col), old.to_f64());
            let new = match self.moment {
                Moment::Mean => joined.mean,
                Moment::Variance if joined.n > 1.0 => joined.squares / (joined.n - 1.0),
                Moment::Variance => old,
            };
            *out = T::from_f64(old + self.momentum * (new - old));
        }
    }
}

/// Mean, sum of squared distances from it, and number of rows.
#[derive(Clone, Copy, Debug, Default)]
struct Joined {
    mean: f64,
    squares: f64,
    n: f64,
}

/// All blocks of a column together.
fn join<T: Real>(blocks: Matrix<'_, T>, col: usize) -> Joined {
    let cols = (blocks.cols - 1) / 2;
    let mut joined = Joined::default();
    for line in blocks.values.chunks_exact(blocks.cols) {
        let [mean, squares, n] = [line[col], line[cols + col], line[2 * cols]].map(T::to_f64);
        if n > 0.0 {
            let (together, delta) = (joined.n + n, mean - joined.mean);
            joined.mean += delta * n / together;
            joined.squares += squares + delta * delta * joined.n * n / together;
            joined.n = together;
        }
    }
    joined
}

kernel! {
    /// Writes the lines of the blocks from `first_block` on.
    fn moments[T: Real](out: &mut [T], matrix: &[T], cols: usize, first_block: usize) {
        let n_rows = matrix.len() / cols;
        for (block, line) in out.chunks_exact_mut(2 * cols + 1).enumerate() {
            let rows = blocks::rows(first_block + block, n_rows);
            line[2 * cols] = T::from_count(rows.len());
            let (means, squares) = line[..2 * cols].split_at_mut(cols);
            let rows = &matrix[rows.start * cols..rows.end * cols];
            for from in (0..cols).step_by(PIECE) {
                let piece = from..(from + PIECE).min(cols);
                block_moments(rows, cols, from, &mut means[piece.clone()], &mut squares[piece]);
            }
        }
    }
}

/// Moments of the columns from `from` on, as many as `means` has.
#[inline(always)]
fn block_moments<T: Real>(
    rows: &[T],
    cols: usize,
    from: usize,
    means: &mut [T],
    squares: &mut [T],
) {
    let width = means.len();
    means.fill(T::ZERO);
    squares.fill(T::ZERO);
    let mut n = T::ZERO;
    for chunk in rows.chunks(CHUNK * cols) {
        let own = T::from_count(chunk.len() / cols);
        let (mut mean, mut square) = ([T::ZERO; PIECE], [T::ZERO; PIECE]);
        let (mean, square) = (&mut mean[..width], &mut square[..width]);
        for row in chunk.chunks_exact(cols) {
            for (sum, &x) in mean.iter_mut().zip(&row[from..from + width]) {
                *sum += x;
            }
        }
        for mean in mean.iter_mut() {
            *mean /= own;
        }
        for row in chunk.chunks_exact(cols) {
            let row = row[from..from + width].iter().zip(mean.iter());
            for (sum, (&x, &mean)) in square.iter_mut().zip(row) {
                *sum += (x - mean) * (x - mean);
            }
        }
        let together = n + own;
        let (part, cross) = (own / together, n * own / together);
        let own = mean.iter().zip(square.iter());
        for ((mean, square), (&own, &own_square)) in
            means.iter_mut().zip(squares.iter_mut()).zip(own)
        {
            let delta = own - *mean;
            *mean += delta * part;
            *square += own_square + delta * delta * cross;
        }
        n = together;
    }
}
