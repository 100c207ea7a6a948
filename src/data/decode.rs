//! A stored table, read again: wanted columns into a [`Frame`], or the first rows word for word.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::ops::ControlFlow;

use super::encoding::UTF8_MARK;
use super::frame::{Frame, MISSING, Reading, Values, Wanted};
use super::record::{self, Cut, Next};
use super::{Compression, DataError, Format, Limits, Schema, arrays, cell, number, timestamp};

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Rows of a table word for word, without the header; `None` is a missing value.
pub type Rows = Vec<Vec<Option<String>>>;

/// Reads the wanted columns of a stored table. The file was checked when it came in, so an error here means that it is no
/// longer the same file.
///
/// # Errors
/// `unreadable` when `reader` fails, `changed_file` when the file does not have the columns of `schema`.
pub fn decode(
    reader: impl Read + Seek,
    format: &Format,
    schema: &Schema,
    wanted: &[Wanted],
) -> Result<Frame, DataError> {
    if let Some(arrays) = &format.arrays {
        return arrays::decode(reader, arrays, wanted);
    }
    let n_columns = schema.columns.len();
    let mut readers: Vec<Option<ColumnReader>> = (0..n_columns).map(|_| None).collect();
    for want in wanted {
        let Some(slot) = readers.get_mut(want.column) else {
            let message = format!(
                "column {} is wanted of a table with {n_columns}",
                want.column + 1
            );
            return Err(DataError::new("unknown_column", message));
        };
        *slot = Some(ColumnReader::new(want.reading));
    }
    let mut n_rows = 0;
    records(reader, format, |text, start| {
        let end = row(text, start, format.delimiter_byte(), &mut readers)?;
        n_rows += 1;
        Ok(ControlFlow::Continue(end))
    })?;
    let columns = readers.into_iter().enumerate();
    let columns = columns
        .filter_map(|(i, reader)| reader.map(|reader| (i, reader.values)))
        .collect();
    Ok(Frame { n_rows, columns })
}

/// Rows `first..first + limit` (counted from 0) word for word, as far as the table has them.
///
/// # Errors
/// As [`decode`].
pub fn preview(
    reader: impl Read + Seek,
    format: &Format,
    schema: &Schema,
    first: u64,
    limit: usize,
) -> Result<Rows, DataError> {
    if let Some(arrays) = &format.arrays {
        return arrays::preview(reader, arrays, first, limit);
    }
    let end = first.saturating_add(limit as u64);
    gather(
        reader,
        format,
        schema,
        |index| first <= index && index < end,
        limit,
    )
}

/// The rows with these numbers (counted from 0, ascending) word for word, in one pass that ends with the last of them.
///
/// # Errors
/// As [`decode`].
pub fn pick(
    reader: impl Read + Seek,
    format: &Format,
    schema: &Schema,
    numbers: &[u32],
) -> Result<Rows, DataError> {
    if let Some(arrays) = &format.arrays {
        return arrays::pick(reader, arrays, numbers);
    }
    let is_wanted =
        |index: u64| u32::try_from(index).is_ok_and(|index| numbers.binary_search(&index).is_ok());
    gather(reader, format, schema, is_wanted, numbers.len())
}

/// The rows that are wanted, until there are `limit` of them.
fn gather(
    reader: impl Read,
    format: &Format,
    schema: &Schema,
    is_wanted: impl Fn(u64) -> bool,
    limit: usize,
) -> Result<Rows, DataError> {
    let delimiter = format.delimiter_byte();
    let mut rows = Rows::new();
    let mut index = 0;
    if limit == 0 {
        return Ok(rows);
    }
    records(reader, format, |text, start| {
        let shown = is_wanted(index);
        index += 1;
        let mut cells = Vec::new();
        let mut at = start;
        loop {
            let field = record::field(text.as_bytes(), at, delimiter).map_err(|_| changed())?;
            if shown {
                let content =
                    cell::clean(record::content(text, &field, &mut String::new())).to_owned();
                cells.push((!cell::is_missing(&content)).then_some(content));
            }
            at = field.end;
            if field.next != Next::Field {
                break;
            }
        }
        if shown {
            if cells.len() != schema.columns.len() {
                return Err(changed());
            }
            rows.push(cells);
        }
        Ok(if rows.len() == limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(at)
        })
    })?;
    Ok(rows)
}

/// Calls `visit` at the start of every record but the header; it answers where the record ends, or to stop.
fn records(
    reader: impl Read,
    format: &Format,
    mut visit: impl FnMut(&str, usize) -> Result<ControlFlow<(), usize>, DataError>,
) -> Result<(), DataError> {
    match format.compression {
        Compression::None => blocks(reader, format, &mut visit),
        Compression::Gzip => blocks(
            flate2::read::MultiGzDecoder::new(reader),
            format,
            &mut visit,
        ),
    }
}

