//! What is answered: a JSON part, and the bytes of the outputs that are wanted so.

use std::io::Write as _;

use serde_json::json;

use super::message::{Message, Output};
use super::{Datatype, outputs};
use crate::predictor::Options;
use crate::predictor::answer::largest;
use crate::predictor::error::PredictError;
use crate::predictor::served::ServedModel;

/// The answer to an inference request.
#[derive(Debug)]
pub struct Reply {
    /// The JSON part, and behind it the bytes.
    pub body: Vec<u8>,
    /// Length of the JSON part, when bytes follow.
    pub json_bytes: Option<usize>,
    /// Rows that were answered.
    pub n_rows: u64,
}

/// Writes the wanted outputs; `numbers` are probabilities or values, row by row.
pub(super) fn write(
    model: &ServedModel,
    message: &Message<'_>,
    wanted: &[Output],
    numbers: &[f32],
    n_rows: usize,
    options: Options,
) -> Result<Reply, PredictError> {
    let ports = outputs(model);
    let (version, names) = (model.version(), model.output_names());
    let label = |row: &[f32]| match row.iter().all(|x| x.is_finite()) {
        true => names[largest(row)].as_str(),
        false => "",
    };
    let labels = || numbers.chunks_exact(names.len()).map(label);
    let mut binary = Vec::new();
    let mut json = b"{\"model_name\":".to_vec();
    text(&version.name, &mut json);
    // Writing to memory cannot fail, here and below.
    let _ = write!(json, ",\"model_version\":\"{}\"", version.version);
    if let Some(id) = &message.id {
        json.extend_from_slice(b",\"id\":");
        text(id, &mut json);
    }
    json.extend_from_slice(b",\"outputs\":[");
    for (nth, output) in wanted.iter().enumerate() {
        let port = &ports[output.idx];
        let shape: Vec<usize> = [n_rows]
            .into_iter()
            .chain(port.dims.iter().copied())
            .collect();
        let head = json!({"name": port.name, "datatype": port.datatype.name(), "shape": shape})
            .to_string();
        if nth > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&head.as_bytes()[..head.len() - 1]);
        let start = binary.len();
        match (port.datatype, output.binary) {
            (Datatype::Bytes, true) => labels().for_each(|label| {
                binary.extend_from_slice(&(label.len() as u32).to_le_bytes());
                binary.extend_from_slice(label.as_bytes());
            }),
            (_, true) => numbers
                .iter()
                .for_each(|number| binary.extend_from_slice(&number.to_le_bytes())),
            (Datatype::Bytes, false) => list(labels(), &mut json, text),
            (_, false) => list(numbers.iter(), &mut json, |number, out| {
                let _ = serde_json::to_writer(out, number);
            }),
        }
        if output.binary {
            let _ = write!(
                json,
                ",\"parameters\":{{\"binary_data_size\":{}}}",
                binary.len() - start
            );
        }
        json.push(b'}');
        if json.len() + binary.len() > options.max_answer_bytes {
            let limit = options.max_answer_bytes as u64;
            let message =
                format!("the answer grew beyond {limit} bytes; send fewer rows per request");
            return Err(PredictError::TooLarge { message, limit });
        }
    }
    json.extend_from_slice(b"]}");
    let has_binary = wanted.iter().any(|output| output.binary);
    let json_bytes = has_binary.then_some(json.len());
    json.append(&mut binary);
    Ok(Reply {
        body: json,
        json_bytes,
        n_rows: n_rows as u64,
    })
}

/// `,"data":[...]`
fn list<T>(
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.extend_from_slice(b",\"data\":[");
    for (nth, item) in items.enumerate() {
        if nth > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

/// A text as JSON.
fn text(text: &str, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, text);
}
