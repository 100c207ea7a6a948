//! h_t = cell(x_t, h_(t-1)): a recurrent layer runs over all steps of its samples.
//!
//! x `[steps batch x gates units]` is what the inputs of all steps give the gates, bias included: one ordinary matrix
//! product, made before. This op adds h_(t-1) W, W `[units x gates units]`, step after step. It answers a *record* with
//! `steps + 1` rows of `parts units` numbers for each sample: h first, then what the derivative reads; and one row is the
//! state before the first step, zero. The record of a reversed layer begins with the step that it computes last, and its
//! row of zeros is the last one; so a row stands beside the step it belongs to.
//!
//! Its derivative is back-propagation through time (Werbos 1990): [`RecurGradient`] goes through the steps the other way
//! and answers the gradient of what the gates were given in every step. From there on the gradients of all weights are
//! ordinary matrix products over all steps at once.

mod gradient;
mod gru;
mod lstm;
mod onnx;
mod rnn;

pub use gradient::RecurGradient;

use super::{
    ColumnSum, Context, Derivation, Function, MatMul, Matrix, Rule, Scratch, Slice, Split, misfit,
};
use crate::element::Real;
use crate::gemm::Product;
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::isa::Isa;
use crate::onnx::{NotExported, Value, Writing};

/// What a recurrent layer computes in a step. Formulas and the order of the gates stand in the cells' files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// One gate, which is the state; its function is tanh or relu.
    Rnn(Function),
    /// Reset gate, update gate, new state.
    Gru,
    /// Input gate, forget gate, cell's input, output gate.
    Lstm,
}

impl Cell {
    /// Gates, each with a column of W per unit.
    pub fn n_gates(self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Gru => 3,
            Cell::Lstm => 4,
        }
    }

    /// Numbers of a row of the record, per unit.
    pub fn n_parts(self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Gru => 5,
            Cell::Lstm => 6,
        }
    }

    /// Numbers of a row of the gradient, per unit: of the gates as x reaches them, then, where that is not the same, as
    /// h W reaches them.
    fn n_gradients(self) -> usize {
        match self {
            Cell::Rnn(_) => 1,
            Cell::Gru => 6,
            Cell::Lstm => 4,
        }
    }

    /// Whether the op takes a bias beside h W, `[1 x units]`, of the last gate.
    fn has_bias(self) -> bool {
        self == Cell::Gru
    }
}

/// A recurrent layer in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recur {
    /// What a step computes.
    pub cell: Cell,
    /// Steps of a sample.
    pub steps: usize,
    /// Numbers of the state.
    pub units: usize,
    /// Whether it begins with the last step.
    pub reverse: bool,
}

/// Where a step lies in the matrices of the samples.
#[derive(Clone, Copy, Debug)]
struct Place {
    units: usize,
    /// Steps of a sample.
    steps: usize,
    /// The step, counted from the beginning of the sample.
    step: usize,
    /// Its row in the record.
    row: usize,
    /// The row of the step computed before it.
    before: usize,
}

impl Place {
    /// One sample's row of the step and, to be read, the row before; rows have `len` numbers.
    #[inline(always)]
    fn rows_mut<T>(self, record: &mut [T], len: usize) -> (&mut [T], &[T]) {
        let (first, second) = record.split_at_mut(self.row.max(self.before) * len);
        if self.row > self.before {
            (&mut second[..len], &first[self.before * len..][..len])
        } else {
            (&mut first[self.row * len..][..len], &second[..len])
        }
    }
}

/// Part number `idx` of a row.
#[inline(always)]
fn part<T>(row: &[T], idx: usize, units: usize) -> &[T] {
    &row[idx * units..][..units]
}

/// Part number `idx` of a row, to be changed.
#[inline(always)]
fn part_mut<T>(row: &mut [T], idx: usize, units: usize) -> &mut [T] {
    &mut row[idx * units..][..units]
}

/// z <- 1 / (1 + e^-z).
#[inline(always)]
fn sigmoid<T: Real>(values: &mut [T]) {
    for z in values {
        *z = T::ONE / (T::ONE + (-*z).exp());
    }
}

/// z <- tanh z.
#[inline(always)]
fn tanh<T: Real>(values: &mut [T]) {
    for z in values {
        *z = z.tanh();
    }
}

impl Recur {
    /// Shape of what goes into the gates.
    fn gates(&self) -> Shape {
        Shape::per_sample(self.steps, self.cell.n_gates() * self.units)
    }

    /// Shape of the record.
    pub fn record(&self) -> Shape {
        Shape::per_sample(self.steps + 1, self.cell.n_parts() * self.units)
    }

    fn gradient(&self) -> Shape {
        Shape::per_sample(self.steps, self.cell.n_gradients() * self.units)
    }

    fn weight(&self) -> Shape {
        Shape::fixed(self.units, self.cell.n_gates() * self.units)
    }

    /// The states of all steps, of the record.
    pub fn states(&self) -> Slice {
        let first_row = usize::from(!self.reverse);
        Slice::of(self.record(), first_row, self.steps, 0..self.units)
    }

