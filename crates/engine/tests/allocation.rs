//! A step, a prediction, an evaluation and the recording of a path allocate nothing: held by an allocator that counts.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use descent_engine::dataset::Parts;
use descent_engine::isa::{Cpu, Isa};
use descent_engine::layer::{
    Activation, Attention, Conv1d, Dense, Dropout, Embedding, Gru, Layer, Lstm, PositionalEncoding,
    Rnn,
};
use descent_engine::loss::{ClassWeights, CrossEntropy, Loss, Mse};
use descent_engine::model::Model;
use descent_engine::network::{Head, Network, Outcome};
use descent_engine::op::{Function, StepKey};
use descent_engine::optimizer::{
    Adagrad, Adam, AdamW, Lion, Optimizer, OptimizerState, Rmsprop, Sgd,
};
use descent_engine::plan::{EvaluationPlan, Targets, TrainPlan};
use descent_engine::precision::Precision;
use descent_engine::rng::{Purpose, Stream};
use descent_engine::trainer::{Directive, Observer, PathPoint, StepReport};
use ndarray::Array2;
use serde_json::{Value, json};

/// The system's allocator, with a count of the calls that ask for memory, on any thread.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged; counting touches no memory it manages.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, which is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs `call` and answers how often it asks for memory when it runs again. The first call waits for every thread of the plan to begin,
/// which takes memory whenever the system gets to it. Of two more calls the one that asked less counts: once in its time, the test
/// runner says on a thread of its own that a test takes long.
fn allocations(mut call: impl FnMut()) -> usize {
    call();
    let mut counted = || {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        call();
        ALLOCATIONS.load(Ordering::Relaxed) - before
    };
    counted().min(counted())
}

/// Layers of single numbers, large enough that their products use every thread.
fn dense_layers() -> Vec<Layer> {
    vec![
        Layer::Dense(Dense::new(96).with(Function::Relu)),
        Layer::Dropout(Dropout::new(0.2)),
        Layer::Dense(Dense::new(96)),
        Layer::Activation(Activation::new(Function::Gelu)),
    ]
}

/// Layers of sequences: the 64 numbers of a row are indices, and become 16 steps.
fn sequence_layers() -> Vec<Layer> {
    vec![
        Layer::Embedding(Embedding::new(50, 6)),
        Layer::Conv1d(Conv1d {
            stride: 4,
            ..Conv1d::new(12, 4)
        }),
        Layer::Gru(Gru {
            return_sequences: true,
            ..Gru::new(24)
        }),
        Layer::PositionalEncoding(PositionalEncoding::default()),
        Layer::Attention(Attention {
            dropout: 0.1,
            ..Attention::new(3)
        }),
        Layer::Rnn(Rnn {
            return_sequences: true,
            ..Rnn::new(24)
        }),
        Layer::Lstm(Lstm {
            bidirectional: true,
            ..Lstm::new(24)
        }),
    ]
}

/// Every second of 64 numbers is an index, and becomes a row of a table of its own.
fn table_layers() -> Vec<Layer> {
    let tables: Vec<Value> = (0..64)
        .step_by(2)
        .map(|feature| json!({"feature": feature, "vocabulary": 3 + feature, "dimensions": 5}))
        .collect();
    let layers = json!([
        {"kind": "entity_embedding", "tables": tables},
        {"kind": "dense", "units": 32, "activation": "relu"}
    ]);
    serde_json::from_value(layers).expect("they are layers")
}

fn noise(n: usize) -> Vec<f32> {
    let stream = Stream::new(1, Purpose::Probe, 0);
    (0..n as u64)
        .map(|index| stream.normal(index) as f32)
        .collect()
}

/// Layers of images, large enough that their work is divided among threads: 64 numbers become an image with 16 channels, enough for a
/// convolution with fewer multiplications.
fn image_layers() -> Vec<Layer> {
    let layers = json!([
        {"kind": "dense", "units": 512, "activation": "relu"},
        {"kind": "reshape", "shape": [4, 8, 16]},
        {"kind": "conv2d", "filters": 17, "kernel_size": 3, "padding": "same", "use_bias": false},
        {"kind": "batch_norm"},
        {"kind": "residual", "activation": "relu", "layers": [
            {"kind": "local_response_norm"}, {"kind": "max_pool", "kernel_size": 2}, {"kind": "layer_norm"}, {"kind": "batch_norm"}
        ]},
        {"kind": "dropout", "rate": 0.2},
        {"kind": "upsample", "factor": 2, "interpolation": "linear"},
        {"kind": "conv_transpose", "filters": 12, "kernel_size": 3, "stride": 2, "padding": 1},
        {"kind": "conv2d", "filters": 8, "kernel_size": 3, "stride": 2, "groups": 4, "dilation": 2, "padding": 1},
        {"kind": "average_pool", "kernel_size": 3, "stride": 2, "padding": 1},
        {"kind": "global_pool", "function": "max"},
        {"kind": "flatten"}
    ]);
    serde_json::from_value(layers).expect("they are layers")
}

fn network(layers: &[Layer], outcome: Outcome) -> Network {
    let head = Head {
        n_outputs: 3,
        outcome,
    };
    Network::build(layers, 64, head).expect("the network fits")
}

/// The kinds of layers, and of those within them.
fn kinds_of(layers: &Value, kinds: &mut BTreeSet<String>) {
    for layer in layers.as_array().into_iter().flatten() {
        kinds.extend(layer["kind"].as_str().map(str::to_owned));
        kinds_of(&layer["layers"], kinds);
    }
}

