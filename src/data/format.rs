//! How a table is written down: compression, delimiter, header; and where a file holds arrays instead, how those are.

use serde::{Deserialize, Serialize};

use super::ArrayFormat;

/// How the bytes of the file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Plain bytes.
    None,
    /// RFC 1952, one member or several.
    Gzip,
}

/// Everything needed to read the same file again without looking at it twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// How the bytes are packed.
    pub compression: Compression,
    /// Whether the text starts with the UTF-8 byte order mark `EF BB BF`.
    pub byte_order_mark: bool,
    /// What separates the fields: `,` `;` tab or `|`.
    pub delimiter: char,
    /// Whether the first record holds the column names.
    pub header: bool,
    /// Why the first record was taken as a header or as data.
    pub header_why: String,
    /// Where the file holds arrays or pictures: how. The fields of a table then say nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrays: Option<ArrayFormat>,
}

impl Format {
    /// The form of a file that is no table.
    pub(super) fn of_arrays(arrays: ArrayFormat) -> Self {
        Self {
            compression: arrays.compression,
            byte_order_mark: false,
            delimiter: ',',
            header: false,
            header_why: "the file holds arrays, which have no header of names".to_owned(),
            arrays: Some(arrays),
        }
    }

    /// The delimiter as the one byte it is; every delimiter that is recognised is ASCII.
    pub fn delimiter_byte(&self) -> u8 {
        u8::try_from(self.delimiter).unwrap_or(b',')
    }
}
