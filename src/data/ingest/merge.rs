//! Statistics of blocks become statistics of the file, always in the order of the blocks, whichever thread parsed them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::distinct::DistinctValues;
use super::grid::Grid;
use super::moments::Moments;
use super::part::{BlockPart, Class, ColumnPart, KEPT_CELLS, KeptCell, N_CLASSES, Plan, Wrong};
use super::{broken_field, long_field};
use crate::data::DataError;

/// Everything known about a column so far.
#[derive(Debug)]
pub(super) struct ColumnTotals {
    pub n_missing: u64,
    pub counts: [u64; N_CLASSES],
    pub n_single_quoted: u64,
    /// The first cells of each class with their lines, counted from 1 in the file.
    pub kept: [Vec<KeptCell>; N_CLASSES],
    pub numbers: Moments,
    pub number_grid: Grid,
    pub times: Moments,
    pub time_grid: Grid,
    pub distinct: DistinctValues,
}

/// Adds up blocks in order; a block that comes too early waits.
#[derive(Debug)]
pub(super) struct Merger {
    pub columns: Vec<ColumnTotals>,
    pub n_rows: u64,
    /// Lines before the next block.
    lines: u64,
    next: u64,
    waiting: BTreeMap<u64, (BlockPart, u64)>,
    error: Option<DataError>,
}

impl Merger {
    /// Nothing merged yet; the first block starts after `lines` lines.
    pub(super) fn new(plan: &Plan, lines: u64, max_distinct_bytes: usize) -> Self {
        let total = || ColumnTotals {
            n_missing: 0,
            counts: [0; N_CLASSES],
            n_single_quoted: 0,
            kept: Default::default(),
            numbers: Moments::default(),
            number_grid: Grid::default(),
            times: Moments::default(),
            time_grid: Grid::default(),
            distinct: DistinctValues::new(plan.max_distinct, max_distinct_bytes),
        };
        let columns = plan.columns.iter().map(|_| total()).collect();
        Self {
            columns,
            n_rows: 0,
            lines,
            next: 0,
            waiting: BTreeMap::new(),
            error: None,
        }
    }

    /// Takes block number `index`, which starts at byte `offset`, and merges whatever is now in turn. Returns whether the
    /// file has turned out to be wrong.
    pub(super) fn add(&mut self, plan: &Plan, index: u64, offset: u64, part: BlockPart) -> bool {
        self.waiting.insert(index, (part, offset));
        while self.error.is_none()
            && let Some((part, offset)) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            self.merge(plan, part, offset);
        }
        self.error.is_some()
    }

    /// Lines of the header and of the blocks merged so far.
    pub(super) fn lines(&self) -> u64 {
        self.lines
    }

    /// The first thing wrong with the file, taken out.
    pub(super) fn take_error(&mut self) -> Option<DataError> {
        self.error.take()
    }

    fn merge(&mut self, plan: &Plan, part: BlockPart, offset: u64) {
        if let Some(error) = part.error {
            let place = Place {
                line: self.lines + error.line + 1,
                column: error.column,
                offset,
            };
            self.error = Some(describe(error.what, &place, plan));
            return;
        }
        for ((total, part), column) in self.columns.iter_mut().zip(part.columns).zip(&plan.columns)
        {
            total.merge(part, plan, self.lines);
            if total.distinct.is_full() {
                column.full.store(true, Ordering::Relaxed);
            }
        }
        self.lines += part.n_lines;
        self.n_rows += part.n_rows;
    }
}

impl ColumnTotals {
    fn merge(&mut self, part: ColumnPart, plan: &Plan, lines: u64) {
        self.n_missing += part.n_missing;
        self.n_single_quoted += part.n_single_quoted;
        for (total, count) in self.counts.iter_mut().zip(part.counts) {
            *total += count;
        }
        for (kept, new) in self.kept.iter_mut().zip(part.kept) {
            let room = KEPT_CELLS - kept.len();
            kept.extend(
                new.into_iter()
                    .take(room)
                    .map(|(line, text)| (lines + line + 1, text)),
            );
        }
        self.numbers.merge(&part.numbers);
        self.number_grid.merge(&part.number_grid, plan.max_cells);
        self.times.merge(&part.times);
        self.time_grid.merge(&part.time_grid, plan.max_cells);
        if part.distinct_overflow {
            self.distinct.overflow();
        }
        self.distinct
            .merge(&part.distinct_numbers, part.distinct_names);
    }

    /// Cells of a class.
    pub(super) fn count(&self, class: Class) -> u64 {
        self.counts[class as usize]
    }
}

struct Place {
    line: u64,
    /// Counted from 0.
    column: usize,
    /// Of the block.
    offset: u64,
}

fn describe(wrong: Wrong, place: &Place, plan: &Plan) -> DataError {
    let (line, number) = (place.line, place.column + 1);
    let name = plan
        .columns
        .get(place.column)
        .map(|column| column.name.as_str());
    match wrong {
        Wrong::Ragged { found } => {
            let expected = plan.columns.len();
            let fields = if found == 1 { "field" } else { "fields" };
            let message =
                format!("line {line} has {found} {fields}, but the table has {expected} columns");
            // Too few: the first column without a field. Too many: the last column, after which they come.
            let at = if found < expected {
                found
            } else {
                expected - 1
            };
            DataError::new("ragged_row", message)
                .at_line(line)
                .at_column(at + 1, Some(&plan.columns[at].name))
        }
        Wrong::Broken(broken) => broken_field(broken, line, number, name),
        Wrong::LongField => long_field(line, number, name, plan.max_field_bytes),
        Wrong::Nul { index } => {
            let byte = place.offset + index as u64;
            let column = crate::data::ColumnRef {
                number,
                name: name.map(str::to_owned),
            };
            let message = format!(
                "line {line}, {column}: a NUL byte (byte {byte} of the file); text has none"
            );
            DataError::new("nul_byte", message)
                .at_line(line)
                .at_column(number, name)
                .at_byte(byte)
        }
        Wrong::NotUtf8 { mut error } => {
            let column = crate::data::ColumnRef {
                number,
                name: name.map(str::to_owned),
            };
            error.message = format!("line {line}, {column}: {}", error.message);
            error.at_line(line).at_column(number, name)
        }
    }
}
