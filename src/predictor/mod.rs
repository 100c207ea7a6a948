//! Raw rows in, predictions out.
//!
//! ```text
//! stored document + weights --ServedModel::open--> ServedModel --kept warm by--> Predictor
//! body --json / csv / ndjson--> cells --Transform--> features --network--> outputs --answer--> body
//! ```
//!
//! A model is opened once, shared by all requests and never changed; a request borrows memory from it and allocates little but
//! its answer. Nothing here knows HTTP or SQL, and nothing waits for training.
//!
//! **Rows.** Raw values as in the training file. An object names columns in any order; a column that is absent, `null` or one of the
//! file's ways to say "missing" is imputed as in training and noted (`missing_imputed`), a category that training did not know is noted
//! (`unknown_category`). An array (and a CSV record without a header) has one value per input column in file order, or one per column of
//! the training file, so that a line of that file is a row. Columns of the file that the model does not look at, the target among them, may
//! be sent and are passed over. A name that the file did not have, a name twice and a value of the wrong kind are refused, with row,
//! column and a JSON Pointer.
//!
//! **Samples.** A model of arrays looks at one column alone. A row is then the sample itself: numbers in one list or in nested lists
//! of its shape, in the units of the training file (pixels 0 to 255), or a `data:` URL of a picture or NPY array, which is how
//! rows of the dataset are shown. A body may be a picture or an NPY array instead ([`predict_samples`]).
//!
//! **Bad rows.** A bad line of NDJSON becomes an error in its place, and so does a bad CSV record when the answer is NDJSON; everything
//! else is refused as a whole, naming the row.

mod answer;
mod cell;
mod csv;
mod directory;
mod document;
mod encode;
mod error;
mod explain;
mod golden;
mod inputs;
mod json;
mod json_row;
mod json_sample;
mod lines;
mod network;
mod refuse;
mod samples;
mod scoring;
mod served;
mod stream;
pub mod tensors;
mod warm;

pub use answer::Format;
pub use directory::{Directory, FindError};
pub use document::{EngineBuild, FORMAT, ModelDocument, mean_row};
pub use error::{Fault, OpenError, PredictError};
pub use golden::{GoldenError, GoldenRow, MAX_GOLDEN_ROWS, check_golden};
pub use network::Answering;
pub use samples::predict_samples;
pub use served::{ServedModel, Version};
pub use stream::PredictionStream;
pub use warm::Predictor;

use scoring::{Place, Scoring};

/// What a request may ask for, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether every prediction says which columns it rests on (JSON and NDJSON answers).
    pub explain: bool,
    /// Rows of one request that are explained at most, fewer by a large network: an output costs as much as 192 predictions.
    pub max_explained_rows: u64,
    /// Bytes of an answer at most (of one piece of it, for a [`PredictionStream`]). A short row can have a long answer.
    pub max_answer_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            explain: false,
            max_explained_rows: 1_000,
            max_answer_bytes: 64 << 20,
        }
    }
}

/// Answers a JSON body `{"rows": [...]}` with JSON.
///
/// # Errors
/// The first thing that is wrong; then no row is answered.
pub fn predict_json(
    model: &ServedModel,
    body: &[u8],
    options: Options,
) -> Result<Vec<u8>, PredictError> {
    predict(model, Format::Json, Format::Json, body, options)
}

/// Answers a table (with a header in any order, or without one in file order) with a table.
///
/// # Errors
/// The first thing that is wrong; then no row is answered.
pub fn predict_csv(
    model: &ServedModel,
    body: &[u8],
    options: Options,
) -> Result<Vec<u8>, PredictError> {
    predict(model, Format::Csv, Format::Csv, body, options)
}

/// Answers one JSON row per line with one JSON object per line; a bad row gets an error in its place.
///
/// # Errors
/// When the answer grows too large.
pub fn predict_ndjson(
    model: &ServedModel,
    body: &[u8],
    options: Options,
) -> Result<Vec<u8>, PredictError> {
    predict(model, Format::NdJson, Format::NdJson, body, options)
}

/// Answers a whole body, any format with any other.
///
/// A body of more than some kilobytes keeps its thread busy for a while: call this off the threads that serve requests then.
///
/// # Errors
/// What is wrong with the request, see [`PredictError`].
pub fn predict(
    model: &ServedModel,
    input: Format,
    output: Format,
    body: &[u8],
    options: Options,
) -> Result<Vec<u8>, PredictError> {
    predict_counted(model, input, output, body, options).map(|answered| answered.body)
}

/// An answer, and how many rows it is about.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub body: Vec<u8>,
    /// Rows of the request, those with an error in their place included.
    pub n_rows: u64,
}

/// As [`predict`], and counts.
///
/// # Errors
/// As [`predict`].
pub fn predict_counted(
    model: &ServedModel,
    input: Format,
    output: Format,
    body: &[u8],
    options: Options,
) -> Result<Answered, PredictError> {
    if input != Format::Json {
        let mut stream = PredictionStream::new(model, input, output, options);
        stream.push(body)?;
        let body = stream.end()?;
        return Ok(Answered {
            body,
            n_rows: stream.n_rows(),
        });
    }
    let mut scoring = Scoring::new(model, Place::Body, output, options);
    model.answers().begin(output, &mut scoring.out);
    json::read_body(&mut scoring, body)?;
    scoring.flush()?;
    model.answers().end(output, &mut scoring.out);
    Ok(Answered {
        body: std::mem::take(&mut scoring.out),
        n_rows: scoring.row,
    })
}
