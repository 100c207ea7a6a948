//! Tensors in, tensors out: the messages of the Open Inference Protocol, version 2, from bytes to bytes.
//!
//! ```text
//! {"inputs": [{"name", "datatype", "shape", "data"}]} + raw bytes --> cells --> the road of all rows --> outputs --> the same form
//! ```
//!
//! **Inputs.** A model that looks at numbers alone has one tensor `features` `[N, columns]`, one of arrays `features` `[N]` and the
//! shape of a sample; any other has one tensor per column, `[N]` or `[N, 1]`, called like the column. Both forms are taken of every
//! model of a table. Values are those of the training file: numbers in any datatype, texts as `BYTES`; NaN, `null` and the words that mean "missing" in
//! a file are missing. Numbers of JSON are read in double precision whatever their datatype, so the bits are those of a row.
//!
//! **Outputs.** `label` (`BYTES` `[N]`, empty where the outputs are not finite) and `probabilities` (`FP32` `[N, classes]`), or `values`
//! (`FP32` `[N, targets]`).

mod datatype;
mod elements;
mod message;
mod nested;
mod reply;

pub use datatype::Datatype;
pub use reply::Reply;

use self::elements::Tensor;
use self::message::{Message, refused};
use super::Options;
use super::error::PredictError;
use super::scoring::{Place, Scoring};
use super::served::ServedModel;
use crate::data::{Encoding, Input};

/// Name of the tensor that holds all numbers.
const FEATURES: &str = "features";

/// A tensor that goes into a model or comes out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub datatype: Datatype,
    /// Dimensions behind that of the rows.
    pub dims: Vec<usize>,
}

impl Port {
    fn new(name: &str, datatype: Datatype, dims: Vec<usize>) -> Port {
        Port {
            name: name.to_owned(),
            datatype,
            dims,
        }
    }
}

/// The tensors that a model takes.
pub fn inputs(model: &ServedModel) -> Vec<Port> {
    let transform = model.transform();
    if let Some(sample) = model.sample() {
        let dims = sample.shape.iter().map(|&n| n as usize).collect();
        return vec![Port::new(FEATURES, Datatype::Fp32, dims)];
    }
    let is_number = |input: &Input| {
        matches!(
            input.encoding,
            Encoding::Number { .. } | Encoding::Boolean { .. }
        )
    };
    if transform.inputs.iter().all(is_number) {
        return vec![Port::new(
            FEATURES,
            Datatype::Fp32,
            vec![transform.inputs.len()],
        )];
    }
    let port = |input: &Input| {
        let datatype = if is_number(input) {
            Datatype::Fp32
        } else {
            Datatype::Bytes
        };
        Port::new(&input.name, datatype, Vec::new())
    };
    transform.inputs.iter().map(port).collect()
}

/// The tensors that a model answers.
pub fn outputs(model: &ServedModel) -> Vec<Port> {
    let n = model.output_names().len();
    if model.classifies() {
        vec![
            Port::new("label", Datatype::Bytes, Vec::new()),
            Port::new("probabilities", Datatype::Fp32, vec![n]),
        ]
    } else {
        vec![Port::new("values", Datatype::Fp32, vec![n])]
    }
}

/// Answers an inference request: `json` is its JSON part, `binary` what follows.
///
/// # Errors
/// What is wrong with the request; then no row is answered.
pub fn infer(
    model: &ServedModel,
    json: &[u8],
    binary: &[u8],
    options: Options,
) -> Result<Reply, PredictError> {
    let message = Message::read(json)?;
    let tensors = message.tensors(binary)?;
    let wanted = message.wanted(&outputs(model))?;
    let mut scoring = Scoring::of_numbers(model, Place::Body, options);
    let n_rows = match columns(model, &tensors)? {
        Columns::Samples(tensor, n_rows) => {
            let (column, len) = (scoring.inputs().column_of(0), tensor.len() / n_rows.max(1));
            let mut numbers = Vec::with_capacity(len);
            for row in 0..n_rows {
                tensor.numbers(row * len..(row + 1) * len, &mut numbers)?;
                scoring.begin_row();
                scoring.set(column, None, super::cell::Cell::Numbers(&numbers))?;
                scoring.end_row()?;
            }
            n_rows
        }
        Columns::Matrix(tensor, n_rows) => {
            let n = scoring.inputs().len();
            for row in 0..n_rows {
                scoring.begin_row();
                for input in 0..n {
                    let column = scoring.inputs().column_of(input);
                    scoring.set(column, None, tensor.cell(row * n + input))?;
                }
                scoring.end_row()?;
            }
            n_rows
        }
        Columns::Each(tensors, n_rows) => {
            for row in 0..n_rows {
                scoring.begin_row();
                for (input, tensor) in tensors.iter().enumerate() {
                    let column = scoring.inputs().column_of(input);
                    scoring.set(column, None, tensor.cell(row))?;
                }
                scoring.end_row()?;
            }
            n_rows
        }
    };
    let numbers = scoring.numbers()?;
    reply::write(model, &message, &wanted, &numbers, n_rows, options)
}

