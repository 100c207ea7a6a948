//! Single raw rows at prediction: the same encodings, cell by cell, with notes on what was not as in training.

use serde::{Deserialize, Serialize};

use super::{Encoding, Transform};
use crate::data::decode::read_number;
use crate::data::number::is_single;
use crate::data::{Reading, cell, read_data_url};

/// A value of a row that is to be predicted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RawCell<'a> {
    /// `null`, or not given.
    Missing,
    /// A number; a categorical column takes it as the name that it is written as.
    Number(f64),
    /// The numbers of a sample, in the units of the training file.
    Numbers(&'a [f64]),
    /// Text as it would stand in the training file, a number too.
    Text(&'a str),
}

/// Something about a value that the sender of a row should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowNote {
    /// Index into [`Transform::inputs`].
    #[serde(skip)]
    pub input: usize,
    /// What happened.
    pub code: RowNoteCode,
}

/// What can happen to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowNoteCode {
    /// It was missing, and the value learned in training stood in.
    MissingImputed,
    /// It is no value of the column's kind, and was taken as missing, as in training.
    UnreadableImputed,
    /// It is a category that had no feature of its own in training.
    UnknownCategory,
}

impl RowNoteCode {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::MissingImputed => "missing_imputed",
            Self::UnreadableImputed => "unreadable_imputed",
            Self::UnknownCategory => "unknown_category",
        }
    }
}

impl Transform {
    /// Index into `inputs` of the column called `name`, if it is looked at.
    pub fn input_named(&self, name: &str) -> Option<usize> {
        self.inputs.iter().position(|input| input.name == name)
    }

    /// Writes the features of one value: those of input `index`, into the row's features.
    ///
    /// Bit-identical to [`Transform::apply`] on a file that holds the value. Allocates nothing for text; `features` is the
    /// whole row, [`Transform::n_features`] long.
    #[inline]
    pub fn encode_cell(
        &self,
        index: usize,
        value: RawCell<'_>,
        features: &mut [f32],
    ) -> Option<RowNoteCode> {
        let input = &self.inputs[index];
        let out = &mut features[input.features()];
        let encoding = &input.encoding;
        match value {
            RawCell::Text(text) => encode_text(encoding, cell::clean(text), out),
            RawCell::Missing => encode_text(encoding, "", out),
            RawCell::Number(number) => encode_number(encoding, number, out),
            RawCell::Numbers(numbers) => encode_numbers(encoding, numbers, out),
        }
    }

    /// Writes the features of a row that has one cell per input, in the order of `inputs`.
    pub fn apply_row(&self, cells: &[RawCell<'_>], features: &mut [f32], notes: &mut Vec<RowNote>) {
        for index in 0..self.inputs.len() {
            let value = cells.get(index).copied().unwrap_or(RawCell::Missing);
            if let Some(code) = self.encode_cell(index, value, features) {
                notes.push(RowNote { input: index, code });
            }
        }
    }
}

/// A sample of the right length; for a column of single values, a list is no value.
fn encode_numbers(encoding: &Encoding, numbers: &[f64], out: &mut [f32]) -> Option<RowNoteCode> {
    let fits = encoding.reading() == Reading::Array
        && numbers.len() == out.len()
        && numbers.iter().all(|number| is_single(*number));
    if !fits {
        return Some(RowNoteCode::UnreadableImputed);
    }
    encoding.write_sample(numbers, out);
    None
}

fn encode_text(encoding: &Encoding, text: &str, out: &mut [f32]) -> Option<RowNoteCode> {
    if let Some(sample) = encoding.sample() {
        // Nothing stands in for a sample.
        return match read_data_url(text, &sample) {
            Ok(numbers) => encode_numbers(encoding, &numbers, out),
            Err(_) => Some(RowNoteCode::UnreadableImputed),
        };
    }
    let missing = cell::is_missing(text);
    let reading = encoding.reading();
    if reading == Reading::Name {
        encoding.write_category((!missing).then(|| encoding.place_of(text)), out);
        if missing {
            return Some(RowNoteCode::MissingImputed);
        }
        return (!encoding.knows(text)).then_some(RowNoteCode::UnknownCategory);
    }
    let number = if missing {
        None
    } else {
        read_number(reading, text)
    };
    encoding.write_number(number.unwrap_or(f64::NAN), out);
    match number {
        Some(_) => None,
        None if missing => Some(RowNoteCode::MissingImputed),
        None => Some(RowNoteCode::UnreadableImputed),
    }
}

fn encode_number(encoding: &Encoding, number: f64, out: &mut [f32]) -> Option<RowNoteCode> {
    let readable = match encoding.reading() {
        Reading::Number => number.is_finite(),
        Reading::Boolean => number == 0.0 || number == 1.0,
        Reading::Timestamp | Reading::Array => false,
        Reading::Name => return encode_text(encoding, &number.to_string(), out),
    };
    encoding.write_number(if readable { number } else { f64::NAN }, out);
    (!readable).then_some(RowNoteCode::UnreadableImputed)
}
