//! Two-dimensional convolution without a matrix of patches: each product reads the image where it lies.
//!
//! y `[n x oh*ow*filters]` from x `[n x height*width*channels]` (channels last) and W
//! `[kh*kw*(channels/groups) x filters]`:
//!
//! y(s, oy, ox, f) = sum over ky, kx, c of x(s, oy stride - padding + ky dilation, ox ..., c) W(ky, kx, c, f)
//!
//! This is a matrix product whose left factor has a row for each output pixel and a column for each (ky, kx, c). The
//! element at (pixel, place) is `image[offset(pixel) + offset(place)]` once the image has a border of zeros, so nothing
//! but the border is copied (the indirect convolution of Dukhan, "The indirect convolution algorithm", 2019, with sums of
//! offsets for its pointers). Both gradients are products of the same kind.
//!
//! Where it is faster, a kernel of 3 x 3 or 5 x 5 is computed in another way, with fewer multiplications: see [`winograd`].
//!
//! Every element of y and of dx depends on its own sample only, every row of dW on all samples in one fixed order: blocks
//! of k (or of pixels) whose bounds follow from the geometry, summed from zero and then added. So splitting samples, or
//! rows of dW, among threads changes no bit. Where W has fewer numbers than a sample, dW is the sum of those of [`QUARTERS`] parts of
//! the batch, so that a thread need not fetch the samples of the others.

mod correlate;
mod gradient;
mod pairs;
mod pass;
mod winograd;

use crate::aligned::{Buffer, Wanted};
use crate::element::Real;
use crate::gemm::bf16::Operands;
use crate::gemm::{DEPTH, widest};
use crate::isa::{Isa, Pairing};

use correlate::correlate;
use pairs::Pairs;
use pass::Pass;
use winograd::Winograd;

/// One of the three maps of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// y from x and W.
    Forward,
    /// dx from dy and W.
    InputGradient,
    /// dW from x and dy.
    WeightGradient,
}

/// What is computed before a map, once for all threads: so many pieces of so many numbers, each from all of both factors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pieces {
    /// How many; none when the map needs none.
    pub n: usize,
    /// Numbers of each.
    pub len: usize,
}

/// Geometry of a two-dimensional convolution; one with a single dimension has height 1.
///
/// Rows of W are places of the kernel, row index `(ky * kw + kx) * (channels / groups) + c`; its columns are filters.
/// Filters `g * filters / groups ..` see channels `g * channels / groups ..` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Rows of the image that comes in.
    pub height: usize,
    /// Columns of the image that comes in.
    pub width: usize,
    /// Numbers per pixel that comes in.
    pub channels: usize,
    /// Numbers per pixel that goes out.
    pub filters: usize,
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// Steps from one place of the kernel to the next, down and right, in pixels.
    pub stride: [usize; 2],
    /// Zeros around the image: above and below, left and right.
    pub padding: [usize; 2],
    /// Steps from one element of the kernel to the next, in pixels.
    pub dilation: [usize; 2],
    /// Parts into which channels and filters are cut, each convolved on its own.
    pub groups: usize,
}

/// Buffers of one thread, large enough for each convolution they were made for.
#[derive(Clone, Debug, Default)]
pub struct ConvolutionScratch<T> {
    /// Images with their border of zeros.
    image: Buffer<T>,
    /// The right factor of a gradient: the weights, or a block of dy, in the order in which the innermost loop reads it.
    right: Buffer<T>,
    /// Offsets of the depths of a product in `image`.
    depths: Buffer<u32>,
    /// Offsets of the pixels of a chunk of samples in `image`.
    pixels: Buffer<u32>,
    /// Where these pixels stand in the result.
    places: Buffer<usize>,
    /// Image and right factor rounded to bfloat16.
    pairs: Pairs,
    winograd: winograd::Buffers<T>,
    /// Pieces of a part of the batch.
    pieces: Buffer<T>,
}

