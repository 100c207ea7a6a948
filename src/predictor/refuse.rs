//! What is said when a row does not fit: which row, which column, and what would be right.

use descent_engine::spec::pointer::join;

use super::cell::Cell;
use super::encode::Mismatch;
use super::error::{Fault, shorten};
use super::scoring::{Place, Scoring};
use crate::data::is_single;

impl Scoring<'_> {
    /// The fault of a row with `got` values.
    pub(super) fn wrong_width(&self, got: usize) -> Box<Fault> {
        let inputs = self.inputs();
        let (n_inputs, n_columns) = (inputs.len(), inputs.n_columns());
        let name = |input: usize| inputs.name(inputs.column_of(input));
        let (first, last) = (name(0), name(n_inputs - 1));
        let message = format!(
            "{} has {got} values; the model looks at {n_inputs} columns ({first:?} to {last:?}, in file order), and a whole row of the training file has {n_columns}",
            self.where_row()
        );
        self.fault("wrong_width", message, None, None)
    }

    /// The fault of lists that do not have the shape of the samples; `dims` as far as they were read.
    pub(super) fn wrong_shape(&self, dims: &[u64], column: usize) -> Box<Fault> {
        let wanted = self.sample().map(ToString::to_string).unwrap_or_default();
        let dims: Vec<String> = dims.iter().map(u64::to_string).collect();
        let got = if dims.is_empty() {
            String::new()
        } else {
            format!(" (lists of {} were read)", dims.join(" x "))
        };
        let message = format!(
            "{} is no sample of {wanted}{got}: nested lists of this shape, all its numbers in one list, or a data URL are needed",
            self.where_row()
        );
        self.fault("wrong_shape", message, Some(column), None)
    }

    /// The fault of a name that no column has.
    pub(super) fn unknown_column(&mut self, name: &str) -> Box<Fault> {
        let nearest = if self.comparisons_left > 0 {
            self.comparisons_left -= 1;
            self.inputs().nearest(name)
        } else {
            None
        };
        let hint = nearest
            .map(|name| format!("; the nearest name is {name:?}"))
            .unwrap_or_default();
        let shown = shorten(name);
        let message = format!(
            "{} has a column {shown:?} that the training file did not have{hint}",
            self.where_row()
        );
        let mut fault = self.fault("unknown_column", message, None, None);
        fault.pointer = join(&fault.pointer, &shown);
        fault.column = Some(shown);
        fault.nearest = nearest.map(str::to_owned);
        fault
    }

    pub(super) fn mismatch(
        &self,
        mismatch: &Mismatch,
        column: usize,
        position: Option<usize>,
        cell: &Cell<'_>,
    ) -> Box<Fault> {
        let name = self.inputs().name(column);
        let shown = cell.shown();
        let message = format!(
            "{}, column {name:?}: {shown:?} is not {}",
            self.where_row(),
            mismatch.expected
        );
        let mut fault = self.fault(mismatch.code, message, Some(column), position);
        fault.got = Some(shown);
        fault
    }

    /// The fault of a sample with a number that no network can hold, if there is one.
    pub(super) fn not_finite(&self, numbers: &[f64], column: usize) -> Option<Box<Fault>> {
        let at = numbers.iter().position(|number| !is_single(*number))?;
        let number = format!("{:e}", numbers[at]);
        let message = format!(
            "{}: number {at} of the sample is {number}; only finite numbers up to 3.4e38 can be predicted from",
            self.where_row()
        );
        let mut fault = self.fault("not_finite", message, Some(column), None);
        fault.got = Some(number);
        Some(fault)
    }

    /// A fault of the current row.
    pub(super) fn fault(
        &self,
        code: &'static str,
        message: String,
        column: Option<usize>,
        position: Option<usize>,
    ) -> Box<Fault> {
        let mut fault = Fault::new(code, message);
        fault.row = Some(self.row);
        fault.pointer = match self.place {
            Place::Body => format!("/rows/{}", self.row),
            Place::Lines => format!("/{}", self.row),
        };
        fault.line = (self.place == Place::Lines).then_some(self.line);
        if let Some(column) = column {
            let name = self.inputs().name(column);
            fault.column = Some(name.to_owned());
            let token = position.map(|position| position.to_string());
            fault.pointer = join(&fault.pointer, token.as_deref().unwrap_or(name));
        }
        fault
    }

    /// `row 3`, or `line 5` where lines are counted.
    pub(super) fn where_row(&self) -> String {
        match self.place {
            Place::Body => format!("row {}", self.row),
            Place::Lines => format!("line {}", self.line),
        }
    }
}
