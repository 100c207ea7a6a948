//! A raw value becomes features, by the rules by which the training file was read; what fits no rule is refused here, where training
//! took it as missing: a sender can be told, a file could not.

use std::collections::HashMap;

use super::cell::Cell;
use crate::data::{Encoding, RawCell, Reading, RowNoteCode, Transform};

/// A value that is none of its column's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub code: &'static str,
    /// What would have been right.
    pub expected: &'static str,
}

/// Per input, the categories that are written as numbers: JSON says 1.0 where a file may say `1.00`.
#[derive(Debug)]
pub(super) struct Spellings {
    by_number: Vec<HashMap<u64, Box<str>>>,
}

impl Spellings {
    pub(super) fn of(transform: &Transform) -> Self {
        let of_input = |encoding: &Encoding| {
            let names = encoding.names().iter();
            names
                .filter_map(|name| Some((bits(name.parse().ok()?), name.as_str().into())))
                .collect()
        };
        Self {
            by_number: transform
                .inputs
                .iter()
                .map(|input| of_input(&input.encoding))
                .collect(),
        }
    }
}

/// Equal numbers have equal bits, zeros too.
fn bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

/// Writes the features of one value into its row, and says what the sender should know.
#[inline]
pub(super) fn encode(
    transform: &Transform,
    spellings: &Spellings,
    input: usize,
    cell: Cell<'_>,
    row: &mut [f32],
) -> Result<Option<RowNoteCode>, Mismatch> {
    let raw = match cell {
        Cell::Missing => RawCell::Missing,
        Cell::Number(number) => RawCell::Number(number),
        Cell::Boolean(truth) => RawCell::Text(if truth { "true" } else { "false" }),
        Cell::Text(text) => RawCell::Text(text),
        Cell::Numbers(numbers) => RawCell::Numbers(numbers),
    };
    match transform.encode_cell(input, raw, row) {
        Some(RowNoteCode::UnreadableImputed) => {
            Err(mismatch(transform.inputs[input].encoding.reading()))
        }
        Some(RowNoteCode::UnknownCategory) => Ok(respelled(transform, spellings, input, cell, row)),
        note => Ok(note),
    }
}

/// Tries the other ways to write a number or a boolean as a name.
#[cold]
fn respelled(
    transform: &Transform,
    spellings: &Spellings,
    input: usize,
    cell: Cell<'_>,
    row: &mut [f32],
) -> Option<RowNoteCode> {
    let others: [&str; 2] = match cell {
        Cell::Boolean(true) => ["True", "TRUE"],
        Cell::Boolean(false) => ["False", "FALSE"],
        Cell::Number(number) => match spellings.by_number[input].get(&bits(number)) {
            Some(name) => return transform.encode_cell(input, RawCell::Text(name), row),
            None => return Some(RowNoteCode::UnknownCategory),
        },
        _ => return Some(RowNoteCode::UnknownCategory),
    };
    for other in others {
        let note = transform.encode_cell(input, RawCell::Text(other), row);
        if note != Some(RowNoteCode::UnknownCategory) {
            return note;
        }
    }
    Some(RowNoteCode::UnknownCategory)
}

fn mismatch(reading: Reading) -> Mismatch {
    let (code, expected) = match reading {
        Reading::Number => ("not_a_number", "a number"),
        Reading::Boolean => (
            "not_a_boolean",
            "true or false (or 0/1, yes/no, t/f, y/n, on/off)",
        ),
        Reading::Timestamp => (
            "not_a_timestamp",
            "a date or date-time such as 2024-01-31 or 2024-01-31T12:00:00Z",
        ),
        Reading::Name => ("not_a_name", "a name"),
        Reading::Array => (
            "not_a_sample",
            "a sample of the model's shape: numbers in one list or nested lists, or a data URL of a PNG, JPEG or NPY",
        ),
    };
    Mismatch { code, expected }
}
