//! `{"kind": "conv2d", "filters": 32, "kernel_size": 3, "padding": "same", "activation": "relu"}`: a convolution of images.
//!
//! y = f(x * W + b), with x `[height x width x channels]`, W `[kernel places x filters]`, b `[1 x filters]` (LeCun et al.
//! 1989). The formula of `*` stands at [`Convolution`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::window::{self, Extent, Padding};
use super::{Rule, affine};
use crate::convolution::Convolution;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Convolve, Function};
use crate::sample::SampleShape;

/// A convolution of images: f(x * W + b).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// Number of channels that come out, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub filters: usize,
    /// Rows and columns of the kernel.
    pub kernel_size: Extent,
    /// Steps from one place of the kernel to the next.
    #[serde(default = "Extent::one")]
    pub stride: Extent,
    /// Zeros around the image: `valid` (none), `same`, or how many on each side.
    #[serde(default = "Padding::none")]
    pub padding: Padding,
    /// Steps from one element of the kernel to the next.
    #[serde(default = "Extent::one")]
    pub dilation: Extent,
    /// Parts into which channels and filters are cut, each convolved on its own.
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

impl Conv2d {
    /// A convolution with a square kernel, stride 1, no padding, and a bias.
    pub fn new(filters: usize, kernel_size: usize) -> Conv2d {
        Conv2d {
            filters,
            kernel_size: Extent::Both(kernel_size),
            stride: Extent::one(),
            padding: Padding::none(),
            dilation: Extent::one(),
            groups: 1,
            activation: None,
            use_bias: true,
            init: None,
        }
    }

    /// The same layer followed by `function`.
    pub fn with(mut self, function: Function) -> Conv2d {
        self.activation = Some(function);
        self
    }

    /// The same layer with this padding.
    pub fn padded(mut self, padding: Padding) -> Conv2d {
        self.padding = padding;
        self
    }

    /// The same layer with this stride along both axes.
    pub fn strided(mut self, stride: usize) -> Conv2d {
        self.stride = Extent::Both(stride);
        self
    }

    /// The convolution of images of this size.
    pub(super) fn geometry(&self, height: usize, width: usize, channels: usize) -> Convolution {
        let (kernel, dilation) = (self.kernel_size.axes(), self.dilation.axes());
        Convolution {
            height,
            width,
            channels,
            filters: self.filters,
            kernel,
            stride: self.stride.axes(),
            padding: self.padding.zeros(kernel, dilation),
            dilation,
            groups: self.groups,
        }
    }

    /// The convolution of samples of that shape, if they are images.
    fn of(&self, input: SampleShape) -> Option<Convolution> {
        match input {
            SampleShape::Image {
                height,
                width,
                channels,
            } => Some(self.geometry(height, width, channels)),
            _ => None,
        }
    }

    /// How W is drawn.
    fn weight_init(&self) -> Init {
        self.init.unwrap_or_else(|| Init::before(self.activation))
    }

    /// What is wrong with the fields, whatever comes in.
    pub(super) fn own_faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.filters == 0 {
            faults.push(("filters", "a convolution has at least 1 filter".to_owned()));
        }
        for (name, extent) in [
            ("kernel_size", self.kernel_size),
            ("stride", self.stride),
            ("dilation", self.dilation),
        ] {
            if !extent.at_least(1) {
                faults.push((name, format!("{name} lies from 1 to 65536 along each axis")));
            }
        }
        if self.groups == 0 || !self.filters.is_multiple_of(self.groups) {
            let message = format!(
                "groups divide the filters, and {} does not divide {}",
                self.groups, self.filters
            );
            faults.push(("groups", message));
        }
        let padding = self
            .padding
            .fault(self.kernel_size, self.stride, self.dilation);
        faults.extend(padding.map(|message| ("padding", message)));
        faults
    }

    /// What the layer wants instead of images of this size.
    pub(super) fn wanted(&self, geometry: &Convolution) -> String {
        if !geometry.channels.is_multiple_of(self.groups.max(1)) {
            return format!("takes images whose channels {} groups divide", self.groups);
        }
        let reach = [0, 1].map(|axis| {
            geometry.dilation[axis].saturating_mul(geometry.kernel[axis].saturating_sub(1)) + 1
        });
        format!(
            "takes images that are, with their padding of {} x {}, at least {} x {}, the reach of its kernel, and have \
             fewer than 2^31 numbers",
            geometry.padding[0], geometry.padding[1], reach[0], reach[1]
        )
    }
}

/// Adds the convolution, bias and function of a layer whose parameters are W and b.
pub(super) fn convolve(
    builder: &mut Builder<'_>,
    input: NodeId,
    geometry: Convolution,
    use_bias: bool,
    activation: Option<Function>,
) -> Result<NodeId, GraphError> {
    let weight = builder.parameter(0);
    let y = builder
        .graph
        .apply(Convolve { geometry }, &[input, weight])?;
    let filters = geometry.filters;
    let places = [geometry.n_outputs() / filters, filters];
    affine::finish(builder, y, places, use_bias, activation)
}

impl Rule for Conv2d {
    const KIND: &'static str = "conv2d";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let geometry = self
            .of(input)
            .ok_or("takes images of height x width x channels")?;
        let (height, width) = geometry.output().ok_or_else(|| self.wanted(&geometry))?;
        Ok(SampleShape::Image {
            height,
            width,
            channels: self.filters,
        })
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let rows = self.of(input).map_or(0, |geometry| geometry.weight_rows());
        let filters = self.filters;
        affine::parameters([rows, filters], filters, self.weight_init(), self.use_bias)
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        match self.of(builder.input) {
            Some(geometry) => convolve(builder, input, geometry, self.use_bias, self.activation),
            None => Err(builder.unfit(Self::KIND, input)),
        }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        self.own_faults()
    }

    fn resolved(&self) -> Conv2d {
        Conv2d {
            init: Some(self.weight_init()),
            ..self.clone()
        }
    }

    fn function(&self) -> Option<Function> {
        self.activation
    }
}
