//! `{"kind": "rnn", "units": 64}`: a simple recurrent network, for short sequences.
//!
//! h_t = f(x_t W + h_(t-1) R + b), with x_t `[batch x features]`, h `[batch x units]`, zero before the first step, W
//! `[features x units]`, R `[units x units]`, b `[1 x units]`; f is tanh or relu. PyTorch's two biases are one here: only
//! their sum matters. Elman 1990; relu: Le, Jaitly, Hinton 2015.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use super::recurrent::Recurrent;
use crate::graph::{GraphError, NodeId};
use crate::network::{Builder, ParameterSpec};
use crate::op::{Cell, Function};
use crate::sample::SampleShape;

/// A simple recurrent network over the steps of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rnn {
    /// Numbers of the state, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub units: usize,
    /// The function f: `tanh` or `relu`.
    #[serde(default = "tanh")]
    pub activation: Function,
    /// Whether a second one runs from the last step to the first; its output stands beside the first one's.
    #[serde(default)]
    pub bidirectional: bool,
    /// Whether the output is a sequence, a state for each step, or the state after the last step. The one that runs
    /// backwards is then at the first step.
    #[serde(default)]
    pub return_sequences: bool,
}

fn tanh() -> Function {
    Function::Tanh
}

impl Rnn {
    /// With tanh, in one direction, with the last state for output.
    pub fn new(units: usize) -> Rnn {
        Rnn {
            units,
            activation: tanh(),
            bidirectional: false,
            return_sequences: false,
        }
    }

    fn recurrent(&self) -> Recurrent {
        Recurrent {
            cell: Cell::Rnn(self.activation),
            units: self.units,
            bidirectional: self.bidirectional,
            return_sequences: self.return_sequences,
            forget_bias: 0.0,
        }
    }
}

impl Rule for Rnn {
    const KIND: &'static str = "rnn";

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
        if !matches!(self.activation, Function::Tanh | Function::Relu) {
            faults.push((
                "activation",
                "the activation of an rnn is tanh or relu".to_owned(),
            ));
        }
        faults
    }

    fn function(&self) -> Option<Function> {
        Some(self.activation)
    }
}
