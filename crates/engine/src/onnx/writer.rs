//! The nodes and constants of an ONNX graph while it is written.

use std::collections::HashSet;

/// The domain of the operators for tables, such as `LabelEncoder`; the others stand in the default domain.
pub const ML: &str = "ai.onnx.ml";

/// One operator with its inputs. All that are written here have one output.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name of the operator.
    pub op_type: &'static str,
    /// The domain it belongs to; empty for the default one.
    pub domain: &'static str,
    /// Names of the values it reads; an optional one that is absent is empty.
    pub inputs: Vec<String>,
    /// Name of the value it computes.
    pub output: String,
    /// What it is set to.
    pub attributes: Vec<(&'static str, Attribute)>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f32),
    /// A text.
    Text(String),
    /// Several whole numbers.
    Ints(Vec<i64>),
    /// Several texts.
    Texts(Vec<String>),
}

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    Float,
    /// 64-bit floating point.
    Double,
    /// 64-bit integers.
    Int64,
    /// Texts.
    Text,
}

/// A tensor that is part of the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// Type of its elements.
    pub element: Element,
    /// Length of each dimension.
    pub dims: Vec<usize>,
    /// The elements, little-endian, the last dimension running fastest.
    pub bytes: Vec<u8>,
}

/// A graph that is being written. Every value has a name of its own.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    nodes: Vec<Node>,
    constants: Vec<Constant>,
    taken: HashSet<String>,
}

impl Writer {
    /// A graph without nodes. The names of its inputs and outputs are given to no other value.
    pub fn new(inputs_and_outputs: impl IntoIterator<Item = String>) -> Writer {
        Writer {
            taken: inputs_and_outputs.into_iter().collect(),
            ..Writer::default()
        }
    }

    /// A name that no other value has: `name` with the first free number from `number` on.
    fn unique(&mut self, name: &str, number: usize) -> String {
        let mut names = (number..).map(|number| format!("{name}_{number}"));
        let free = names.find(|name| !self.taken.contains(name));
        let free = free.unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }

    /// Adds an operator of the default domain and answers the name of its output.
    pub fn node(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        self.node_of("", op_type, inputs, attributes)
    }

    /// As [`Writer::node`], of any domain.
    pub fn node_of(
        &mut self,
        domain: &'static str,
        op_type: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = self.unique(&op_type.to_ascii_lowercase(), self.nodes.len());
        self.nodes.push(Node {
            op_type,
            domain,
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: output.clone(),
            attributes,
        });
        output
    }

    /// Gives the output of the graph its name.
    pub fn output(&mut self, value: &str, name: &str) {
        self.nodes.push(Node {
            op_type: "Identity",
            domain: "",
            inputs: vec![value.to_owned()],
            output: name.to_owned(),
            attributes: Vec::new(),
        });
    }

    /// Adds a constant of single precision and answers its name, which begins with `name`.
    pub fn floats(&mut self, name: &str, dims: &[usize], numbers: &[f32]) -> String {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, Element::Float, dims, bytes)
    }

    /// Adds a constant of double precision.
    pub fn doubles(&mut self, name: &str, dims: &[usize], numbers: &[f64]) -> String {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, Element::Double, dims, bytes)
    }

    /// Adds one row of whole numbers.
    pub fn ints(&mut self, name: &str, numbers: &[i64]) -> String {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, Element::Int64, &[numbers.len()], bytes)
    }

    fn constant(&mut self, name: &str, element: Element, dims: &[usize], bytes: Vec<u8>) -> String {
        let name = self.unique(name, self.constants.len());
        self.constants.push(Constant {
            name: name.clone(),
            element,
            dims: dims.to_vec(),
            bytes,
        });
        name
    }

    /// The nodes and constants that the named values need, in an order in which they can be computed.
    pub fn finish(self, outputs: &[&str]) -> (Vec<Node>, Vec<Constant>) {
        let mut needed: HashSet<String> = outputs.iter().map(|&name| name.to_owned()).collect();
        let mut nodes = Vec::new();
        // A node reads only what stands before it, so one pass from the end finds all.
        for node in self.nodes.into_iter().rev() {
            if needed.contains(&node.output) {
                needed.extend(node.inputs.iter().cloned());
                nodes.push(node);
            }
        }
        nodes.reverse();
        let constants = self.constants.into_iter();
        let constants = constants.filter(|constant| needed.contains(&constant.name));
        (nodes, constants.collect())
    }
}
