//! Every derivative rule against central differences, in f64: one row per op, layer and loss.
//!
//! A row builds a graph from leaves. With s a random matrix of the output's shape and d a random direction of all
//! leaves together, the derivative of `sum(s * output)` along d is computed twice: from the graph's gradients, and as
//! `(f(x + h d) - f(x - h d)) / 2h`, for h and 2 h, whose errors cancel. They agree to one millionth. What has no row
//! fails a test below.

mod proof;
mod support;

use std::collections::BTreeSet;

use descent_engine::convolution::Convolution;
use descent_engine::graph::{Graph, NodeId, Shape};
use descent_engine::isa::Cpu;
use descent_engine::layer::window::{Along, Extent, Padding, PaddingRule};
use descent_engine::layer::{
    Activation, Attention, AveragePool, BatchNorm, Conv1d, Conv2d, ConvTranspose, Dense, Dropout,
    Embedding, Encoding, EntityEmbedding, Flatten, GlobalPool, Gru, Interpolation, Layer,
    LayerNorm, LocalResponseNorm, Lstm, MaxPool, PoolFunction, PositionalEncoding, Reshape,
    Residual, Rnn, Table, Upsample,
};
use descent_engine::loss::{
    BinaryCrossEntropy, ClassWeights, Contrastive, CrossEntropy, Hinge, Huber, Kl, Loss, Mae, Mse,
    Poisson, Quantile,
};
use descent_engine::model::Model;
use descent_engine::network::{Head, Mode, Network, Outcome};
use descent_engine::onnx;
use descent_engine::op::{
    self, Activate, Cell, Function, InverseDeviation, JoinMoments, MatMul, Moment, Moments, Op,
    RunningMoment, Window,
};
use descent_engine::sample::SampleShape;
use proof::Problem;
use support::kinds;

