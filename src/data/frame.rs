//! Decoded columns: numbers, names with codes, or the numbers of arrays.

use super::Sample;

/// How the cells of a column are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As numbers.
    Number,
    /// As 0 and 1.
    Boolean,
    /// As seconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// Word for word.
    Name,
    /// As the numbers of an array.
    Array,
}

impl Reading {
    /// The reading that a feature of this kind gets.
    pub fn of(kind: super::ColumnKind) -> Self {
        use super::ColumnKind;
        match kind {
            ColumnKind::Numeric | ColumnKind::Integer => Self::Number,
            ColumnKind::Boolean => Self::Boolean,
            ColumnKind::Timestamp => Self::Timestamp,
            ColumnKind::Categorical | ColumnKind::Text => Self::Name,
            ColumnKind::Array => Self::Array,
        }
    }
}

/// A column that is wanted, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Position in the schema, counted from 0.
    pub column: usize,
    /// How its cells are read.
    pub reading: Reading,
}

/// The code of a missing name.
pub const MISSING: u32 = u32::MAX;

/// The values of one column, one per row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// NaN where a cell is missing or holds no number.
    Numbers(Vec<f64>),
    /// Index into `names` for each row, [`MISSING`] where a cell is missing.
    Names {
        /// One per row.
        codes: Vec<u32>,
        /// The different names in order of first appearance.
        names: Vec<String>,
    },
    /// The numbers of an array, sample after sample.
    Samples(Samples),
}

/// Samples of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// Their shape, and the type they have in the file.
    pub sample: Sample,
    /// `[rows x numbers of a sample]`
    pub numbers: Numbers,
}

/// Numbers as they are kept until they become features.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Pixels of one byte.
    Bytes(Vec<u8>),
    /// Anything else, rounded to single precision.
    Floats(Vec<f32>),
}

impl Numbers {
    /// Bytes of memory.
    pub fn n_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len() * 4,
        }
    }
}

/// Wanted columns of all rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    /// Rows of the file.
    pub n_rows: usize,
    /// Position in the schema and values of each wanted column.
    pub columns: Vec<(usize, Values)>,
}

impl Frame {
    /// The values of the column at this position of the schema, if it was wanted.
    pub fn column(&self, column: usize) -> Option<&Values> {
        self.columns
            .iter()
            .find(|(index, _)| *index == column)
            .map(|(_, values)| values)
    }

    /// Bytes of memory that the values take, names not counted.
    pub fn n_bytes(&self) -> usize {
        let width = |values: &Values| match values {
            Values::Numbers(_) => 8 * self.n_rows,
            Values::Names { .. } => 4 * self.n_rows,
            Values::Samples(samples) => samples.numbers.n_bytes(),
        };
        self.columns.iter().map(|(_, values)| width(values)).sum()
    }
}
