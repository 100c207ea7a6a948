//! `{"kind": "poisson"}`: half the Poisson deviance, for a regression whose targets are counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean over rows and outputs of e^z - t z + t ln t - t; z are the outputs, t >= 0 the counts, and e^z is the prediction.
///
/// The derivative is that of PyTorch's `PoissonNLLLoss`; the terms in t alone make 0 the loss of a perfect fit. Counts come
/// divided by their mean and are not shifted, so the loss is that of the counts divided by their mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Poisson {}

impl Poisson {
    pub(super) fn kind(&self) -> &'static str {
        "poisson"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let targets = graph.targets(graph.shape(output).cols);
        Ok(LossNodes {
            mean: graph.apply(op::Poisson, &[output, targets])?,
            weight: None,
        })
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
