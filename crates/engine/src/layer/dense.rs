//! `{"kind": "dense", "units": 64, "activation": "relu"}`: every output from every input.
//!
//! y = f(x W + b), with x `[batch x n_inputs]`, W `[n_inputs x units]`, b `[1 x units]`, y `[batch x units]`. Of a
//! sequence, every step goes through the same W and b.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Rule, affine};
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Function, MatMul};
use crate::sample::SampleShape;

/// A fully connected layer: f(x W + b).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// Number of outputs, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub units: usize,
    /// Function applied to each output; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Function>,
    /// Whether b is added.
    #[serde(default = "affine::yes")]
    pub use_bias: bool,
    /// How W is drawn. Default: `he_uniform` before a rectifier (relu, leaky_relu, elu, gelu, silu), else `glorot_uniform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

impl Dense {
    /// A linear layer with a bias.
    pub fn new(units: usize) -> Dense {
        Dense {
            units,
            activation: None,
            use_bias: true,
            init: None,
        }
    }

    /// The same layer followed by `function`.
    pub fn with(mut self, function: Function) -> Dense {
        self.activation = Some(function);
        self
    }
}

impl Rule for Dense {
    const KIND: &'static str = "dense";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let features = self.units;
        match input {
            SampleShape::Vector { .. } => Ok(SampleShape::Vector { features }),
            SampleShape::Sequence { steps, .. } => Ok(SampleShape::Sequence { steps, features }),
            SampleShape::Image { .. } => Err(
                "takes a vector or a sequence; put a flatten or global_pool layer before it".into(),
            ),
        }
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let init = self.init.unwrap_or_else(|| Init::before(self.activation));
        affine::parameters([input.last(), self.units], self.units, init, self.use_bias)
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let (n_inputs, weight) = (builder.input.last(), builder.parameter(0));
        let n_steps = builder.input.n_numbers() / n_inputs;
        let x = builder.graph.view(input, n_steps, n_inputs)?;
        let y = builder.graph.apply(MatMul::plain(), &[x, weight])?;
        let places = [n_steps, self.units];
        affine::finish(builder, y, places, self.use_bias, self.activation)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        match self.units {
            0 => vec![("units", "a dense layer has at least 1 unit".to_owned())],
            _ => Vec::new(),
        }
    }

    fn resolved(&self) -> Dense {
        Dense {
            init: Some(self.init.unwrap_or_else(|| Init::before(self.activation))),
            ..self.clone()
        }
    }

    fn function(&self) -> Option<Function> {
        self.activation
    }
}
