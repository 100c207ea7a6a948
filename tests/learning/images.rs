//! Images, from the bytes of an upload to the test split: one short training for each kind of network. The accuracies asked for are those of few
//! images and few epochs, well below what was measured and far above chance, which is 0.1; what the networks reach on all images is in
//! docs/benchmarks.md.

use descent_engine::trainer::Silent;
use serde_json::{Value, json};

use crate::documents::{classification, convolutions, one_cycle, shifts_and_flips};
use crate::source::{self, Source};
use crate::{there, training};

fn reaches(name: &str, source: anyhow::Result<Option<Source>>, document: &Value, goal: f64) {
    let Some(source) = there(name, source) else {
        return;
    };
    let mut document = document.clone();
    document["dataset"] = json!(name);
    let trained = training::train(&source, document, &mut Silent).expect("it is trained");
    let accuracy = training::metric(&trained, "test_accuracy").expect("the metric is defined");
    println!("{name}: {accuracy:.4}");
    assert!(accuracy >= goal, "{name}: {accuracy:.4} is below {goal}");
}

#[test]
fn dense_layers_learn_fashion() {
    let network =
        json!([{"kind": "flatten"}, {"kind": "dense", "units": 64, "activation": "relu"}]);
    let training = json!({"epochs": 20, "batch_size": 32});
    let document = classification(network, one_cycle(0.05, 1e-4), training);
    reaches(
        "600 of fashion-mnist",
        source::fashion_sample(),
        &document,
        0.75,
    );
}

#[test]
fn convolutions_learn_fashion() {
    let network = json!([
        {"kind": "conv2d", "filters": 8, "kernel_size": 3, "padding": 1, "activation": "relu"},
        {"kind": "max_pool", "kernel_size": 2},
        {"kind": "conv2d", "filters": 16, "kernel_size": 3, "padding": 1, "activation": "relu"},
        {"kind": "max_pool", "kernel_size": 2},
        {"kind": "flatten"},
        {"kind": "dropout", "rate": 0.2},
        {"kind": "dense", "units": 32, "activation": "relu"}
    ]);
    let training = json!({"epochs": 20, "batch_size": 32});
    let document = classification(network, one_cycle(0.05, 1e-4), training);
    reaches(
        "600 of fashion-mnist",
        source::fashion_sample(),
        &document,
        0.78,
    );
}

#[test]
fn convolutions_with_batch_norm_learn_fashion_from_images_that_change() {
    let network = convolutions(&[&[8], &[16, 16]], 32);
    let training = json!({"epochs": 20, "batch_size": 32, "augmentation": shifts_and_flips(1)});
    let document = classification(network, one_cycle(0.05, 1e-4), training);
    reaches(
        "600 of fashion-mnist",
        source::fashion_sample(),
        &document,
        0.78,
    );
}

#[test]
fn convolutions_learn_colours() {
    let network = convolutions(&[&[16], &[32], &[32]], 0);
    let training = json!({"epochs": 4, "batch_size": 32, "augmentation": shifts_and_flips(4)});
    let document = classification(network, one_cycle(0.1, 1e-4), training);
    reaches("cifar10-small", source::cifar10_small(), &document, 0.38);
}

#[test]
fn lenet5_learns_digits() {
    let optimizer =
        json!({"kind": "adamw", "learning_rate": 0.003, "schedule": {"kind": "one_cycle"}});
    let training = json!({"epochs": 10, "batch_size": 32});
    let document = classification(json!({"kind": "lenet5"}), optimizer, training);
    reaches("digits", source::digits(), &document, 0.95);
}