/// The op of a row, and a graph with that op: it takes its leaves from the problem and answers the output.
type OpRow = (&'static str, fn(&mut Graph) -> NodeId);

/// Rows of parameters and batch used throughout: different primes, so that a mix-up of sizes cannot hide.
const ROWS: usize = 5;

/// A convolution with stride, padding, dilation and groups.
const GEOMETRY: Convolution = Convolution {
    height: 5,
    width: 4,
    channels: 4,
    filters: 6,
    kernel: [3, 2],
    stride: [2, 1],
    padding: [1, 1],
    dilation: [1, 2],
    groups: 2,
};

/// A convolution that is computed with fewer multiplications, with tiles over its edges.
const fn minimal(kernel: usize) -> Convolution {
    Convolution {
        height: 5,
        width: 6,
        channels: 17,
        filters: 18,
        kernel: [kernel; 2],
        stride: [1, 1],
        padding: [kernel / 2, kernel / 2],
        dilation: [1, 1],
        groups: 1,
    }
}

/// All three maps of it, one after the other.
fn minimal_convolutions(graph: &mut Graph, kernel: usize) -> NodeId {
    let geometry = minimal(kernel);
    let x = graph.features(geometry.n_inputs());
    let w = graph.parameter(0, geometry.weight_rows(), geometry.filters);
    let y = apply(graph, op::Convolve { geometry }, &[x, w]);
    let dx = apply(graph, op::ConvolveInput { geometry }, &[y, w]);
    apply(graph, op::ConvolveWeight { geometry }, &[dx, y])
}

/// Shapes of a sample, none with two sizes alike.
const VECTOR: SampleShape = SampleShape::Vector { features: 4 };
const SEQUENCE: SampleShape = SampleShape::Sequence {
    steps: 7,
    features: 3,
};
const IMAGE: SampleShape = SampleShape::Image {
    height: 5,
    width: 6,
    channels: 3,
};

fn apply(graph: &mut Graph, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
    graph.apply(op, inputs).expect("the row's shapes fit")
}

fn product(graph: &mut Graph, transpose_a: bool, transpose_b: bool) -> NodeId {
    let a = if transpose_a {
        graph.parameter(0, 7, 3)
    } else {
        graph.parameter(0, 3, 7)
    };
    let b = if transpose_b {
        graph.parameter(1, 2, 7)
    } else {
        graph.parameter(1, 7, 2)
    };
    apply(
        graph,
        MatMul {
            transpose_a,
            transpose_b,
        },
        &[a, b],
    )
}

fn function(graph: &mut Graph, function: Function, constant: f64) -> NodeId {
    let x = graph.features(7);
    apply(graph, Activate { function, constant }, &[x])
}

fn cross_entropy(graph: &mut Graph, label_smoothing: f64, weights: Option<Vec<f64>>) -> NodeId {
    let (z, labels) = (graph.features(4), graph.labels());
    let op = op::CrossEntropy { label_smoothing };
    match weights {
        None => apply(graph, op, &[z, labels]),
        Some(weights) => {
            let weights = graph.constant(weights);
            let total = apply(graph, op::LabelWeight, &[weights, labels]);
            apply(graph, op, &[z, labels, weights, total])
        }
    }
}

fn on_values(graph: &mut Graph, op: impl Into<Op>) -> NodeId {
    let (z, t) = (graph.features(3), graph.targets(3));
    apply(graph, op, &[z, t])
}

fn on_labels(graph: &mut Graph, op: impl Into<Op>) -> NodeId {
    let (z, labels) = (graph.features(3), graph.labels());
    apply(graph, op, &[z, labels])
}

/// Seven steps with five units; the whole record comes out, so every part of it is derived.
fn recur(graph: &mut Graph, cell: Cell, reverse: bool) -> NodeId {
    let (steps, units) = (7, 5);
    let gates = cell.n_gates() * units;
    let x = graph.features(steps * gates);
    let x = graph.view(x, steps, gates).expect("as many numbers");
    let mut inputs = vec![x, graph.parameter(0, units, gates)];
    if cell == Cell::Gru {
        inputs.push(graph.parameter(1, 1, units));
    }
    let op = op::Recur {
        cell,
        steps,
        units,
        reverse,
    };
    apply(graph, op, &inputs)
}

/// Five steps, two heads with queries of three numbers.
fn attend(graph: &mut Graph, causal: bool, rate: f64) -> NodeId {
    let x = graph.features(5 * 18);
    let x = graph.view(x, 5, 18).expect("as many numbers");
    let op = op::Attend {
        steps: 5,
        heads: 2,
        size: 3,
        causal,
        rate,
        position: 4,
    };
    apply(graph, op, &[x])
}

/// Two of the three rows of a sample, of each the second and third of four numbers.
fn pieces() -> op::Slice {
    op::Slice::of(Shape::per_sample(3, 4), 1, 2, 1..3)
}

const WINDOW: Window = Window {
    height: 5,
    width: 4,
    channels: 3,
    size: [3, 2],
    stride: [2, 1],
    padding: [1, 1],
};

/// Of a batch the moments are those of x, and the derivative goes through them; otherwise they stand still.
fn batch_norm(graph: &mut Graph, of_batch: bool) -> NodeId {
    let x = graph.features(6);
    let x = graph.view(x, 2, 3).expect("six numbers");
    let moments = apply(graph, Moments, &[x]);
    let mut row = |moment| match of_batch {
        true => apply(graph, JoinMoments { moment }, &[moments]),
        false => graph.constant(vec![0.3, 1.2, 0.7]),
    };
    let (mean, variance) = (row(Moment::Mean), row(Moment::Variance));
    // What training leaves behind has no derivative; it stands beside the rest.
    let moment = Moment::Variance;
    let running = RunningMoment {
        moment,
        momentum: 0.1,
    };
    apply(graph, running, &[variance, moments]);
    let scale = apply(graph, InverseDeviation { epsilon: 0.01 }, &[variance]);
    let (gamma, beta) = (graph.parameter(0, 1, 3), graph.parameter(1, 1, 3));
    let op = op::BatchNorm { of_batch };
    apply(graph, op, &[x, mean, scale, gamma, beta])
}

/// One row per op and, where an op has kinds, per kind.
fn op_rows() -> Vec<OpRow> {
    vec![
        ("matmul", |g| product(g, false, false)),
        ("matmul", |g| product(g, true, false)),
        ("matmul", |g| product(g, false, true)),
        ("matmul", |g| product(g, true, true)),
        // Six numbers of a sample as three rows of two, each through the same product, and back.
        ("reshape", |g| {
            let (x, w) = (g.features(6), g.parameter(0, 2, 5));
            let rows = g.view(x, 3, 2).expect("six numbers");
            let y = apply(g, MatMul::plain(), &[rows, w]);
            g.view(y, 1, 15).expect("fifteen numbers")
        }),
        ("convolve", |g| {
            let (x, w) = (g.features(5 * 4 * 4), g.parameter(0, 3 * 2 * 2, 6));
            apply(g, op::Convolve { geometry: GEOMETRY }, &[x, w])
        }),
        ("convolve", |g| minimal_convolutions(g, 3)),
        ("convolve_input", |g| minimal_convolutions(g, 3)),
        ("convolve_weight", |g| minimal_convolutions(g, 3)),
        ("convolve", |g| minimal_convolutions(g, 5)),
        ("convolve_input", |g| {
            let (y, w) = (g.features(3 * 4 * 6), g.parameter(0, 3 * 2 * 2, 6));
            apply(g, op::ConvolveInput { geometry: GEOMETRY }, &[y, w])
        }),
        ("convolve_weight", |g| {
            let x = g.features(3 * 4 * 6);
            let w = g.parameter(0, 3 * 2 * 2, 6);
            let image = apply(g, op::ConvolveInput { geometry: GEOMETRY }, &[x, w]);
            apply(g, op::ConvolveWeight { geometry: GEOMETRY }, &[image, x])
        }),
        ("slice", |g| {
            let x = g.features(12);
            let x = g.view(x, 3, 4).expect("twelve numbers");
            apply(g, pieces(), &[x])
        }),
        ("scatter", |g| {
            let x = g.features(4);
            let x = g.view(x, 2, 2).expect("four numbers");
            apply(g, op::Scatter { slice: pieces() }, &[x])
        }),
        ("recur", |g| recur(g, Cell::Rnn(Function::Tanh), false)),
        ("recur", |g| recur(g, Cell::Rnn(Function::Relu), true)),
        ("recur", |g| recur(g, Cell::Gru, false)),
        ("recur", |g| recur(g, Cell::Gru, true)),
        ("recur", |g| recur(g, Cell::Lstm, false)),
        ("recur", |g| recur(g, Cell::Lstm, true)),
        ("attend", |g| attend(g, false, 0.0)),
        ("attend", |g| attend(g, true, 0.0)),
        ("attend", |g| attend(g, true, 0.3)),
        // A step function: no derivative, and none is found.
        ("index", |g| {
            let x = g.features(7);
            apply(g, op::Index { vocabulary: 3 }, &[x])
        }),
        ("gather", |g| {
            let (x, table) = (g.features(6), g.parameter(0, 3, 4));
            let indices = apply(g, op::Index { vocabulary: 3 }, &[x]);
            apply(g, op::Gather, &[table, indices])
        }),
        ("concat", |g| {
            let x = g.features(6);
            let y = apply(g, Activate::new(Function::Tanh), &[x]);
            let rows = [(x, 3, 2), (y, 3, 2), (x, 3, 2)];
            let rows = rows.map(|(node, n, cols)| g.view(node, n, cols).expect("six numbers"));
            apply(g, op::Concat, &rows)
        }),
        ("add", |g| {
            let (a, b) = (g.parameter(0, 3, 4), g.parameter(1, 3, 4));
            apply(g, op::Add, &[a, b])
        }),
        // The same value twice: its gradients meet and are added.
        ("add", |g| {
            let x = g.features(3);
            let y = apply(g, Activate::new(Function::Tanh), &[x]);
            apply(g, op::Add, &[x, y])
        }),
        ("add_row", |g| {
            let (x, b) = (g.features(3), g.parameter(0, 1, 3));
            apply(g, op::AddRow, &[x, b])
        }),
        // Several rows per sample: the gradient of the row is summed in blocks.
        ("add_row", |g| {
            let (x, b) = (g.features(12), g.parameter(0, 1, 3));
            let x = apply(g, Activate::new(Function::Tanh), &[x]);
            let rows = g.view(x, 4, 3).expect("twelve numbers");
            apply(g, op::AddRow, &[rows, b])
        }),
        ("add_row", |g| {
            let (x, b) = (g.features(1), g.parameter(0, 1, 1));
            apply(g, op::AddRow, &[x, b])
        }),
        ("activate", |g| function(g, Function::Relu, 1.0)),
        ("activate", |g| function(g, Function::LeakyRelu, 0.3)),
        ("activate", |g| function(g, Function::Elu, 1.7)),
        ("activate", |g| function(g, Function::Gelu, 1.0)),
        ("activate", |g| function(g, Function::Silu, 1.0)),
        ("activate", |g| function(g, Function::Sigmoid, 1.0)),
        ("activate", |g| function(g, Function::Tanh, 1.0)),
        ("activate", |g| function(g, Function::Softplus, 1.0)),
        ("drop", |g| {
            let x = g.features(7);
            apply(
                g,
                op::Drop {
                    rate: 0.4,
                    position: 3,
                },
                &[x],
            )
        }),
        ("softmax", |g| {
            let x = g.features(4);
            apply(g, op::Softmax, &[x])
        }),
        ("softmax", |g| {
            let x = g.features(37);
            apply(g, op::Softmax, &[x])
        }),
        ("cross_entropy", |g| cross_entropy(g, 0.0, None)),
        ("cross_entropy", |g| cross_entropy(g, 0.2, None)),
        ("cross_entropy", |g| {
            cross_entropy(g, 0.0, Some(vec![0.5, 2.0, 0.0, 1.0]))
        }),
        ("cross_entropy", |g| {
            cross_entropy(g, 0.2, Some(vec![0.5, 2.0, 0.0, 1.0]))
        }),
        ("binary_cross_entropy", |g| {
            on_values(
                g,
                op::BinaryCrossEntropy {
                    positive_weight: 1.0,
                },
            )
        }),
        ("binary_cross_entropy", |g| {
            on_values(
                g,
                op::BinaryCrossEntropy {
                    positive_weight: 3.0,
                },
            )
        }),
        ("mse", |g| on_values(g, op::Mse)),
        ("mae", |g| on_values(g, op::Mae)),
        ("huber", |g| on_values(g, op::Huber { delta: 0.7 })),
        ("exponential", |g| {
            let x = g.features(7);
            apply(g, op::Exponential, &[x])
        }),
        ("hinge", |g| on_labels(g, op::Hinge { margin: 1.0 })),
        ("quantile", |g| on_values(g, op::Quantile { quantile: 0.8 })),
        ("poisson", |g| on_values(g, op::Poisson)),
        ("kl", |g| on_values(g, op::Kl)),
        ("contrastive", |g| {
            on_labels(g, op::Contrastive { margin: 3.0 })
        }),
        ("max_pool", |g| {
            let x = g.features(WINDOW.n_inputs());
            apply(g, op::MaxPool { window: WINDOW }, &[x])
        }),
        ("average_pool", |g| {
            let x = g.features(WINDOW.n_inputs());
            apply(g, op::AveragePool { window: WINDOW }, &[x])
        }),
        ("upsample", |g| {
            let x = g.features(12);
            let op = op::Upsample {
                height: 2,
                width: 3,
                channels: 2,
                factor: [3, 2],
                bilinear: true,
            };
            apply(g, op, &[x])
        }),
        ("batch_norm", |g| batch_norm(g, true)),
        ("batch_norm", |g| batch_norm(g, false)),
        ("layer_norm", |g| {
            let (x, gamma, beta) = (g.features(37), g.parameter(0, 1, 37), g.parameter(1, 1, 37));
            apply(g, op::LayerNorm { epsilon: 0.01 }, &[x, gamma, beta])
        }),
        ("local_response_norm", |g| {
            let x = g.features(9);
            let op = op::LocalResponseNorm {
                size: 4,
                alpha: 0.7,
                beta: 0.6,
                k: 1.1,
            };
            apply(g, op, &[x])
        }),
    ]
}

/// One row per layer and, where a layer has kinds, per kind; with the shape of the samples that go in.
fn layer_rows() -> Vec<(Layer, SampleShape)> {
    let dense = || Dense::new(6);
    let mut vectors = vec![
        Layer::Dense(dense()),
        Layer::Dense(Dense {
            use_bias: false,
            ..dense()
        }),
        Layer::Dropout(Dropout::new(0.3)),
        Layer::Embedding(Embedding::new(3, 5)),
        Layer::EntityEmbedding(EntityEmbedding::new(vec![table(0, 2, 3)])),
        Layer::EntityEmbedding(EntityEmbedding::new(vec![table(1, 3, 5), table(3, 2, 1)])),
    ];
    vectors.extend(Function::ALL.map(|function| Layer::Dense(dense().with(function))));
    vectors.extend(Function::ALL.map(|function| Layer::Activation(Activation::new(function))));
    let sequences = [
        Layer::Dense(dense().with(Function::Tanh)),
        Layer::Conv1d(Conv1d::new(4, 2)),
        Layer::Conv1d(Conv1d {
            dilation: 2,
            padding: Along::Rule(PaddingRule::Same),
            use_bias: false,
            activation: Some(Function::Tanh),
            ..Conv1d::new(3, 3)
        }),
        Layer::ConvTranspose(ConvTranspose::new(2, 3, 2)),
        Layer::Rnn(Rnn::new(5)),
        Layer::Rnn(Rnn {
            bidirectional: true,
            return_sequences: true,
            ..Rnn::new(5)
        }),
        Layer::Gru(Gru {
            return_sequences: true,
            ..Gru::new(5)
        }),
        Layer::Gru(Gru {
            bidirectional: true,
            ..Gru::new(5)
        }),
        Layer::Lstm(Lstm {
            return_sequences: true,
            ..Lstm::new(5)
        }),
        Layer::Lstm(Lstm {
            bidirectional: true,
            return_sequences: true,
            ..Lstm::new(5)
        }),
        Layer::Lstm(Lstm {
            bidirectional: true,
            ..Lstm::new(5)
        }),
        Layer::Attention(Attention::new(3)),
        Layer::Attention(Attention {
            key_size: Some(4),
            causal: true,
            dropout: 0.2,
            ..Attention::new(2)
        }),
        Layer::PositionalEncoding(PositionalEncoding::default()),
        Layer::PositionalEncoding(PositionalEncoding {
            encoding: Encoding::Learned,
        }),
    ];
    let images = [
        Layer::Conv2d(Conv2d::new(3, 3)),
        Layer::Conv2d(Conv2d::new(3, 3).padded(Padding::Rule(PaddingRule::Same))),
        Layer::Conv2d(Conv2d {
            groups: 3,
            stride: Extent::Each([2, 1]),
            padding: Padding::Zeros(Extent::Each([2, 1])),
            activation: Some(Function::Tanh),
            ..Conv2d::new(6, 2)
        }),
        Layer::Conv2d(Conv2d {
            dilation: Extent::Each([1, 2]),
            use_bias: false,
            ..Conv2d::new(3, 2)
        }),
        Layer::ConvTranspose(ConvTranspose {
            padding: Extent::Both(1),
            output_padding: Extent::Each([1, 0]),
            activation: Some(Function::Sigmoid),
            ..ConvTranspose::new(3, 3, 2)
        }),
    ];
    let with = |shape| move |layer| (layer, shape);
    let rows = vectors.into_iter().map(with(VECTOR));
    rows.chain(sequences.into_iter().map(with(SEQUENCE)))
        .chain(images.into_iter().map(with(IMAGE)))
        .chain(shaped_rows())
        .collect()
}

fn image(height: usize, width: usize, channels: usize) -> SampleShape {
    SampleShape::Image {
        height,
        width,
        channels,
    }
}

/// Layers of images and sequences. Channels are more than one vector and no multiple of it.
fn shaped_rows() -> Vec<(Layer, SampleShape)> {
    let steps = SampleShape::Sequence {
        steps: 7,
        features: 3,
    };
    let overlapping = |pair| MaxPool {
        kernel_size: pair,
        stride: Some(Extent::Both(2)),
        padding: Extent::Both(1),
    };
    let average = AveragePool {
        kernel_size: Extent::Each([3, 2]),
        stride: Some(Extent::Each([2, 1])),
        padding: Extent::Each([1, 0]),
    };
    let global = |function| Layer::GlobalPool(GlobalPool { function });
    let upsample = |interpolation| {
        Layer::Upsample(Upsample {
            factor: Extent::Both(2),
            interpolation,
        })
    };
    let residual = |layers: Vec<Layer>| Layer::Residual(Residual::new(layers));
    let norms = || {
        vec![
            Layer::BatchNorm(BatchNorm::default()),
            Layer::Activation(Activation::new(Function::Tanh)),
            Layer::LayerNorm(LayerNorm::default()),
        ]
    };
    let halved = vec![
        Layer::Conv2d(Conv2d {
            stride: Extent::Both(2),
            padding: Padding::Zeros(Extent::Both(1)),
            ..Conv2d::new(4, 3)
        }),
        Layer::BatchNorm(BatchNorm::default()),
    ];
    vec![
        (Layer::MaxPool(MaxPool::new(2)), image(4, 6, 5)),
        (
            Layer::MaxPool(overlapping(Extent::Both(3))),
            image(5, 7, 70),
        ),
        (Layer::MaxPool(overlapping(Extent::Both(2))), steps),
        (Layer::AveragePool(AveragePool::new(2)), image(5, 4, 3)),
        (Layer::AveragePool(average), image(5, 6, 3)),
        (global(PoolFunction::Average), image(3, 4, 5)),
        (global(PoolFunction::Max), steps),
        (Layer::BatchNorm(BatchNorm::default()), 70.into()),
        (Layer::BatchNorm(BatchNorm::default()), image(5, 4, 3)),
        (Layer::LayerNorm(LayerNorm::default()), 37.into()),
        (
            Layer::LayerNorm(LayerNorm { epsilon: 0.1 }),
            image(3, 2, 70),
        ),
        (
            Layer::LocalResponseNorm(LocalResponseNorm {
                alpha: 0.9,
                ..LocalResponseNorm::default()
            }),
            image(2, 3, 7),
        ),
        (
            Layer::LocalResponseNorm(LocalResponseNorm {
                size: 4,
                alpha: 0.9,
                beta: 1.3,
                k: 1.0,
            }),
            image(2, 2, 3),
        ),
        (Layer::Flatten(Flatten::default()), image(2, 2, 3)),
        (Layer::Reshape(Reshape { shape: steps }), 21.into()),
        (upsample(Interpolation::Nearest), image(2, 3, 2)),
        (upsample(Interpolation::Linear), image(2, 3, 2)),
        (upsample(Interpolation::Linear), steps),
        (residual(norms()), image(2, 3, 5)),
        (residual(vec![Layer::Dense(dense_tanh(6))]), 4.into()),
        (residual(halved), image(5, 4, 3)),
        (residual(vec![Layer::Dense(dense_tanh(5))]), steps),
    ]
}

fn table(feature: usize, vocabulary: usize, dimensions: usize) -> Table {
    Table {
        feature,
        vocabulary,
        dimensions,
    }
}

fn dense_tanh(units: usize) -> Dense {
    Dense::new(units).with(Function::Tanh)
}

fn loss_rows() -> Vec<Loss> {
    let weights = Some(ClassWeights::Values(vec![0.2, 1.0, 3.0]));
    vec![
        Loss::CrossEntropy(CrossEntropy::default()),
        Loss::CrossEntropy(CrossEntropy {
            class_weights: weights.clone(),
            label_smoothing: 0.0,
        }),
        Loss::CrossEntropy(CrossEntropy {
            class_weights: None,
            label_smoothing: 0.1,
        }),
        Loss::CrossEntropy(CrossEntropy {
            class_weights: weights,
            label_smoothing: 0.1,
        }),
        Loss::BinaryCrossEntropy(BinaryCrossEntropy::default()),
        Loss::BinaryCrossEntropy(BinaryCrossEntropy {
            positive_weight: 0.3,
        }),
        Loss::Mse(Mse::default()),
        Loss::Mae(Mae::default()),
        Loss::Huber(Huber { delta: 0.5 }),
        Loss::Hinge(Hinge { margin: 0.5 }),
        Loss::Quantile(Quantile { quantile: 0.1 }),
        Loss::Poisson(Poisson::default()),
        Loss::Kl(Kl::default()),
        Loss::Contrastive(Contrastive {
            margin: 0.7,
            ..Contrastive::default()
        }),
    ]
}

#[test]
fn every_op_agrees_with_central_differences() {
    for (row, (name, build)) in op_rows().into_iter().enumerate() {
        let mut graph = Graph::new();
        let output = build(&mut graph);
        Problem::new(graph, output, ROWS, row as u64).check(&format!("op row {row}, {name}"));
    }
}

#[test]
fn every_layer_agrees_with_central_differences() {
    for (row, (layer, input)) in layer_rows().into_iter().enumerate() {
        let name = format!("layer row {row}, {layer:?}");
        let head = Head {
            n_outputs: 3,
            outcome: Outcome::Classes,
        };
        // The layer twice where it fits, so that the gradient of its input is exercised by parameters before it as well.
        let twice = [layer.clone(), layer];
        let network = Network::build(&twice, input, head)
            .or_else(|_| Network::build(&twice[..1], input, head))
            .expect("the row is a network");
        let mut graph = Graph::new();
        let x = graph.features(input.n_numbers());
        let forward = network
            .forward(&mut graph, x, Mode::Train)
            .expect("the row is a network");
        Problem::new(graph, forward.output, ROWS, 100 + row as u64).check(&name);
    }
}

#[test]
fn every_layer_has_a_form_in_onnx() {
    for (layer, input) in layer_rows() {
        let head = Head {
            n_outputs: 3,
            outcome: Outcome::Classes,
        };
        let network = Network::build(std::slice::from_ref(&layer), input, head)
            .expect("the row is a network");
        let model = Model::new(&network, network.initialise::<f32>(1), Cpu::native(1))
            .expect("the row is a network");
        let mut writer = onnx::Writer::new(["x".to_owned()]);
        let answer = onnx::write(&mut writer, &model, "x")
            .unwrap_or_else(|error| panic!("{layer:?}: {error}"));
        let (nodes, constants) = writer.finish(&[&answer]);
        // Each value is made once, before it is read.
        let mut known: BTreeSet<String> = constants.into_iter().map(|tensor| tensor.name).collect();
        known.extend(["x".to_owned(), String::new()]);
        for node in nodes {
            let unknown = node.inputs.iter().find(|input| !known.contains(*input));
            assert_eq!(unknown, None, "{layer:?}: {node:?}");
            assert!(known.insert(node.output), "{layer:?}: a name is used twice");
        }
        assert!(known.contains(&answer));
    }
}

#[test]
fn every_loss_agrees_with_central_differences() {
    for (row, loss) in loss_rows().into_iter().enumerate() {
        let name = format!("loss row {row}, {loss:?}");
        let head = Head {
            n_outputs: 3,
            outcome: Outcome::Values,
        };
        let layers = [Layer::Dense(Dense::new(6).with(Function::Tanh))];
        let network = Network::build(&layers, 4, head).expect("the row is a network");
        let mut graph = Graph::new();
        let x = graph.features(4);
        let forward = network
            .forward(&mut graph, x, Mode::Train)
            .expect("the row is a network");
        let nodes = loss
            .forward(&mut graph, forward.output)
            .expect("the loss fits");
        Problem::new(graph, nodes.mean, ROWS, 200 + row as u64).check(&name);
    }
}

/// An op is proved by a row of its own, or it appears in the derivative of one and has no derivative itself.
#[test]
fn no_op_is_without_a_row() {
    let rows = op_rows();
    let own: BTreeSet<&str> = rows.iter().map(|(name, _)| *name).collect();
    let mut covered = own.clone();
    for (name, build) in rows {
        let mut graph = Graph::new();
        let output = build(&mut graph);
        let problem = Problem::new(graph, output, ROWS, 0);
        let used = problem.op_names();
        assert!(used.contains(name), "the row of {name} does not use it");
        covered.extend(
            used.difference(&own)
                .filter(|name| problem.has_no_derivative(name)),
        );
    }
    let all: BTreeSet<&str> = Op::NAMES.iter().copied().collect();
    let missing: Vec<_> = all.difference(&covered).collect();
    assert!(missing.is_empty(), "ops without a row: {missing:?}");
}

#[test]
fn no_layer_loss_or_function_is_without_a_row() {
    let layers: BTreeSet<String> = layer_rows()
        .iter()
        .map(|(layer, _)| layer.kind().to_owned())
        .collect();
    assert_eq!(layers, kinds::<Layer>(), "layers");
    let losses: BTreeSet<String> = loss_rows()
        .iter()
        .map(|loss| loss.kind().to_owned())
        .collect();
    assert_eq!(losses, kinds::<Loss>(), "losses");
    let functions: BTreeSet<String> = Function::ALL
        .iter()
        .map(|function| {
            serde_json::json!(function)
                .as_str()
                .unwrap_or("")
                .to_owned()
        })
        .collect();
    assert_eq!(functions, kinds::<Function>(), "functions");
}
