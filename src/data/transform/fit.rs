//! Everything that is learned about the columns is learned from the training rows alone.

use std::collections::HashMap;

use descent_engine::dataset::{Dataset, Parts, TargetScale};
use descent_engine::spec::{Categories, Impute, Preprocessing, Task};

use super::target::{self, TargetEncoding};
use super::{Encoding, Input, Transform, lacking};
use crate::data::number::is_single;
use crate::data::{
    ColumnKind, DataError, Frame, MISSING, Note, Reading, Roles, Schema, Values, split,
};

/// From this many training rows on, a category that only one of them has shares a feature with the other rare ones: a
/// weight of its own could only memorise that row.
const RARE_FROM_ROWS: usize = 100;

/// Everything that the engine and the model need of a dataset.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// Features and targets of all rows.
    pub dataset: Dataset,
    /// Which rows train, validate and test.
    pub parts: Parts,
    /// What was learned about the columns; kept with the model.
    pub transform: Transform,
    /// What the owner of the run should know.
    pub notes: Vec<Note>,
}

/// From a decoded table to a dataset: divides the rows, fits the transform on the training rows, applies it to all. `scale` is
/// what the loss wants of the targets of a regression.
///
/// # Errors
/// `invalid_task` with the first thing in the task that does not fit the schema, `one_class_target`,
/// `too_many_classes`, `empty_part`, `changed_file`.
pub fn prepare(
    frame: &Frame,
    schema: &Schema,
    task: &Task,
    scale: TargetScale,
    seed: u64,
) -> Result<Prepared, DataError> {
    let roles = Roles::of(task, schema).map_err(|violations| {
        let messages: Vec<_> = violations
            .into_iter()
            .map(|violation| violation.message)
            .collect();
        DataError::new("invalid_task", messages.join("; "))
    })?;
    let mut notes = roles.notes.clone();
    let (rows, labels, classes) = rows_with_target(frame, schema, task, &roles)?;
    if rows.len() < frame.n_rows {
        let n = frame.n_rows - rows.len();
        let message = format!(
            "{n} of {} rows have no target and were left out",
            frame.n_rows
        );
        notes.push(Note {
            code: "rows_without_target".to_owned(),
            column: None,
            message,
        });
    }
    let split_values = roles.split.and_then(|column| frame.column(column));
    let parts = split::divide(&task.split(seed), &rows, labels.as_deref(), split_values)?;
    let target = if task.kind.has_classes() {
        let column = roles.targets[0];
        TargetEncoding::Classes {
            column,
            name: schema.columns[column].name.clone(),
            classes,
        }
    } else {
        fit_values(frame, schema, &roles.targets, scale, &parts.train)?
    };
    let transform = fit(
        frame,
        schema,
        task,
        &roles,
        &parts.train,
        target,
        &mut notes,
    )?;
    let dataset = transform.apply(frame)?;
    Ok(Prepared {
        dataset,
        parts,
        transform,
        notes,
    })
}

type RowsAndLabels = (Vec<u32>, Option<Vec<u32>>, Vec<String>);

/// The rows that have a target, and where it is a class that of every row and the classes.
fn rows_with_target(
    frame: &Frame,
    schema: &Schema,
    task: &Task,
    roles: &Roles,
) -> Result<RowsAndLabels, DataError> {
    let all = 0..frame.n_rows as u32;
    if task.kind.has_classes() {
        let column = roles.targets[0];
        let name = &schema.columns[column].name;
        let classes = target::classes(frame, column, name)?;
        let labels = target::labels(frame, column, name, &classes)?;
        let rows = all.filter(|row| labels[*row as usize] != MISSING).collect();
        return Ok((rows, Some(labels), classes));
    }
    let mut rows: Vec<u32> = all.collect();
    for &column in &roles.targets {
        let Some(Values::Numbers(numbers)) = frame.column(column) else {
            return Err(lacking(&schema.columns[column].name));
        };
        rows.retain(|row| !numbers[*row as usize].is_nan());
    }
    Ok((rows, None, Vec::new()))
}

