//! One block of whole records: cells in, per-column statistics out. Pure, so blocks may be parsed in any order on any
//! thread; positions are counted from the block's own start.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::distinct::{NumberCounts, number_key};
use super::grid::Grid;
use super::moments::Moments;
use super::part::{BlockError, BlockPart, Class, ColumnPart, KEPT_CELLS, Plan, Wrong};
use crate::data::cell::{self, Cell};
use crate::data::record::{self, Next};
use crate::data::{ColumnKind, number};

/// Buffers that a worker keeps from block to block.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    numbers: Vec<Vec<f64>>,
    times: Vec<Vec<f64>>,
}

/// Different names of one column within a block.
#[derive(Default)]
struct Names<'a> {
    index: HashMap<std::borrow::Cow<'a, str>, u64>,
}

/// Parses `bytes`, whole records that start at byte `offset` of the unpacked file.
pub(super) fn parse(bytes: &[u8], offset: u64, plan: &Plan, scratch: &mut Scratch) -> BlockPart {
    let failed = |error| BlockPart {
        n_rows: 0,
        n_lines: 0,
        columns: Vec::new(),
        error: Some(error),
    };
    if let Some(index) = memchr::memchr(0, bytes) {
        let (line, column) = locate(bytes, index, plan.delimiter);
        return failed(BlockError {
            line,
            column,
            what: Wrong::Nul { index },
        });
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let bad = error.valid_up_to();
            let (line, column) = locate(bytes, bad, plan.delimiter);
            let error = crate::data::encoding::not_utf8(bytes, bad, offset);
            return failed(BlockError {
                line,
                column,
                what: Wrong::NotUtf8 { error },
            });
        }
    };
    let n = plan.columns.len();
    scratch.numbers.resize_with(n, Vec::new);
    scratch.times.resize_with(n, Vec::new);
    scratch
        .numbers
        .iter_mut()
        .chain(&mut scratch.times)
        .for_each(Vec::clear);
    let mut walk = Walk {
        text,
        plan,
        scratch,
        at: 0,
        line: 0,
        n_rows: 0,
        columns: Vec::new(),
        names: Vec::new(),
    };
    walk.columns.resize_with(n, ColumnPart::default);
    walk.names.resize_with(n, Names::default);
    let error = walk.records().err();
    walk.finish(error)
}

/// Line (from 0) and column (from 0) of a byte.
fn locate(bytes: &[u8], index: usize, delimiter: u8) -> (u64, usize) {
    let (mut at, mut column) = (0, 0);
    while let Ok(field) = record::field(bytes, at, delimiter) {
        if field.end > index || field.next == Next::End {
            break;
        }
        at = field.end;
        column = if field.next == Next::Record {
            0
        } else {
            column + 1
        };
    }
    (
        memchr::memchr_iter(b'\n', &bytes[..index]).count() as u64,
        column,
    )
}

