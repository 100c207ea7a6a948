//! What somebody asks for: the parts of a sweep's document.

use descent_engine::metrics::{LOSS, Part, RECALL_AT_1};
use descent_engine::spec::TaskKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::space::Space;
use super::strategy::Strategy;
use crate::store::Json;

/// Longest time budget: a year.
pub const MAX_MINUTES: u32 = 525_600;
/// Children at the same time at most.
pub const MAX_PARALLEL: u32 = 1_000;

/// How much a sweep may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Children in all. Default: all of a grid, else 50.
    #[schema(minimum = 1, maximum = 1_000)]
    pub runs: Option<u32>,
    /// No child begins after so many minutes at work, the wait for free space included; those that began go on to their end. Default: no limit.
    #[schema(minimum = 1, maximum = 525_600)]
    pub minutes: Option<u32>,
    /// Children at the same time. Default: as many as the server trains at the same time.
    #[schema(minimum = 1, maximum = 1_000)]
    pub parallel: Option<u32>,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smaller.
    Minimize,
    /// Larger.
    Maximize,
}

impl Direction {
    /// The value turned so that smaller is better.
    pub fn turned(self, value: f64) -> f64 {
        match self {
            Self::Minimize => value,
            Self::Maximize => -value,
        }
    }
}

/// What a sweep is after: a metric of the model that a child leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// `validation_` or `train_` and the name of a metric.
    #[schema(min_length = 1, max_length = 64)]
    pub metric: String,
    /// Which way is better. Default: as the metric means it.
    pub direction: Option<Direction>,
}

impl Objective {
    /// What a sweep is after that does not say: the validation loss; of an embedding, whose loss grows with its margin, the recall.
    pub fn usual(spec: &Value) -> Self {
        let kind = spec.pointer("/task/kind").and_then(Value::as_str);
        let metric = match kind == Some(TaskKind::Embedding.name()) {
            true => RECALL_AT_1,
            false => LOSS,
        };
        Self {
            metric: metric.on(Part::Validation).to_owned(),
            direction: None,
        }
    }

    /// The direction of an objective that was checked.
    pub fn direction(&self) -> Direction {
        self.direction.unwrap_or(Direction::Minimize)
    }
}

/// A sweep that somebody wants.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// For people.
    pub name: String,
    /// The spec of the children, before any value is set.
    pub spec: Value,
    /// What may change.
    pub space: Space,
    /// How values are chosen.
    pub strategy: Strategy,
    /// How much it may use.
    pub budget: Budget,
    /// What it is after.
    pub objective: Objective,
    /// Everything random follows from it.
    pub seed: u64,
    /// The user's own labels.
    pub metadata: Json,
}
