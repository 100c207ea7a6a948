//! y_ij = g_j (x_ij - m_j) r_j + b_j. x, y `[rows x cols]`; m, r, g, b `[1 x cols]` (Ioffe, Szegedy 2015).
//!
//! In training m_j is the mean of column j over the batch and r_j = 1 / sqrt(variance + e); the derivative goes through
//! both. In evaluation they are running averages, which depend on nothing. With h = (x - m) r:
//!
//! db_j = sum over i of dy_ij, dg_j = sum over i of dy_ij h_ij, dx_ij = g_j r_j (dy_ij - db_j / n - h_ij dg_j / n).

use super::blocks::{self, CHUNK, PIECE, SumOfBlocks};
use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{NotExported, Value, Writing};

/// Inputs: x, m, r, g, b.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchNorm {
    /// Whether m and r were computed from x itself.
    pub of_batch: bool,
}

impl Rule for BatchNorm {
    const NAME: &'static str = "batch_norm";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x, rows @ ..] if rows.len() == 4 && rows.iter().all(|row| is_row(row, x.cols)) => {
                Ok(*x)
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes a matrix and four rows of as many columns",
            )),
        }
    }

    /// See the formulas above; outside of training dx = g r dy.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let &[x, mean, scale, gamma, _] = at.inputs else {
            return Err(GraphError::NoDerivative {
                op: Self::NAME,
                input_idx: at.input_idx,
            });
        };
        if at.input_idx == 0 && !self.of_batch {
            let zeros = graph.constant(vec![0.0; graph.shape(x).cols]);
            return graph.apply(*self, &[at.gradient, zeros, scale, gamma, zeros]);
        }
        let sums = graph.shared(BatchNormSums, &[at.gradient, x, mean, scale])?;
        match at.input_idx {
            0 => {
                let terms = graph.apply(BatchNormTerms, &[sums, mean, scale, gamma])?;
                graph.apply(BatchNormGradient, &[at.gradient, x, terms])
            }
            3 => graph.apply(SumOfBlocks { second: true }, &[sums]),
            4 => graph.apply(SumOfBlocks { second: false }, &[sums]),
            input_idx => Err(GraphError::NoDerivative {
                op: Self::NAME,
                input_idx,
            }),
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        if self.of_batch {
            return at.refuse("it sums over the batch");
        }
        let x = at.batch(0)?;
        // As the kernel: (x - m) (r g) + b.
        let scale = at.numbers(2)?.iter().zip(at.numbers(3)?);
        let scale: Vec<f32> = scale.map(|(r, g)| r * g).collect();
        let (mean, bias) = (at.constant(1, &[x.cols])?, at.constant(4, &[x.cols])?);
        let scale = at.writer.floats("scale", &[x.cols], &scale);
        let y = at.node("Sub", &[&x.name, &mean], Vec::new());
        let y = at.node("Mul", &[&y, &scale], Vec::new());
        let y = at.node("Add", &[&y, &bias], Vec::new());
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let [mean, scale, gamma, beta] = [0, 1, 2, 3].map(|idx| inputs[idx].values);
        normalise(context.isa, out, mean, scale, gamma, beta);
    }
}

fn is_row(shape: &Shape, cols: usize) -> bool {
    *shape == Shape::fixed(1, cols)
}

/// For every block of rows: sum of dy and sum of dy h of each column. Inputs: dy, x, m, r.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchNormSums;

impl Rule for BatchNormSums {
    const NAME: &'static str = "batch_norm_sums";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [gradient, x, mean, scale]
                if gradient == x && is_row(mean, x.cols) && is_row(scale, x.cols) =>
            {
                Ok(blocks::shape(x.cols))
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes two matrices of one shape, and two rows",
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
        let [gradients, x, mean, scale] = [0, 1, 2, 3].map(|idx| inputs[idx].values);
        let first_block = first / (2 * inputs[1].cols + 1);
        sums(context.isa, out, gradients, x, mean, scale, first_block);
    }
}

/// What dx is made of, a row each: g r; g r db / n; g r^2 dg / n; m. Inputs: the sums of the blocks, m, r, g.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchNormTerms;

impl Rule for BatchNormTerms {
    const NAME: &'static str = "batch_norm_terms";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [sums, mean, scale, gamma]
                if blocks::cols_of(sums) == Some(mean.cols)
                    && [mean, scale, gamma]
                        .iter()
                        .all(|row| is_row(row, mean.cols)) =>
            {
                Ok(Shape::fixed(4, mean.cols))
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the sums of sixteen blocks and three rows of as many columns",
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
        let (sums, cols) = (inputs[0], inputs[1].cols);
        let [mean, scale, gamma] = [1, 2, 3].map(|idx| inputs[idx].values);
        let share = T::ONE / blocks::total(sums, 2 * cols);
        for col in 0..cols {
            let factor = gamma[col] * scale[col];
            out[col] = factor;
            out[cols + col] = factor * blocks::total(sums, col) * share;
            out[2 * cols + col] = factor * scale[col] * blocks::total(sums, cols + col) * share;
            out[3 * cols + col] = mean[col];
        }
    }
}

