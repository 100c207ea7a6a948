//! What a training needs, before anything is allocated.

use serde::Serialize;

use super::{Family, Network as Layers, Spec, Violation, resolve};
use crate::dataset::DataFacts;
use crate::isa::Cpu;
use crate::loss::Loss;
use crate::network::{LayerOutline, Network, NetworkError};
use crate::plan::{EVALUATED_ROWS, PROBED_ROWS, PlanError};
use crate::trajectory::Layout;

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
    /// Bytes of what flows through the network in one step of a full batch, forward and back.
    pub activations_bytes: u64,
    /// Bytes that the threads compute with beside these, on this machine.
    pub working_bytes: u64,
    /// Bytes of what measures the network on all rows, some at a time.
    pub evaluation_bytes: u64,
    /// Bytes of the most that is taken for a moment only: for a checkpoint, and while it is being written, to look at what every layer
    /// does or, at the end, for the weights as a file and the model that is opened to be proved.
    pub transient_bytes: u64,
    /// All of it, with the best weights that early stopping keeps, what is recorded of the path, the encoded dataset and its outputs.
    pub total_bytes: u64,
    /// Floating-point operations of one step, per row: forward and backward.
    pub flops_per_sample: u64,
}

impl Cost {
    /// Refuses a training that needs more than `cap_bytes`.
    ///
    /// # Errors
    /// The violation to be shown.
    pub fn within(&self, cap_bytes: u64) -> Result<(), Box<Violation>> {
        if self.total_bytes <= cap_bytes {
            return Ok(());
        }
        let message = format!(
            "training this needs {} bytes and a run may use {cap_bytes}: take fewer units, a smaller batch or fewer features",
            self.total_bytes
        );
        let allowed = serde_json::json!({"maximum": cap_bytes});
        let violation = Violation::new("/network", "too_large", message)
            .allowed(allowed)
            .got(self.total_bytes);
        Err(Box::new(violation))
    }
}

/// The cost of a resolved spec: the engine's own counts of a step, of an evaluation and of what is done between them, the best weights kept aside, and
/// the data, which is held once as it was encoded and once by part.
pub(super) fn cost(spec: &Spec, facts: &DataFacts) -> Result<Cost, Vec<Violation>> {
    let batch = spec
        .training
        .batch_size
        .ok_or_else(|| unresolved("training/batch_size"))?;
    // No batch has more rows than train.
    let batch_rows = u64::from(batch).min(facts.n_train).max(1);
    if spec.family() == Family::Perceptron {
        return perceptron(facts).ok_or_else(beyond);
    }
    let network = network(spec, facts)?;
    let loss = spec.loss.as_ref().ok_or_else(|| unresolved("loss"))?;
    let optimizer = spec
        .optimizer
        .as_ref()
        .ok_or_else(|| unresolved("optimizer"))?;
    let loss = match loss {
        // A plan wants class weights as numbers; which numbers does not matter to its size.
        Loss::CrossEntropy(loss) => {
            Loss::CrossEntropy(loss.resolved(&vec![1; network.n_outputs()]))
        }
        other => other.clone(),
    };
    let cpu = Cpu::native(spec.resources.threads as usize);
    let rounding = cpu.with_precision(spec.training.precision);
    let refused = |error| match error {
        PlanError::Network(error) => vec![explain(&error)],
        _ => beyond(),
    };
    let step = network
        .cost(&loss, &optimizer.rule, batch_rows as usize, rounding)
        .map_err(refused)?;
    let evaluated_rows = facts.n_rows.clamp(1, EVALUATED_ROWS as u64) as usize;
    let evaluation_bytes = network
        .evaluation_bytes(&loss, evaluated_rows, cpu)
        .map_err(refused)?;
    let model_bytes = network.model_bytes(&loss, cpu).map_err(refused)?;
    let best_bytes = step.weights_bytes;
    let sum = |parts: &[u64]| {
        let mut parts = parts.iter().copied();
        parts.try_fold(0_u64, u64::checked_add).ok_or_else(beyond)
    };
    let checkpoint_bytes = sum(&[step.weights_bytes, step.optimizer_bytes, best_bytes])?;
    let finishing_bytes = sum(&[step.weights_bytes, model_bytes])?;
    let probed_rows = batch_rows.min(PROBED_ROWS as u64) as usize;
    let probe_bytes = network
        .probe_bytes(&loss, probed_rows, cpu)
        .map_err(refused)?;
    let transient_bytes = sum(&[checkpoint_bytes, probe_bytes.max(finishing_bytes)])?;
    let path = Layout::new(network.n_trained(), batch_rows as usize);
    let total_bytes = sum(&[
        step.total_bytes,
        best_bytes,
        path.n_bytes(),
        evaluation_bytes,
        transient_bytes,
        data_bytes(facts, network.n_outputs() as u64).ok_or_else(beyond)?,
    ])?;
    Ok(Cost {
        parameters: step.parameters,
        weights_bytes: step.weights_bytes,
        gradients_bytes: step.gradients_bytes,
        optimizer_bytes: step.optimizer_bytes,
        activations_bytes: step.activations_bytes,
        working_bytes: step.working_bytes,
        evaluation_bytes,
        transient_bytes,
        total_bytes,
        flops_per_sample: step.flops_per_sample,
    })
}

/// The network of a resolved spec that is no perceptron.
fn network(spec: &Spec, facts: &DataFacts) -> Result<Network, Vec<Violation>> {
    let Some(Layers::Layers(layers)) = &spec.network else {
        return Err(unresolved("network"));
    };
    let loss = spec.loss.as_ref().ok_or_else(|| unresolved("loss"))?;
    let head = resolve::head(loss, facts.outcome);
    Network::build(layers, facts.sample_shape, head).map_err(|error| vec![explain(&error)])
}

/// The layers of a resolved spec with their shapes; a perceptron has none.
pub(super) fn outline(spec: &Spec, facts: &DataFacts) -> Result<Vec<LayerOutline>, Vec<Violation>> {
    if spec.family() == Family::Perceptron {
        return Ok(Vec::new());
    }
    Ok(network(spec, facts)?.outline())
}

fn unresolved(field: &str) -> Vec<Violation> {
    vec![Violation::new(
        format!("/{field}"),
        "unresolved",
        format!("`{field}` is not filled in"),
    )]
}

/// Features of all rows twice, and their targets and outputs.
fn data_bytes(facts: &DataFacts, n_outputs: u64) -> Option<u64> {
    let width = facts.outcome.width().max(n_outputs);
    facts
        .n_rows
        .checked_mul(facts.n_features().checked_add(width)?)?
        .checked_mul(8)
}

/// A weight per feature and a bias, in doubles, and the weights of an earlier moment.
fn perceptron(facts: &DataFacts) -> Option<Cost> {
    let parameters = facts.n_features().checked_add(1)?;
    let weights_bytes = parameters.checked_mul(8)?;
    Some(Cost {
        parameters,
        weights_bytes,
        gradients_bytes: 0,
        optimizer_bytes: weights_bytes,
        activations_bytes: 0,
        working_bytes: 0,
        evaluation_bytes: 0,
        transient_bytes: 0,
        total_bytes: weights_bytes
            .checked_mul(2)?
            .checked_add(data_bytes(facts, 1)?)?,
        flops_per_sample: parameters.checked_mul(4)?,
    })
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
        | NetworkError::Input { layer_idx, .. }
        | NetworkError::TooLarge { layer_idx, .. } => {
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