/// Where the columns of the model stand in a request, and how many rows there are.
enum Columns<'t, 'a> {
    /// One tensor of samples.
    Samples(&'t Tensor<'a>, usize),
    /// One tensor with a column for each input.
    Matrix(&'t Tensor<'a>, usize),
    /// A tensor for each input, in their order.
    Each(Vec<&'t Tensor<'a>>, usize),
}

fn columns<'t, 'a>(
    model: &ServedModel,
    tensors: &'t [Tensor<'a>],
) -> Result<Columns<'t, 'a>, PredictError> {
    let inputs = &model.transform().inputs;
    if let Some(sample) = model.sample() {
        let wanted: Vec<usize> = sample.shape.iter().map(|&n| n as usize).collect();
        let tensor = only(tensors, model)?;
        let fits = tensor
            .shape
            .get(1..)
            .is_some_and(|dims| dims == wanted || *dims == [wanted.iter().product::<usize>()]);
        if !fits {
            return Err(misshapen(tensor, &wanted));
        }
        return Ok(Columns::Samples(tensor, tensor.shape[0]));
    }
    let is_matrix = match tensors {
        [tensor] => tensor.name == FEATURES && (inputs.len() > 1 || inputs[0].name != FEATURES),
        _ => false,
    };
    if is_matrix || inputs.is_empty() {
        let tensor = only(tensors, model)?;
        if tensor.shape.len() != 2 || tensor.shape[1] != inputs.len() {
            return Err(misshapen(tensor, &[inputs.len()]));
        }
        return Ok(Columns::Matrix(tensor, tensor.shape[0]));
    }
    let named = |name: &str| tensors.iter().find(|tensor| tensor.name == name);
    if let Some(tensor) = tensors
        .iter()
        .find(|tensor| inputs.iter().all(|input| input.name != tensor.name))
    {
        return Err(unknown(tensor, model));
    }
    let mut each = Vec::with_capacity(inputs.len());
    for input in inputs {
        let tensor = named(&input.name).ok_or_else(|| {
            refused(
                "missing_input",
                format!("input {:?} is missing; {}", input.name, takes(model)),
            )
        })?;
        if !matches!(tensor.shape[..], [_] | [_, 1]) {
            return Err(misshapen(tensor, &[]));
        }
        each.push(tensor);
    }
    let n_rows = each.first().map_or(0, |tensor| tensor.shape[0]);
    if let Some(other) = each.iter().find(|tensor| tensor.shape[0] != n_rows) {
        let message = format!(
            "input {:?} has {} rows and input {:?} has {n_rows}; all have as many",
            other.name, other.shape[0], each[0].name
        );
        return Err(refused("wrong_shape", message));
    }
    Ok(Columns::Each(each, n_rows))
}

/// The one tensor `features`.
fn only<'t, 'a>(
    tensors: &'t [Tensor<'a>],
    model: &ServedModel,
) -> Result<&'t Tensor<'a>, PredictError> {
    match tensors {
        [tensor] if tensor.name == FEATURES => Ok(tensor),
        [] => Err(refused(
            "missing_input",
            format!("there is no input; {}", takes(model)),
        )),
        tensors => {
            let other = tensors.iter().find(|tensor| tensor.name != FEATURES);
            Err(unknown(other.unwrap_or(&tensors[0]), model))
        }
    }
}

fn unknown(tensor: &Tensor<'_>, model: &ServedModel) -> PredictError {
    let message = format!("input {:?} is not expected; {}", tensor.name, takes(model));
    refused("unknown_input", message)
}

fn misshapen(tensor: &Tensor<'_>, wanted: &[usize]) -> PredictError {
    let wanted = [-1]
        .into_iter()
        .chain(wanted.iter().map(|&n| n as i64))
        .collect::<Vec<i64>>();
    let message = format!(
        "input {:?}: expected shape {wanted:?}, got {:?}",
        tensor.name, tensor.shape
    );
    refused("wrong_shape", message)
}

/// What the model takes, for messages: at most twenty names.
fn takes(model: &ServedModel) -> String {
    const SHOWN: usize = 20;
    let ports = inputs(model);
    let names: Vec<String> = ports
        .iter()
        .take(SHOWN)
        .map(|port| format!("{:?}", port.name))
        .collect();
    let more = if ports.len() > SHOWN { ", ..." } else { "" };
    format!("the model takes {}{more}", names.join(", "))
}
