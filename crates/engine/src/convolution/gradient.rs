//! The weight gradient: a product `[kernel places x pixels] [pixels x filters]`, summed over all samples.
//!
//! Rows and depths have changed places: a row is an element of the kernel, a depth is a pixel.

use std::ops::Range;

use super::pass::Pass;
use super::{Convolution, ConvolutionScratch, pairs};
use crate::element::Real;
use crate::gemm::bf16::Operands;
use crate::gemm::block;
use crate::gemm::micro::{Depths, Left, MAX_ROWS, Micro, Out, Right, Starts, Tile, copy_row};
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
    if let Some(factors) = pairs::Factors::of(isa, x, dy)
        && let Some(dw) = T::singles_mut(dw)
    {
        return pairs::weight_gradient(isa, convolution, factors, dw, first_row, scratch);
    }
    let pass = Pass::forward(convolution);
    pass.pixel_offsets(&mut scratch.pixels);
    pass.depth_offsets(&mut scratch.depths);
    let call = Call {
        convolution,
        pass,
        operands: Operands::of::<T>(isa),
        x,
        dy,
        first_row,
    };
    all_samples(isa, call, dw, scratch);
}

kernel! {
    /// Numbers of a matrix from number `first` on, which is the sum of the matrices that `parts` holds one behind the other.
    pub(super) fn sum_of_parts[T: Real](parts: &[T], first: usize, sum: &mut [T]) {
        let len = parts.len() / super::QUARTERS;
        sum.copy_from_slice(&parts[first..first + sum.len()]);
        for part in parts.chunks_exact(len).skip(1) {
            for (sum, &number) in sum.iter_mut().zip(&part[first..]) {
                *sum += number;
            }
        }
    }
}

/// Rows of dy of up to this length lie close enough together to be read where they are.
const NEAR: usize = 200;

/// What one thread is to compute.
#[derive(Clone, Copy)]
struct Call<'a, T> {
    convolution: &'a Convolution,
    pass: Pass,
    operands: Operands,
    x: &'a [T],
    dy: &'a [T],
    first_row: usize,
}

kernel! {
    /// Chunk after chunk of samples, in each block after block of pixels.
    fn all_samples[T: Real] with M of T (
        call: Call<'_, T>, dw: &mut [T], scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { image, right, depths, pixels, .. } = scratch;
        let Call { convolution, pass, operands, x, dy, first_row } = call;
        let rounds = operands == Operands::Rounded;
        let filters = convolution.filters;
        let rows = &depths[first_row..first_row + dw.len() / filters];
        let chunks = x.chunks(pass.chunk() * pass.source_len());
        let mut first = true;
        for (x, dy) in chunks.zip(dy.chunks(pass.chunk() * pass.pixels() * filters)) {
            let n_pixels = dy.len() / filters;
            let image = pass.with_border(x, operands, image);
            let block = block(n_pixels);
            for (pixels, dy) in pixels[..n_pixels].chunks(block).zip(dy.chunks(block * filters)) {
                for group in 0..convolution.groups {
                    let image = &image[group * convolution.group_channels()..];
                    let columns = group * pass.columns..(group + 1) * pass.columns;
                    // Copying takes longer than it saves when rows of dy lie close together, or the copy is used rarely.
                    let packed = if rounds || filters > NEAR && rows.len() > 2 * M::ROWS {
                        pack::<T, M>(dy, filters, columns.clone(), operands, right);
                        Some(&right[..])
                    } else {
                        None
                    };
                    let dy = Gradients { values: dy, packed, columns, filters };
                    pixel_block::<T, T, M>(image, rows, pixels, &dy, dw, first);
                }
                first = false;
            }
        }
    }
}

/// Copies columns of a block of dy as strips of operands; a strip narrower than its last vector goes on with zeros.
#[inline(always)]
fn pack<T: Real, M: Micro<T>>(
    dy: &[T],
    filters: usize,
    columns: Range<usize>,
    operands: Operands,
    packed: &mut [T],
) {
    let depth = dy.len() / filters;
    for column in (0..columns.len()).step_by(M::COLUMNS) {
        let n = M::COLUMNS.min(columns.len() - column);
        let width = n.next_multiple_of(M::VECTOR);
        let strip = &mut packed[column * depth..][..depth * width];
        for (row, dy) in strip.chunks_exact_mut(width).zip(dy.chunks_exact(filters)) {
            copy_row(&dy[columns.start + column..][..n], row);
        }
        operands.round(strip);
    }
}

/// Columns of dy, for one block of pixels.
pub(super) struct Gradients<'a, T> {
    pub(super) values: &'a [T],
    /// What [`pack`] made of it.
    pub(super) packed: Option<&'a [T]>,
    pub(super) columns: Range<usize>,
    pub(super) filters: usize,
}

impl<T: Copy> Gradients<'_, T> {
    /// The strip of `n` columns from `column` on, in a block of `depth` pixels.
    #[inline(always)]
    fn strip<C, M: Tile<T, C>>(&self, column: usize, n: usize, depth: usize) -> Right<'_, T> {
        match self.packed {
            Some(packed) => Right {
                values: &packed[column * depth.next_multiple_of(M::DEPTHS)..],
                step: n.next_multiple_of(M::VECTOR),
                padded: true,
            },
            None => Right {
                values: &self.values[self.columns.start + column..],
                step: self.filters,
                padded: false,
            },
        }
    }
}

/// Adds the products of one block of pixels to all rows, of which `places` says where in the image they begin.
#[inline(always)]
pub(super) fn pixel_block<A: Copy, C, M: Tile<A, C>>(
    image: &[A],
    places: &[u32],
    pixels: &[u32],
    dy: &Gradients<'_, A>,
    dw: &mut [C],
    first: bool,
) {
    let pixels = Depths::new(pixels);
    let height = M::height(places.len());
    for (tile_idx, places) in places.chunks(height).enumerate() {
        let (mut rows, mut outs) = ([0; MAX_ROWS], [0; MAX_ROWS]);
        for (i, &place) in places.iter().enumerate() {
            rows[i] = place as usize;
            outs[i] = (tile_idx * height + i) * dy.filters + dy.columns.start;
        }
        let left = Left {
            values: image,
            rows: Starts::new(&rows, places.len()),
            depths: pixels,
        };
        let outs = Starts::new(&outs, places.len());
        let right = |column, columns| dy.strip::<C, M>(column, columns, pixels.len());
        let out = Out {
            values: &mut *dw,
            places: outs,
            columns: dy.columns.len(),
            first,
        };
        M::tiles(left, right, out);
    }
}
