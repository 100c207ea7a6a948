//! Documents without dataset and seed, and the parts that several of them share.

use serde_json::{Value, json};

/// A classification by the column `label`.
pub fn classification(network: Value, optimizer: Value, training: Value) -> Value {
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
pub fn convolutions(groups: &[&[u64]], dense: u64) -> Value {
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
pub fn shifts_and_flips(pixels: u64) -> Value {
    json!([{"kind": "random_crop", "padding": pixels}, {"kind": "horizontal_flip"}])
}

/// Momentum whose rate rises to `peak` and falls to nothing.
pub fn one_cycle(peak: f64, weight_decay: f64) -> Value {
    json!({"kind": "sgd", "learning_rate": peak, "momentum": 0.9, "weight_decay": weight_decay, "schedule": {"kind": "one_cycle"}})
}