    /// The state after the step that is computed last, of the record.
    pub fn last_state(&self) -> Slice {
        let row = if self.reverse { 0 } else { self.steps };
        Slice::of(self.record(), row, 1, 0..self.units)
    }

    /// The state before each step, of the record.
    fn states_before(&self) -> Slice {
        let first_row = usize::from(self.reverse);
        Slice::of(self.record(), first_row, self.steps, 0..self.units)
    }

    /// The steps in the order in which they are computed.
    fn places(&self) -> impl DoubleEndedIterator<Item = Place> + use<> {
        let Recur {
            steps,
            units,
            reverse,
            ..
        } = *self;
        (0..steps).map(move |nth| {
            let step = if reverse { steps - 1 - nth } else { nth };
            let (row, before) = if reverse {
                (step, step + 1)
            } else {
                (step + 1, step)
            };
            Place {
                units,
                steps,
                step,
                row,
                before,
            }
        })
    }

    /// h W of `n` samples, or with the gradient of the gates for h and W transposed, the gradient of h.
    fn product(&self, n: usize, back: bool) -> Product {
        let width = self.cell.n_gates() * self.units;
        let (n_out, k) = if back {
            (self.units, width)
        } else {
            (width, self.units)
        };
        Product {
            m: n,
            n: n_out,
            k,
            transpose_a: false,
            transpose_b: back,
        }
    }

    /// Samples of a full batch, of a matrix with rows for each.
    fn n_samples(shape: Shape, batch_rows: usize) -> usize {
        match shape.rows {
            Rows::PerSample(_) => batch_rows,
            Rows::Fixed(_) => 0,
        }
    }

    fn n_multiplications_of(&self, samples: usize) -> u128 {
        self.product(samples, false).n_multiplications() * self.steps as u128
    }
}

impl Rule for Recur {
    const NAME: &'static str = "recur";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        let bias = Shape::fixed(1, self.units);
        let wanted = [self.gates(), self.weight(), bias];
        let n_inputs = if self.cell.has_bias() { 3 } else { 2 };
        match inputs {
            inputs if *inputs == wanted[..n_inputs] => Ok(self.record()),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes what goes into its gates in each step, its recurrent weights and, of a gru, a bias",
            )),
        }
    }

    /// With d_t the gradient of the gates in step t: dx_t = d_t, dW = sum over samples and t of h_(t-1)^T d_t, and the bias
    /// gets the sum of what h W got.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        let (whole, gates, units) = (self.gradient(), self.gates().cols, self.units);
        let inputs = [at.gradient, at.output, at.inputs[1]];
        let d = graph.shared(RecurGradient { recur: *self }, &inputs)?;
        let mut columns = |range| {
            let slice = Slice::of(whole, 0, self.steps, range);
            if slice.len == whole.cols {
                Ok(d)
            } else {
                graph.shared(slice, &[d])
            }
        };
        match at.input_idx {
            0 => columns(0..gates),
            1 => {
                let d = columns(whole.cols - gates..whole.cols)?;
                let h = graph.apply(self.states_before(), &[at.output])?;
                let product = MatMul {
                    transpose_a: true,
                    transpose_b: false,
                };
                graph.apply(product, &[h, d])
            }
            _ => {
                let d = columns(whole.cols - units..whole.cols)?;
                graph.apply(ColumnSum, &[d])
            }
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        onnx::recur(self, at)
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.n_multiplications_of(Recur::n_samples(inputs[0], batch_rows))
    }

    fn reserve<T: Real>(
        &self,
        scratch: &mut Scratch<T>,
        isa: Isa,
        inputs: &[Shape],
        batch_rows: usize,
    ) {
        let n = Recur::n_samples(inputs[0], batch_rows);
        scratch.reserve_product(isa, self.product(n, false));
        scratch.reserve_numbers(n * self.units * (1 + self.cell.n_gates()));
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let (isa, units) = (context.isa, self.units);
        let (x, w) = (inputs[0].values, inputs[1].values);
        let Scratch {
            panels, numbers, ..
        } = scratch;
        let row_len = self.cell.n_parts() * units;
        let n = out.len() / (row_len * (self.steps + 1));
        let (state, rest) = numbers.split_at_mut(n * units);
        let recurrent = &mut rest[..n * units * self.cell.n_gates()];
        state.fill(T::ZERO);
        let product = self.product(n, false);
        let zeros = if self.reverse { self.steps } else { 0 } * row_len;
        for record in out.chunks_exact_mut(row_len * (self.steps + 1)) {
            record[zeros..zeros + row_len].fill(T::ZERO);
        }
        for place in self.places() {
            product.run_rows(isa, state, w, recurrent, 0, panels);
            match self.cell {
                Cell::Rnn(function) => {
                    let rectified = function == Function::Relu;
                    rnn::forward(isa, out, x, recurrent, state, place, rectified);
                }
                Cell::Gru => {
                    gru::forward(isa, out, x, recurrent, state, place, inputs[2].values);
                }
                Cell::Lstm => lstm::forward(isa, out, x, recurrent, state, place),
            }
        }
    }
}
