//! y_pc = sum over pixels q of w_pq x_qc: an image made larger. x `[batch x H W C]`, y `[batch x fH H fW W C]`.
//!
//! *Nearest* repeats every pixel. *Bilinear* mixes the four pixels around the place of p in the smaller image, which is
//! (p + 1/2) / f - 1/2 along each axis, not below 0; beyond the last pixel it is repeated. This is PyTorch's `Upsample` with
//! `align_corners=False`.

use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// A larger image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upsample {
    /// Rows of the smaller image.
    pub height: usize,
    /// Pixels of a row of the smaller image.
    pub width: usize,
    /// Numbers of a pixel.
    pub channels: usize,
    /// Rows and columns of the larger image for each of the smaller one, at least 1.
    pub factor: [usize; 2],
    /// Whether pixels are mixed.
    pub bilinear: bool,
}

impl Upsample {
    fn shapes(&self) -> (Shape, Shape) {
        let small = self.height * self.width * self.channels;
        (
            Shape::batch(small),
            Shape::batch(small * self.factor[0] * self.factor[1]),
        )
    }

    /// The two places along an axis that place `at` of the larger image is made of, and the weight of the second.
    #[inline(always)]
    fn taps(&self, axis: usize, at: usize, len: usize) -> (usize, usize, f64) {
        let factor = self.factor[axis];
        if !self.bilinear {
            return (at / factor, at / factor, 0.0);
        }
        let place = ((at as f64 + 0.5) / factor as f64 - 0.5).max(0.0);
        let first = place as usize;
        (first, (first + 1).min(len - 1), place - first as f64)
    }

    /// The pixels and weights that a pixel of the larger image is made of: four of each, or one.
    #[inline(always)]
    fn sources(&self, row: usize, col: usize) -> ([(usize, f64); 4], usize) {
        let (top, bottom, down) = self.taps(0, row, self.height);
        let (left, right, across) = self.taps(1, col, self.width);
        let start = |row: usize, col: usize| (row * self.width + col) * self.channels;
        let sources = [
            (start(top, left), (1.0 - down) * (1.0 - across)),
            (start(top, right), (1.0 - down) * across),
            (start(bottom, left), down * (1.0 - across)),
            (start(bottom, right), down * across),
        ];
        (sources, if self.bilinear { 4 } else { 1 })
    }
}

impl Rule for Upsample {
    const NAME: &'static str = "upsample";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let (small, large) = self.shapes();
        match inputs {
            [x] if *x == small => Ok(large),
            _ => Err(misfit(Self::NAME, inputs, "it takes images of its size")),
        }
    }

    /// dx_q = sum over p of w_pq dy_p.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(UpsampleGradient { of: *self }, &[at.gradient])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let x = at.image(0, [self.height, self.width, self.channels])?;
        let [down, across] = self.factor;
        let scales = at
            .writer
            .floats("scales", &[4], &[1.0, 1.0, down as f32, across as f32]);
        let settings = if self.bilinear {
            [
                ("mode", "linear"),
                ("coordinate_transformation_mode", "half_pixel"),
            ]
        } else {
            [
                ("mode", "nearest"),
                ("coordinate_transformation_mode", "asymmetric"),
            ]
        };
        let text = |(name, value): (&'static str, &str)| (name, Attribute::Text(value.to_owned()));
        let mut attributes: Vec<_> = settings.map(text).to_vec();
        attributes.push(text(("nearest_mode", "floor")));
        let y = at.node("Resize", &[&x, "", &scales], attributes);
        Ok(at.put_image(&y, [self.height * down, self.width * across, self.channels]))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        upsample(context.isa, out, inputs[0].values, *self);
    }
}

/// Derivative of [`Upsample`] from the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpsampleGradient {
    /// Whose derivative it is.
    pub of: Upsample,
}

impl Rule for UpsampleGradient {
    const NAME: &'static str = "upsample_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let (small, large) = self.of.shapes();
        match inputs {
            [gradient] if *gradient == large => Ok(small),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the gradient of the larger images",
            )),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        upsample_gradient(context.isa, out, inputs[0].values, self.of);
    }
}

kernel! {
    fn upsample[T: Real](out: &mut [T], images: &[T], of: Upsample) {
        let (channels, small) = (of.channels, of.height * of.width * of.channels);
        let n_cols = of.width * of.factor[1];
        for (image, out) in images.chunks_exact(small).zip(out.chunks_exact_mut(small * of.factor[0] * of.factor[1])) {
            for (at, line) in out.chunks_exact_mut(channels).enumerate() {
                let (sources, n) = of.sources(at / n_cols, at % n_cols);
                if n == 1 {
                    line.copy_from_slice(&image[sources[0].0..][..channels]);
                    continue;
                }
                line.fill(T::ZERO);
                for (start, weight) in sources {
                    let weight = T::from_f64(weight);
                    for (y, &x) in line.iter_mut().zip(&image[start..start + channels]) {
                        *y += weight * x;
                    }
                }
            }
        }
    }
}

kernel! {
    fn upsample_gradient[T: Real](out: &mut [T], gradients: &[T], of: Upsample) {
        let (channels, small) = (of.channels, of.height * of.width * of.channels);
        let n_cols = of.width * of.factor[1];
        out.fill(T::ZERO);
        let samples = gradients.chunks_exact(small * of.factor[0] * of.factor[1]);
        for (out, gradients) in out.chunks_exact_mut(small).zip(samples) {
            for (at, gradient) in gradients.chunks_exact(channels).enumerate() {
                let (sources, n) = of.sources(at / n_cols, at % n_cols);
                for &(start, weight) in &sources[..n] {
                    let weight = T::from_f64(weight);
                    for (d, &g) in out[start..start + channels].iter_mut().zip(gradient) {
                        *d += weight * g;
                    }
                }
            }
        }
    }
}
