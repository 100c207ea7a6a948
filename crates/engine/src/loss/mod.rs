//! Losses: what a run makes small. A loss is a mean over the batch and never contains a derivative; its op does.
//!
//! One loss, one file. The struct is the document a user posts: `{"kind": "cross_entropy", "label_smoothing": 0.1}`.

mod binary_cross_entropy;
mod contrastive;
mod cross_entropy;
mod hinge;
mod huber;
mod kl;
mod mae;
mod mse;
mod poisson;
mod quantile;

pub use binary_cross_entropy::BinaryCrossEntropy;
pub use contrastive::Contrastive;
pub use cross_entropy::{ClassWeights, CrossEntropy};
pub use hinge::Hinge;
pub use huber::Huber;
pub use kl::Kl;
pub use mae::Mae;
pub use mse::Mse;
pub use poisson::Poisson;
pub use quantile::Quantile;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dataset::TargetScale;
use crate::graph::{Graph, GraphError, NodeId};

/// The loss of a run, as it stands in a spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Loss {
    /// Classes, one output per class.
    CrossEntropy(CrossEntropy),
    /// Two classes with one output, or several yes/no targets.
    BinaryCrossEntropy(BinaryCrossEntropy),
    /// Mean squared error.
    Mse(Mse),
    /// Mean absolute error.
    Mae(Mae),
    /// Squared near zero, absolute far away.
    Huber(Huber),
    /// Classes, one output per class, kept a margin apart.
    Hinge(Hinge),
    /// The value that a target stays below with a given probability.
    Quantile(Quantile),
    /// Half the Poisson deviance of counts.
    Poisson(Poisson),
    /// Divergence of the predicted shares of a whole.
    Kl(Kl),
    /// Rows of one class near each other, others apart; for embeddings.
    Contrastive(Contrastive),
}

/// The nodes a loss adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossNodes {
    /// The mean loss of the batch, a scalar.
    pub mean: NodeId,
    /// The weight this mean has beside the means of other batches, a scalar; `None` means the number of rows.
    pub weight: Option<NodeId>,
}

/// Hands a call to the loss's own struct.
macro_rules! each {
    ($loss:expr, $it:ident => $call:expr) => {
        match $loss {
            Loss::CrossEntropy($it) => $call,
            Loss::BinaryCrossEntropy($it) => $call,
            Loss::Mse($it) => $call,
            Loss::Mae($it) => $call,
            Loss::Huber($it) => $call,
            Loss::Hinge($it) => $call,
            Loss::Quantile($it) => $call,
            Loss::Poisson($it) => $call,
            Loss::Kl($it) => $call,
            Loss::Contrastive($it) => $call,
        }
    };
}

impl Loss {
    /// The `kind` in a spec.
    pub fn kind(&self) -> &'static str {
        each!(self, it => it.kind())
    }

    /// Adds the loss of `output` to the graph.
    pub fn forward(&self, graph: &mut Graph, output: NodeId) -> Result<LossNodes, GraphError> {
        each!(self, it => it.forward(graph, output))
    }

    /// How a regression's targets must come to this loss.
    pub fn target_scale(&self) -> TargetScale {
        match self {
            Loss::Poisson(_) => TargetScale::Mean,
            Loss::Kl(_) => TargetScale::Own,
            _ => TargetScale::Standard,
        }
    }

    /// What is wrong with the loss's own fields: (field, reason).
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        each!(self, it => it.faults())
    }
}
