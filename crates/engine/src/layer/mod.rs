//! Layers: forward only. A layer's struct is the document a user posts; it names its parameters and adds ops to a graph.
//!
//! One layer, one file. Derivatives belong to the ops ([`crate::op`]), so a layer never contains one.

mod activation;
mod dense;
mod dropout;

pub use activation::Activation;
pub use dense::Dense;
pub use dropout::Dropout;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::{GraphError, NodeId};
use crate::network::{Builder, ParameterSpec};

/// One layer of a network, as it stands in a spec: `{"kind": "dense", "units": 64, "activation": "relu"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Layer {
    /// Every output from every input: x W + b.
    Dense(Dense),
    /// A function applied to each number.
    Activation(Activation),
    /// Training only: sets a random part of the numbers to zero.
    Dropout(Dropout),
}

/// Hands a call to the layer's own struct; the one place where all layers are listed besides the enum.
macro_rules! each {
    ($layer:expr, $it:ident => $call:expr) => {
        match $layer {
            Layer::Dense($it) => $call,
            Layer::Activation($it) => $call,
            Layer::Dropout($it) => $call,
        }
    };
}

impl Layer {
    /// The `kind` in a spec.
    pub fn kind(&self) -> &'static str {
        each!(self, it => it.kind())
    }

    /// Number of columns the layer makes of `n_inputs` columns.
    pub fn n_outputs(&self, n_inputs: usize) -> usize {
        each!(self, it => it.n_outputs(n_inputs))
    }

    /// The layer's parameters for `n_inputs` columns, in order.
    pub fn parameters(&self, n_inputs: usize) -> Vec<ParameterSpec> {
        each!(self, it => it.parameters(n_inputs))
    }

    /// Adds the layer's ops after `input` and answers its output.
    pub fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        each!(self, it => it.forward(builder, input))
    }

    /// What is wrong with the layer's own fields: (field, reason). Sizes across layers are the spec's business.
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        each!(self, it => it.faults())
    }

    /// The layer with everything optional filled in.
    pub fn resolved(&self) -> Layer {
        match self {
            Layer::Dense(it) => Layer::Dense(it.resolved()),
            other => other.clone(),
        }
    }
}
