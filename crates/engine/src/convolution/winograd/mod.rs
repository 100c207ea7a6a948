//! Kernels of 3 x 3 and 5 x 5 with fewer multiplications: Winograd's minimal filtering.
//!
//! A tile of 2 x 2 pixels of the result is made of N x N pixels of the source through P x P products. With the maps of a
//! [`transform::Scheme`], each in both directions,
//!
//! - y = A^T M A, where M = sum over channels of V U, V = B^T d B of the source, U = G w G^T of the weights;
//! - dx is the same map of dy, with the kernel turned by half a turn;
//! - dW = G^T (sum over tiles of V (A dy A^T)) G.
//!
//! So each of the P P positions is a matrix product, and a tile costs 16 multiplications for 36, or 49 for 100. Errors are as those of direct
//! sums: 5e-6 of the root mean square of the results was the largest found, with 512 channels; `tests/convolution.rs` holds 1e-5.
//!
//! Rows of tiles are numbered over all samples, and done in chunks whose bounds follow from the geometry. Every
//! element of y and of dx depends on its own sample only, and each number of dW is summed chunk after chunk, so threads that divide
//! samples, positions or rows change no bit.
//!
//! In bf16 V, U and A dy A^T are rounded, and, where the processor multiplies them so, paired ([`pairs`]).

mod loops;
#[cfg(target_arch = "x86_64")]
mod pairs;
mod tiles;
mod transform;

use std::marker::PhantomData;
use std::ops::Range;

use super::{Convolution, ConvolutionScratch, Map, Pieces};
use crate::aligned::{Buffer, Wanted};
use crate::element::Real;
use crate::gemm::bf16::Operands;
use crate::gemm::widest;
use crate::isa::{Isa, Pairing};

use loops::{correlate, kernels, sums_over_tiles, turned_kernels, weight_rows};
use tiles::{MOST_COLUMNS, Part, plane, step};
use transform::{FiveTaps, ThreeTaps};

/// Numbers of V and M that stay in the second-level cache.
const CACHED: usize = 1 << 18;
/// Fewest and most tiles that are done together, as far as their rows allow: so that a weight is used often, and is used soon again.
const CHUNK_TILES: [usize; 2] = [16, 64];
/// Most numbers of V and M that a thread may hold; what needs more is summed directly.
const HELD: usize = 1 << 23;
/// Most products that are summed before the sum is added to a weight gradient, and numbers of V and A dy A^T of them.
const SUMMED_DEPTHS: usize = 96;
const SUMMED: usize = 1 << 21;
/// Fewer channels or filters than so many leave vectors empty, or are summed in less time than it takes to transform them.
const LEAST_WIDTH: usize = 16;
/// A direct sum must multiply so many times as often, over two.
const LEAST_GAIN_HALVES: usize = 3;

/// Buffers of one thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers<T> {
    /// Rows of the source with their border; or weights that are to be transposed.
    rows: Buffer<T>,
    /// V, position after position.
    sources: Buffer<T>,
    /// M, or A dy A^T, position after position.
    products: Buffer<T>,
    /// Tiles before they are rounded to pairs.
    tiles: Buffer<T>,
}

impl<T: Real> Buffers<T> {
    /// Each of them.
    pub(super) fn each(&mut self, visit: &mut impl FnMut(&mut dyn Wanted)) {
        visit(&mut self.rows);
        visit(&mut self.sources);
        visit(&mut self.products);
        visit(&mut self.tiles);
    }
}

/// One direction of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Axis {
    /// Pixels of the source.
    source: usize,
    /// Zeros before them.
    lead: usize,
    /// Pixels of the result.
    out: usize,
}

impl Axis {
    /// Tiles, the last of which may have a single pixel.
    fn tiles(&self) -> usize {
        self.out.div_ceil(2)
    }
}

/// A map as it is computed; the weight gradient has the axes of the forward map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Winograd {
    taps: Taps,
    y: Axis,
    x: Axis,
    /// Numbers per pixel of the source.
    channels: usize,
    /// Numbers per pixel of the result.
    columns: usize,
    map: Map,
    /// What the products multiply.
    operands: Operands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taps {
    Three,
    Five,
}

/// Calls a kernel with the maps of a scheme.
macro_rules! choose {
    ($isa:ident, $winograd:ident, $($kernel:ident)::+($($arg:expr),*)) => {
        match $winograd.taps {
            Taps::Three => $($kernel)::+($isa, PhantomData::<[[[ThreeTaps; 4]; 3]; 4]>, $($arg),*),
            Taps::Five => $($kernel)::+($isa, PhantomData::<[[[FiveTaps; 6]; 5]; 7]>, $($arg),*),
        }
    };
}

