//! A stored file of samples, read again for training.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use super::element::ElementType;
use super::format::ArrayFormat;
use super::read::{Labels, Stored};
use crate::data::{DataError, Frame, Limits, Numbers, Reading, Samples, Values, Wanted};

/// Reads the wanted columns: samples, labels and parts, in this order as far as the file has them.
///
/// # Errors
/// `changed_file` when the file has no such column, else as at upload.
pub(in crate::data) fn decode(
    mut reader: impl Read + Seek,
    format: &ArrayFormat,
    wanted: &[Wanted],
) -> Result<Frame, DataError> {
    let limits = Limits::default();
    let mut stored = Stored::open(&mut reader, format.layout, &limits)?;
    if stored.format != *format {
        return Err(changed());
    }
    let mut columns = Vec::with_capacity(wanted.len());
    for want in wanted {
        let place = if want.column > 0 && !has_labels(&mut stored)? {
            want.column + 1
        } else {
            want.column
        };
        let values = match place {
            0 => samples(&mut stored)?,
            1 => labels(stored.labels()?.ok_or_else(changed)?, want.reading),
            2 => stored.splits().ok_or_else(changed)?,
            _ => return Err(changed()),
        };
        columns.push((want.column, values));
    }
    Ok(Frame {
        n_rows: stored.n_rows as usize,
        columns,
    })
}

fn has_labels<R: Read + Seek>(stored: &mut Stored<'_, R>) -> Result<bool, DataError> {
    match stored.format.parts.first() {
        Some(part) => Ok(part.labels.is_some()),
        None => Ok(stored.labels()?.is_some()),
    }
}

fn samples<R: Read + Seek>(stored: &mut Stored<'_, R>) -> Result<Values, DataError> {
    let (sample, element) = (stored.sample.clone(), stored.element);
    // Both were bounded, and compared with the bytes of the file, when it was opened.
    let n_numbers = sample.n_numbers() * stored.n_rows as usize;
    let numbers = if element.kind == ElementType::UInt8 {
        let mut bytes = Vec::with_capacity(n_numbers);
        stored.samples(&|_| true, &mut |_, row| {
            bytes.extend_from_slice(row);
            Ok(ControlFlow::Continue(()))
        })?;
        Numbers::Bytes(bytes)
    } else {
        let (mut floats, mut doubles) = (Vec::with_capacity(n_numbers), Vec::new());
        stored.samples(&|_| true, &mut |_, row| {
            doubles.clear();
            element.read(row, &mut doubles);
            floats.extend(doubles.iter().map(|x| *x as f32));
            Ok(ControlFlow::Continue(()))
        })?;
        Numbers::Floats(floats)
    };
    Ok(Values::Samples(Samples { sample, numbers }))
}

/// Labels as a task reads them: as numbers, or as the names of classes.
fn labels(labels: Labels, reading: Reading) -> Values {
    match labels {
        Labels::Names(names) => names,
        Labels::Numbers(_, numbers) if reading != Reading::Name => Values::Numbers(numbers),
        Labels::Numbers(_, numbers) => {
            let mut known: HashMap<u64, u32> = HashMap::new();
            let mut names = Vec::new();
            let codes = numbers
                .iter()
                .map(|label| {
                    *known.entry((label + 0.0).to_bits()).or_insert_with(|| {
                        names.push(label.to_string());
                        names.len() as u32 - 1
                    })
                })
                .collect();
            Values::Names { codes, names }
        }
    }
}

pub(super) fn changed() -> DataError {
    DataError::new(
        "changed_file",
        "the stored file does not hold the arrays that were uploaded",
    )
}