/// The state of one pass over a block.
struct Walk<'a, 's> {
    text: &'a str,
    plan: &'a Plan,
    scratch: &'s mut Scratch,
    at: usize,
    line: u64,
    n_rows: u64,
    columns: Vec<ColumnPart>,
    names: Vec<Names<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn records(&mut self) -> Result<(), BlockError> {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            if let Some(next) = record::skip_empty_line(bytes, self.at) {
                self.at = next;
                self.line += 1;
                continue;
            }
            self.record()?;
            self.n_rows += 1;
        }
        Ok(())
    }

    /// One record. Numbers are read while looking for the delimiter; whatever is no plain number takes the general way.
    #[inline]
    fn record(&mut self) -> Result<(), BlockError> {
        let bytes = self.text.as_bytes();
        let last = self.plan.columns.len() - 1;
        let delimiter = self.plan.delimiter;
        let line = self.line;
        for i in 0..=last {
            let next = if self.plan.columns[i].expects_numbers
                && let Some(scanned) = number::scan(&bytes[self.at..])
                && let Some((width, next)) =
                    record::follows(bytes, self.at + scanned.len, delimiter)
                && scanned.len <= self.plan.max_field_bytes
            {
                let class = if scanned.integer {
                    Class::Integer
                } else {
                    Class::Decimal
                };
                let part = &mut self.columns[i];
                part.counts[class as usize] += 1;
                if part.kept[class as usize].len() < KEPT_CELLS {
                    keep(
                        part,
                        class,
                        line,
                        &self.text[self.at..self.at + scanned.len],
                    );
                }
                self.scratch.numbers[i].push(scanned.value);
                self.at += scanned.len + width;
                next
            } else {
                self.general_cell(i, line)?
            };
            let expected = if i == last {
                next != Next::Field
            } else {
                next == Next::Field
            };
            if !expected {
                return Err(self.ragged(line, i, next));
            }
            if i == last && next == Next::Record {
                self.line += 1;
            }
        }
        Ok(())
    }

    fn general_cell(&mut self, i: usize, line: u64) -> Result<Next, BlockError> {
        let wrong = |what| BlockError {
            line,
            column: i,
            what,
        };
        let field = record::field(self.text.as_bytes(), self.at, self.plan.delimiter)
            .map_err(|broken| wrong(Wrong::Broken(broken)))?;
        if field.range.len() > self.plan.max_field_bytes {
            return Err(wrong(Wrong::LongField));
        }
        if field.quoted {
            self.line += memchr::memchr_iter(b'\n', &self.text.as_bytes()[field.range.clone()])
                .count() as u64;
        }
        self.at = field.end;
        if field.doubled {
            let content =
                cell::clean(record::content(self.text, &field, &mut String::new())).to_owned();
            self.classify(i, line, &content, false);
            if !cell::is_missing(&content) {
                self.names[i].count(std::borrow::Cow::Owned(content), self.plan, i);
            }
        } else {
            let whole: &'a str = self.text;
            let text = &whole[field.range.clone()];
            let inner = if field.quoted {
                None
            } else {
                cell::strip_single_quotes(text)
            };
            let content = inner.unwrap_or(text);
            let is_number = self.classify(i, line, content, inner.is_some());
            if !is_number && !cell::is_missing(content) {
                self.names[i].count(std::borrow::Cow::Borrowed(content), self.plan, i);
            }
        }
        Ok(field.next)
    }

    /// Counts a cell under its class; tells whether it went among the numbers of a column that expects them.
    fn classify(&mut self, i: usize, line: u64, text: &str, single_quoted: bool) -> bool {
        let plan = &self.plan.columns[i];
        let part = &mut self.columns[i];
        let read = cell::read(text);
        if read == Cell::Missing {
            part.n_missing += 1;
            return false;
        }
        part.n_single_quoted += u64::from(single_quoted);
        let class = match read {
            Cell::Number { value, integer } => {
                self.scratch.numbers[i].push(value);
                if integer {
                    Class::Integer
                } else {
                    Class::Decimal
                }
            }
            Cell::Timestamp(seconds) => {
                self.scratch.times[i].push(seconds);
                Class::Timestamp
            }
            Cell::Name | Cell::Missing => Class::Name,
        };
        part.counts[class as usize] += 1;
        if part.kept[class as usize].len() < KEPT_CELLS {
            keep(part, class, line, text);
        }
        if plan.forced.is_some_and(|kind| !fits(kind, text)) {
            part.counts[Class::Unfit as usize] += 1;
            if part.kept[Class::Unfit as usize].len() < KEPT_CELLS {
                keep(part, Class::Unfit, line, text);
            }
        }
        plan.expects_numbers && matches!(class, Class::Integer | Class::Decimal)
    }

    /// Counts the fields of a record that has too many or too few.
    #[cold]
    fn ragged(&self, line: u64, i: usize, next: Next) -> BlockError {
        let (mut at, mut found, mut next) = (self.at, i + 1, next);
        while next == Next::Field {
            found += 1;
            match record::field(self.text.as_bytes(), at, self.plan.delimiter) {
                Ok(field) => (at, next) = (field.end, field.next),
                Err(_) => break,
            }
        }
        BlockError {
            line,
            column: i,
            what: Wrong::Ragged { found },
        }
    }

    fn finish(self, error: Option<BlockError>) -> BlockPart {
        let mut columns = self.columns;
        let with_names = columns.iter_mut().zip(self.names);
        for (i, (part, names)) in with_names.enumerate() {
            let (numbers, times) = (&self.scratch.numbers[i], &self.scratch.times[i]);
            part.numbers = Moments::of(numbers);
            part.number_grid = Grid::of(
                numbers,
                part.numbers.min,
                part.numbers.max,
                self.plan.max_cells,
            );
            part.times = Moments::of(times);
            part.time_grid = Grid::of(times, part.times.min, part.times.max, self.plan.max_cells);
            part.distinct_names = names
                .index
                .into_iter()
                .map(|(name, count)| (name.into(), count))
                .collect();
            let column = &self.plan.columns[i];
            if column.expects_numbers && !column.full.load(Ordering::Relaxed) {
                for value in numbers {
                    *part.distinct_numbers.entry(number_key(*value)).or_insert(0) += 1;
                    if part.distinct_numbers.len() > self.plan.max_distinct {
                        part.distinct_overflow = true;
                        part.distinct_numbers = NumberCounts::default();
                        break;
                    }
                }
            }
        }
        BlockPart {
            n_rows: self.n_rows,
            n_lines: self.line,
            columns,
            error,
        }
    }
}

impl<'a> Names<'a> {
    fn count(&mut self, name: std::borrow::Cow<'a, str>, plan: &Plan, i: usize) {
        if let Some(count) = self.index.get_mut(&name) {
            *count += 1;
        } else if !plan.columns[i].full.load(Ordering::Relaxed) {
            self.index.insert(name, 1);
        }
    }
}

#[cold]
fn keep(part: &mut ColumnPart, class: Class, line: u64, text: &str) {
    part.kept[class as usize].push((line, text.chars().take(80).collect()));
}

/// Whether a present cell is of the kind that the owner set.
fn fits(kind: ColumnKind, text: &str) -> bool {
    match kind {
        ColumnKind::Numeric => number::parse(text).is_some(),
        ColumnKind::Integer => number::parse(text).is_some_and(|n| n.value.fract() == 0.0),
        ColumnKind::Boolean => cell::boolean(text).is_some(),
        ColumnKind::Timestamp => crate::data::timestamp::parse(text).is_some(),
        ColumnKind::Categorical | ColumnKind::Text => true,
        ColumnKind::Array => false,
    }
}
