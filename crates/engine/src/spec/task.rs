//! What is to be learned from which columns, and which rows serve which purpose.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The learning task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// What kind of answer is wanted.
    pub kind: TaskKind,
    /// The column to be predicted, for an embedding that of the classes; several columns for a regression with several targets.
    pub target: Target,
    /// Which columns are looked at. Default: every column but the target whose kind can be encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Features>,
    /// Which rows train, validate and test. Default: stratified for classes, random for a regression, 15 % each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    /// How columns become numbers. Everything is fitted on the training rows only.
    #[serde(default)]
    pub preprocessing: Preprocessing,
}

/// What kind of answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// One of two or more classes.
    Classification,
    /// One or several numbers.
    Regression,
    /// A place among the other rows: rows of one class near each other, others apart.
    Embedding,
}

impl TaskKind {
    /// Every kind there is.
    #[cfg(test)]
    pub(super) const ALL: [Self; 3] = [Self::Classification, Self::Regression, Self::Embedding];

    /// The name in the document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::Regression => "regression",
            Self::Embedding => "embedding",
        }
    }

    /// The name with its article, for sentences.
    pub(crate) fn article(self) -> &'static str {
        match self {
            Self::Classification => "a classification",
            Self::Regression => "a regression",
            Self::Embedding => "an embedding",
        }
    }

    /// Whether the target is one of several classes; else it is numbers.
    #[must_use]
    pub fn has_classes(self) -> bool {
        match self {
            Self::Classification | Self::Embedding => true,
            Self::Regression => false,
        }
    }

    /// The losses that fit, by kind.
    #[must_use]
    pub fn losses(self) -> &'static [&'static str] {
        match self {
            Self::Classification => &["cross_entropy", "binary_cross_entropy", "hinge"],
            Self::Regression => &["mse", "mae", "huber", "quantile", "poisson", "kl"],
            Self::Embedding => &["contrastive"],
        }
    }
}

/// The column or columns to be predicted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Target {
    /// One column, by name.
    One(#[schemars(length(min = 1, max = 1000))] String),
    /// Several columns, by name (regression only).
    Several(#[schemars(length(min = 1, max = 256))] Vec<String>),
}

impl Target {
    /// The names, one or several.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// Which columns are looked at; one of the two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Features {
    /// Only these columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10_000))]
    pub include: Option<Vec<String>>,
    /// Every column but these and the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10_000))]
    pub exclude: Option<Vec<String>>,
}

/// Which rows train, validate and test. Parts are fractions of all rows; what is left trains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// At random, every class in the same proportion in every part (not for a regression).
    Stratified {
        /// Fraction that validates.
        #[serde(default = "fifteen_percent")]
        #[schemars(range(min = 0.0, max = 0.9))]
        validation: f64,
        /// Fraction that tests.
        #[serde(default = "fifteen_percent")]
        #[schemars(range(min = 0.0, max = 0.9))]
        test: f64,
        /// Seed of the draw. Default: the training's seed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 9_007_199_254_740_991u64))]
        seed: Option<u64>,
    },
    /// At random.
    Random {
        /// Fraction that validates.
        #[serde(default = "fifteen_percent")]
        #[schemars(range(min = 0.0, max = 0.9))]
        validation: f64,
        /// Fraction that tests.
        #[serde(default = "fifteen_percent")]
        #[schemars(range(min = 0.0, max = 0.9))]
        test: f64,
        /// Seed of the draw. Default: the training's seed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 9_007_199_254_740_991u64))]
        seed: Option<u64>,
    },
    /// The earliest rows train, later ones validate, the latest test.
    Chronological {
        /// Column to order by. Default: the order of the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<String>,
        /// Fraction that validates.
        #[serde(default = "fifteen_percent")]
        #[schemars(range(min = 0.0, max = 0.9))]
        validation: f64,
        /// Fraction that tests.
        #[serde(default = "fifteen_percent")]
        #[schemars(range(min = 0.0, max = 0.9))]
        test: f64,
    },
    /// A column of the file says it. The column itself is then not a feature.
    ByColumn {
        /// The column.
        column: String,
        /// Its values that mean validation.
        #[serde(default = "validation_values")]
        #[schemars(length(max = 100))]
        validation: Vec<String>,
        /// Its values that mean test. Rows with any other value train.
        #[serde(default = "test_values")]
        #[schemars(length(max = 100))]
        test: Vec<String>,
    },
}

