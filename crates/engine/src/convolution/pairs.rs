//! The passes with operands rounded to bfloat16, in pairs: see [`crate::gemm::bf16`].
//!
//! Forward and input gradient multiply pairs of channels: an image becomes one whose pixels hold pairs, a last odd channel
//! of a group going with zero, so that a pass over it is the same pass with half the channels. The weight gradient sums
//! over pixels, and multiplies pairs of samples: two images become one that holds both numbers of each place, and a last
//! odd sample goes with zeros. The loops over tiles are those of f32.

// Only x86-64 multiplies pairs.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_variables))]

use std::marker::PhantomData;

use super::correlate::chunk;
use super::gradient::{Gradients, pixel_block};
use super::pass::Pass;
use super::{Convolution, ConvolutionScratch};
use crate::aligned::{Buffer, Wanted};
use crate::element::Real;
use crate::gemm::bf16::{self, MOST_DEPTHS, Operands, PAIRS, STRIP, choose_pairs, pair_block};
use crate::isa::{Isa, kernel};

/// Both factors in pairs, for one thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Pairs {
    image: Buffer<u32>,
    right: Buffer<u32>,
}

impl Pairs {
    /// Each of the buffers.
    pub(super) fn each(&mut self, visit: &mut impl FnMut(&mut dyn Wanted)) {
        visit(&mut self.image);
        visit(&mut self.right);
    }

    /// Asks for buffers that are large enough for one more pass, and for the weight gradient beside it.
    pub(super) fn reserve(&mut self, pass: &Pass) {
        let halves = pass.in_pairs();
        let columns = pass.columns.next_multiple_of(STRIP);
        for pass in [pass, &halves] {
            // Rows are written in whole vectors, also the last.
            self.image.want(pass.chunk() * pass.padded_len() + STRIP);
        }
        let depth = halves.depth().next_multiple_of(MOST_DEPTHS);
        self.right.want(pass.groups * depth * columns);
        self.right.want(PAIRS * columns);
    }
}

/// What a pass multiplies in pairs: images, and weights or images.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factors<'a> {
    left: &'a [f32],
    right: &'a [f32],
}

impl<'a> Factors<'a> {
    /// The factors, where pairs are multiplied.
    pub(super) fn of<T: Real>(isa: Isa, left: &'a [T], right: &'a [T]) -> Option<Factors<'a>> {
        let factors = Factors {
            left: T::singles(left)?,
            right: T::singles(right)?,
        };
        (Operands::of::<T>(isa) == Operands::Pairs).then_some(factors)
    }
}

/// Runs a pass for as many samples as `out` holds.
pub(super) fn correlate<T: Real>(
    isa: Isa,
    pass: &Pass,
    factors: Factors<'_>,
    out: &mut [f32],
    scratch: &mut ConvolutionScratch<T>,
) {
    if pass.pixels() == 0 || out.is_empty() {
        return;
    }
    let halves = pass.in_pairs();
    halves.pixel_offsets(&mut scratch.pixels);
    halves.depth_offsets(&mut scratch.depths);
    halves.places(&mut scratch.places);
    choose_pairs!(isa, all_samples(pass, factors, out, scratch));
}

kernel! {
    /// Weights rounded once, then chunk after chunk of samples.
    fn all_samples[T: Real, P: bf16::Pairs](
        _loops: PhantomData<P>, pass: &Pass, factors: Factors<'_>, out: &mut [f32], scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { depths, pixels, places, pairs: Pairs { image, right }, .. } = scratch;
        let halves = pass.in_pairs();
        let _ready = P::ready();
        let depth = halves.depth();
        let packed_len = depth.next_multiple_of(P::DEPTHS) * pass.columns.next_multiple_of(STRIP);
        for group in 0..pass.groups {
            pass.weights_in_pairs::<P>(factors.right, group, &mut right[group * packed_len..][..packed_len]);
        }
        let n = out.len() / pass.out_len();
        let sources = factors.left[..n * pass.source_len()].chunks(halves.chunk() * pass.source_len());
        for (samples, out) in sources.zip(out.chunks_mut(halves.chunk() * pass.out_len())) {
            let n_pixels = samples.len() / pass.source_len() * pass.pixels();
            pass.channels_in_pairs::<P>(samples, image);
            for group in 0..pass.groups {
                let packed = &right[group * packed_len..][..packed_len];
                let image = &image[group * halves.group_channels..];
                let out = &mut out[group * pass.columns..];
                let (pixels, places) = (&pixels[..n_pixels], &places[..n_pixels]);
                let depths = (&depths[..depth], pair_block(depth, P::DEPTHS));
                chunk::<u32, f32, P>(pass.columns, image, packed, (pixels, places), depths, out);
            }
        }
    }
}

