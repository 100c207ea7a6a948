//! What is used where the spec says nothing, by the size of the data.

use super::{Network, OptimizerSpec, TaskKind};
use crate::dataset::DataFacts;
use crate::layer::{Dense, Layer};
use crate::loss::{CrossEntropy, Loss, Mse};
use crate::op::Function;
use crate::optimizer::{AdamW, Optimizer};
use crate::schedule::Schedule;

/// Two hidden layers of rectified units; fewer where few rows could fill them.
pub(super) fn network(facts: &DataFacts) -> Network {
    let units = match facts.n_train {
        0..5_000 => 64,
        _ => 128,
    };
    let layer = || Layer::Dense(Dense::new(units).with(Function::Relu));
    Network::Layers(if facts.n_train < 5_000 {
        vec![layer()]
    } else {
        vec![layer(), layer()]
    })
}

/// Cross entropy for classes, mean squared error for numbers.
pub(super) fn loss(task: TaskKind) -> Loss {
    match task {
        TaskKind::Classification => Loss::CrossEntropy(CrossEntropy::default()),
        TaskKind::Regression => Loss::Mse(Mse {}),
    }
}

/// AdamW along one cycle.
pub(super) fn optimizer(facts: &DataFacts) -> OptimizerSpec {
    let _ = facts;
    let rule = Optimizer::AdamW(AdamW {
        learning_rate: 0.01,
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
        5_000..20_000 => 40,
        20_000..100_000 => 15,
        _ => 8,
    }
}

/// Epochs without improvement that are tolerated. Along a cycle the validation loss is worst in the middle and best at the end,
/// so this mostly keeps the best weights and ends only what has clearly turned.
pub(super) fn patience(epochs: u32) -> u32 {
    (epochs / 2).max(10)
}
