//! What an array says of itself before its numbers come.

use std::io::Read;

use super::element::Element;
use crate::data::{DataError, Limits};

/// Type and dimensions of an array; the numbers follow in C order, the last dimension fastest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub element: Element,
    /// At least one; the first counts the rows.
    pub dims: Vec<u64>,
    /// Bytes of the header itself.
    pub n_bytes: u64,
}

impl Header {
    pub(super) fn n_rows(&self) -> u64 {
        self.dims[0]
    }

    /// Dimensions of one row.
    pub(super) fn row_dims(&self) -> &[u64] {
        &self.dims[1..]
    }

    /// Bytes of one row, and of all; nothing is allocated by what a header says before both are within the limits.
    pub(super) fn sizes(&self, name: &str, limits: &Limits) -> Result<(usize, u64), DataError> {
        let shown = shape(&self.dims);
        let n_numbers = product(self.row_dims())
            .filter(|n| *n <= limits.max_sample_numbers)
            .ok_or_else(|| {
                let message = format!(
                    "{name} declares the shape {shown}; a row may have at most {} numbers",
                    limits.max_sample_numbers
                );
                DataError::new("array_too_large", message)
            })?;
        if self.dims.contains(&0) {
            let message =
                format!("{name} declares the shape {shown}, which holds nothing to learn from");
            return Err(DataError::new("empty_array", message));
        }
        if self.n_rows() > limits.max_rows {
            let message = format!(
                "{name} declares the shape {shown}; a dataset may have at most {} rows",
                limits.max_rows
            );
            return Err(DataError::new("array_too_large", message));
        }
        let row_bytes = n_numbers * self.element.kind.n_bytes() as u64;
        let all_bytes = row_bytes
            .checked_mul(self.n_rows())
            .filter(|n| *n <= limits.max_unpacked_bytes)
            .ok_or_else(|| {
                let message = format!(
                    "{name} declares the shape {shown}, which is more than {} bytes",
                    limits.max_unpacked_bytes
                );
                DataError::new("array_too_large", message)
            })?;
        Ok((row_bytes as usize, all_bytes))
    }
}

/// The product of all, if it can be counted.
pub(super) fn product(dims: &[u64]) -> Option<u64> {
    dims.iter()
        .try_fold(1_u64, |all, dim| all.checked_mul(*dim))
}

/// `60000 x 28 x 28`
pub(super) fn shape(dims: &[u64]) -> String {
    let all: Vec<String> = dims.iter().map(u64::to_string).collect();
    all.join(" x ")
}

/// Reads the next bytes of a header into `out`.
pub(super) fn fill(bytes: &mut dyn Read, out: &mut [u8], name: &str) -> Result<(), DataError> {
    bytes.read_exact(out).map_err(|error| {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            DataError::new(
                "truncated_header",
                format!("{name} ends within its header; upload it whole"),
            )
        } else {
            super::source::failed(error, name)
        }
    })
}
