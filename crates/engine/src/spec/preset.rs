//! Networks with a name: `{"kind": "lenet5"}` in place of the layers.
//!
//! Resolving replaces the name by the layers, so the resolved spec of a run (or of a dry run) is the place to copy them
//! from and change them. A preset that reads images takes a table whose columns are the pixels of a square (64 columns:
//! 8 x 8), and one that reads sequences takes columns as steps of one number.

use super::{NetworkFamily, defaults};
use crate::dataset::DataFacts;
use crate::layer::window::{Extent, Padding, PaddingRule};
use crate::layer::{
    Activation, Attention, AveragePool, BatchNorm, Conv2d, Dense, Dropout, Flatten, GlobalPool,
    Layer, LayerNorm, LocalResponseNorm, Lstm, MaxPool, PoolFunction, PositionalEncoding, Reshape,
    Residual,
};
use crate::op::Function;
use crate::sample::SampleShape;

/// The layers that a name stands for on such data; none for a family that is not a stack of layers.
pub(super) fn layers(family: NetworkFamily, facts: &DataFacts) -> Option<Vec<Layer>> {
    let input = facts.sample_shape;
    let (mut layers, own) = match family {
        NetworkFamily::Perceptron {} => return None,
        NetworkFamily::Logistic {} => (flat(input), Vec::new()),
        NetworkFamily::Mlp {} => (flat(input), defaults::dense_layers(facts)),
        NetworkFamily::Lenet5 {} => square(input, lenet5),
        NetworkFamily::Alexnet {} => square(input, alexnet),
        NetworkFamily::Resnet18 {} => square(input, |_| resnet18()),
        NetworkFamily::LstmClassifier {} => (steps(input), vec![Layer::Lstm(Lstm::new(128))]),
        NetworkFamily::TransformerEncoder {} => (steps(input), transformer_encoder()),
    };
    layers.extend(own);
    Some(layers)
}

/// What makes a vector of such samples.
pub(super) fn flat(input: SampleShape) -> Vec<Layer> {
    match input {
        SampleShape::Vector { .. } => Vec::new(),
        _ => vec![Layer::Flatten(Flatten {})],
    }
}

/// What makes a sequence of such samples, if anything does.
fn steps(input: SampleShape) -> Vec<Layer> {
    let shape = match input {
        SampleShape::Vector { features } => SampleShape::Sequence {
            steps: features,
            features: 1,
        },
        // The rows of an image, one after another.
        SampleShape::Image {
            height,
            width,
            channels,
        } => SampleShape::Sequence {
            steps: height,
            features: width.saturating_mul(channels),
        },
        SampleShape::Sequence { .. } => return Vec::new(),
    };
    vec![Layer::Reshape(Reshape { shape })]
}

/// What makes an image of such samples, if anything does, and the layers for its smaller side.
fn square(input: SampleShape, layers: impl Fn(usize) -> Vec<Layer>) -> (Vec<Layer>, Vec<Layer>) {
    match input {
        SampleShape::Image { height, width, .. } => (Vec::new(), layers(height.min(width))),
        _ => {
            let size = input.n_numbers().isqrt();
            let shape = SampleShape::Image {
                height: size,
                width: size,
                channels: 1,
            };
            let fits = shape.n_numbers() == input.n_numbers();
            let reshape = fits.then_some(Layer::Reshape(Reshape { shape }));
            (reshape.into_iter().collect(), layers(size))
        }
    }
}

fn dense(units: usize, function: Function) -> Layer {
    Layer::Dense(Dense::new(units).with(function))
}

fn same(filters: usize, kernel_size: usize) -> Conv2d {
    Conv2d::new(filters, kernel_size).padded(Padding::Rule(PaddingRule::Same))
}

fn rectified(convolution: Conv2d) -> Layer {
    Layer::Conv2d(convolution.with(Function::Relu))
}

