//! Opened weights: features in, probabilities or values in original units out.

use descent_engine::dataset::Outcome;
use descent_engine::isa::{Cpu, Isa};
use descent_engine::model::{Model, Scratch as NetworkScratch};
use descent_engine::network::Outcome as Meaning;
use descent_engine::sample::SampleShape;
use descent_engine::spec::{Family, Spec};
use descent_engine::weights;

use super::error::OpenError;
use crate::data::TargetEncoding;

/// Values of a batch at most while it runs through the layers (4 MiB), so that a wide network has smaller batches.
const MAX_BATCH_VALUES: usize = 1 << 20;

/// A trained network, ready to be asked.
pub(super) struct Network {
    model: Model,
    answering: Answering,
}

/// What is answered for the outputs of the last layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answering {
    /// One probability per class, as they are.
    Classes,
    /// The probability p of class 1 becomes 1 - p and p.
    Binary,
    /// The perceptron knows no doubt: 0 and 1, or 1 and 0.
    Crisp,
    /// Scaled values become values in original units.
    Values,
    /// The numbers of an embedding, as they are.
    Places,
}

/// Memory for one batch.
pub(super) type Scratch = Option<NetworkScratch>;

impl Network {
    /// Builds the network that `spec` describes and fills it with the weights in `bytes`, a safetensors file (see
    /// [`descent_engine::weights`]). The perceptron is a network of nothing but its output.
    ///
    /// # Errors
    /// When the spec is not resolved, or a tensor is absent or has another shape.
    pub(super) fn open(
        spec: &Spec,
        input: SampleShape,
        target: &TargetEncoding,
        bytes: &[u8],
        instruction_set: &str,
    ) -> Result<Self, OpenError> {
        let outcome = match target {
            TargetEncoding::Classes { classes, .. } => Outcome::Classes(classes.len() as u64),
            TargetEncoding::Values { names, .. } => Outcome::Values(names.len() as u64),
        };
        let isa = Isa::named(instruction_set).unwrap_or_else(Isa::detect);
        let model = weights::open(spec, input, outcome, bytes, Cpu { isa, threads: 1 })
            .map_err(|error| OpenError::Shape(error.to_string()))?;
        let answering = match (model.network().head().outcome, spec.family()) {
            (_, Family::Perceptron) => Answering::Crisp,
            (Meaning::Binary, _) => Answering::Binary,
            (Meaning::Classes, _) => Answering::Classes,
            (Meaning::Values | Meaning::Counts | Meaning::Shares, _) => Answering::Values,
            (Meaning::Places, _) => Answering::Places,
        };
        let has_classes = matches!(target, TargetEncoding::Classes { .. });
        if has_classes == (answering == Answering::Values) {
            return Err(OpenError::Shape(
                "the spec and the transform disagree on what is predicted".into(),
            ));
        }
        if matches!(answering, Answering::Crisp | Answering::Binary)
            && outcome != Outcome::Classes(2)
        {
            return Err(OpenError::Shape(format!(
                "one output tells two classes apart, not {outcome:?}"
            )));
        }
        Ok(Self { model, answering })
    }

    /// Bytes of the weights and of one batch's values.
    pub(super) fn n_bytes(&self) -> usize {
        self.model.n_bytes() + 4 * self.batch_rows() * self.row_values()
    }

    /// Rows that are scored together at most.
    pub(super) fn batch_rows(&self) -> usize {
        (MAX_BATCH_VALUES / self.row_values()).clamp(1, super::scoring::MAX_BATCH_ROWS)
    }

    /// Numbers that a row becomes while it runs through the layers.
    fn row_values(&self) -> usize {
        let network = self.model.network();
        network.n_features() + network.widths().iter().sum::<usize>()
    }

    /// Scores rows of features, row-major, into one probability per class, one value per target, in original units, or an
    /// embedding.
    #[inline]
    pub(super) fn score(
        &self,
        features: &[f32],
        n_rows: usize,
        target: &TargetEncoding,
        scratch: &mut Scratch,
        out: &mut Vec<f32>,
    ) {
        self.raw(features, n_rows, scratch, out);
        self.finish(target, out);
    }

    /// What the network itself says of one row, away from any batch.
    pub(super) fn raw_row(&self, features: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; self.model.network().n_outputs()];
        self.model
            .predict(features, &mut self.model.scratch(1), &mut out);
        out
    }

    /// What the network itself says: probabilities (for one output that of class 1), or scaled values.
    #[inline]
    fn raw(&self, features: &[f32], n_rows: usize, scratch: &mut Scratch, out: &mut Vec<f32>) {
        out.clear();
        out.resize(n_rows * self.model.network().n_outputs(), 0.0);
        let scratch = scratch.get_or_insert_with(|| self.model.scratch(self.batch_rows()));
        self.model.predict(features, scratch, out);
    }

    /// From what the network says to what is answered.
    #[inline]
    pub(super) fn finish(&self, target: &TargetEncoding, out: &mut Vec<f32>) {
        match self.answering {
            Answering::Classes | Answering::Places => {}
            Answering::Binary => *out = out.iter().flat_map(|&p| [1.0 - p, p]).collect(),
            Answering::Crisp => {
                *out = out
                    .iter()
                    .flat_map(|&p| if p > 0.5 { [0.0, 1.0] } else { [1.0, 0.0] })
                    .collect();
            }
            Answering::Values => {
                for row in out.chunks_exact_mut(self.model.network().n_outputs()) {
                    for (index, value) in row.iter_mut().enumerate() {
                        *value = target.restore(index, *value);
                    }
                }
            }
        }
    }

    /// What an explanation of answer number `idx` explains: which output of the network, and how f is made of it, as
    /// `scale * output + shift`.
    pub(super) fn explained(&self, idx: usize, target: &TargetEncoding) -> (usize, f64, f64) {
        match (self.answering, target, idx) {
            (Answering::Binary | Answering::Crisp, _, 0) => (0, -1.0, 1.0),
            (Answering::Binary | Answering::Crisp, _, _) => (0, 1.0, 0.0),
            (Answering::Values, TargetEncoding::Values { mean, std, .. }, _) => {
                (idx, f64::from(std[idx]), f64::from(mean[idx]))
            }
            _ => (idx, 1.0, 0.0),
        }
    }

    /// What is answered for what it says.
    pub(super) fn answering(&self) -> Answering {
        self.answering
    }

    /// The network itself.
    pub(super) fn model(&self) -> &Model {
        &self.model
    }
}
