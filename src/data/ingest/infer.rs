//! The kind of a column from what its cells were, and why; then its profile.

use super::grid;
use super::merge::ColumnTotals;
use super::part::{Class, KEPT_CELLS};
use crate::data::cell::BOOLEAN_WORDS;
use crate::data::{BadCell, ColumnKind, ColumnProfile, timestamp};

/// Shown values of a column.
const TOP_VALUES: usize = 10;
/// A column is of a kind when at least this share, in percent, of its present cells is.
const MAJORITY_PERCENT: u64 = 90;
/// So few different names are categories as soon as one repeats.
const FEW_NAMES: u64 = 20;
/// So few are categories even when none repeats: the file is very short.
const VERY_FEW_NAMES: u64 = 3;
/// More different names are text even when they repeat.
const MANY_NAMES: u64 = 1000;

/// The profile of a column called `name`, number `number`, whose kind may have been set by the owner.
pub(super) fn profile(
    name: &str,
    number: usize,
    forced: Option<ColumnKind>,
    totals: &ColumnTotals,
) -> ColumnProfile {
    let (kind, why) = match forced {
        Some(kind) => (kind, super::SET_BY_OWNER.to_owned()),
        None => infer(totals),
    };
    let (n_bad, bad_cells) = bad_cells(kind, forced.is_some(), totals);
    let (moments, cells) = match kind {
        ColumnKind::Numeric | ColumnKind::Integer | ColumnKind::Boolean => {
            (totals.numbers, Some(&totals.number_grid))
        }
        ColumnKind::Timestamp => (totals.times, Some(&totals.time_grid)),
        ColumnKind::Categorical | ColumnKind::Text | ColumnKind::Array => {
            (super::moments::Moments::default(), None)
        }
    };
    let known = |value: f64| (moments.n > 0 && value.is_finite()).then_some(value);
    let is_time = kind == ColumnKind::Timestamp;
    let moment = |seconds| {
        known(seconds)
            .filter(|_| is_time)
            .and_then(timestamp::display)
    };
    let histogram = cells.filter(|_| moments.n > 0).map(|cells| {
        let counted = totals
            .distinct
            .numbers()
            .map(|(_, count)| count)
            .sum::<u64>()
            == moments.n;
        if kind != ColumnKind::Timestamp && counted {
            grid::histogram(totals.distinct.numbers(), moments.min, moments.max, true)
        } else {
            cells.histogram(moments.min, moments.max)
        }
    });
    ColumnProfile {
        name: name.to_owned(),
        number,
        kind,
        why,
        n_missing: totals.n_missing,
        n_bad,
        distinct: totals.distinct.count(),
        min: known(moments.min),
        max: known(moments.max),
        mean: known(moments.mean),
        std: moments.std(),
        earliest: moment(moments.min),
        latest: moment(moments.max),
        histogram,
        top_values: totals.distinct.top(TOP_VALUES),
        bad_cells,
        sample: None,
        channels: None,
    }
}

fn infer(totals: &ColumnTotals) -> (ColumnKind, String) {
    let (integers, decimals) = (totals.count(Class::Integer), totals.count(Class::Decimal));
    let (times, names) = (totals.count(Class::Timestamp), totals.count(Class::Name));
    let numbers = integers + decimals;
    let present = numbers + times + names;
    if present == 0 {
        return (ColumnKind::Text, "every cell is missing".to_owned());
    }
    let most = |count: u64| count * 100 >= present * MAJORITY_PERCENT;
    if totals.n_single_quoted == present {
        return of_names(
            totals,
            present,
            "every value is written in single quotes, so it is a name",
        );
    }
    if most(numbers) {
        let rest = exceptions(
            present - numbers,
            "is no number and is read as missing",
            "are no numbers and are read as missing",
        );
        if decimals > 0 {
            let why = format!(
                "{numbers} of {present} values are numbers, {decimals} of them written with a point{rest}"
            );
            return (ColumnKind::Numeric, why);
        }
        if numbers == present && totals.numbers.min == 0.0 && totals.numbers.max == 1.0 {
            return (ColumnKind::Boolean, "every value is 0 or 1".to_owned());
        }
        return (
            ColumnKind::Integer,
            format!("{numbers} of {present} values are whole numbers{rest}"),
        );
    }
    if most(times) {
        let rest = exceptions(
            present - times,
            "is no date and is read as missing",
            "are no dates and are read as missing",
        );
        return (
            ColumnKind::Timestamp,
            format!("{times} of {present} values are dates in ISO 8601 order{rest}"),
        );
    }
    if let Some((no, yes)) = boolean_pair(totals) {
        return (ColumnKind::Boolean, format!("every value is {no} or {yes}"));
    }
    of_names(totals, present, "the values are names")
}

