//! What is known of a file of samples after one pass: its columns with their profiles.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use super::format::{Layout, Sample};
use super::header::product;
use super::read::{Labels, Stored};
use super::stats::Stats;
use crate::data::ingest::grid;
use crate::data::ingest::moments::Moments;
use crate::data::{
    ColumnKind, ColumnProfile, DataError, Distinct, Format, Ingested, Limits, TopValue, Values,
};

/// Different labels that are counted.
const MAX_DISTINCT: usize = 10_000;
const TOP_VALUES: usize = 10;

/// Reads a whole file of arrays or pictures and describes it, holding one row at a time. Without a layout channels come last.
///
/// # Errors
/// Whatever is wrong with the file: a header that does not fit its bytes or the limits, labels that do not fit the
/// samples, numbers that are not finite, damage.
pub fn profile_arrays(
    mut reader: impl Read + Seek,
    layout: Option<Layout>,
    limits: &Limits,
) -> Result<Ingested, DataError> {
    let mut stored = Stored::open(&mut reader, layout.unwrap_or_default(), limits)?;
    Layout::check_guess(layout, &stored.sample)?;
    let mut stats = Stats::new(stored.element, stored.sample.n_channels());
    stored.samples(&|_| true, &mut |index, row| {
        stats.take(index, row)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let mut columns = vec![samples(&stored.sample, &stats)];
    if let Some(labels) = stored.labels()? {
        columns.push(match labels {
            Labels::Names(names) => of_names(
                "label",
                columns.len() + 1,
                &names,
                "the name of the picture's folder",
            ),
            Labels::Numbers(element, numbers) => {
                let whole = numbers.iter().all(|number| number.fract() == 0.0);
                let why = format!("labels of {element}");
                let kind = if element.is_whole() || whole {
                    ColumnKind::Integer
                } else {
                    ColumnKind::Numeric
                };
                of_numbers(columns.len() + 1, kind, why, &numbers)
            }
        });
    }
    if let Some(splits) = stored.splits() {
        columns.push(of_names(
            "split",
            columns.len() + 1,
            &splits,
            "the part that the row belongs to",
        ));
    }
    let sizes: Vec<u64> = stored
        .sample
        .shape
        .iter()
        .map(|size| u64::from(*size))
        .collect();
    let row_bytes = product(&sizes).unwrap_or(0) * stored.sample.element.n_bytes() as u64;
    Ok(Ingested {
        n_rows: stored.n_rows,
        unpacked_bytes: row_bytes.saturating_mul(stored.n_rows),
        format: Format::of_arrays(stored.format),
        columns,
    })
}

/// A profile in which nothing is known but the name and the kind.
fn blank(name: &str, number: usize, kind: ColumnKind, why: String) -> ColumnProfile {
    ColumnProfile {
        name: name.to_owned(),
        number,
        kind,
        why,
        n_missing: 0,
        n_bad: 0,
        distinct: Distinct { n: 0, exact: false },
        min: None,
        max: None,
        mean: None,
        std: None,
        earliest: None,
        latest: None,
        histogram: None,
        top_values: Vec::new(),
        bad_cells: Vec::new(),
        sample: None,
        channels: None,
    }
}

fn samples(sample: &Sample, stats: &Stats) -> ColumnProfile {
    let (all, channels) = stats.channels();
    let why = format!("every row has {sample}");
    ColumnProfile {
        min: Some(all.min),
        max: Some(all.max),
        mean: Some(all.mean),
        std: Some(all.std),
        histogram: stats.histogram(),
        sample: Some(sample.clone()),
        channels: Some(channels),
        ..blank(sample.column_name(), 1, ColumnKind::Array, why)
    }
}

fn of_names(name: &str, number: usize, values: &Values, why: &str) -> ColumnProfile {
    let (mut distinct, mut top) = (Distinct { n: 0, exact: true }, Vec::new());
    if let Values::Names { codes, names } = values {
        let mut counts = vec![0; names.len()];
        codes.iter().for_each(|code| {
            if let Some(count) = counts.get_mut(*code as usize) {
                *count += 1;
            }
        });
        distinct.n = names.len() as u64;
        top = most_frequent(names.iter().cloned().zip(counts).collect());
    }
    ColumnProfile {
        distinct,
        top_values: top,
        ..blank(name, number, ColumnKind::Categorical, why.to_owned())
    }
}

fn of_numbers(number: usize, kind: ColumnKind, why: String, numbers: &[f64]) -> ColumnProfile {
    let mut counts: HashMap<u64, u64> = HashMap::new();
    let mut exact = true;
    for label in numbers {
        // Both zeros are one label.
        let key = (label + 0.0).to_bits();
        if counts.len() == MAX_DISTINCT && !counts.contains_key(&key) {
            exact = false;
            break;
        }
        *counts.entry(key).or_insert(0) += 1;
    }
    let moments = Moments::of(numbers);
    let counted = || {
        counts
            .iter()
            .map(|(bits, count)| (f64::from_bits(*bits), *count))
    };
    ColumnProfile {
        distinct: Distinct {
            n: counts.len() as u64,
            exact,
        },
        min: Some(moments.min),
        max: Some(moments.max),
        mean: Some(moments.mean),
        std: moments.std(),
        histogram: exact.then(|| grid::histogram(counted(), moments.min, moments.max, true)),
        top_values: if exact {
            most_frequent(
                counted()
                    .map(|(label, count)| (label.to_string(), count))
                    .collect(),
            )
        } else {
            Vec::new()
        },
        ..blank("label", number, kind, why)
    }
}

fn most_frequent(mut counts: Vec<(String, u64)>) -> Vec<TopValue> {
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let top = counts.into_iter().take(TOP_VALUES);
    top.map(|(value, count)| TopValue { value, count })
        .collect()
}
