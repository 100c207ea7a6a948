//! Back-propagation through time (Werbos 1990): the derivative of [`Recur`], step after step from the one computed last.

use super::{Cell, Recur, gru, lstm, rnn};
use crate::element::Real;
use crate::graph::{GraphError, Shape};
use crate::isa::Isa;
use crate::op::{Context, Function, Matrix, Rule, Scratch, Split, misfit};

/// Gradient of what the gates of a [`Recur`] are given, from the gradient of its record, the record and W.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecurGradient {
    /// Whose gradient it is.
    pub recur: Recur,
}

impl Rule for RecurGradient {
    const NAME: &'static str = "recur_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let (record, weight) = (self.recur.record(), self.recur.weight());
        match inputs {
            inputs if *inputs == [record, record, weight] => Ok(self.recur.gradient()),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the gradient of a record, the record and the recurrent weights",
            )),
        }
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        let n = Recur::n_samples(inputs[0], batch_rows);
        self.recur.n_multiplications_of(n)
    }

    fn reserve<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        isa: Isa,
        inputs: &[Shape],
        batch_rows: usize,
    ) {
        let n = Recur::n_samples(inputs[0], batch_rows);
        scratch.reserve_product(isa, self.recur.product(n, true));
        scratch.reserve_numbers(n * self.recur.units * (2 + self.recur.cell.n_gates()));
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let Recur {
            cell, steps, units, ..
        } = self.recur;
        let (isa, w) = (context.isa, inputs[2].values);
        let (gradient, record) = (inputs[0].values, inputs[1].values);
        let Scratch {
            panels, numbers, ..
        } = scratch;
        let n = out.len() / (cell.n_gradients() * units * steps);
        // What reaches the step before through h W, what reaches it beside h W, and the gates of this step.
        let (through, rest) = numbers.split_at_mut(n * units);
        let (beside, rest) = rest.split_at_mut(n * units);
        let gates = &mut rest[..n * units * cell.n_gates()];
        through.fill(T::ZERO);
        beside.fill(T::ZERO);
        let product = self.recur.product(n, true);
        for place in self.recur.places().rev() {
            match cell {
                Cell::Rnn(function) => {
                    let rectified = function == Function::Relu;
                    rnn::backward(isa, out, gradient, record, through, gates, place, rectified);
                }
                Cell::Gru => {
                    gru::backward(isa, out, gradient, record, through, beside, gates, place);
                }
                Cell::Lstm => {
                    lstm::backward(isa, out, gradient, record, through, beside, gates, place);
                }
            }
            product.run_rows(isa, gates, w, through, 0, panels);
        }
    }
}
