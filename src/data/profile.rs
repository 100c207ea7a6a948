//! What is known about each column after one pass over the file.

use serde::{Deserialize, Serialize};

use super::{Column, ColumnKind, DataError, Format, Sample, Schema};

/// The result of one pass over an uploaded file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ingested {
    /// How the file is written down.
    pub format: Format,
    /// Records without the header.
    pub n_rows: u64,
    /// Bytes of text after unpacking.
    pub unpacked_bytes: u64,
    /// One profile per column, in file order.
    pub columns: Vec<ColumnProfile>,
}

impl Ingested {
    /// Names and kinds alone: what decoding needs.
    pub fn schema(&self) -> Schema {
        let columns = self
            .columns
            .iter()
            .map(|c| Column {
                name: c.name.clone(),
                kind: c.kind,
                sample: c.sample.clone(),
            })
            .collect();
        Schema { columns }
    }

    /// Checks that the column called `name` could be a target: it exists and holds at least two different values.
    ///
    /// # Errors
    /// `unknown_column`, `one_class_target`
    pub fn check_target(&self, name: &str) -> Result<(), DataError> {
        let index = self.schema().find(name)?;
        super::ingest::check_varies(&self.columns[index])
    }
}

/// What one pass over the file learned about a column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Name from the header, or `column_N`.
    pub name: String,
    /// Position in the file, counted from 1.
    pub number: usize,
    /// What the cells are taken for.
    pub kind: ColumnKind,
    /// Why this kind was chosen, in words.
    pub why: String,
    /// Cells that say "no value": empty, NA, N/A, NaN, null, ?, -.
    pub n_missing: u64,
    /// Cells that hold something else than the kind promises; they are read as missing.
    pub n_bad: u64,
    /// How many different values there are.
    pub distinct: Distinct,
    /// Smallest number; for a timestamp, seconds since 1970-01-01T00:00:00Z.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Arithmetic mean of the numbers.
    pub mean: Option<f64>,
    /// Sample standard deviation (divisor n - 1) of the numbers; absent below two of them.
    pub std: Option<f64>,
    /// `min` as a moment in UTC, for a timestamp.
    pub earliest: Option<String>,
    /// `max` as a moment in UTC, for a timestamp.
    pub latest: Option<String>,
    /// Twenty bins of equal width between `min` and `max`; absent for names and text.
    pub histogram: Option<Histogram>,
    /// The most frequent values, at most ten; empty where there were too many different ones to count.
    pub top_values: Vec<TopValue>,
    /// The first ten cells that do not fit the kind.
    pub bad_cells: Vec<BadCell>,
    /// Shape and type of an array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// The numbers of an array by channel, which is its last dimension; one entry for all where there are very many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<ChannelProfile>>,
}

/// What is known of the numbers of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChannelProfile {
    /// Smallest number.
    pub min: f64,
    /// Largest number.
    pub max: f64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (divisor n - 1); 0 for a single number.
    pub std: f64,
}

/// A count of different values that stops at a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distinct {
    /// The count, or a lower bound of it.
    pub n: u64,
    /// Whether `n` is the count itself; otherwise there are at least `n`.
    pub exact: bool,
}

/// Counts over twenty bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Left edge of the first bin.
    pub min: f64,
    /// Right edge of the last bin.
    pub max: f64,
    /// Values per bin.
    pub counts: Vec<u64>,
    /// Whether each value was put in its own bin; otherwise a value closer to an edge than 1/250 of the range may be
    /// counted on the other side of it.
    pub exact: bool,
}

/// A value and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopValue {
    /// The value as the file writes it.
    pub value: String,
    /// Number of cells that hold it.
    pub count: u64,
}

/// A cell that does not fit its column's kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadCell {
    /// Physical line of the file, counted from 1.
    pub line: u64,
    /// What it holds, cut to 80 characters.
    pub value: String,
}
