//! Rules that concern more than one field. They need no data.

use std::collections::BTreeMap;

use serde_json::json;

use super::pointer::join;
use super::violation::{Violation, nearest};
use super::{Categories, Family, MOST_LAYERS, Network, Spec, Split, Target, TaskKind};
use crate::layer;
use crate::metrics::{self, Part};
use crate::precision::Precision;
use crate::schedule::Schedule;

/// Everything in the spec that contradicts itself.
pub(super) fn violations(spec: &Spec) -> Vec<Violation> {
    let mut found = Vec::new();
    target(spec, &mut found);
    features(spec, &mut found);
    split(spec, &mut found);
    network(spec, &mut found);
    loss(spec, &mut found);
    optimizer(spec, &mut found);
    early_stopping(spec, &mut found);
    rungs(spec, &mut found);
    perceptron(spec, &mut found);
    labels(&spec.metadata, "/metadata", &mut found);
    found
}

/// Rules that came when trainings were on record that break them. Only a new document is asked.
pub(super) fn of_new(spec: &Spec) -> Vec<Violation> {
    let mut found = Vec::new();
    found.extend(spec.name.as_deref().and_then(|given| name(given, "/name")));
    unprintable_labels(&spec.metadata, "/metadata", &mut found);
    let n_layers = match &spec.network {
        Some(Network::Layers(layers)) => layer::count(layers),
        _ => 0,
    };
    if n_layers > MOST_LAYERS {
        let message = format!(
            "{n_layers} layers, with those inside residual blocks, where at most {MOST_LAYERS} are allowed"
        );
        found.push(
            Violation::new("/network", "length", message)
                .allowed(json!({"maximum": MOST_LAYERS}))
                .got(n_layers),
        );
    }
    found
}

/// Everything that is wrong with labels that are new, where `pointer` says that they stand.
pub(super) fn new_labels(given: &BTreeMap<String, String>, pointer: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    labels(given, pointer, &mut found);
    unprintable_labels(given, pointer, &mut found);
    found
}

/// Keys that nobody could write into a filter. Values may have lines.
fn unprintable_labels(given: &BTreeMap<String, String>, pointer: &str, found: &mut Vec<Violation>) {
    for key in given.keys() {
        if key.chars().any(char::is_control) {
            let message = "a key has no control characters";
            found.push(Violation::new(join(pointer, key), "invalid_key", message));
        }
    }
}

/// What is wrong with a name, where `pointer` says that it stands.
pub(super) fn name(name: &str, pointer: &str) -> Option<Violation> {
    let n_chars = name.chars().count();
    if (1..=200).contains(&n_chars) && !name.chars().any(char::is_control) {
        return None;
    }
    let message = "a name has 1 to 200 characters and no control characters";
    Some(Violation::new(pointer, "invalid_name", message))
}

