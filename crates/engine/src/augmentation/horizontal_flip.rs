//! `{"kind": "horizontal_flip"}`: the image is mirrored left to right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Image;
use crate::rng::unit_f32;

/// With `probability`, y[i, j] = x[i, width - 1 - j] (Krizhevsky, Sutskever, Hinton 2012).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HorizontalFlip {
    /// How often an image is mirrored.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub probability: f32,
}

impl Default for HorizontalFlip {
    fn default() -> Self {
        Self { probability: 0.5 }
    }
}

impl HorizontalFlip {
    pub(super) fn apply(&self, image: Image, row: &mut [f32], words: [u32; 4]) {
        if unit_f32(words[0]) >= self.probability {
            return;
        }
        let line = image.width * image.channels;
        for pixels in row.chunks_exact_mut(line) {
            if image.channels == 1 {
                pixels.reverse();
                continue;
            }
            let (left, right) = pixels.split_at_mut(image.width / 2 * image.channels);
            let mirrored = right.chunks_exact_mut(image.channels).rev();
            for (a, b) in left.chunks_exact_mut(image.channels).zip(mirrored) {
                a.swap_with_slice(b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flipped(width: usize, channels: usize, probability: f32, word: u32) -> Vec<f32> {
        let image = Image {
            height: 2,
            width,
            channels,
        };
        let mut row: Vec<f32> = (0..2 * width * channels).map(|i| i as f32).collect();
        HorizontalFlip { probability }.apply(image, &mut row, [word, 0, 0, 0]);
        row
    }

    #[test]
    fn pixels_change_sides_and_channels_stay() {
        assert_eq!(flipped(3, 1, 1.0, u32::MAX), [2.0, 1.0, 0.0, 5.0, 4.0, 3.0]);
        let expected = [4.0, 5.0, 2.0, 3.0, 0.0, 1.0, 10.0, 11.0, 8.0, 9.0, 6.0, 7.0];
        assert_eq!(flipped(3, 2, 1.0, 0), expected);
        assert_eq!(
            flipped(2, 2, 1.0, 0),
            [2.0, 3.0, 0.0, 1.0, 6.0, 7.0, 4.0, 5.0]
        );
        assert_eq!(
            flipped(3, 1, 0.5, u32::MAX)[0],
            0.0,
            "an upper word does not flip"
        );
        assert_eq!(flipped(3, 1, 0.0, 0)[0], 0.0, "never is never");
    }
}
