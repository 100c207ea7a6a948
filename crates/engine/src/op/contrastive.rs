//! L = 1/P sum over pairs i < j of D^2 / 2 where the classes are equal, else max(0, m - D)^2 / 2; D = |e_i - e_j|.
//!
//! e `[batch x d]` are embeddings, m the margin, P = n (n - 1) / 2 the number of pairs of the batch: rows of one class are
//! drawn together, others pushed apart until they are m away (Hadsell, Chopra, LeCun 2006). A batch of one row has loss 0.

use super::{Context, Derivation, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;

/// Inputs: embeddings and labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contrastive {
    /// m, above 0.
    pub margin: f64,
}

impl Rule for Contrastive {
    const NAME: &'static str = "contrastive";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [_, labels] if *labels == Shape::batch(1) => Ok(Shape::SCALAR),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one embedding per row, and labels",
            )),
        }
    }

    /// de_i = dL/P sum over j of (e_i - e_j) where the classes are equal, -(m - D)/D (e_i - e_j) where they are not and
    /// 0 < D < m, else 0.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => graph.apply(
                ContrastiveGradient {
                    margin: self.margin,
                },
                &[at.inputs[0], at.inputs[1], at.gradient],
            ),
            input_idx => Err(GraphError::NoDerivative {
                op: Self::NAME,
                input_idx,
            }),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        out[0] = loss(
            context.isa,
            inputs[0].values,
            inputs[0].cols,
            context.labels,
            T::from_f64(self.margin),
        );
    }
}

/// Derivative of [`Contrastive`] by the embeddings: embeddings, labels, gradient of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContrastiveGradient {
    /// m, above 0.
    pub margin: f64,
}

impl Rule for ContrastiveGradient {
    const NAME: &'static str = "contrastive_gradient";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [embeddings, labels, Shape::SCALAR] if *labels == Shape::batch(1) => Ok(*embeddings),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one embedding per row, labels, and a scalar",
            )),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let scale = inputs[2].values[0] * T::from_f64(1.0 / n_pairs(context.labels.len()));
        gradient(
            context.isa,
            out,
            inputs[0].values,
            inputs[0].cols,
            context.labels,
            T::from_f64(self.margin),
            scale,
        );
    }
}

/// Pairs of `n` rows; 1 for a single row, whose sum is 0 anyway.
fn n_pairs(n: usize) -> f64 {
    (n as f64 * (n as f64 - 1.0) / 2.0).max(1.0)
}

/// The squared distance of two embeddings.
#[inline(always)]
fn squared_distance<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::ZERO; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += (a - b) * (a - b);
        }
    }
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5]))
        + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}

kernel! {
    fn loss[T: Real](embeddings: &[T], cols: usize, labels: &[u32], margin: T) -> T {
        let row = |row: usize| &embeddings[row * cols..(row + 1) * cols];
        let mut total = 0.0;
        for (i, class) in labels.iter().enumerate() {
            for (j, other) in labels.iter().enumerate().skip(i + 1) {
                let squared = squared_distance(row(i), row(j));
                let pair = if class == other {
                    squared
                } else {
                    let gap = margin - squared.sqrt();
                    if gap < T::ZERO { T::ZERO } else { gap * gap }
                };
                total += pair.to_f64();
            }
        }
        T::from_f64(0.5 * total / n_pairs(labels.len()))
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], embeddings: &[T], cols: usize, labels: &[u32], margin: T, scale: T) {
        let row = |row: usize| &embeddings[row * cols..(row + 1) * cols];
        for ((line, i), class) in out.chunks_exact_mut(cols).zip(0..).zip(labels) {
            line.fill(T::ZERO);
            for (j, other) in labels.iter().enumerate() {
                let factor = if class == other {
                    scale
                } else {
                    let distance = squared_distance(row(i), row(j)).sqrt();
                    // Two rows at one place have no direction in which to part.
                    if distance >= margin || distance == T::ZERO {
                        continue;
                    }
                    -(scale * (margin - distance) / distance)
                };
                for ((d, &a), &b) in line.iter_mut().zip(row(i)).zip(row(j)) {
                    *d += factor * (a - b);
                }
            }
        }
    }
}
