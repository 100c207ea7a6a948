//! y_j = x_(first + j stride), for pieces of numbers of each sample: a part of the steps, or of the numbers of each step.
//!
//! Of a sample of x, whatever its rows, the `n` pieces of `len` numbers that begin at `first`, `first + stride`, ... become
//! the rows of y. The map is linear, and [`Scatter`], which puts the pieces back among zeros, is its transpose; so each is
//! the other's derivative.

use std::ops::Range;

use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};

/// Which numbers of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Shape of the whole, x.
    pub whole: Shape,
    /// Where the first piece begins, counted over a sample.
    pub first: usize,
    /// From the beginning of a piece to that of the next, at least `len`.
    pub stride: usize,
    /// Number of pieces.
    pub n: usize,
    /// Numbers of a piece, at least 1.
    pub len: usize,
}

impl Slice {
    /// These columns of `n` rows of each sample, from row `first_row` on.
    pub fn of(whole: Shape, first_row: usize, n: usize, columns: Range<usize>) -> Slice {
        Slice {
            whole,
            first: first_row * whole.cols + columns.start,
            stride: whole.cols,
            n,
            len: columns.len(),
        }
    }

    /// Numbers of a sample of the whole; 0 when it has none.
    fn sample_len(&self) -> usize {
        match self.whole.rows {
            Rows::PerSample(n_rows) => n_rows * self.whole.cols,
            Rows::Fixed(_) => 0,
        }
    }

    fn is_inside(&self) -> bool {
        let reach = (self.n.max(1) - 1) * self.stride + self.first + self.len;
        self.n > 0 && self.len > 0 && self.stride >= self.len && reach <= self.sample_len()
    }

    fn pieces(&self) -> Shape {
        Shape::per_sample(self.n, self.len)
    }
}

impl Rule for Slice {
    const NAME: &'static str = "slice";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x] if *x == self.whole && self.is_inside() => Ok(self.pieces()),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes samples of its shape, and pieces that lie in them",
            )),
        }
    }

    /// dx has dy in its pieces, and zeros elsewhere.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(Scatter { slice: *self }, &[at.gradient])
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        let samples = inputs[0].values.chunks_exact(self.sample_len());
        for (pieces, sample) in out.chunks_exact_mut(self.n * self.len).zip(samples) {
            let sources = sample[self.first..].chunks(self.stride);
            for (piece, source) in pieces.chunks_exact_mut(self.len).zip(sources) {
                piece.copy_from_slice(&source[..self.len]);
            }
        }
    }
}

/// The pieces of a slice where they belong, zeros elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scatter {
    /// Whose pieces these are.
    pub slice: Slice,
}

impl Rule for Scatter {
    const NAME: &'static str = "scatter";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [y] if *y == self.slice.pieces() && self.slice.is_inside() => Ok(self.slice.whole),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the pieces of its slice",
            )),
        }
    }

    /// dy is the slice of dx.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(self.slice, &[at.gradient])
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        _context: Context<'_>,
    ) {
        let slice = &self.slice;
        out.fill(T::ZERO);
        let samples = out.chunks_exact_mut(slice.sample_len());
        for (sample, pieces) in samples.zip(inputs[0].values.chunks_exact(slice.n * slice.len)) {
            let places = sample[slice.first..].chunks_mut(slice.stride);
            for (place, piece) in places.zip(pieces.chunks_exact(slice.len)) {
                place[..slice.len].copy_from_slice(piece);
            }
        }
    }
}
