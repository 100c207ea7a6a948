//! What is used where the spec says nothing, by the size of the data.

use super::{Network, OptimizerSpec, TaskKind, preset};
use crate::dataset::DataFacts;
use crate::layer::{Dense, Dropout, Layer};
use crate::loss::{Contrastive, CrossEntropy, Loss, Mse};
use crate::op::Function;
use crate::optimizer::{AdamW, Optimizer};
use crate::sample::SampleShape;
use crate::schedule::Schedule;

/// Training rows from which on a network with two wide layers is worth its time.
const MANY_ROWS: u64 = 5_000;

/// Two convolutions for images; dense layers for anything else.
pub(super) fn network(facts: &DataFacts) -> Network {
    Network::Layers(match facts.sample_shape {
        SampleShape::Image { .. } => preset::small_cnn(),
        input => {
            let mut layers = preset::flat(input);
            layers.extend(dense_layers(facts));
            layers
        }
    })
}

/// One layer of smooth units with dropout for few rows; two wide layers of rectified units, which are several times cheaper,
/// for many.
pub(super) fn dense_layers(facts: &DataFacts) -> Vec<Layer> {
    let dense = |units: usize, function: Function| Layer::Dense(Dense::new(units).with(function));
    let dropout = |rate: f64| Layer::Dropout(Dropout::new(rate));
    if facts.n_train < MANY_ROWS {
        vec![dense(64, Function::Gelu), dropout(0.3)]
    } else {
        vec![
            dense(128, Function::Relu),
            dropout(0.1),
            dense(128, Function::Relu),
        ]
    }
}

/// Cross entropy for classes, mean squared error for numbers, contrastive for places.
pub(super) fn loss(task: TaskKind) -> Loss {
    match task {
        TaskKind::Classification => Loss::CrossEntropy(CrossEntropy::default()),
        TaskKind::Regression => Loss::Mse(Mse {}),
        TaskKind::Embedding => Loss::Contrastive(Contrastive::default()),
    }
}

/// AdamW along one cycle. The decay is strong because few rows are easily learned by heart; the cycle ends with tiny steps, so
/// that the last weights are good ones and nothing has to be stopped early.
pub(super) fn optimizer(facts: &DataFacts) -> OptimizerSpec {
    let weight_decay = if facts.n_train < MANY_ROWS { 0.3 } else { 0.1 };
    let rule = Optimizer::AdamW(AdamW {
        learning_rate: 0.01,
        weight_decay,
        ..AdamW::default()
    });
    OptimizerSpec {
        rule,
        schedule: Some(one_cycle()),
        clip_norm: None,
    }
}

fn one_cycle() -> Schedule {
    Schedule::OneCycle {
        pct_start: 0.3,
        div_factor: 25.0,
        final_div_factor: 1e4,
    }
}

/// Rows of one step.
pub(super) fn batch_size(facts: &DataFacts) -> u32 {
    match facts.n_train {
        0..5_000 => 32,
        5_000..50_000 => 128,
        _ => 512,
    }
}

/// Passes over the training rows: the fewer the rows, the more.
pub(super) fn epochs(facts: &DataFacts) -> u32 {
    match facts.n_train {
        0..1_000 => 100,
        1_000..5_000 => 60,
        5_000..20_000 => 30,
        20_000..100_000 => 8,
        _ => 5,
    }
}