impl Winograd {
    /// How a map of a convolution is computed in this way, where that is faster: its kernel is 3 x 3 or 5 x 5, steps by one, and has
    /// enough channels, filters and pixels. Pairs are multiplied as vectors.
    pub(super) fn of(convolution: &Convolution, map: Map, operands: Operands) -> Option<Winograd> {
        let c = convolution;
        let taps = match c.kernel {
            [3, 3] => Taps::Three,
            [5, 5] => Taps::Five,
            _ => return None,
        };
        let plain = c.stride == [1, 1] && c.dilation == [1, 1] && c.groups == 1;
        let wide = c.channels.min(c.filters) >= LEAST_WIDTH;
        let inside = c.padding.iter().all(|&padding| padding < c.kernel[0]);
        let (rows, cols) = c.output().filter(|_| plain && wide && inside)?;
        let axis = |source, out, padding| match map {
            Map::Forward | Map::WeightGradient => Axis {
                source,
                lead: padding,
                out,
            },
            Map::InputGradient => Axis {
                source: out,
                lead: c.kernel[0] - 1 - padding,
                out: source,
            },
        };
        let (channels, columns) = match map {
            Map::Forward | Map::WeightGradient => (c.channels, c.filters),
            Map::InputGradient => (c.filters, c.channels),
        };
        let winograd = Winograd {
            taps,
            y: axis(c.height, rows, c.padding[0]),
            x: axis(c.width, cols, c.padding[1]),
            channels,
            columns,
            map,
            operands,
        };
        // The same for all three maps, so that they are what they are together.
        let n_tiles = rows.div_ceil(2) * cols.div_ceil(2);
        let products = winograd.n_positions() * n_tiles;
        let direct = c.kernel[0] * c.kernel[1] * rows * cols;
        let per_tile = winograd.n_positions() * (channels + columns);
        let held = cols.max(c.width).div_ceil(2).max(CHUNK_TILES[0]) * per_tile;
        let gains = 2 * direct >= LEAST_GAIN_HALVES * products;
        (gains && held <= HELD).then_some(winograd)
    }

    /// Pixels of the source that a tile sees, in one direction.
    fn points(&self) -> usize {
        match self.taps {
            Taps::Three => 4,
            Taps::Five => 6,
        }
    }

    fn n_positions(&self) -> usize {
        match self.taps {
            Taps::Three => 4 * 4,
            Taps::Five => 7 * 7,
        }
    }

    /// What is to be computed before: a matrix for each position, of transformed weights or of sums over all tiles.
    pub(super) fn pieces(&self, isa: Isa) -> Pieces {
        let len = match self.map {
            Map::WeightGradient => self.channels * self.columns,
            #[cfg(target_arch = "x86_64")]
            _ if self.in_pairs() => self.u_len(),
            _ => self.channels * self.columns.next_multiple_of(widest(isa)),
        };
        Pieces {
            n: self.n_positions(),
            len,
        }
    }

    /// Asks for buffers of a thread that are large enough.
    pub(super) fn reserve<T: Real>(&self, isa: Isa, scratch: &mut ConvolutionScratch<T>) {
        let n_tiles = self.chunk_rows() * self.x.tiles();
        let Buffers {
            rows,
            sources,
            products,
            ..
        } = &mut scratch.winograd;
        let bordered = self.chunk_rows() * self.points() * self.bordered_row(self.points());
        let transposed = self.n_positions() * widest(isa) * MOST_COLUMNS;
        rows.want(bordered.max(transposed));
        sources.want(self.n_positions() * plane(n_tiles, self.channels));
        let columns = self.columns.next_multiple_of(widest(isa));
        products.want(self.n_positions() * plane(n_tiles, columns));
        scratch.pixels.want(n_tiles);
        scratch.depths.want(self.channels);
        scratch.places.want(n_tiles);
        #[cfg(target_arch = "x86_64")]
        if self.in_pairs() {
            self.reserve_pairs(n_tiles, &mut scratch.winograd);
        }
    }

    fn in_pairs(&self) -> bool {
        self.operands == Operands::Pairs
    }

    /// Factors that the processor multiplies as one.
    fn n_together(&self) -> usize {
        if self.in_pairs() { 2 } else { 1 }
    }

    /// Numbers that a tile has at all positions, where a pair is one.
    fn per_tile(&self) -> usize {
        let factors = |n: usize| n.div_ceil(self.n_together());
        let numbers = match self.map {
            Map::Forward | Map::InputGradient => factors(self.channels) + self.columns,
            Map::WeightGradient => factors(self.channels + self.columns),
        };
        self.n_positions() * numbers
    }

