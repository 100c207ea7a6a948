//! `{"kind": "conv1d", "filters": 32, "kernel_size": 5, "activation": "relu"}`: a convolution along a sequence.
//!
//! y = f(x * W + b), with x `[steps x features]`, W `[kernel_size features x filters]`, b `[1 x filters]`: the convolution
//! of an image with one row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conv2d::{Conv2d, convolve};
use super::window::{self, Along, Extent};
use super::{Rule, affine};
use crate::convolution::Convolution;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::Function;
use crate::sample::SampleShape;

/// A convolution along a sequence: f(x * W + b).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
    /// Numbers of a step that come out, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub filters: usize,
    /// Steps the kernel spans.
    #[schemars(range(min = 1, max = 65_536))]
    pub kernel_size: usize,
    /// Steps from one place of the kernel to the next.
    #[serde(default = "window::one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub stride: usize,
    /// Zeros before and after the sequence: `valid` (none), `same`, or how many on each side.
    #[serde(default = "Along::none")]
    pub padding: Along,
    /// Steps from one element of the kernel to the next.
    #[serde(default = "window::one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub dilation: usize,
    /// Parts into which features and filters are cut, each convolved on its own.
    #[serde(default = "window::one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub groups: usize,
    /// Function applied to each output; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation: Option<Function>,
    /// Whether b is added.
    #[serde(default = "affine::yes")]
    pub use_bias: bool,
    /// How W is drawn. Default: as for a dense layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

impl Conv1d {
    /// A convolution with stride 1, no padding, and a bias.
    pub fn new(filters: usize, kernel_size: usize) -> Conv1d {
        Conv1d {
            filters,
            kernel_size,
            stride: 1,
            padding: Along::none(),
            dilation: 1,
            groups: 1,
            activation: None,
            use_bias: true,
            init: None,
        }
    }

    /// The same convolution of images with one row.
    fn over_a_row(&self) -> Conv2d {
        Conv2d {
            kernel_size: Extent::Each([1, self.kernel_size]),
            stride: Extent::Each([1, self.stride]),
            padding: self.padding.padding(),
            dilation: Extent::Each([1, self.dilation]),
            groups: self.groups,
            activation: self.activation,
            use_bias: self.use_bias,
            init: self.init,
            ..Conv2d::new(self.filters, 1)
        }
    }

    fn of(&self, input: SampleShape) -> Option<Convolution> {
        match input {
            SampleShape::Sequence { steps, features } => {
                Some(self.over_a_row().geometry(1, steps, features))
            }
            _ => None,
        }
    }
}

impl Rule for Conv1d {
    const KIND: &'static str = "conv1d";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let geometry = self
            .of(input)
            .ok_or("takes sequences of steps x features; put a reshape layer before it")?;
        let (_, steps) = geometry.output().ok_or_else(|| {
            format!(
                "takes sequences that are, with {} zeros on each side, at least {} steps long, the reach of its kernel, \
                 and whose features {} groups divide",
                geometry.padding[1],
                self.dilation.saturating_mul(self.kernel_size - 1) + 1,
                self.groups
            )
        })?;
        Ok(SampleShape::Sequence {
            steps,
            features: self.filters,
        })
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let rows = self.of(input).map_or(0, |geometry| geometry.weight_rows());
        let init = self.init.unwrap_or_else(|| Init::before(self.activation));
        let filters = self.filters;
        affine::parameters([rows, filters], filters, init, self.use_bias)
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        match self.of(builder.input) {
            Some(geometry) => convolve(builder, input, geometry, self.use_bias, self.activation),
            None => Err(builder.unfit(Self::KIND, input)),
        }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        self.over_a_row().own_faults()
    }

    fn resolved(&self) -> Conv1d {
        Conv1d {
            init: Some(self.init.unwrap_or_else(|| Init::before(self.activation))),
            ..self.clone()
        }
    }

    fn function(&self) -> Option<Function> {
        self.activation
    }
}
