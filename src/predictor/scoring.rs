//! One request on its way: rows are encoded into a batch, a full batch is scored, and its answers are written in order.

use super::Options;
use super::answer::Format;
use super::cell::{Cell, Held};
use super::encode::encode;
use super::error::{Fault, PredictError};
use super::inputs::Inputs;
use super::json_sample::Nested;
use super::network::Scratch;
use super::served::ServedModel;
use crate::data::{RowNoteCode, Sample};

/// Rows that are scored together at most.
pub(super) const MAX_BATCH_ROWS: usize = 256;
/// Features of a batch at most (1 MiB), so that a wide model has smaller batches.
const MAX_BATCH_FEATURES: usize = 1 << 18;
/// How many unknown names of one request are compared with the known ones; comparing is the only costly part of a fault.
const MAX_COMPARISONS: u32 = 20;

/// Something about a row that its sender should know: in which row of the batch, about which column of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub row: u32,
    pub column: u32,
    pub code: RowNoteCode,
}

/// What a request needs while it is worked on; kept warm between requests.
#[derive(Default)]
pub(super) struct Workspace {
    features: Vec<f32>,
    outputs: Vec<f32>,
    notes: Vec<Note>,
    held: Held,
    nested: Nested,
    /// For each column of the file, the number of the row in which it was last seen.
    seen: Vec<u64>,
    scratch: Scratch,
}

/// How rows are pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/rows/3/Age`.
    Body,
    /// `/3/Age`, and a line.
    Lines,
}

/// What is made of the outputs.
enum Answer {
    /// Text in a format.
    Written(Format),
    /// The outputs themselves, row by row.
    Numbers(Vec<f32>),
}

/// Rows in, answers out.
pub(super) struct Scoring<'m> {
    model: &'m ServedModel,
    work: Workspace,
    answer: Answer,
    options: Options,
    pub(super) place: Place,
    /// Line of the current row, counted from 1.
    pub(super) line: u64,
    /// Number of the current row, counted from 0.
    pub(super) row: u64,
    /// Rows of the batch that are complete.
    n_rows: usize,
    batch_rows: usize,
    /// Columns of the current row that were set, and notes that were there before it.
    n_set: usize,
    first_note: usize,
    /// Stamp of the current row in `seen`; never 0.
    stamp: u64,
    /// How many more unknown names are compared with the known ones.
    pub(super) comparisons_left: u32,
    /// Answers so far.
    pub(super) out: Vec<u8>,
}

impl<'m> Scoring<'m> {
    /// Rows whose answers are written.
    pub(super) fn new(
        model: &'m ServedModel,
        place: Place,
        format: Format,
        options: Options,
    ) -> Self {
        Self::answering(model, place, Answer::Written(format), options)
    }

    /// Rows whose outputs are wanted as they are, see [`Scoring::numbers`].
    pub(super) fn of_numbers(model: &'m ServedModel, place: Place, options: Options) -> Self {
        Self::answering(model, place, Answer::Numbers(Vec::new()), options)
    }

    fn answering(
        model: &'m ServedModel,
        place: Place,
        answer: Answer,
        mut options: Options,
    ) -> Self {
        if options.explain {
            options.max_explained_rows = model.most_explained_rows(options.max_explained_rows);
        }
        let mut work = model.borrow_workspace();
        work.features.clear();
        work.notes.clear();
        work.seen.clear();
        work.seen.resize(model.inputs().n_columns(), 0);
        let by_features = (MAX_BATCH_FEATURES / model.n_features().max(1)).max(1);
        Self {
            model,
            work,
            answer,
            options,
            place,
            line: 0,
            row: 0,
            n_rows: 0,
            batch_rows: model.network().batch_rows().min(by_features),
            n_set: 0,
            first_note: 0,
            stamp: 0,
            comparisons_left: MAX_COMPARISONS,
            out: Vec::new(),
        }
    }

