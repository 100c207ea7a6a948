//! The shape of one sample: a vector of features, a sequence of steps, or an image.
//!
//! A sample is one row of the batch, whatever its shape; its numbers lie in the order of the shape, the last size
//! running fastest. So an image is *channels last*: `[height, width, channels]`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Sizes of one sample. In JSON a list of one to three sizes: `[4]`, `[100, 1]`, `[28, 28, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<usize>", into = "Vec<usize>")]
pub enum SampleShape {
    /// Numbers without an order.
    Vector {
        /// Number of features.
        features: usize,
    },
    /// Steps in order, each with the same features: `[steps, features]`.
    Sequence {
        /// Number of steps.
        steps: usize,
        /// Numbers of one step.
        features: usize,
    },
    /// Pixels in rows, each with its channels: `[height, width, channels]`.
    Image {
        /// Rows of pixels.
        height: usize,
        /// Pixels of a row.
        width: usize,
        /// Numbers of a pixel.
        channels: usize,
    },
}

impl SampleShape {
    /// Numbers of a sample; the largest number there is when it cannot be counted, so that every limit refuses it.
    pub fn n_numbers(self) -> usize {
        match self {
            SampleShape::Vector { features } => features,
            SampleShape::Sequence { steps, features } => steps.saturating_mul(features),
            SampleShape::Image {
                height,
                width,
                channels,
            } => height.saturating_mul(width).saturating_mul(channels),
        }
    }

    /// The sizes, as they stand in JSON.
    pub fn dims(self) -> Vec<usize> {
        match self {
            SampleShape::Vector { features } => vec![features],
            SampleShape::Sequence { steps, features } => vec![steps, features],
            SampleShape::Image {
                height,
                width,
                channels,
            } => vec![height, width, channels],
        }
    }

    /// The shape with these sizes, if they are one to three.
    pub fn of(dims: &[usize]) -> Option<SampleShape> {
        match *dims {
            [features] => Some(SampleShape::Vector { features }),
            [steps, features] => Some(SampleShape::Sequence { steps, features }),
            [height, width, channels] => Some(SampleShape::Image {
                height,
                width,
                channels,
            }),
            _ => None,
        }
    }

    /// The size that runs fastest: features, or channels.
    pub fn last(self) -> usize {
        match self {
            SampleShape::Vector { features } | SampleShape::Sequence { features, .. } => features,
            SampleShape::Image { channels, .. } => channels,
        }
    }

    /// The same shape with another number of features or channels.
    pub fn with_last(self, last: usize) -> SampleShape {
        match self {
            SampleShape::Vector { .. } => SampleShape::Vector { features: last },
            SampleShape::Sequence { steps, .. } => SampleShape::Sequence {
                steps,
                features: last,
            },
            SampleShape::Image { height, width, .. } => SampleShape::Image {
                height,
                width,
                channels: last,
            },
        }
    }

    /// The same numbers as a vector.
    pub fn flat(self) -> SampleShape {
        SampleShape::Vector {
            features: self.n_numbers(),
        }
    }

    /// What it is called in a message: `a vector`, `a sequence`, `an image`.
    pub fn name(self) -> &'static str {
        match self {
            SampleShape::Vector { .. } => "a vector",
            SampleShape::Sequence { .. } => "a sequence",
            SampleShape::Image { .. } => "an image",
        }
    }
}

impl From<usize> for SampleShape {
    fn from(features: usize) -> SampleShape {
        SampleShape::Vector { features }
    }
}

impl From<SampleShape> for Vec<usize> {
    fn from(shape: SampleShape) -> Vec<usize> {
        shape.dims()
    }
}

impl TryFrom<Vec<usize>> for SampleShape {
    type Error = String;

    fn try_from(dims: Vec<usize>) -> Result<SampleShape, String> {
        SampleShape::of(&dims)
            .filter(|shape| shape.dims().iter().all(|&size| size > 0))
            .ok_or_else(|| {
                "a shape is a list of one to three sizes above 0: [features], [steps, features] or \
                 [height, width, channels]"
                    .to_owned()
            })
    }
}

impl JsonSchema for SampleShape {
    fn schema_name() -> Cow<'static, str> {
        "SampleShape".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": {"type": "integer", "minimum": 1},
            "minItems": 1,
            "maxItems": 3,
        })
    }
}

impl std::fmt::Display for SampleShape {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        out.write_str(&sizes.join(" x "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_a_list_of_sizes() {
        for (json, numbers, shown) in [
            ("[4]", 4, "4"),
            ("[100,2]", 200, "100 x 2"),
            ("[28,28,1]", 784, "28 x 28 x 1"),
        ] {
            let shape: SampleShape = serde_json::from_str(json).expect("it is a shape");
            assert_eq!(
                (shape.n_numbers(), shape.to_string()),
                (numbers, shown.to_owned())
            );
            assert_eq!(serde_json::to_string(&shape).expect("it is JSON"), json);
        }
        for json in ["[]", "[0]", "[1,2,3,4]", "3"] {
            assert!(serde_json::from_str::<SampleShape>(json).is_err(), "{json}");
        }
        let vast = SampleShape::Sequence {
            steps: usize::MAX,
            features: 2,
        };
        assert_eq!(vast.n_numbers(), usize::MAX);
    }
}