fn exceptions(n: u64, one: &str, several: &str) -> String {
    match n {
        0 => String::new(),
        1 => format!("; 1 {one}"),
        n => format!("; {n} {several}"),
    }
}

/// Categorical or text, by how often names repeat.
fn of_names(totals: &ColumnTotals, present: u64, what: &str) -> (ColumnKind, String) {
    let distinct = totals.distinct.count();
    let n = distinct.n;
    if !distinct.exact {
        return (
            ColumnKind::Text,
            format!("{what}, with at least {n} different ones: too many for categories"),
        );
    }
    let repeats = n * 2 <= present && n <= MANY_NAMES;
    if repeats || n <= VERY_FEW_NAMES || (n <= FEW_NAMES && n < present) {
        return (
            ColumnKind::Categorical,
            format!("{what}, {n} different ones among {present}"),
        );
    }
    (
        ColumnKind::Text,
        format!("{what}, but {n} different ones among {present} repeat too rarely for categories"),
    )
}

/// The pair of words that the column consists of.
fn boolean_pair(totals: &ColumnTotals) -> Option<(&'static str, &'static str)> {
    let distinct = totals.distinct.count();
    if !distinct.exact
        || distinct.n < 2
        || distinct.n > 6
        || totals.distinct.numbers().next().is_some()
    {
        return None;
    }
    BOOLEAN_WORDS.into_iter().find(|(no, yes)| {
        totals
            .distinct
            .names()
            .all(|(name, _)| name.eq_ignore_ascii_case(no) || name.eq_ignore_ascii_case(yes))
    })
}

/// How many cells do not fit the kind, and the first of them.
fn bad_cells(kind: ColumnKind, forced: bool, totals: &ColumnTotals) -> (u64, Vec<BadCell>) {
    let classes: &[Class] = match kind {
        _ if forced => &[Class::Unfit],
        ColumnKind::Numeric | ColumnKind::Integer => &[Class::Timestamp, Class::Name],
        ColumnKind::Timestamp => &[Class::Integer, Class::Decimal, Class::Name],
        ColumnKind::Boolean | ColumnKind::Categorical | ColumnKind::Text | ColumnKind::Array => &[],
    };
    let n_bad = classes.iter().map(|class| totals.count(*class)).sum();
    let mut kept: Vec<_> = classes
        .iter()
        .flat_map(|class| &totals.kept[*class as usize])
        .collect();
    kept.sort_by_key(|(line, _)| *line);
    let cells = kept.into_iter().take(KEPT_CELLS);
    (
        n_bad,
        cells
            .map(|(line, value)| BadCell {
                line: *line,
                value: value.clone(),
            })
            .collect(),
    )
}

/// The error of a target that cannot be learned because it never varies.
pub(in crate::data) fn check_varies(profile: &ColumnProfile) -> Result<(), crate::data::DataError> {
    if profile.distinct.n >= 2 || !profile.distinct.exact {
        return Ok(());
    }
    let found = match profile.top_values.first() {
        Some(top) => format!("only the value {:?}", top.value),
        None => "no value".to_owned(),
    };
    let message = format!(
        "column {} ({:?}) holds {found}; a target needs at least two different values",
        profile.number, profile.name
    );
    Err(crate::data::DataError::new("one_class_target", message)
        .at_column(profile.number, Some(&profile.name)))
}