    pub(super) fn inputs(&self) -> &'m Inputs {
        self.model.inputs()
    }

    /// Makes room for a row.
    pub(super) fn begin_row(&mut self) {
        let start = self.n_rows * self.model.n_features();
        self.work
            .features
            .resize(start + self.model.n_features(), 0.0);
        self.stamp += 1;
        self.n_set = 0;
        self.first_note = self.work.notes.len();
    }

    /// Forgets the row that was begun.
    pub(super) fn abandon_row(&mut self) {
        self.work
            .features
            .truncate(self.n_rows * self.model.n_features());
        self.work.notes.truncate(self.first_note);
    }

    /// Keeps the row that was begun, and scores the batch when it is full.
    ///
    /// # Errors
    /// When the answer grows too large.
    pub(super) fn end_row(&mut self) -> Result<(), PredictError> {
        // An object names its columns in any order; what is said about them stands in file order.
        self.work.notes[self.first_note..].sort_unstable_by_key(|note| note.column);
        self.n_rows += 1;
        self.row += 1;
        if self.options.explain && self.row > self.options.max_explained_rows {
            let limit = self.options.max_explained_rows;
            let message = format!(
                "at most {limit} rows of one request are explained by this model; send fewer, or leave out explain"
            );
            return Err(PredictError::TooLarge { message, limit });
        }
        if self.n_rows == self.batch_rows {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Marks a column of the file as named by this row.
    ///
    /// # Errors
    /// When it was set before.
    pub(super) fn claim(&mut self, column: usize) -> Result<(), Box<Fault>> {
        if self.work.seen[column] == self.stamp {
            let name = self.inputs().name(column);
            let message = format!("{} has the column {name:?} twice", self.where_row());
            return Err(self.fault("duplicate_column", message, Some(column), None));
        }
        self.work.seen[column] = self.stamp;
        Ok(())
    }

    /// Encodes the value of a column of the file; columns that the model does not look at are passed over.
    ///
    /// # Errors
    /// When the value does not fit the column. `position` is its place in an array, for the pointer.
    #[inline]
    pub(super) fn set(
        &mut self,
        column: usize,
        position: Option<usize>,
        cell: Cell<'_>,
    ) -> Result<(), Box<Fault>> {
        let Some(input) = self.inputs().input_of(column) else {
            return Ok(());
        };
        let start = self.n_rows * self.model.n_features();
        let row = &mut self.work.features[start..];
        match encode(
            self.model.transform(),
            self.model.spellings(),
            input,
            cell,
            row,
        ) {
            Ok(note) => {
                self.n_set += 1;
                if let Some(code) = note {
                    self.work.notes.push(Note {
                        row: self.n_rows as u32,
                        column: column as u32,
                        code,
                    });
                }
                Ok(())
            }
            Err(mismatch) => Err(match cell {
                Cell::Numbers(numbers) => self.not_finite(numbers, column),
                _ => None,
            }
            .unwrap_or_else(|| self.mismatch(&mismatch, column, position, &cell))),
        }
    }

    /// Encodes every input that the row did not name as missing.
    ///
    /// # Errors
    /// Never in practice: a missing value fits every column.
    pub(super) fn fill_absent(&mut self) -> Result<(), Box<Fault>> {
        if self.n_set == self.inputs().len() {
            return Ok(());
        }
        for input in 0..self.inputs().len() {
            let column = self.inputs().column_of(input);
            if self.work.seen[column] != self.stamp {
                self.set(column, None, Cell::Missing)?;
            }
        }
        Ok(())
    }

    /// Keeps the cells of an array until its end.
    pub(super) fn held(&mut self) -> &mut Held {
        &mut self.work.held
    }

    /// The samples that the model looks at, if it is a model of arrays.
    pub(super) fn sample(&self) -> Option<&'m Sample> {
        self.model.sample()
    }

    /// Numbers of a sample that are gathered.
    pub(super) fn nested(&mut self) -> &mut Nested {
        &mut self.work.nested
    }

    /// Encodes the cells that were held: one per input, or one per column of the training file.
    ///
    /// # Errors
    /// When there are neither as many as inputs nor as columns, or a value does not fit.
    pub(super) fn set_held(&mut self) -> Result<(), Box<Fault>> {
        let (n_inputs, n_columns) = (self.inputs().len(), self.inputs().n_columns());
        let got = self.work.held.len();
        if got != n_inputs && got != n_columns {
            return Err(self.wrong_width(got));
        }
        let held = std::mem::take(&mut self.work.held);
        let mut result = Ok(());
        for position in 0..got {
            let column = if got == n_inputs {
                self.inputs().column_of(position)
            } else {
                position
            };
            result = self.set(column, Some(position), held.get(position));
            if result.is_err() {
                break;
            }
        }
        self.work.held = held;
        result
    }

    /// Writes an error in the place of the current row, and goes on to the next.
    ///
    /// # Errors
    /// When the answer grows too large.
    pub(super) fn answer_fault(&mut self, fault: &Fault) -> Result<(), PredictError> {
        self.flush()?;
        if let Answer::Written(format) = self.answer {
            self.model
                .answers()
                .write_fault(format, fault, &mut self.out);
        }
        self.row += 1;
        self.check_size()
    }

    /// The outputs of all rows, one after another.
    ///
    /// # Errors
    /// When they grow too large.
    pub(super) fn numbers(mut self) -> Result<Vec<f32>, PredictError> {
        self.flush()?;
        match &mut self.answer {
            Answer::Numbers(numbers) => Ok(std::mem::take(numbers)),
            Answer::Written(_) => Ok(Vec::new()),
        }
    }

    /// Scores the rows of the batch and writes their answers.
    ///
    /// # Errors
    /// When the answer grows too large.
    pub(super) fn flush(&mut self) -> Result<(), PredictError> {
        if self.n_rows == 0 {
            return Ok(());
        }
        let Workspace {
            features,
            outputs,
            notes,
            scratch,
            ..
        } = &mut self.work;
        let (n_features, network) = (self.model.n_features(), self.model.network());
        let target = &self.model.transform().target;
        network.score(
            &features[..self.n_rows * n_features],
            self.n_rows,
            target,
            scratch,
            outputs,
        );
        let format = match &mut self.answer {
            Answer::Written(format) => *format,
            Answer::Numbers(numbers) => {
                numbers.extend_from_slice(outputs);
                features.clear();
                notes.clear();
                self.n_rows = 0;
                return self.check_size();
            }
        };
        let n_outputs = outputs.len() / self.n_rows;
        let mut notes_left = &notes[..];
        for (row, outputs) in outputs.chunks_exact(n_outputs).enumerate() {
            let own = notes_left
                .iter()
                .take_while(|note| note.row as usize == row)
                .count();
            let (own, later) = notes_left.split_at(own);
            notes_left = later;
            let features = &features[row * n_features..(row + 1) * n_features];
            let explanations = self
                .options
                .explain
                .then(|| self.model.explain(features, outputs));
            self.model.answers().write(
                format,
                outputs,
                own,
                explanations.as_deref(),
                &mut self.out,
            );
        }
        self.work.features.clear();
        self.work.notes.clear();
        self.n_rows = 0;
        self.check_size()
    }

    fn check_size(&self) -> Result<(), PredictError> {
        let limit = self.options.max_answer_bytes;
        let n_bytes = match &self.answer {
            Answer::Written(_) => self.out.len(),
            Answer::Numbers(numbers) => size_of_val(&numbers[..]),
        };
        if n_bytes <= limit {
            return Ok(());
        }
        let message = format!(
            "the answer grew beyond {limit} bytes at {}; send fewer rows per request",
            self.where_row()
        );
        Err(PredictError::TooLarge {
            message,
            limit: limit as u64,
        })
    }
}

impl Drop for Scoring<'_> {
    fn drop(&mut self) {
        self.model.return_workspace(std::mem::take(&mut self.work));
    }
}
