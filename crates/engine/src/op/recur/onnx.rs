//! A recurrent layer in ONNX, which has an operator for each cell.
//!
//! The operators multiply with the weights of the inputs themselves, so they are given x, W and b instead of what this
//! engine's op is given, x W + b. Their gates stand in another order, `[units]` rows each: of an LSTM i o f c, of a GRU z r h.

use super::{Cell, Recur};
use crate::onnx::{Attribute, Batch, NotExported, Value, Writing, permute};
use crate::op::Function;

/// Answers the states of all steps and the zeros before the first, which are the first columns of the record.
pub(super) fn recur<'g>(op: &Recur, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
    let Some((x, weight, bias)) = at.affine(0) else {
        return at.refuse("its gates are not given x W + b");
    };
    let Recur {
        cell,
        steps,
        units,
        reverse,
    } = *op;
    let gates = Gates::of(cell, units);
    let w = gates.rows(&weight.numbers);
    let r = gates.rows(at.numbers(1)?);
    let mut b = gates.rows(&bias.numbers);
    // The biases beside h R; only a GRU has one that does not come to the same as that of the inputs, of its last gate.
    b.resize(2 * b.len(), 0.0);
    if cell == Cell::Gru {
        let of_last = b.len() - units;
        b[of_last..].copy_from_slice(at.numbers(2)?);
    }
    let (width, inputs) = (cell.n_gates() * units, weight.numbers.len() / weight.cols);
    let w = at.writer.floats(&weight.name, &[1, width, inputs], &w);
    let r = at.writer.floats("recurrent_weight", &[1, width, units], &r);
    let b = at.writer.floats(&bias.name, &[1, 2 * width], &b);
    let steps_of = at.viewed(&x, &[steps, inputs]);
    let x = at.transposed(&steps_of, &[1, 0, 2]);
    let direction = if reverse { "reverse" } else { "forward" };
    let mut attributes = vec![
        ("hidden_size", Attribute::Int(units as i64)),
        ("direction", Attribute::Text(direction.to_owned())),
    ];
    let op_type = match cell {
        Cell::Lstm => "LSTM",
        Cell::Gru => {
            attributes.push(("linear_before_reset", Attribute::Int(1)));
            "GRU"
        }
        Cell::Rnn(function) => {
            let name = if function == Function::Relu {
                "Relu"
            } else {
                "Tanh"
            };
            attributes.push(("activations", Attribute::Texts(vec![name.to_owned()])));
            "RNN"
        }
    };
    // [steps, 1, N, units]
    let states = at.node(op_type, &[&x, &w, &r, &b], attributes);
    let axis = at.writer.ints("axis", &[1]);
    let states = at.node("Squeeze", &[&states, &axis], Vec::new());
    let states = at.transposed(&states, &[1, 0, 2]);
    let pads = if reverse {
        [0, 0, 0, 0, 1, 0]
    } else {
        [0, 1, 0, 0, 0, 0]
    };
    let pads = at.writer.ints("pads", &pads);
    let name = at.node("Pad", &[&states, &pads], Vec::new());
    Ok(Value::Batch(Batch {
        name,
        rows: steps + 1,
        cols: units,
    }))
}

/// The gates of a cell as ONNX orders them.
struct Gates {
    order: &'static [usize],
    units: usize,
}

impl Gates {
    fn of(cell: Cell, units: usize) -> Gates {
        let order: &[usize] = match cell {
            Cell::Rnn(_) => &[0],
            Cell::Gru => &[1, 0, 2],
            Cell::Lstm => &[0, 3, 1, 2],
        };
        Gates { order, units }
    }

    /// A matrix with columns for each gate as one with rows for each, in the order of ONNX.
    fn rows(&self, numbers: &[f32]) -> Vec<f32> {
        let width = self.order.len() * self.units;
        let transposed = permute(numbers, &[numbers.len() / width, width], &[1, 0]);
        let gate_len = transposed.len() / self.order.len();
        let gate = |&gate: &usize| &transposed[gate * gate_len..][..gate_len];
        self.order.iter().flat_map(gate).copied().collect()
    }
}
