//! What is predicted: classes by name, or numbers that are scaled for training and mapped back.

use descent_engine::dataset::Targets;
use descent_engine::network::{Head, Outcome};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::lacking;
use crate::data::{DataError, Frame, MISSING, Values, number};

/// More classes than this are refused: a column with so many values is no set of classes.
pub const MAX_CLASSES: usize = 1000;

/// The fitted encoding of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetEncoding {
    /// One of several names.
    Classes {
        /// Position in the schema, counted from 0.
        column: usize,
        /// Its name.
        name: String,
        /// The classes as the file writes them: in order of number if all are numbers, else in alphabetical order.
        classes: Vec<String>,
    },
    /// Numbers, (y - mean) / std, scaled as the loss wants them.
    Values {
        /// Positions in the schema.
        columns: Vec<usize>,
        /// Their names.
        names: Vec<String>,
        /// Over the training rows, in original units; 0 for counts and shares.
        mean: Vec<f32>,
        /// Over the training rows, in original units; the mean for counts, 1 for shares; never 0.
        std: Vec<f32>,
    },
}

impl TargetEncoding {
    /// The number that output `index` of the network stands for, in original units.
    #[inline]
    pub fn restore(&self, index: usize, output: f32) -> f32 {
        match self {
            Self::Values { mean, std, .. } => output * std[index] + mean[index],
            Self::Classes { .. } => output,
        }
    }

    /// Names of the outputs of a network with such a head: the classes, the target columns, or the dimensions of an embedding.
    pub fn output_names(&self, head: Head) -> Vec<String> {
        match self {
            Self::Classes { .. } if head.outcome == Outcome::Places => (0..head.n_outputs)
                .map(|dimension| format!("embedding_{dimension}"))
                .collect(),
            Self::Classes { classes, .. } => classes.clone(),
            Self::Values { names, .. } => names.clone(),
        }
    }

    /// What the engine learns from; a row without a target gets class 0 or the mean.
    pub(super) fn encode(&self, frame: &Frame) -> Result<Targets, DataError> {
        match self {
            Self::Classes {
                column,
                name,
                classes,
            } => {
                let labels = labels(frame, *column, name, classes)?;
                let labels = labels
                    .into_iter()
                    .map(|label| if label == MISSING { 0 } else { label })
                    .collect();
                Ok(Targets::Classes {
                    labels,
                    names: classes.clone(),
                })
            }
            Self::Values {
                columns,
                names,
                mean,
                std,
            } => {
                let mut values = Array2::zeros((frame.n_rows, columns.len()));
                for (i, &column) in columns.iter().enumerate() {
                    let Some(Values::Numbers(numbers)) = frame.column(column) else {
                        return Err(lacking(&names[i]));
                    };
                    let (shift, scale) = (f64::from(mean[i]), f64::from(std[i]));
                    for (out, number) in values.column_mut(i).iter_mut().zip(numbers) {
                        *out = if number.is_nan() {
                            0.0
                        } else {
                            ((number - shift) / scale) as f32
                        };
                    }
                }
                Ok(Targets::Values {
                    values,
                    names: names.clone(),
                    mean: mean.clone(),
                    std: std.clone(),
                })
            }
        }
    }
}

/// The class of every row, [`MISSING`] where there is none.
pub(super) fn labels(
    frame: &Frame,
    column: usize,
    name: &str,
    classes: &[String],
) -> Result<Vec<u32>, DataError> {
    let Some(Values::Names { codes, names }) = frame.column(column) else {
        return Err(lacking(name));
    };
    let class_of = |name: &String| {
        classes
            .iter()
            .position(|class| class == name)
            .map_or(MISSING, |i| i as u32)
    };
    let by_code: Vec<u32> = names.iter().map(class_of).collect();
    Ok(codes
        .iter()
        .map(|code| by_code.get(*code as usize).copied().unwrap_or(MISSING))
        .collect())
}

/// The classes of a column, all of them, in their order.
///
/// # Errors
/// `one_class_target`, `too_many_classes`
pub(super) fn classes(frame: &Frame, column: usize, name: &str) -> Result<Vec<String>, DataError> {
    let Some(Values::Names { names, .. }) = frame.column(column) else {
        return Err(lacking(name));
    };
    let mut classes = names.clone();
    if classes.len() < 2 {
        let found = match classes.first() {
            Some(only) => format!("only the value {only:?}"),
            None => "no value".to_owned(),
        };
        let message =
            format!("column {name:?} holds {found}; a target needs at least two different values");
        return Err(DataError::new("one_class_target", message).at_column(column + 1, Some(name)));
    }
    if classes.len() > MAX_CLASSES {
        let message = format!(
            "column {name:?} has {} different values; a classification tells at most {MAX_CLASSES} classes apart",
            classes.len()
        );
        return Err(DataError::new("too_many_classes", message).at_column(column + 1, Some(name)));
    }
    sort_classes(&mut classes);
    Ok(classes)
}

/// Classes stand by value where all are numbers, else by name.
pub(in crate::data) fn sort_classes(classes: &mut [String]) {
    let key = |class: &String| number::parse(class).map(|scanned| scanned.value);
    if classes.iter().all(|class| key(class).is_some()) {
        classes.sort_by(|a, b| {
            key(a)
                .partial_cmp(&key(b))
                .unwrap_or(std::cmp::Ordering::Equal)
                .then_with(|| a.cmp(b))
        });
    } else {
        classes.sort();
    }
}
