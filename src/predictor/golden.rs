//! The golden batch: before a version goes live, raw rows of its training data are sent through the very road that requests take (bytes
//! of JSON in, bytes of JSON out), and what comes back must be, bit by bit, what the trainer said.

use serde::Deserialize;

use super::answer::largest;
use super::encode::encode;
use super::error::PredictError;
use super::served::ServedModel;
use super::{Options, cell::Cell, predict_json};

/// Rows of a golden batch at most.
pub const MAX_GOLDEN_ROWS: usize = 32;

/// One row of the training file with the trainer's answer for it.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenRow {
    /// One per column of the training file, in file order, as text; `None` where a cell is missing (as `data::preview` gives them).
    pub cells: Vec<Option<String>>,
    /// What the trained network says (`Trained::golden`): a probability per class, the probability of class 1 where the network has one
    /// output, or a scaled value per target.
    pub answers: Vec<f32>,
}

/// Why a model must not go live.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GoldenError {
    /// More rows than [`MAX_GOLDEN_ROWS`], or none.
    #[error("a golden batch has 1 to {MAX_GOLDEN_ROWS} rows, not {0}")]
    Size(usize),
    /// The predictor refuses what training accepted.
    #[error("the golden batch was refused: {0}")]
    Refused(#[from] PredictError),
    /// The answer is not what an answer looks like.
    #[error("the answer to the golden batch cannot be read: {0}")]
    Answer(String),
    /// The predictor answers something else than the trainer.
    #[error(
        "golden row {row}, {output:?}: the predictor answers {predicted:?} (bits {:08x}) and the trainer {trained:?} (bits {:08x})",
        predicted.to_bits(), trained.to_bits()
    )]
    Differs {
        /// Row of the batch, from 0.
        row: usize,
        /// Class or target.
        output: String,
        /// What the predictor answers.
        predicted: f32,
        /// What the trainer said.
        trained: f32,
    },
    /// The label is not the class with the largest probability.
    #[error(
        "golden row {row}: the predictor answers the label {predicted:?} and the trainer {trained:?}"
    )]
    Label {
        /// Row of the batch, from 0.
        row: usize,
        /// What the predictor answers.
        predicted: String,
        /// What the trainer said.
        trained: String,
    },
}

#[derive(Deserialize)]
struct Answer {
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct Prediction {
    label: Option<String>,
    #[serde(alias = "probabilities")]
    values: serde_json::Map<String, serde_json::Value>,
}

/// Scores `rows` three ways (as objects in one request, as arrays in one request, and each alone) and compares all answers with the
/// trainer's.
///
/// # Errors
/// The first difference, or why there is no answer.
pub fn check_golden(model: &ServedModel, rows: &[GoldenRow]) -> Result<(), GoldenError> {
    if rows.is_empty() || rows.len() > MAX_GOLDEN_ROWS {
        return Err(GoldenError::Size(rows.len()));
    }
    let objects: Vec<String> = rows.iter().map(|row| object(model, row)).collect();
    let arrays: Vec<String> = rows.iter().map(|row| array(model, row)).collect();
    for batch in [&objects, &arrays] {
        compare(model, batch, rows, 0)?;
    }
    for (index, row) in objects.iter().enumerate() {
        compare(
            model,
            std::slice::from_ref(row),
            &rows[index..=index],
            index,
        )?;
    }
    Ok(())
}

/// The cell as JSON: `null` where training read it as missing, though it holds something.
fn json_cell(model: &ServedModel, input: usize, text: Option<&str>) -> serde_json::Value {
    let mut features = vec![0.0; model.n_features()];
    let cell = text.map_or(Cell::Missing, Cell::Text);
    match encode(
        model.transform(),
        model.spellings(),
        input,
        cell,
        &mut features,
    ) {
        Ok(_) => text.into(),
        Err(_) => serde_json::Value::Null,
    }
}

fn object(model: &ServedModel, row: &GoldenRow) -> String {
    let inputs = model.transform().inputs.iter().enumerate();
    let cells = inputs.map(|(index, input)| {
        let text = row.cells.get(input.column).and_then(Option::as_deref);
        (input.name.clone(), json_cell(model, index, text))
    });
    serde_json::Value::Object(cells.collect()).to_string()
}

fn array(model: &ServedModel, row: &GoldenRow) -> String {
    let cells = (0..model.inputs().n_columns()).map(|column| {
        let text = row.cells.get(column).and_then(Option::as_deref);
        match model.inputs().input_of(column) {
            Some(input) => json_cell(model, input, text),
            None => text.into(),
        }
    });
    serde_json::Value::Array(cells.collect()).to_string()
}

fn compare(
    model: &ServedModel,
    sent: &[String],
    rows: &[GoldenRow],
    first: usize,
) -> Result<(), GoldenError> {
    let body = format!("{{\"rows\":[{}]}}", sent.join(","));
    let answer = predict_json(model, body.as_bytes(), Options::default())?;
    let answer: Answer =
        serde_json::from_slice(&answer).map_err(|error| GoldenError::Answer(error.to_string()))?;
    if answer.predictions.len() != rows.len() {
        let message = format!(
            "{} predictions for {} rows",
            answer.predictions.len(),
            rows.len()
        );
        return Err(GoldenError::Answer(message));
    }
    let names = model.output_names();
    for (index, (prediction, row)) in answer.predictions.iter().zip(rows).enumerate() {
        let row_idx = first + index;
        let mut outputs = row.answers.clone();
        if outputs.len() == model.network().model().network().n_outputs() {
            model
                .network()
                .finish(&model.transform().target, &mut outputs);
        }
        let (got, trained) = (prediction.values.len(), outputs.len());
        if got != names.len() || trained != names.len() {
            let message = format!(
                "row {row_idx} has {got} outputs, {trained} by the trainer, {} by the document",
                names.len()
            );
            return Err(GoldenError::Answer(message));
        }
        for (name, &trained) in names.iter().zip(&outputs) {
            let predicted = read_f32(prediction.values.get(name));
            // JSON has no numbers that are not finite; they come back as null.
            let same = if trained.is_finite() {
                predicted.to_bits() == trained.to_bits()
            } else {
                predicted.is_nan()
            };
            if !same {
                return Err(GoldenError::Differs {
                    row: row_idx,
                    output: name.clone(),
                    predicted,
                    trained,
                });
            }
        }
        if let Some(label) = &prediction.label {
            let trained = &names[largest(&outputs)];
            if label != trained {
                return Err(GoldenError::Label {
                    row: row_idx,
                    predicted: label.clone(),
                    trained: trained.clone(),
                });
            }
        }
    }
    Ok(())
}

/// The f32 whose shortest text the answer holds; NaN for `null`.
fn read_f32(value: Option<&serde_json::Value>) -> f32 {
    match value {
        Some(serde_json::Value::Number(number)) => number.to_string().parse().unwrap_or(f32::NAN),
        _ => f32::NAN,
    }
}
