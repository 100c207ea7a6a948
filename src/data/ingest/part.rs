//! What a block is parsed with, and what comes out of it.

use std::sync::atomic::AtomicBool;

use super::distinct::NumberCounts;
use super::grid::Grid;
use super::moments::Moments;
use crate::data::record::Broken;
use crate::data::{ColumnKind, DataError};

/// How many cells of each class are kept word for word.
pub(super) const KEPT_CELLS: usize = 10;

/// What the worker must know about a column.
#[derive(Debug)]
pub(super) struct ColumnPlan {
    pub name: String,
    /// Cells are tried as numbers before anything else. A wrong guess costs time, never correctness.
    pub expects_numbers: bool,
    /// The kind that the owner set.
    pub forced: Option<ColumnKind>,
    /// Set once different values are no longer counted.
    pub full: AtomicBool,
}

/// What every block of the file has in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub delimiter: u8,
    pub columns: Vec<ColumnPlan>,
    pub max_field_bytes: usize,
    pub max_cells: usize,
    pub max_distinct: usize,
}

/// Classes of present cells, as indices of [`ColumnPart::counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Class {
    Integer,
    Decimal,
    Timestamp,
    Name,
    /// A cell that does not fit the kind the owner set.
    Unfit,
}

/// Number of classes.
pub(super) const N_CLASSES: usize = 5;

/// A cell kept word for word, with its line counted from 0 within the block.
pub(super) type KeptCell = (u64, String);

/// Statistics of one column over one block.
#[derive(Debug, Default)]
pub(super) struct ColumnPart {
    pub n_missing: u64,
    pub counts: [u64; N_CLASSES],
    /// How many of the present cells stood in single quotes.
    pub n_single_quoted: u64,
    pub kept: [Vec<KeptCell>; N_CLASSES],
    pub numbers: Moments,
    pub number_grid: Grid,
    pub times: Moments,
    pub time_grid: Grid,
    /// Numbers of a column that expects them, by value; everything else is among the names.
    pub distinct_numbers: NumberCounts,
    pub distinct_overflow: bool,
    pub distinct_names: Vec<(Box<str>, u64)>,
}

/// What is wrong with a record, `line` counted from 0 within the block.
#[derive(Debug)]
pub(super) struct BlockError {
    pub line: u64,
    /// Counted from 0.
    pub column: usize,
    pub what: Wrong,
}

/// The kinds of broken records.
#[derive(Debug)]
pub(super) enum Wrong {
    Ragged { found: usize },
    Broken(Broken),
    LongField,
    Nul { index: usize },
    NotUtf8 { error: DataError },
}

/// Statistics of a block, or where it is wrong.
#[derive(Debug)]
pub(super) struct BlockPart {
    pub n_rows: u64,
    pub n_lines: u64,
    pub columns: Vec<ColumnPart>,
    pub error: Option<BlockError>,
}
