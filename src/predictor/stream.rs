//! CSV and NDJSON as they arrive: pieces of a body in, pieces of the answer out, in order.

use super::answer::Format;
use super::csv::Table;
use super::error::PredictError;
use super::scoring::{Place, Scoring};
use super::served::ServedModel;
use super::{Options, lines};

/// The UTF-8 byte order mark.
const MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// Predictions for a body that comes in pieces. A body of JSON is one value and cannot be read so; it is taken for NDJSON here.
///
/// ```text
/// let mut stream = PredictionStream::new(&model, Format::Csv, Format::NdJson, Options::default());
/// for piece in body { stream.push(piece)?; send(stream.take()); }
/// send(stream.finish()?);
/// ```
pub struct PredictionStream<'m> {
    scoring: Scoring<'m>,
    model: &'m ServedModel,
    table: Option<Table>,
    output: Format,
    lenient: bool,
    /// Bytes of a record that is not complete yet.
    pending: Vec<u8>,
    started: bool,
}

impl<'m> PredictionStream<'m> {
    /// Begins a body of CSV or NDJSON.
    pub fn new(model: &'m ServedModel, input: Format, output: Format, options: Options) -> Self {
        let mut scoring = Scoring::new(model, Place::Lines, output, options);
        model.answers().begin(output, &mut scoring.out);
        Self {
            scoring,
            model,
            table: (input == Format::Csv).then(Table::default),
            output,
            lenient: output == Format::NdJson,
            pending: Vec::new(),
            started: false,
        }
    }

    /// Reads the next piece.
    ///
    /// # Errors
    /// When a CSV record is refused, or something is too large. The stream is of no use afterwards.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), PredictError> {
        self.pending.extend_from_slice(piece);
        self.read(false)
    }

    /// The answers that are ready; what stands in an unfinished batch follows later.
    pub fn take(&mut self) -> Vec<u8> {
        // A comma that ends the last answer so far may have to go when the document is closed, so it waits.
        let waiting = (self.output == Format::Json && self.scoring.out.last() == Some(&b','))
            .then(|| self.scoring.out.pop());
        let ready = std::mem::take(&mut self.scoring.out);
        self.scoring.out.extend(waiting.flatten());
        ready
    }

    /// Ends the body; the rest of the answer.
    ///
    /// # Errors
    /// As [`PredictionStream::push`].
    pub fn finish(mut self) -> Result<Vec<u8>, PredictError> {
        self.end()
    }

    /// Rows read so far, those with an error in their place included.
    pub fn n_rows(&self) -> u64 {
        self.scoring.row
    }

    pub(super) fn end(&mut self) -> Result<Vec<u8>, PredictError> {
        self.read(true)?;
        self.scoring.flush()?;
        self.model.answers().end(self.output, &mut self.scoring.out);
        Ok(std::mem::take(&mut self.scoring.out))
    }

    fn read(&mut self, last: bool) -> Result<(), PredictError> {
        if !self.started {
            if self.pending.len() < MARK.len() && !last {
                return Ok(());
            }
            self.started = true;
            if self.pending.starts_with(MARK) {
                self.pending.drain(..MARK.len());
            }
        }
        let taken = match &mut self.table {
            Some(table) => table.read(&mut self.scoring, &self.pending, last, self.lenient)?,
            None => lines::read(&mut self.scoring, &self.pending, last)?,
        };
        self.pending.drain(..taken);
        Ok(())
    }
}
