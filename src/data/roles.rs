//! Which columns a task looks at, and what in the task does not fit the dataset.

use descent_engine::dataset::{CategoryFeature, DataFacts, Outcome, TargetScale};
use descent_engine::sample::SampleShape;
use descent_engine::spec::{Categories, Split, Task, Violation};
use serde::{Deserialize, Serialize};

use super::split::{self, share};
use super::transform::sort_classes;
use super::{ColumnKind, ColumnProfile, DataError, Ingested, Reading, Schema, Wanted};

/// Something about the data that its owner should know, though it stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable name, e.g. `text_ignored`.
    pub code: String,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// In words.
    pub message: String,
}

/// The columns of a task by their positions in the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles {
    /// What is looked at, in file order.
    pub features: Vec<usize>,
    /// What is predicted, in the order of the task.
    pub targets: Vec<usize>,
    /// What orders or divides the rows.
    pub split: Option<usize>,
    /// What was left out, and why.
    pub notes: Vec<Note>,
}

impl Roles {
    /// Finds the columns of `task` in `schema`.
    ///
    /// # Errors
    /// Every place of the task that names a column which is not there or cannot be used so; pointers start at `/task`.
    pub fn of(task: &Task, schema: &Schema) -> Result<Self, Vec<Violation>> {
        let mut found = Vec::new();
        let targets = targets(task, schema, &mut found);
        let split = split_column(task, schema, &targets, &mut found);
        let by_column = matches!(task.split, Some(Split::ByColumn { .. }))
            .then_some(split)
            .flatten();
        let mut notes = Vec::new();
        let features = features(task, schema, &targets, by_column, &mut notes, &mut found);
        embedded(task, schema, &features, &mut found);
        if found.is_empty() && features.is_empty() {
            let message = "no column is left to learn from: all are targets, excluded, or text";
            found.push(Violation::new("/task/features", "no_features", message));
        }
        if found.is_empty() {
            Ok(Self {
                features,
                targets,
                split,
                notes,
            })
        } else {
            Err(found)
        }
    }

    /// What decoding must read for the task.
    pub fn wanted(&self, task: &Task, schema: &Schema) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut add = |column: usize, reading: Reading| {
            if !wanted.iter().any(|want| want.column == column) {
                wanted.push(Wanted { column, reading });
            }
        };
        for &column in &self.targets {
            let reading = if task.kind.has_classes() {
                Reading::Name
            } else {
                Reading::of(schema.columns[column].kind)
            };
            add(column, reading);
        }
        if let (Some(column), Some(Split::ByColumn { .. })) = (self.split, &task.split) {
            add(column, Reading::Name);
        }
        for &column in self.features.iter().chain(&self.split) {
            add(column, Reading::of(schema.columns[column].kind));
        }
        wanted.sort_by_key(|want| want.column);
        wanted
    }
}

/// Checks a task against what is known of the dataset, and estimates what the engine will be given. `n_features` is an
/// upper bound: categories that do not occur among the training rows get no feature.
///
/// # Errors
/// What [`Roles::of`] finds, targets that never vary, and a split that leaves a part empty.
pub fn facts(task: &Task, seed: u64, ingested: &Ingested) -> Result<DataFacts, Vec<Violation>> {
    let schema = ingested.schema();
    let roles = Roles::of(task, &schema)?;
    let mut found = Vec::new();
    for (index, &column) in roles.targets.iter().enumerate() {
        if let Err(error) = super::ingest::check_varies(&ingested.columns[column]) {
            found.push(Violation::new(
                target_pointer(task, index),
                error.code,
                error.message,
            ));
        }
    }
    let profile = |column: &usize| &ingested.columns[*column];
    let outcome = if task.kind.has_classes() {
        Outcome::Classes(profile(&roles.targets[0]).distinct.n)
    } else {
        Outcome::Values(roles.targets.len() as u64)
    };
    if let Outcome::Classes(n) = outcome
        && n > super::MAX_CLASSES as u64
    {
        let column = profile(&roles.targets[0]);
        let at_least = if column.distinct.exact {
            ""
        } else {
            "at least "
        };
        let message = format!(
            "column {:?} has {at_least}{n} different values; a classification tells at most {} classes apart",
            column.name,
            super::MAX_CLASSES
        );
        found.push(Violation::new("/task/target", "too_many_classes", message));
    }
    if !found.is_empty() {
        return Err(found);
    }
    let split = task.split(seed);
    if let Err(error) = check_parts(&split, task, &roles, ingested) {
        let violation = Violation::new("/task/split", error.code, error.message);
        return Err(vec![violation.got(split.name())]);
    }
    let (sample_shape, categories) = encoded(task, &roles, ingested);
    Ok(DataFacts {
        n_rows: ingested.n_rows,
        n_train: n_train(&split, roles.split, ingested).max(1),
        sample_shape,
        categories,
        outcome,
    })
}

