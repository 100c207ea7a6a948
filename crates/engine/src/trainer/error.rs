//! Why a training cannot begin or go on.

use crate::dataset::DatasetError;
use crate::network::NetworkError;
use crate::plan::PlanError;
use crate::spec::{self, Violation};
use crate::weights::WeightsError;

/// What a [`Trainer`](super::Trainer) refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// The spec is not fit for this data, or was not resolved.
    #[error("the spec does not fit: {}", first(.0))]
    Spec(Vec<Violation>),
    /// The dataset contradicts itself.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The checkpoint is damaged, or belongs to another training.
    #[error("the checkpoint cannot be used: {0}")]
    Checkpoint(String),
    /// The weights are damaged, or belong to another network.
    #[error("the weights cannot be used: {0}")]
    Weights(String),
    /// There is no model yet.
    #[error("the training has not ended with a model")]
    NotTrained,
}

impl From<NetworkError> for EngineError {
    fn from(error: NetworkError) -> Self {
        Self::Spec(vec![spec::explain(&error)])
    }
}

impl From<PlanError> for EngineError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Network(error) => error.into(),
            other => Self::Spec(vec![Violation::new(
                "/network",
                "too_large",
                other.to_string(),
            )]),
        }
    }
}

impl From<WeightsError> for EngineError {
    fn from(error: WeightsError) -> Self {
        Self::Weights(error.to_string())
    }
}

fn first(violations: &[Violation]) -> String {
    match violations {
        [] => "no reason given".into(),
        [only] => format!("{} at `{}`", only.message, only.pointer),
        [first, rest @ ..] => format!(
            "{} at `{}` (and {} more)",
            first.message,
            first.pointer,
            rest.len()
        ),
    }
}
