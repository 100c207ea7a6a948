//! From what the network says to what is answered, in the graph.

use descent_engine::onnx::{Attribute, Element, ML, Writer};

use super::{FLOAT, Port};
use crate::data::TargetEncoding;
use crate::predictor::{Answering, ServedModel};

/// The outputs: label and probabilities, or values.
pub(super) fn ports(served: &ServedModel, inputs: &[Port]) -> Vec<Port> {
    let free = |name: &str| {
        let is_free = |name: &String| inputs.iter().all(|input| input.name != *name);
        let mut names = (0..).map(|times| format!("{}{name}", "predicted_".repeat(times)));
        names.find(is_free).unwrap_or_default()
    };
    let names = served.output_names();
    let list = names.join(", ");
    if served.classifies() {
        vec![
            Port {
                name: free("label"),
                element: Element::Text,
                dims: Vec::new(),
                about: "the most probable class".to_owned(),
            },
            Port {
                name: free("probabilities"),
                element: Element::Float,
                dims: vec![names.len()],
                about: format!("a probability for each class: {list}"),
            },
        ]
    } else {
        vec![Port {
            name: free("values"),
            element: Element::Float,
            dims: vec![names.len()],
            about: if served.answering() == Answering::Places {
                "the embedding".to_owned()
            } else {
                format!("a value in original units for each target: {list}")
            },
        }]
    }
}

/// Adds the outputs, of what the network says.
pub(super) fn write(writer: &mut Writer, served: &ServedModel, said: &str, ports: &[Port]) {
    let target = &served.document().transform.target;
    let answer = match served.answering() {
        Answering::Classes | Answering::Places => said.to_owned(),
        Answering::Binary => both(writer, said),
        Answering::Crisp => {
            let half = writer.floats("half", &[], &[0.5]);
            let beyond = writer.node("Greater", &[said, &half], Vec::new());
            let crisp = writer.node("Cast", &[&beyond], vec![("to", Attribute::Int(FLOAT))]);
            both(writer, &crisp)
        }
        Answering::Values => restored(writer, said, target),
    };
    match (target, ports) {
        (TargetEncoding::Classes { classes, .. }, [label, probabilities]) => {
            let attributes = vec![("axis", Attribute::Int(1)), ("keepdims", Attribute::Int(0))];
            let class = writer.node("ArgMax", &[&answer], attributes);
            let attributes = vec![
                (
                    "keys_int64s",
                    Attribute::Ints((0..classes.len() as i64).collect()),
                ),
                ("values_strings", Attribute::Texts(classes.clone())),
            ];
            let name = writer.node_of(ML, "LabelEncoder", &[&class], attributes);
            writer.output(&name, &label.name);
            writer.output(&answer, &probabilities.name);
        }
        (_, ports) => ports
            .iter()
            .for_each(|port| writer.output(&answer, &port.name)),
    }
}

/// Of the probability p of the second class those of both, 1 - p and p.
fn both(writer: &mut Writer, p: &str) -> String {
    let one = writer.floats("one", &[], &[1.0]);
    let other = writer.node("Sub", &[&one, p], Vec::new());
    writer.node("Concat", &[&other, p], vec![("axis", Attribute::Int(1))])
}

/// Values in original units.
fn restored(writer: &mut Writer, scaled: &str, target: &TargetEncoding) -> String {
    let TargetEncoding::Values { mean, std, .. } = target else {
        return scaled.to_owned();
    };
    let std = writer.floats("std", &[std.len()], std);
    let mean = writer.floats("mean", &[mean.len()], mean);
    let values = writer.node("Mul", &[scaled, &std], Vec::new());
    writer.node("Add", &[&values, &mean], Vec::new())
}