/// Parts of a batch that have weight gradients of their own.
const QUARTERS: usize = 4;
/// Output pixels of a chunk of samples, which are done together: enough to use packed weights often.
const CHUNK_PIXELS: usize = 512;
/// Most numbers of a chunk of samples of the source, when one sample has not more.
const CHUNK_NUMBERS: usize = 1 << 18;
impl Convolution {
    /// Rows and columns of the image that goes out: `(size + 2 padding - dilation (kernel - 1) - 1) / stride + 1`.
    ///
    /// `None` when the kernel does not fit into the image with its padding, a size is zero, groups do not divide channels
    /// and filters, or an image is too large to count its numbers in 31 bits.
    pub fn output(&self) -> Option<(usize, usize)> {
        let along = |size: usize, axis: usize| {
            let reach = self.kernel[axis]
                .checked_sub(1)?
                .checked_mul(self.dilation[axis])?
                .checked_add(1)?;
            let padded = size.checked_add(self.padding[axis].checked_mul(2)?)?;
            let steps = padded.checked_sub(reach)?.checked_div(self.stride[axis])?;
            (size > 0 && self.dilation[axis] > 0).then_some((steps + 1, padded))
        };
        let (rows, padded_rows) = along(self.height, 0)?;
        let (cols, padded_cols) = along(self.width, 1)?;
        let countable = |sizes: [usize; 3]| {
            let n = sizes
                .iter()
                .try_fold(1_usize, |n, &size| n.checked_mul(size));
            n.is_some_and(|n| n < 1 << 31)
        };
        let even = self.channels > 0
            && self.filters > 0
            && self.channels.checked_rem(self.groups) == Some(0)
            && self.filters.checked_rem(self.groups) == Some(0);
        let sound = even
            && countable([padded_rows, padded_cols, self.channels])
            && countable([padded_rows, padded_cols, self.filters])
            && countable([
                self.kernel[0].checked_mul(self.kernel[1])?,
                self.channels,
                self.filters,
            ]);
        sound.then_some((rows, cols))
    }

