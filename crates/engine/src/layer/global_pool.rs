//! `{"kind": "global_pool", "function": "average"}`: every channel of an image, or feature of a sequence, becomes one number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use super::geometry::whole;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::op::{AveragePool, MaxPool};
use crate::sample::SampleShape;

/// y_c = mean, or largest, of x_qc over all pixels q (Lin, Chen, Yan 2014). The result is a vector, whatever the size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalPool {
    /// What becomes of the pixels.
    #[serde(default)]
    pub function: PoolFunction,
}

/// What becomes of the numbers under a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PoolFunction {
    /// Their mean.
    #[default]
    Average,
    /// The largest.
    Max,
}

impl Rule for GlobalPool {
    const KIND: &'static str = "global_pool";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        match whole(input) {
            Some(window) => Ok(SampleShape::Vector {
                features: window.channels,
            }),
            None => Err("takes an image or a sequence".into()),
        }
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        match (whole(builder.input), self.function) {
            (Some(window), PoolFunction::Average) => {
                builder.graph.apply(AveragePool { window }, &[input])
            }
            (Some(window), PoolFunction::Max) => builder.graph.apply(MaxPool { window }, &[input]),
            (None, _) => Err(builder.unfit(Self::KIND, input)),
        }
    }
}