/// What a row of features will be at most, and which features will be indices of categories.
fn encoded(task: &Task, roles: &Roles, ingested: &Ingested) -> (SampleShape, Vec<CategoryFeature>) {
    let columns = || {
        roles
            .features
            .iter()
            .map(|column| &ingested.columns[*column])
    };
    if let Some(sample) = columns().find_map(|column| column.sample.as_ref()) {
        return (sample.engine_shape(), Vec::new());
    }
    let embeds = task.preprocessing.categories != (Categories::OneHot {});
    let max_categories = u64::from(task.preprocessing.max_categories);
    // Those with a feature or an index of their own, and the others together.
    let n_categories = |column: &ColumnProfile| column.distinct.n.min(max_categories) + 1;
    let is_name =
        |column: &ColumnProfile| matches!(column.kind, ColumnKind::Categorical | ColumnKind::Text);
    let width = |column: &ColumnProfile| {
        let indicator = task.preprocessing.indicator && column.n_missing + column.n_bad > 0;
        u64::from(indicator)
            + match column.kind {
                ColumnKind::Categorical | ColumnKind::Text if embeds => 1,
                ColumnKind::Categorical | ColumnKind::Text => n_categories(column),
                ColumnKind::Timestamp => 5,
                ColumnKind::Numeric
                | ColumnKind::Integer
                | ColumnKind::Boolean
                | ColumnKind::Array => 1,
            }
    };
    let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let (mut n_features, mut categories) = (0, Vec::new());
    for column in columns() {
        if embeds && is_name(column) {
            categories.push(CategoryFeature {
                feature: whole(n_features),
                vocabulary: whole(n_categories(column)),
            });
        }
        n_features += width(column);
    }
    (whole(n_features).into(), categories)
}

/// About how many rows will train: by the fractions, or by how often the column that divides the rows says so.
fn n_train(split: &Split, column: Option<usize>, ingested: &Ingested) -> u64 {
    let n_rows = ingested.n_rows;
    let (
        Split::ByColumn {
            validation, test, ..
        },
        Some(column),
    ) = (split, column)
    else {
        let n = n_rows as usize;
        let held_out = (split.fractions()).map_or(0, |(validation, test)| {
            share(n, validation) + share(n, test)
        });
        return n.saturating_sub(held_out) as u64;
    };
    let shown = ingested.columns[column].top_values.iter();
    let held_out = shown.filter(|top| validation.contains(&top.value) || test.contains(&top.value));
    n_rows.saturating_sub(held_out.map(|top| top.count).sum())
}

/// Refuses a split that will leave a part empty, as far as the profile shows it: how many rows lack one of several targets, and what a
/// column with very many values holds, only reading the data tells.
fn check_parts(
    split: &Split,
    task: &Task,
    roles: &Roles,
    ingested: &Ingested,
) -> Result<(), DataError> {
    let n_rows = ingested.n_rows as usize;
    if let Split::ByColumn { .. } = split {
        // Of other columns than names the profile shows values, 1 for 1.0, where a run reads what is written.
        let has_names = |column: usize| ingested.columns[column].kind == ColumnKind::Categorical;
        if !roles.split.is_some_and(has_names) {
            return Ok(());
        }
        let n_train = n_train(split, roles.split, ingested) as usize;
        return split::check_named(split, n_train, n_rows);
    }
    let targets = || {
        roles
            .targets
            .iter()
            .map(|&column| &ingested.columns[column])
    };
    // A cell that is no number may still be the name of a class.
    if task.kind.has_classes() && targets().any(|target| target.n_bad > 0) {
        return Ok(());
    }
    let lacking: Vec<usize> = targets()
        .map(|target| (target.n_missing + target.n_bad) as usize)
        .filter(|n| *n > 0)
        .collect();
    let n_rows = match (lacking.as_slice(), roles.targets.len()) {
        ([], _) => n_rows,
        ([n], 1) => n_rows.saturating_sub(*n),
        _ => return Ok(()),
    };
    if !task.kind.has_classes() {
        return split::check_drawn(split, n_rows, None);
    }
    let target = &ingested.columns[roles.targets[0]];
    let mut names: Vec<String> = (target.top_values.iter())
        .map(|top| top.value.clone())
        .collect();
    sort_classes(&mut names);
    let count = |name: &String| {
        let mut shown = target.top_values.iter();
        shown
            .find(|top| top.value == *name)
            .map_or(0, |top| top.count as usize)
    };
    let classes: Vec<usize> = names.iter().map(count).collect();
    let all_shown = classes.iter().sum::<usize>() == n_rows;
    split::check_drawn(split, n_rows, all_shown.then_some(&classes[..]))
}

