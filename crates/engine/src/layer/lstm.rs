//! `{"kind": "lstm", "units": 64}`: long short-term memory, which keeps what it has seen over many steps.
//!
//! With x_t `[batch x features]`, h and c `[batch x units]`, both zero before the first step:
//!
//! ```text
//! [i f g o] = x_t W + h_(t-1) R + b,  then i, f, o through the sigmoid and g through tanh
//! c_t = f c_(t-1) + i g
//! h_t = o tanh(c_t)
//! ```
//! W `[features x 4 units]`, R `[units x 4 units]`, b `[1 x 4 units]`, the gates in PyTorch's order, whose two biases are one
//! here: only their sum matters. Hochreiter, Schmidhuber 1997; Gers et al. 2000.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use super::recurrent::Recurrent;
use crate::graph::{GraphError, NodeId};
use crate::network::{Builder, ParameterSpec};
use crate::op::Cell;
use crate::sample::SampleShape;

/// Long short-term memory over the steps of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lstm {
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
    /// Added to the forget gate before its sigmoid, so that a new network remembers (Jozefowicz et al. 2015). PyTorch: 0.
    #[serde(default = "one")]
    #[schemars(range(min = -10.0, max = 10.0))]
    pub forget_bias: f64,
}

fn one() -> f64 {
    1.0
}

impl Lstm {
    /// In one direction, with the last state for output.
    pub fn new(units: usize) -> Lstm {
        Lstm {
            units,
            bidirectional: false,
            return_sequences: false,
            forget_bias: one(),
        }
    }

    fn recurrent(&self) -> Recurrent {
        Recurrent {
            cell: Cell::Lstm,
            units: self.units,
            bidirectional: self.bidirectional,
            return_sequences: self.return_sequences,
            forget_bias: self.forget_bias,
        }
    }
}

impl Rule for Lstm {
    const KIND: &'static str = "lstm";

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
        let mut faults = self.recurrent().faults();
        if !(-10.0..=10.0).contains(&self.forget_bias) {
            faults.push((
                "forget_bias",
                "forget_bias is between -10 and 10".to_owned(),
            ));
        }
        faults
    }
}
