//! Transforms of tiles, and where their numbers lie: one position of all tiles after the other, so that each is a factor of a product.

use std::marker::PhantomData;
use std::ops::Range;

use super::Winograd;
use super::transform::{Grid, Scheme, transform};
use crate::aligned::LINE;
use crate::element::Real;
use crate::gemm::micro::Micro;
use crate::lanes::Lanes;

/// Numbers from one tile to the next: an odd number of lines, so that the rows of a strip do not share sets of the cache.
pub(super) fn step(width: usize) -> usize {
    (width.div_ceil(LINE) | 1) * LINE
}

/// Numbers from one position to the next, for the same reason.
pub(super) fn plane(n_tiles: usize, width: usize) -> usize {
    step(n_tiles * step(width))
}

/// Which pieces a thread computes.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) first: usize,
    pub(super) len: usize,
}

/// The most columns of a strip.
pub(super) const MOST_COLUMNS: usize = 32;

/// Strips of columns as the innermost loop reads them, of a matrix of so many rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Strips {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Strips {
    /// Where a row has a column.
    #[inline(always)]
    pub(super) fn place<T, M: Micro<T>>(&self, row: usize, column: usize) -> usize {
        let strip = column / M::COLUMNS * M::COLUMNS;
        strip * self.rows + row * self.width::<T, M>(strip) + column - strip
    }

    /// Columns of the strip that begins with a column, with the zeros behind them.
    #[inline(always)]
    pub(super) fn width<T, M: Micro<T>>(&self, strip: usize) -> usize {
        M::COLUMNS
            .min(self.columns - strip)
            .next_multiple_of(M::VECTOR)
    }
}

/// Where the transformed numbers of tiles go, one tile after the other.
pub(super) trait Sink<T> {
    /// Where the first lanes that begin with a channel or column of a tile are written, and those of all other positions.
    fn grid<const P: usize>(&self, tile: usize, number: usize) -> Grid;

    /// What the grid means.
    fn numbers(&mut self) -> &mut [T];

    /// All of a tile is written.
    #[inline(always)]
    fn finish(&mut self, _tile: usize) {}
}

/// Each tile is a row of a matrix for each position.
pub(super) struct Rows<'a, T> {
    pub(super) numbers: &'a mut [T],
    pub(super) part: Part,
    pub(super) step: usize,
}

impl<T: Real> Sink<T> for Rows<'_, T> {
    #[inline(always)]
    fn grid<const P: usize>(&self, tile: usize, number: usize) -> Grid {
        self.part.grid::<P>(tile * self.step + number)
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [T] {
        self.numbers
    }
}

/// Each tile is a row of strips for each position.
pub(super) struct RowsOfStrips<'a, T, M> {
    pub(super) numbers: &'a mut [T],
    pub(super) part: Part,
    pub(super) strips: Strips,
    pub(super) loops: PhantomData<M>,
}

impl<T: Real, M: Micro<T>> Sink<T> for RowsOfStrips<'_, T, M> {
    #[inline(always)]
    fn grid<const P: usize>(&self, tile: usize, number: usize) -> Grid {
        let place = self.strips.place::<T, M>(tile, number);
        self.part.grid::<P>(place)
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [T] {
        self.numbers
    }
}

impl Part {
    /// Where the matrices of all positions have the same element, of which the first computed one has it at `at`.
    #[inline(always)]
    pub(super) fn grid<const P: usize>(&self, at: usize) -> Grid {
        Grid {
            start: at as isize - (self.first * self.len) as isize,
            row: (P * self.len) as isize,
            column: self.len as isize,
        }
    }
}

impl Winograd {
    /// The rows of the source that some rows of tiles of one sample see, with their border.
    #[inline(always)]
    fn border<T: Real>(&self, source: &[T], tile_rows: Range<usize>, points: usize, to: &mut [T]) {
        let (row_len, lead) = (self.x.source * self.channels, self.x.lead * self.channels);
        let rows = 2 * tile_rows.start..2 * tile_rows.end + points - 2;
        for (to, row) in to.chunks_exact_mut(self.bordered_row(points)).zip(rows) {
            match row.checked_sub(self.y.lead) {
                Some(y) if y < self.y.source => {
                    to[..lead].fill(T::ZERO);
                    to[lead..lead + row_len].copy_from_slice(&source[y * row_len..][..row_len]);
                    to[lead + row_len..].fill(T::ZERO);
                }
                _ => to.fill(T::ZERO),
            }
        }
    }

    /// Sample and row of tiles in it, of a row of tiles.
    #[inline(always)]
    fn row_of_sample(&self, tile_row: usize) -> (usize, usize) {
        (tile_row / self.y.tiles(), tile_row % self.y.tiles())
    }

