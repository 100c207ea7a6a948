//! The same loops with factors rounded to bfloat16, in pairs, for AVX512_BF16: see [`crate::gemm::bf16`].
//!
//! What is rounded are the factors of the products, so numbers that were transformed. Forward and for the input gradient a pair is two
//! channels of a tile, for the weight gradient two tiles of a channel; the last of an odd number goes with zero. Maps before and after the
//! products stay in f32.

use std::marker::PhantomData;

use super::loops::in_steps;
use super::tiles::{Part, Sink, plane, step};
use super::transform::{Grid, Scheme, transform};
use super::{Buffers, Winograd};
use crate::convolution::ConvolutionScratch;
use crate::convolution::correlate::chunk;
use crate::convolution::gradient::{Gradients, pixel_block};
use crate::element::Real;
use crate::gemm::bf16::{Native, Pairs, STRIP, pair_block};
use crate::isa::kernel;
use crate::lanes::Lanes;

/// Channels of weights that are turned together: a vector of pairs.
const TURNED: usize = 32;

impl Winograd {
    /// Pairs of channels.
    fn channel_pairs(&self) -> usize {
        self.channels.div_ceil(2)
    }

    /// Pairs in a matrix U, of strips of all columns.
    pub(super) fn u_len(&self) -> usize {
        self.channel_pairs() * self.columns.next_multiple_of(STRIP)
    }

    /// Pairs in A dy A^T of so many tiles at one position.
    fn ady_len(&self, n_tiles: usize) -> usize {
        step(n_tiles.div_ceil(2) * self.columns.next_multiple_of(STRIP))
    }

    /// Asks for buffers of a thread that are large enough.
    pub(super) fn reserve_pairs<T: Real>(&self, n_tiles: usize, buffers: &mut Buffers<T>) {
        let n = self.n_positions();
        let two_tiles = 2 * step(self.channels.max(self.columns));
        buffers.tiles.want(n * two_tiles.max(STRIP * TURNED));
        buffers.products.want(n * self.ady_len(n_tiles));
    }
}

impl<T: Real> Buffers<T> {
    /// Rows, sources, products and tiles; T is f32, because only that is ever rounded.
    fn singles(&mut self) -> [&mut [f32]; 4] {
        let Buffers {
            rows,
            sources,
            products,
            tiles,
        } = self;
        [rows, sources, products, tiles].map(|buffer| bytemuck::cast_slice_mut(buffer))
    }
}

/// Each tile is a row of pairs of channels, for each position.
struct PairsOfChannels<'a> {
    /// A tile in f32.
    tile: &'a mut [f32],
    pairs: &'a mut [u32],
    channels: usize,
    /// Pairs from one position to the next.
    plane: usize,
}

impl Sink<f32> for PairsOfChannels<'_> {
    #[inline(always)]
    fn grid<const P: usize>(&self, _tile: usize, number: usize) -> Grid {
        let len = step(self.channels);
        Part { first: 0, len }.grid::<P>(number)
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [f32] {
        self.tile
    }

    #[inline(always)]
    fn finish(&mut self, tile: usize) {
        let n_pairs = self.channels.div_ceil(2);
        let from = self.tile.chunks_exact(step(self.channels));
        for (from, to) in from.zip(self.pairs.chunks_mut(self.plane)) {
            let to = &mut to[tile * step(n_pairs)..][..n_pairs];
            Native::along(&from[..self.channels], to);
        }
    }
}

/// Two tiles are a row of pairs, for each position that is wanted: a row of numbers, or of strips.
struct PairsOfTiles<'a> {
    /// Two tiles in f32, each with all positions.
    tiles: &'a mut [f32],
    pairs: &'a mut [u32],
    /// Numbers of a tile at a position.
    width: usize,
    n_positions: usize,
    first_position: usize,
    n_tiles: usize,
    /// Pairs from one position, from one row and from one strip to the next.
    plane: usize,
    row: usize,
    strip: usize,
}

impl Sink<f32> for PairsOfTiles<'_> {
    #[inline(always)]
    fn grid<const P: usize>(&self, tile: usize, number: usize) -> Grid {
        let len = step(self.width);
        Part { first: 0, len }.grid::<P>(tile % 2 * P * P * len + number)
    }

    #[inline(always)]
    fn numbers(&mut self) -> &mut [f32] {
        self.tiles
    }

    #[inline(always)]
    fn finish(&mut self, tile: usize) {
        let (len, second) = (step(self.width), tile % 2 == 1);
        if !second && tile + 1 < self.n_tiles {
            return;
        }
        let (even, odd) = self.tiles.split_at(self.n_positions * len);
        for (idx, to) in self.pairs.chunks_mut(self.plane).enumerate() {
            let start = (self.first_position + idx) * len;
            let numbers = start..start + self.width;
            let odd = second.then(|| &odd[numbers.clone()]);
            let to = &mut to[tile / 2 * self.row..];
            Native::across(&even[numbers], odd, to, self.strip);
        }
    }
}

