//! What is too much for one file.

use serde::{Deserialize, Serialize};

/// Bounds on an uploaded table, and how many threads read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Columns of a table.
    pub max_columns: usize,
    /// Bytes of one field, quotes not counted.
    pub max_field_bytes: usize,
    /// Bytes of one record.
    pub max_record_bytes: usize,
    /// Unpacked bytes per packed byte.
    pub max_unpack_ratio: u64,
    /// Unpacked bytes that are taken before the ratio counts: small files may repeat themselves a lot.
    pub unpack_slack_bytes: u64,
    /// Unpacked bytes altogether.
    pub max_unpacked_bytes: u64,
    /// Numbers of one sample of an array, and so pixels of a picture times its channels.
    pub max_sample_numbers: u64,
    /// Rows of an array.
    pub max_rows: u64,
    /// Packed bytes of one picture.
    pub max_picture_bytes: u64,
    /// Threads that parse beside the one that pushes; small files never start them.
    pub n_threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_columns: 10_000,
            max_field_bytes: 64 << 10,
            max_record_bytes: 8 << 20,
            max_unpack_ratio: 100,
            unpack_slack_bytes: 16 << 20,
            max_unpacked_bytes: 8 << 30,
            max_sample_numbers: 1 << 20,
            max_rows: 1 << 24,
            max_picture_bytes: 16 << 20,
            n_threads: 2,
        }
    }
}

/// What the upload already says about the file; everything else is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// The delimiter, where the content type names it (`text/tab-separated-values`).
    pub delimiter: Option<u8>,
    /// Whether there is a header (`text/csv; header=absent`).
    pub header: Option<bool>,
    /// Kinds that the owner set, by column name; they are not guessed again.
    pub kinds: Vec<(String, super::ColumnKind)>,
    /// What the dimensions of arrays mean, where it was said.
    pub layout: Option<super::Layout>,
}

impl Hint {
    /// Reads the parameters of a `Content-Type`, e.g. `text/csv; header=absent`. What says nothing is ignored.
    pub fn from_content_type(value: &str) -> Self {
        let lower = value.to_ascii_lowercase();
        let mut parts = lower.split(';').map(str::trim);
        let delimiter = (parts.next() == Some("text/tab-separated-values")).then_some(b'\t');
        let header = parts.find_map(|part| match part {
            "header=present" => Some(true),
            "header=absent" => Some(false),
            _ => None,
        });
        Self {
            delimiter,
            header,
            kinds: Vec::new(),
            layout: None,
        }
    }
}
