//! Runs a pass: the product of all pixels of a chunk of samples with the packed weights.

use super::ConvolutionScratch;
use super::pass::Pass;
use crate::element::Real;
use crate::gemm::bf16::Operands;
use crate::gemm::block;
use crate::gemm::micro::{Depths, Left, MAX_ROWS, Out, Right, Starts, Tile};
use crate::isa::{Isa, kernel};

/// Runs a pass for as many samples as `out` holds, with weights that were packed: those of each group in a piece of `piece_len` numbers.
pub(super) fn correlate<T: Real>(
    isa: Isa,
    pass: &Pass,
    source: &[T],
    (packed, piece_len): (&[T], usize),
    out: &mut [T],
    scratch: &mut ConvolutionScratch<T>,
) {
    if pass.pixels() == 0 || out.is_empty() {
        return;
    }
    pass.pixel_offsets(&mut scratch.pixels);
    pass.depth_offsets(&mut scratch.depths);
    pass.places(&mut scratch.places);
    let operands = Operands::of::<T>(isa);
    all_samples(isa, pass, operands, source, packed, piece_len, out, scratch);
}

kernel! {
    /// Packs the weights of some groups, from number `first` on, each into a piece of operands.
    pub(super) fn pack[T: Real] with M of T (
        pass: &Pass, operands: Operands, w: &[T], first: usize, pieces: &mut [T], piece_len: usize,
    ) {
        for (idx, piece) in pieces.chunks_exact_mut(piece_len.max(1)).enumerate() {
            pass.pack::<T, M>(w, first + idx, piece);
            operands.round(piece);
        }
    }
}

kernel! {
    /// Chunk after chunk of samples.
    fn all_samples[T: Real] with M of T (
        pass: &Pass, operands: Operands, source: &[T], packed: &[T], piece_len: usize, out: &mut [T], scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { image, depths, pixels, places, .. } = scratch;
        let depth = pass.depth();
        let n = out.len() / pass.out_len();
        let sources = source[..n * pass.source_len()].chunks(pass.chunk() * pass.source_len());
        for (samples, out) in sources.zip(out.chunks_mut(pass.chunk() * pass.out_len())) {
            let n_pixels = samples.len() / pass.source_len() * pass.pixels();
            let image = pass.with_border(samples, operands, image);
            for group in 0..pass.groups {
                let packed = &packed[group * piece_len..][..piece_len];
                let image = &image[group * pass.group_channels..];
                let out = &mut out[group * pass.columns..];
                let (pixels, places) = (&pixels[..n_pixels], &places[..n_pixels]);
                let depths = (&depths[..depth], block(depth));
                chunk::<T, T, M>(pass.columns, image, packed, (pixels, places), depths, out);
            }
        }
    }
}

/// One group of one chunk, with which `image` and `out` begin: block after block of the depth, in each tile after tile.
#[inline(always)]
pub(super) fn chunk<A: Copy, C: Real, M: Tile<A, C>>(
    all_columns: usize,
    image: &[A],
    packed: &[A],
    (pixels, places): (&[u32], &[usize]),
    (depths, block): (&[u32], usize),
    out: &mut [C],
) {
    if depths.is_empty() {
        // No element of the kernel reaches these pixels.
        for &place in places {
            out[place..][..all_columns].fill(C::ZERO);
        }
        return;
    }
    let height = M::height(pixels.len());
    for (block_idx, depths) in depths.chunks(block).enumerate() {
        let packed = &packed[block_idx * block * all_columns.next_multiple_of(M::VECTOR)..];
        let depths = Depths::new(depths);
        for (pixels, places) in pixels.chunks(height).zip(places.chunks(height)) {
            let (mut rows, mut outs) = ([0; MAX_ROWS], [0; MAX_ROWS]);
            for (i, (&pixel, &place)) in pixels.iter().zip(places).enumerate() {
                rows[i] = pixel as usize;
                outs[i] = place;
            }
            let left = Left {
                values: image,
                rows: Starts::new(&rows, pixels.len()),
                depths,
            };
            let outs = Starts::new(&outs, pixels.len());
            let right = |column: usize, columns: usize| Right {
                values: &packed[column * depths.len().next_multiple_of(M::DEPTHS)..],
                step: columns.next_multiple_of(M::VECTOR),
                padded: true,
            };
            let out = Out {
                values: &mut *out,
                places: outs,
                columns: all_columns,
                first: block_idx == 0,
            };
            M::tiles(left, right, out);
        }
    }
}
