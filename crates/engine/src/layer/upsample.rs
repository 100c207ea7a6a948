//! `{"kind": "upsample", "factor": 2}`: an image with more pixels, or a sequence with more steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use super::geometry::{along, fault, image_of, resized};
use super::window::Extent;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::op::Upsample as Enlarge;
use crate::sample::SampleShape;

/// Every pixel becomes `factor` x `factor` pixels: the same (nearest), or a mixture with its neighbours (linear).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// How many times as many pixels (or steps) along each axis, at least 1.
    pub factor: Extent,
    /// Where the new numbers come from.
    #[serde(default)]
    pub interpolation: Interpolation,
}

/// Where the numbers of an enlarged image come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The pixel they lie in.
    #[default]
    Nearest,
    /// The two nearest pixels along each axis, by their distances: PyTorch's `bilinear` without aligned corners.
    Linear,
}

impl Upsample {
    /// The op for this input, if its size can be counted.
    fn enlarge(&self, input: SampleShape) -> Result<Enlarge, String> {
        let [height, width, channels] = image_of(input).ok_or("takes an image or a sequence")?;
        Ok(Enlarge {
            height,
            width,
            channels,
            factor: along(self.factor, input, 1),
            bilinear: self.interpolation == Interpolation::Linear,
        })
    }
}

impl Rule for Upsample {
    const KIND: &'static str = "upsample";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let Enlarge {
            height,
            width,
            factor,
            ..
        } = self.enlarge(input)?;
        let (rows, cols) = (
            height.saturating_mul(factor[0]),
            width.saturating_mul(factor[1]),
        );
        Ok(resized(input, rows, cols))
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        match self.enlarge(builder.input) {
            Ok(enlarge) => builder.graph.apply(enlarge, &[input]),
            Err(_) => Err(builder.unfit(Self::KIND, input)),
        }
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        fault(self.factor, "factor").into_iter().collect()
    }
}
