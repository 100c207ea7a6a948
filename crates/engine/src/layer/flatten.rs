//! `{"kind": "flatten"}`: an image or a sequence as one vector, in the order of its numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::sample::SampleShape;

/// The same numbers without their shape: an image row by row, pixel by pixel, channel by channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Rule for Flatten {
    const KIND: &'static str = "flatten";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        Ok(input.flat())
    }

    fn forward(&self, _builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        Ok(input)
    }
}
