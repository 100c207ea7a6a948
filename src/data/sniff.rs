//! Delimiter, header and column names from the first records of a file.

use super::record::Next;
use super::{Compression, DataError, Format, Hint, Limits, cell, record};

/// How many records are looked at.
const SAMPLE_RECORDS: usize = 200;
/// How many bytes are looked at for the delimiter.
const SAMPLE_BYTES: usize = 64 << 10;
/// In order of preference where several fit equally well.
const DELIMITERS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// What the first records tell.
#[derive(Debug)]
pub(super) struct Sniffed {
    pub format: Format,
    pub names: Vec<String>,
    /// Bytes of the header record, 0 without one.
    pub header_bytes: usize,
    /// Lines that the header takes.
    pub header_lines: u64,
    /// Per column, whether its cells are expected to be numbers. A wrong guess costs time, never correctness.
    pub expects_numbers: Vec<bool>,
}

/// A sampled cell.
struct Sample {
    text: String,
    single_quoted: bool,
}

/// The first record and where it lies.
struct First {
    cells: Vec<Sample>,
    line: u64,
    end: usize,
}

/// Reads the head of a file: `text` is its beginning without the byte order mark, `whole` whether that is all of it.
/// `None` when the head ends within the first record, so that more of the file is needed.
///
/// # Errors
/// `empty_file`, `only_header`, `too_many_columns`, `duplicate_column`, and whatever is wrong with the first record.
pub(super) fn sniff(
    text: &str,
    whole: bool,
    hint: &Hint,
    limits: &Limits,
) -> Result<Option<Sniffed>, DataError> {
    let bytes = text.as_bytes();
    check_lines(bytes, whole)?;
    let delimiter = hint.delimiter.unwrap_or_else(|| best_delimiter(bytes));
    let Some(first) = first_of(text, whole, delimiter, limits)? else {
        return Ok(None);
    };
    let First {
        cells: first,
        line,
        end: header_end,
    } = first;
    let mut rows = sample_rows(text, header_end, whole, delimiter, first.len(), limits);
    let (has_header, header_why) = match hint.header {
        Some(true) => (
            true,
            "the upload said that the first record is a header".to_owned(),
        ),
        Some(false) => (false, "the upload said that there is no header".to_owned()),
        None => judge_header(&first, &rows),
    };
    if has_header && whole && bytes[header_end..].iter().all(u8::is_ascii_whitespace) {
        let message = format!(
            "the file has a header of {} columns but no row under it",
            first.len()
        );
        return Err(DataError::new("only_header", message).at_line(line));
    }
    let names = if has_header {
        names_from(&first, line)?
    } else {
        generated_names(first.len())
    };
    if !has_header {
        rows.push(first);
    }
    let numeric = |i: usize| looks_numeric(rows.iter().map(|row| &row[i]));
    let header_bytes = if has_header { header_end } else { 0 };
    Ok(Some(Sniffed {
        expects_numbers: (0..names.len()).map(numeric).collect(),
        names,
        header_bytes,
        header_lines: memchr::memchr_iter(b'\n', &bytes[..header_bytes]).count() as u64,
        format: Format {
            compression: Compression::None,
            byte_order_mark: false,
            delimiter: char::from(delimiter),
            header: has_header,
            header_why,
            arrays: None,
        },
    }))
}

/// There must be something, in lines that end in LF.
fn check_lines(bytes: &[u8], whole: bool) -> Result<(), DataError> {
    if whole && bytes.iter().all(u8::is_ascii_whitespace) {
        let message = "the file is empty: a header and at least one row are needed";
        return Err(DataError::new("empty_file", message));
    }
    let has_lf = memchr::memchr(b'\n', bytes).is_some();
    if !has_lf && memchr::memchr(b'\r', &bytes[..bytes.len().saturating_sub(1)]).is_some() {
        let message = "lines end in a lone CR; LF or CR LF is needed, e.g. `tr '\\r' '\\n'`";
        return Err(DataError::new("unsupported_line_break", message).at_line(1));
    }
    Ok(())
}

