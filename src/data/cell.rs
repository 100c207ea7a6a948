//! What a single cell says. Training files and prediction requests go through the same functions, so that a value means
//! the same on both roads.

use super::{number, timestamp};

/// What kind of value a cell could be, the most specific first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// One of the ways to say "no value".
    Missing,
    /// A number; `integer` when written without point and exponent.
    Number { value: f64, integer: bool },
    /// A date or date-time, in seconds since 1970.
    Timestamp(f64),
    /// Anything else.
    Name,
}

/// The ways to say that there is no value, those that [`is_missing`] knows.
pub const MISSING_WORDS: [&str; 13] = [
    "", "?", "-", "NA", "na", "N/A", "n/a", "NaN", "nan", "NAN", "null", "NULL", "Null",
];

/// Whether the cell says that there is no value.
#[inline]
pub(super) fn is_missing(text: &str) -> bool {
    match text.len() {
        0 => true,
        1 => matches!(text, "?" | "-"),
        2..=4 => matches!(
            text,
            "NA" | "na" | "N/A" | "n/a" | "NaN" | "nan" | "NAN" | "null" | "NULL" | "Null"
        ),
        _ => false,
    }
}

/// Reads a cell as the most specific thing it can be.
pub(super) fn read(text: &str) -> Cell {
    if is_missing(text) {
        return Cell::Missing;
    }
    if let Some(scanned) = number::parse(text) {
        return Cell::Number {
            value: scanned.value,
            integer: scanned.integer,
        };
    }
    match timestamp::parse(text) {
        Some(seconds) => Cell::Timestamp(seconds),
        None => Cell::Name,
    }
}

/// The pairs of words, in lower case, that make a boolean column; the second word of a pair is the true one.
pub(super) const BOOLEAN_WORDS: [(&str, &str); 5] = [
    ("false", "true"),
    ("no", "yes"),
    ("f", "t"),
    ("n", "y"),
    ("off", "on"),
];

/// The truth value of a boolean cell: a word of [`BOOLEAN_WORDS`] in any case, or the number 0 or 1.
pub(super) fn boolean(text: &str) -> Option<bool> {
    for (no, yes) in BOOLEAN_WORDS {
        if text.eq_ignore_ascii_case(no) {
            return Some(false);
        }
        if text.eq_ignore_ascii_case(yes) {
            return Some(true);
        }
    }
    match number::parse(text)?.value {
        0.0 => Some(false),
        1.0 => Some(true),
        _ => None,
    }
}

/// `'-1'` without its quotes. Some tools write names in single quotes; the quotes are no part of the name.
#[inline]
pub(super) fn strip_single_quotes(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains('\'')).then_some(inner)
}

/// Blanks that do not belong to a cell.
#[inline]
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A raw value without the blanks and the single quotes around it. Cleaning twice changes nothing, so a value may be
/// cleaned in the file and again in a request.
#[inline]
pub(super) fn clean(text: &str) -> &str {
    let trimmed = trim(text);
    strip_single_quotes(trimmed).map_or(trimmed, trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_say_nothing() {
        for text in MISSING_WORDS {
            assert_eq!(read(text), Cell::Missing, "{text:?}");
        }
        for text in ["0", "none", "--", "Nana", "-1"] {
            assert_ne!(read(text), Cell::Missing, "{text:?}");
        }
    }

    #[test]
    fn booleans_in_words_and_numbers() {
        for (text, value) in [
            ("True", true),
            ("NO", false),
            ("1", true),
            ("0.0", false),
            ("y", true),
            ("off", false),
        ] {
            assert_eq!(boolean(text), Some(value), "{text}");
        }
        assert_eq!(boolean("2"), None);
        assert_eq!(boolean("maybe"), None);
    }

    #[test]
    fn single_quotes_are_taken_off_once() {
        assert_eq!(clean(" '-1' "), "-1");
        assert_eq!(clean("'tis 'twas'"), "'tis 'twas'");
        assert_eq!(clean("'"), "'");
    }
}
