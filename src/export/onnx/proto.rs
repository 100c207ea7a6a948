//! The part of the ONNX format (onnx.proto of IR 8) that is written. Fields are optional, so that one that is zero is there
//! nevertheless: readers ask whether an attribute has a value.

use descent_engine::onnx::{self, Attribute as Setting, Constant, Element};
use prost::Message;

use super::Port;

/// The file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, optional, tag = "1")]
    pub ir_version: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub producer_name: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub producer_version: Option<String>,
    #[prost(int64, optional, tag = "5")]
    pub model_version: Option<i64>,
    #[prost(string, optional, tag = "6")]
    pub doc_string: Option<String>,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

/// A domain of operators, in a version.
#[derive(Clone, PartialEq, Message)]
pub(super) struct OperatorSet {
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    #[prost(int64, optional, tag = "2")]
    pub version: Option<i64>,
}

impl OperatorSet {
    pub(super) fn new(domain: &str, version: i64) -> OperatorSet {
        OperatorSet {
            domain: Some(domain.to_owned()),
            version: Some(version),
        }
    }
}

/// A fact about the model.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

impl From<(&str, String)> for Entry {
    fn from((key, value): (&str, String)) -> Entry {
        Entry {
            key: Some(key.to_owned()),
            value: Some(value),
        }
    }
}

/// Operators in an order in which they can be computed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

/// One operator.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, optional, tag = "3")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub op_type: Option<String>,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
    #[prost(string, optional, tag = "7")]
    pub domain: Option<String>,
}

impl From<onnx::Node> for Node {
    fn from(node: onnx::Node) -> Node {
        Node {
            input: node.inputs,
            name: Some(node.output.clone()),
            output: vec![node.output],
            op_type: Some(node.op_type.to_owned()),
            attribute: node.attributes.into_iter().map(Attribute::from).collect(),
            domain: Some(node.domain.to_owned()),
        }
    }
}

/// What an operator is set to.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub s: Option<Vec<u8>>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    #[prost(bytes = "vec", repeated, tag = "9")]
    pub strings: Vec<Vec<u8>>,
    #[prost(int32, optional, tag = "20")]
    pub kind: Option<i32>,
}

impl From<(&'static str, Setting)> for Attribute {
    fn from((name, value): (&'static str, Setting)) -> Attribute {
        let mut attribute = Attribute {
            name: Some(name.to_owned()),
            ..Attribute::default()
        };
        attribute.kind = Some(match value {
            Setting::Float(number) => {
                attribute.f = Some(number);
                1
            }
            Setting::Int(number) => {
                attribute.i = Some(number);
                2
            }
            Setting::Text(text) => {
                attribute.s = Some(text.into_bytes());
                3
            }
            Setting::Ints(numbers) => {
                attribute.ints = numbers;
                7
            }
            Setting::Texts(texts) => {
                attribute.strings = texts.into_iter().map(String::into_bytes).collect();
                8
            }
        });
        attribute
    }
}

/// A tensor that is part of the file.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, optional, tag = "2")]
    pub data_type: Option<i32>,
    #[prost(string, optional, tag = "8")]
    pub name: Option<String>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub raw_data: Option<Vec<u8>>,
}

impl From<Constant> for Tensor {
    fn from(constant: Constant) -> Tensor {
        Tensor {
            dims: constant.dims.iter().map(|&n| n as i64).collect(),
            data_type: Some(data_type(constant.element)),
            name: Some(constant.name),
            raw_data: Some(constant.bytes),
        }
    }
}

fn data_type(element: Element) -> i32 {
    match element {
        Element::Float => 1,
        Element::Int64 => 7,
        Element::Text => 8,
        Element::Double => 11,
    }
}

/// Name and type of a value.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Type>,
    #[prost(string, optional, tag = "3")]
    pub doc_string: Option<String>,
}

/// The type of a value: a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// Type of the elements, and the dimensions.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// The dimensions.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// One dimension: a number, or a name for one that is free.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}

impl From<&Port> for ValueInfo {
    fn from(port: &Port) -> ValueInfo {
        let rows = Dimension {
            dim_value: None,
            dim_param: Some("N".to_owned()),
        };
        let sized = port.dims.iter().map(|&n| Dimension {
            dim_value: Some(n as i64),
            dim_param: None,
        });
        let shape = Shape {
            dim: [rows].into_iter().chain(sized).collect(),
        };
        let tensor_type = TensorType {
            elem_type: Some(data_type(port.element)),
            shape: Some(shape),
        };
        ValueInfo {
            name: Some(port.name.clone()),
            kind: Some(Type {
                tensor_type: Some(tensor_type),
            }),
            doc_string: Some(port.about.clone()),
        }
    }
}
