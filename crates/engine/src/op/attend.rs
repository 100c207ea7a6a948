//! y = softmax(Q K^T / sqrt(d)) V: scaled dot-product attention of each sample and head (Vaswani et al. 2017).
//!
//! The input `[steps batch x 3 heads d]` holds queries, keys and values side by side; of each, the columns of head 0, then
//! those of head 1, and so on. y `[steps batch x heads d]`. With `causal`, a step attends to itself and to the steps before
//! it. With a rate, each probability becomes 0 as in [`super::Drop`], and the others are scaled.
//!
//! The derivative computes the probabilities again instead of keeping `[heads steps x steps]` of them for each sample.

use super::drop::drop;
use super::softmax::{softmax_gradient, softmax_in_place};
use super::{Context, Derivation, Matrix, Rule, Scratch, Split, misfit};
use crate::element::Real;
use crate::gemm::{Panels, Product};
use crate::graph::{Graph, GraphError, NodeId, Rows, Shape};
use crate::isa::{Isa, kernel};
use crate::onnx::{Attribute, NotExported, Value, Writing};
use crate::rng::{Purpose, Stream};

/// Attention of all heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attend {
    /// Steps of a sample.
    pub steps: usize,
    /// Number of heads.
    pub heads: usize,
    /// Numbers of a query, key or value of one head: d.
    pub size: usize,
    /// Whether a step sees only itself and those before it.
    pub causal: bool,
    /// Probability that a probability becomes zero, from 0 to below 1.
    pub rate: f64,
    /// Which random numbers those are; see [`super::Drop`].
    pub position: u16,
}

/// Buffers for one head of one sample.
struct Buffers<'a, T> {
    queries: &'a mut [T],
    keys: &'a mut [T],
    values: &'a mut [T],
    /// y, or its gradient.
    answers: &'a mut [T],
    /// The gradient of queries, keys or values.
    gradients: &'a mut [T],
    probabilities: &'a mut [T],
    /// The probabilities' gradient.
    slopes: &'a mut [T],
    /// The gradient of the scores.
    scores: &'a mut [T],
    panels: &'a mut Panels<T>,
}

impl Attend {
    fn width(&self) -> usize {
        self.heads * self.size
    }

    fn input(&self) -> Shape {
        Shape::per_sample(self.steps, 3 * self.width())
    }

    fn output(&self) -> Shape {
        Shape::per_sample(self.steps, self.width())
    }

    /// `[steps x steps]` from two of `[steps x d]`.
    fn scores(&self) -> Product {
        Product {
            m: self.steps,
            n: self.steps,
            k: self.size,
            transpose_a: false,
            transpose_b: true,
        }
    }

    /// `[steps x d]` from `[steps x steps]`, which may be transposed, and `[steps x d]`.
    fn answers(&self, transpose_a: bool) -> Product {
        Product {
            m: self.steps,
            n: self.size,
            k: self.steps,
            transpose_a,
            transpose_b: false,
        }
    }

    fn n_multiplications_of(&self, input: Shape, batch_rows: usize, n_products: u128) -> u128 {
        let n_samples = match input.rows {
            Rows::PerSample(_) => batch_rows,
            Rows::Fixed(_) => 0,
        };
        self.scores().n_multiplications() * n_products * (self.heads * n_samples) as u128
    }