fn first_of(
    text: &str,
    whole: bool,
    delimiter: u8,
    limits: &Limits,
) -> Result<Option<First>, DataError> {
    let bytes = text.as_bytes();
    let start = first_record(bytes);
    let line = memchr::memchr_iter(b'\n', &bytes[..start]).count() as u64 + 1;
    let (cells, end) = match read_record(text, start, delimiter, limits, line) {
        Err(error) if !whole && error.code == "unterminated_quote" => return Ok(None),
        read => read?,
    };
    if !whole && end == bytes.len() {
        return Ok(None);
    }
    if cells.len() > limits.max_columns {
        let message = format!(
            "line {line} has {} columns, at most {} are taken",
            cells.len(),
            limits.max_columns
        );
        return Err(DataError::new("too_many_columns", message).at_line(line));
    }
    if let Some(i) = cells.iter().position(|sample| sample.text.contains('\0')) {
        let message = format!("line {line}, column {}: a NUL byte; text has none", i + 1);
        return Err(DataError::new("nul_byte", message)
            .at_line(line)
            .at_column(i + 1, None));
    }
    Ok(Some(First { cells, line, end }))
}

/// Records after the first; a wrong one, or one cut off by the end of the head, is for the parser proper to judge.
fn sample_rows(
    text: &str,
    start: usize,
    whole: bool,
    delimiter: u8,
    n_columns: usize,
    limits: &Limits,
) -> Vec<Vec<Sample>> {
    let bytes = text.as_bytes();
    let budget = (SAMPLE_RECORDS * 50 / n_columns.max(50)).max(20);
    let mut rows: Vec<Vec<Sample>> = Vec::new();
    let mut at = start;
    while rows.len() < budget && at < bytes.len() {
        if let Some(next) = record::skip_empty_line(bytes, at) {
            at = next;
            continue;
        }
        let Ok((row, end)) = read_record(text, at, delimiter, limits, 0) else {
            break;
        };
        if row.len() != n_columns || (end == bytes.len() && !whole) {
            break;
        }
        rows.push(row);
        at = end;
    }
    rows
}

/// Where the first record starts: empty lines before it are skipped.
fn first_record(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = record::skip_empty_line(bytes, at) {
        at = next;
    }
    at
}

fn read_record(
    text: &str,
    start: usize,
    delimiter: u8,
    limits: &Limits,
    line: u64,
) -> Result<(Vec<Sample>, usize), DataError> {
    let mut cells = Vec::new();
    let mut scratch = String::new();
    let mut at = start;
    loop {
        let number = cells.len() + 1;
        let field = record::field(text.as_bytes(), at, delimiter)
            .map_err(|broken| super::ingest::broken_field(broken, line, number, None))?;
        if field.range.len() > limits.max_field_bytes {
            return Err(super::ingest::long_field(
                line,
                number,
                None,
                limits.max_field_bytes,
            ));
        }
        let content = record::content(text, &field, &mut scratch);
        let (content, single_quoted) = match cell::strip_single_quotes(content) {
            Some(inner) if !field.quoted => (inner, true),
            _ => (content, false),
        };
        cells.push(Sample {
            text: content.to_owned(),
            single_quoted,
        });
        at = field.end;
        if field.next != Next::Field {
            return Ok((cells, at));
        }
    }
}

/// The delimiter that cuts the most of the sampled records into the same number of fields, more than one.
pub(crate) fn best_delimiter(bytes: &[u8]) -> u8 {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let mut best = (0, 0, b',');
    for delimiter in DELIMITERS {
        let counts = fields_per_record(sample, delimiter);
        let Some(&first) = counts.first() else {
            continue;
        };
        let agreeing = counts.iter().filter(|n| **n == first).count() * 1000 / counts.len();
        if first > 1 && (agreeing, first) > (best.0, best.1) {
            best = (agreeing, first, delimiter);
        }
    }
    best.2
}

