//! What is measured on a part of the data, from the network's outputs.
//!
//! Definitions are scikit-learn's; `tests/metrics.rs` compares with its values. A measurement takes batches as they come and
//! keeps its buffers, so that measuring every epoch of a small training allocates nothing.

mod classification;
mod embedding;
mod ranking;
mod regression;

pub use classification::{ClassCurve, ClassificationMetrics};
pub use embedding::EmbeddingMetrics;
pub use ranking::{Curve, Ranking, curve, rank};
pub use regression::RegressionMetrics;

use crate::spec::TaskKind;

/// The rows a metric was measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The rows that train.
    Train,
    /// The rows that validate.
    Validation,
    /// The rows that test.
    Test,
}

/// A metric: its name in reports for each part, and which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name without a part.
    pub name: &'static str,
    named: [&'static str; 3],
    /// Whether a smaller value is better.
    pub lower_is_better: bool,
}

macro_rules! metric {
    ($name:literal, lower) => {
        metric!($name, true)
    };
    ($name:literal, higher) => {
        metric!($name, false)
    };
    ($name:literal, $lower:literal) => {
        Metric {
            name: $name,
            named: [
                concat!("train_", $name),
                concat!("validation_", $name),
                concat!("test_", $name),
            ],
            lower_is_better: $lower,
        }
    };
}

/// The loss that is minimised, class weights and label smoothing included.
pub const LOSS: Metric = metric!("loss", lower);
/// Part of the rows whose class was found.
pub const ACCURACY: Metric = metric!("accuracy", higher);
/// Mean over the classes of the part of a class that was found.
pub const BALANCED_ACCURACY: Metric = metric!("balanced_accuracy", higher);
/// Mean over the classes of the harmonic mean of precision and recall.
pub const MACRO_F1: Metric = metric!("macro_f1", higher);
/// Probability that a random row of a class scores above a random other row; the mean over classes for more than two.
pub const ROC_AUC: Metric = metric!("roc_auc", higher);
/// Precision averaged over the recalls; of the second class for two, the mean over classes for more.
pub const AVERAGE_PRECISION: Metric = metric!("average_precision", higher);
/// Root of the mean squared error, in the target's unit; the mean over several targets.
pub const RMSE: Metric = metric!("rmse", lower);
/// Mean absolute error, in the target's unit; the mean over several targets.
pub const MAE: Metric = metric!("mae", lower);
/// Part of the target's variance that is explained; the mean over several targets.
pub const R2: Metric = metric!("r2", higher);

/// Part of the rows whose nearest other row is of their class.
pub const RECALL_AT_1: Metric = metric!("recall_at_1", higher);

const CLASSIFICATION: [Metric; 6] = [
    LOSS,
    ACCURACY,
    BALANCED_ACCURACY,
    MACRO_F1,
    ROC_AUC,
    AVERAGE_PRECISION,
];
const REGRESSION: [Metric; 4] = [LOSS, RMSE, MAE, R2];
const EMBEDDING: [Metric; 2] = [LOSS, RECALL_AT_1];

impl Metric {
    /// The name in a report, for example `validation_loss`.
    #[must_use]
    pub fn on(&self, part: Part) -> &'static str {
        self.named[part as usize]
    }

    /// Whether `value` is better than `best` by more than `min_delta`.
    #[must_use]
    pub fn improves(&self, value: f64, best: f64, min_delta: f64) -> bool {
        if self.lower_is_better {
            value < best - min_delta
        } else {
            value > best + min_delta
        }
    }
}

/// The metrics of a task.
#[must_use]
pub fn of(task: TaskKind) -> &'static [Metric] {
    match task {
        TaskKind::Classification => &CLASSIFICATION,
        TaskKind::Regression => &REGRESSION,
        TaskKind::Embedding => &EMBEDDING,
    }
}

/// The metric and part that a name like `validation_loss` means, among those that can be watched while training.
#[must_use]
pub fn watched(task: TaskKind, name: &str) -> Option<(Metric, Part)> {
    let find = |part: Part| {
        of(task)
            .iter()
            .find(|metric| metric.on(part) == name)
            .map(|metric| (*metric, part))
    };
    find(Part::Validation).or_else(|| find(Part::Train))
}
