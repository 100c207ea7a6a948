//! A training as the worker does it: the document is read, the rows are prepared, the trainer runs to its end.

use std::sync::Arc;

use anyhow::{Context, anyhow, ensure};
use descent::data::{Prepared, prepare, with_own_split};
use descent_engine::spec::Spec;
use descent_engine::trainer::{Observer, Trained, Trainer};
use serde_json::Value;

use crate::source::Source;

/// Trains what the document asks for.
///
/// # Errors
/// The document does not fit, or the training ends without a model.
pub fn train(
    source: &Source,
    document: Value,
    observer: &mut dyn Observer,
) -> anyhow::Result<Trained> {
    let spec = Spec::from_value(document).map_err(|found| anyhow!("{found:?}"))?;
    let task = with_own_split(&spec.task, &source.schema);
    let scale = spec.target_scale();
    let Prepared { dataset, parts, .. } = prepare(
        &source.frame,
        &source.schema,
        &task,
        scale,
        spec.training.seed,
    )?;
    let resolved = spec
        .resolve(&dataset.facts(parts.train.len()))
        .map_err(|found| anyhow!("{found:?}"))?;
    let mut trainer = Trainer::new(&resolved, Arc::new(dataset), parts)?;
    let ending = trainer.run(observer);
    ensure!(ending.has_model(), "the training ended: {ending:?}");
    Ok(trainer.trained()?.clone())
}

/// A metric of the kept weights, for example `test_accuracy`.
///
/// # Errors
/// The metric is not defined on this part.
pub fn metric(trained: &Trained, name: &str) -> anyhow::Result<f64> {
    (trained.metrics.iter())
        .find(|(known, _)| known == name)
        .map(|(_, value)| *value)
        .with_context(|| format!("no {name}"))
}
