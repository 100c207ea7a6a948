//! y = x * W: convolution of images, channels last. The formulas stand at [`Convolution`].
//!
//! x `[batch x height width channels]`, W `[kernel places x filters]`, y `[batch x out_height out_width filters]`. The map
//! is linear in x and in W, and its three passes are each other's derivatives: forward (x, W), by the input (dy, W), by
//! the weights (x, dy).

use super::{Context, Derivation, Matrix, Rule, Scratch, Split, misfit};
use crate::convolution::{Convolution, Map, Pieces};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::isa::Isa;
use crate::onnx::{Attribute, NotExported, Value, Writing};

/// y = x * W.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolve {
    /// Sizes, stride, padding, dilation, groups.
    pub geometry: Convolution,
}

/// dx from dy and W; as a map of its own it is the transposed convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvolveInput {
    /// Of the convolution whose input this is.
    pub geometry: Convolution,
}

/// dW from x and dy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvolveWeight {
    /// Of the convolution whose weights these are.
    pub geometry: Convolution,
}

/// The values of an op's inputs.
fn values<'a, T: Copy, const N: usize>(inputs: &[Matrix<'a, T>]) -> [&'a [T]; N] {
    std::array::from_fn(|i| inputs.get(i).map_or(&[][..], |matrix| matrix.values))
}

/// One row per sample of what goes into, and what comes out of, a convolution; and the shape of W.
fn shapes(geometry: &Convolution) -> [Shape; 3] {
    [
        Shape::batch(geometry.n_inputs()),
        Shape::batch(geometry.n_outputs()),
        Shape::fixed(geometry.weight_rows(), geometry.filters),
    ]
}

/// The dimensions of W: rows and columns of the kernel, channels of a group, filters.
fn kernel_dims(geometry: &Convolution) -> [usize; 4] {
    let [rows, cols] = geometry.kernel;
    [
        rows,
        cols,
        geometry.channels / geometry.groups,
        geometry.filters,
    ]
}

/// What `Conv` and `ConvTranspose` are set to.
fn attributes(geometry: &Convolution) -> Vec<(&'static str, Attribute)> {
    let ints = |sizes: &[usize]| Attribute::Ints(sizes.iter().map(|&n| n as i64).collect());
    let [down, across] = geometry.padding;
    vec![
        ("kernel_shape", ints(&geometry.kernel)),
        ("strides", ints(&geometry.stride)),
        ("dilations", ints(&geometry.dilation)),
        ("pads", ints(&[down, across, down, across])),
        ("group", Attribute::Int(geometry.groups as i64)),
    ]
}

/// Samples of a batch, of a matrix with a row for each.
fn n_samples(shape: Shape, batch_rows: usize) -> usize {
    match shape.rows {
        Rows::PerSample(_) => batch_rows,
        Rows::Fixed(_) => 0,
    }
}

impl Rule for Convolve {
    const NAME: &'static str = "convolve";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let [x, y, w] = shapes(&self.geometry);
        match inputs {
            inputs if self.geometry.output().is_some() && *inputs == [x, w] => Ok(y),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes images and weights of its geometry, whose kernel fits into the image",
            )),
        }
    }

    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let (x, w, g) = (at.inputs[0], at.inputs[1], at.gradient);
        let geometry = self.geometry;
        match at.input_idx {
            0 => graph.apply(ConvolveInput { geometry }, &[g, w]),
            _ => graph.apply(ConvolveWeight { geometry }, &[x, g]),
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let geometry = &self.geometry;
        let Some((rows, cols)) = geometry.output() else {
            return at.refuse("its kernel does not fit");
        };
        let x = at.image(0, [geometry.height, geometry.width, geometry.channels])?;
        let w = at.permuted(1, &kernel_dims(geometry), &[3, 2, 0, 1])?;
        let y = at.node("Conv", &[&x, &w], attributes(geometry));
        Ok(at.put_image(&y, [rows, cols, geometry.filters]))
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.geometry
            .n_multiplications(n_samples(inputs[0], batch_rows))
    }

    fn reserve<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa, _: &[Shape], _: usize) {
        scratch.convolution.reserve(isa, &self.geometry);
    }

    fn pieces<T: Real>(&self, isa: Isa) -> Pieces {
        self.geometry.pieces::<T>(isa, Map::Forward)
    }

    fn prepare<T: Real>(
        &self,
        pieces: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (map, scratch) = (Map::Forward, &mut scratch.convolution);
        self.geometry
            .prepare(context.isa, map, values(inputs), pieces, first, scratch);
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let scratch = &mut scratch.convolution;
        self.geometry
            .forward(context.isa, values(inputs), out, scratch);
    }
}

