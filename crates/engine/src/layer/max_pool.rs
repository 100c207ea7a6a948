//! `{"kind": "max_pool", "kernel_size": 2}`: the largest number under a window that slides over an image or a sequence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use super::geometry::{fault, pooling};
use super::window::Extent;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::op;
use crate::sample::SampleShape;

/// y_pc = largest x_qc over the pixels q that the window sees at place p, for every channel c on its own.
///
/// An axis of n pixels becomes (n + 2 padding - kernel_size) / stride + 1, rounded down. Of a sequence the window sees steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// Pixels (or steps) that the window sees along each axis.
    pub kernel_size: Extent,
    /// Pixels from one place of the window to the next. Default: its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stride: Option<Extent>,
    /// Pixels that the window may reach over each border, at most half its size.
    #[serde(default = "Extent::zero")]
    pub padding: Extent,
}

impl MaxPool {
    /// A window of `kernel_size` x `kernel_size` pixels, each place beside the other.
    pub fn new(kernel_size: usize) -> MaxPool {
        MaxPool {
            kernel_size: Extent::Both(kernel_size),
            stride: None,
            padding: Extent::zero(),
        }
    }
}

impl Rule for MaxPool {
    const KIND: &'static str = "max_pool";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        Ok(pooling(input, self.kernel_size, self.stride, self.padding)?.1)
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        match pooling(builder.input, self.kernel_size, self.stride, self.padding) {
            Ok((window, _)) => builder.graph.apply(op::MaxPool { window }, &[input]),
            Err(_) => Err(builder.unfit(Self::KIND, input)),
        }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let stride = self.stride.and_then(|stride| fault(stride, "stride"));
        fault(self.kernel_size, "kernel_size")
            .into_iter()
            .chain(stride)
            .collect()
    }

    fn resolved(&self) -> MaxPool {
        MaxPool {
            stride: Some(self.stride.unwrap_or(self.kernel_size)),
            ..self.clone()
        }
    }
}
