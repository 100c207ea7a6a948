//! How a search chooses what to try next: plain functions of numbers, without clock, record or network.
//!
//! A strategy proposes trial `number` from the seed and from what is known of earlier trials. It gets the same view of them whenever
//! it is asked: of the trials just before (as many as may be at work at the same time) it knows where they are and not how they end, even
//! when they are over. So the same search proposes the same trials, whatever finishes first and however often the server is killed.

pub mod asha;
pub mod grid;
pub mod random;
pub mod seeds;
pub mod tpe;

use descent_engine::spec::Violation;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::space::{Axis, Domain, Space};

/// How the next trial is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy {
    /// Every combination of values, in an order that the seed gives.
    Grid {
        /// Values of a range; a choice has its own.
        #[serde(default = "levels")]
        #[schema(minimum = 2, maximum = 100, default = 5)]
        levels: u32,
    },
    /// Independent draws.
    Random {},
    /// Tree-structured Parzen estimator: values that good trials have and bad ones have not (Bergstra et al. 2011).
    Tpe {
        /// Trials with a value before the first one that is not drawn at random.
        #[serde(default = "startup")]
        #[schema(minimum = 2, maximum = 1_000, default = 10)]
        startup: u32,
        /// Candidates of which the best is taken.
        #[serde(default = "candidates")]
        #[schema(minimum = 1, maximum = 1_000, default = 24)]
        candidates: u32,
    },
    /// Successive halving with asynchronous stopping: independent draws, of which the bad ones stop early (Li et al. 2018).
    Asha {
        /// Of so many that come to a rung, one goes on.
        #[serde(default = "reduction")]
        #[schema(minimum = 2, maximum = 10, default = 3)]
        reduction: u32,
        /// Epochs before the first rung; every further rung is `reduction` times as far.
        #[serde(default = "min_epochs")]
        #[schema(minimum = 1, maximum = 100_000, default = 1)]
        min_epochs: u32,
    },
    /// The same spec from several seeds.
    Seeds {},
}

fn levels() -> u32 {
    5
}
fn startup() -> u32 {
    10
}
fn candidates() -> u32 {
    24
}
fn reduction() -> u32 {
    3
}
fn min_epochs() -> u32 {
    1
}

/// What is known of a trial when a later one is proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Where it is: one coordinate in [0, 1] per parameter.
    pub point: Vec<f64>,
    /// Its objective, turned so that smaller is better. `None`: it ended without one, or nobody is to know yet.
    pub value: Option<f64>,
}

impl Strategy {
    /// Everything that is wrong with the strategy itself.
    pub fn violations(&self) -> Vec<Violation> {
        let ranged = |member: &str, value: u32, low: u32, high: u32| {
            let message = format!("{member} is {value}; it must be {low} to {high}");
            let pointer = format!("/strategy/{member}");
            (!(low..=high).contains(&value))
                .then(|| Violation::new(pointer, "range", message).got(value))
        };
        let found = match *self {
            Self::Grid { levels } => [ranged("levels", levels, 2, 100), None],
            Self::Tpe {
                startup,
                candidates,
            } => [
                ranged("startup", startup, 2, 1_000),
                ranged("candidates", candidates, 1, 1_000),
            ],
            Self::Asha {
                reduction,
                min_epochs,
            } => [
                ranged("reduction", reduction, 2, 10),
                ranged("min_epochs", min_epochs, 1, 100_000),
            ],
            Self::Random {} | Self::Seeds {} => [None, None],
        };
        found.into_iter().flatten().collect()
    }

    /// Whether a trial follows from how earlier ones ended. If not, it may be proposed whatever is still at work.
    pub fn looks_back(&self) -> bool {
        matches!(self, Self::Tpe { .. } | Self::Asha { .. })
    }

    /// Where trial `number` is, in coordinates. `history` has an observation per earlier trial.
    ///
    /// `None`: there is nothing more to try.
    pub fn propose(
        &self,
        space: &Space,
        seed: u64,
        number: u64,
        history: &[Observation],
    ) -> Option<Vec<f64>> {
        match self {
            Self::Grid { levels } => grid::point(space, *levels, seed, number),
            Self::Random {} | Self::Asha { .. } => Some(random::point(space.len(), seed, number)),
            Self::Tpe {
                startup,
                candidates,
            } => {
                let axes: Vec<Axis> = space.values().map(Domain::axis).collect();
                let tpe = tpe::Tpe {
                    startup: *startup,
                    candidates: *candidates,
                };
                Some(tpe.point(&axes, seed, number, history))
            }
            Self::Seeds {} => Some(Vec::new()),
        }
    }
}
