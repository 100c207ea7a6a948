//! Rows as text, for people and for requests: a sample is a data URL, a PNG where it has one byte per pixel and one or
//! three channels, else an NPY array. What is shown can be sent back to be predicted.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::decode::changed;
use super::element::{Element, ElementType};
use super::format::{ArrayFormat, Sample};
use super::read::{Labels, Stored};
use super::{npy, picture};
use crate::data::{DataError, Limits, MISSING, Rows, Values};

/// Text of a preview at most, unless a single row has more.
const MAX_PREVIEW_BYTES: usize = 8 << 20;

/// Rows `first..first + limit`, fewer where they are very large.
pub(in crate::data) fn preview(
    reader: impl Read + Seek,
    format: &ArrayFormat,
    first: u64,
    limit: usize,
) -> Result<Rows, DataError> {
    let end = first.saturating_add(limit as u64);
    let wanted = |index: u64| first <= index && index < end;
    gather(reader, format, &wanted, limit, MAX_PREVIEW_BYTES)
}

/// The rows with these numbers, which ascend.
pub(in crate::data) fn pick(
    reader: impl Read + Seek,
    format: &ArrayFormat,
    numbers: &[u32],
) -> Result<Rows, DataError> {
    let wanted =
        |index: u64| u32::try_from(index).is_ok_and(|index| numbers.binary_search(&index).is_ok());
    gather(reader, format, &wanted, numbers.len(), usize::MAX)
}

fn gather(
    mut reader: impl Read + Seek,
    format: &ArrayFormat,
    wanted: &dyn Fn(u64) -> bool,
    limit: usize,
    max_bytes: usize,
) -> Result<Rows, DataError> {
    let mut rows = Rows::new();
    if limit == 0 {
        return Ok(rows);
    }
    let limits = Limits::default();
    let mut stored = Stored::open(&mut reader, format.layout, &limits)?;
    if stored.format != *format {
        return Err(changed());
    }
    let (labels, splits) = (stored.labels()?, stored.splits());
    let (sample, element) = (stored.sample.clone(), stored.element);
    let mut n_bytes = 0;
    stored.samples(wanted, &mut |index, row| {
        let mut cells = vec![Some(data_url(&sample, element, row))];
        if let Some(labels) = &labels {
            cells.push(label(labels, index as usize));
        }
        if let Some(splits) = &splits {
            cells.push(name(splits, index as usize));
        }
        n_bytes += cells.iter().flatten().map(String::len).sum::<usize>();
        rows.push(cells);
        Ok(if rows.len() == limit || n_bytes >= max_bytes {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    Ok(rows)
}

fn label(labels: &Labels, index: usize) -> Option<String> {
    match labels {
        Labels::Numbers(_, numbers) => numbers.get(index).map(f64::to_string),
        Labels::Names(names) => name(names, index),
    }
}

fn name(values: &Values, index: usize) -> Option<String> {
    let Values::Names { codes, names } = values else {
        return None;
    };
    let code = codes.get(index).filter(|code| **code != MISSING)?;
    names.get(*code as usize).cloned()
}

fn data_url(sample: &Sample, element: Element, row: &[u8]) -> String {
    let (kind, bytes) = match (&sample.shape[..], element.kind) {
        (&[height, width, channels], ElementType::UInt8) => {
            match picture::png([height, width, channels], row) {
                Some(png) => ("image/png", png),
                None => (NPY, npy::write(element, &sample.shape, row)),
            }
        }
        _ => (NPY, npy::write(element, &sample.shape, row)),
    };
    format!("data:{kind};base64,{}", BASE64_STANDARD.encode(bytes))
}

const NPY: &str = "application/x-npy";