/// Checks what is known of the targets without reading them against what the loss takes: counts and shares are not negative.
///
/// # Errors
/// Every target that goes below 0, and what [`Roles::of`] finds.
pub fn check_scale(
    task: &Task,
    scale: TargetScale,
    ingested: &Ingested,
) -> Result<(), Vec<Violation>> {
    if scale == TargetScale::Standard {
        return Ok(());
    }
    let roles = Roles::of(task, &ingested.schema())?;
    let mut found = Vec::new();
    for (index, &column) in roles.targets.iter().enumerate() {
        let column = &ingested.columns[column];
        if let Some(min) = column.min.filter(|min| *min < 0.0) {
            let message = format!(
                "the loss wants counts or shares, and column {:?} goes down to {min}",
                column.name
            );
            let pointer = target_pointer(task, index);
            found.push(Violation::new(pointer, "negative_target", message).got(min));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// The task with the split that the file itself brings, where the task names none: a dataset of arrays that came in several
/// parts has a column `split` that says them.
pub fn with_own_split(task: &Task, schema: &Schema) -> Task {
    let mut task = task.clone();
    if task.split.is_none() && schema.array().is_some() && schema.index_of("split").is_some() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        task.split = Some(Split::ByColumn {
            column: "split".to_owned(),
            validation: names(&["validation"]),
            test: names(&["test"]),
        });
    }
    task
}

/// Categories are embedded where there are any.
fn embedded(task: &Task, schema: &Schema, features: &[usize], found: &mut Vec<Violation>) {
    if task.preprocessing.categories == (Categories::OneHot {}) || !found.is_empty() {
        return;
    }
    let of = |kind: ColumnKind| {
        let mut columns = features.iter();
        columns.any(|column| schema.columns[*column].kind == kind)
    };
    if of(ColumnKind::Categorical) {
        return;
    }
    let message = if of(ColumnKind::Array) {
        "the samples are arrays of numbers, which have no categories; leave `categories` out"
    } else {
        "no column that is looked at is categorical, so there is nothing to embed; correct a column's kind, or use `one_hot`"
    };
    found.push(
        Violation::new(
            "/task/preprocessing/categories/kind",
            "contradiction",
            message,
        )
        .allowed(serde_json::json!(["one_hot"]))
        .got("embedding"),
    );
}

fn target_pointer(task: &Task, index: usize) -> String {
    match task.target {
        descent_engine::spec::Target::One(_) => "/task/target".to_owned(),
        descent_engine::spec::Target::Several(_) => format!("/task/target/{index}"),
    }
}

fn targets(task: &Task, schema: &Schema, found: &mut Vec<Violation>) -> Vec<usize> {
    let mut targets = Vec::new();
    for (index, name) in task.target.columns().iter().enumerate() {
        let pointer = target_pointer(task, index);
        let Some(column) = find(schema, name, &pointer, found) else {
            continue;
        };
        let kind = schema.columns[column].kind;
        if kind == ColumnKind::Array {
            let message = format!(
                "column {name:?} holds arrays, which are learned from; the target is a column of labels or numbers"
            );
            found.push(Violation::new(pointer, "target_kind", message).got(kind.name()));
        } else if !task.kind.has_classes()
            && matches!(kind, ColumnKind::Categorical | ColumnKind::Text)
        {
            let message = format!(
                "column {name:?} is {kind}, and a regression predicts numbers; use a classification, or correct the column's kind"
            );
            found.push(Violation::new(pointer, "target_kind", message).got(kind.name()));
        }
        targets.push(column);
    }
    targets
}

fn split_column(
    task: &Task,
    schema: &Schema,
    targets: &[usize],
    found: &mut Vec<Violation>,
) -> Option<usize> {
    let pointer = "/task/split/column";
    match &task.split {
        Some(Split::ByColumn { column: name, .. }) => {
            let column = find(schema, name, pointer, found)?;
            if schema.columns[column].kind == ColumnKind::Array {
                let message = format!("column {name:?} holds arrays, which name no part");
                found.push(Violation::new(pointer, "split_kind", message).got("array"));
            }
            Some(column)
        }
        Some(Split::Chronological {
            column: Some(name), ..
        }) => {
            let column = find(schema, name, pointer, found)?;
            let kind = schema.columns[column].kind;
            if matches!(
                kind,
                ColumnKind::Categorical | ColumnKind::Text | ColumnKind::Array
            ) {
                let message = format!("column {name:?} is {kind}, which has no order in time");
                found.push(Violation::new(pointer, "split_kind", message).got(kind.name()));
            } else if task.kind.has_classes() && targets.contains(&column) {
                let message = format!("`{name}` is the target, so it cannot also order the rows");
                found.push(Violation::new(pointer, "contradiction", message).got(name.as_str()));
            }
            Some(column)
        }
        _ => None,
    }
}

fn features(
    task: &Task,
    schema: &Schema,
    targets: &[usize],
    by_column: Option<usize>,
    notes: &mut Vec<Note>,
    found: &mut Vec<Violation>,
) -> Vec<usize> {
    let asked = task.features.as_ref();
    let taken = |column: &usize| targets.contains(column) || by_column == Some(*column);
    if let Some(include) = asked.and_then(|features| features.include.as_ref()) {
        let mut features = Vec::new();
        for (index, name) in include.iter().enumerate() {
            let pointer = format!("/task/features/include/{index}");
            let Some(column) = find(schema, name, &pointer, found) else {
                continue;
            };
            if schema.columns[column].kind == ColumnKind::Text {
                let message = format!(
                    "column {name:?} is free text, which is not encoded; leave it out, or correct its kind to categorical"
                );
                found.push(Violation::new(pointer, "text_feature", message).got("text"));
            } else if schema.array().is_some_and(|array| array != column) {
                let message = format!(
                    "column {name:?} stands beside arrays, and those are learned from alone; leave it out"
                );
                found.push(Violation::new(pointer, "beside_array", message).got(name.as_str()));
            } else if taken(&column) {
                let message = format!(
                    "column {name:?} is the target or divides the rows, so it cannot be a feature"
                );
                found
                    .push(Violation::new(pointer, "target_as_feature", message).got(name.as_str()));
            } else if !features.contains(&column) {
                features.push(column);
            }
        }
        features.sort_unstable();
        return features;
    }
    let mut excluded = Vec::new();
    let exclude = asked.and_then(|features| features.exclude.as_ref());
    for (index, name) in exclude.into_iter().flatten().enumerate() {
        excluded.extend(find(
            schema,
            name,
            &format!("/task/features/exclude/{index}"),
            found,
        ));
    }
    // Arrays are learned from alone: what stands beside them are labels and parts.
    let beside_array = |column: &usize| schema.array().is_some_and(|array| array != *column);
    let candidates = (0..schema.columns.len())
        .filter(|column| !taken(column) && !excluded.contains(column) && !beside_array(column));
    candidates
        .filter(|column| {
            let is_text = schema.columns[*column].kind == ColumnKind::Text;
            if is_text {
                let name = &schema.columns[*column].name;
                notes.push(Note {
                    code: "text_ignored".to_owned(),
                    column: Some(name.clone()),
                    message: format!(
                        "column {name:?} is free text and was left out; correct its kind to categorical to use it"
                    ),
                });
            }
            !is_text
        })
        .collect()
}

fn find(schema: &Schema, name: &str, pointer: &str, found: &mut Vec<Violation>) -> Option<usize> {
    match schema.find(name) {
        Ok(column) => Some(column),
        Err(error) => {
            found.push(Violation::new(pointer, error.code, error.message).got(name));
            None
        }
    }
}
