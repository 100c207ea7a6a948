//! `{"kind": "layer_norm"}`: the features of every sample, step or pixel shifted and scaled to mean 0 and variance 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::LayerNorm as Normalise;
use crate::sample::SampleShape;

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias, with mean and variance over the features of one vector, one step
/// of a sequence or one pixel of an image (Ba, Kiros, Hinton 2016).
///
/// Unlike batch normalisation it looks at no other sample, and does the same in training and prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerNorm {
    /// Keeps the division finite.
    #[serde(default = "epsilon")]
    #[schemars(range(min = 1e-12, max = 1.0))]
    pub epsilon: f64,
}

fn epsilon() -> f64 {
    1e-5
}

impl Default for LayerNorm {
    fn default() -> LayerNorm {
        LayerNorm { epsilon: epsilon() }
    }
}

impl Rule for LayerNorm {
    const KIND: &'static str = "layer_norm";

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        vec![
            ParameterSpec::weight("weight", 1, input.last(), Init::Ones),
            ParameterSpec::weight("bias", 1, input.last(), Init::Zeros),
        ]
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let features = builder.input.last();
        let n_rows = builder.input.n_numbers() / features;
        let (weight, bias) = (builder.parameter(0), builder.parameter(1));
        let x = builder.graph.view(input, n_rows, features)?;
        let epsilon = self.epsilon;
        let y = builder
            .graph
            .apply(Normalise { epsilon }, &[x, weight, bias])?;
        builder.graph.view(y, 1, n_rows * features)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        if self.epsilon > 0.0 && self.epsilon <= 1.0 {
            return Vec::new();
        }
        let reason = format!(
            "epsilon lies above 0 and is at most 1, not {}",
            self.epsilon
        );
        vec![("epsilon", reason)]
    }
}
