//! y_c = x_c d_c^-b with d_c = k + a/n sum of x_j^2 over the n channels j around c. x, y `[rows x channels]`, a row per pixel.
//!
//! The channels around c go from c - n/2 to c + (n - 1)/2, rounded down; those that do not exist count as 0. This is
//! PyTorch's `LocalResponseNorm`; the formula of Krizhevsky, Sutskever and Hinton (2012) has a where this has a/n.

use super::{Context, Derivation, Matrix, Rule, Scratch, Split, alike};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::{Isa, kernel};
use crate::onnx::{Attribute, Batch, NotExported, Value, Writing};

/// Each channel divided by the size of its neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponseNorm {
    /// n, at least 1.
    pub size: usize,
    /// a, not negative.
    pub alpha: f64,
    /// b, above 0.
    pub beta: f64,
    /// k, above 0.
    pub k: f64,
}

impl Rule for LocalResponseNorm {
    const NAME: &'static str = "local_response_norm";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 1)
    }

    /// dx_i = dy_i d_i^-b - 2 a b/n x_i sum of dy_j x_j d_j^(-b-1) over the channels j that have i around them.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let op = LocalResponseNormGradient { of: *self };
        graph.apply(op, &[at.gradient, at.inputs[0]])
    }

    /// ONNX has an operator for it, but runtimes refuse an even n: the mean of squares under a window along the channels.
    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?;
        let squares = at.node("Mul", &[&x.name, &x.name], Vec::new());
        let squares = at.viewed(
            &Batch {
                name: squares,
                ..x.clone()
            },
            &[1, x.rows, x.cols],
        );
        let (before, after) = (self.size as i64 / 2, (self.size as i64 - 1) / 2);
        let attributes = vec![
            ("kernel_shape", Attribute::Ints(vec![1, self.size as i64])),
            ("pads", Attribute::Ints(vec![0, before, 0, after])),
            ("count_include_pad", Attribute::Int(1)),
        ];
        let means = at.node("AveragePool", &[&squares], attributes);
        let d = at.with_number("Mul", &means, self.alpha as f32);
        let d = at.with_number("Add", &d, self.k as f32);
        let factor = at.with_number("Pow", &d, -self.beta as f32);
        let image = at.viewed(&x, &[1, x.rows, x.cols]);
        let y = at.node("Mul", &[&image, &factor], Vec::new());
        Ok(at.put(&y, &[1, x.rows, x.cols]))
    }

    fn reserve<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        _isa: Isa,
        inputs: &[Shape],
        _batch_rows: usize,
    ) {
        scratch.reserve_numbers(2 * inputs[0].cols);
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (x, channels) = (inputs[0].values, inputs[0].cols);
        let (divisors, rest) = scratch.numbers.split_at_mut(channels);
        let squares = &mut rest[..channels];
        normalise(context.isa, out, x, divisors, squares, *self);
    }
}

/// Derivative of [`LocalResponseNorm`] from the gradient and the input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponseNormGradient {
    /// Whose derivative it is.
    pub of: LocalResponseNorm,
}

impl Rule for LocalResponseNormGradient {
    const NAME: &'static str = "local_response_norm_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 2)
    }

    fn reserve<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        _isa: Isa,
        inputs: &[Shape],
        _batch_rows: usize,
    ) {
        scratch.reserve_numbers(2 * inputs[0].cols);
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (gradients, x, channels) = (inputs[0].values, inputs[1].values, inputs[1].cols);
        let (divisors, rest) = scratch.numbers.split_at_mut(channels);
        let terms = &mut rest[..channels];
        gradient(context.isa, out, gradients, x, divisors, terms, self.of);
    }
}

/// Adds to each sum the terms of the channels from `before` below it to `after` above it: one neighbour of all channels at a
/// time.
#[inline(always)]
fn add_around<T: Real>(sums: &mut [T], terms: &[T], before: usize, after: usize) {
    let channels = sums.len();
    for shift in 1..=before.min(channels - 1) {
        for (sum, &term) in sums[shift..].iter_mut().zip(terms) {
            *sum += term;
        }
    }
    for shift in 0..=after.min(channels - 1) {
        for (sum, &term) in sums.iter_mut().zip(&terms[shift..]) {
            *sum += term;
        }
    }
}

/// d of each channel of a pixel; its squares are left in `squares`.
#[inline(always)]
fn write_divisors<T: Real>(
    divisors: &mut [T],
    squares: &mut [T],
    pixel: &[T],
    of: LocalResponseNorm,
) {
    let (scale, k) = (T::from_f64(of.alpha / of.size as f64), T::from_f64(of.k));
    for (square, &x) in squares.iter_mut().zip(pixel) {
        *square = x * x;
    }
    divisors.fill(T::ZERO);
    add_around(divisors, squares, of.size / 2, (of.size - 1) / 2);
    for d in divisors {
        *d = k + scale * *d;
    }
}

kernel! {
    fn normalise[T: Real](out: &mut [T], pixels: &[T], divisors: &mut [T], squares: &mut [T], of: LocalResponseNorm) {
        let power = T::from_f64(-of.beta);
        let channels = divisors.len();
        for (line, pixel) in out.chunks_exact_mut(channels).zip(pixels.chunks_exact(channels)) {
            write_divisors(divisors, squares, pixel, of);
            for ((y, &x), &d) in line.iter_mut().zip(pixel).zip(divisors.iter()) {
                *y = x * (power * d.ln()).exp();
            }
        }
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], gradients: &[T], pixels: &[T], divisors: &mut [T], terms: &mut [T], of: LocalResponseNorm) {
        let power = T::from_f64(-of.beta);
        let factor = T::from_f64(2.0 * of.alpha * of.beta / of.size as f64);
        let channels = divisors.len();
        let rows = gradients.chunks_exact(channels).zip(pixels.chunks_exact(channels));
        for (line, (gradient, pixel)) in out.chunks_exact_mut(channels).zip(rows) {
            write_divisors(divisors, terms, pixel, of);
            for (((term, d), &g), &x) in terms.iter_mut().zip(divisors.iter_mut()).zip(gradient).zip(pixel) {
                let shrunk = (power * d.ln()).exp();
                *term = g * x * shrunk / *d;
                // What remains of the divisor is the direct part of the gradient.
                *d = g * shrunk;
            }
            line.fill(T::ZERO);
            // Seen from the neighbour, before and after change places.
            add_around(line, terms, (of.size - 1) / 2, of.size / 2);
            for ((out, &x), &direct) in line.iter_mut().zip(pixel).zip(divisors.iter()) {
                *out = direct - factor * x * *out;
            }
        }
    }
}