    /// Where each tile of a chunk stands in M.
    fn places(&self, places: &mut [usize]) {
        let n_tiles = self.chunk_rows() * self.x.tiles();
        for (tile, place) in places[..n_tiles].iter_mut().enumerate() {
            *place = tile * step(self.columns);
        }
    }

    /// Rows of tiles that are done together.
    fn chunk_rows(&self) -> usize {
        let [fewest, most] = CHUNK_TILES;
        let most_summed = SUMMED_DEPTHS * self.n_together();
        let n_tiles = match self.map {
            Map::Forward | Map::InputGradient => (CACHED / self.per_tile()).clamp(fewest, most),
            Map::WeightGradient => (SUMMED / self.per_tile()).clamp(fewest, most_summed),
        };
        (n_tiles / self.x.tiles()).max(1)
    }

    /// The rows of tiles of some samples, in chunks.
    fn chunks(&self, n_samples: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n_rows, n) = (n_samples * self.y.tiles(), self.chunk_rows());
        (0..n_rows)
            .step_by(n)
            .map(move |first| first..n_rows.min(first + n))
    }

    /// Numbers of a row of the source with its border, when a tile sees so many pixels of it.
    fn bordered_row(&self, points: usize) -> usize {
        (2 * self.x.tiles() + points - 2) * self.channels
    }

    fn source_len(&self) -> usize {
        self.y.source * self.x.source * self.channels
    }

    fn out_len(&self) -> usize {
        self.y.out * self.x.out * self.columns
    }

    /// What the kernels rely on.
    fn check(&self, isa: Isa) {
        assert!(!self.in_pairs() || isa.pairing() == Pairing::Vectors);
    }

    /// Computes pieces, of which `pieces` begins with number `first`, from both factors of the map.
    pub(super) fn prepare<T: Real>(
        &self,
        isa: Isa,
        [left, right]: [&[T]; 2],
        pieces: &mut [T],
        first: usize,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        self.check(isa);
        let len = self.pieces(isa).len;
        let part = Part { first, len };
        #[cfg(target_arch = "x86_64")]
        if self.in_pairs() {
            return self.prepare_pairs(isa, [left, right], pieces, part, scratch);
        }
        match self.map {
            Map::Forward => choose!(isa, self, kernels(self, right, pieces, part)),
            Map::InputGradient => {
                choose!(
                    isa,
                    self,
                    turned_kernels(self, right, pieces, part, scratch)
                )
            }
            Map::WeightGradient => {
                choose!(
                    isa,
                    self,
                    sums_over_tiles(self, left, right, pieces, part, scratch)
                )
            }
        }
    }

    /// The same of factors in pairs; T is f32.
    #[cfg(target_arch = "x86_64")]
    fn prepare_pairs<T: Real>(
        &self,
        isa: Isa,
        factors: [&[T]; 2],
        pieces: &mut [T],
        part: Part,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let [left, right] = factors.map(bytemuck::cast_slice);
        match self.map {
            Map::Forward => {
                let u = bytemuck::cast_slice_mut(pieces);
                choose!(isa, self, pairs::kernels(self, right, u, part, scratch));
            }
            Map::InputGradient => {
                let u = bytemuck::cast_slice_mut(pieces);
                choose!(
                    isa,
                    self,
                    pairs::turned_kernels(self, right, u, part, scratch)
                );
            }
            Map::WeightGradient => {
                let sums = bytemuck::cast_slice_mut(pieces);
                choose!(
                    isa,
                    self,
                    pairs::sums_over_tiles(self, left, right, sums, part, scratch)
                );
            }
        }
    }

    /// Runs the map for as many samples as `out` holds; `prepared` has all pieces.
    pub(super) fn correlate<T: Real>(
        &self,
        isa: Isa,
        source: &[T],
        prepared: &[T],
        out: &mut [T],
        scratch: &mut ConvolutionScratch<T>,
    ) {
        self.check(isa);
        #[cfg(target_arch = "x86_64")]
        if self.in_pairs() {
            let (source, u) = (bytemuck::cast_slice(source), bytemuck::cast_slice(prepared));
            let out = bytemuck::cast_slice_mut(out);
            choose!(isa, self, pairs::correlate(self, source, u, out, scratch));
            return;
        }
        choose!(
            isa,
            self,
            correlate(self, self.pieces(isa).len, source, prepared, out, scratch)
        );
    }

    /// Rows of dW from `first_row` on, as many as `dw` holds; `prepared` has all pieces.
    pub(super) fn weight_rows<T: Real>(
        &self,
        isa: Isa,
        prepared: &[T],
        dw: &mut [T],
        first_row: usize,
    ) {
        choose!(isa, self, weight_rows(self, prepared, dw, first_row));
    }
}
