//! `{"kind": "binary_cross_entropy"}`: two classes with one output, or several yes/no targets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows and outputs of ln(1 + e^z) - t z, which is -t ln p - (1 - t) ln(1 - p) for p = sigmoid(z).
///
/// With a positive weight w the first term counts w times. The network's last layer gives z, without a sigmoid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BinaryCrossEntropy {
    /// How much a positive target counts beside a negative one, above 0.
    #[serde(default = "one")]
    #[schemars(range(min = 0.000_001, max = 1_000_000.0))]
    pub positive_weight: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for BinaryCrossEntropy {
    fn default() -> BinaryCrossEntropy {
        BinaryCrossEntropy {
            positive_weight: 1.0,
        }
    }
}

impl BinaryCrossEntropy {
    pub(super) fn kind(&self) -> &'static str {
        "binary_cross_entropy"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let targets = graph.targets(graph.shape(output).cols);
        let op = op::BinaryCrossEntropy {
            positive_weight: self.positive_weight,
        };
        Ok(LossNodes {
            mean: graph.apply(op, &[output, targets])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        if self.positive_weight.is_finite() && self.positive_weight > 0.0 {
            return Vec::new();
        }
        vec![(
            "positive_weight",
            format!(
                "positive_weight is a number above 0, not {}",
                self.positive_weight
            ),
        )]
    }
}