/// Fits encodings of all inputs on `train`, beside the encoding of the target.
fn fit(
    frame: &Frame,
    schema: &Schema,
    task: &Task,
    roles: &Roles,
    train: &[u32],
    target: TargetEncoding,
    notes: &mut Vec<Note>,
) -> Result<Transform, DataError> {
    let mut inputs: Vec<Input> = Vec::new();
    for &column in &roles.features {
        let name = &schema.columns[column].name;
        let values = frame.column(column).ok_or_else(|| lacking(name))?;
        let encoding = match values {
            Values::Names { codes, names } => categories(codes, names, train, &task.preprocessing),
            Values::Numbers(numbers) => fit_numbers(
                schema.columns[column].kind,
                numbers,
                train,
                &task.preprocessing,
            ),
            Values::Samples(samples) => {
                Some(super::samples::fit(samples, train, &task.preprocessing))
            }
        };
        let Some(encoding) = encoding else {
            let message =
                format!("column {name:?} has no value among the training rows and was left out");
            notes.push(Note {
                code: "empty_column".to_owned(),
                column: Some(name.clone()),
                message,
            });
            continue;
        };
        let first_feature = inputs.last().map_or(0, |input| input.features().end);
        inputs.push(Input {
            column,
            name: name.clone(),
            encoding,
            first_feature,
        });
    }
    if inputs.is_empty() {
        return Err(DataError::new(
            "no_features",
            "no feature has a value among the training rows",
        ));
    }
    Ok(Transform {
        schema: schema.clone(),
        inputs,
        target,
    })
}

fn fit_numbers(
    kind: ColumnKind,
    numbers: &[f64],
    train: &[u32],
    how: &Preprocessing,
) -> Option<Encoding> {
    let mut present: Vec<f64> = train
        .iter()
        .map(|row| numbers[*row as usize])
        .filter(|x| !x.is_nan())
        .collect();
    if present.is_empty() {
        return None;
    }
    let indicator = how.indicator && present.len() < train.len();
    let (mean, std) = mean_and_std(&present);
    Some(match Reading::of(kind) {
        Reading::Boolean => Encoding::Boolean {
            impute: most_frequent(&mut present) as f32,
            indicator,
        },
        Reading::Timestamp => {
            let time_of_day = present.iter().any(|time| time.rem_euclid(86_400.0) != 0.0);
            let impute = imputed(how.impute, mean, &mut present);
            Encoding::Timestamp {
                impute,
                shift: mean as f32,
                scale: scale_of(std),
                time_of_day,
                indicator,
            }
        }
        Reading::Number | Reading::Name | Reading::Array => {
            let impute = imputed(how.impute, mean, &mut present);
            let (shift, scale) = if how.standardise {
                (mean as f32, scale_of(std))
            } else {
                (0.0, 1.0)
            };
            Encoding::Number {
                impute,
                shift,
                scale,
                indicator,
            }
        }
    })
}

/// Mean and standard deviation (divisor n), in two passes.
fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = match values {
        // A rounded sum would leave a deviation that is not 0, but so small that any other number becomes huge.
        [first, others @ ..] if others.iter().all(|x| x == first) => *first,
        // Divided before they are added, so that no sum of finite numbers overflows.
        _ => values.iter().map(|x| x / n).sum::<f64>(),
    };
    let variance = values
        .iter()
        .map(|x| (x - mean) * (x - mean) / n)
        .sum::<f64>();
    (
        mean.clamp(f64::from(f32::MIN), f64::from(f32::MAX)),
        variance.sqrt(),
    )
}

/// A standard deviation that can be divided by: a constant column is only shifted.
pub(super) fn scale_of(std: f64) -> f32 {
    let scale = std.min(f64::from(f32::MAX)) as f32;
    if scale.is_normal() { scale } else { 1.0 }
}

