//! `{"kind": "conv_transpose", "filters": 16, "kernel_size": 2, "stride": 2}`: a convolution the other way round, which
//! makes images larger.
//!
//! y = f(x *' W + b), where x *' W is what the gradient of a convolution with that W, stride and padding makes of x
//! (Zeiler et al. 2010; Dumoulin, Visin 2016). x `[height x width x channels]`, W `[kernel places filters x channels]`,
//! b `[1 x filters]`; y has `stride (size - 1) + kernel_size - 2 padding + output_padding` rows and columns. A sequence
//! is treated as an image with one row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::geometry::{along, image_of, resized};
use super::window::Extent;
use super::{Rule, affine};
use crate::convolution::Convolution;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{ConvolveInput, Function};
use crate::sample::SampleShape;

/// A transposed convolution of images or sequences: f(x *' W + b).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose {
    /// Number of channels that come out, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub filters: usize,
    /// Rows and columns of the kernel; of a sequence, the second is read.
    pub kernel_size: Extent,
    /// How many times larger the output is, but for the ends.
    #[serde(default = "Extent::one")]
    pub stride: Extent,
    /// Rows and columns cut off on each side.
    #[serde(default = "Extent::zero")]
    pub padding: Extent,
    /// Rows and columns added at the far ends; less than the stride.
    #[serde(default = "Extent::zero")]
    pub output_padding: Extent,
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

impl ConvTranspose {
    /// A transposed convolution with a square kernel and a bias.
    pub fn new(filters: usize, kernel_size: usize, stride: usize) -> ConvTranspose {
        ConvTranspose {
            filters,
            kernel_size: Extent::Both(kernel_size),
            stride: Extent::Both(stride),
            padding: Extent::zero(),
            output_padding: Extent::zero(),
            activation: None,
            use_bias: true,
            init: None,
        }
    }

    /// The convolution whose gradient this is: it makes images like `input` of images like the output.
    fn of(&self, input: SampleShape) -> Option<Convolution> {
        let [rows, cols, channels] = image_of(input)?;
        let along = |extent: Extent, usual: usize| along(extent, input, usual);
        let (kernel, stride) = (along(self.kernel_size, 1), along(self.stride, 1));
        let (padding, more) = (along(self.padding, 0), along(self.output_padding, 0));
        let size = |axis: usize, size: usize| {
            size.checked_sub(1)?
                .checked_mul(stride[axis])?
                .checked_add(kernel[axis])?
                .checked_add(more[axis])?
                .checked_sub(padding[axis].checked_mul(2)?)
        };
        let geometry = Convolution {
            height: size(0, rows)?,
            width: size(1, cols)?,
            channels: self.filters,
            filters: channels,
            kernel,
            stride,
            padding,
            dilation: [1, 1],
            groups: 1,
        };
        (geometry.output() == Some((rows, cols))).then_some(geometry)
    }

    fn weight_init(&self) -> Init {
        self.init.unwrap_or_else(|| Init::before(self.activation))
    }
}

impl Rule for ConvTranspose {
    const KIND: &'static str = "conv_transpose";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let geometry = self.of(input).ok_or(
            "takes images of height x width x channels or sequences of steps x features, large enough that something is \
             left after its padding is cut off, and so small that what comes out can be counted",
        )?;
        let size = resized(input, geometry.height, geometry.width);
        Ok(size.with_last(self.filters))
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let rows = self.of(input).map_or(0, |geometry| geometry.weight_rows());
        let weight = [rows, input.last()];
        affine::parameters(weight, self.filters, self.weight_init(), self.use_bias)
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let geometry = self
            .of(builder.input)
            .ok_or_else(|| builder.unfit(Self::KIND, input))?;
        let weight = builder.parameter(0);
        let y = builder
            .graph
            .apply(ConvolveInput { geometry }, &[input, weight])?;
        let places = [geometry.height * geometry.width, self.filters];
        affine::finish(builder, y, places, self.use_bias, self.activation)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.filters == 0 {
            faults.push(("filters", "a convolution has at least 1 filter".to_owned()));
        }
        for (name, extent, least) in [
            ("kernel_size", self.kernel_size, 1),
            ("stride", self.stride, 1),
            ("padding", self.padding, 0),
        ] {
            if !extent.at_least(least) {
                faults.push((
                    name,
                    format!("{name} lies from {least} to 65536 along each axis"),
                ));
            }
        }
        let (more, stride) = (self.output_padding.axes(), self.stride.axes());
        if more[0] >= stride[0] || more[1] >= stride[1] {
            faults.push((
                "output_padding",
                "output_padding is less than the stride along each axis".to_owned(),
            ));
        }
        faults
    }

    fn resolved(&self) -> ConvTranspose {
        ConvTranspose {
            init: Some(self.weight_init()),
            ..self.clone()
        }
    }

    fn function(&self) -> Option<Function> {
        self.activation
    }
}
