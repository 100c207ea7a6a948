//! A served model as an ONNX file (IR 8, operator sets 17 and ai.onnx.ml 3): raw values in, answers out, as in a prediction.
//!
//! ```text
//! columns --inputs.rs--> features --engine's own operators--> outputs --outputs.rs--> label, probabilities or values
//! ```
//!
//! **Inputs.** A model that looks at numbers alone has one, `features`, FP32 `[N, columns]`, the columns in file order; a model of
//! arrays has `features`, FP32 `[N]` and the shape of a sample, in the units of the training file (pixels 0 to 255). Any other
//! has one per column, `[N]`, called like the column: FP32 for numbers and booleans (0 and 1), strings for categories, and FP64
//! for timestamps, in seconds since 1970 (UTC), because a graph cannot read a date. NaN is a missing number, and each of the
//! words of a training file, the empty one too, is a missing category. Texts are taken as they are: blanks around them, which
//! a training file may have, make them unknown.
//!
//! **Outputs.** `label` (strings `[N]`) and `probabilities` (FP32 `[N, classes]`), or `values` (FP32 `[N, targets]`) in original
//! units. Where a column has that name already, the output is called `predicted_label` and so on.

mod inputs;
mod outputs;
mod proto;

use descent_engine::onnx::{Constant, NotExported, Writer, write};
use prost::Message;

use crate::predictor::{Answering, ServedModel};

/// Bytes of weights at most: a protobuf message ends at 2 GiB.
const MAX_WEIGHTS_BYTES: usize = 2_000_000_000;

/// Why a model has no ONNX file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// Something in the network has no form in ONNX.
    #[error(transparent)]
    Operation(#[from] NotExported),
    /// It would be too large.
    #[error(
        "{0} bytes of weights do not fit into an ONNX file, which ends at 2 GiB; take safetensors"
    )]
    TooLarge(usize),
}

/// Numbers of the types of elements, for `Cast`.
const FLOAT: i64 = 1;
const DOUBLE: i64 = 11;

/// A tensor that goes in or comes out.
struct Port {
    name: String,
    element: descent_engine::onnx::Element,
    /// Dimensions behind that of the rows.
    dims: Vec<usize>,
    about: String,
}

/// The ONNX file of a model. `facts` are kept in it beside what it says of itself, by name.
///
/// # Errors
/// When the network has no form in ONNX.
pub fn model(served: &ServedModel, facts: &[(&str, String)]) -> Result<Vec<u8>, OnnxError> {
    let n_bytes = size_of_val(&served.model().parameters().values[..]);
    if n_bytes > MAX_WEIGHTS_BYTES {
        return Err(OnnxError::TooLarge(n_bytes));
    }
    let transform = &served.document().transform;
    let inputs = inputs::ports(transform);
    let outputs = outputs::ports(served, &inputs);
    let names = inputs.iter().chain(&outputs).map(|port| port.name.clone());
    let mut writer = Writer::new(names);
    let features = inputs::write(&mut writer, transform, &inputs);
    let answer = write(&mut writer, served.model(), &features)?;
    outputs::write(&mut writer, served, &answer, &outputs);
    let wanted: Vec<&str> = outputs.iter().map(|port| port.name.as_str()).collect();
    let (nodes, constants) = writer.finish(&wanted);
    let graph = proto::Graph {
        name: Some(served.version().name.clone()),
        node: nodes.into_iter().map(proto::Node::from).collect(),
        initializer: constants.into_iter().map(Constant::into).collect(),
        input: inputs.iter().map(proto::ValueInfo::from).collect(),
        output: outputs.iter().map(proto::ValueInfo::from).collect(),
    };
    Ok(file(served, graph, facts).encode_to_vec())
}

fn file(served: &ServedModel, graph: proto::Graph, facts: &[(&str, String)]) -> proto::Model {
    let (version, document) = (served.version(), served.document());
    let list = |names: Vec<&str>| serde_json::Value::from(names).to_string();
    let columns = document.transform.inputs.iter();
    let outputs = served.output_names().iter().map(String::as_str).collect();
    let kind = match served.answering() {
        Answering::Values => "targets",
        Answering::Places => "dimensions",
        Answering::Classes | Answering::Binary | Answering::Crisp => "classes",
    };
    let own = [
        ("model", version.name.clone()),
        ("version", version.version.to_string()),
        ("weights_sha256", document.weights_sha256.clone()),
        ("dataset_sha256", document.dataset_sha256.clone()),
        (
            "columns",
            list(columns.map(|input| input.name.as_str()).collect()),
        ),
        (kind, list(outputs)),
    ];
    let facts = facts.iter().map(|(key, value)| (*key, value.clone()));
    proto::Model {
        ir_version: Some(8),
        opset_import: vec![
            proto::OperatorSet::new("", 17),
            proto::OperatorSet::new(descent_engine::onnx::ML, 3),
        ],
        producer_name: Some("descent".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        model_version: Some(version.version),
        doc_string: Some(format!(
            "{} version {}, trained by descent. Raw columns go in, as in the training file; how they become features is part of the graph.",
            version.name, version.version
        )),
        graph: Some(graph),
        metadata_props: own
            .into_iter()
            .chain(facts)
            .map(proto::Entry::from)
            .collect(),
    }
}