/// Derivative of [`BatchNorm`] by x in training. Inputs: dy, x, and the terms `[4 x cols]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchNormGradient;

impl Rule for BatchNormGradient {
    const NAME: &'static str = "batch_norm_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [gradient, x, terms] if gradient == x && *terms == Shape::fixed(4, x.cols) => Ok(*x),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes two matrices of one shape, and four rows",
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
        let [gradients, x, terms] = [0, 1, 2].map(|idx| inputs[idx].values);
        gradient(context.isa, out, gradients, x, terms);
    }
}

kernel! {
    fn normalise[T: Real](values: &mut [T], mean: &[T], scale: &[T], gamma: &[T], beta: &[T]) {
        for line in values.chunks_exact_mut(mean.len()) {
            let rows = mean.iter().zip(scale).zip(gamma.iter().zip(beta));
            for (x, ((&m, &r), (&g, &b))) in line.iter_mut().zip(rows) {
                *x = (*x - m) * (r * g) + b;
            }
        }
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], gradients: &[T], matrix: &[T], terms: &[T]) {
        let cols = terms.len() / 4;
        let (factor, rest) = terms.split_at(cols);
        let (first, rest) = rest.split_at(cols);
        let (second, mean) = rest.split_at(cols);
        let lines = gradients.chunks_exact(cols).zip(matrix.chunks_exact(cols));
        for (line, (gradients, x)) in out.chunks_exact_mut(cols).zip(lines) {
            let terms = factor.iter().zip(first).zip(second.iter().zip(mean));
            let numbers = gradients.iter().zip(x).zip(terms);
            for (d, ((&g, &x), ((&factor, &first), (&second, &mean)))) in line.iter_mut().zip(numbers) {
                *d = factor * g - first - second * (x - mean);
            }
        }
    }
}

kernel! {
    /// Writes the lines of the blocks from `first_block` on.
    fn sums[T: Real](out: &mut [T], gradients: &[T], matrix: &[T], mean: &[T], scale: &[T], first_block: usize) {
        let cols = mean.len();
        let n_rows = matrix.len() / cols;
        for (block, line) in out.chunks_exact_mut(2 * cols + 1).enumerate() {
            let rows = blocks::rows(first_block + block, n_rows);
            line[2 * cols] = T::from_count(rows.len());
            let (first, second) = line[..2 * cols].split_at_mut(cols);
            let rows = rows.start * cols..rows.end * cols;
            let (gradients, matrix) = (&gradients[rows.clone()], &matrix[rows]);
            for from in (0..cols).step_by(PIECE) {
                let piece = from..(from + PIECE).min(cols);
                let (first, second) = (&mut first[piece.clone()], &mut second[piece.clone()]);
                block_sums(gradients, matrix, cols, from, &mean[piece.clone()], first, second);
                for (sum, &scale) in second.iter_mut().zip(&scale[piece]) {
                    *sum *= scale;
                }
            }
        }
    }
}

/// Sums of dy and dy (x - m) of the columns from `from` on, as many as `mean` has.
#[inline(always)]
fn block_sums<T: Real>(
    gradients: &[T],
    matrix: &[T],
    cols: usize,
    from: usize,
    mean: &[T],
    first: &mut [T],
    second: &mut [T],
) {
    let width = mean.len();
    first.fill(T::ZERO);
    second.fill(T::ZERO);
    for (gradients, matrix) in gradients
        .chunks(CHUNK * cols)
        .zip(matrix.chunks(CHUNK * cols))
    {
        let (mut a, mut b) = ([T::ZERO; PIECE], [T::ZERO; PIECE]);
        let (a, b) = (&mut a[..width], &mut b[..width]);
        for (g, x) in gradients.chunks_exact(cols).zip(matrix.chunks_exact(cols)) {
            let line = g[from..from + width]
                .iter()
                .zip(&x[from..from + width])
                .zip(mean);
            for ((a, b), ((&g, &x), &mean)) in a.iter_mut().zip(b.iter_mut()).zip(line) {
                *a += g;
                *b += g * (x - mean);
            }
        }
        for ((first, second), (&a, &b)) in first
            .iter_mut()
            .zip(second.iter_mut())
            .zip(a.iter().zip(b.iter()))
        {
            *first += a;
            *second += b;
        }
    }
}
