//! The columns of a dataset and the kind of value each holds.

use serde::{Deserialize, Serialize};

use super::{DataError, Sample};

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers, at least one of them written with a decimal point or an exponent.
    Numeric,
    /// Whole numbers.
    Integer,
    /// One of a limited set of names.
    Categorical,
    /// Two values: 0/1, true/false, yes/no, t/f, y/n, on/off.
    Boolean,
    /// Dates or date-times in ISO 8601 order (`2024-01`, `2024-01-31`, `2024-01-31T12:00:00Z`, ...).
    Timestamp,
    /// Free text: too many different values to be names.
    Text,
    /// Numbers in one to three dimensions: a vector, a sequence or an image.
    Array,
}

impl ColumnKind {
    /// Every kind, in the order in which documentation lists them.
    pub const ALL: [ColumnKind; 7] = [
        Self::Numeric,
        Self::Integer,
        Self::Categorical,
        Self::Boolean,
        Self::Timestamp,
        Self::Text,
        Self::Array,
    ];

    /// The name used in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Numeric => "numeric",
            Self::Integer => "integer",
            Self::Categorical => "categorical",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Text => "text",
            Self::Array => "array",
        }
    }
}

impl std::fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One column: its name and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Unique name within the dataset.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnKind,
    /// Shape and type of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
}

/// The columns of a dataset in file order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// In file order.
    pub columns: Vec<Column>,
}

impl Schema {
    /// Position of the column that holds arrays, in a dataset of arrays.
    pub fn array(&self) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.sample.is_some())
    }

    /// Position of the column called `name`, counted from 0.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Position of the column called `name`.
    ///
    /// # Errors
    /// `unknown_column`, naming the nearest column there is.
    pub fn find(&self, name: &str) -> Result<usize, DataError> {
        if let Some(index) = self.index_of(name) {
            return Ok(index);
        }
        let nearest = self
            .columns
            .iter()
            .map(|column| (strsim::osa_distance(&column.name, name), &column.name))
            .min_by_key(|(distance, _)| *distance);
        let hint = match nearest {
            Some((_, near)) => format!("; the nearest name is {near:?}"),
            None => String::new(),
        };
        Err(DataError::new(
            "unknown_column",
            format!("the dataset has no column {name:?}{hint}"),
        ))
    }
}
