//! A dataset as the engine sees it: a table of numbers, what is to be learned from it, and which rows serve which purpose.
//!
//! Everything that has to do with files, text and missing values happened before: the features are finite `f32`, categories
//! are one-hot columns or indices, and regression targets are scaled as the loss wants them.

use ndarray::Array2;

use crate::sample::SampleShape;

/// Rows of features with what is to be predicted from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// `[n_rows x n_features]`, finite.
    pub features: Array2<f32>,
    /// The features that are indices of categories, in their order. Index 0 stands for unknown and rare ones.
    pub categories: Vec<CategoryFeature>,
    /// What the features of a row are: a vector, a sequence or an image. It has `n_features` numbers.
    pub sample_shape: SampleShape,
    /// Name of each feature, for example `Age` or `Sex=female`.
    pub feature_names: Vec<String>,
    /// Index into `column_names` of the source column each feature was made from.
    pub feature_columns: Vec<u32>,
    /// Names of the source columns, so that advice can speak of what the user uploaded.
    pub column_names: Vec<String>,
    /// What is to be learned.
    pub targets: Targets,
}

/// A feature that is the index of a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CategoryFeature {
    /// Position among the features.
    pub feature: usize,
    /// Number of indices, from 0.
    pub vocabulary: usize,
}

/// What is to be learned, one entry per row of the dataset.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class per row.
    Classes {
        /// Index into `names` for each row.
        labels: Vec<u32>,
        /// Name of each class as it stands in the file.
        names: Vec<String>,
    },
    /// One or several numbers per row.
    Values {
        /// `[n_rows x n_targets]`, scaled: `(original - mean) / std`.
        values: Array2<f32>,
        /// Name of each target column.
        names: Vec<String>,
        /// What is taken from each target, in original units: its mean over the training split, or 0, see [`TargetScale`].
        mean: Vec<f32>,
        /// What each target is divided by, in original units: its standard deviation over the training split, its mean, or 1.
        std: Vec<f32>,
    },
}

/// What a loss wants of a regression's targets. Shift and scale stand in [`Targets::Values`] as `mean` and `std`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetScale {
    /// Mean 0 and standard deviation 1.
    #[default]
    Standard,
    /// Counts: divided by their mean, so that they stay counts above or at 0 and their rate begins near 1.
    Mean,
    /// Shares of a whole: as they are.
    Own,
}

/// The rows of a dataset by purpose. No row stands in two of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Rows that the weights are fitted to.
    pub train: Vec<u32>,
    /// Rows that early stopping and schedules look at.
    pub validation: Vec<u32>,
    /// Rows that are looked at once, when training is over.
    pub test: Vec<u32>,
}

/// What defaults and limits depend on, known as soon as the data is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFacts {
    /// Rows of the dataset.
    pub n_rows: u64,
    /// Rows of the training part.
    pub n_train: u64,
    /// Shape of a row's features after encoding.
    pub sample_shape: SampleShape,
    /// The features that are indices of categories, in their order.
    pub categories: Vec<CategoryFeature>,
    /// What is predicted.
    pub outcome: Outcome,
}

impl DataFacts {
    /// Features of a row.
    #[must_use]
    pub fn n_features(&self) -> u64 {
        self.sample_shape.n_numbers() as u64
    }
}

/// The kind and width of what is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// One of this many classes.
    Classes(u64),
    /// This many numbers.
    Values(u64),
}

impl Outcome {
    /// Numbers the last layer of a network gives: one per class (two classes too) or one per target.
    #[must_use]
    pub fn width(self) -> u64 {
        match self {
            Self::Classes(n) | Self::Values(n) => n,
        }
    }
}

impl Targets {
    /// Rows that have a target.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Classes { labels, .. } => labels.len(),
            Self::Values { values, .. } => values.nrows(),
        }
    }

    /// The kind and width of what is predicted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Classes { names, .. } => Outcome::Classes(names.len() as u64),
            Self::Values { names, .. } => Outcome::Values(names.len() as u64),
        }
    }
}

/// A dataset that contradicts itself. The data room never makes one; a caller of the engine alone may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetError {
    /// Two lengths that must agree do not.
    #[error("{what}: {got} where {expected} were expected")]
    Length {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A feature or target is NaN or infinite.
    #[error("{what} of row {row}, column {column} is not finite")]
    NotFinite {
        /// `feature` or `target`.
        what: &'static str,
        /// Row index.
        row: usize,
        /// Column index.
        column: usize,
    },
    /// A label or a row index points nowhere.
    #[error("{what} {got} is out of range, there are {limit}")]
    OutOfRange {
        /// What the index means.
        what: &'static str,
        /// The index.
        got: u32,
        /// How many there are.
        limit: usize,
    },
    /// There is nothing to learn from.
    #[error("the training part has no rows")]
    NoTrainingRows,
}