impl Rule for ConvolveInput {
    const NAME: &'static str = "convolve_input";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let [x, y, w] = shapes(&self.geometry);
        match inputs {
            inputs if self.geometry.output().is_some() && *inputs == [y, w] => Ok(x),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes images of the size that its convolution gives, and that convolution's weights",
            )),
        }
    }

    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let (dy, w, g) = (at.inputs[0], at.inputs[1], at.gradient);
        let geometry = self.geometry;
        match at.input_idx {
            0 => graph.apply(Convolve { geometry }, &[g, w]),
            _ => graph.apply(ConvolveWeight { geometry }, &[g, dy]),
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let geometry = &self.geometry;
        let Some((rows, cols)) = geometry.output() else {
            return at.refuse("its kernel does not fit");
        };
        let y = at.image(0, [rows, cols, geometry.filters])?;
        let w = at.permuted(1, &kernel_dims(geometry), &[3, 2, 0, 1])?;
        // Rows and columns at the far ends that the convolution does not reach.
        let size = [(geometry.height, rows), (geometry.width, cols)];
        let beyond = [0, 1].map(|axis| {
            let ((whole, n), reach) = (
                size[axis],
                geometry.dilation[axis] * (geometry.kernel[axis] - 1),
            );
            let reached = (n - 1) * geometry.stride[axis] + reach + 1;
            (whole + 2 * geometry.padding[axis] - reached) as i64
        });
        let mut attributes = attributes(geometry);
        attributes.push(("output_padding", Attribute::Ints(beyond.to_vec())));
        let x = at.node("ConvTranspose", &[&y, &w], attributes);
        Ok(at.put_image(&x, [geometry.height, geometry.width, geometry.channels]))
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.geometry
            .n_multiplications(n_samples(inputs[0], batch_rows))
    }

    fn reserve<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa, _: &[Shape], _: usize) {
        scratch.convolution.reserve(isa, &self.geometry);
    }

    fn pieces<T: Real>(&self, isa: Isa) -> Pieces {
        self.geometry.pieces::<T>(isa, Map::InputGradient)
    }

    fn prepare<T: Real>(
        &self,
        pieces: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (map, scratch) = (Map::InputGradient, &mut scratch.convolution);
        self.geometry
            .prepare(context.isa, map, values(inputs), pieces, first, scratch);
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let scratch = &mut scratch.convolution;
        self.geometry
            .input_gradient(context.isa, values(inputs), out, scratch);
    }
}

impl Rule for ConvolveWeight {
    const NAME: &'static str = "convolve_weight";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let [x, y, w] = shapes(&self.geometry);
        match inputs {
            inputs if self.geometry.output().is_some() && *inputs == [x, y] => Ok(w),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes images that go into its convolution and such as come out of it",
            )),
        }
    }

    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let (x, dy, g) = (at.inputs[0], at.inputs[1], at.gradient);
        let geometry = self.geometry;
        match at.input_idx {
            0 => graph.apply(ConvolveInput { geometry }, &[dy, g]),
            _ => graph.apply(Convolve { geometry }, &[x, g]),
        }
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.geometry
            .n_multiplications(n_samples(inputs[0], batch_rows))
    }

    fn reserve<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa, _: &[Shape], _: usize) {
        scratch.convolution.reserve(isa, &self.geometry);
    }

    fn pieces<T: Real>(&self, isa: Isa) -> Pieces {
        self.geometry.pieces::<T>(isa, Map::WeightGradient)
    }

    fn prepare<T: Real>(
        &self,
        pieces: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (map, scratch) = (Map::WeightGradient, &mut scratch.convolution);
        self.geometry
            .prepare(context.isa, map, values(inputs), pieces, first, scratch);
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let first_row = first / self.geometry.filters;
        let scratch = &mut scratch.convolution;
        self.geometry
            .weight_gradient(context.isa, values(inputs), out, first_row, scratch);
    }
}