/// The first layer keeps the size, so that 28 x 28 gives the 28 x 28 maps of the paper; the second does too where the
/// image is too small for the paper's 5 x 5 kernel without padding.
fn lenet5(side: usize) -> Vec<Layer> {
    let second = if side >= 20 {
        Conv2d::new(16, 5)
    } else {
        same(16, 5)
    };
    vec![
        Layer::Conv2d(same(6, 5).with(Function::Tanh)),
        Layer::AveragePool(AveragePool::new(2)),
        Layer::Conv2d(second.with(Function::Tanh)),
        Layer::AveragePool(AveragePool::new(2)),
        Layer::Flatten(Flatten {}),
        dense(120, Function::Tanh),
        dense(84, Function::Tanh),
    ]
}

/// From 128 pixels on the 11 x 11 kernel with stride 4 of the paper; below, 5 x 5 with stride 2, which leaves as much.
fn alexnet(side: usize) -> Vec<Layer> {
    let first = if side >= 128 {
        Conv2d::new(96, 11).strided(4)
    } else {
        Conv2d::new(96, 5).strided(2)
    };
    let pool = || {
        Layer::MaxPool(MaxPool {
            stride: Some(Extent::Both(2)),
            ..MaxPool::new(3)
        })
    };
    let norm = || Layer::LocalResponseNorm(LocalResponseNorm::default());
    vec![
        rectified(first.padded(Padding::Zeros(Extent::Both(2)))),
        norm(),
        pool(),
        rectified(same(256, 5)),
        norm(),
        pool(),
        rectified(same(384, 3)),
        rectified(same(384, 3)),
        rectified(same(256, 3)),
        pool(),
        Layer::Flatten(Flatten {}),
        Layer::Dropout(Dropout::new(0.5)),
        dense(4096, Function::Relu),
        Layer::Dropout(Dropout::new(0.5)),
        dense(4096, Function::Relu),
    ]
}

/// A convolution without bias, which the normalisation after it would take away.
fn normalised(convolution: Conv2d) -> [Layer; 2] {
    let convolution = Conv2d {
        use_bias: false,
        ..convolution
    };
    [
        Layer::Conv2d(convolution),
        Layer::BatchNorm(BatchNorm::default()),
    ]
}

fn resnet18() -> Vec<Layer> {
    let relu = || Layer::Activation(Activation::new(Function::Relu));
    let mut layers = Vec::from(normalised(same(64, 3)));
    layers.push(relu());
    for (stage, filters) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let around = Padding::Zeros(Extent::Both(1));
            let first = Conv2d::new(filters, 3).padded(around).strided(stride);
            let mut inner = Vec::from(normalised(first));
            inner.push(relu());
            inner.extend(normalised(same(filters, 3)));
            layers.push(Layer::Residual(Residual {
                activation: Some(Function::Relu),
                ..Residual::new(inner)
            }));
        }
    }
    layers.push(Layer::GlobalPool(GlobalPool {
        function: PoolFunction::Average,
    }));
    layers
}

fn transformer_encoder() -> Vec<Layer> {
    const SIZE: usize = 64;
    let mut layers = vec![
        Layer::Dense(Dense::new(SIZE)),
        Layer::PositionalEncoding(PositionalEncoding::default()),
    ];
    let norm = || Layer::LayerNorm(LayerNorm::default());
    for _ in 0..2 {
        let attention = vec![norm(), Layer::Attention(Attention::new(4))];
        let dense_part = vec![
            norm(),
            dense(4 * SIZE, Function::Gelu),
            Layer::Dense(Dense::new(SIZE)),
        ];
        layers.push(Layer::Residual(Residual::new(attention)));
        layers.push(Layer::Residual(Residual::new(dense_part)));
    }
    layers.push(norm());
    layers.push(Layer::GlobalPool(GlobalPool {
        function: PoolFunction::Average,
    }));
    layers
}

/// For images when the spec names no network: two convolutions with pools, and a dense layer.
pub(super) fn small_cnn() -> Vec<Layer> {
    vec![
        rectified(same(32, 3)),
        Layer::MaxPool(MaxPool::new(2)),
        rectified(same(64, 3)),
        Layer::MaxPool(MaxPool::new(2)),
        Layer::Flatten(Flatten {}),
        dense(128, Function::Relu),
        Layer::Dropout(Dropout::new(0.3)),
    ]
}
