//! `{"kind": "random_crop", "padding": 4}`: the image is moved by up to `padding` pixels in each direction.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Image, below};

/// A window of the image's own size, cut at a random place from the image with `padding` pixels of zeros around it:
/// y[i, j] = x[i + dy, j + dx] with dy, dx uniform over -padding..=padding, and 0 beyond the edges (He et al. 2016, for CIFAR-10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RandomCrop {
    /// Pixels by which the image is moved at most; smaller than the image.
    #[schemars(range(min = 1, max = 256))]
    pub padding: u32,
}

impl RandomCrop {
    pub(super) fn check(&self, image: Image) -> Result<(), String> {
        if (self.padding as usize) < image.height.min(image.width) {
            return Ok(());
        }
        Err(format!(
            "random_crop moves images by up to {} pixels, and these have {} x {}: nothing of them might be left",
            self.padding, image.height, image.width
        ))
    }

    /// `before` has room for the image.
    pub(super) fn apply(&self, image: Image, row: &mut [f32], before: &mut [f32], words: [u32; 4]) {
        let padding = self.padding as usize;
        // Where the window begins in the padded image: 0..=2 padding.
        let (top, left) = (
            below(words[0], 2 * padding + 1),
            below(words[1], 2 * padding + 1),
        );
        if (top, left) == (padding, padding) {
            return;
        }
        before.copy_from_slice(row);
        let line = image.width * image.channels;
        // Pixels of a line that stay: `to` in the window, `from` in the image.
        let to = padding.saturating_sub(left) * image.channels;
        let from = left.saturating_sub(padding) * image.channels;
        let n = line - to - from;
        for (i, out) in row.chunks_exact_mut(line).enumerate() {
            match (i + top).checked_sub(padding).filter(|y| *y < image.height) {
                None => out.fill(0.0),
                Some(y) => {
                    let source = &before[y * line..(y + 1) * line];
                    out[..to].fill(0.0);
                    out[to..to + n].copy_from_slice(&source[from..from + n]);
                    out[to + n..].fill(0.0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_is_cut_from_the_padded_image() {
        let image = Image {
            height: 3,
            width: 4,
            channels: 2,
        };
        let original: Vec<f32> = (1..=24).map(|i| i as f32).collect();
        let crop = RandomCrop { padding: 2 };
        let mut seen = std::collections::BTreeSet::new();
        for top in 0..5_usize {
            for left in 0..5_usize {
                // The middle of the words that mean this place.
                let word = |place: usize| ((place as u64 * 2 + 1) * (1 << 31) / 5) as u32;
                let mut row = original.clone();
                crop.apply(
                    image,
                    &mut row,
                    &mut [0.0; 24],
                    [word(top), word(left), 0, 0],
                );
                for y in 0..3 {
                    for x in 0..4 {
                        for c in 0..2 {
                            let (sy, sx) = ((y + top).wrapping_sub(2), (x + left).wrapping_sub(2));
                            let expected = if sy < 3 && sx < 4 {
                                original[(sy * 4 + sx) * 2 + c]
                            } else {
                                0.0
                            };
                            assert_eq!(
                                row[(y * 4 + x) * 2 + c],
                                expected,
                                "{top} {left} at {y} {x} {c}"
                            );
                        }
                    }
                }
                seen.insert(row.iter().map(|x| *x as i32).collect::<Vec<_>>());
            }
        }
        assert_eq!(seen.len(), 25, "every place gives another image");
    }
}
