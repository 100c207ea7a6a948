//! A dataset and its profile, as they are sent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::error::Result;
use crate::api::time::rfc3339;
use crate::data;
use crate::store::datasets as rows;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Numbers, at least one of them with a decimal point or an exponent.
    Numeric,
    /// Whole numbers.
    Integer,
    /// One of a limited set of names.
    Categorical,
    /// Two values: 0/1, true/false, yes/no.
    Boolean,
    /// Dates or date-times in ISO 8601 order.
    Timestamp,
    /// Free text.
    Text,
    /// Numbers in one to three dimensions: a vector, a sequence or an image.
    Array,
}

impl From<ColumnKind> for data::ColumnKind {
    fn from(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Numeric => Self::Numeric,
            ColumnKind::Integer => Self::Integer,
            ColumnKind::Categorical => Self::Categorical,
            ColumnKind::Boolean => Self::Boolean,
            ColumnKind::Timestamp => Self::Timestamp,
            ColumnKind::Text => Self::Text,
            ColumnKind::Array => Self::Array,
        }
    }
}

/// What the dimensions of an array of samples mean; the first counts the rows in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LayoutName {
    /// `[n, features]` vectors, `[n, height, width]` or `[n, height, width, channels]` images.
    ChannelsLast,
    /// `[n, channels, height, width]` images.
    ChannelsFirst,
    /// `[n, steps]` or `[n, steps, features]` sequences.
    Sequence,
}

impl From<LayoutName> for data::Layout {
    fn from(name: LayoutName) -> Self {
        match name {
            LayoutName::ChannelsLast => Self::ChannelsLast,
            LayoutName::ChannelsFirst => Self::ChannelsFirst,
            LayoutName::Sequence => Self::Sequence,
        }
    }
}

/// How arrays or pictures are written down.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArrayFormat {
    /// The kind of file.
    pub container: Container,
    /// How the bytes are packed.
    pub compression: Compression,
    /// What the dimensions of the samples mean.
    pub layout: LayoutName,
    /// The arrays by part, in the order of the rows. Empty for pictures, whose folders say it.
    pub parts: Vec<ArrayPart>,
}

/// A kind of file that holds samples.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    /// One IDX file.
    Idx,
    /// One NPY file.
    Npy,
    /// A ZIP archive of IDX or NPY files: NPZ, or what the files of a form are stored as.
    Archive,
    /// A ZIP archive of pictures in folders that are named by their class.
    Pictures,
}

/// The arrays of one part.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArrayPart {
    /// `train`, `validation` or `test` where the file has several parts.
    pub split: Option<String>,
    /// Name of the array of samples; empty where the file is the array.
    pub samples: String,
    /// Name of the array of labels.
    pub labels: Option<String>,
    /// Its rows.
    pub n_rows: u64,
}

/// Shape and type of the arrays of a column.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// `[features]`, `[steps, features]` or `[height, width, channels]`.
    #[schema(min_items = 1, max_items = 3)]
    pub shape: Vec<u32>,
    /// Type of the numbers in the file, by its name in NumPy.
    pub element: String,
}

/// The numbers of one channel.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChannelProfile {
    /// Smallest number.
    pub min: f64,
    /// Largest number.
    pub max: f64,
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation.
    pub std: f64,
}

/// How a table is written down.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TableFormat {
    /// How the bytes are packed.
    pub compression: Compression,
    /// Whether the text starts with the UTF-8 byte order mark.
    pub byte_order_mark: bool,
    /// What separates the fields.
    #[schema(min_length = 1, max_length = 1)]
    pub delimiter: String,
    /// Whether the first record holds the column names.
    pub header: bool,
    /// Why the first record was taken as a header or as data.
    pub header_why: String,
    /// Set where the file holds arrays or pictures instead of a table; the members above then say nothing.
    #[serde(default)]
    pub arrays: Option<ArrayFormat>,
}

/// How the bytes of a file are packed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Plain bytes.
    None,
    /// RFC 1952.
    Gzip,
}

/// One column: its name and kind.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Column {
    /// Unique within the dataset.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnKind,
    /// Shape and type of its arrays; null for other kinds.
    #[serde(default)]
    pub sample: Option<Sample>,
}

