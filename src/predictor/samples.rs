//! A body that is itself one sample or several: a PNG, JPEG or BMP, or an NPY array.

use super::answer::Format;
use super::cell::Cell;
use super::error::{Fault, PredictError};
use super::scoring::{Place, Scoring};
use super::served::ServedModel;
use super::{Answered, Options};
use crate::data::{DataError, read_samples};

impl From<DataError> for PredictError {
    fn from(error: DataError) -> Self {
        Self::Refused(Fault::new(error.code, error.message))
    }
}

/// Answers a picture, or an array of one or several samples.
///
/// # Errors
/// When the model looks at columns of a table, or the body is no sample of the model's shape.
pub fn predict_samples(
    model: &ServedModel,
    output: Format,
    body: &[u8],
    options: Options,
) -> Result<Answered, PredictError> {
    let Some(sample) = model.sample() else {
        let message = "the model looks at the columns of a table; send rows as JSON, CSV or NDJSON";
        return Err(Fault::new("not_a_row", message).into());
    };
    let mut scoring = Scoring::new(model, Place::Body, output, options);
    model.answers().begin(output, &mut scoring.out);
    let column = scoring.inputs().column_of(0);
    read_samples(body, sample, &mut |numbers| {
        scoring.begin_row();
        scoring.set(column, None, Cell::Numbers(numbers))?;
        scoring.end_row()
    })?;
    scoring.flush()?;
    model.answers().end(output, &mut scoring.out);
    Ok(Answered {
        body: std::mem::take(&mut scoring.out),
        n_rows: scoring.row,
    })
}
