//! y_pc = largest x_qc over the pixels q that the window sees at place p. x `[batch x H W C]`, y `[batch x OH OW C]`.
//!
//! The gradient of an output goes to the first pixel in reading order that has the largest number, as PyTorch's does.

use super::window::Window;
use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::lanes::load;
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// Largest number under a window, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// The window.
    pub window: Window,
}

impl Rule for MaxPool {
    const NAME: &'static str = "max_pool";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        pooled(Self::NAME, &self.window, inputs)
    }

    /// dx_q = sum over the places p whose first largest pixel is q of dy_p.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let op = MaxPoolGradient {
            window: self.window,
        };
        graph.apply(op, &[at.gradient, at.inputs[0], at.output])
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        pool(at, "MaxPool", &self.window, Vec::new())
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        max_pool(context.isa, out, inputs[0].values, self.window);
    }
}

/// Derivative of [`MaxPool`] from the gradient, the input and the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPoolGradient {
    /// The window.
    pub window: Window,
}

impl Rule for MaxPoolGradient {
    const NAME: &'static str = "max_pool_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [gradient, input, output]
                if gradient == output
                    && *input == Shape::batch(self.window.n_inputs())
                    && *output == Shape::batch(self.window.n_outputs()) =>
            {
                Ok(*input)
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the gradient, the images and what was pooled of them",
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
        let [gradients, x, y] = [0, 1, 2].map(|idx| inputs[idx].values);
        max_pool_gradient(context.isa, out, gradients, x, y, self.window);
    }
}

/// The shape rule of ops that slide a window over images.
pub(super) fn pooled(
    op: &'static str,
    window: &Window,
    inputs: &[Shape],
) -> Result<Shape, GraphError> {
    match inputs {
        [x] if *x == Shape::batch(window.n_inputs()) && window.output().is_some() => {
            Ok(Shape::batch(window.n_outputs()))
        }
        _ => Err(misfit(
            op,
            inputs,
            "it takes images that are at least as large as the window",
        )),
    }
}

/// An op that slides a window over images, in ONNX.
pub(super) fn pool<'g>(
    at: &mut Writing<'_, 'g>,
    op_type: &'static str,
    window: &Window,
    mut attributes: Vec<(&'static str, Attribute)>,
) -> Result<Value<'g>, NotExported> {
    let Some((rows, cols)) = window.output() else {
        return at.refuse("its window does not fit");
    };
    let ints = |sizes: &[usize]| Attribute::Ints(sizes.iter().map(|&n| n as i64).collect());
    let [down, across] = window.padding;
    attributes.push(("kernel_shape", ints(&window.size)));
    attributes.push(("strides", ints(&window.stride)));
    attributes.push(("pads", ints(&[down, across, down, across])));
    let x = at.image(0, [window.height, window.width, window.channels])?;
    let y = at.node(op_type, &[&x], attributes);
    Ok(at.put_image(&y, [rows, cols, window.channels]))
}

kernel! {
    fn max_pool[T: Real] with M of T (out: &mut [T], images: &[T], window: Window) {
        let channels = window.channels;
        for (image, out) in images.chunks_exact(window.n_inputs()).zip(out.chunks_exact_mut(window.n_outputs())) {
            for (line, place) in out.chunks_exact_mut(channels).zip(window.places()) {
                let first = window.start(place.rows.start, place.cols.start);
                for from in (0..channels).step_by(M::VECTOR) {
                    let mut largest = load!(&image[first + from..first + channels]);
                    for row in place.rows.clone() {
                        for col in place.cols.clone() {
                            let start = window.start(row, col);
                            // NaN is taken and then kept, so that a diverged step is seen.
                            largest = largest.larger(load!(&image[start + from..start + channels]));
                        }
                    }
                    largest.store(&mut line[from..]);
                }
            }
        }
    }
}

kernel! {
    fn max_pool_gradient[T: Real] with M of T (out: &mut [T], gradients: &[T], images: &[T], pooled: &[T], window: Window) {
        let (channels, n_inputs, n_outputs) = (window.channels, window.n_inputs(), window.n_outputs());
        // Where each pixel is seen once, it is written once.
        let adds = !window.divides();
        let samples = images.chunks_exact(n_inputs).zip(pooled.chunks_exact(n_outputs)).zip(gradients.chunks_exact(n_outputs));
        for (out, ((image, pooled), gradients)) in out.chunks_exact_mut(n_inputs).zip(samples) {
            if adds {
                out.fill(T::ZERO);
            }
            let lines = pooled.chunks_exact(channels).zip(gradients.chunks_exact(channels));
            for ((largest, gradient), place) in lines.zip(window.places()) {
                for from in (0..channels).step_by(M::VECTOR) {
                    let largest = load!(&largest[from..]);
                    // What no pixel has taken yet.
                    let mut left = load!(&gradient[from..]);
                    for row in place.rows.clone() {
                        for col in place.cols.clone() {
                            let start = window.start(row, col);
                            let taken = left.where_equal(load!(&image[start + from..start + channels]), largest);
                            let to = &mut out[start + from..start + channels];
                            let d = if adds { load!(to) + taken } else { taken };
                            d.store(to);
                            left = left - taken;
                        }
                    }
                }
            }
        }
    }
}