/// An uploaded table, or arrays.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Dataset {
    /// Its id.
    #[schema(format = Uuid)]
    pub id: String,
    /// Always `dataset`.
    #[schema(pattern = "^dataset$")]
    pub object: &'static str,
    /// For people; a spec that says a name means the newest dataset of that name.
    pub name: String,
    /// SHA-256 of the original bytes.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// Size of the original bytes.
    #[schema(minimum = 0)]
    pub size_bytes: i64,
    /// How the table is written down.
    pub format: TableFormat,
    /// Rows without the header.
    #[schema(minimum = 0)]
    pub n_rows: i64,
    /// Columns.
    #[schema(minimum = 1)]
    pub n_columns: i64,
    /// Name and kind of every column, in file order.
    pub columns: Vec<Column>,
    /// When it was uploaded.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When its name or kinds were last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl Dataset {
    /// As stored.
    ///
    /// # Errors
    /// When the row was written by something else.
    pub fn of(row: &rows::Dataset) -> Result<Self> {
        #[derive(Deserialize)]
        struct Schema {
            columns: Vec<Column>,
        }
        let schema: Schema = row.schema.parse()?;
        Ok(Dataset {
            id: row.id.to_string(),
            object: "dataset",
            name: row.name.clone(),
            sha256: row.sha256.clone(),
            size_bytes: row.size_bytes,
            format: row.format.parse()?,
            n_rows: row.n_rows,
            n_columns: row.n_columns,
            columns: schema.columns,
            created_at: rfc3339(row.created_at_ms),
            updated_at: rfc3339(row.updated_at_ms),
        })
    }
}

/// What one pass over the file learned.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// Always `profile`.
    #[schema(pattern = "^profile$")]
    #[serde(default = "profile")]
    pub object: String,
    /// Rows without the header.
    pub n_rows: u64,
    /// Bytes of text after unpacking.
    pub unpacked_bytes: u64,
    /// How the table is written down.
    pub format: TableFormat,
    /// One per column, in file order.
    pub columns: Vec<ColumnProfile>,
}

fn profile() -> String {
    "profile".to_owned()
}

/// What one pass over the file learned about a column.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ColumnProfile {
    /// Name from the header, or `column_N`.
    pub name: String,
    /// Position in the file, from 1.
    #[schema(minimum = 1)]
    pub number: usize,
    /// What the cells are taken for.
    pub kind: ColumnKind,
    /// Why this kind was chosen.
    pub why: String,
    /// Cells that say "no value".
    pub n_missing: u64,
    /// Cells that hold something else than the kind promises; read as missing.
    pub n_bad: u64,
    /// How many different values there are.
    pub distinct: Distinct,
    /// Smallest number; for a timestamp, seconds since 1970.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Mean of the numbers.
    pub mean: Option<f64>,
    /// Sample standard deviation.
    pub std: Option<f64>,
    /// Twenty bins between `min` and `max`; null for names and text.
    pub histogram: Option<Histogram>,
    /// The most frequent values, at most ten.
    #[schema(max_items = 10)]
    pub top_values: Vec<TopValue>,
    /// The first ten cells that do not fit the kind.
    #[schema(max_items = 10)]
    pub bad_cells: Vec<BadCell>,
    /// Shape and type of its arrays; null for other kinds.
    #[serde(default)]
    pub sample: Option<Sample>,
    /// The numbers of arrays by channel, their last dimension; one entry for all where there are more than 16.
    #[serde(default)]
    pub channels: Option<Vec<ChannelProfile>>,
}

/// A count of different values that stops at a cap.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Distinct {
    /// The count, or a lower bound of it.
    pub n: u64,
    /// Whether `n` is the count itself.
    pub exact: bool,
}

/// Counts over twenty bins of equal width.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Histogram {
    /// Left edge of the first bin.
    pub min: f64,
    /// Right edge of the last bin.
    pub max: f64,
    /// Values per bin.
    pub counts: Vec<u64>,
    /// Whether each value was put in its own bin.
    pub exact: bool,
}

/// A value and how often it occurs.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TopValue {
    /// As the file writes it.
    pub value: String,
    /// Cells that hold it.
    pub count: u64,
}

/// A cell that does not fit its column's kind.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BadCell {
    /// Line of the file, from 1.
    #[schema(minimum = 1)]
    pub line: u64,
    /// What it holds, cut to 80 characters.
    pub value: String,
}

/// Rows word for word.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rows {
    /// Always `rows`.
    #[schema(pattern = "^rows$")]
    pub object: &'static str,
    /// Names of the columns, in file order.
    pub columns: Vec<String>,
    /// Number of the first row shown, from 0.
    pub offset: u64,
    /// One list of cells per row; null is a missing value. An array is a data URL: a PNG where its numbers are pixels, else an
    /// NPY file. Rows of large arrays may be fewer than asked for.
    pub data: data::Rows,
    /// Whether more rows follow.
    pub has_more: bool,
}
