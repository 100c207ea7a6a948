//! What a finished training leaves behind.

use serde::{Deserialize, Serialize};

use super::evaluation::{Measured, Measures};
use crate::dataset::{Dataset, Parts, Targets};
use crate::isa::Cpu;
use crate::model::Model;
use crate::network::{Network, Parameters};
use crate::weights;

/// Rows whose answers are kept, to be compared with those of the model that is served.
const GOLDEN_ROWS: usize = 16;

/// A trained network and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The weights as a safetensors file, see [`crate::weights`].
    pub weights: Vec<u8>,
    /// SHA-256 of `weights`, as lower-case hex.
    pub sha256: String,
    /// `train_...`, `validation_...` and `test_...` of the kept weights. All values are finite.
    pub metrics: Vec<(String, f64)>,
    /// How the test rows were told apart, for a classification with a test part.
    pub confusion: Option<Confusion>,
    /// How each class is told from the others on the test rows, threshold by threshold; empty without a test part or classes.
    pub roc: Vec<Roc>,
    /// Some test rows of a regression, truth beside prediction, for each target; empty otherwise.
    pub residuals: Vec<Residuals>,
    /// Answers that the served model must give again, bit by bit.
    pub golden: Golden,
    /// Epochs done.
    pub epochs: u32,
    /// Steps done.
    pub steps: u64,
    /// The epoch whose weights are kept: with early stopping the best by its metric; without it, or where that metric never was a number,
    /// the last one.
    pub best_epoch: u32,
}

/// Counts of true against predicted classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Class names, the order of rows and columns.
    pub labels: Vec<String>,
    /// `counts[true][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

/// The receiver operating characteristic of one class, thinned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Roc {
    /// Name of the class: the second of two, or one against the rest.
    pub label: String,
    /// The exact area under it.
    pub auc: f64,
    /// Part of the other rows above each threshold, from 0 to 1.
    pub false_positive_rate: Vec<f64>,
    /// Part of the rows of this class above the same threshold.
    pub true_positive_rate: Vec<f64>,
}

/// Truth and prediction of one target for some rows, in the target's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    /// Name of the target.
    pub target: String,
    /// What stands in the file.
    pub actual: Vec<f32>,
    /// What the network says.
    pub predicted: Vec<f32>,
    /// Test rows, of which these are every so-manieth.
    pub n_rows: usize,
}

/// Most curves, or targets, that are told of one training.
const MOST_SHOWN: usize = 10;
/// Most points of all curves, or of all targets' residuals: enough for a picture, few enough for a listing of runs.
const MOST_POINTS: usize = 200;

/// Rows of the dataset with what the trained model answers to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// Indices into the dataset: the first test rows, or training rows where there is no test part.
    pub rows: Vec<u32>,
    /// `[rows x n_outputs]` row by row: what [`Model::predict`] gives, that is probabilities or standardised values.
    pub answers: Vec<f32>,
}

/// What a [`Trained`] is made from.
pub(crate) struct Making<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a Parameters<f32>,
    pub(crate) dataset: &'a Dataset,
    pub(crate) parts: &'a Parts,
    pub(crate) cpu: Cpu,
}

impl Making<'_> {
    /// Measures and outputs were taken last on the test part.
    pub(crate) fn trained(
        &self,
        metrics: Vec<Measured>,
        (measures, outputs): (&Measures, &[f32]),
        epochs: u32,
        steps: u64,
        best_epoch: u32,
    ) -> Trained {
        // Writing cannot fail: the network's names are unique and the parameters are its own.
        let weights = weights::write(self.network, self.parameters).unwrap_or_default();
        Trained {
            sha256: weights::sha256_hex(&weights),
            weights,
            metrics: metrics
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            confusion: self.confusion(measures),
            roc: self.roc(measures),
            residuals: self.residuals(outputs),
            golden: self.golden(),
            epochs,
            steps,
            best_epoch,
        }
    }

    fn confusion(&self, measures: &Measures) -> Option<Confusion> {
        let (Measures::Classes(metrics), Targets::Classes { names, .. }) =
            (measures, &self.dataset.targets)
        else {
            return None;
        };
        if self.parts.test.is_empty() {
            return None;
        }
        let counts = metrics
            .counts()
            .chunks_exact(names.len())
            .map(<[u64]>::to_vec)
            .collect();
        Some(Confusion {
            labels: names.clone(),
            counts,
        })
    }

    fn roc(&self, measures: &Measures) -> Vec<Roc> {
        let (Measures::Classes(metrics), Targets::Classes { names, .. }) =
            (measures, &self.dataset.targets)
        else {
            return Vec::new();
        };
        if self.parts.test.is_empty() {
            return Vec::new();
        }
        let curves = metrics.curves(MOST_SHOWN, MOST_POINTS).into_iter();
        let curves = curves.map(|told| Roc {
            label: names[told.class].clone(),
            auc: told.roc_auc,
            false_positive_rate: told
                .curve
                .false_positive_rate
                .into_iter()
                .map(short)
                .collect(),
            true_positive_rate: told
                .curve
                .true_positive_rate
                .into_iter()
                .map(short)
                .collect(),
        });
        curves.collect()
    }

    fn residuals(&self, outputs: &[f32]) -> Vec<Residuals> {
        let Targets::Values {
            values,
            names,
            mean,
            std,
        } = &self.dataset.targets
        else {
            return Vec::new();
        };
        let (test, n_targets) = (&self.parts.test, names.len());
        let n_shown = n_targets.min(MOST_SHOWN);
        if test.is_empty() || outputs.len() != test.len() * n_targets {
            return Vec::new();
        }
        let stride = test.len().div_ceil(MOST_POINTS / n_shown.max(1)).max(1);
        let of_target = |target: usize| {
            let in_unit = |scaled: f32| scaled * std[target] + mean[target];
            let rows = || (0..test.len()).step_by(stride);
            let finite = |row: &usize| outputs[row * n_targets + target].is_finite();
            Residuals {
                target: names[target].clone(),
                actual: rows()
                    .filter(finite)
                    .map(|row| in_unit(values[[test[row] as usize, target]]))
                    .collect(),
                predicted: rows()
                    .filter(finite)
                    .map(|row| in_unit(outputs[row * n_targets + target]))
                    .collect(),
                n_rows: test.len(),
            }
        };
        (0..n_shown).map(of_target).collect()
    }

    fn golden(&self) -> Golden {
        let from = if self.parts.test.is_empty() {
            &self.parts.train
        } else {
            &self.parts.test
        };
        let rows: Vec<u32> = from.iter().copied().take(GOLDEN_ROWS).collect();
        let features: Vec<f32> = rows
            .iter()
            .flat_map(|&row| self.dataset.features.row(row as usize))
            .copied()
            .collect();
        let mut answers = vec![0.0; rows.len() * self.network.n_outputs()];
        // A network that was trained can always predict.
        if let Ok(model) = Model::new(self.network, self.parameters.clone(), self.cpu) {
            model.predict(&features, &mut model.scratch(1), &mut answers);
        }
        Golden { rows, answers }
    }
}

/// A rate to a millionth: more than a picture shows.
fn short(rate: f64) -> f64 {
    (rate * 1e6).round() / 1e6
}