/// One test, because the counter belongs to the whole process.
#[test]
fn steps_evaluations_and_predictions_allocate_nothing() {
    a_recorded_training_allocates_nothing();
    let layers = [
        dense_layers(),
        sequence_layers(),
        image_layers(),
        table_layers(),
    ];
    let mut kinds = BTreeSet::new();
    for layers in &layers {
        kinds_of(&json!(layers), &mut kinds);
    }
    assert_eq!(kinds, support::kinds::<Layer>(), "every kind of layer");
    const ROWS: usize = 100;
    let features = noise(ROWS * 64);
    let labels: Vec<u32> = (0..ROWS as u32).map(|row| row % 3).collect();
    let values = noise(ROWS * 3);
    let weights = Some(ClassWeights::Values(vec![1.0, 2.0, 0.5]));
    let losses = [
        (
            Loss::CrossEntropy(CrossEntropy {
                class_weights: weights,
                label_smoothing: 0.1,
            }),
            Targets::Labels(&labels[..]),
        ),
        (Loss::Mse(Mse::default()), Targets::Values(&values[..])),
    ];
    let optimizers = [
        Optimizer::Sgd(Sgd {
            momentum: 0.9,
            ..Sgd::default()
        }),
        Optimizer::Rmsprop(Rmsprop::default()),
        Optimizer::Adam(Adam::default()),
        Optimizer::AdamW(AdamW::default()),
        Optimizer::Adagrad(Adagrad::default()),
        Optimizer::Lion(Lion::default()),
    ];
    let cpus = [Cpu::native(1), Cpu::native(3), Cpu::portable(2)];
    let rounding = Isa::all().map(|isa| Cpu { isa, threads: 3 }.with_precision(Precision::Bf16));
    for cpu in cpus.into_iter().chain(rounding) {
        let networks = layers
            .each_ref()
            .map(|layers| network(layers, Outcome::Classes));
        let pairs = losses
            .iter()
            .flat_map(|loss| networks.iter().map(move |network| (loss, network)));
        for ((loss, targets), network) in pairs {
            let mut parameters = network.initialise::<f32>(0);
            // An optimizer does not know of the precision.
            let n_optimizers = match cpu.isa.precision() {
                Precision::F32 => optimizers.len(),
                Precision::Bf16 => 1,
            };
            for optimizer in &optimizers[..n_optimizers] {
                let mut plan =
                    TrainPlan::compile(network, loss, optimizer, ROWS, cpu).expect("the step fits");
                let mut state = OptimizerState::new(optimizer, network.n_trained());
                let counted = allocations(|| {
                    for step in 0..5 {
                        let key = StepKey { seed: 0, step };
                        plan.step(
                            &mut parameters,
                            &mut state,
                            &features,
                            *targets,
                            1e-3,
                            Some(1.0),
                            key,
                        );
                    }
                });
                assert_eq!(counted, 0, "{} with {cpu:?}", optimizer.kind());
            }
            let mut plan =
                EvaluationPlan::compile(network, loss, 32, cpu).expect("the evaluation fits");
            let mut outputs = vec![0.0; ROWS * 3];
            let counted = allocations(|| {
                plan.evaluate(&parameters, &features, *targets, &mut outputs);
            });
            assert_eq!(counted, 0, "evaluation with {cpu:?}");
        }
        let of_values = network(&layers[0], Outcome::Values);
        for network in networks.iter().chain([&of_values]) {
            let model =
                Model::new(network, network.initialise::<f32>(0), cpu).expect("the model fits");
            let mut scratch = model.scratch(32);
            let mut out = vec![0.0; ROWS * 3];
            let counted = allocations(|| {
                model.predict(&features, &mut scratch, &mut out);
                model.predict(&features[..64], &mut scratch, &mut out[..3]);
            });
            assert_eq!(counted, 0, "prediction with {cpu:?}");
        }
    }
}

/// Notes the count of allocations at every step, in memory taken beforehand, and at how many of them the weights were recorded.
struct Counts {
    at_steps: Vec<usize>,
    n_points: usize,
}

impl Observer for Counts {
    fn step(&mut self, _report: &StepReport) -> Directive {
        self.at_steps.push(ALLOCATIONS.load(Ordering::Relaxed));
        Directive::Continue
    }

    fn point(&mut self, _point: &PathPoint<'_>) {
        self.n_points += 1;
    }
}

/// A whole trainer, whose path is recorded, with points and with snapshots: between two steps of an epoch nothing is asked for,
/// once the window of gradient norms is full.
fn a_recorded_training_allocates_nothing() {
    const ROWS: usize = 1600;
    let features = Array2::from_shape_vec((ROWS, 64), noise(ROWS * 64)).expect("the shape fits");
    let labels: Vec<u32> = (0..ROWS as u32).map(|row| row % 3).collect();
    let problem = support::Problem {
        dataset: support::dataset(features, support::classes(labels, 3)),
        parts: Parts {
            train: (0..ROWS as u32).collect(),
            ..Parts::default()
        },
    };
    let mut trainer = problem.trainer(json!({
        "network": [{"kind": "dense", "units": 260, "activation": "relu"}, {"kind": "dropout", "rate": 0.1}],
        "training": {"epochs": 2, "batch_size": 16}
    }));
    assert!(trainer.layout().snapshots().is_some());
    let mut counts = Counts {
        at_steps: Vec::with_capacity(400),
        n_points: 0,
    };
    assert!(trainer.run(&mut counts).has_model());
    let second_epoch = &counts.at_steps[101..200];
    assert!(
        second_epoch.windows(2).all(|pair| pair[0] == pair[1]),
        "{second_epoch:?}"
    );
    // The network is wide for its batch, so its path is recorded every sixteenth step.
    assert!(counts.n_points > 10, "{} points", counts.n_points);
}