    fn reserve_buffers<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa) {
        for product in [self.scores(), self.answers(false), self.answers(true)] {
            scratch.reserve_product(isa, product);
        }
        scratch.reserve_numbers(5 * self.steps * self.size + 3 * self.steps * self.steps);
    }

    fn buffers<'a, T: Real>(&self, scratch: &'a mut Scratch<T>) -> Buffers<'a, T> {
        let mut rest = &mut scratch.numbers[..];
        let mut take = |len: usize| {
            let (own, others) = std::mem::take(&mut rest).split_at_mut(len);
            rest = others;
            own
        };
        let (vectors, pairs) = (self.steps * self.size, self.steps * self.steps);
        Buffers {
            queries: take(vectors),
            keys: take(vectors),
            values: take(vectors),
            answers: take(vectors),
            gradients: take(vectors),
            probabilities: take(pairs),
            slopes: take(pairs),
            scores: take(pairs),
            panels: &mut scratch.panels,
        }
    }

    /// Copies columns of a sample's rows, which have `width` numbers.
    fn gather<T: Real>(&self, to: &mut [T], rows: &[T], width: usize, first: usize) {
        for (to, row) in to.chunks_exact_mut(self.size).zip(rows.chunks_exact(width)) {
            to.copy_from_slice(&row[first..][..self.size]);
        }
    }

    /// Puts them back.
    fn put<T: Real>(&self, rows: &mut [T], from: &[T], width: usize, first: usize) {
        for (row, from) in rows
            .chunks_exact_mut(width)
            .zip(from.chunks_exact(self.size))
        {
            row[first..][..self.size].copy_from_slice(from);
        }
    }

    /// Gathers queries, keys and values of a head and computes its probabilities, none of them dropped yet.
    fn attend<T: Real>(&self, isa: Isa, buffers: &mut Buffers<'_, T>, sample: &[T], head: usize) {
        let (width, first) = (self.width(), head * self.size);
        self.gather(buffers.queries, sample, 3 * width, first);
        self.gather(buffers.keys, sample, 3 * width, width + first);
        self.gather(buffers.values, sample, 3 * width, 2 * width + first);
        let (queries, keys) = (&*buffers.queries, &*buffers.keys);
        let product = self.scores();
        product.run_rows(isa, queries, keys, buffers.probabilities, 0, buffers.panels);
        scale(isa, buffers.probabilities, self.scale());
        if self.causal {
            for (step, row) in buffers
                .probabilities
                .chunks_exact_mut(self.steps)
                .enumerate()
            {
                row[step + 1..].fill(T::from_f64(f64::NEG_INFINITY));
            }
        }
        softmax_in_place(isa, buffers.probabilities, self.steps);
    }

    fn scale<T: Real>(&self) -> T {
        T::from_f64(1.0 / (self.size as f64).sqrt())
    }

    /// Drops probabilities, or their gradients, of head number `head`, counted over all samples.
    fn drop<T: Real>(&self, context: Context<'_>, values: &mut [T], head: usize) {
        if self.rate > 0.0 {
            let purpose = Purpose::Dropout(self.position);
            let stream = Stream::new(context.key.seed, purpose, context.key.step);
            let first = (head * self.steps * self.steps) as u64;
            drop(context.isa, values, &stream, self.rate, first);
        }
    }
}

kernel! {
    fn scale[T: Real](values: &mut [T], factor: T) {
        for value in values {
            *value *= factor;
        }
    }
}

impl Rule for Attend {
    const NAME: &'static str = "attend";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [x] if *x == self.input() => Ok(self.output()),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the queries, keys and values of all its heads",
            )),
        }
    }

    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        graph.apply(
            AttendGradient { attend: *self },
            &[at.gradient, at.inputs[0]],
        )
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        if self.rate > 0.0 {
            return at.refuse("it drops probabilities");
        }
        let x = at.batch(0)?;
        let (steps, heads, size) = (self.steps, self.heads, self.size);
        // Queries, keys and values lie side by side, of each the heads: [N, steps, 3, heads, size].
        let x = at.viewed(&x, &[steps, 3, heads, size]);
        let mut part = |nth: i64, order: &[i64]| {
            let nth = at.writer.ints("part", &[nth]);
            let axis = at.writer.ints("axis", &[2]);
            let taken = at.node("Gather", &[&x, &nth], vec![("axis", Attribute::Int(2))]);
            let taken = at.node("Squeeze", &[&taken, &axis], Vec::new());
            at.transposed(&taken, order)
        };
        let (queries, keys, values) = (
            part(0, &[0, 2, 1, 3]),
            part(1, &[0, 2, 3, 1]),
            part(2, &[0, 2, 1, 3]),
        );
        let scores = at.node("MatMul", &[&queries, &keys], Vec::new());
        let mut scores = at.with_number("Mul", &scores, self.scale());
        if self.causal {
            let later = |place: usize| {
                if place % steps > place / steps {
                    f32::NEG_INFINITY
                } else {
                    0.0
                }
            };
            let mask: Vec<f32> = (0..steps * steps).map(later).collect();
            let mask = at.writer.floats("mask", &[steps, steps], &mask);
            scores = at.node("Add", &[&scores, &mask], Vec::new());
        }
        let attention = at.node("Softmax", &[&scores], vec![("axis", Attribute::Int(-1))]);
        let y = at.node("MatMul", &[&attention, &values], Vec::new());
        let y = at.transposed(&y, &[0, 2, 1, 3]);
        Ok(at.put(&y, &[steps, heads, size]))
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.n_multiplications_of(inputs[0], batch_rows, 2)
    }

    fn reserve<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa, _: &[Shape], _: usize) {
        self.reserve_buffers(scratch, isa);
    }

    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let mut buffers = self.buffers(scratch);
        let (width, len) = (self.width(), self.steps * self.width());
        let samples = inputs[0].values.chunks_exact(3 * len);
        for (nth, (out, sample)) in out.chunks_exact_mut(len).zip(samples).enumerate() {
            for head in 0..self.heads {
                self.attend(context.isa, &mut buffers, sample, head);
                let head_idx = (first / len + nth) * self.heads + head;
                self.drop(context, buffers.probabilities, head_idx);
                let (p, v) = (&*buffers.probabilities, &*buffers.values);
                let product = self.answers(false);
                product.run_rows(context.isa, p, v, buffers.answers, 0, buffers.panels);
                self.put(out, buffers.answers, width, head * self.size);
            }
        }
    }
}

