//! One field of a record after the other, as RFC 4180 has it and as files in the wild bend it: blanks after the
//! delimiter, CRLF or LF, quotes only where a field begins.

use std::ops::Range;

use memchr::{memchr, memchr2};

/// What stands after a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another field of the same record.
    Field,
    /// The next record.
    Record,
    /// Nothing: the text ends here.
    End,
}

/// A field's place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The bytes between the quotes or blanks around them.
    pub range: Range<usize>,
    /// Whether it was written in double quotes.
    pub quoted: bool,
    /// Whether it contains `""`, which stands for one `"`.
    pub doubled: bool,
    /// Where the next field starts.
    pub end: usize,
    /// What starts there.
    pub next: Next,
}

/// Why a field has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The quote opened at the start of the field is never closed.
    Unterminated,
    /// Something other than a delimiter follows the closing quote at this offset.
    AfterQuote(usize),
}

/// Reads the field that starts at `start`.
#[inline]
pub(crate) fn field(text: &[u8], start: usize, delimiter: u8) -> Result<Field, Broken> {
    let mut at = start;
    while at < text.len() && is_blank(text[at], delimiter) {
        at += 1;
    }
    if text.get(at) == Some(&b'"') {
        return quoted_field(text, at + 1, delimiter);
    }
    let rest = &text[at..];
    let (stop, next, end) = match memchr2(delimiter, b'\n', rest) {
        None => (text.len(), Next::End, text.len()),
        Some(i) if rest[i] == delimiter => (at + i, Next::Field, at + i + 1),
        Some(i) => (at + i, Next::Record, at + i + 1),
    };
    let mut stop = stop;
    if next != Next::Field && stop > at && text[stop - 1] == b'\r' {
        stop -= 1;
    }
    while stop > at && is_blank(text[stop - 1], delimiter) {
        stop -= 1;
    }
    Ok(Field {
        range: at..stop,
        quoted: false,
        doubled: false,
        end,
        next,
    })
}

fn quoted_field(text: &[u8], inner: usize, delimiter: u8) -> Result<Field, Broken> {
    let mut at = inner;
    let mut doubled = false;
    let close = loop {
        let quote = at + memchr(b'"', &text[at..]).ok_or(Broken::Unterminated)?;
        if text.get(quote + 1) != Some(&b'"') {
            break quote;
        }
        doubled = true;
        at = quote + 2;
    };
    let mut after = close + 1;
    while after < text.len() && is_blank(text[after], delimiter) {
        after += 1;
    }
    if text.get(after) == Some(&b'\r') && matches!(text.get(after + 1), Some(b'\n') | None) {
        after += 1;
    }
    let (next, end) = match text.get(after) {
        None => (Next::End, after),
        Some(b'\n') => (Next::Record, after + 1),
        Some(&byte) if byte == delimiter => (Next::Field, after + 1),
        Some(_) => return Err(Broken::AfterQuote(after)),
    };
    Ok(Field {
        range: inner..close,
        quoted: true,
        doubled,
        end,
        next,
    })
}

#[inline]
fn is_blank(byte: u8, delimiter: u8) -> bool {
    (byte == b' ' || byte == b'\t') && byte != delimiter
}

/// What follows a number: how many bytes end the field, and what starts after them. `None` when it goes on.
#[inline]
pub(crate) fn follows(bytes: &[u8], at: usize, delimiter: u8) -> Option<(usize, Next)> {
    match bytes.get(at) {
        Some(byte) if *byte == delimiter => Some((1, Next::Field)),
        Some(b'\n') => Some((1, Next::Record)),
        Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => Some((2, Next::Record)),
        None => Some((0, Next::End)),
        _ => None,
    }
}

/// If an empty line starts at `at`, where the line after it starts.
#[inline]
pub(crate) fn skip_empty_line(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b'\n' => Some(at + 1),
        b'\r' if text.get(at + 1) == Some(&b'\n') => Some(at + 2),
        b'\r' if at + 1 == text.len() => Some(at + 1),
        _ => None,
    }
}

/// The field's text; `""` become `"` in `scratch`.
#[inline]
pub(crate) fn content<'a>(text: &'a str, field: &Field, scratch: &'a mut String) -> &'a str {
    let raw = &text[field.range.clone()];
    if !field.doubled {
        return raw;
    }
    scratch.clear();
    let mut rest = raw;
    while let Some(i) = rest.find("\"\"") {
        scratch.push_str(&rest[..=i]);
        rest = &rest[i + 2..];
    }
    scratch.push_str(rest);
    scratch
}

/// How a scan for the end of the last whole record went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The first `0` bytes are whole records (possibly none).
    At(usize),
    /// A quoted field that starts at this offset is still open after more than the allowed bytes.
    LongField(usize),
}

/// How many of the first bytes of `text`, which starts at the start of a record, are whole records.
///
/// Without quotes this is the last line break. Otherwise quotes decide which line breaks belong to a field: a quote
/// opens a field only right after a delimiter or a line break (blanks between), elsewhere it is an ordinary character.
pub(crate) fn whole_records(text: &[u8], delimiter: u8, max_field_bytes: usize) -> Cut {
    let last_break = |part: &[u8]| memchr::memrchr(b'\n', part).map(|i| i + 1);
    let (mut from, mut cut) = (0, 0);
    while let Some(i) = memchr(b'"', &text[from..]) {
        let quote = from + i;
        if let Some(end) = last_break(&text[from..quote]) {
            cut = from + end;
        }
        if !opens_field(text, quote, delimiter) {
            from = quote + 1;
            continue;
        }
        match closing_quote(text, quote + 1) {
            Some(close) => from = close + 1,
            None if text.len() - quote > max_field_bytes + 1 => return Cut::LongField(quote),
            None => return Cut::At(cut),
        }
    }
    Cut::At(last_break(&text[from..]).map_or(cut, |end| from + end))
}

fn opens_field(text: &[u8], quote: usize, delimiter: u8) -> bool {
    let before = text[..quote]
        .iter()
        .rev()
        .find(|byte| !is_blank(**byte, delimiter));
    before.is_none_or(|byte| *byte == delimiter || *byte == b'\n')
}

/// The quote that ends a field, or `None` if it is not there yet. A quote at the very end may be the first half of `""`.
fn closing_quote(text: &[u8], inner: usize) -> Option<usize> {
    let mut at = inner;
    loop {
        let quote = at + memchr(b'"', &text[at..])?;
        match text.get(quote + 1) {
            Some(b'"') => at = quote + 2,
            Some(_) => return Some(quote),
            None => return None,
        }
    }
}
