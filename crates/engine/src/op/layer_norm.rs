//! y_ij = g_j (x_ij - m_i) r_i + b_j: every row on its own. x, y `[rows x cols]`; g, b `[1 x cols]` (Ba, Kiros, Hinton 2016).
//!
//! m_i is the mean of row i and r_i = 1 / sqrt(variance + e), with the variance over the columns. With h = (x - m) r and
//! u = dy g: dx_ij = r_i (u_ij - mean of u_i - h_ij mean of u_i h_i); dg and db as for `batch_norm`.

use super::blocks::{self, CHUNK, PIECE, SumOfBlocks};
use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{Attribute, NotExported, Value, Writing};
use crate::reduce::join;

/// Inputs: x, g, b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// e, above 0.
    pub epsilon: f64,
}

impl Rule for LayerNorm {
    const NAME: &'static str = "layer_norm";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x, gamma, beta] if gamma == beta && *gamma == Shape::fixed(1, x.cols) => Ok(*x),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes a matrix and two rows of as many columns",
            )),
        }
    }

    /// See the formulas above.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let (x, gamma, epsilon) = (at.inputs[0], at.inputs[1], self.epsilon);
        if at.input_idx == 0 {
            return graph.apply(LayerNormGradient { epsilon }, &[at.gradient, x, gamma]);
        }
        let sums = graph.shared(LayerNormSums { epsilon }, &[at.gradient, x])?;
        let second = at.input_idx == 1;
        graph.apply(SumOfBlocks { second }, &[sums])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?;
        let (gamma, beta) = (at.constant(1, &[x.cols])?, at.constant(2, &[x.cols])?);
        let attributes = vec![
            ("axis", Attribute::Int(-1)),
            ("epsilon", Attribute::Float(self.epsilon as f32)),
        ];
        let y = at.node("LayerNormalization", &[&x.name, &gamma, &beta], attributes);
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let [x, gamma, beta] = [0, 1, 2].map(|idx| inputs[idx].values);
        normalise(context.isa, out, x, gamma, beta, T::from_f64(self.epsilon));
    }
}

/// Derivative of [`LayerNorm`] by x. Inputs: dy, x, g.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNormGradient {
    /// e, above 0.
    pub epsilon: f64,
}

impl Rule for LayerNormGradient {
    const NAME: &'static str = "layer_norm_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [gradient, x, gamma] if gradient == x && *gamma == Shape::fixed(1, x.cols) => Ok(*x),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes two matrices of one shape, and a row",
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
        let [gradients, x, gamma] = [0, 1, 2].map(|idx| inputs[idx].values);
        gradient(
            context.isa,
            out,
            gradients,
            x,
            gamma,
            T::from_f64(self.epsilon),
        );
    }
}

/// For every block of rows: sum of dy and sum of dy h of each column. Inputs: dy, x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNormSums {
    /// e, above 0.
    pub epsilon: f64,
}

impl Rule for LayerNormSums {
    const NAME: &'static str = "layer_norm_sums";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [gradient, x] if gradient == x => Ok(blocks::shape(x.cols)),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes two matrices of one shape",
            )),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let cols = inputs[1].cols;
        sums(
            context.isa,
            out,
            inputs[0].values,
            inputs[1].values,
            cols,
            T::from_f64(self.epsilon),
            first / (2 * cols + 1),
        );
    }
}

/// Sum over a row of an expression of its numbers, in sixteen partial sums.
macro_rules! sum_of {
    ($a:expr, $b:expr, |$x:ident, $y:ident| $value:expr) => {{
        let mut lanes = [T::ZERO; 16];
        let (mut a, mut b) = ($a.chunks_exact(16), $b.chunks_exact(16));
        for (a, b) in a.by_ref().zip(b.by_ref()) {
            for ((lane, &$x), &$y) in lanes.iter_mut().zip(a).zip(b) {
                *lane += $value;
            }
        }
        for ((lane, &$x), &$y) in lanes.iter_mut().zip(a.remainder()).zip(b.remainder()) {
            *lane += $value;
        }
        join(lanes)
    }};
}

