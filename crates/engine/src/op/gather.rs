//! y_i = E_(k_i): rows of a table by their index. E `[vocabulary x dimensions]`, k `[batch x n]`, y `[n batch x dimensions]`.
//!
//! Indices arrive as numbers among the features; [`Index`] makes indices of them. It is a step function, so no derivative
//! goes through it.

use super::{Context, Derivation, Matrix, Rule, Split, alike, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::isa::kernel;
use crate::onnx::{Attribute, INT64, NotExported, Value, Writing};

/// k = x without its fraction, if that is a row of the table; 0, which stands for what is unknown, if it is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Rows of the table.
    pub vocabulary: usize,
}

impl Rule for Index {
    const NAME: &'static str = "index";
    const ELEMENT_WISE: bool = true;
    const DETACHED: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        alike(Self::NAME, inputs, 1)
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?.name;
        // Neither comparison holds for NaN.
        let from_zero = at.with_number("GreaterOrEqual", &x, 0.0);
        let to_end = at.with_number("Less", &x, self.vocabulary as f32);
        let known = at.node("And", &[&from_zero, &to_end], Vec::new());
        let unknown = at.writer.floats("unknown", &[], &[0.0]);
        let index = at.node("Where", &[&known, &x, &unknown], Vec::new());
        let index = at.node("Floor", &[&index], Vec::new());
        Ok(at.same(index))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        _inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        index(context.isa, out, self.vocabulary);
    }
}

kernel! {
    fn index[T: Real](values: &mut [T], vocabulary: usize) {
        for value in values {
            let x = value.to_f64();
            // Neither comparison holds for NaN.
            *value = T::from_f64(if x >= 0.0 && x < vocabulary as f64 { x.trunc() } else { 0.0 });
        }
    }
}

/// The row a number points to. [`Index`] leaves none that points beyond the table.
#[inline(always)]
fn row_of<T: Real>(index: T, vocabulary: usize) -> usize {
    (index.to_f64() as usize).min(vocabulary - 1)
}

/// Rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather;

impl Rule for Gather {
    const NAME: &'static str = "gather";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            &[
                Shape {
                    rows: Rows::Fixed(1..),
                    cols,
                },
                Shape {
                    rows: Rows::PerSample(rows),
                    cols: n,
                },
            ] => Ok(Shape::per_sample(rows * n, cols)),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes a table and the indices of each sample",
            )),
        }
    }

    /// dE_k = sum of dy_i over all i with k_i = k.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match (at.input_idx, graph.shape(at.inputs[0]).rows) {
            (0, Rows::Fixed(vocabulary)) => {
                graph.apply(GatherGradient { vocabulary }, &[at.gradient, at.inputs[1]])
            }
            (input_idx, _) => Err(GraphError::NoDerivative {
                op: Self::NAME,
                input_idx,
            }),
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let (dimensions, k) = (at.output.cols, at.batch(1)?);
        let vocabulary = at.numbers(0)?.len() / dimensions;
        let table = at.constant(0, &[vocabulary, dimensions])?;
        let flat = at.viewed(&k, &[k.rows * k.cols]);
        let k = at.node("Cast", &[&flat], vec![("to", Attribute::Int(INT64))]);
        let y = at.node("Gather", &[&table, &k], vec![("axis", Attribute::Int(0))]);
        let n = at.output.rows.count(1);
        Ok(at.put(&y, &[n, dimensions]))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        let (table, dimensions, n_rows) = (inputs[0].values, inputs[0].cols, inputs[0].rows());
        for (line, &index) in out.chunks_exact_mut(dimensions).zip(inputs[1].values) {
            line.copy_from_slice(&table[row_of(index, n_rows) * dimensions..][..dimensions]);
        }
    }
}

/// Derivative of [`Gather`] by its table, from the gradient and the indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatherGradient {
    /// Rows of the table.
    pub vocabulary: usize,
}

impl Rule for GatherGradient {
    const NAME: &'static str = "gather_gradient";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let wanted = "it takes the gradient of gathered rows, and their indices";
        match inputs {
            &[
                Shape {
                    rows: Rows::PerSample(n),
                    cols,
                },
                Shape {
                    rows: Rows::PerSample(rows),
                    cols: n_indices,
                },
            ] if n == rows * n_indices => Ok(Shape::fixed(self.vocabulary, cols)),
            _ => Err(misfit(Self::NAME, inputs, wanted)),
        }
    }

    /// Each thread adds the lines of its own rows, in the order of the batch: the sums do not depend on who makes them.
    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let (gradients, dimensions) = (inputs[0].values, inputs[0].cols);
        let first_row = first / dimensions;
        scatter_add(
            context.isa,
            out,
            gradients,
            inputs[1].values,
            dimensions,
            first_row,
            self.vocabulary,
        );
    }
}

kernel! {
    fn scatter_add[T: Real](
        table: &mut [T], gradients: &[T], indices: &[T], dimensions: usize, first_row: usize, vocabulary: usize,
    ) {
        table.fill(T::ZERO);
        let n_rows = table.len() / dimensions;
        for (gradient, &index) in gradients.chunks_exact(dimensions).zip(indices) {
            let row = row_of(index, vocabulary);
            if row >= first_row && row - first_row < n_rows {
                let line = &mut table[(row - first_row) * dimensions..][..dimensions];
                for (sum, &g) in line.iter_mut().zip(gradient) {
                    *sum += g;
                }
            }
        }
    }
}
