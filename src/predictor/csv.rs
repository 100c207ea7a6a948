//! Tables of rows: with a header whose names may stand in any order, or without one in file order.

use descent_engine::spec::pointer::join;

use super::cell::Cell;
use super::error::{Fault, PredictError};
use super::scoring::Scoring;
use crate::data::best_delimiter;
use crate::data::record::{self, Broken, Cut, Field, Next};

/// Bytes that are awaited before the delimiter is judged.
const HEAD_BYTES: usize = 64 << 10;
/// Bytes of one field.
const MAX_FIELD_BYTES: usize = 64 << 10;
/// Bytes of one record.
const MAX_RECORD_BYTES: usize = 8 << 20;

/// A table that is being read.
#[derive(Debug, Default)]
pub(super) struct Table {
    layout: Option<Layout>,
    fields: Vec<Field>,
    scratch: String,
    line: u64,
}

/// What the first record told.
#[derive(Debug)]
struct Layout {
    delimiter: u8,
    columns: Columns,
}

#[derive(Debug)]
enum Columns {
    /// For each field its column of the training file; and the columns that have no field.
    Named {
        order: Vec<usize>,
        absent: Vec<usize>,
    },
    /// One field per input, or one per column of the training file.
    InFileOrder,
}

impl Table {
    /// Reads the whole records at the start of `bytes`, all of it when nothing follows, and answers how many bytes it took.
    /// With `lenient` a bad record gets an error in its place.
    ///
    /// # Errors
    /// When the text is no table, or a record is refused.
    pub(super) fn read(
        &mut self,
        scoring: &mut Scoring<'_>,
        bytes: &[u8],
        last: bool,
        lenient: bool,
    ) -> Result<usize, PredictError> {
        let delimiter = match &self.layout {
            Some(layout) => layout.delimiter,
            None if bytes.len() < HEAD_BYTES && !last => return Ok(0),
            None => best_delimiter(bytes),
        };
        let end = if last {
            bytes.len()
        } else {
            self.whole(bytes, delimiter)?
        };
        let text = std::str::from_utf8(&bytes[..end])
            .map_err(|error| self.not_utf8(bytes, error.valid_up_to()))?;
        let mut at = 0;
        while at < end {
            if let Some(next) = record::skip_empty_line(text.as_bytes(), at) {
                (at, self.line) = (next, self.line + 1);
                continue;
            }
            let start = at;
            scoring.line = self.line + 1;
            at = self.fields(text, at, delimiter)?;
            if self.layout.is_none() {
                let columns = self.columns(scoring, text)?;
                let header = matches!(columns, Columns::Named { .. });
                self.layout = Some(Layout { delimiter, columns });
                if header {
                    self.line += count_lines(&text[start..at]);
                    continue;
                }
            }
            self.row(scoring, text, lenient)?;
            self.line += count_lines(&text[start..at]);
        }
        Ok(end)
    }

    fn whole(&self, bytes: &[u8], delimiter: u8) -> Result<usize, PredictError> {
        let too_long = |what: &str, limit: usize| PredictError::TooLarge {
            message: format!(
                "a {what} after line {} is longer than {limit} bytes",
                self.line
            ),
            limit: limit as u64,
        };
        match record::whole_records(bytes, delimiter, MAX_FIELD_BYTES) {
            Cut::At(0) if bytes.len() > MAX_RECORD_BYTES => {
                Err(too_long("record", MAX_RECORD_BYTES))
            }
            Cut::At(end) => Ok(end),
            Cut::LongField(_) => Err(too_long("field", MAX_FIELD_BYTES)),
        }
    }

    fn not_utf8(&self, bytes: &[u8], valid: usize) -> PredictError {
        let before = &bytes[..valid];
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        PredictError::Malformed {
            message: "the table is not UTF-8; convert it first".into(),
            line: self.line + 1 + memchr::memchr_iter(b'\n', before).count() as u64,
            column: (valid - start + 1) as u64,
        }
    }

