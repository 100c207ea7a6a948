//! The weight gradient: a product `[kernel places x pixels] [pixels x filters]`, summed over all samples.
//!
//! Rows and depths have changed places: a row is an element of the kernel, a depth is a pixel.

use std::marker::PhantomData;
use std::ops::Range;

use super::pass::Pass;
use super::{Convolution, ConvolutionScratch};
use crate::element::Real;
use crate::gemm::block;
use crate::gemm::micro::{Depths, Left, MAX_ROWS, Micro, Out, Places, Right, Starts, copy_row};
use crate::isa::{Isa, Level, kernel};

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
    match isa.level() {
        Level::Portable => all_samples(isa, PhantomData::<T::Portable>, call, dw, scratch),
        Level::Avx2 => all_samples(isa, PhantomData::<T::Avx2>, call, dw, scratch),
        Level::Avx512 => all_samples(isa, PhantomData::<T::Avx512>, call, dw, scratch),
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
    fn all_samples[T: Real, M: Micro<T>](
        _loops: PhantomData<M>, call: Call<'_, T>, dw: &mut [T], scratch: &mut ConvolutionScratch<T>,
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
                    let image = &image[group * convolution.group_channels()..];
                    let columns = group * pass.columns..(group + 1) * pass.columns;
                    pack::<T, M>(dy, filters, columns.clone(), right);
                    pixel_block::<T, M>(image, rows, pixels, right, columns, filters, dw, first);
                }
                first = false;
            }
        }
    }
}

/// Copies columns of a block of dy as strips; a strip narrower than its last vector goes on with zeros.
#[inline(always)]
fn pack<T: Real, M: Micro<T>>(dy: &[T], filters: usize, columns: Range<usize>, packed: &mut [T]) {
    let depth = dy.len() / filters;
    for column in (0..columns.len()).step_by(M::COLUMNS) {
        let n = M::COLUMNS.min(columns.len() - column);
        let width = n.next_multiple_of(M::VECTOR);
        let strip = &mut packed[column * depth..][..depth * width];
        for (row, dy) in strip.chunks_exact_mut(width).zip(dy.chunks_exact(filters)) {
            copy_row(&dy[columns.start + column..][..n], row);
        }
    }
}

/// Adds the products of one block of pixels to all rows, of which `places` says where in the image they begin.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn pixel_block<T: Real, M: Micro<T>>(
    image: &[T],
    places: &[u32],
    pixels: &[u32],
    packed: &[T],
    columns: Range<usize>,
    filters: usize,
    dw: &mut [T],
    first: bool,
) {
    let pixels = Depths::new(pixels);
    let height = places.len().div_ceil(places.len().div_ceil(M::ROWS));
    for (tile_idx, places) in places.chunks(height).enumerate() {
        let (mut rows, mut outs) = ([0; MAX_ROWS], [0; MAX_ROWS]);
        for (i, &place) in places.iter().enumerate() {
            rows[i] = place as usize;
            outs[i] = (tile_idx * height + i) * filters + columns.start;
        }
        let (rows, outs) = (
            Starts::new(&rows, places.len()),
            Starts::new(&outs, places.len()),
        );
        let left = Left {
            values: image,
            rows,
            depths: pixels,
        };
        for column in (0..columns.len()).step_by(M::COLUMNS) {
            let n = M::COLUMNS.min(columns.len() - column);
            let right = Right {
                values: &packed[column * pixels.len()..],
                step: n.next_multiple_of(M::VECTOR),
                padded: true,
            };
            let out = Out {
                values: &mut dw[column..],
                places: Places::Rows(outs),
                columns: n,
                first,
            };
            M::run(left, right, out);
        }
    }
}