/// Mean and 1 / sqrt(variance + e) of a row.
#[inline(always)]
fn statistics<T: Real>(row: &[T], epsilon: T) -> (T, T) {
    let share = T::ONE / T::from_count(row.len());
    let mean = sum_of!(row, row, |x, _y| x) * share;
    let variance = sum_of!(row, row, |x, y| (x - mean) * (y - mean)) * share;
    (mean, T::ONE / (variance + epsilon).sqrt())
}

kernel! {
    fn normalise[T: Real](out: &mut [T], matrix: &[T], gamma: &[T], beta: &[T], epsilon: T) {
        let cols = gamma.len();
        for (line, row) in out.chunks_exact_mut(cols).zip(matrix.chunks_exact(cols)) {
            let (mean, scale) = statistics(row, epsilon);
            for ((y, &x), (&g, &b)) in line.iter_mut().zip(row).zip(gamma.iter().zip(beta)) {
                *y = (x - mean) * scale * g + b;
            }
        }
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], gradients: &[T], matrix: &[T], gamma: &[T], epsilon: T) {
        let cols = gamma.len();
        let share = T::ONE / T::from_count(cols);
        let rows = gradients.chunks_exact(cols).zip(matrix.chunks_exact(cols));
        for (line, (dy, row)) in out.chunks_exact_mut(cols).zip(rows) {
            let (mean, scale) = statistics(row, epsilon);
            for ((u, &dy), &g) in line.iter_mut().zip(dy).zip(gamma) {
                *u = dy * g;
            }
            let first = sum_of!(line, row, |u, _x| u) * share;
            let second = sum_of!(line, row, |u, x| u * (x - mean)) * share * scale * scale;
            for (u, &x) in line.iter_mut().zip(row) {
                *u = scale * (*u - first - (x - mean) * second);
            }
        }
    }
}

kernel! {
    /// Writes the lines of the blocks from `first_block` on.
    fn sums[T: Real](out: &mut [T], gradients: &[T], matrix: &[T], cols: usize, epsilon: T, first_block: usize) {
        let n_rows = matrix.len() / cols;
        for (block, line) in out.chunks_exact_mut(2 * cols + 1).enumerate() {
            let rows = blocks::rows(first_block + block, n_rows);
            line.fill(T::ZERO);
            line[2 * cols] = T::from_count(rows.len());
            let (first, second) = line[..2 * cols].split_at_mut(cols);
            let rows = rows.start * cols..rows.end * cols;
            let (gradients, matrix) = (&gradients[rows.clone()], &matrix[rows]);
            for (gradients, matrix) in gradients.chunks(CHUNK * cols).zip(matrix.chunks(CHUNK * cols)) {
                chunk_sums(gradients, matrix, cols, epsilon, first, second);
            }
        }
    }
}

/// Adds the sums of at most [`CHUNK`] rows.
#[inline(always)]
fn chunk_sums<T: Real>(
    gradients: &[T],
    matrix: &[T],
    cols: usize,
    epsilon: T,
    first: &mut [T],
    second: &mut [T],
) {
    let mut of_rows = [(T::ZERO, T::ZERO); CHUNK];
    for (of_row, row) in of_rows.iter_mut().zip(matrix.chunks_exact(cols)) {
        *of_row = statistics(row, epsilon);
    }
    for from in (0..cols).step_by(PIECE) {
        let piece = from..(from + PIECE).min(cols);
        let (mut a, mut b) = ([T::ZERO; PIECE], [T::ZERO; PIECE]);
        let rows = gradients.chunks_exact(cols).zip(matrix.chunks_exact(cols));
        for ((g, x), &(mean, scale)) in rows.zip(&of_rows) {
            let line = g[piece.clone()].iter().zip(&x[piece.clone()]);
            for ((a, b), (&g, &x)) in a.iter_mut().zip(b.iter_mut()).zip(line) {
                *a += g;
                *b += g * ((x - mean) * scale);
            }
        }
        for ((first, second), (&a, &b)) in first[piece.clone()]
            .iter_mut()
            .zip(&mut second[piece])
            .zip(a.iter().zip(&b))
        {
            *first += a;
            *second += b;
        }
    }
}
