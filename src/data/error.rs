//! What can be wrong with an uploaded file, said so that its owner can find the place.

use serde::{Deserialize, Serialize};

/// A column as people point at it: its number, counted from 1, and its name where one is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnRef {
    /// Position in the file, counted from 1.
    pub number: usize,
    /// Name from the header, or the generated `column_N`; absent while the header itself is wrong.
    pub name: Option<String>,
}

impl std::fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "column {} ({name:?})", self.number),
            None => write!(f, "column {}", self.number),
        }
    }
}

/// A file, a column or a learning task over them that cannot be used, with the place where it shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct DataError {
    /// Stable name of the violation, e.g. `ragged_row`.
    pub code: &'static str,
    /// What is wrong, where, and what would be right; complete in itself.
    pub message: String,
    /// Physical line of the file, counted from 1.
    pub line: Option<u64>,
    /// The column the message is about.
    pub column: Option<ColumnRef>,
    /// Offset in bytes from the start of the unpacked file.
    pub byte_offset: Option<u64>,
}

impl DataError {
    /// An error without a place; the `at_*` methods add one.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            line: None,
            column: None,
            byte_offset: None,
        }
    }

    /// The same error, shown at a line (counted from 1).
    pub fn at_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// The same error, shown at a column (`number` counted from 1).
    pub fn at_column(mut self, number: usize, name: Option<&str>) -> Self {
        self.column = Some(ColumnRef {
            number,
            name: name.map(str::to_owned),
        });
        self
    }

    /// The same error, shown at a byte of the unpacked file.
    pub fn at_byte(mut self, offset: u64) -> Self {
        self.byte_offset = Some(offset);
        self
    }
}
