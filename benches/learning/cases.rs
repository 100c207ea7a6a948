//! What is learned, by which spec, and how well it should be.

use serde_json::{Value, json};

use crate::documents::{classification, convolutions, one_cycle, shifts_and_flips};
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
        spec: classification(
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
        spec: classification(
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
        spec: classification(
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
        spec: classification(
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
            one_cycle(0.08, 2e-4),
            json!({"epochs": 12, "batch_size": 128}),
        ),
        goal: 0.92,
    }
}

fn fashion_augmented() -> Case {
    Case {
        name: "fashion-augmented",
        what: "Fashion-MNIST, convolutions 32-32-64-64 with batch norm, shifts and flips, in bf16",
        source: source::fashion_mnist,
        spec: classification(
            convolutions(&[&[32, 32], &[64, 64]], 128),
            one_cycle(0.1, 5e-4),
            json!({"epochs": 15, "batch_size": 128, "precision": "bf16", "augmentation": shifts_and_flips(1)}),
        ),
        goal: 0.938,
    }
}

fn cifar() -> Case {
    Case {
        name: "cifar10-small",
        what: "3,000 images of CIFAR-10, convolutions 32-32-64-64-128 with batch norm, shifts and flips, in bf16",
        source: source::cifar10_small,
        spec: classification(
            convolutions(&[&[32, 32], &[64, 64], &[128]], 0),
            one_cycle(0.05, 5e-4),
            json!({"epochs": 50, "batch_size": 32, "precision": "bf16", "augmentation": shifts_and_flips(4)}),
        ),
        goal: 0.67,
    }
}
