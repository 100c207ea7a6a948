//! Augmentation: small changes to the images of a training batch, so that no epoch shows the same numbers twice. Rows that
//! validate or test, and rows of a prediction, are never changed.
//!
//! What a row draws is a function of the seed, the step, its place in the batch and the place of the augmentation in the
//! list; nothing is remembered, so a run that was interrupted, or is computed by another number of threads, draws the same.
//! What is cut away becomes 0, which is the mean of a standardised channel. The kinds are applied in the order of the list;
//! after the first step nothing is allocated.
//!
//! One kind, one file: its fields are the document a user posts.

mod cutout;
mod horizontal_flip;
mod random_crop;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cutout::Cutout;
pub use horizontal_flip::HorizontalFlip;
pub use random_crop::RandomCrop;

use crate::op::StepKey;
use crate::rng::{Purpose, Stream};
use crate::sample::SampleShape;

/// Augmentations of one training at most; each has its own words of the stream.
pub const MAX_AUGMENTATIONS: usize = 16;

/// One change to the images of a training batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Augmentation {
    /// Moves the image by up to `padding` pixels in each direction.
    RandomCrop(RandomCrop),
    /// Mirrors the image left to right.
    HorizontalFlip(HorizontalFlip),
    /// Sets a square of the image to zero.
    Cutout(Cutout),
}

impl Augmentation {
    /// The `kind` in a spec.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RandomCrop(_) => "random_crop",
            Self::HorizontalFlip(_) => "horizontal_flip",
            Self::Cutout(_) => "cutout",
        }
    }

    /// What is wrong with it on samples of this shape.
    ///
    /// # Errors
    /// What it wants instead.
    pub fn check(&self, shape: SampleShape) -> Result<(), String> {
        let Some(image) = Image::of(shape) else {
            return Err(format!(
                "{} changes images, and what comes in is {} of {shape}",
                self.kind(),
                shape.name()
            ));
        };
        match self {
            Self::RandomCrop(crop) => crop.check(image),
            Self::HorizontalFlip(_) => Ok(()),
            Self::Cutout(cutout) => cutout.check(image),
        }
    }
}

/// Sizes of the images of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Image {
    height: usize,
    width: usize,
    channels: usize,
}

impl Image {
    fn of(shape: SampleShape) -> Option<Self> {
        match shape {
            SampleShape::Image {
                height,
                width,
                channels,
            } => Some(Self {
                height,
                width,
                channels,
            }),
            _ => None,
        }
    }

    fn n_numbers(self) -> usize {
        self.height * self.width * self.channels
    }
}

/// The augmentations of a training with the memory that they need.
#[derive(Clone, Debug)]
pub(crate) struct Pipeline {
    augmentations: Vec<Augmentation>,
    image: Option<Image>,
    /// An image as it was before the current augmentation.
    before: Vec<f32>,
}

impl Pipeline {
    /// For samples of `shape`, which the augmentations fit (see [`Augmentation::check`]).
    pub(crate) fn new(augmentations: &[Augmentation], shape: SampleShape) -> Self {
        let image = Image::of(shape).filter(|_| !augmentations.is_empty());
        Self {
            augmentations: augmentations.to_vec(),
            before: vec![0.0; image.map_or(0, Image::n_numbers)],
            image,
        }
    }

    /// Changes the rows of the batch of step `key.step`: `[rows x height x width x channels]`.
    pub(crate) fn apply(&mut self, rows: &mut [f32], key: StepKey) {
        let Some(image) = self.image else { return };
        let stream = Stream::new(key.seed, Purpose::Augmentation, key.step);
        for (row_idx, row) in (0_u32..).zip(rows.chunks_exact_mut(image.n_numbers())) {
            for (place, augmentation) in (0_u32..).zip(&self.augmentations) {
                let words = stream.block(row_idx * MAX_AUGMENTATIONS as u32 + place);
                match augmentation {
                    Augmentation::RandomCrop(crop) => {
                        crop.apply(image, row, &mut self.before, words)
                    }
                    Augmentation::HorizontalFlip(flip) => flip.apply(image, row, words),
                    Augmentation::Cutout(cutout) => cutout.apply(image, row, words),
                }
            }
        }
    }
}

/// A number below `n` from a uniform word; the bias is below n / 2^32.
fn below(word: u32, n: usize) -> usize {
    ((u64::from(word) * n as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: SampleShape = SampleShape::Image {
        height: 6,
        width: 5,
        channels: 2,
    };

    fn batch(n_rows: usize) -> Vec<f32> {
        (1..=n_rows * 60).map(|i| i as f32).collect()
    }

    fn all() -> Vec<Augmentation> {
        vec![
            Augmentation::RandomCrop(RandomCrop { padding: 2 }),
            Augmentation::HorizontalFlip(HorizontalFlip { probability: 0.5 }),
            Augmentation::Cutout(Cutout { size: 3 }),
        ]
    }

    fn applied(augmentations: &[Augmentation], n_rows: usize, step: u64) -> Vec<f32> {
        let mut rows = batch(n_rows);
        Pipeline::new(augmentations, SHAPE).apply(&mut rows, StepKey { seed: 7, step });
        rows
    }

    #[test]
    fn what_a_row_draws_depends_on_its_place_and_the_step_alone() {
        let many = applied(&all(), 40, 3);
        assert_eq!(many, applied(&all(), 40, 3));
        assert_eq!(many[..60 * 8], applied(&all(), 8, 3)[..]);
        assert_ne!(many, applied(&all(), 40, 4));
        let mut reused = Pipeline::new(&all(), SHAPE);
        let mut rows = batch(40);
        reused.apply(&mut rows, StepKey { seed: 7, step: 2 });
        rows = batch(40);
        reused.apply(&mut rows, StepKey { seed: 7, step: 3 });
        assert_eq!(rows, many, "nothing is left of the step before");
    }

    #[test]
    fn without_augmentations_nothing_changes() {
        assert_eq!(applied(&[], 5, 0), batch(5));
    }

    #[test]
    fn only_images_that_are_large_enough_fit() {
        let vector = SampleShape::Vector { features: 60 };
        for augmentation in all() {
            assert_eq!(augmentation.check(SHAPE), Ok(()));
            let reason = augmentation.check(vector).unwrap_err();
            assert!(reason.contains("a vector of 60"), "{reason}");
        }
        assert!(
            Augmentation::RandomCrop(RandomCrop { padding: 5 })
                .check(SHAPE)
                .is_err()
        );
        assert!(
            Augmentation::Cutout(Cutout { size: 5 })
                .check(SHAPE)
                .is_err()
        );
    }
}