impl Dataset {
    /// Rows of the table.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.features.nrows()
    }

    /// Features of the table.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.features.ncols()
    }

    /// The facts that defaults and limits depend on, given how many rows train.
    #[must_use]
    pub fn facts(&self, n_train: usize) -> DataFacts {
        DataFacts {
            n_rows: self.n_rows() as u64,
            n_train: n_train as u64,
            sample_shape: self.sample_shape,
            categories: self.categories.clone(),
            outcome: self.targets.outcome(),
        }
    }

    /// Checks that all lengths agree, every number is finite and every index points somewhere.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self, parts: &Parts) -> Result<(), DatasetError> {
        let length = |what, got, expected| {
            if got == expected {
                Ok(())
            } else {
                Err(DatasetError::Length {
                    what,
                    got,
                    expected,
                })
            }
        };
        length("feature names", self.feature_names.len(), self.n_features())?;
        length(
            "feature columns",
            self.feature_columns.len(),
            self.n_features(),
        )?;
        length(
            "numbers of a sample",
            self.sample_shape.n_numbers(),
            self.n_features(),
        )?;
        length("target rows", self.targets.n_rows(), self.n_rows())?;
        within(
            "feature column",
            &self.feature_columns,
            self.column_names.len(),
        )?;
        finite("feature", &self.features)?;
        for category in &self.categories {
            indices(&self.features, *category)?;
        }
        match &self.targets {
            Targets::Classes { labels, names } => within("label", labels, names.len())?,
            Targets::Values {
                values,
                names,
                mean,
                std,
            } => {
                length("target names", names.len(), values.ncols())?;
                length("target means", mean.len(), values.ncols())?;
                length("target standard deviations", std.len(), values.ncols())?;
                finite("target", values)?;
            }
        }
        for part in [&parts.train, &parts.validation, &parts.test] {
            within("row", part, self.n_rows())?;
        }
        if parts.train.is_empty() {
            Err(DatasetError::NoTrainingRows)
        } else {
            Ok(())
        }
    }
}

fn within(what: &'static str, indices: &[u32], limit: usize) -> Result<(), DatasetError> {
    match indices.iter().find(|&&index| index as usize >= limit) {
        Some(&got) => Err(DatasetError::OutOfRange { what, got, limit }),
        None => Ok(()),
    }
}

fn finite(what: &'static str, table: &Array2<f32>) -> Result<(), DatasetError> {
    match table.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), _)) => Err(DatasetError::NotFinite { what, row, column }),
        None => Ok(()),
    }
}

/// Whole numbers from 0 up to the number of categories.
fn indices(table: &Array2<f32>, category: CategoryFeature) -> Result<(), DatasetError> {
    let CategoryFeature {
        feature,
        vocabulary,
    } = category;
    let out_of_range = |what, got, limit| DatasetError::OutOfRange { what, got, limit };
    if feature >= table.ncols() {
        let what = "feature of categories";
        return Err(out_of_range(what, feature as u32, table.ncols()));
    }
    match table.column(feature).iter().find(|&&index| {
        index.fract() != 0.0 || !(0.0..vocabulary as f64).contains(&f64::from(index))
    }) {
        Some(&got) => Err(out_of_range("category", got as u32, vocabulary)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn two_rows() -> Dataset {
        Dataset {
            features: array![[0.0, 1.0], [1.0, 0.0]],
            categories: Vec::new(),
            sample_shape: 2.into(),
            feature_names: vec!["a".into(), "b".into()],
            feature_columns: vec![0, 1],
            column_names: vec!["a".into(), "b".into(), "y".into()],
            targets: Targets::Classes {
                labels: vec![0, 1],
                names: vec!["no".into(), "yes".into()],
            },
        }
    }

    #[test]
    fn a_sound_dataset_passes() {
        let parts = Parts {
            train: vec![0, 1],
            ..Parts::default()
        };
        assert_eq!(two_rows().check(&parts), Ok(()));
        assert_eq!(two_rows().facts(2).outcome, Outcome::Classes(2));
    }

    #[test]
    fn contradictions_are_named() {
        let parts = Parts {
            train: vec![0],
            ..Parts::default()
        };
        let mut nan = two_rows();
        nan.features[[1, 0]] = f32::NAN;
        assert_eq!(
            nan.check(&parts),
            Err(DatasetError::NotFinite {
                what: "feature",
                row: 1,
                column: 0
            })
        );
        let mut label = two_rows();
        label.targets = Targets::Classes {
            labels: vec![0, 2],
            names: vec!["no".into(), "yes".into()],
        };
        assert_eq!(
            label.check(&parts),
            Err(DatasetError::OutOfRange {
                what: "label",
                got: 2,
                limit: 2
            })
        );
        assert_eq!(
            two_rows().check(&Parts::default()),
            Err(DatasetError::NoTrainingRows)
        );
        let mut category = two_rows();
        category.categories.push(CategoryFeature {
            feature: 1,
            vocabulary: 1,
        });
        assert_eq!(
            category.check(&parts),
            Err(DatasetError::OutOfRange {
                what: "category",
                got: 1,
                limit: 1
            })
        );
        let far = Parts {
            train: vec![7],
            ..Parts::default()
        };
        assert_eq!(
            two_rows().check(&far),
            Err(DatasetError::OutOfRange {
                what: "row",
                got: 7,
                limit: 2
            })
        );
    }
}
