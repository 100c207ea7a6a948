//! y_pc = 1/(kh kw) sum of x_qc over the pixels q that the window sees at place p. x `[batch x H W C]`,
//! y `[batch x OH OW C]`.
//!
//! Pixels outside the image count as zeros: the divisor is always the size of the window, as by default in PyTorch.

use super::max_pool::{pool, pooled};
use super::window::Window;
use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// Mean under a window, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AveragePool {
    /// The window.
    pub window: Window,
}

impl Rule for AveragePool {
    const NAME: &'static str = "average_pool";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        pooled(Self::NAME, &self.window, inputs)
    }

    /// dx_q = 1/(kh kw) sum of dy_p over the places p that see q.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let op = AveragePoolGradient {
            window: self.window,
        };
        graph.apply(op, &[at.gradient])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let zeros_count = ("count_include_pad", Attribute::Int(1));
        pool(at, "AveragePool", &self.window, vec![zeros_count])
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        average_pool(context.isa, out, inputs[0].values, self.window);
    }
}

/// Derivative of [`AveragePool`] from the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AveragePoolGradient {
    /// The window.
    pub window: Window,
}

impl Rule for AveragePoolGradient {
    const NAME: &'static str = "average_pool_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [gradient] if *gradient == Shape::batch(self.window.n_outputs()) => {
                Ok(Shape::batch(self.window.n_inputs()))
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the gradient of what was pooled",
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
        average_pool_gradient(context.isa, out, inputs[0].values, self.window);
    }
}

/// 1/(kh kw).
#[inline(always)]
fn share<T: Real>(window: &Window) -> T {
    T::from_f64(1.0 / (window.size[0] as f64 * window.size[1] as f64))
}

kernel! {
    fn average_pool[T: Real](out: &mut [T], images: &[T], window: Window) {
        let (channels, share) = (window.channels, share::<T>(&window));
        for (image, out) in images.chunks_exact(window.n_inputs()).zip(out.chunks_exact_mut(window.n_outputs())) {
            for (line, place) in out.chunks_exact_mut(channels).zip(window.places()) {
                line.fill(T::ZERO);
                for row in place.rows {
                    for col in place.cols.clone() {
                        let pixel = &image[window.start(row, col)..][..channels];
                        for (sum, &x) in line.iter_mut().zip(pixel) {
                            *sum += x;
                        }
                    }
                }
                for sum in line {
                    *sum *= share;
                }
            }
        }
    }
}

kernel! {
    fn average_pool_gradient[T: Real](out: &mut [T], gradients: &[T], window: Window) {
        let (channels, share) = (window.channels, share::<T>(&window));
        out.fill(T::ZERO);
        let samples = gradients.chunks_exact(window.n_outputs());
        for (out, gradients) in out.chunks_exact_mut(window.n_inputs()).zip(samples) {
            for (gradient, place) in gradients.chunks_exact(channels).zip(window.places()) {
                for row in place.rows {
                    for col in place.cols.clone() {
                        let pixel = &mut out[window.start(row, col)..][..channels];
                        for (d, &g) in pixel.iter_mut().zip(gradient) {
                            *d += g * share;
                        }
                    }
                }
            }
        }
    }
}