fn fields_per_record(sample: &[u8], delimiter: u8) -> Vec<usize> {
    let (mut counts, mut n_fields, mut at) = (Vec::new(), 0, first_record(sample));
    while at < sample.len() && counts.len() < SAMPLE_RECORDS {
        if n_fields == 0
            && let Some(next) = record::skip_empty_line(sample, at)
        {
            at = next;
            continue;
        }
        let (end, next) = match record::field(sample, at, delimiter) {
            Ok(field) => (field.end, field.next),
            // Quotes that this delimiter puts in the middle of a field: skip the line.
            Err(_) => (
                memchr::memchr(b'\n', &sample[at..]).map_or(sample.len(), |i| at + i + 1),
                Next::Record,
            ),
        };
        n_fields += 1;
        at = end;
        if next != Next::Field || at == sample.len() {
            counts.push(n_fields);
            n_fields = 0;
        }
    }
    if counts.len() > 1 && sample.last() != Some(&b'\n') && sample.len() == SAMPLE_BYTES {
        counts.pop();
    }
    counts
}

/// Whether the first record names the columns, and why.
fn judge_header(first: &[Sample], rows: &[Vec<Sample>]) -> (bool, String) {
    let is_value = |sample: &Sample| {
        !matches!(
            cell::read(&sample.text),
            cell::Cell::Name | cell::Cell::Missing
        )
    };
    let named_column = (0..first.len()).find(|&i| {
        !rows.is_empty()
            && cell::read(&first[i].text) == cell::Cell::Name
            && column_of_values(rows, i)
    });
    if let Some(i) = named_column {
        let why = format!(
            "the first record says {:?} where the rows below hold numbers or dates",
            first[i].text
        );
        return (true, why);
    }
    if let Some(value) = first.iter().find(|sample| is_value(sample)) {
        return (
            false,
            format!("the first record already holds a value ({:?})", value.text),
        );
    }
    if let Some(quoted) = first.iter().find(|sample| sample.single_quoted) {
        return (
            false,
            format!(
                "the first record already holds a single-quoted name ('{}')",
                quoted.text
            ),
        );
    }
    if let Some(i) = (0..first.len()).find(|&i| first[..i].iter().any(|s| s.text == first[i].text))
    {
        return (
            false,
            format!(
                "the first record says {:?} twice, which names do not",
                first[i].text
            ),
        );
    }
    let repeated = (0..first.len()).find(|&i| rows.iter().any(|row| row[i].text == first[i].text));
    match repeated {
        Some(i) => (
            false,
            format!(
                "{:?} of the first record occurs again below it",
                first[i].text
            ),
        ),
        None => (
            true,
            "every field of the first record is a different name, and none occurs again below it"
                .to_owned(),
        ),
    }
}

fn column_of_values(rows: &[Vec<Sample>], i: usize) -> bool {
    let (mut present, mut values) = (0, 0);
    for row in rows {
        match cell::read(&row[i].text) {
            cell::Cell::Missing => {}
            cell::Cell::Name => present += 1,
            _ => {
                present += 1;
                values += 1;
            }
        }
    }
    present > 0 && values * 10 >= present * 9
}

fn looks_numeric<'a>(column: impl Iterator<Item = &'a Sample>) -> bool {
    let (mut present, mut numbers) = (0, 0);
    for sample in column {
        match cell::read(&sample.text) {
            cell::Cell::Missing => {}
            cell::Cell::Number { .. } if !sample.single_quoted => {
                present += 1;
                numbers += 1;
            }
            _ => present += 1,
        }
    }
    present > 0 && numbers * 10 >= present * 9
}

fn generated_names(n: usize) -> Vec<String> {
    (1..=n).map(|number| format!("column_{number}")).collect()
}

/// Names from a header record; an empty field is named `column_N`.
fn names_from(first: &[Sample], line: u64) -> Result<Vec<String>, DataError> {
    let mut seen = std::collections::HashMap::with_capacity(first.len());
    let mut names = Vec::with_capacity(first.len());
    for (i, sample) in first.iter().enumerate() {
        let number = i + 1;
        let name = match cell::trim(&sample.text) {
            "" => format!("column_{number}"),
            name => name.to_owned(),
        };
        if let Some(earlier) = seen.insert(name.clone(), number) {
            let message = format!(
                "line {line}: columns {earlier} and {number} are both called {name:?}; every column needs its own name"
            );
            return Err(DataError::new("duplicate_column", message)
                .at_line(line)
                .at_column(number, Some(&name)));
        }
        names.push(name);
    }
    Ok(names)
}
