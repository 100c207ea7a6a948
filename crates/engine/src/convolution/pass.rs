//! One pass over the samples: forward, or the input gradient for one class of pixels.
//!
//! The input gradient with stride s is s s passes: pixels whose row and column (with the padding) leave the same
//! remainder by s are reached by the same places of the kernel, so no product with a zero between pixels is computed.

use super::{CHUNK_NUMBERS, CHUNK_PIXELS, Convolution};
use crate::element::Real;
use crate::gemm::bf16::Operands;
use crate::gemm::micro::{Micro, copy_row};
use crate::gemm::{block, widest};
use crate::isa::Isa;

/// One direction of a pass: which places of the source, with its border, meet which pixels of the result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Pixels of the source.
    pub(super) source: usize,
    /// Zeros before the source.
    pub(super) lead: usize,
    /// Pixels of the source with its border.
    pub(super) padded: usize,
    /// Place, with the border, at which the first pixel of the result begins to look.
    first: usize,
    /// Steps between the places of two neighbouring pixels of the result.
    step: usize,
    /// Pixels of the result that this pass writes.
    pub(super) count: usize,
    /// The first of them among all pixels of the result.
    out_first: usize,
    /// Steps between them.
    out_step: usize,
    /// All pixels of the result.
    out: usize,
    /// Elements of the kernel.
    pub(super) kernel: usize,
    dilation: usize,
    /// Of a gradient: the stride, the remainder of this class, and the farthest place.
    pub(super) class: Option<(usize, usize, usize)>,
}

impl Axis {
    pub(super) fn forward(convolution: &Convolution, axis: usize, out: usize) -> Axis {
        let source = [convolution.height, convolution.width][axis];
        let lead = convolution.padding[axis];
        Axis {
            source,
            lead,
            padded: source + 2 * lead,
            first: 0,
            step: convolution.stride[axis],
            count: out,
            out_first: 0,
            out_step: 1,
            out,
            kernel: convolution.kernel[axis],
            dilation: convolution.dilation[axis],
            class: None,
        }
    }

    /// With i + padding = stride q + remainder, pixel i of dx meets dy at q - ky dilation / stride, for each ky whose
    /// distance `ky dilation` leaves the same remainder.
    fn gradient(convolution: &Convolution, axis: usize, source: usize, remainder: usize) -> Axis {
        let out = [convolution.height, convolution.width][axis];
        let (kernel, dilation) = (convolution.kernel[axis], convolution.dilation[axis]);
        let (stride, padding) = (convolution.stride[axis], convolution.padding[axis]);
        let farthest = (kernel - 1) * dilation / stride;
        let lead = farthest.saturating_sub(padding / stride);
        let out_first = (remainder + stride - padding % stride) % stride;
        Axis {
            source,
            lead,
            padded: lead + source.max((out - 1 + padding) / stride + 1),
            first: ((out_first + padding) / stride + lead) - farthest,
            step: 1,
            count: out.saturating_sub(out_first).div_ceil(stride),
            out_first,
            out_step: stride,
            out,
            kernel,
            dilation,
            class: Some((stride, remainder, farthest)),
        }
    }

    /// How far from where a pixel begins to look element `k` of the kernel lies; `None` when it is of another class.
    fn distance(&self, k: usize) -> Option<usize> {
        let distance = k * self.dilation;
        match self.class {
            None => Some(distance),
            Some((stride, remainder, farthest)) => {
                (distance % stride == remainder).then(|| farthest - distance / stride)
            }
        }
    }

    pub(super) fn taps(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.kernel).filter_map(|k| Some((k, self.distance(k)?)))
    }
}

/// One pass: the result is, per group, a product `[pixels x depth] [depth x columns]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) y: Axis,
    pub(super) x: Axis,
    /// Numbers per pixel of the source, in all groups.
    pub(super) channels: usize,
    /// Numbers per pixel of the source and of the result, in one group.
    pub(super) group_channels: usize,
    pub(super) columns: usize,
    pub(super) groups: usize,
}