/// Derivative of [`Attend`] from the gradient of y and the queries, keys and values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttendGradient {
    /// The op whose derivative this is.
    pub attend: Attend,
}

impl Rule for AttendGradient {
    const NAME: &'static str = "attend_gradient";
    const SPLIT: Split = Split::Samples;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [dy, x] if *dy == self.attend.output() && *x == self.attend.input() => Ok(*x),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes the gradient of what an attention answers, and what it was given",
            )),
        }
    }

    fn n_multiplications(&self, inputs: &[Shape], batch_rows: usize) -> u128 {
        self.attend.n_multiplications_of(inputs[0], batch_rows, 5)
    }

    fn reserve<T: Real>(&self, scratch: &mut Scratch<T>, isa: Isa, _: &[Shape], _: usize) {
        self.attend.reserve_buffers(scratch, isa);
    }

    /// With P the probabilities and D the factors 0 or 1 / (1 - rate): dV = (D P)^T dy, dP = D (dy V^T), dS the softmax's
    /// gradient of it by sqrt(d), dQ = dS K, dK = dS^T Q.
    fn run_in<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let attend = self.attend;
        let (isa, width, len) = (context.isa, attend.width(), attend.steps * attend.width());
        let mut buffers = attend.buffers(scratch);
        let given = inputs[0].values.chunks_exact(len);
        let samples = given.zip(inputs[1].values.chunks_exact(3 * len));
        for (nth, (out, (dy, sample))) in out.chunks_exact_mut(3 * len).zip(samples).enumerate() {
            for head in 0..attend.heads {
                attend.attend(isa, &mut buffers, sample, head);
                let Buffers {
                    queries,
                    keys,
                    values,
                    answers,
                    gradients,
                    probabilities,
                    slopes,
                    scores,
                    panels,
                } = &mut buffers;
                let (head_idx, column) = (
                    (first / (3 * len) + nth) * attend.heads + head,
                    head * attend.size,
                );
                attend.gather(answers, dy, width, column);
                attend
                    .scores()
                    .run_rows(isa, answers, values, slopes, 0, panels);
                attend.drop(context, slopes, head_idx);
                softmax_gradient(isa, scores, slopes, probabilities, attend.steps);
                scale(isa, scores, attend.scale());
                let (plain, transposed) = (attend.answers(false), attend.answers(true));
                plain.run_rows(isa, scores, keys, gradients, 0, panels);
                attend.put(out, gradients, 3 * width, column);
                transposed.run_rows(isa, scores, queries, gradients, 0, panels);
                attend.put(out, gradients, 3 * width, width + column);
                attend.drop(context, probabilities, head_idx);
                transposed.run_rows(isa, probabilities, answers, gradients, 0, panels);
                attend.put(out, gradients, 3 * width, 2 * width + column);
            }
        }
    }
}
