//! `{"kind": "contrastive", "margin": 1.0, "dimensions": 16}`: embeddings, rows of one class near and others apart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over pairs of rows of D^2 / 2 where their classes are equal, else max(0, margin - D)^2 / 2; D is the distance of their
/// embeddings (Hadsell, Chopra, LeCun 2006). The pairs are those of a batch, and rows are measured in batches too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contrastive {
    /// How far apart rows of different classes should lie, above 0.
    #[serde(default = "one")]
    #[schemars(range(min = 0.000_001, max = 1_000_000.0))]
    pub margin: f64,
    /// Numbers of an embedding: what the network answers for a row.
    #[serde(default = "sixteen")]
    #[schemars(range(min = 1, max = 256))]
    pub dimensions: u32,
}

fn one() -> f64 {
    1.0
}
fn sixteen() -> u32 {
    16
}

impl Default for Contrastive {
    fn default() -> Contrastive {
        Contrastive {
            margin: one(),
            dimensions: sixteen(),
        }
    }
}

impl Contrastive {
    /// Rows that a batch may have: there is a pair, and the work of a step, which grows with their square, has an end.
    pub(crate) const ROWS: std::ops::RangeInclusive<u32> = 2..=4_096;

    pub(super) fn kind(&self) -> &'static str {
        "contrastive"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let labels = graph.labels();
        let op = op::Contrastive {
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