impl Pass {
    pub(super) fn forward(convolution: &Convolution) -> Pass {
        let (rows, cols) = convolution.output().unwrap_or((0, 0));
        Pass {
            y: Axis::forward(convolution, 0, rows),
            x: Axis::forward(convolution, 1, cols),
            channels: convolution.channels,
            group_channels: convolution.group_channels(),
            columns: convolution.group_filters(),
            groups: convolution.groups,
        }
    }

    pub(super) fn input_gradient(convolution: &Convolution, class: [usize; 2]) -> Pass {
        let (rows, cols) = convolution.output().unwrap_or((0, 0));
        Pass {
            y: Axis::gradient(convolution, 0, rows, class[0]),
            x: Axis::gradient(convolution, 1, cols, class[1]),
            channels: convolution.filters,
            group_channels: convolution.group_filters(),
            columns: convolution.group_channels(),
            groups: convolution.groups,
        }
    }

    /// Pixels of a sample that this pass writes.
    pub(super) fn pixels(&self) -> usize {
        self.y.count * self.x.count
    }

    /// Numbers of the packed weights of a group.
    pub(super) fn packed_len(&self, isa: Isa) -> usize {
        self.depth() * self.columns.next_multiple_of(widest(isa))
    }

    /// Products per number of the result.
    pub(super) fn depth(&self) -> usize {
        self.y.taps().count() * self.x.taps().count() * self.group_channels
    }

    /// Numbers of a sample of the source.
    pub(super) fn source_len(&self) -> usize {
        self.y.source * self.x.source * self.channels
    }

    /// Numbers of a sample of the source with its border.
    pub(super) fn padded_len(&self) -> usize {
        self.y.padded * self.x.padded * self.channels
    }

    /// Numbers of a sample of the result.
    pub(super) fn out_len(&self) -> usize {
        self.y.out * self.x.out * self.groups * self.columns
    }

    /// Samples that are done together.
    pub(super) fn chunk(&self) -> usize {
        let wanted = CHUNK_PIXELS.div_ceil(self.pixels().max(1));
        wanted.min(CHUNK_NUMBERS / self.padded_len().max(1)).max(1)
    }

    /// Whether the source has a border, so that it must be copied.
    fn bordered(&self) -> bool {
        self.padded_len() != self.source_len()
    }

