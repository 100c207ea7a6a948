//! `{"kind": "positional_encoding"}`: adds to each step what tells its place, which attention does not see.
//!
//! y_t = x_t + p_t, x and y `[steps x features]`. Sinusoidal, with t from 0 and j the number of a feature:
//!
//! ```text
//! p_tj = sin(t / 10000^(j / features))         for even j
//! p_tj = cos(t / 10000^((j - 1) / features))   for odd j
//! ```
//! Learned: p `[steps x features]` is a parameter. Vaswani et al. 2017.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::AddRow;
use crate::sample::SampleShape;

/// What tells the place of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Sines and cosines of falling frequency.
    #[default]
    Sinusoidal,
    /// Numbers that are trained, one for each feature of each step.
    Learned,
}

/// Adds to each step what tells its place.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionalEncoding {
    /// What tells it.
    #[serde(default)]
    pub encoding: Encoding,
}

/// p of all steps, one after another.
fn sinusoids(steps: usize, features: usize) -> Vec<f64> {
    let angle = |step: usize, pair: usize| {
        step as f64 / 10_000_f64.powf((2 * pair) as f64 / features as f64)
    };
    let number = |place: usize| {
        let (step, feature) = (place / features, place % features);
        let angle = angle(step, feature / 2);
        if feature.is_multiple_of(2) {
            angle.sin()
        } else {
            angle.cos()
        }
    };
    (0..steps * features).map(number).collect()
}

impl Rule for PositionalEncoding {
    const KIND: &'static str = "positional_encoding";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        match input {
            SampleShape::Sequence { .. } => Ok(input),
            _ => Err(
                "takes sequences of steps x features; put a reshape or embedding layer before it"
                    .into(),
            ),
        }
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        match self.encoding {
            Encoding::Sinusoidal => Vec::new(),
            Encoding::Learned => {
                let n = input.n_numbers();
                vec![ParameterSpec::weight("place", 1, n, Init::GlorotNormal)]
            }
        }
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let features = builder.input.last();
        let places = match self.encoding {
            Encoding::Sinusoidal => {
                let steps = builder.input.n_numbers() / features;
                builder.graph.constant(sinusoids(steps, features))
            }
            Encoding::Learned => builder.parameter(0),
        };
        builder.graph.apply(AddRow, &[input, places])
    }
}
