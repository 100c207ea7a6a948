//! `{"kind": "hinge", "margin": 1.0}`: classes, one output per class, kept a margin apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows of 1/K sum over c != y of max(0, margin + z_c - z_y); z are the K outputs, y the class (Weston, Watkins 1999).
///
/// The softmax of the outputs orders the classes as the outputs do; unlike that of cross entropy it is no estimate of their
/// frequency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hinge {
    /// By how much the right class should stand above every other one, above 0.
    #[serde(default = "one")]
    #[schemars(range(min = 0.000_001, max = 1_000_000.0))]
    pub margin: f64,
}

fn one() -> f64 {
    1.0
}

impl Default for Hinge {
    fn default() -> Hinge {
        Hinge { margin: 1.0 }
    }
}

impl Hinge {
    pub(super) fn kind(&self) -> &'static str {
        "hinge"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let labels = graph.labels();
        let op = op::Hinge {
            margin: self.margin,
        };
        Ok(LossNodes {
            mean: graph.apply(op, &[output, labels])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        if self.margin.is_finite() && self.margin > 0.0 {
            return Vec::new();
        }
        vec![(
            "margin",
            format!("margin is a number above 0, not {}", self.margin),
        )]
    }
}