    /// Cuts the record that starts at `at` into fields, and answers where it ends.
    fn fields(&mut self, text: &str, mut at: usize, delimiter: u8) -> Result<usize, PredictError> {
        self.fields.clear();
        loop {
            let field = record::field(text.as_bytes(), at, delimiter).map_err(|broken| {
                let number = self.fields.len() + 1;
                let what = match broken {
                    Broken::Unterminated => "opens a quote that is never closed",
                    Broken::AfterQuote(_) => "goes on after its closing quote",
                };
                let message = format!("line {}, field {number} {what}", self.line + 1);
                PredictError::Malformed {
                    message,
                    line: self.line + 1,
                    column: 0,
                }
            })?;
            at = field.end;
            let next = field.next;
            self.fields.push(field);
            if next != Next::Field {
                return Ok(at);
            }
        }
    }

    /// Takes the first record for a header when at least half of its fields are column names.
    fn columns(&mut self, scoring: &mut Scoring<'_>, text: &str) -> Result<Columns, PredictError> {
        let inputs = scoring.inputs();
        let names: Vec<String> = self
            .fields
            .iter()
            .map(|field| {
                record::content(text, field, &mut self.scratch)
                    .trim()
                    .to_owned()
            })
            .collect();
        let found: Vec<Option<usize>> = names
            .iter()
            .map(|name| inputs.find(name, usize::MAX))
            .collect();
        let n_found = found.iter().flatten().count();
        if n_found == 0 || n_found * 2 < names.len() {
            return Ok(Columns::InFileOrder);
        }
        let mut order = Vec::with_capacity(names.len());
        for (name, column) in names.iter().zip(found) {
            let Some(column) = column else {
                return Err(header_fault(scoring.unknown_column(name), name));
            };
            if order.contains(&column) {
                let message = format!("the header names the column {name:?} twice");
                return Err(header_fault(Fault::new("duplicate_column", message), name));
            }
            order.push(column);
        }
        let named = |column: &usize| order.contains(column);
        let absent = (0..inputs.len())
            .map(|input| inputs.column_of(input))
            .filter(|column| !named(column))
            .collect();
        Ok(Columns::Named { order, absent })
    }

    fn row(
        &mut self,
        scoring: &mut Scoring<'_>,
        text: &str,
        lenient: bool,
    ) -> Result<(), PredictError> {
        scoring.begin_row();
        match self.encode(scoring, text) {
            Ok(()) => scoring.end_row(),
            Err(fault) => {
                scoring.abandon_row();
                if lenient {
                    scoring.answer_fault(&fault)
                } else {
                    Err(fault.into())
                }
            }
        }
    }

    fn encode(&mut self, scoring: &mut Scoring<'_>, text: &str) -> Result<(), Box<Fault>> {
        let Table {
            layout,
            fields,
            scratch,
            ..
        } = self;
        let (n_inputs, n_columns) = (scoring.inputs().len(), scoring.inputs().n_columns());
        match layout.as_ref().map(|layout| &layout.columns) {
            Some(Columns::Named { order, absent }) => {
                if fields.len() != order.len() {
                    let (got, named) = (fields.len(), order.len());
                    let message = format!(
                        "{} has {got} fields, and the header names {named}",
                        scoring.where_row()
                    );
                    return Err(scoring.fault("wrong_width", message, None, None));
                }
                for (field, &column) in fields.iter().zip(order) {
                    scoring.set(
                        column,
                        None,
                        Cell::Text(record::content(text, field, scratch)),
                    )?;
                }
                absent
                    .iter()
                    .try_for_each(|&column| scoring.set(column, None, Cell::Missing))
            }
            _ if fields.len() != n_inputs && fields.len() != n_columns => {
                Err(scoring.wrong_width(fields.len()))
            }
            _ => {
                let inputs_only = fields.len() == n_inputs;
                for (position, field) in fields.iter().enumerate() {
                    let column = if inputs_only {
                        scoring.inputs().column_of(position)
                    } else {
                        position
                    };
                    scoring.set(
                        column,
                        Some(position),
                        Cell::Text(record::content(text, field, scratch)),
                    )?;
                }
                Ok(())
            }
        }
    }
}

/// A fault of the header is one of the request, not of a row.
fn header_fault(mut fault: Box<Fault>, name: &str) -> PredictError {
    fault.row = None;
    fault.pointer = join("", name);
    fault.line.get_or_insert(1);
    fault.into()
}

fn count_lines(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}