kernel! {
    /// U in strips of pairs, from weights `[taps x channels x columns]`.
    pub(super) fn kernels[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of f32 (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, w: &[f32], pieces: &mut [u32], part: Part,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let Winograd { channels, columns, .. } = *winograd;
        let wanted = part.first..part.first + pieces.len() / part.len;
        let square = Part { first: 0, len: 2 * STRIP };
        let [.., tiles] = scratch.winograd.singles();
        let places = Places::of(winograd);
        for q in 0..places.n_pairs {
            let first = q / places.block * places.block;
            for strip in (0..columns).step_by(STRIP) {
                let n_columns = STRIP.min(columns - strip);
                let rows = 2 * q..channels.min(2 * q + 2);
                for (row, channel) in rows.clone().enumerate() {
                    for column in (0..n_columns).step_by(M::VECTOR) {
                        let tap = (channels * columns) as isize;
                        let start = (channel * columns + strip + column) as isize;
                        let from = Grid { start, row: R as isize * tap, column: tap };
                        let to = square.grid::<P>(row * STRIP + column);
                        transform!(S::kernel, R => P, (w, from, n_columns - column), (tiles, to, M::VECTOR), wanted.len() == P * P, |i, j| {
                            wanted.contains(&(i * P + j))
                        });
                    }
                }
                for (piece, position) in pieces.chunks_exact_mut(part.len).zip(wanted.clone()) {
                    let (even, odd) = tiles[position * square.len..][..square.len].split_at(STRIP);
                    let odd = (rows.len() == 2).then(|| &odd[..n_columns]);
                    Native::across(&even[..n_columns], odd, &mut piece[places.at(first, q - first, strip)..], STRIP);
                }
            }
        }
    }
}

kernel! {
    /// The same of the input gradient, from weights `[taps x columns x channels]`: the taps in the opposite order, channels and columns
    /// have changed places.
    pub(super) fn turned_kernels[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of f32 (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, w: &[f32], pieces: &mut [u32], part: Part,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let Winograd { channels, columns, .. } = *winograd;
        let wanted = part.first..part.first + pieces.len() / part.len;
        let square = Part { first: 0, len: STRIP * TURNED };
        let [.., tiles] = scratch.winograd.singles();
        let places = Places::of(winograd);
        for strip in (0..columns).step_by(STRIP) {
            let n_columns = STRIP.min(columns - strip);
            let mut q = 0;
            while q < places.n_pairs {
                let first = q / places.block * places.block;
                let n_pairs = (TURNED / 2).min(first + places.depth(first) - q);
                let n_channels = (channels - 2 * q).min(2 * n_pairs);
                for column in 0..n_columns {
                    for channel in (0..n_channels).step_by(M::VECTOR) {
                        let tap = (channels * columns) as isize;
                        let first_tap = (strip + column) * channels + 2 * q + channel;
                        let start = first_tap as isize + (R * R - 1) as isize * tap;
                        let from = Grid { start, row: -(R as isize) * tap, column: -tap };
                        let to = square.grid::<P>(column * TURNED + channel);
                        transform!(S::kernel, R => P, (w, from, n_channels - channel), (tiles, to, M::VECTOR), wanted.len() == P * P, |i, j| {
                            wanted.contains(&(i * P + j))
                        });
                    }
                }
                for (piece, position) in pieces.chunks_exact_mut(part.len).zip(wanted.clone()) {
                    let from = &tiles[position * square.len..][..square.len];
                    Native::upright(from, TURNED, n_columns, n_channels, &mut piece[places.at(first, q - first, strip)..]);
                }
                q += n_pairs;
            }
        }
    }
}

kernel! {
    /// Chunk after chunk of tiles: V, its products with U at each position, and the result of these.
    pub(super) fn correlate[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of f32 (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, source: &[f32], prepared: &[u32],
        out: &mut [f32], scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { winograd: buffers, depths, pixels, places, .. } = scratch;
        let [rows, sources, products, tiles] = buffers.singles();
        let Winograd { channels, columns, .. } = *winograd;
        let n_pairs = winograd.channel_pairs();
        let most_tiles = winograd.chunk_rows() * winograd.x.tiles();
        let v_plane = plane(most_tiles, n_pairs);
        let m_part = Part { first: 0, len: plane(most_tiles, columns) };
        let depths = in_steps(depths, n_pairs, 1);
        let pixels = in_steps(pixels, most_tiles, step(n_pairs));
        winograd.places(places);
        let sources = &mut bytemuck::cast_slice_mut(sources)[..P * P * v_plane];
        for tile_rows in winograd.chunks(out.len() / winograd.out_len()) {
            let n_tiles = tile_rows.len() * winograd.x.tiles();
            let mut v = PairsOfChannels { tile: &mut *tiles, pairs: &mut *sources, channels, plane: v_plane };
            winograd.transform_source::<f32, M, S, N, R, P>(source, tile_rows.clone(), rows, &mut v, 0..P * P);
            let u = prepared.chunks_exact(winograd.u_len());
            for ((v, u), m) in sources.chunks_exact(v_plane).zip(u).zip(products.chunks_mut(m_part.len)) {
                let tiles = (&pixels[..n_tiles], &places[..n_tiles]);
                chunk::<u32, f32, Native>(columns, v, u, tiles, (depths, pair_block(n_pairs, 1)), m);
            }
            winograd.transform_products::<f32, M, S, N, R, P>(products, m_part, tile_rows, out);
        }
    }
}

kernel! {
    /// Of some positions the sums over all tiles, chunk after chunk: V^T (A dy A^T).
    pub(super) fn sums_over_tiles[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of f32 (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, x: &[f32], dy: &[f32], pieces: &mut [f32], part: Part,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { winograd: buffers, depths, pixels, .. } = scratch;
        let Winograd { channels, columns, .. } = *winograd;
        let [rows, sources, products, tiles] = buffers.singles();
        let most_tiles = winograd.chunk_rows() * winograd.x.tiles();
        let (v_plane, ady_plane) = (plane(most_tiles.div_ceil(2), channels), winograd.ady_len(most_tiles));
        let wanted = part.first..part.first + pieces.len() / part.len;
        let depths = in_steps(depths, channels, 1);
        let pixels = in_steps(pixels, most_tiles.div_ceil(2), step(channels));
        let sources = &mut bytemuck::cast_slice_mut(sources)[..wanted.len() * v_plane];
        let products = &mut bytemuck::cast_slice_mut(products)[..wanted.len() * ady_plane];
        let mut first = true;
        for tile_rows in winograd.chunks(dy.len() / winograd.out_len()) {
            let n_tiles = tile_rows.len() * winograd.x.tiles();
            let n_pairs = n_tiles.div_ceil(2);
            let (n_positions, first_position) = (P * P, wanted.start);
            let mut v = PairsOfTiles {
                tiles: &mut *tiles, pairs: &mut *sources, width: channels, n_positions, first_position, n_tiles, plane: v_plane,
                row: step(channels), strip: STRIP,
            };
            winograd.transform_source::<f32, M, S, N, R, P>(x, tile_rows.clone(), rows, &mut v, wanted.clone());
            let mut ady = PairsOfTiles {
                tiles: &mut *tiles, pairs: &mut *products, width: columns, n_positions, first_position, n_tiles, plane: ady_plane,
                row: STRIP, strip: n_pairs * STRIP,
            };
            winograd.transform_gradient::<f32, M, S, N, R, P>(dy, tile_rows, &mut ady, wanted.clone());
            let factors = sources.chunks_exact(v_plane).zip(products.chunks_exact(ady_plane));
            for ((v, ady), piece) in factors.zip(pieces.chunks_exact_mut(part.len)) {
                let dy = Gradients { values: &[], packed: Some(ady), columns: 0..columns, filters: columns };
                pixel_block::<u32, f32, Native>(v, depths, &pixels[..n_pairs], &dy, piece, first);
            }
            first = false;
        }
        if first {
            pieces.fill(0.0);
        }
    }
}

/// Where U has a pair of channels: blocks of depth, in each strips of columns, pair after pair.
struct Places {
    n_pairs: usize,
    block: usize,
    all_columns: usize,
}

impl Places {
    fn of(winograd: &Winograd) -> Places {
        Places {
            n_pairs: winograd.channel_pairs(),
            block: pair_block(winograd.channel_pairs(), 1),
            all_columns: winograd.columns.next_multiple_of(STRIP),
        }
    }

    /// Pairs of the block that begins with pair `first`.
    #[inline(always)]
    fn depth(&self, first: usize) -> usize {
        self.block.min(self.n_pairs - first)
    }

    /// Of pair `q` of that block.
    #[inline(always)]
    fn at(&self, first: usize, q: usize, strip: usize) -> usize {
        first * self.all_columns + strip * self.depth(first) + q * STRIP
    }
}