fn blocks(
    mut reader: impl Read,
    format: &Format,
    visit: &mut impl FnMut(&str, usize) -> Result<ControlFlow<(), usize>, DataError>,
) -> Result<(), DataError> {
    let limits = Limits::default();
    let mut buffer = Vec::new();
    let (mut wanted, mut first) = (BLOCK_BYTES, true);
    loop {
        let room = (wanted - buffer.len()) as u64;
        let read = reader.by_ref().take(room).read_to_end(&mut buffer);
        read.map_err(|error| {
            DataError::new(
                "unreadable",
                format!("the stored file cannot be read: {error}"),
            )
        })?;
        let last = buffer.len() < wanted;
        let end = if last {
            buffer.len()
        } else {
            match record::whole_records(&buffer, format.delimiter_byte(), limits.max_field_bytes) {
                Cut::At(end) => end,
                Cut::LongField(_) => return Err(changed()),
            }
        };
        if end == 0 && !last {
            if wanted >= limits.max_record_bytes {
                return Err(changed());
            }
            wanted *= 2;
            continue;
        }
        let text = std::str::from_utf8(&buffer[..end]).map_err(|_| changed())?;
        let mut at = if std::mem::take(&mut first) {
            table_start(text, format)?
        } else {
            0
        };
        while at < text.len() {
            if let Some(next) = record::skip_empty_line(text.as_bytes(), at) {
                at = next;
                continue;
            }
            match visit(text, at)? {
                ControlFlow::Continue(next) => at = next,
                ControlFlow::Break(()) => return Ok(()),
            }
        }
        if last {
            return Ok(());
        }
        buffer.drain(..end);
        wanted = BLOCK_BYTES.max(buffer.len() * 2);
    }
}

/// Where the first record after the byte order mark and the header starts.
fn table_start(text: &str, format: &Format) -> Result<usize, DataError> {
    let bytes = text.as_bytes();
    let mut at = if format.byte_order_mark && bytes.starts_with(UTF8_MARK) {
        UTF8_MARK.len()
    } else {
        0
    };
    if !format.header {
        return Ok(at);
    }
    while let Some(next) = record::skip_empty_line(bytes, at) {
        at = next;
    }
    loop {
        let field = record::field(bytes, at, format.delimiter_byte()).map_err(|_| changed())?;
        at = field.end;
        if field.next != Next::Field {
            return Ok(at);
        }
    }
}

#[cold]
fn changed() -> DataError {
    DataError::new(
        "changed_file",
        "the stored file is not the table that was uploaded",
    )
}

/// Reads one record; where it ends.
fn row(
    text: &str,
    start: usize,
    delimiter: u8,
    readers: &mut [Option<ColumnReader>],
) -> Result<usize, DataError> {
    let bytes = text.as_bytes();
    let mut at = start;
    let last = readers.len() - 1;
    for (i, reader) in readers.iter_mut().enumerate() {
        let next = if let Some(ColumnReader {
            reading: Reading::Number,
            values: Values::Numbers(numbers),
            ..
        }) = reader
            && let Some(scanned) = number::scan(&bytes[at..])
            && let Some((width, next)) = record::follows(bytes, at + scanned.len, delimiter)
        {
            numbers.push(scanned.value);
            at += scanned.len + width;
            next
        } else {
            let field = record::field(bytes, at, delimiter).map_err(|_| changed())?;
            if let Some(reader) = reader {
                if field.doubled {
                    reader.push(cell::clean(record::content(
                        text,
                        &field,
                        &mut String::new(),
                    )));
                } else {
                    reader.push(cell::clean(&text[field.range.clone()]));
                }
            }
            at = field.end;
            field.next
        };
        if (next == Next::Field) != (i < last) {
            return Err(changed());
        }
    }
    Ok(at)
}

/// Gathers the values of one column.
struct ColumnReader {
    reading: Reading,
    values: Values,
    codes: HashMap<String, u32>,
}

impl ColumnReader {
    fn new(reading: Reading) -> Self {
        let values = match reading {
            Reading::Name => Values::Names {
                codes: Vec::new(),
                names: Vec::new(),
            },
            _ => Values::Numbers(Vec::new()),
        };
        Self {
            reading,
            values,
            codes: HashMap::new(),
        }
    }

    fn push(&mut self, text: &str) {
        match &mut self.values {
            Values::Numbers(numbers) => {
                numbers.push(read_number(self.reading, text).unwrap_or(f64::NAN))
            }
            Values::Names { codes, names } => {
                let code = if cell::is_missing(text) {
                    MISSING
                } else if let Some(last) = codes.last()
                    && names.get(*last as usize).is_some_and(|name| name == text)
                {
                    *last
                } else if let Some(code) = self.codes.get(text) {
                    *code
                } else {
                    let code = names.len() as u32;
                    names.push(text.to_owned());
                    self.codes.insert(text.to_owned(), code);
                    code
                };
                codes.push(code);
            }
            // No cell of a table is an array.
            Values::Samples(_) => {}
        }
    }
}

/// The number that a present cell stands for, if it can be read so.
#[inline]
pub(super) fn read_number(reading: Reading, text: &str) -> Option<f64> {
    match reading {
        Reading::Number => number::parse(text).map(|scanned| scanned.value),
        Reading::Boolean => cell::boolean(text).map(|truth| f64::from(u8::from(truth))),
        Reading::Timestamp => timestamp::parse(text),
        Reading::Name | Reading::Array => None,
    }
}
