//! What a training needs, before anything is allocated.

use serde::Serialize;

use super::{Family, Network as Layers, Spec, Violation, resolve};
use crate::dataset::DataFacts;
use crate::network::{Network, NetworkError};

/// What a training needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// Numbers that are learned.
    pub parameters: u64,
    /// Bytes of the weights.
    pub weights_bytes: u64,
    /// Bytes of their gradients.
    pub gradients_bytes: u64,
    /// Bytes the optimizer keeps beside them.
    pub optimizer_bytes: u64,
    /// Bytes of what flows through the network in one step, forward and back.
    pub activations_bytes: u64,
    /// All of it, with the best weights that early stopping keeps and the encoded dataset.
    pub total_bytes: u64,
    /// Floating-point operations of one step, per row: forward and backward.
    pub flops_per_sample: u64,
}

impl Cost {
    /// Refuses a training that needs more than `cap_bytes`.
    ///
    /// # Errors
    /// The violation to be shown.
    pub fn within(&self, cap_bytes: u64) -> Result<(), Violation> {
        if self.total_bytes <= cap_bytes {
            return Ok(());
        }
        let message = format!(
            "training this needs {} bytes and a run may use {cap_bytes}: take fewer units, a smaller batch or fewer features",
            self.total_bytes
        );
        let allowed = serde_json::json!({"maximum": cap_bytes});
        Err(Violation::new("/network", "too_large", message)
            .allowed(allowed)
            .got(self.total_bytes))
    }
}

/// Sizes of a network, without weights.
struct Sizes {
    parameters: u64,
    /// Columns after every layer, summed up.
    columns: u64,
    optimizer_slots: u64,
}

/// The cost of a resolved spec.
pub(super) fn cost(spec: &Spec, facts: &DataFacts) -> Result<Cost, Vec<Violation>> {
    let unresolved = |field: &str| {
        vec![Violation::new(
            format!("/{field}"),
            "unresolved",
            format!("`{field}` is not filled in"),
        )]
    };
    let batch = spec
        .training
        .batch_size
        .ok_or_else(|| unresolved("training/batch_size"))?;
    let sizes = if spec.family() == Family::Perceptron {
        let parameters = facts.n_features.checked_add(1).ok_or_else(beyond)?;
        Sizes {
            parameters,
            columns: 1,
            optimizer_slots: 1,
        }
    } else {
        let Some(Layers::Layers(layers)) = &spec.network else {
            return Err(unresolved("network"));
        };
        let loss = spec.loss.as_ref().ok_or_else(|| unresolved("loss"))?;
        let optimizer = spec
            .optimizer
            .as_ref()
            .ok_or_else(|| unresolved("optimizer"))?;
        let n_features = usize::try_from(facts.n_features).map_err(|_| beyond())?;
        let head = resolve::head(loss, facts.outcome);
        let network =
            Network::build(layers, n_features, head).map_err(|error| vec![explain(&error)])?;
        let columns = network
            .widths()
            .iter()
            .try_fold(0_u64, |sum, &width| sum.checked_add(width as u64));
        Sizes {
            parameters: network.n_parameters() as u64,
            columns: columns.ok_or_else(beyond)?,
            optimizer_slots: optimizer.rule.n_slots() as u64,
        }
    };
    count(&sizes, u64::from(batch), facts).ok_or_else(beyond)
}

fn beyond() -> Vec<Violation> {
    vec![Violation::new(
        "/network",
        "too_large",
        "the network is larger than any machine's memory",
    )]
}

/// Where in the document a network cannot be built.
pub(crate) fn explain(error: &NetworkError) -> Violation {
    let pointer = match error {
        NetworkError::Layer { layer_idx, .. }
        | NetworkError::Field { layer_idx, .. }
        | NetworkError::TooLarge { layer_idx } => {
            format!("/network/{layer_idx}")
        }
        NetworkError::Loss(_) => "/loss".into(),
        NetworkError::Empty => "/task/features".into(),
    };
    let code = if matches!(error, NetworkError::TooLarge { .. }) {
        "too_large"
    } else {
        "contradiction"
    };
    Violation::new(pointer, code, error.to_string())
}

/// Four bytes a number; forward values and their gradients in a step; two operations a multiplication, three passes.
fn count(sizes: &Sizes, batch: u64, facts: &DataFacts) -> Option<Cost> {
    let weights_bytes = sizes.parameters.checked_mul(4)?;
    let optimizer_bytes = weights_bytes.checked_mul(sizes.optimizer_slots)?;
    let activations_bytes = sizes
        .columns
        .checked_add(facts.n_features)?
        .checked_mul(batch)?
        .checked_mul(8)?;
    let data_bytes = facts
        .n_rows
        .checked_mul(facts.n_features.checked_add(facts.outcome.width())?)?
        .checked_mul(4)?;
    let parts = [
        weights_bytes.checked_mul(2)?,
        weights_bytes,
        optimizer_bytes,
        activations_bytes,
        data_bytes,
    ];
    Some(Cost {
        parameters: sizes.parameters,
        weights_bytes,
        gradients_bytes: weights_bytes,
        optimizer_bytes,
        activations_bytes,
        total_bytes: parts.into_iter().try_fold(0_u64, u64::checked_add)?,
        flops_per_sample: sizes.parameters.checked_mul(6)?,
    })
}
