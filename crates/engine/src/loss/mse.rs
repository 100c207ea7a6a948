//! `{"kind": "mse"}`: mean squared error, for regression.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows and outputs of (z - t)^2; z are the outputs, t the targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mse {}

impl Mse {
    pub(super) fn kind(&self) -> &'static str {
        "mse"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let targets = graph.targets(graph.shape(output).cols);
        Ok(LossNodes {
            mean: graph.apply(op::Mse, &[output, targets])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
