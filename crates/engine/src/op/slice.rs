//! y_j = x_(first + j stride), for pieces of numbers of each sample: a part of the steps, or of the numbers of each step.
//!
//! Of a sample of x, whatever its rows, the `n` pieces of `len` numbers that begin at `first`, `first + stride`, ... become
//! the rows of y. The map is linear, and [`Scatter`], which puts the pieces back among zeros, is its transpose; so each is
//! the other's derivative.

use std::ops::Range;

use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::onnx::{Attribute, NotExported, Value, Writing};

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

    /// The numbers of a sample that are read, in order.
    fn indices(&self) -> impl Iterator<Item = usize> + use<> {
        let Slice {
            first,
            stride,
            n,
            len,
            ..
        } = *self;
        (0..n).flat_map(move |piece| (0..len).map(move |number| first + piece * stride + number))
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

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.batch(0)?;
        let all = self.indices().collect::<Vec<usize>>();
        // Of a record of a recurrent layer, only the columns of the state are there.
        let (whole, cols) = (self.whole.cols, x.cols);
        if all.iter().any(|number| number % whole >= cols) {
            return at.refuse("it reads what a recurrent layer keeps for its derivative");
        }
        let indices: Vec<i64> = all
            .iter()
            .map(|number| (number / whole * cols + number % whole) as i64)
            .collect();
        let flat = at.viewed(&x, &[x.rows * cols]);
        let pieces = match indices[..] {
            [first, .., last] if (last - first) as usize == indices.len() - 1 => {
                let [start, end, axis] =
                    [first, last + 1, 1].map(|n| at.writer.ints("slice", &[n]));
                at.node("Slice", &[&flat, &start, &end, &axis], Vec::new())
            }
            _ => {
                let indices = at.writer.ints("slice", &indices);
                at.node(
                    "Gather",
                    &[&flat, &indices],
                    vec![("axis", Attribute::Int(1))],
                )
            }
        };
        Ok(at.put(&pieces, &[self.n * self.len]))
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

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let (y, n) = (at.batch(0)?, self.slice.n * self.slice.len);
        let flat = at.viewed(&y, &[n]);
        // One zero behind the pieces, from which all other places are read.
        let ends = at.writer.ints("pads", &[0, 0, 0, 1]);
        let padded = at.node("Pad", &[&flat, &ends], Vec::new());
        let mut indices = vec![n as i64; self.slice.sample_len()];
        for (source, number) in self.slice.indices().enumerate() {
            indices[number] = source as i64;
        }
        let indices = at.writer.ints("scatter", &indices);
        let x = at.node(
            "Gather",
            &[&padded, &indices],
            vec![("axis", Attribute::Int(1))],
        );
        Ok(at.put(&x, &[self.slice.sample_len()]))
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
