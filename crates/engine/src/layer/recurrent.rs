//! What the recurrent layers have in common: parameters, the two directions, and which states come out.
//!
//! The product of the inputs with their weights is one matrix product over all steps, `[steps batch x features]` times
//! `[features x gates units]`; then one op per direction runs through the steps ([`Recur`]).

use crate::graph::{GraphError, NodeId, Shape};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Add, AddRow, Cell, MatMul, Recur, Scatter, Slice};
use crate::sample::SampleShape;

/// A recurrent layer of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recurrent {
    /// What a step computes.
    pub(super) cell: Cell,
    /// Numbers of the state, in each direction.
    pub(super) units: usize,
    /// Whether a second one runs from the last step to the first.
    pub(super) bidirectional: bool,
    /// Whether the states of all steps come out, or the last one.
    pub(super) return_sequences: bool,
    /// Added to the bias of the second gate, when it is a forget gate.
    pub(super) forget_bias: f64,
}

impl Recurrent {
    fn n_directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Parameters of one direction.
    fn n_parameters(&self) -> usize {
        3 + usize::from(self.cell == Cell::Gru)
    }

    pub(super) fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let features = self.units.saturating_mul(self.n_directions());
        match input {
            SampleShape::Sequence { steps, .. } if self.return_sequences => {
                Ok(SampleShape::Sequence { steps, features })
            }
            SampleShape::Sequence { .. } => Ok(SampleShape::Vector { features }),
            _ => Err(
                "takes sequences of steps x features; put a reshape or embedding layer before it, or let the recurrent \
                 layer before it return_sequences"
                    .into(),
            ),
        }
    }

    pub(super) fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let (inputs, units) = (input.last(), self.units);
        let gates = self.cell.n_gates().saturating_mul(units);
        let mut forward = vec![
            ParameterSpec::weight("input_weight", inputs, gates, Init::GlorotUniform),
            ParameterSpec::weight("recurrent_weight", units, gates, Init::Orthogonal),
            ParameterSpec::weight("bias", 1, gates, Init::Zeros),
        ];
        if self.cell == Cell::Gru {
            forward.push(ParameterSpec::weight(
                "recurrent_bias",
                1,
                units,
                Init::Zeros,
            ));
        }
        let backward: Vec<ParameterSpec> = match self.bidirectional {
            true => forward
                .iter()
                .cloned()
                .map(|spec| spec.inside("backward"))
                .collect(),
            false => Vec::new(),
        };
        forward.into_iter().chain(backward).collect()
    }

    pub(super) fn forward(
        &self,
        builder: &mut Builder<'_>,
        input: NodeId,
    ) -> Result<NodeId, GraphError> {
        let features = builder.input.last();
        let steps = builder.input.n_numbers() / features;
        let x = builder.graph.view(input, steps, features)?;
        let first = self.direction(builder, x, steps, false)?;
        let (rows, width) = if self.return_sequences {
            (steps, self.units)
        } else {
            (1, self.units)
        };
        if !self.bidirectional {
            return builder.graph.view(first, 1, rows * width);
        }
        let second = self.direction(builder, x, steps, true)?;
        let whole = Shape::per_sample(rows, 2 * width);
        let mut beside = |node, columns| {
            let slice = Slice::of(whole, 0, rows, columns);
            builder.graph.apply(Scatter { slice }, &[node])
        };
        let (first, second) = (beside(first, 0..width)?, beside(second, width..2 * width)?);
        let both = builder.graph.apply(Add, &[first, second])?;
        builder.graph.view(both, 1, rows * 2 * width)
    }

    /// The states of one direction that come out.
    fn direction(
        &self,
        builder: &mut Builder<'_>,
        x: NodeId,
        steps: usize,
        reverse: bool,
    ) -> Result<NodeId, GraphError> {
        let recur = Recur {
            cell: self.cell,
            steps,
            units: self.units,
            reverse,
        };
        let first = if reverse { self.n_parameters() } else { 0 };
        let (by_input, weight) = (builder.parameter(first), builder.parameter(first + 1));
        let bias = self.bias(builder, first + 2)?;
        let gates = builder.graph.apply(MatMul::plain(), &[x, by_input])?;
        let gates = builder.graph.apply(AddRow, &[gates, bias])?;
        let mut inputs = vec![gates, weight];
        if self.cell == Cell::Gru {
            inputs.push(builder.parameter(first + 3));
        }
        let record = builder.graph.apply(recur, &inputs)?;
        let states = if self.return_sequences {
            recur.states()
        } else {
            recur.last_state()
        };
        builder.graph.apply(states, &[record])
    }

    /// The bias of the gates, with what is added to that of the forget gate.
    fn bias(&self, builder: &mut Builder<'_>, idx: usize) -> Result<NodeId, GraphError> {
        let bias = builder.parameter(idx);
        if self.forget_bias == 0.0 {
            return Ok(bias);
        }
        let mut row = vec![0.0; self.cell.n_gates() * self.units];
        row[self.units..2 * self.units].fill(self.forget_bias);
        let row = builder.graph.constant(row);
        builder.graph.apply(Add, &[bias, row])
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        match self.units {
            0 => vec![("units", "a recurrent layer has at least 1 unit".to_owned())],
            _ => Vec::new(),
        }
    }
}