    /// V of some rows of tiles, at some positions.
    #[inline(always)]
    pub(super) fn transform_source<
        T: Real,
        M: Micro<T>,
        S: Scheme<N, R, P>,
        const N: usize,
        const R: usize,
        const P: usize,
    >(
        &self,
        source: &[T],
        tile_rows: Range<usize>,
        bordered: &mut [T],
        sink: &mut impl Sink<T>,
        wanted: Range<usize>,
    ) {
        let (channels, width) = (self.channels, self.bordered_row(N));
        let mut next = tile_rows.start;
        while next < tile_rows.end {
            let (sample, row) = self.row_of_sample(next);
            let n_rows = (self.y.tiles() - row).min(tile_rows.end - next);
            let source = &source[sample * self.source_len()..][..self.source_len()];
            self.border(source, row..row + n_rows, N, bordered);
            for (row, col) in
                (0..n_rows).flat_map(|row| (0..self.x.tiles()).map(move |col| (row, col)))
            {
                let tile = (next - tile_rows.start + row) * self.x.tiles() + col;
                for channel in (0..channels).step_by(M::VECTOR) {
                    let start = 2 * row * width + 2 * col * channels + channel;
                    let from = Grid {
                        start: start as isize,
                        row: width as isize,
                        column: channels as isize,
                    };
                    let (to, n) = (sink.grid::<P>(tile, channel), channels - channel);
                    let numbers = sink.numbers();
                    transform!(S::source, N => P, (bordered, from, n), (numbers, to, n), wanted.len() == P * P, |i, j| wanted.contains(&(i * P + j)));
                }
                sink.finish(tile);
            }
            next += n_rows;
        }
    }

    /// A dy A^T of some rows of tiles, at some positions.
    #[inline(always)]
    pub(super) fn transform_gradient<
        T: Real,
        M: Micro<T>,
        S: Scheme<N, R, P>,
        const N: usize,
        const R: usize,
        const P: usize,
    >(
        &self,
        dy: &[T],
        tile_rows: Range<usize>,
        sink: &mut impl Sink<T>,
        wanted: Range<usize>,
    ) {
        let columns = self.columns;
        let mut tile = 0;
        for tile_row in tile_rows {
            let (sample, row) = self.row_of_sample(tile_row);
            let dy = &dy[sample * self.out_len()..][..self.out_len()];
            for col in 0..self.x.tiles() {
                let inside =
                    |i: usize, j: usize| 2 * row + i < self.y.out && 2 * col + j < self.x.out;
                for column in (0..columns).step_by(M::VECTOR) {
                    let from = self.pixels(row, col, column);
                    let to = sink.grid::<P>(tile, column);
                    let numbers = sink.numbers();
                    transform!(S::of_result, 2 => P, (dy, from, columns - column; inside), (numbers, to, M::VECTOR), wanted.len() == P * P, |i, j| wanted.contains(&(i * P + j)));
                }
                sink.finish(tile);
                tile += 1;
            }
        }
    }

    /// The pixels of some rows of tiles, from the products at all positions.
    #[inline(always)]
    pub(super) fn transform_products<
        T: Real,
        M: Micro<T>,
        S: Scheme<N, R, P>,
        const N: usize,
        const R: usize,
        const P: usize,
    >(
        &self,
        products: &[T],
        part: Part,
        tile_rows: Range<usize>,
        out: &mut [T],
    ) {
        let columns = self.columns;
        let mut tile = 0;
        for tile_row in tile_rows {
            let (sample, row) = self.row_of_sample(tile_row);
            let out = &mut out[sample * self.out_len()..][..self.out_len()];
            for col in 0..self.x.tiles() {
                let inside =
                    |i: usize, j: usize| 2 * row + i < self.y.out && 2 * col + j < self.x.out;
                for column in (0..columns).step_by(M::VECTOR) {
                    let from = part.grid::<P>(tile * step(columns) + column);
                    let to = self.pixels(row, col, column);
                    let n = columns - column;
                    transform!(S::result, P => 2, (products, from, n), (out, to, n), inside(1, 1), |i, j| inside(i, j));
                }
                tile += 1;
            }
        }
    }

    /// Where the pixels of a tile have a column.
    #[inline(always)]
    fn pixels(&self, row: usize, col: usize, column: usize) -> Grid {
        let start = (2 * row * self.x.out + 2 * col) * self.columns + column;
        Grid {
            start: start as isize,
            row: (self.x.out * self.columns) as isize,
            column: self.columns as isize,
        }
    }
}
