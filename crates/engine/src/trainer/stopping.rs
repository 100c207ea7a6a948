//! Which epoch is the best so far, and when to stop looking for a better one.

use super::EngineError;
use super::evaluation::Measured;
use super::rows::Rows;
use crate::metrics::{self, AVERAGE_PRECISION, LOSS, Metric, Part, R2, ROC_AUC};
use crate::spec::{EarlyStopping, Rung, TaskKind, Violation};

/// What is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    metric: Metric,
    part: Part,
    min_delta: f64,
    /// Epochs without improvement after which training ends; `None` without early stopping.
    patience: Option<u32>,
}

/// What has been seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    pub(crate) best: Option<f64>,
    pub(crate) best_epoch: u32,
    pub(crate) bad_epochs: u32,
}

impl Watch {
    /// The watch of a resolved spec. Without early stopping the loss is watched, so that the best epoch is known, and nothing
    /// is stopped or restored. A validation part that came out empty is replaced by the training part.
    pub(crate) fn new(
        stopping: Option<&EarlyStopping>,
        task: TaskKind,
        train: &Rows,
        validation: &Rows,
    ) -> Result<Self, EngineError> {
        let (metric, part) = match stopping {
            Some(stopping) => metrics::watched(task, &stopping.metric)
                .ok_or_else(|| refuse("is not a metric of this task", stopping))?,
            None => (LOSS, Part::Validation),
        };
        let (part, rows) = match part {
            Part::Validation if validation.n_rows > 0 => (part, validation),
            _ => (Part::Train, train),
        };
        if let Some(stopping) = stopping
            && !defined(metric, rows)
        {
            return Err(refuse(
                "is not defined on these rows, which are all alike",
                stopping,
            ));
        }
        let (patience, min_delta) = stopping.map_or((None, 0.0), |stopping| {
            (Some(stopping.patience), stopping.min_delta)
        });
        Ok(Self {
            metric,
            part,
            min_delta,
            patience,
        })
    }

    /// Whether the best weights are kept and restored.
    pub(crate) fn restores(&self) -> bool {
        self.patience.is_some()
    }

    /// Takes note of an epoch's metrics and answers whether it is the best so far.
    pub(crate) fn epoch(&self, epoch: u32, measured: &[Measured], progress: &mut Progress) -> bool {
        let name = self.metric.on(self.part);
        let value = measured
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value);
        let is_best = value.is_some_and(|value| {
            progress
                .best
                .is_none_or(|best| self.metric.improves(value, best, self.min_delta))
        });
        if is_best {
            *progress = Progress {
                best: value,
                best_epoch: epoch,
                bad_epochs: 0,
            };
        } else {
            progress.bad_epochs += 1;
        }
        is_best
    }

    /// Epochs without improvement that are left, where something is stopped.
    pub(crate) fn patience_left(&self, progress: &Progress) -> Option<u32> {
        self.patience
            .map(|patience| patience.saturating_sub(progress.bad_epochs))
    }
}

/// The rungs of a resolved spec.
#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    /// Epoch, metric, part and the worst value with which it goes on.
    rungs: Vec<(u32, Metric, Part, f64)>,
}

impl Ladder {
    /// The ladder of a spec. A validation part that came out empty is replaced by the training part, as for the watch.
    pub(crate) fn new(
        rungs: &[Rung],
        task: TaskKind,
        validation: &Rows,
    ) -> Result<Self, EngineError> {
        let rung = |(index, rung): (usize, &Rung)| {
            let (metric, part) = metrics::watched(task, &rung.metric).ok_or_else(|| {
                let message = format!("`{}` is not a metric of this task", rung.metric);
                let pointer = format!("/training/rungs/{index}/metric");
                EngineError::Spec(vec![Violation::new(pointer, "contradiction", message)])
            })?;
            let part = if validation.n_rows > 0 {
                part
            } else {
                Part::Train
            };
            Ok((rung.epoch, metric, part, rung.bound))
        };
        let rungs: Result<_, EngineError> = rungs.iter().enumerate().map(rung).collect();
        Ok(Self { rungs: rungs? })
    }

    /// Whether it is decided after this epoch.
    pub(crate) fn has(&self, epoch: u32) -> bool {
        self.rungs.iter().any(|rung| rung.0 == epoch)
    }

    /// Metric and value that are not good enough to go on after `epoch`. A metric that is not defined on these rows stops nothing.
    pub(crate) fn falls_short(
        &self,
        epoch: u32,
        measured: &[Measured],
    ) -> Option<(&'static str, f64)> {
        let (_, metric, part, bound) = self.rungs.iter().find(|rung| rung.0 == epoch)?;
        let name = metric.on(*part);
        let value = measured.iter().find(|(known, _)| *known == name)?.1;
        metric.improves(*bound, value, 0.0).then_some((name, value))
    }
}

/// Whether a metric is defined on rows with these targets.
fn defined(metric: Metric, rows: &Rows) -> bool {
    if metric == ROC_AUC || metric == AVERAGE_PRECISION {
        return rows.labels.iter().any(|label| *label != rows.labels[0]);
    }
    let target = |row: usize, column: usize| rows.values[row * rows.n_targets + column];
    metric != R2
        || (0..rows.n_targets)
            .all(|column| (1..rows.n_rows).any(|row| target(row, column) != target(0, column)))
}

fn refuse(why: &str, stopping: &EarlyStopping) -> EngineError {
    let message = format!("`{}` {why}", stopping.metric);
    let violation = Violation::new("/training/early_stopping/metric", "contradiction", message)
        .got(stopping.metric.as_str());
    EngineError::Spec(vec![violation])
}
