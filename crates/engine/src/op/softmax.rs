//! y_ic = e^(z_ic) / sum over c' of e^(z_ic'): the probabilities of each row. z, y `[batch x classes]`.
//!
//! The row's largest z is subtracted first, which changes nothing but keeps the exponentials finite.

use super::{Context, Derivation, Matrix, Rule, alike};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// Probabilities of each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

impl Rule for Softmax {
    const NAME: &'static str = "softmax";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 1)
    }

    /// dz_ic = y_ic (dy_ic - sum over c' of dy_ic' y_ic').
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(SoftmaxGradient, &[at.gradient, at.output])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let z = at.batch(0)?;
        let y = at.node("Softmax", &[&z.name], vec![("axis", Attribute::Int(-1))]);
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        softmax(context.isa, out, inputs[0].values, inputs[0].cols);
    }
}

/// Derivative of [`Softmax`] from the gradient and the probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxGradient;

impl Rule for SoftmaxGradient {
    const NAME: &'static str = "softmax_gradient";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 2)
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let (gradients, probabilities) = (inputs[0], inputs[1]);
        softmax_gradient(
            context.isa,
            out,
            gradients.values,
            probabilities.values,
            gradients.cols,
        );
    }
}

/// The larger of two numbers; NaN when one is NaN.
#[inline(always)]
fn larger<T: Real>(largest: T, z: T) -> T {
    // The second comparison lets NaN through and keeps it.
    if z > largest || z.to_f64().is_nan() {
        z
    } else {
        largest
    }
}

/// The largest number of a row; NaN when one is NaN. Of a long row, sixteen at a time: comparisons in a row wait for each other.
#[inline(always)]
pub(super) fn largest<T: Real>(row: &[T]) -> T {
    let (chunks, rest) = row.as_chunks::<16>();
    let mut largest = row[0];
    if let Some(&first) = chunks.first() {
        let mut lanes = first;
        for chunk in chunks {
            for (lane, &z) in lanes.iter_mut().zip(chunk) {
                *lane = larger(*lane, z);
            }
        }
        largest = lanes.into_iter().fold(largest, larger);
    }
    rest.iter().fold(largest, |largest, &z| larger(largest, z))
}

/// Sum of a row, in eight partial sums when it is long.
#[inline(always)]
pub(super) fn row_sum<T: Real>(row: &[T]) -> T {
    if row.len() < 16 {
        let mut sum = T::ZERO;
        for &x in row {
            sum += x;
        }
        return sum;
    }
    let mut lanes = [T::ZERO; 8];
    let mut chunks = row.chunks_exact(8);
    for chunk in chunks.by_ref() {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane += x;
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += x;
    }
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5]))
        + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}

/// A loop over rows, in which the number of columns is a constant where it is small: to count a few numbers takes longer than to add them.
macro_rules! rows_of {
    ($cols:ident => $loop:expr) => {
        match $cols {
            2 => {
                let $cols = 2;
                $loop
            }
            3 => {
                let $cols = 3;
                $loop
            }
            4 => {
                let $cols = 4;
                $loop
            }
            _ => $loop,
        }
    };
}
pub(super) use rows_of;

/// Writes e^(z - largest of the row) for every row: the exponentials are one loop over all rows.
#[inline(always)]
pub(super) fn shifted_exponentials<T: Real>(out: &mut [T], outputs: &[T], cols: usize) {
    rows_of!(cols => for (line, z) in out.chunks_exact_mut(cols).zip(outputs.chunks_exact(cols)) {
        let shift = largest(z);
        for (y, &z) in line.iter_mut().zip(z) {
            *y = z - shift;
        }
    });
    for y in out.iter_mut() {
        *y = y.exp();
    }
}

kernel! {
    /// z <- softmax(z), row by row.
    pub(crate) fn softmax_in_place[T: Real](rows: &mut [T], cols: usize) {
        for row in rows.chunks_exact_mut(cols) {
            let shift = largest(row);
            for z in row.iter_mut() {
                *z = (*z - shift).exp();
            }
            let scale = T::ONE / row_sum(row);
            for y in row {
                *y *= scale;
            }
        }
    }
}

kernel! {
    fn softmax[T: Real](out: &mut [T], outputs: &[T], cols: usize) {
        shifted_exponentials(out, outputs, cols);
        for line in out.chunks_exact_mut(cols) {
            let scale = T::ONE / row_sum(line);
            for y in line {
                *y *= scale;
            }
        }
    }
}

kernel! {
    /// dz from dy and y, row by row.
    pub(super) fn softmax_gradient[T: Real](out: &mut [T], gradients: &[T], probabilities: &[T], cols: usize) {
        let rows = gradients.chunks_exact(cols).zip(probabilities.chunks_exact(cols));
        for (line, (g, y)) in out.chunks_exact_mut(cols).zip(rows) {
            for ((d, &g), &y) in line.iter_mut().zip(g).zip(y) {
                *d = g * y;
            }
            let mean = row_sum(line);
            for ((d, &g), &y) in line.iter_mut().zip(g).zip(y) {
                *d = y * (g - mean);
            }
        }
    }
}
