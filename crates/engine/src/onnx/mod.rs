//! A network as operators of ONNX, operator set 17, for programs that know nothing of this engine.
//!
//! Every op says in its own file, beside its kernel, what it is in ONNX; a layer is made of ops and needs no line for it. What
//! comes out is a list of nodes and constants, of which the server makes a file.
//!
//! A value with r rows of c columns for each sample is a tensor `[N, r, c]`, or `[N, c]` when r is 1; N is the number of
//! samples. What does not depend on the samples is computed while the graph is written, by the op's own kernel, and
//! becomes a constant.

mod writer;
mod writing;

pub use writer::{Attribute, Constant, Element, ML, Node, Writer};
pub(crate) use writing::{Batch, Value, Writing, permute};

use std::borrow::Cow;

use crate::graph::{NodeId, Origin, Rows};
use crate::isa::Isa;
use crate::model::Model;
use crate::op::{Context, Matrix, Op, Scratch, StepKey};

/// The number of the type of 64-bit integers, for `Cast`.
pub const INT64: i64 = 7;

/// Why a network has no form in ONNX.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operation {op} has no form in ONNX{}", .why.map(|why| format!(": {why}")).unwrap_or_default())]
pub struct NotExported {
    /// Name of the op.
    pub op: &'static str,
    /// What about it, where that needs to be said.
    pub why: Option<&'static str>,
}

/// Adds what `model` predicts of `features`, a tensor `[N, n_features]`: answers the name of a tensor `[N, n_outputs]` that
/// holds what [`Model::predict`] writes.
///
/// # Errors
/// When an op of the network has no form in ONNX.
pub fn write(
    writer: &mut Writer,
    model: &Model<f32>,
    features: &str,
) -> Result<String, NotExported> {
    let (graph, answer) = model.prediction();
    let mut values: Vec<Value<'_>> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let value = match &node.origin {
            Origin::Features => Value::batch(features.to_owned(), node.shape),
            Origin::Targets | Origin::Labels => Value::Absent,
            Origin::Parameter(position) => {
                let parameter = &model.network().parameters()[*position];
                let numbers = Cow::Borrowed(model.parameters().of(parameter));
                Value::fixed(parameter.name.clone(), node.shape, numbers)
            }
            Origin::Constant(numbers) => {
                let numbers = numbers.iter().map(|&x| x as f32).collect();
                Value::fixed("constant".to_owned(), node.shape, Cow::Owned(numbers))
            }
            Origin::Computed(op) => match node.shape.rows {
                Rows::Fixed(_) => computed(op, &node.inputs, node.shape, &values)?,
                Rows::PerSample(_) => op.onnx(&mut Writing {
                    writer: &mut *writer,
                    graph,
                    values: &values,
                    inputs: &node.inputs,
                    op: op.name(),
                    output: node.shape,
                })?,
            },
        };
        values.push(value);
    }
    match &values[answer.index()] {
        Value::Batch(batch) => Ok(batch.name.clone()),
        _ => Err(NotExported {
            op: "network",
            why: Some("its output does not depend on its input"),
        }),
    }
}

/// What an op computes of constants: a constant.
fn computed<'g>(
    op: &Op,
    inputs: &[NodeId],
    shape: crate::graph::Shape,
    values: &[Value<'g>],
) -> Result<Value<'g>, NotExported> {
    let of_batch = NotExported {
        op: op.name(),
        why: Some("it sums over the batch"),
    };
    let mut matrices = Vec::new();
    for input in inputs {
        let Value::Fixed(fixed) = &values[input.index()] else {
            return Err(of_batch);
        };
        matrices.push(Matrix {
            values: &fixed.numbers[..],
            cols: fixed.cols,
        });
    }
    let (mut out, mut others) = (vec![0.0; shape.rows.count(1) * shape.cols], &matrices[..]);
    if op.element_wise()
        && let [first, rest @ ..] = others
    {
        out.copy_from_slice(first.values);
        others = rest;
    }
    let (isa, mut scratch) = (Isa::detect(), Scratch::default());
    let shapes: Vec<_> = matrices
        .iter()
        .map(|matrix| crate::graph::Shape::fixed(matrix.rows(), matrix.cols))
        .collect();
    op.reserve(&mut scratch, isa, &shapes, 1);
    let context = Context {
        isa,
        labels: &[],
        key: StepKey::default(),
        packed: false,
    };
    op.run_in(&mut out, others, 0, context, &mut scratch.allocated());
    Ok(Value::fixed(op.name().to_owned(), shape, Cow::Owned(out)))
}
