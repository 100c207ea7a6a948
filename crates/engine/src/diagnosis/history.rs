//! What the rules remember of a training.

use std::collections::VecDeque;

/// Losses by epoch: the recent ones, the first and the best.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Training and validation loss of the last epochs, the newest last.
    pub(crate) recent: VecDeque<Losses>,
    /// Training loss of the first epoch.
    pub(crate) first: f64,
    /// Epochs seen.
    pub(crate) n_epochs: u32,
    /// The epoch with the lowest validation loss, from 1; 0 before there is one.
    pub(crate) best_epoch: u32,
    /// Losses of that epoch.
    pub(crate) best: Losses,
}

/// Losses of one epoch. Without a validation part, `validation` is NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Losses {
    pub(crate) train: f64,
    pub(crate) validation: f64,
}

impl History {
    /// Epochs that are remembered one by one.
    pub(crate) const WINDOW: usize = 20;

    /// Takes note of an epoch.
    pub fn push(&mut self, train_loss: f64, validation_loss: Option<f64>) {
        let losses = Losses {
            train: train_loss,
            validation: validation_loss.unwrap_or(f64::NAN),
        };
        if self.n_epochs == 0 {
            self.first = train_loss;
        }
        self.n_epochs += 1;
        if losses.validation.is_finite()
            && (self.best_epoch == 0 || losses.validation < self.best.validation)
        {
            self.best_epoch = self.n_epochs;
            self.best = losses;
        }
        if self.recent.len() == Self::WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(losses);
    }

    /// The last `n` training losses, oldest first; `None` when there were fewer epochs.
    pub(crate) fn train(&self, n: usize) -> Option<impl Iterator<Item = f64> + '_> {
        let skipped = self.recent.len().checked_sub(n)?;
        Some(self.recent.iter().skip(skipped).map(|losses| losses.train))
    }
}

/// A history as numbers, for a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Memory {
    /// First training loss, best pair, then the recent pairs.
    pub(crate) losses: Vec<f64>,
    /// Epochs seen, best epoch.
    pub(crate) counts: Vec<u64>,
}

impl History {
    pub(crate) fn memory(&self) -> Memory {
        let mut losses = vec![self.first, self.best.train, self.best.validation];
        self.recent
            .iter()
            .for_each(|pair| losses.extend([pair.train, pair.validation]));
        Memory {
            losses,
            counts: vec![u64::from(self.n_epochs), u64::from(self.best_epoch)],
        }
    }

    /// The history of a memory; `None` when it is not one.
    pub(crate) fn recall(memory: &Memory) -> Option<Self> {
        let (&[first, train, validation], recent) = memory.losses.split_first_chunk()?;
        let &[n_epochs, best_epoch] = memory.counts.as_slice() else {
            return None;
        };
        Some(Self {
            recent: recent
                .chunks_exact(2)
                .map(|pair| Losses {
                    train: pair[0],
                    validation: pair[1],
                })
                .collect(),
            first,
            n_epochs: u32::try_from(n_epochs).ok()?,
            best_epoch: u32::try_from(best_epoch).ok()?,
            best: Losses { train, validation },
        })
    }
}

/// Norms of recent gradients, to notice one that is far from the usual.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GradientNorms {
    /// The last norms, the newest last.
    pub(crate) recent: VecDeque<f64>,
    /// Norms in a row that were far above the usual.
    pub(crate) outbreaks: u32,
}

impl GradientNorms {
    /// Norms that make up the usual.
    pub(crate) const WINDOW: usize = 50;

    /// Takes note of a step.
    pub fn push(&mut self, norm: f64) {
        if self.recent.len() == Self::WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(norm);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diagnosis::Setting;

    /// A history of these losses.
    pub(in crate::diagnosis) fn history(
        losses: impl Iterator<Item = (f64, Option<f64>)>,
    ) -> History {
        let mut history = History::default();
        losses.for_each(|(train, validation)| history.push(train, validation));
        history
    }

    /// An ordinary setting with a baseline loss of 1.
    pub(in crate::diagnosis) fn setting() -> Setting {
        Setting {
            optimizer: serde_json::json!({"kind": "adamw", "learning_rate": 0.01, "weight_decay": 0.3}),
            optimizer_by_default: false,
            learning_rate: 0.01,
            baseline_loss: 1.0,
            answers: true,
            layers: serde_json::json!([{"kind": "dense", "units": 8, "activation": "relu"}]),
            class_weights: false,
            clipped: false,
        }
    }

    /// A layer at work.
    pub(in crate::diagnosis) fn activity() -> crate::plan::LayerActivity {
        crate::plan::LayerActivity {
            layer_idx: 0,
            kind: "dense",
            n_units: 8,
            dead: 0.0,
            saturated: 0.0,
            mean: 0.4,
            std: 0.6,
            gradient_norm: 0.1,
            parameter_norm: 1.0,
        }
    }

    #[test]
    fn the_best_epoch_is_kept_after_it_left_the_window() {
        let history = history((0..50).map(|epoch| (1.0, Some(f64::from((epoch - 3_i32).abs())))));
        assert_eq!(
            (
                history.best_epoch,
                history.best.validation,
                history.recent.len()
            ),
            (4, 0.0, History::WINDOW)
        );
    }
}