/// Rows of dW from `first_row` on, as many as `dw` holds, from x on the left and dy on the right.
pub(super) fn weight_gradient<T: Real>(
    isa: Isa,
    convolution: &Convolution,
    factors: Factors<'_>,
    dw: &mut [f32],
    first_row: usize,
    scratch: &mut ConvolutionScratch<T>,
) {
    let pass = Pass::forward(convolution);
    pass.pixel_offsets(&mut scratch.pixels);
    pass.depth_offsets(&mut scratch.depths);
    choose_pairs!(
        isa,
        all_places(&pass, convolution.filters, factors, dw, first_row, scratch)
    );
}

kernel! {
    /// Chunk after chunk of pairs of samples, in each block after block of pixels.
    fn all_places[T: Real, P: bf16::Pairs](
        _loops: PhantomData<P>, pass: &Pass, filters: usize, factors: Factors<'_>, dw: &mut [f32], first_row: usize,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let ConvolutionScratch { depths, pixels, pairs: Pairs { image, right }, .. } = scratch;
        let _ready = P::ready();
        let rows = &depths[first_row..first_row + dw.len() / filters];
        let (chunk, sample_len) = (2 * pass.chunk(), pass.pixels() * filters);
        let mut first = true;
        for (x, dy) in factors.left.chunks(chunk * pass.source_len()).zip(factors.right.chunks(chunk * sample_len)) {
            pass.samples_in_pairs::<P>(x, image);
            let n_pixels = dy.len().div_ceil(2 * sample_len) * pass.pixels();
            let block = pair_block(n_pixels, P::DEPTHS);
            for (block_idx, pixels) in pixels[..n_pixels].chunks(block).enumerate() {
                for group in 0..pass.groups {
                    let columns = group * pass.columns..(group + 1) * pass.columns;
                    let packed = pixels.len().next_multiple_of(P::DEPTHS);
                    bf16::zero_ends::<P>(right, columns.len(), pixels.len());
                    for q in 0..pixels.len() {
                        let (pair, pixel) = ((block_idx * block + q) / pass.pixels(), (block_idx * block + q) % pass.pixels());
                        let row = |sample: usize| {
                            let sample = dy.get(sample * sample_len..(sample + 1) * sample_len)?;
                            Some(&sample[pixel * filters..][columns.clone()])
                        };
                        if let Some(even) = row(2 * pair) {
                            P::across(even, row(2 * pair + 1), &mut right[q * STRIP..], packed * STRIP);
                        }
                    }
                    let image = &image[group * pass.group_channels..];
                    let dy = Gradients { values: &[], packed: Some(&right[..]), columns, filters };
                    pixel_block::<u32, f32, P>(image, rows, pixels, &dy, dw, first);
                }
                first = false;
            }
        }
    }
}

impl Pass {
    /// The same pass over pairs of channels.
    pub(super) fn in_pairs(&self) -> Pass {
        let group_channels = self.group_channels.div_ceil(2);
        Pass {
            channels: self.groups * group_channels,
            group_channels,
            ..*self
        }
    }

    /// Some samples with their border, for a pass over pairs of channels.
    #[inline(always)]
    fn channels_in_pairs<P: bf16::Pairs>(&self, samples: &[f32], image: &mut [u32]) {
        let halves = self.in_pairs();
        let (odd, row) = (self.group_channels % 2, self.x.source * self.channels);
        let rows = samples.chunks_exact(row);
        self.bordered_rows(
            halves.channels,
            samples.len() / self.source_len(),
            image,
            |idx, to| {
                let from = rows.clone().nth(idx).unwrap_or(&[]);
                let to = &mut to[..self.x.source * halves.channels];
                if odd == 0 {
                    return P::along(from, to);
                }
                let pixels = to.chunks_exact_mut(halves.group_channels);
                for (from, to) in from.chunks_exact(self.group_channels).zip(pixels) {
                    bf16::along_few(from, to);
                }
            },
        );
    }

