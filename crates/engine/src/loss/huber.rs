//! `{"kind": "huber", "delta": 1.0}`: squared near zero, absolute far away, for regression with outliers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows and outputs of r^2 / 2 for |r| <= delta, else delta (|r| - delta / 2); r = z - t.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Huber {
    /// Where the square ends, above 0, in units of the (standardised) target.
    #[serde(default = "one")]
    #[schemars(range(min = 0.000_001, max = 1_000_000.0))]
    pub delta: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for Huber {
    fn default() -> Huber {
        Huber { delta: 1.0 }
    }
}

impl Huber {
    pub(super) fn kind(&self) -> &'static str {
        "huber"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let targets = graph.targets(graph.shape(output).cols);
        Ok(LossNodes {
            mean: graph.apply(op::Huber { delta: self.delta }, &[output, targets])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        if self.delta.is_finite() && self.delta > 0.0 {
            return Vec::new();
        }
        vec![(
            "delta",
            format!("delta is a number above 0, not {}", self.delta),
        )]
    }
}
