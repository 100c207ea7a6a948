//! The weight gradient: a product `[kernel places x pixels] [pixels x filters]`, summed over all samples.
//!
//! Rows and depths have changed places: a row is an element of the kernel, a depth is a pixel.

use super::pass::Pass;
use super::{Convolution, ConvolutionScratch, block};
use crate::element::Real;
use crate::gemm::tile::{Registers, Tile, gathered, store};
use crate::isa::{Isa, kernel};

/// Rows of dW from `first_row` on, as many as `dw` holds.
pub(super) fn weight_gradient<T: Real>(
    isa: Isa,
    convolution: &Convolution,
    x: &[T],
    dy: &[T],
    dw: &mut [T],
    first_row: usize,
    scratch: &mut ConvolutionScratch<T>,
) {
    if dy.is_empty() || convolution.output().is_none() {
        return dw.fill(T::ZERO);
    }
    let pass = Pass::forward(convolution);
    pass.pixel_offsets(&mut scratch.pixels);
    pass.depth_offsets(&mut scratch.depths);
    let call = Call {
        convolution,
        pass,
        x,
        dy,
        first_row,
    };
    match Tile::of(isa, size_of::<T>(), pass.columns) {
        Tile::T12x32 => all_samples(isa, Registers::<12, 32, true>, call, dw, scratch),
        Tile::T6x16 => all_samples(isa, Registers::<6, 16, true>, call, dw, scratch),
        Tile::T6x8 => all_samples(isa, Registers::<6, 8, true>, call, dw, scratch),
        Tile::T4x8 => all_samples(isa, Registers::<4, 8, false>, call, dw, scratch),
        Tile::T4x4 => all_samples(isa, Registers::<4, 4, false>, call, dw, scratch),
    }
}

/// What one thread is to compute.
#[derive(Clone, Copy)]
struct Call<'a, T> {
    convolution: &'a Convolution,
    pass: Pass,
    x: &'a [T],
    dy: &'a [T],
    first_row: usize,
}

kernel! {
    /// Chunk after chunk of samples, in each block after block of pixels.
    fn all_samples[T: Real, const MR: usize, const NR: usize, const FUSED: bool](
        registers: Registers<MR, NR, FUSED>, call: Call<'_, T>, dw: &mut [T], scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { image, right, depths, pixels } = scratch;
        let Call { convolution, pass, x, dy, first_row } = call;
        let filters = convolution.filters;
        let rows = &depths[first_row..first_row + dw.len() / filters];
        let chunks = x.chunks(pass.chunk() * pass.source_len());
        let mut first = true;
        for (x, dy) in chunks.zip(dy.chunks(pass.chunk() * pass.pixels() * filters)) {
            let n_pixels = dy.len() / filters;
            let image = pass.with_border(x, image);
            let block = block(n_pixels);
            for (pixels, dy) in pixels[..n_pixels].chunks(block).zip(dy.chunks(block * filters)) {
                for group in 0..convolution.groups {
                    pack::<T, NR>(dy, filters, group * pass.columns, pass.columns, right);
                    let image = &image[group * convolution.group_channels()..];
                    let first_column = group * pass.columns;
                    pixel_block(&registers, image, rows, pixels, right, dw, (first_column, pass.columns, filters), first);
                }
                first = false;
            }
        }
    }
}

/// Copies columns of a block of dy as strips of NR columns; columns that do not exist are zero.
#[inline(always)]
fn pack<T: Real, const NR: usize>(
    dy: &[T],
    filters: usize,
    first: usize,
    columns: usize,
    packed: &mut [T],
) {
    let depth = dy.len() / filters;
    let strips = packed.chunks_exact_mut(depth * NR);
    for (strip, column) in strips.zip((0..columns).step_by(NR)) {
        let n = NR.min(columns - column);
        for (row, dy) in strip.chunks_exact_mut(NR).zip(dy.chunks_exact(filters)) {
            let source = &dy[first + column..][..n];
            row[n..].fill(T::ZERO);
            row[..n].copy_from_slice(source);
        }
    }
}

/// Adds the products of one block of pixels to all rows.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn pixel_block<T: Real, const MR: usize, const NR: usize, const FUSED: bool>(
    _registers: &Registers<MR, NR, FUSED>,
    image: &[T],
    places: &[u32],
    pixels: &[u32],
    packed: &[T],
    dw: &mut [T],
    (first_column, columns, filters): (usize, usize, usize),
    first: bool,
) {
    for (places, dw) in places.chunks(MR).zip(dw.chunks_mut(MR * filters)) {
        // A row that does not exist looks where the first one looks.
        let mut rows = [places[0] as usize; MR];
        for (row, &place) in rows.iter_mut().zip(places) {
            *row = place as usize;
        }
        let strips = packed.chunks_exact(pixels.len() * NR);
        for (strip, column) in strips.zip((0..columns).step_by(NR)) {
            let sums = gathered::<T, MR, NR, FUSED>(image, &rows, pixels, strip.as_chunks().0);
            let n = NR.min(columns - column);
            for (sums, dw) in sums.iter().zip(dw.chunks_exact_mut(filters)) {
                store(&mut dw[first_column + column..][..n], sums, first);
            }
        }
    }
}
