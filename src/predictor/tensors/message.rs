//! The JSON part of a request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::elements::{Elements, Tensor, raw};
use super::{Datatype, Port, nested};
use crate::predictor::error::{Fault, PredictError};

/// A request, as far as it is read here; unknown members are allowed by the protocol.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(borrow)]
    inputs: Vec<Given<'a>>,
    #[serde(default)]
    outputs: Option<Vec<Wanted>>,
    #[serde(default)]
    parameters: Option<RequestParameters>,
}

#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    datatype: Cow<'a, str>,
    shape: Vec<u64>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    parameters: Option<InputParameters>,
}

#[derive(Deserialize)]
struct InputParameters {
    binary_data_size: Option<u64>,
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    #[serde(default)]
    parameters: Option<OutputParameters>,
}

#[derive(Deserialize)]
struct OutputParameters {
    binary_data: Option<bool>,
    classification: Option<u64>,
}

#[derive(Deserialize)]
struct RequestParameters {
    binary_data_output: Option<bool>,
}

/// An output that is wanted: its number, and whether as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub idx: usize,
    pub binary: bool,
}

/// The request is wrong.
pub(super) fn refused(code: &'static str, message: String) -> PredictError {
    Fault::new(code, message).into()
}

impl<'a> Message<'a> {
    pub(super) fn read(json: &'a [u8]) -> Result<Message<'a>, PredictError> {
        serde_json::from_slice(json).map_err(|error| PredictError::Malformed {
            message: format!("the request is not an inference request in JSON: {error}"),
            line: error.line() as u64,
            column: error.column() as u64,
        })
    }

    /// The tensors, of which some may have their elements in `binary`, one after another.
    pub(super) fn tensors(&'a self, binary: &'a [u8]) -> Result<Vec<Tensor<'a>>, PredictError> {
        let (mut tensors, mut rest) = (Vec::<Tensor<'_>>::new(), binary);
        for given in &self.inputs {
            let name: &str = &given.name;
            if tensors.iter().any(|tensor| tensor.name == name) {
                return Err(refused(
                    "duplicate_input",
                    format!("input {name:?} is there twice"),
                ));
            }
            let Some(datatype) = Datatype::named(&given.datatype) else {
                let message = format!(
                    "input {name:?}: there is no datatype {:?}; there are {}",
                    given.datatype,
                    Datatype::names()
                );
                return Err(refused("unknown_datatype", message));
            };
            let (shape, len) = given.size()?;
            let elements = match (given.data, given.binary_bytes()) {
                (Some(data), None) => nested::read(name, datatype, &shape, len, data.get())?,
                (None, Some(n_bytes)) => {
                    let Some((own, others)) = usize::try_from(n_bytes)
                        .ok()
                        .and_then(|n| rest.split_at_checked(n))
                    else {
                        let message = format!(
                            "input {name:?}: binary_data_size is {n_bytes} and {} bytes are left behind the JSON",
                            rest.len()
                        );
                        return Err(refused("wrong_size", message));
                    };
                    rest = others;
                    raw(name, datatype, len, own)?
                }
                (Some(_), Some(_)) => {
                    return Err(refused(
                        "wrong_input",
                        format!("input {name:?} has both data and binary_data_size"),
                    ));
                }
                (None, None) => {
                    return Err(refused(
                        "missing_data",
                        format!("input {name:?} has neither data nor parameters.binary_data_size"),
                    ));
                }
            };
            tensors.push(Tensor {
                name,
                shape,
                elements,
            });
        }
        if !rest.is_empty() {
            let message = format!("{} bytes behind the JSON belong to no input", rest.len());
            return Err(refused("wrong_size", message));
        }
        Ok(tensors)
    }

    /// Which of the outputs are wanted, in which order and form.
    pub(super) fn wanted(&self, ports: &[Port]) -> Result<Vec<Output>, PredictError> {
        let usual = self
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.binary_data_output);
        let usual = usual.unwrap_or(false);
        let asked = self.outputs.as_deref().unwrap_or_default();
        if asked.is_empty() {
            return Ok((0..ports.len())
                .map(|idx| Output { idx, binary: usual })
                .collect());
        }
        let output = |wanted: &Wanted| {
            let Some(idx) = ports.iter().position(|port| port.name == wanted.name) else {
                let names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
                let message = format!(
                    "there is no output {:?}; there are {}",
                    wanted.name,
                    names.join(", ")
                );
                return Err(refused("unknown_output", message));
            };
            let parameters = wanted.parameters.as_ref();
            if parameters.is_some_and(|parameters| parameters.classification.is_some_and(|n| n > 0))
            {
                let message = format!(
                    "output {:?}: classification is not offered; ask for probabilities",
                    wanted.name
                );
                return Err(refused("no_classification", message));
            }
            let binary = parameters
                .and_then(|parameters| parameters.binary_data)
                .unwrap_or(usual);
            Ok(Output { idx, binary })
        };
        let outputs = asked.iter().map(output).collect::<Result<Vec<_>, _>>()?;
        // A message of many names would make an answer of as many copies.
        if outputs.len() > ports.len() {
            return Err(refused(
                "duplicate_output",
                "an output is asked for twice".to_owned(),
            ));
        }
        Ok(outputs)
    }
}

impl Given<'_> {
    fn binary_bytes(&self) -> Option<u64> {
        self.parameters.as_ref()?.binary_data_size
    }

    /// The dimensions, and the number of elements that they make.
    fn size(&self) -> Result<(Vec<usize>, usize), PredictError> {
        // The rows come first, then at most height, width and channels.
        if self.shape.is_empty() || self.shape.len() > 4 {
            let message = format!(
                "input {:?}: a shape has 1 to 4 dimensions, not {}",
                self.name,
                self.shape.len()
            );
            return Err(refused("wrong_shape", message));
        }
        let shape = self
            .shape
            .iter()
            .map(|&n| usize::try_from(n).ok())
            .collect::<Option<Vec<usize>>>();
        let len = shape
            .iter()
            .flatten()
            .try_fold(1_usize, |len, &n| len.checked_mul(n));
        match (shape, len) {
            (Some(shape), Some(len)) => Ok((shape, len)),
            _ => Err(refused(
                "wrong_shape",
                format!(
                    "input {:?}: shape {:?} has too many elements",
                    self.name, self.shape
                ),
            )),
        }
    }
}

/// The elements of JSON, sorted by what the datatype takes.
pub(super) fn empty<'a>(datatype: Datatype, capacity: usize) -> Elements<'a> {
    match datatype {
        Datatype::Bytes => Elements::Texts(Vec::with_capacity(capacity)),
        Datatype::Bool => Elements::Flags(Vec::with_capacity(capacity)),
        _ => Elements::Numbers(Vec::with_capacity(capacity)),
    }
}
