//! `{"kind": "quantile", "quantile": 0.9}`: the value that a target stays below with this probability, for regression.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows and outputs of q r for r >= 0, else (q - 1) r; r = t - z (Koenker, Bassett 1978).
///
/// z are the outputs, t the targets. The loss is smallest when z is the q-quantile of t given the features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quantile {
    /// q, between 0 and 1; 0.5 asks for the median.
    #[serde(default = "half")]
    #[schemars(range(min = 0.000_001, max = 0.999_999))]
    pub quantile: f64,
}

fn half() -> f64 {
    0.5
}

impl Default for Quantile {
    fn default() -> Quantile {
        Quantile { quantile: half() }
    }
}

impl Quantile {
    pub(super) fn kind(&self) -> &'static str {
        "quantile"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let targets = graph.targets(graph.shape(output).cols);
        let op = op::Quantile {
            quantile: self.quantile,
        };
        Ok(LossNodes {
            mean: graph.apply(op, &[output, targets])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        if self.quantile > 0.0 && self.quantile < 1.0 {
            return Vec::new();
        }
        vec![(
            "quantile",
            format!("quantile lies between 0 and 1, not {}", self.quantile),
        )]
    }
}
