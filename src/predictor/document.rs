//! The model document: everything but the weights that a prediction needs, and everything a reader wants to know about where the
//! model came from. It is stored with a model version and never changed.

use descent_engine::dataset::{Dataset, Parts};
use descent_engine::spec::Spec;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::OpenError;
use crate::data::Transform;

/// The version of the document that this build writes; it reads this one and older ones.
pub const FORMAT: u32 = 1;

/// What is stored with a model version beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelDocument {
    /// Version of the document, see [`FORMAT`].
    pub format: u32,
    /// The spec as it was trained, everything filled in.
    pub spec: Spec,
    /// The columns of the training file, how they become features, and what the outputs mean; fitted on the training rows.
    pub transform: Transform,
    /// The row that explanations compare with: of every feature the mean over the training rows, of an index of categories the
    /// most frequent.
    pub baseline: Vec<f32>,
    /// The build that trained the weights.
    pub engine: EngineBuild,
    /// SHA-256 of the uploaded file, as lower-case hex.
    pub dataset_sha256: String,
    /// SHA-256 of the weights file, as lower-case hex.
    pub weights_sha256: String,
}

/// Which engine computed the weights: the same spec, data and seed give the same bits on the same build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineBuild {
    /// Version of the engine.
    pub version: String,
    /// Instruction set of its kernels: `portable`, `avx2`, `avx512`, `avx512_bf16`, `avx512_amx`.
    pub instruction_set: String,
}

/// The document with the digest of its bytes, as it is stored.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    sha256: String,
    #[serde(borrow)]
    document: &'a RawValue,
}

#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl ModelDocument {
    /// The document as it is stored: `{"sha256": "...", "document": {...}}`. The digest is that of the inner bytes, so a change of
    /// one of them is found when the model is opened.
    ///
    /// # Errors
    /// [`OpenError::Document`] when it has no JSON form.
    pub fn seal(&self) -> Result<Box<RawValue>, OpenError> {
        let document = serde_json::value::to_raw_value(self).map_err(unreadable)?;
        let sha256 = sha256_hex(document.get().as_bytes());
        serde_json::value::to_raw_value(&Sealed {
            sha256,
            document: &document,
        })
        .map_err(unreadable)
    }

    /// Reads a sealed document and checks its digest. Answers the document and the digest.
    ///
    /// # Errors
    /// When it is not a sealed document, was changed since, or was written by a later version.
    pub fn unseal(sealed: &str) -> Result<(Self, String), OpenError> {
        let Sealed { sha256, document } = serde_json::from_str(sealed).map_err(unreadable)?;
        let got = sha256_hex(document.get().as_bytes());
        if got != sha256 {
            return Err(OpenError::Digest {
                what: "document bytes",
                expected: sha256,
                got,
            });
        }
        let Version { format } = serde_json::from_str(document.get()).map_err(unreadable)?;
        if format > FORMAT {
            let message =
                format!("it has format {format}, and this build reads formats up to {FORMAT}");
            return Err(OpenError::Document(message));
        }
        Ok((
            serde_json::from_str(document.get()).map_err(unreadable)?,
            sha256,
        ))
    }
}

/// Mean of every feature over the training rows, and of an index of categories, which has no mean, the most frequent; for
/// [`ModelDocument::baseline`]. Summed in double precision and in row order, so it is the same on every machine.
pub fn mean_row(dataset: &Dataset, parts: &Parts) -> Vec<f32> {
    let mut sums = vec![0.0_f64; dataset.n_features()];
    for &row in &parts.train {
        for (sum, &x) in sums.iter_mut().zip(dataset.features.row(row as usize)) {
            *sum += f64::from(x);
        }
    }
    let n = parts.train.len().max(1) as f64;
    let mut row: Vec<f32> = sums.into_iter().map(|sum| (sum / n) as f32).collect();
    for category in &dataset.categories {
        let mut counts = vec![0_usize; category.vocabulary];
        for &train in &parts.train {
            counts[dataset.features[[train as usize, category.feature]] as usize] += 1;
        }
        let most = counts.iter().copied().max();
        // The first of several, so that it is one and the same.
        let index = counts.iter().position(|count| Some(*count) == most);
        row[category.feature] = index.unwrap_or(0) as f32;
    }
    row
}

fn unreadable(error: serde_json::Error) -> OpenError {
    OpenError::Document(error.to_string())
}

/// SHA-256 as lower-case hex.
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            hex
        })
}
