//! `{"kind": "cutout", "size": 8}`: a square of the image is set to zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Image, below};

/// A square of `size` x `size` pixels around a pixel that is drawn uniformly becomes 0 in all channels; what lies beyond the
/// edges is cut off (DeVries and Taylor 2017).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cutout {
    /// Side of the square in pixels; smaller than the image.
    #[schemars(range(min = 1, max = 256))]
    pub size: u32,
}

impl Cutout {
    pub(super) fn check(&self, image: Image) -> Result<(), String> {
        if (self.size as usize) < image.height.min(image.width) {
            return Ok(());
        }
        Err(format!(
            "cutout sets {} x {} pixels to zero, and these images have {} x {}: nothing of them might be left",
            self.size, self.size, image.height, image.width
        ))
    }

    pub(super) fn apply(&self, image: Image, row: &mut [f32], words: [u32; 4]) {
        let size = self.size as usize;
        let span = |centre: usize, length: usize| {
            centre.saturating_sub(size / 2)..(centre + size - size / 2).min(length)
        };
        let lines = span(below(words[0], image.height), image.height);
        let pixels = span(below(words[1], image.width), image.width);
        let line = image.width * image.channels;
        for out in row.chunks_exact_mut(line).take(lines.end).skip(lines.start) {
            out[pixels.start * image.channels..pixels.end * image.channels].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(words: [u32; 4]) -> Vec<usize> {
        let image = Image {
            height: 4,
            width: 5,
            channels: 2,
        };
        let mut row = vec![1.0; 40];
        Cutout { size: 3 }.apply(image, &mut row, words);
        (0..40).filter(|i| row[*i] == 0.0).collect()
    }

    #[test]
    fn a_square_becomes_zero_and_stays_within_the_image() {
        let corner = zeros([0; 4]);
        assert_eq!(corner, [0, 1, 2, 3, 10, 11, 12, 13]);
        assert_eq!(zeros([u32::MAX; 4]), [26, 27, 28, 29, 36, 37, 38, 39]);
        assert_eq!(
            zeros([1 << 31; 4]).len(),
            18,
            "in the middle nothing is cut off"
        );
    }
}
