//! Fills in what depends on the data, and checks the rules that need to know it.

use serde_json::json;

use super::{Family, Network, Spec, Violation, defaults, embed, preset};
use crate::dataset::{DataFacts, Outcome};
use crate::loss::{ClassWeights, Contrastive, Loss};
use crate::network::Head;
use crate::schedule::Schedule;

/// The spec with everything filled in, or what it cannot be on this data.
pub(super) fn resolve(spec: &Spec, facts: &DataFacts) -> Result<Spec, Vec<Violation>> {
    spec.check()?;
    let mut resolved = spec.clone();
    resolved.task.split = Some(spec.split());
    if spec.family() != Family::Perceptron {
        learning(&mut resolved, facts)?;
    }
    duration(&mut resolved, facts);
    let violations = contradictions(&resolved, facts);
    if violations.is_empty() {
        Ok(resolved)
    } else {
        Err(violations)
    }
}

/// Network, loss and optimizer.
fn learning(spec: &mut Spec, facts: &DataFacts) -> Result<(), Vec<Violation>> {
    let embedding = embed::layer(spec, facts)?;
    let embedded = embedding.as_ref().map(|layer| embed::after(layer, facts));
    let given = embedded.as_ref().unwrap_or(facts);
    let network = spec
        .network
        .take()
        .unwrap_or_else(|| defaults::network(given));
    let layers = match network {
        Network::Layers(layers) => Some(layers),
        Network::Family(family) => preset::layers(family, given),
    };
    spec.network = layers
        .map(|layers| Network::Layers(layers.iter().map(crate::layer::Layer::resolved).collect()));
    spec.loss
        .get_or_insert_with(|| defaults::loss(spec.task.kind));
    let optimizer = spec
        .optimizer
        .get_or_insert_with(|| defaults::optimizer(facts));
    optimizer.schedule.get_or_insert(Schedule::Constant {});
    match embedding {
        Some(layer) => embed::put_before(spec, layer, facts),
        None => Ok(()),
    }
}

/// Epochs and batch size. Nothing is stopped early unless it is asked for: the default schedule comes to rest by itself, and who
/// asks for a number of epochs gets that number.
fn duration(spec: &mut Spec, facts: &DataFacts) {
    // A perceptron is corrected row by row.
    let perceptron = spec.family() == Family::Perceptron;
    let training = &mut spec.training;
    training
        .epochs
        .get_or_insert_with(|| defaults::epochs(facts));
    training.batch_size.get_or_insert_with(|| {
        if perceptron {
            1
        } else {
            defaults::batch_size(facts)
        }
    });
}

/// Rules that need the data's shape.
fn contradictions(spec: &Spec, facts: &DataFacts) -> Vec<Violation> {
    let mut found = Vec::new();
    if let Outcome::Classes(n) = facts.outcome
        && n < 2
    {
        let message =
            format!("the target has {n} class in this dataset; there is nothing to tell apart");
        found.push(Violation::new("/task/target", "one_class", message).got(n));
    }
    if let (Some(Loss::Kl(_)), Outcome::Values(1)) = (&spec.loss, facts.outcome) {
        let message = "kl compares shares of a whole, so it wants two or more target columns";
        found.push(Violation::new("/task/target", "contradiction", message).got(1));
    }
    if spec.family() == Family::Perceptron && facts.outcome != Outcome::Classes(2) {
        let message = format!(
            "a perceptron tells two classes apart, and the target has {}",
            facts.outcome.width()
        );
        found.push(Violation::new("/network", "contradiction", message).got(facts.outcome.width()));
    }
    if let (Some(Loss::BinaryCrossEntropy(_)), Outcome::Classes(n)) = (&spec.loss, facts.outcome)
        && n != 2
    {
        let message = format!(
            "binary cross entropy is for two classes, and the target has {n}; use `cross_entropy`"
        );
        found.push(
            Violation::new("/loss/kind", "contradiction", message)
                .allowed(json!(["cross_entropy"]))
                .got(n),
        );
    }
    if let Some(Loss::CrossEntropy(loss)) = &spec.loss
        && let Some(ClassWeights::Values(weights)) = &loss.class_weights
        && weights.len() as u64 != facts.outcome.width()
    {
        let message = format!(
            "{} weights for {} classes",
            weights.len(),
            facts.outcome.width()
        );
        found.push(
            Violation::new("/loss/class_weights", "length", message)
                .allowed(facts.outcome.width())
                .got(weights.len()),
        );
    }
    pairs(spec, &mut found);
    augmentation(spec, facts, &mut found);
    if facts.n_train == 0 {
        found.push(Violation::new(
            "/task/split",
            "no_training_rows",
            "no row is left to train on",
        ));
    }
    found
}

/// A loss of pairs wants some in a batch, and not too many.
fn pairs(spec: &Spec, found: &mut Vec<Violation>) {
    if let (Some(Loss::Contrastive(_)), Some(rows)) = (&spec.loss, spec.training.batch_size)
        && !Contrastive::ROWS.contains(&rows)
    {
        let (least, most) = (Contrastive::ROWS.start(), Contrastive::ROWS.end());
        let message = format!(
            "contrastive compares every pair of a batch, so a batch has {least} to {most} rows, not {rows}"
        );
        found.push(
            Violation::new("/training/batch_size", "contradiction", message)
                .allowed(json!({"minimum": least, "maximum": most}))
                .got(rows),
        );
    }
}

/// Every augmentation must fit the samples, and there must be a batch to change.
fn augmentation(spec: &Spec, facts: &DataFacts, found: &mut Vec<Violation>) {
    for (index, augmentation) in spec.training.augmentation.iter().enumerate() {
        let pointer = format!("/training/augmentation/{index}");
        if spec.family() == Family::Perceptron {
            let message = "a perceptron learns from the rows as they are, without augmentation";
            found.push(Violation::new(pointer, "contradiction", message));
        } else if let Err(reason) = augmentation.check(facts.sample_shape) {
            let violation = Violation::new(pointer, "contradiction", reason);
            found.push(violation.got(augmentation.kind()));
        }
    }
}

/// What the last layer of a network gives, by loss and target.
pub(crate) fn head(loss: &Loss, outcome: Outcome) -> Head {
    use crate::network::Outcome as Meaning;
    match (loss, outcome) {
        (Loss::BinaryCrossEntropy(_), Outcome::Classes(_)) => Head {
            n_outputs: 1,
            outcome: Meaning::Binary,
        },
        (Loss::Contrastive(loss), Outcome::Classes(_)) => Head {
            n_outputs: loss.dimensions as usize,
            outcome: Meaning::Places,
        },
        (_, Outcome::Classes(n)) => Head {
            n_outputs: n as usize,
            outcome: Meaning::Classes,
        },
        (loss, Outcome::Values(n)) => Head {
            n_outputs: n as usize,
            outcome: match loss {
                Loss::Poisson(_) => Meaning::Counts,
                Loss::Kl(_) => Meaning::Shares,
                _ => Meaning::Values,
            },
        },
    }
}