fn fifteen_percent() -> f64 {
    0.15
}
fn validation_values() -> Vec<String> {
    vec![
        "validation".into(),
        "valid".into(),
        "val".into(),
        "dev".into(),
    ]
}
fn test_values() -> Vec<String> {
    vec!["test".into()]
}

impl Split {
    /// Name of the kind, as in the document.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stratified { .. } => "stratified",
            Self::Random { .. } => "random",
            Self::Chronological { .. } => "chronological",
            Self::ByColumn { .. } => "by_column",
        }
    }

    /// Fractions of validation and test, where the split has fractions.
    #[must_use]
    pub fn fractions(&self) -> Option<(f64, f64)> {
        match self {
            Self::Stratified {
                validation, test, ..
            }
            | Self::Random {
                validation, test, ..
            }
            | Self::Chronological {
                validation, test, ..
            } => Some((*validation, *test)),
            Self::ByColumn { .. } => None,
        }
    }

    /// Whether any row can validate.
    #[must_use]
    pub fn validates(&self) -> bool {
        match self {
            Self::ByColumn { validation, .. } => !validation.is_empty(),
            _ => self
                .fractions()
                .is_some_and(|(validation, _)| validation > 0.0),
        }
    }
}

impl Task {
    /// The split that is used: the one asked for, with its seed filled in, or the default of the task's kind.
    #[must_use]
    pub fn split(&self, training_seed: u64) -> Split {
        let (validation, test, default_seed) =
            (fifteen_percent(), fifteen_percent(), Some(training_seed));
        match (&self.split, self.kind) {
            (
                Some(Split::Stratified {
                    validation,
                    test,
                    seed,
                }),
                _,
            ) => Split::Stratified {
                validation: *validation,
                test: *test,
                seed: seed.or(default_seed),
            },
            (
                Some(Split::Random {
                    validation,
                    test,
                    seed,
                }),
                _,
            ) => Split::Random {
                validation: *validation,
                test: *test,
                seed: seed.or(default_seed),
            },
            (Some(split), _) => split.clone(),
            (None, kind) if kind.has_classes() => Split::Stratified {
                validation,
                test,
                seed: default_seed,
            },
            (None, _) => Split::Random {
                validation,
                test,
                seed: default_seed,
            },
        }
    }
}

/// How columns become numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Preprocessing {
    /// What stands in for a missing number. A missing category always becomes the most frequent one.
    pub impute: Impute,
    /// Whether a column with missing values gets a second feature that says where they were.
    pub indicator: bool,
    /// Whether numbers are shifted and scaled to mean 0 and standard deviation 1; those of arrays by channel.
    pub standardise: bool,
    /// Whether pixels of one byte are divided by 255, before they are standardised.
    pub scale: bool,
    /// What becomes of the categories of a column.
    pub categories: Categories,
    /// Categories of a column that get a feature (or row of a table) of their own, the most frequent first; the others share
    /// one with categories never seen in training.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_categories: u32,
}

impl Default for Preprocessing {
    fn default() -> Self {
        Self {
            impute: Impute::Median,
            indicator: true,
            standardise: true,
            scale: true,
            categories: Categories::OneHot {},
            max_categories: 64,
        }
    }
}

/// What becomes of the categories of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Categories {
    /// A feature for each category, 1 for the row's own and 0 for the others.
    OneHot {},
    /// One feature, the index of the category, for which the network learns a row of a table: a layer `entity_embedding` goes
    /// before those of the network. For columns of many categories.
    Embedding {
        /// Numbers that a category becomes. Default: for each column 1.6 v^0.56 for v categories with that of the unknown, at
        /// most 50.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 1_024))]
        dimensions: Option<u32>,
    },
}

/// What stands in for a missing number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Impute {
    /// The mean of the training rows.
    Mean,
    /// The median of the training rows.
    Median,
    /// The most frequent value of the training rows.
    MostFrequent,
}
