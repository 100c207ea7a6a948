//! `{"kind": "gru", "units": 64}`: a gated recurrent unit, a smaller relative of the lstm.
//!
//! With x_t `[batch x features]` and h `[batch x units]`, zero before the first step:
//!
//! ```text
//! r = sigmoid(x_t W_r + h_(t-1) R_r + b_r)
//! z = sigmoid(x_t W_z + h_(t-1) R_z + b_z)
//! n = tanh(x_t W_n + b_n + r (h_(t-1) R_n + s))
//! h_t = (1 - z) n + z h_(t-1)
//! ```
//! W `[features x 3 units]`, R `[units x 3 units]`, b `[1 x 3 units]` in the order r, z, n, which is PyTorch's; of its second
//! bias only s `[1 x units]` (`recurrent_bias`) is not a part of b. Cho et al. 2014.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use super::recurrent::Recurrent;
use crate::graph::{GraphError, NodeId};
use crate::network::{Builder, ParameterSpec};
use crate::op::Cell;
use crate::sample::SampleShape;

/// A gated recurrent unit over the steps of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gru {
    /// Numbers of the state, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub units: usize,
    /// Whether a second one runs from the last step to the first; its output stands beside the first one's.
    #[serde(default)]
    pub bidirectional: bool,
    /// Whether the output is a sequence, a state for each step, or the state after the last step. The one that runs
    /// backwards is then at the first step.
    #[serde(default)]
    pub return_sequences: bool,
}

impl Gru {
    /// In one direction, with the last state for output.
    pub fn new(units: usize) -> Gru {
        Gru {
            units,
            bidirectional: false,
            return_sequences: false,
        }
    }

    fn recurrent(&self) -> Recurrent {
        Recurrent {
            cell: Cell::Gru,
            units: self.units,
            bidirectional: self.bidirectional,
            return_sequences: self.return_sequences,
            forget_bias: 0.0,
        }
    }
}

impl Rule for Gru {
    const KIND: &'static str = "gru";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        self.recurrent().output_shape(input)
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        self.recurrent().parameters(input)
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        self.recurrent().forward(builder, input)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        self.recurrent().faults()
    }
}