    /// Numbers of a sample that comes in.
    pub fn n_inputs(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Numbers of a sample that goes out; 0 when the kernel does not fit.
    pub fn n_outputs(&self) -> usize {
        self.output()
            .map_or(0, |(rows, cols)| rows * cols * self.filters)
    }

    /// Rows of W, of a kernel that fits.
    pub fn weight_rows(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.group_channels()
    }

    /// Multiplications of one pass over `n_samples` samples (each of the three passes has as many), as a measure of time;
    /// 0 when the kernel does not fit.
    pub fn n_multiplications(&self, n_samples: usize) -> u128 {
        self.output().map_or(0, |(rows, cols)| {
            let per_pixel = self.weight_rows() as u128 * self.filters as u128;
            n_samples as u128 * (rows * cols) as u128 * per_pixel
        })
    }

    /// How a map is computed with fewer multiplications, where it is: not with tiles of pairs, which multiply faster than numbers are
    /// transformed.
    fn winograd<T: Real>(&self, isa: Isa, map: Map) -> Option<Winograd> {
        let operands = Operands::of::<T>(isa);
        let possible = operands != Operands::Pairs || isa.pairing() == Pairing::Vectors;
        Winograd::of(self, map, operands).filter(|_| possible)
    }

    /// Whether W has fewer numbers than a sample, so that weight gradients of parts of a batch are less than the samples of others.
    fn is_narrow(&self) -> bool {
        self.output().is_some()
            && self.weight_rows() * self.filters <= self.n_inputs() + self.n_outputs()
    }

    /// What [`Convolution::prepare`] is to compute before a map.
    pub fn pieces<T: Real>(&self, isa: Isa, map: Map) -> Pieces {
        if map == Map::WeightGradient && self.is_narrow() {
            return Pieces {
                n: QUARTERS,
                len: self.weight_rows() * self.filters,
            };
        }
        if let Some(winograd) = self.winograd::<T>(isa, map) {
            return winograd.pieces(isa);
        }
        if map != Map::Forward
            || Operands::of::<T>(isa) == Operands::Pairs
            || self.output().is_none()
        {
            return Pieces::default();
        }
        Pieces {
            n: self.groups,
            len: Pass::forward(self).packed_len(isa),
        }
    }

    /// Computes some pieces from both factors of a map, those of number `first` and after it; `pieces` has room for them one behind
    /// the other. Each has the same bits whichever are computed together.
    pub fn prepare<T: Real>(
        &self,
        isa: Isa,
        map: Map,
        factors: [&[T]; 2],
        pieces: &mut [T],
        first: usize,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        if map == Map::WeightGradient && self.is_narrow() {
            let len = self.weight_rows() * self.filters;
            for (idx, dw) in pieces.chunks_exact_mut(len).enumerate() {
                self.gradient_of_quarter(isa, factors, first + idx, dw, scratch);
            }
        } else if let Some(winograd) = self.winograd::<T>(isa, map) {
            winograd.prepare(isa, factors, pieces, first, scratch);
        } else if let Pieces { n: 1.., len } = self.pieces::<T>(isa, map) {
            let operands = Operands::of::<T>(isa);
            correlate::pack(
                isa,
                &Pass::forward(self),
                operands,
                factors[1],
                first,
                pieces,
                len,
            );
        }
    }

    /// dW of a part of the samples.
    fn gradient_of_quarter<T: Real>(
        &self,
        isa: Isa,
        [x, dy]: [&[T]; 2],
        quarter: usize,
        dw: &mut [T],
        scratch: &mut ConvolutionScratch<T>,
    ) {
        let n_samples = dy.len() / self.n_outputs();
        let samples = quarter * n_samples / QUARTERS..(quarter + 1) * n_samples / QUARTERS;
        let x = &x[samples.start * self.n_inputs()..samples.end * self.n_inputs()];
        let dy = &dy[samples.start * self.n_outputs()..samples.end * self.n_outputs()];
        match self.winograd::<T>(isa, Map::WeightGradient) {
            Some(winograd) => {
                let mut pieces = std::mem::take(&mut scratch.pieces);
                let Pieces { n, len } = winograd.pieces(isa);
                winograd.prepare(isa, [x, dy], &mut pieces[..n * len], 0, scratch);
                winograd.weight_rows(isa, &pieces, dw, 0);
                scratch.pieces = pieces;
            }
            None => gradient::weight_gradient(isa, self, x, dy, dw, 0, scratch),
        }
    }

    /// y from x `[n x height*width*channels]`, W, and all pieces made of them, for as many samples as `y` holds.
    pub fn forward<T: Real>(
        &self,
        isa: Isa,
        [x, w, pieces]: [&[T]; 3],
        y: &mut [T],
        scratch: &mut ConvolutionScratch<T>,
    ) {
        if let Some(winograd) = self.winograd::<T>(isa, Map::Forward) {
            return winograd.correlate(isa, x, pieces, y, scratch);
        }
        let pass = Pass::forward(self);
        if let Some(factors) = pairs::Factors::of(isa, x, w)
            && let Some(y) = T::singles_mut(y)
        {
            pairs::correlate(isa, &pass, factors, y, scratch);
        } else {
            correlate(isa, &pass, x, (pieces, pass.packed_len(isa)), y, scratch);
        }
    }

    /// The derivative of a loss by x, from the one by y, W, and all pieces made of them, for as many samples as `dx` holds:
    ///
    /// dx(s, iy, ix, c) = sum over ky, kx, f of dy(s, (iy + padding - ky dilation) / stride, ..., f) W(ky, kx, c, f)
    ///
    /// where the division leaves no remainder. As a map from dy to dx it is the transposed convolution.
    pub fn input_gradient<T: Real>(
        &self,
        isa: Isa,
        [dy, w, pieces]: [&[T]; 3],
        dx: &mut [T],
        scratch: &mut ConvolutionScratch<T>,
    ) {
        if let Some(winograd) = self.winograd::<T>(isa, Map::InputGradient) {
            return winograd.correlate(isa, dy, pieces, dx, scratch);
        }
        if self.output().is_none() {
            return dx.fill(T::ZERO);
        }
        for row in 0..self.stride[0] {
            for col in 0..self.stride[1] {
                let pass = Pass::input_gradient(self, [row, col]);
                if let Some(factors) = pairs::Factors::of(isa, dy, w)
                    && let Some(dx) = T::singles_mut(dx)
                {
                    pairs::correlate(isa, &pass, factors, dx, scratch);
                    continue;
                }
                let mut right = std::mem::take(&mut scratch.right);
                let len = pass.packed_len(isa);
                let packed = &mut right[..self.groups * len];
                correlate::pack(isa, &pass, Operands::of::<T>(isa), w, 0, packed, len);
                correlate(isa, &pass, dy, (&right, len), dx, scratch);
                scratch.right = right;
            }
        }
    }

    /// The derivative of a loss by rows of W from `first_row` on, as many as `dw` holds, from all samples of x and dy and all
    /// pieces made of them:
    ///
    /// dW(ky, kx, c, f) = sum over s, oy, ox of x(s, oy stride - padding + ky dilation, ..., c) dy(s, oy, ox, f)
    pub fn weight_gradient<T: Real>(
        &self,
        isa: Isa,
        [x, dy, pieces]: [&[T]; 3],
        dw: &mut [T],
        first_row: usize,
        scratch: &mut ConvolutionScratch<T>,
    ) {
        if self.is_narrow() {
            return gradient::sum_of_parts(isa, pieces, first_row * self.filters, dw);
        }
        if let Some(winograd) = self.winograd::<T>(isa, Map::WeightGradient) {
            return winograd.weight_rows(isa, pieces, dw, first_row);
        }
        gradient::weight_gradient(isa, self, x, dy, dw, first_row, scratch);
    }

    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }
}