fn imputed(how: Impute, mean: f64, present: &mut [f64]) -> f32 {
    let value = match how {
        Impute::Mean => mean,
        Impute::Median => median(present),
        Impute::MostFrequent => most_frequent(present),
    };
    value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

/// The middle value, or the mean of the middle two.
fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        lower / 2.0 + upper / 2.0
    } else {
        upper
    }
}

/// The value that occurs most often, the smallest of several.
fn most_frequent(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let runs = values.chunk_by(|a, b| a == b);
    let longest = runs.fold(None, |best: Option<&[f64]>, run| match best {
        Some(best) if best.len() >= run.len() => Some(best),
        _ => Some(run),
    });
    longest.and_then(|run| run.first().copied()).unwrap_or(0.0)
}

fn categories(
    codes: &[u32],
    names: &[String],
    train: &[u32],
    how: &Preprocessing,
) -> Option<Encoding> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for row in train {
        *counts.entry(codes[*row as usize]).or_insert(0) += 1;
    }
    let n_missing = counts.remove(&MISSING).unwrap_or(0);
    let mut by_count: Vec<(&str, usize)> = counts
        .into_iter()
        .map(|(code, n)| (names[code as usize].as_str(), n))
        .collect();
    by_count.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let (most_frequent, _) = *by_count.first()?;
    let at_least = if train.len() >= RARE_FROM_ROWS { 2 } else { 1 };
    let n_present = by_count.len();
    let own = by_count
        .into_iter()
        .filter(|(_, n)| *n >= at_least)
        .take(how.max_categories as usize);
    let mut own: Vec<String> = own.map(|(name, _)| name.to_owned()).collect();
    own.sort_unstable();
    let other = own.len() < n_present;
    let position = own.iter().position(|name| name == most_frequent);
    let indicator = how.indicator && n_missing > 0;
    Some(match how.categories {
        Categories::OneHot {} => Encoding::Categories {
            impute: position.unwrap_or(own.len()),
            names: own,
            other,
            indicator,
        },
        Categories::Embedding { .. } => Encoding::Index {
            impute: position.map_or(0, |position| position + 1),
            names: own,
            indicator,
        },
    })
}

fn fit_values(
    frame: &Frame,
    schema: &Schema,
    targets: &[usize],
    scale: TargetScale,
    train: &[u32],
) -> Result<TargetEncoding, DataError> {
    let (mut names, mut means, mut stds) = (Vec::new(), Vec::new(), Vec::new());
    for &column in targets {
        let name = &schema.columns[column].name;
        let Some(Values::Numbers(numbers)) = frame.column(column) else {
            return Err(lacking(name));
        };
        let present: Vec<f64> = train.iter().map(|row| numbers[*row as usize]).collect();
        if let Some(value) = present.iter().find(|value| !is_single(**value)) {
            let message = format!(
                "column {name:?} holds {value:e}; only finite numbers up to 3.4e38 can be learned"
            );
            return Err(DataError::new("bad_number", message).at_column(column + 1, Some(name)));
        }
        let (mean, std) = mean_and_std(&present);
        if !(std as f32).is_normal() {
            let message = format!(
                "column {name:?} holds the same number in all training rows; there is nothing to learn"
            );
            return Err(
                DataError::new("one_class_target", message).at_column(column + 1, Some(name))
            );
        }
        let (shift, unit) = match scale {
            TargetScale::Standard => (mean as f32, scale_of(std)),
            TargetScale::Mean => (0.0, scale_of(mean.abs())),
            TargetScale::Own => (0.0, 1.0),
        };
        names.push(name.clone());
        means.push(shift);
        stds.push(unit);
    }
    Ok(TargetEncoding::Values {
        columns: targets.to_vec(),
        names,
        mean: means,
        std: stds,
    })
}
