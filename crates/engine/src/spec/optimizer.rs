//! How weights follow gradients: the optimizer, its schedule and the limit on a gradient's length.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::optimizer::Optimizer;
use crate::schedule::Schedule;

/// An optimizer with what goes beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptimizerSpec {
    /// The optimizer and its own fields.
    #[serde(flatten)]
    pub rule: Optimizer,
    /// How the learning rate moves. Default: constant for an optimizer that was asked for, one cycle for the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// A gradient longer than this is shortened to it. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1e-9, max = 1e9))]
    pub clip_norm: Option<f64>,
}
