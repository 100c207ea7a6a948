//! `{"kind": "kl"}`: divergence of the predicted shares, for a regression whose targets divide a whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows of sum over c of t_c (ln t_c - ln softmax(z)_c), with 0 ln 0 = 0 (Kullback, Leibler 1951).
///
/// z are the outputs, t the targets: two or more columns that are not negative and have sum 1 in every row. The prediction
/// is softmax(z).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kl {}

impl Kl {
    pub(super) fn kind(&self) -> &'static str {
        "kl"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let targets = graph.targets(graph.shape(output).cols);
        Ok(LossNodes {
            mean: graph.apply(op::Kl, &[output, targets])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
