//! How long and with what means a training goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::augmentation::Augmentation;
use crate::precision::Precision;

/// How the training proceeds. What is absent is filled in from the size of the data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Passes over the training rows, at most. Default: by the number of training rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: Option<u32>,
    /// Rows of one step. Default: by the number of training rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch_size: Option<u32>,
    /// What matrix products and convolutions multiply while training. The trained model is f32 either way; it is evaluated
    /// and predicts in f32. Default: `f32`.
    #[serde(skip_serializing_if = "is_default")]
    pub precision: Precision,
    /// Everything random in a run follows from this number.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991u64))]
    pub seed: u64,
    /// When to stop before all epochs are done. Default: never.
    pub early_stopping: Option<EarlyStopping>,
    /// Epochs after which the training goes on only if it is good enough by then, as a search sets them that stops bad runs
    /// early. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub rungs: Vec<Rung>,
    /// The run ends after this many seconds of training with the model it has: the best where early stopping keeps it, else the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub time_limit_s: Option<u32>,
    /// How often the state is saved.
    pub checkpoint: Cadence,
    /// Random changes to the images of a training batch, in this order. Rows that validate or test are never changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub augmentation: Vec<Augmentation>,
}

/// The default is left out of a document, so that specs and checkpoints of before stay what they were.
fn is_default(precision: &Precision) -> bool {
    *precision == Precision::default()
}

/// When to stop before all epochs are done. The weights of the best epoch are restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EarlyStopping {
    /// The metric that is watched: `validation_` or `train_` and the name of a metric.
    pub metric: String,
    /// The training ends after this many epochs in a row without improvement.
    #[schemars(range(min = 1, max = 100_000))]
    pub patience: u32,
    /// Improvement that counts, in the metric's own unit.
    #[schemars(range(min = 0.0, max = 1e9))]
    pub min_delta: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        Self {
            metric: "validation_loss".into(),
            patience: 10,
            min_delta: 0.0,
        }
    }
}

/// One step of a ladder: after this epoch the training ends with the model it has, unless a metric is good enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// The epoch after which it is decided.
    #[schemars(range(min = 1, max = 100_000))]
    pub epoch: u32,
    /// The metric that decides: `validation_` or `train_` and the name of a metric.
    pub metric: String,
    /// The worst value with which the training goes on: the highest loss, the lowest accuracy.
    #[schemars(range(min = -1e300, max = 1e300))]
    pub bound: f64,
}

/// How often the state of a training is saved. A pause always saves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cadence {
    /// The first epoch end at least this long after the last checkpoint saves.
    #[schemars(range(min = 0, max = 86_400_000))]
    pub min_interval_ms: u32,
    /// An epoch that lasts longer than this saves in its middle.
    #[schemars(range(min = 100, max = 86_400_000))]
    pub max_interval_ms: u32,
}

impl Default for Cadence {
    fn default() -> Self {
        Self {
            min_interval_ms: 1000,
            max_interval_ms: 30_000,
        }
    }
}

/// What a run may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Threads that compute. The result does not depend on it.
    #[schemars(range(min = 1, max = 256))]
    pub threads: u32,
    /// Where it is computed.
    pub device: Device,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            threads: 1,
            device: Device::Cpu,
        }
    }
}

/// Where a training is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The processor.
    Cpu,
}
