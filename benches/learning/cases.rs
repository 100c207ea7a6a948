//! What is learned, by which spec, and how well it should be.

use serde_json::{Value, json};

use crate::source::{self, Source};

/// One line of the table.
pub struct Case {
    pub name: &'static str,
    pub what: &'static str,
    pub source: fn() -> anyhow::Result<Option<Source>>,
    /// Everything of the document but dataset, seed and threads.
    pub spec: Value,
    /// Least accuracy on the test part, mean of three seeds.
    pub goal: f64,
}

/// Every case, the short ones first.
pub fn all() -> Vec<Case> {
    vec![
        digits(),
        signs(),
        fashion_mlp(),
        fashion_cnn(),
        fashion_augmented(),
        cifar(),
    ]
}

fn digits() -> Case {
    Case {
        name: "digits",
        what: "digits, LeNet-5",
        source: source::digits,
        spec: spec(
            json!({"kind": "lenet5"}),
            json!({"kind": "adamw", "learning_rate": 0.003, "schedule": {"kind": "one_cycle"}}),
            json!({"epochs": 40, "batch_size": 32}),
        ),
        goal: 0.985,
    }
}

fn signs() -> Case {
    Case {
        name: "signs",
        what: "sign of the sum of 100 steps, LSTM of 32",
        source: source::signs,
        spec: spec(
            json!([{"kind": "lstm", "units": 32}]),
            json!({"kind": "adam", "learning_rate": 0.005, "clip_norm": 1.0, "schedule": {"kind": "one_cycle"}}),
            json!({"epochs": 20, "batch_size": 64}),
        ),
        goal: 0.98,
    }
}

fn fashion_mlp() -> Case {
    Case {
        name: "fashion-mlp",
        what: "Fashion-MNIST, dense 512-256",
        source: source::fashion_mnist,
        spec: spec(
            json!([
                {"kind": "flatten"},
                {"kind": "dense", "units": 512, "activation": "relu"},
                {"kind": "dense", "units": 256, "activation": "relu"}
            ]),
            one_cycle(0.1, 1e-4),
            json!({"epochs": 15, "batch_size": 128}),
        ),
        goal: 0.90,
    }
}

fn fashion_cnn() -> Case {
    Case {
        name: "fashion-cnn",
        what: "Fashion-MNIST, two convolutions 32-64",
        source: source::fashion_mnist,
        spec: spec(
            json!([
                {"kind": "conv2d", "filters": 32, "kernel_size": 3, "padding": 1, "activation": "relu"},
                {"kind": "max_pool", "kernel_size": 2},
                {"kind": "conv2d", "filters": 64, "kernel_size": 3, "padding": 1, "activation": "relu"},
                {"kind": "max_pool", "kernel_size": 2},
                {"kind": "flatten"},
                {"kind": "dropout", "rate": 0.3},
                {"kind": "dense", "units": 128, "activation": "relu"},
                {"kind": "dropout", "rate": 0.3}
            ]),
            one_cycle(0.05, 5e-4),
            json!({"epochs": 10, "batch_size": 128}),
        ),
        goal: 0.92,
    }
}

fn fashion_augmented() -> Case {
    Case {
        name: "fashion-augmented",
        what: "Fashion-MNIST, convolutions 32-32-64-64 with batch norm, shifts and flips",
        source: source::fashion_mnist,
        spec: spec(
            convolutions(&[&[32, 32], &[64, 64]], 128),
            one_cycle(0.1, 5e-4),
            json!({"epochs": 20, "batch_size": 128, "augmentation": shifts_and_flips(1)}),
        ),
        goal: 0.938,
    }
}

fn cifar() -> Case {
    Case {
        name: "cifar10-small",
        what: "3,000 images of CIFAR-10, convolutions 32-32-64-64-128 with batch norm, shifts and flips",
        source: source::cifar10_small,
        spec: spec(
            convolutions(&[&[32, 32], &[64, 64], &[128]], 0),
            one_cycle(0.05, 5e-4),
            json!({"epochs": 50, "batch_size": 32, "augmentation": shifts_and_flips(4)}),
        ),
        goal: 0.67,
    }
}

/// A document without dataset, seed and threads.
fn spec(network: Value, optimizer: Value, training: Value) -> Value {
    json!({
        "task": {"kind": "classification", "target": "label"},
        "network": network,
        "loss": {"kind": "cross_entropy", "label_smoothing": 0.1},
        "optimizer": optimizer,
        "training": training,
    })
}

/// Groups of 3 x 3 convolutions with batch norm, each group halved by a pool; then a dense layer, unless its width is 0, in which case the
/// mean of each channel goes to the output.
fn convolutions(groups: &[&[u64]], dense: u64) -> Value {
    let mut layers = Vec::new();
    for group in groups {
        for filters in *group {
            layers.push(json!({"kind": "conv2d", "filters": filters, "kernel_size": 3, "padding": 1, "use_bias": false}));
            layers.push(json!({"kind": "batch_norm"}));
            layers.push(json!({"kind": "activation", "function": "relu"}));
        }
        layers.push(json!({"kind": "max_pool", "kernel_size": 2}));
    }
    if dense > 0 {
        layers.push(json!({"kind": "flatten"}));
        layers.push(json!({"kind": "dense", "units": dense, "activation": "relu"}));
    } else {
        layers.push(json!({"kind": "global_pool"}));
    }
    layers.into()
}

/// Images moved by up to so many pixels, every other one mirrored.
fn shifts_and_flips(pixels: u64) -> Value {
    json!([{"kind": "random_crop", "padding": pixels}, {"kind": "horizontal_flip"}])
}

/// Momentum whose rate rises to `peak` and falls to nothing.
fn one_cycle(peak: f64, weight_decay: f64) -> Value {
    json!({"kind": "sgd", "learning_rate": peak, "momentum": 0.9, "weight_decay": weight_decay, "schedule": {"kind": "one_cycle"}})
}
