//! `{"kind": "dropout", "rate": 0.2}`: training only, sets a random part of the numbers to zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::network::{Builder, Mode};
use crate::op::Drop;

/// Each number becomes 0 with probability `rate` and x / (1 - rate) otherwise, so the mean stays
/// (Srivastava et al. 2014). In evaluation and prediction the layer does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// Probability of being set to zero, at least 0 and below 1.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub rate: f64,
}

impl Dropout {
    /// The layer with this rate.
    pub fn new(rate: f64) -> Dropout {
        Dropout { rate }
    }
}

impl Rule for Dropout {
    const KIND: &'static str = "dropout";

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        if builder.mode == Mode::Evaluate || self.rate == 0.0 {
            return Ok(input);
        }
        let op = Drop {
            rate: self.rate,
            position: builder.stream_position(),
        };
        builder.graph.apply(op, &[input])
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        if (0.0..=0.99).contains(&self.rate) {
            return Vec::new();
        }
        vec![(
            "rate",
            format!("rate lies between 0 and 0.99, not {}", self.rate),
        )]
    }
}