    /// Pairs of samples with their border, the last with zeros when their number is odd.
    #[inline(always)]
    fn samples_in_pairs<P: bf16::Pairs>(&self, samples: &[f32], image: &mut [u32]) {
        let row = self.x.source * self.channels;
        let n_pairs = samples.len().div_ceil(2 * self.source_len());
        self.bordered_rows(self.channels, n_pairs, image, |idx, to| {
            let (pair, y) = (idx / self.y.source, idx % self.y.source);
            let of = |sample: usize| {
                let start = sample * self.source_len() + y * row;
                samples.get(start..start + row)
            };
            if let Some(even) = of(2 * pair) {
                P::across(even, of(2 * pair + 1), to, STRIP);
            }
        });
    }

    /// Zeros around the rows of `n` images of `channels` numbers per pixel. `write` is called with the number of a row,
    /// counted over all images, and with what is left of the buffer, and may write zeros or more behind the row: images
    /// are made from their first number to their last.
    #[inline(always)]
    fn bordered_rows(
        &self,
        channels: usize,
        n: usize,
        image: &mut [u32],
        mut write: impl FnMut(usize, &mut [u32]),
    ) {
        let (row, padded_row) = (self.x.source * channels, self.x.padded * channels);
        let left = self.x.lead * channels;
        for sample in 0..n {
            let mut at = sample * self.y.padded * padded_row;
            let above = self.y.lead * padded_row;
            image[at..at + above].fill(0);
            at += above;
            for y in 0..self.y.source {
                image[at..at + left].fill(0);
                write(sample * self.y.source + y, &mut image[at + left..]);
                image[at + left + row..at + padded_row].fill(0);
                at += padded_row;
            }
            let below = (self.y.padded - self.y.lead - self.y.source) * padded_row;
            image[at..at + below].fill(0);
        }
    }

    /// The weights of one group in pairs of channels: blocks of depth, in each strips of columns, pair after pair.
    #[inline(always)]
    fn weights_in_pairs<P: bf16::Pairs>(&self, w: &[f32], group: usize, packed: &mut [u32]) {
        let halves = self.in_pairs();
        let depth = halves.depth();
        let (block, all_columns) = (
            pair_block(depth, P::DEPTHS),
            self.columns.next_multiple_of(STRIP),
        );
        // Only the last block may end before its strips do.
        let last = depth.saturating_sub(1) / block * block;
        bf16::zero_ends::<P>(
            &mut packed[last * all_columns..],
            self.columns,
            depth - last,
        );
        let mut q = 0;
        for (ky, _) in self.y.taps() {
            for (kx, _) in self.x.taps() {
                let tap = ky * self.x.kernel + kx;
                let mut channel = 0;
                while channel < self.group_channels {
                    // As many pairs of this place of the kernel as belong to one block.
                    let first = q / block * block;
                    let rows = block.min(depth - first);
                    let n = (self.group_channels - channel).min(2 * (first + rows - q));
                    let strips = &mut packed[first * all_columns + (q - first) * STRIP..];
                    let channels = channel..channel + n;
                    let strip_step = rows.next_multiple_of(P::DEPTHS) * STRIP;
                    self.pack_pairs::<P>(w, (tap, group), channels, strips, strip_step);
                    channel += n;
                    q += n.div_ceil(2);
                }
            }
        }
    }

    /// Rounds the weights of some channels of one place of the kernel to strips of all columns.
    #[inline(always)]
    fn pack_pairs<P: bf16::Pairs>(
        &self,
        w: &[f32],
        (tap, group): (usize, usize),
        channels: std::ops::Range<usize>,
        strips: &mut [u32],
        strip_step: usize,
    ) {
        if self.y.class.is_some() {
            for column in (0..self.columns).step_by(STRIP) {
                let columns = STRIP.min(self.columns - column);
                let from = &w[self.weight(tap, channels.start, column, group)..];
                let strip = &mut strips[column / STRIP * strip_step..];
                P::upright(from, self.channels, columns, channels.len(), strip);
            }
            return;
        }
        for (nth, channel) in channels.clone().step_by(2).enumerate() {
            let row = |channel| {
                let start = self.weight(tap, channel, 0, group);
                (channel < channels.end).then(|| &w[start..start + self.columns])
            };
            if let Some(even) = row(channel) {
                P::across(
                    even,
                    row(channel + 1),
                    &mut strips[nth * STRIP..],
                    strip_step,
                );
            }
        }
    }
}
