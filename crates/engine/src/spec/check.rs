//! Rules that concern more than one field. They need no data.

use serde_json::json;

use super::violation::{Violation, join};
use super::{Family, Spec, Split, Target, TaskKind};

/// Everything in the spec that contradicts itself.
pub(super) fn violations(spec: &Spec) -> Vec<Violation> {
    let mut found = Vec::new();
    target(spec, &mut found);
    features(spec, &mut found);
    split(spec, &mut found);
    perceptron(spec, &mut found);
    metadata(spec, &mut found);
    found
}

fn target(spec: &Spec, found: &mut Vec<Violation>) {
    let Target::Several(names) = &spec.task.target else {
        return;
    };
    if spec.task.kind == TaskKind::Classification && names.len() > 1 {
        let message = "a classification has one target column; several are for a regression";
        found.push(Violation::new("/task/target", "too_many_targets", message).got(names.len()));
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].contains(name) {
            let message = format!("the column `{name}` is named twice");
            found.push(
                Violation::new(format!("/task/target/{index}"), "duplicate", message)
                    .got(name.as_str()),
            );
        }
    }
}

fn features(spec: &Spec, found: &mut Vec<Violation>) {
    let Some(features) = &spec.task.features else {
        return;
    };
    if features.include.is_some() && features.exclude.is_some() {
        let message = "give the columns to include or the columns to exclude, not both";
        found.push(Violation::new("/task/features", "contradiction", message));
    }
    for (index, name) in features.include.iter().flatten().enumerate() {
        if spec.task.target.columns().contains(name) {
            let message = format!("`{name}` is the target, so it cannot be a feature");
            found.push(Violation::new(
                format!("/task/features/include/{index}"),
                "target_as_feature",
                message,
            ));
        }
    }
}

fn split(spec: &Spec, found: &mut Vec<Violation>) {
    let Some(split) = &spec.task.split else {
        return;
    };
    if spec.task.kind == TaskKind::Regression && matches!(split, Split::Stratified { .. }) {
        let message = "a stratified split keeps classes in proportion, and a regression has none; use `random`";
        found.push(
            Violation::new("/task/split/kind", "contradiction", message)
                .allowed(json!(["random", "chronological", "by_column"]))
                .got("stratified"),
        );
    }
    if let Some((validation, test)) = split.fractions()
        && validation + test >= 1.0
    {
        let message = format!(
            "validation {validation} and test {test} together leave no rows to train on; their sum must be below 1"
        );
        found.push(Violation::new("/task/split", "contradiction", message).got(validation + test));
    }
    if let Split::ByColumn { column, .. } = split
        && spec.task.target.columns().contains(column)
    {
        let message = format!("`{column}` is the target, so it cannot also say which rows test");
        found.push(
            Violation::new("/task/split/column", "contradiction", message).got(column.as_str()),
        );
    }
}

fn perceptron(spec: &Spec, found: &mut Vec<Violation>) {
    if spec.family() != Family::Perceptron {
        return;
    }
    if spec.task.kind != TaskKind::Classification {
        let message = "a perceptron tells two classes apart; it gives no numbers";
        found.push(
            Violation::new("/task/kind", "contradiction", message)
                .allowed(json!(["classification"]))
                .got("regression"),
        );
    }
    for (given, name) in [
        (spec.loss.is_some(), "loss"),
        (spec.optimizer.is_some(), "optimizer"),
    ] {
        if given {
            let message = format!(
                "a perceptron has no {name}: its rule of 1957 corrects the weights by each row it gets wrong"
            );
            found.push(Violation::new(join("", name), "contradiction", message));
        }
    }
}

fn metadata(spec: &Spec, found: &mut Vec<Violation>) {
    const ENTRIES: usize = 50;
    const KEY: usize = 64;
    const VALUE: usize = 512;
    if spec.metadata.len() > ENTRIES {
        let message = format!(
            "{} entries where at most {ENTRIES} are allowed",
            spec.metadata.len()
        );
        found.push(
            Violation::new("/metadata", "length", message)
                .allowed(json!({"maximum": ENTRIES}))
                .got(spec.metadata.len()),
        );
    }
    for (key, value) in &spec.metadata {
        if key.is_empty() || key.len() > KEY || value.len() > VALUE {
            let message = format!("a key has 1 to {KEY} bytes and a value at most {VALUE}");
            found.push(Violation::new(join("/metadata", key), "length", message));
        }
    }
}