impl<T: Real> ConvolutionScratch<T> {
    /// Buffers for all three passes of each of the convolutions.
    pub fn new(
        isa: Isa,
        convolutions: impl IntoIterator<Item = Convolution>,
    ) -> ConvolutionScratch<T> {
        let mut scratch = ConvolutionScratch::default();
        for convolution in convolutions {
            scratch.reserve(isa, &convolution);
        }
        scratch.each(&mut |buffer| buffer.allocate());
        scratch
    }

    /// Each of the buffers.
    pub(crate) fn each(&mut self, visit: &mut impl FnMut(&mut dyn Wanted)) {
        visit(&mut self.image);
        visit(&mut self.right);
        visit(&mut self.depths);
        visit(&mut self.pixels);
        visit(&mut self.places);
        visit(&mut self.pieces);
        self.pairs.each(visit);
        self.winograd.each(visit);
    }

    /// Asks for buffers that are large enough for all three passes of one more convolution.
    pub(crate) fn reserve(&mut self, isa: Isa, convolution: &Convolution) {
        if convolution.output().is_none() {
            return;
        }
        let in_pairs = Operands::of::<T>(isa) == Operands::Pairs;
        if convolution.winograd::<T>(isa, Map::Forward).is_some() {
            let maps = [Map::Forward, Map::InputGradient, Map::WeightGradient];
            let ways = maps.map(|map| convolution.winograd::<T>(isa, map));
            if let (Some(gradient), true) = (ways[2], convolution.is_narrow()) {
                let Pieces { n, len } = gradient.pieces(isa);
                self.pieces.want(n * len);
            }
            return ways
                .into_iter()
                .flatten()
                .for_each(|way| way.reserve(isa, self));
        }
        let classes = (0..convolution.stride[0])
            .flat_map(|row| (0..convolution.stride[1]).map(move |col| [row, col]))
            .map(|class| Pass::input_gradient(convolution, class));
        for pass in classes.chain([Pass::forward(convolution)]) {
            self.reserve_offsets(&pass);
            if in_pairs {
                self.reserve_offsets(&pass.in_pairs());
                self.pairs.reserve(&pass);
            } else {
                self.image.want(pass.chunk() * pass.padded_len());
                if pass.y.class.is_some() {
                    self.right.want(convolution.groups * pass.packed_len(isa));
                }
            }
        }
        if !in_pairs {
            let columns = convolution.group_filters().next_multiple_of(widest(isa));
            self.right.want(DEPTH * columns);
        }
    }

    fn reserve_offsets(&mut self, pass: &Pass) {
        let n_pixels = pass.chunk() * pass.pixels();
        self.depths.want(pass.depth());
        self.pixels.want(n_pixels);
        self.places.want(n_pixels);
    }
}
