//! C = A B, where A or B may be read transposed.
//!
//! A `[m x k]`, B `[k x n]`, C `[m x n]`. Goto and van de Geijn, "Anatomy of high-performance matrix multiplication",
//! 2008, describe the blocking of the kernel in [`crate::gemm`].

use super::{Context, Derivation, Matrix, Rule, Scratch, Split, misfit};
use crate::element::Real;
use crate::gemm::Product;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::isa::Isa;
use crate::onnx::{NotExported, Value, Writing};

/// Matrix product of two inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatMul {
    /// The first input holds A transposed, `[k x m]`.
    pub transpose_a: bool,
    /// The second input holds B transposed, `[n x k]`.
    pub transpose_b: bool,
}

impl MatMul {
    /// A B.
    pub const fn plain() -> MatMul {
        MatMul {
            transpose_a: false,
            transpose_b: false,
        }
    }

    /// The sizes of the product of two matrices given as (rows, columns).
    pub(crate) fn product(&self, a: (usize, usize), b: (usize, usize)) -> Product {
        let (m, k) = if self.transpose_a { (a.1, a.0) } else { a };
        let n = if self.transpose_b { b.0 } else { b.1 };
        Product {
            m,
            n,
            k,
            transpose_a: self.transpose_a,
            transpose_b: self.transpose_b,
        }
    }

    pub(crate) fn product_of(&self, inputs: &[Shape], batch_rows: usize) -> Product {
        let size = |shape: Shape| (shape.rows.count(batch_rows), shape.cols);
        self.product(size(inputs[0]), size(inputs[1]))
    }
}

impl Rule for MatMul {
    const NAME: &'static str = "matmul";
    const SPLIT: Split = Split::RowsOrPartOfOne;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let wanted = "the columns of the first matrix are as many as the rows of the second";
        let &[a, b] = inputs else {
            return Err(misfit(Self::NAME, inputs, "it takes two matrices"));
        };
        let (a_rows, a_cols) = if self.transpose_a {
            (Rows::Fixed(a.cols), a.rows)
        } else {
            (a.rows, Rows::Fixed(a.cols))
        };
        let (b_rows, b_cols) = if self.transpose_b {
            (Rows::Fixed(b.cols), b.rows)
        } else {
            (b.rows, Rows::Fixed(b.cols))
        };
        match (a_cols == b_rows, b_cols) {
            (true, Rows::Fixed(cols)) => Ok(Shape { rows: a_rows, cols }),
            _ => Err(misfit(Self::NAME, inputs, wanted)),
        }
    }

    /// dA = dC B^T and dB = A^T dC; where an input is held transposed, so is its gradient.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let (a, b, g) = (at.inputs[0], at.inputs[1], at.gradient);
        let product = |transpose_a, transpose_b| MatMul {
            transpose_a,
            transpose_b,
        };
        match (at.input_idx, self.transpose_a, self.transpose_b) {
            (0, false, _) => graph.apply(product(false, !self.transpose_b), &[g, b]),
            (0, true, _) => graph.apply(product(self.transpose_b, true), &[b, g]),
            (_, _, false) => graph.apply(product(!self.transpose_a, false), &[a, g]),
            (_, _, true) => graph.apply(product(true, self.transpose_a), &[g, a]),
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        if *self != MatMul::plain() {
            return at.refuse("a factor is transposed");
        }
        let x = at.batch(0)?;
        let size = [at.numbers(1)?.len() / at.output.cols, at.output.cols];
        let w = at.constant(1, &size)?;
        let y = at.node("MatMul", &[&x.name, &w], Vec::new());
        Ok(at.same(y))
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.product_of(inputs, batch_rows).n_multiplications()
    }

    fn reserve<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        isa: Isa,
        inputs: &[Shape],
        batch_rows: usize,
    ) {
        scratch.reserve_product(isa, self.product_of(inputs, batch_rows));
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let size = |matrix: &Matrix<'_, T>| (matrix.rows(), matrix.cols);
        let product = self.product(size(&inputs[0]), size(&inputs[1]));
        let (a, b) = (inputs[0].values, inputs[1].values);
        let (isa, panels) = (context.isa, &mut scratch.panels);
        if context.packed {
            product.run_packed(isa, (a, b), out, first, panels);
        } else {
            product.run_part(isa, a, b, out, first, panels);
        }
    }
}
