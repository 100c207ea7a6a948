//! Fills in what depends on the data.

use super::{EarlyStopping, Spec, Violation};
use crate::dataset::DataFacts;

pub(super) fn resolve(spec: &Spec, facts: &DataFacts) -> Result<Spec, Vec<Violation>> {
    spec.check()?;
    let mut resolved = spec.clone();
    resolved.task.split = Some(spec.split());
    if spec.training.epochs.is_none() && spec.training.early_stopping.is_none() {
        resolved.training.early_stopping = Some(EarlyStopping::default());
    }
    resolved.training.epochs = spec.training.epochs.or(Some(100));
    resolved.training.batch_size =
        spec.training
            .batch_size
            .or(Some(if facts.n_train < 10_000 { 32 } else { 128 }));
    Ok(resolved)
}
