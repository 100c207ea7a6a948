//! What a training needs, before anything is allocated.

use serde::Serialize;

use super::{Network, Spec, Violation};
use crate::dataset::DataFacts;

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
    /// Bytes of what flows through the network in one step.
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

pub(super) fn cost(spec: &Spec, facts: &DataFacts) -> Result<Cost, Vec<Violation>> {
    let widths = widths(spec, facts);
    let beyond = || {
        vec![Violation::new(
            "/network",
            "too_large",
            "the network is too large to be counted",
        )]
    };
    count(
        &widths,
        u64::from(spec.training.batch_size.unwrap_or(1)),
        facts,
    )
    .ok_or_else(beyond)
}

fn widths(spec: &Spec, facts: &DataFacts) -> Vec<u64> {
    let mut widths = vec![facts.n_features];
    if let Some(Network::Layers(layers)) = &spec.network {
        widths.extend(
            layers
                .iter()
                .filter_map(|layer| layer.get("units").and_then(serde_json::Value::as_u64)),
        );
    }
    widths.push(facts.outcome.width());
    widths
}

fn count(widths: &[u64], batch: u64, facts: &DataFacts) -> Option<Cost> {
    let mut cost = Cost::default();
    let mut units = 0_u64;
    for pair in widths.windows(2) {
        let weights = pair[0].checked_mul(pair[1])?;
        cost.parameters = cost.parameters.checked_add(weights.checked_add(pair[1])?)?;
        units = units.checked_add(pair[1])?;
    }
    cost.weights_bytes = cost.parameters.checked_mul(4)?;
    cost.gradients_bytes = cost.weights_bytes;
    cost.optimizer_bytes = cost.weights_bytes.checked_mul(2)?;
    cost.activations_bytes = units.checked_mul(batch)?.checked_mul(8)?;
    cost.flops_per_sample = cost.parameters.checked_mul(6)?;
    let data = facts.n_rows.checked_mul(facts.n_features)?.checked_mul(4)?;
    cost.total_bytes = [
        cost.weights_bytes.checked_mul(2)?,
        cost.gradients_bytes,
        cost.optimizer_bytes,
        cost.activations_bytes,
        data,
    ]
    .into_iter()
    .try_fold(0_u64, u64::checked_add)?;
    Some(cost)
}
