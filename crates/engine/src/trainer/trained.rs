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
    /// Answers that the served model must give again, bit by bit.
    pub golden: Golden,
    /// Epochs done.
    pub epochs: u32,
    /// Steps done.
    pub steps: u64,
    /// The epoch whose weights are kept.
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
    /// `measures` were taken last on the test part.
    pub(crate) fn trained(
        &self,
        metrics: Vec<Measured>,
        measures: &Measures,
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
