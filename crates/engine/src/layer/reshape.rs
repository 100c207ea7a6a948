//! `{"kind": "reshape", "shape": [28, 28, 1]}`: the same numbers as a vector, a sequence or an image.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::sample::SampleShape;

/// The same numbers in another shape, in the same order. A table's 784 features become an image of 28 x 28 pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// `[features]`, `[steps, features]` or `[height, width, channels]`.
    pub shape: SampleShape,
}

impl Rule for Reshape {
    const KIND: &'static str = "reshape";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let wanted = self.shape.n_numbers();
        if input.n_numbers() == wanted {
            return Ok(self.shape);
        }
        Err(format!(
            "takes samples of {wanted} numbers, because it makes them {}; {} come in",
            self.shape,
            input.n_numbers()
        ))
    }

    fn forward(&self, _builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        Ok(input)
    }
}