fn target(spec: &Spec, found: &mut Vec<Violation>) {
    let Target::Several(names) = &spec.task.target else {
        return;
    };
    if spec.task.kind.has_classes() && names.len() > 1 {
        let message = format!(
            "{} has one target column; several are for a regression",
            spec.task.kind.article()
        );
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
    if !spec.task.kind.has_classes() && matches!(split, Split::Stratified { .. }) {
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

fn network(spec: &Spec, found: &mut Vec<Violation>) {
    let Some(Network::Layers(layers)) = &spec.network else {
        return;
    };
    for (layer_idx, layer) in layers.iter().enumerate() {
        for (field, reason) in layer.faults() {
            let message = format!("layer {layer_idx} ({}): {reason}", layer.kind());
            found.push(Violation::new(
                format!("/network/{layer_idx}/{field}"),
                "out_of_range",
                message,
            ));
        }
    }
}

fn loss(spec: &Spec, found: &mut Vec<Violation>) {
    let Some(loss) = &spec.loss else { return };
    for (field, reason) in loss.faults() {
        found.push(Violation::new(join("/loss", field), "out_of_range", reason));
    }
    let fitting = spec.task.kind.losses();
    if !fitting.contains(&loss.kind()) {
        let message = format!(
            "`{}` is not a loss of {}; use {}",
            loss.kind(),
            spec.task.kind.article(),
            fitting.join(" or ")
        );
        found.push(
            Violation::new("/loss/kind", "contradiction", message)
                .allowed(json!(fitting))
                .got(loss.kind()),
        );
    }
}

fn optimizer(spec: &Spec, found: &mut Vec<Violation>) {
    let Some(optimizer) = &spec.optimizer else {
        return;
    };
    for (field, reason) in optimizer.rule.faults() {
        found.push(Violation::new(
            join("/optimizer", field),
            "out_of_range",
            reason,
        ));
    }
    if let Some(Schedule::WarmUp { then, .. }) = &optimizer.schedule
        && matches!(**then, Schedule::WarmUp { .. })
    {
        let message = "what follows a warm-up cannot be another warm-up";
        found.push(
            Violation::new("/optimizer/schedule/then/kind", "contradiction", message)
                .got("warm_up"),
        );
    }
}

fn early_stopping(spec: &Spec, found: &mut Vec<Violation>) {
    if let Some(stopping) = &spec.training.early_stopping {
        let pointer = "/training/early_stopping/metric";
        found.extend(
            metric(spec, &stopping.metric, pointer)
                .err()
                .map(|wrong| *wrong),
        );
    }
}

fn rungs(spec: &Spec, found: &mut Vec<Violation>) {
    let rungs = &spec.training.rungs;
    for (index, rung) in rungs.iter().enumerate() {
        let pointer = format!("/training/rungs/{index}");
        let wrong = metric(spec, &rung.metric, &join(&pointer, "metric")).err();
        found.extend(wrong.map(|wrong| *wrong));
        if index > 0 && rung.epoch <= rungs[index - 1].epoch {
            let message = format!(
                "epoch {} does not come after epoch {} of the rung before; rungs go up",
                rung.epoch,
                rungs[index - 1].epoch
            );
            found.push(
                Violation::new(join(&pointer, "epoch"), "contradiction", message).got(rung.epoch),
            );
        }
    }
}

/// What is wrong with watching a metric, where `pointer` names it.
pub(super) fn metric(spec: &Spec, name: &str, pointer: &str) -> Result<(), Box<Violation>> {
    match metrics::watched(spec.task.kind, name) {
        None => {
            let known: Vec<&str> = [Part::Validation, Part::Train]
                .into_iter()
                .flat_map(|part| {
                    metrics::of(spec.task.kind)
                        .iter()
                        .map(move |metric| metric.on(part))
                })
                .collect();
            let hint = nearest(name, known.iter().copied())
                .map(|name| format!("; did you mean `{name}`?"));
            let message = format!(
                "`{name}` is not a metric of {}{}",
                spec.task.kind.article(),
                hint.unwrap_or_else(|| format!("; known are {}", known.join(", ")))
            );
            let wrong = Violation::new(pointer, "unknown_value", message);
            Err(Box::new(wrong.allowed(json!(known)).got(name)))
        }
        Some((_, Part::Validation)) if !spec.split().validates() => {
            let message = "no row validates in this split, so no validation metric can be watched; give `validation` a part";
            Err(Box::new(
                Violation::new(pointer, "contradiction", message).got(name),
            ))
        }
        Some(_) => Ok(()),
    }
}

fn perceptron(spec: &Spec, found: &mut Vec<Violation>) {
    if spec.family() != Family::Perceptron {
        return;
    }
    if spec.task.kind != TaskKind::Classification {
        let message = "a perceptron tells two classes apart; it gives no numbers and no places";
        found.push(
            Violation::new("/task/kind", "contradiction", message)
                .allowed(json!(["classification"]))
                .got(spec.task.kind.name()),
        );
    }
    if spec.task.preprocessing.categories != (Categories::OneHot {}) {
        let message =
            "a perceptron has one threshold unit and no table that could be learned; use `one_hot`";
        let pointer = "/task/preprocessing/categories/kind";
        found.push(
            Violation::new(pointer, "contradiction", message)
                .allowed(json!(["one_hot"]))
                .got("embedding"),
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
    if !spec.training.rungs.is_empty() {
        let message =
            "a perceptron stops by its own rule of 1957; only trainings of layers have rungs";
        found.push(Violation::new("/training/rungs", "contradiction", message));
    }
    if spec.training.precision != Precision::F32 {
        let message =
            "a perceptron multiplies no matrices; only trainings of layers round to bfloat16";
        found.push(
            Violation::new("/training/precision", "contradiction", message)
                .allowed(json!(["f32"]))
                .got("bf16"),
        );
    }
}

fn labels(given: &BTreeMap<String, String>, pointer: &str, found: &mut Vec<Violation>) {
    const ENTRIES: usize = 50;
    const KEY: usize = 64;
    const VALUE: usize = 512;
    if given.len() > ENTRIES {
        let message = format!(
            "{} entries where at most {ENTRIES} are allowed",
            given.len()
        );
        found.push(
            Violation::new(pointer, "length", message)
                .allowed(json!({"maximum": ENTRIES}))
                .got(given.len()),
        );
    }
    for (key, value) in given {
        if key.is_empty() || key.len() > KEY || value.len() > VALUE {
            let message = format!("a key has 1 to {KEY} bytes and a value at most {VALUE}");
            found.push(Violation::new(join(pointer, key), "length", message));
        }
    }
}