    /// The source of some samples with its border, as operands: as it lies, or copied to `image`.
    #[inline(always)]
    pub(super) fn with_border<'a, T: Real>(
        &self,
        samples: &'a [T],
        operands: Operands,
        image: &'a mut [T],
    ) -> &'a [T] {
        if !self.bordered() && operands != Operands::Rounded {
            return samples;
        }
        let row = self.x.source * self.channels;
        let padded_row = self.x.padded * self.channels;
        let padded = image.chunks_exact_mut(self.padded_len());
        for (sample, padded) in samples.chunks_exact(self.source_len()).zip(padded) {
            let (above, rest) = padded.split_at_mut(self.y.lead * padded_row);
            let (within, below) = rest.split_at_mut(self.y.source * padded_row);
            above.fill(T::ZERO);
            below.fill(T::ZERO);
            let left = self.x.lead * self.channels;
            for (padded, source) in within
                .chunks_exact_mut(padded_row)
                .zip(sample.chunks_exact(row))
            {
                padded[..left].fill(T::ZERO);
                padded[left..left + row].copy_from_slice(source);
                padded[left + row..].fill(T::ZERO);
                operands.round(padded);
            }
        }
        image
    }

    /// Where each pixel begins to look, for the samples of a chunk.
    pub(super) fn pixel_offsets(&self, offsets: &mut [u32]) {
        let mut offsets = offsets.iter_mut();
        for sample in 0..self.chunk() {
            for y in 0..self.y.count {
                let row = sample * self.y.padded + self.y.first + y * self.y.step;
                for x in 0..self.x.count {
                    let col = self.x.first + x * self.x.step;
                    let offset = (row * self.x.padded + col) * self.channels;
                    if let Some(place) = offsets.next() {
                        *place = offset as u32;
                    }
                }
            }
        }
    }

    /// How far from where a pixel begins to look each depth lies.
    pub(super) fn depth_offsets(&self, offsets: &mut [u32]) {
        let mut offsets = offsets.iter_mut();
        for (_, y) in self.y.taps() {
            for (_, x) in self.x.taps() {
                for channel in 0..self.group_channels {
                    let offset = (y * self.x.padded + x) * self.channels + channel;
                    if let Some(place) = offsets.next() {
                        *place = offset as u32;
                    }
                }
            }
        }
    }

    /// Where each pixel of a chunk stands in the result.
    pub(super) fn places(&self, places: &mut [usize]) {
        let mut places = places.iter_mut();
        for sample in 0..self.chunk() {
            for y in 0..self.y.count {
                let row = sample * self.y.out + self.y.out_first + y * self.y.out_step;
                for x in 0..self.x.count {
                    let col = self.x.out_first + x * self.x.out_step;
                    if let Some(place) = places.next() {
                        *place = (row * self.x.out + col) * self.groups * self.columns;
                    }
                }
            }
        }
    }

    /// Packs the weights of one group: blocks of depth, in each strips of columns, row after row; a strip narrower than
    /// its last vector goes on with zeros.
    #[inline(always)]
    pub(super) fn pack<T: Real, M: Micro<T>>(&self, w: &[T], group: usize, packed: &mut [T]) {
        let depth = self.depth();
        let (block, all_columns) = (block(depth), self.columns.next_multiple_of(M::VECTOR));
        let mut k = 0;
        for (ky, _) in self.y.taps() {
            for (kx, _) in self.x.taps() {
                let tap = ky * self.x.kernel + kx;
                let mut channel = 0;
                while channel < self.group_channels {
                    // As many channels of this place of the kernel as belong to one block.
                    let first = k / block * block;
                    let rows = block.min(depth - first);
                    let n = (self.group_channels - channel).min(first + rows - k);
                    for column in (0..self.columns).step_by(M::COLUMNS) {
                        let n_columns = M::COLUMNS.min(self.columns - column);
                        let width = n_columns.next_multiple_of(M::VECTOR);
                        let at = first * all_columns + column * rows + (k - first) * width;
                        let strip = &mut packed[at..][..n * width];
                        let weights = &w[self.weight(tap, channel, column, group)..];
                        self.pack_strip::<T, M>(weights, n_columns, strip, width);
                    }
                    channel += n;
                    k += n;
                }
            }
        }
    }

    /// Packs some channels and columns, of which `weights` begins with the first.
    #[inline(always)]
    fn pack_strip<T: Real, M: Micro<T>>(
        &self,
        weights: &[T],
        n_columns: usize,
        strip: &mut [T],
        width: usize,
    ) {
        if self.y.class.is_some() {
            if n_columns < width {
                strip.fill(T::ZERO);
            }
            let n = strip.len() / width;
            return M::transpose(weights, self.channels, strip, width, n_columns, n);
        }
        let filters = self.groups * self.columns;
        for (row, weights) in strip.chunks_exact_mut(width).zip(weights.chunks(filters)) {
            copy_row(&weights[..n_columns], row);
        }
    }

    /// Index in W of the weight between a channel of the source and a column of the result.
    #[inline(always)]
    pub(super) fn weight(&self, tap: usize, channel: usize, column: usize, group: usize) -> usize {
        if self.y.class.is_none() {
            let filters = self.groups * self.columns;
            (tap * self.group_channels + channel) * filters + group * self.columns + column
        } else {
            (tap * self.columns + column) * self.channels + group * self.group_channels + channel
        }
    }
}
