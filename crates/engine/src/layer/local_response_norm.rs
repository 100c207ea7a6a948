//! `{"kind": "local_response_norm"}`: each channel of a pixel divided by the size of its neighbours, as in AlexNet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::network::Builder;
use crate::op::LocalResponseNorm as Normalise;
use crate::sample::SampleShape;

/// y_c = x_c / (k + alpha/size sum of x_j^2 over the `size` channels j around c)^beta (Krizhevsky, Sutskever, Hinton 2012).
///
/// Fields mean what they mean in PyTorch's `LocalResponseNorm`; the defaults are AlexNet's, whose alpha of 1e-4 is not
/// divided by its size of 5.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalResponseNorm {
    /// Channels that are looked at, the own one included.
    #[serde(default = "size")]
    #[schemars(range(min = 1, max = 65_536))]
    pub size: usize,
    /// Weight of their squares, not negative.
    #[serde(default = "alpha")]
    #[schemars(range(min = 0.0, max = 1e6))]
    pub alpha: f64,
    /// Power of the divisor, above 0.
    #[serde(default = "beta")]
    #[schemars(range(min = 0.000_001, max = 100.0))]
    pub beta: f64,
    /// What the divisor is at least, above 0.
    #[serde(default = "k")]
    #[schemars(range(min = 0.000_001, max = 1e6))]
    pub k: f64,
}

fn size() -> usize {
    5
}

fn alpha() -> f64 {
    5e-4
}

fn beta() -> f64 {
    0.75
}

fn k() -> f64 {
    2.0
}

impl Default for LocalResponseNorm {
    fn default() -> LocalResponseNorm {
        LocalResponseNorm {
            size: size(),
            alpha: alpha(),
            beta: beta(),
            k: k(),
        }
    }
}

impl Rule for LocalResponseNorm {
    const KIND: &'static str = "local_response_norm";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        match input {
            SampleShape::Image { .. } => Ok(input),
            _ => Err("takes an image".into()),
        }
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let channels = builder.input.last();
        let n_pixels = builder.input.n_numbers() / channels;
        let normalise = Normalise {
            size: self.size,
            alpha: self.alpha,
            beta: self.beta,
            k: self.k,
        };
        let x = builder.graph.view(input, n_pixels, channels)?;
        let y = builder.graph.apply(normalise, &[x])?;
        builder.graph.view(y, 1, n_pixels * channels)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.size == 0 {
            faults.push(("size", "size is at least 1".to_owned()));
        }
        if !(self.alpha.is_finite() && self.alpha >= 0.0) {
            faults.push((
                "alpha",
                format!("alpha is not negative, not {}", self.alpha),
            ));
        }
        for (field, value) in [("beta", self.beta), ("k", self.k)] {
            if !(value.is_finite() && value > 0.0) {
                faults.push((field, format!("{field} is a number above 0, not {value}")));
            }
        }
        faults
    }
}
