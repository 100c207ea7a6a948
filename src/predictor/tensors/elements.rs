//! The elements of a tensor, as they came: numbers of JSON, texts, or bytes that are read where they lie.

use std::borrow::Cow;
use std::ops::Range;

use super::Datatype;
use super::message::refused;
use crate::predictor::cell::Cell;
use crate::predictor::error::PredictError;

/// A tensor of a request.
pub(super) struct Tensor<'a> {
    pub name: &'a str,
    /// Its dimensions; there is at least one.
    pub shape: Vec<usize>,
    pub elements: Elements<'a>,
}

/// As many elements as the shape says.
pub(super) enum Elements<'a> {
    /// Numbers of JSON; `null` is NaN.
    Numbers(Vec<f64>),
    /// Truth values of JSON.
    Flags(Vec<Option<bool>>),
    /// Texts of JSON.
    Texts(Vec<Option<Cow<'a, str>>>),
    /// Elements of one size each.
    Raw(Datatype, &'a [u8]),
    /// Where each text lies in the bytes.
    RawTexts(&'a [u8], Vec<Range<u32>>),
}

impl Tensor<'_> {
    /// How many elements it has.
    pub(super) fn len(&self) -> usize {
        match &self.elements {
            Elements::Numbers(numbers) => numbers.len(),
            Elements::Flags(flags) => flags.len(),
            Elements::Texts(texts) => texts.len(),
            Elements::Raw(datatype, bytes) => bytes.len() / datatype.item_bytes().unwrap_or(1),
            Elements::RawTexts(_, places) => places.len(),
        }
    }

    /// One element as the value of a row.
    pub(super) fn cell(&self, idx: usize) -> Cell<'_> {
        let number = |number: f64| {
            if number.is_nan() {
                Cell::Missing
            } else {
                Cell::Number(number)
            }
        };
        match &self.elements {
            Elements::Numbers(numbers) => number(numbers[idx]),
            Elements::Flags(flags) => flags[idx].map_or(Cell::Missing, Cell::Boolean),
            Elements::Texts(texts) => texts[idx].as_deref().map_or(Cell::Missing, Cell::Text),
            Elements::Raw(Datatype::Bool, bytes) => Cell::Boolean(bytes[idx] != 0),
            Elements::Raw(datatype, bytes) => number(element(*datatype, bytes, idx)),
            Elements::RawTexts(all, places) => {
                let place = &places[idx];
                let text = &all[place.start as usize..place.end as usize];
                // It was checked when the places were found.
                Cell::Text(std::str::from_utf8(text).unwrap_or_default())
            }
        }
    }

    /// Some elements as numbers, into `out`.
    pub(super) fn numbers(
        &self,
        range: Range<usize>,
        out: &mut Vec<f64>,
    ) -> Result<(), PredictError> {
        out.clear();
        match &self.elements {
            Elements::Numbers(numbers) => out.extend_from_slice(&numbers[range]),
            Elements::Raw(datatype, bytes) => {
                out.extend(range.map(|idx| element(*datatype, bytes, idx)));
            }
            _ => {
                let message = format!(
                    "input {:?} holds no numbers, which a sample is made of",
                    self.name
                );
                return Err(refused("wrong_datatype", message));
            }
        }
        Ok(())
    }
}

fn element(datatype: Datatype, bytes: &[u8], idx: usize) -> f64 {
    let size = datatype.item_bytes().unwrap_or(1);
    datatype.number(&bytes[idx * size..(idx + 1) * size])
}

/// The elements that `bytes` hold, all of them: exactly `len`.
pub(super) fn raw<'a>(
    name: &str,
    datatype: Datatype,
    len: usize,
    bytes: &'a [u8],
) -> Result<Elements<'a>, PredictError> {
    let Some(size) = datatype.item_bytes() else {
        return raw_texts(name, len, bytes);
    };
    if len.checked_mul(size) != Some(bytes.len()) {
        let message = format!(
            "input {name:?}: {len} elements of {} bytes are expected and binary_data_size is {}",
            size,
            bytes.len()
        );
        return Err(refused("wrong_size", message));
    }
    Ok(Elements::Raw(datatype, bytes))
}

/// Texts with their lengths before them.
fn raw_texts<'a>(name: &str, len: usize, bytes: &'a [u8]) -> Result<Elements<'a>, PredictError> {
    let wrong = |idx: usize, what: &str| {
        refused(
            "wrong_size",
            format!("input {name:?}, element {idx}: {what}"),
        )
    };
    // Every text has a length of four bytes, so there are not more of them than that.
    if len > bytes.len() / 4 {
        let message = format!(
            "input {name:?}: {} bytes do not hold {len} texts, each with its length before it",
            bytes.len()
        );
        return Err(refused("wrong_size", message));
    }
    let (mut places, mut at) = (Vec::with_capacity(len), 0_usize);
    for idx in 0..len {
        let rest = &bytes[at..];
        let Some((length, text)) = rest.split_first_chunk::<4>() else {
            return Err(wrong(idx, "its length is cut off"));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some(text) = text.get(..length) else {
            return Err(wrong(
                idx,
                &format!(
                    "it is said to have {length} bytes and {} are left",
                    text.len()
                ),
            ));
        };
        if std::str::from_utf8(text).is_err() {
            return Err(wrong(idx, "it is not UTF-8"));
        }
        places.push((at + 4) as u32..(at + 4 + length) as u32);
        at += 4 + length;
    }
    if at != bytes.len() {
        let message = format!(
            "input {name:?}: {} bytes are left behind its {len} texts",
            bytes.len() - at
        );
        return Err(refused("wrong_size", message));
    }
    Ok(Elements::RawTexts(bytes, places))
}
