//! How arrays are written down: in which kind of file, and which of them are samples, labels, and the test part.

use descent_engine::sample::SampleShape;
use serde::{Deserialize, Serialize};

use super::element::ElementType;
use super::header::shape;
use crate::data::{Compression, DataError};

/// Everything needed to read the same arrays again without looking for them twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayFormat {
    /// The kind of file.
    pub container: Container,
    /// How the bytes are packed.
    pub compression: Compression,
    /// What the dimensions of the samples mean.
    pub layout: Layout,
    /// The arrays by part, in the order of the rows. Empty for pictures, whose folders say it.
    pub parts: Vec<ArrayPart>,
}

/// A kind of file that holds samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// One IDX file.
    Idx,
    /// One NPY file.
    Npy,
    /// A ZIP archive of IDX or NPY files: NPZ, or what several uploaded files are stored as.
    Archive,
    /// A ZIP archive of pictures in folders that are named by their class.
    Pictures,
}

/// What the dimensions of an array of samples mean; the first counts the rows in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// `[n, features]` vectors, `[n, height, width]` or `[n, height, width, channels]` images.
    #[default]
    ChannelsLast,
    /// `[n, channels, height, width]` images.
    ChannelsFirst,
    /// `[n, steps]` or `[n, steps, features]` sequences.
    Sequence,
}

/// The arrays of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayPart {
    /// `train`, `validation` or `test` where the file has several parts.
    pub split: Option<String>,
    /// Name of the array of samples; empty where the file is the array.
    pub samples: String,
    /// Name of the array of labels, if there is one.
    pub labels: Option<String>,
    /// Its rows.
    pub n_rows: u64,
}

/// Shape and type of the samples of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// `[features]`, `[steps, features]` or `[height, width, channels]`.
    pub shape: Vec<u32>,
    /// Type of the numbers in the file.
    pub element: ElementType,
}

impl Sample {
    /// Numbers of one sample.
    pub fn n_numbers(&self) -> usize {
        self.shape.iter().map(|size| *size as usize).product()
    }

    /// The shape, as the header of an array says it.
    pub(super) fn dims(&self) -> Vec<u64> {
        self.shape.iter().map(|size| u64::from(*size)).collect()
    }

    /// Numbers at one place: the last dimension. What is learned about the numbers is learned for each of these.
    pub fn n_channels(&self) -> usize {
        self.shape.last().map_or(1, |size| *size as usize)
    }

    /// The same for the engine.
    pub fn engine_shape(&self) -> SampleShape {
        let dims: Vec<usize> = self.shape.iter().map(|size| *size as usize).collect();
        SampleShape::of(&dims).unwrap_or_else(|| self.n_numbers().into())
    }

    /// The name of the column that holds such samples.
    pub fn column_name(&self) -> &'static str {
        match self.shape.len() {
            1 => "vector",
            2 => "sequence",
            _ => "image",
        }
    }
}

impl std::fmt::Display for Sample {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", shape(&self.dims()), self.element)
    }
}

impl Layout {
    /// The layout of that name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "channels_last" => Some(Self::ChannelsLast),
            "channels_first" => Some(Self::ChannelsFirst),
            "sequence" => Some(Self::Sequence),
            _ => None,
        }
    }

    /// The shape of a sample whose array has these dimensions behind the rows.
    pub(super) fn sample_shape(self, name: &str, dims: &[u64]) -> Result<Vec<u32>, DataError> {
        let wrong = |message: String| Err(DataError::new("wrong_rank", message));
        let all = match (self, dims) {
            (_, []) => vec![1],
            (Self::ChannelsLast, [features]) => vec![*features],
            (Self::ChannelsLast | Self::ChannelsFirst, [height, width]) => {
                vec![*height, *width, 1]
            }
            (Self::ChannelsLast, [height, width, channels]) => vec![*height, *width, *channels],
            (Self::ChannelsFirst, [channels, height, width]) => vec![*height, *width, *channels],
            (Self::Sequence, [steps]) => vec![*steps, 1],
            (Self::Sequence, [steps, features]) => vec![*steps, *features],
            _ => {
                return wrong(format!(
                    "{name} has rows of {}, which this layout does not know: channels_last wants [n, features], [n, height, width] or [n, height, width, channels], channels_first [n, channels, height, width], sequence [n, steps] or [n, steps, features]",
                    shape(dims)
                ));
            }
        };
        // Every size is below the bound of a row's numbers.
        Ok(all.into_iter().map(|size| size as u32).collect())
    }

    /// Refuses samples that look as if their channels came first, where nobody said that they come last.
    pub(super) fn check_guess(asked: Option<Self>, sample: &Sample) -> Result<(), DataError> {
        match (asked, &sample.shape[..]) {
            (None, &[1 | 3 | 4, _, channels]) if channels > 4 => {
                let message = format!(
                    "rows of {} look like images with the channels first; say ?layout=channels_first, or channels_last if they are at the end",
                    shape(&sample.dims())
                );
                Err(DataError::new("wrong_rank", message))
            }
            _ => Ok(()),
        }
    }

    /// Brings the elements of a row into the order of its shape: channels last.
    pub(super) fn arrange(self, shape: &[u32], element_bytes: usize, row: &mut Vec<u8>) {
        let (Self::ChannelsFirst, &[height, width, channels]) = (self, shape) else {
            return;
        };
        let (n_pixels, channels) = ((height * width) as usize, channels as usize);
        if channels < 2 {
            return;
        }
        let mut arranged = Vec::with_capacity(row.len());
        for pixel in 0..n_pixels {
            for channel in 0..channels {
                let at = (channel * n_pixels + pixel) * element_bytes;
                arranged.extend_from_slice(&row[at..at + element_bytes]);
            }
        }
        *row = arranged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_by_layout() {
        let of = |layout: Layout, dims: &[u64]| layout.sample_shape("x", dims);
        assert_eq!(of(Layout::ChannelsLast, &[28, 28]).unwrap(), [28, 28, 1]);
        assert_eq!(of(Layout::ChannelsLast, &[32, 32, 3]).unwrap(), [32, 32, 3]);
        assert_eq!(
            of(Layout::ChannelsFirst, &[3, 32, 30]).unwrap(),
            [32, 30, 3]
        );
        assert_eq!(of(Layout::Sequence, &[100]).unwrap(), [100, 1]);
        assert_eq!(of(Layout::ChannelsLast, &[7]).unwrap(), [7]);
        let first = Sample {
            shape: of(Layout::ChannelsLast, &[3, 32, 32]).unwrap(),
            element: ElementType::UInt8,
        };
        let error = Layout::check_guess(None, &first).unwrap_err();
        assert!(error.message.contains("channels_first"), "{error}");
        assert!(Layout::check_guess(Some(Layout::ChannelsLast), &first).is_ok());
        assert!(of(Layout::Sequence, &[3, 32, 32]).is_err());
    }

    #[test]
    fn channels_move_to_the_end() {
        let mut row = vec![1, 1, 2, 2, 3, 3, 4, 4];
        Layout::ChannelsFirst.arrange(&[1, 2, 2], 2, &mut row);
        assert_eq!(row, [1, 1, 3, 3, 2, 2, 4, 4]);
        Layout::ChannelsLast.arrange(&[1, 2, 2], 2, &mut row);
        assert_eq!(row, [1, 1, 3, 3, 2, 2, 4, 4]);
    }
}
