//! Weights, products and gradients: the loops of each map, compiled for each instruction set.

use std::marker::PhantomData;

use super::tiles::{Part, Rows, RowsOfStrips, Strips, plane, step};
use super::transform::{Grid, Scheme, transform};
use super::{Buffers, Winograd};
use crate::convolution::ConvolutionScratch;
use crate::convolution::correlate::chunk;
use crate::convolution::gradient::{Gradients, pixel_block};
use crate::element::Real;
use crate::gemm::block;
use crate::isa::kernel;
use crate::lanes::Lanes;

kernel! {
    /// U, from weights `[taps x channels x columns]`.
    pub(super) fn kernels[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of T (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, w: &[T], pieces: &mut [T], part: Part,
    ) {
        let Winograd { channels, columns, .. } = *winograd;
        let all_columns = columns.next_multiple_of(M::VECTOR);
        let wanted = part.first..part.first + pieces.len() / part.len;
        let block = block(channels);
        for first in (0..channels).step_by(block) {
            let strips = Strips { rows: block.min(channels - first), columns };
            for row in 0..strips.rows {
                for column in (0..columns).step_by(M::VECTOR) {
                    let tap = (channels * columns) as isize;
                    let from = Grid { start: ((first + row) * columns + column) as isize, row: R as isize * tap, column: tap };
                    let to = part.grid::<P>(first * all_columns + strips.place::<T, M>(row, column));
                    transform!(S::kernel, R => P, (w, from, columns - column), (pieces, to, M::VECTOR), wanted.len() == P * P, |i, j| {
                        wanted.contains(&(i * P + j))
                    });
                }
            }
        }
        winograd.operands.round(pieces);
    }
}

kernel! {
    /// U of the input gradient, from weights `[taps x columns x channels]`: the taps in the opposite order, channels and columns have
    /// changed places.
    pub(super) fn turned_kernels[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of T (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, w: &[T], pieces: &mut [T], part: Part,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let Winograd { channels, columns, .. } = *winograd;
        let all_columns = columns.next_multiple_of(M::VECTOR);
        let wanted = part.first..part.first + pieces.len() / part.len;
        let block = block(channels);
        let upright = &mut scratch.winograd.rows;
        let upright_len = M::COLUMNS * M::VECTOR;
        for first in (0..channels).step_by(block) {
            let strips = Strips { rows: block.min(channels - first), columns };
            for strip in (0..columns).step_by(M::COLUMNS) {
                let (n_columns, width) = (M::COLUMNS.min(columns - strip), strips.width::<T, M>(strip));
                for row in (0..strips.rows).step_by(M::VECTOR) {
                    let n_rows = M::VECTOR.min(strips.rows - row);
                    for column in 0..n_columns {
                        let tap = (channels * columns) as isize;
                        let first_tap = (strip + column) * channels + first + row;
                        let start = first_tap as isize + (R * R - 1) as isize * tap;
                        let from = Grid { start, row: -(R as isize) * tap, column: -tap };
                        let upright_part = Part { first: 0, len: upright_len };
                        let to = upright_part.grid::<P>(column * M::VECTOR);
                        transform!(S::kernel, R => P, (w, from, n_rows), (upright, to, M::VECTOR), wanted.len() == P * P, |i, j| {
                            wanted.contains(&(i * P + j))
                        });
                    }
                    for (piece, position) in pieces.chunks_exact_mut(part.len).zip(wanted.clone()) {
                        let at = first * all_columns + strips.place::<T, M>(row, strip);
                        let to = &mut piece[at..][..n_rows * width];
                        if n_columns < width {
                            to.fill(T::ZERO);
                        }
                        let from = &upright[position * upright_len..];
                        M::transpose(from, M::VECTOR, to, width, n_columns, n_rows);
                    }
                }
            }
        }
        winograd.operands.round(pieces);
    }
}

kernel! {
    /// Chunk after chunk of tiles: V, its products with U at each position, and the result of these.
    pub(super) fn correlate[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of T (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, piece_len: usize, source: &[T], prepared: &[T],
        out: &mut [T], scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { winograd: buffers, depths, pixels, places, .. } = scratch;
        let Winograd { channels, columns, .. } = *winograd;
        let Buffers { rows, sources, products, .. } = buffers;
        let most_tiles = winograd.chunk_rows() * winograd.x.tiles();
        let v_part = Part { first: 0, len: plane(most_tiles, channels) };
        let m_part = Part { first: 0, len: plane(most_tiles, columns) };
        let depths = in_steps(depths, channels, 1);
        let pixels = in_steps(pixels, most_tiles, step(channels));
        winograd.places(places);
        for tile_rows in winograd.chunks(out.len() / winograd.out_len()) {
            let n_tiles = tile_rows.len() * winograd.x.tiles();
            let mut v = Rows { numbers: &mut *sources, part: v_part, step: step(channels) };
            winograd.transform_source::<T, M, S, N, R, P>(source, tile_rows.clone(), rows, &mut v, 0..P * P);
            winograd.operands.round(&mut sources[..P * P * v_part.len]);
            for position in 0..P * P {
                let v = &sources[position * v_part.len..][..v_part.len];
                let u = &prepared[position * piece_len..][..piece_len];
                let m = &mut products[position * m_part.len..][..m_part.len];
                let tiles = (&pixels[..n_tiles], &places[..n_tiles]);
                chunk::<T, T, M>(columns, v, u, tiles, (depths, block(channels)), m);
            }
            winograd.transform_products::<T, M, S, N, R, P>(products, m_part, tile_rows, out);
        }
    }
}

kernel! {
    /// Of some positions the sums over all tiles, chunk after chunk: V^T (A dy A^T).
    pub(super) fn sums_over_tiles[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of T (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, x: &[T], dy: &[T], pieces: &mut [T], part: Part,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { winograd: buffers, depths, pixels, .. } = scratch;
        let Winograd { channels, columns, .. } = *winograd;
        let Buffers { rows, sources, products, .. } = buffers;
        let most_tiles = winograd.chunk_rows() * winograd.x.tiles();
        let v_part = Part { first: part.first, len: plane(most_tiles, channels) };
        let dy_part = Part { first: part.first, len: plane(most_tiles, columns.next_multiple_of(M::VECTOR)) };
        let wanted = part.first..part.first + pieces.len() / part.len;
        let depths = in_steps(depths, channels, 1);
        let pixels = in_steps(pixels, most_tiles, step(channels));
        let mut first = true;
        for tile_rows in winograd.chunks(dy.len() / winograd.out_len()) {
            let n_tiles = tile_rows.len() * winograd.x.tiles();
            let mut v = Rows { numbers: &mut *sources, part: v_part, step: step(channels) };
            winograd.transform_source::<T, M, S, N, R, P>(x, tile_rows.clone(), rows, &mut v, wanted.clone());
            let strips = Strips { rows: n_tiles, columns };
            let mut ady = RowsOfStrips { numbers: &mut *products, part: dy_part, strips, loops: PhantomData::<M> };
            winograd.transform_gradient::<T, M, S, N, R, P>(dy, tile_rows, &mut ady, wanted.clone());
            winograd.operands.round(&mut sources[..wanted.len() * v_part.len]);
            winograd.operands.round(&mut products[..wanted.len() * dy_part.len]);
            for (idx, piece) in pieces.chunks_exact_mut(part.len).enumerate() {
                let v = &sources[idx * v_part.len..][..v_part.len];
                let packed = &products[idx * dy_part.len..][..dy_part.len];
                let dy = Gradients { values: &[], packed: Some(packed), columns: 0..columns, filters: columns };
                pixel_block::<T, T, M>(v, depths, &pixels[..n_tiles], &dy, piece, first);
            }
            first = false;
        }
        if first {
            pieces.fill(T::ZERO);
        }
    }
}

kernel! {
    /// G^T (...) G of the sums: some rows of dW.
    pub(super) fn weight_rows[T: Real, S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize] with M of T (
        _scheme: PhantomData<[[[S; N]; R]; P]>, winograd: &Winograd, prepared: &[T], dw: &mut [T], first_row: usize,
    ) {
        let Winograd { channels, columns, .. } = *winograd;
        let rows = first_row..first_row + dw.len() / columns;
        let sums = Part { first: 0, len: channels * columns };
        for channel in 0..channels {
            // The taps whose row of this channel is wanted.
            let tap = |row: usize| row.saturating_sub(channel).div_ceil(channels);
            let taps = tap(rows.start)..tap(rows.end);
            if taps.is_empty() {
                continue;
            }
            for column in (0..columns).step_by(M::VECTOR) {
                let from = sums.grid::<P>(channel * columns + column);
                let start = (channel * columns + column) as isize - (first_row * columns) as isize;
                let tap = (channels * columns) as isize;
                let to = Grid { start, row: R as isize * tap, column: tap };
                let n = columns - column;
                transform!(S::of_kernel, P => R, (prepared, from, n), (dw, to, n), taps.len() == R * R, |i, j| taps.contains(&(i * R + j)));
            }
        }
    }
}

/// Writes 0, `step`, 2 `step`, ... and answers them.
#[inline(always)]
pub(super) fn in_steps(offsets: &mut [u32], n: usize, step: usize) -> &[u32] {
    let offsets = &mut offsets[..n];
    for (idx, offset) in offsets.iter_mut().enumerate() {
        *offset = (idx * step) as u32;
    }
    offsets
}
