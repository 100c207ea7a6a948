//! How a table is written down: compression, delimiter, header.

use serde::{Deserialize, Serialize};

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
}

impl Format {
    /// The delimiter as the one byte it is; every delimiter that is recognised is ASCII.
    pub fn delimiter_byte(&self) -> u8 {
        u8::try_from(self.delimiter).unwrap_or(b',')
    }
}
