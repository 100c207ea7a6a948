//! L = 1/W sum over rows i of [(1 - s) w_y l_iy + s/K sum over c of w_c l_ic], with l_ic = -ln softmax(z_i)_c.
//!
//! z `[batch x K]` are the outputs, y the class of row i, w the class weights (1 when absent), W = sum over i of w_y,
//! s the label smoothing. This is PyTorch's `CrossEntropyLoss` with `weight` and `label_smoothing` (Szegedy et al. 2016).

use super::softmax::{largest, row_sum, rows_of, shifted_exponentials};
use super::{Context, Derivation, Matrix, Rule, Split, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;

/// Inputs: outputs, labels; with class weights also these and their total over the batch (`LabelWeight`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy {
    /// s, from 0 to below 1.
    pub label_smoothing: f64,
}

/// Whether outputs, labels and (optional) weights fit together.
fn fits(inputs: &[Shape]) -> bool {
    let [z, labels, others @ ..] = inputs else {
        return false;
    };
    let weigh = [Shape::fixed(1, z.cols), Shape::SCALAR];
    *z == Shape::batch(z.cols)
        && *labels == Shape::batch(1)
        && (others.is_empty() || *others == weigh)
}

impl Rule for CrossEntropy {
    const NAME: &'static str = "cross_entropy";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match fits(inputs) {
            true => Ok(Shape::SCALAR),
            false => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one output per class, labels, and perhaps one weight per class",
            )),
        }
    }

    /// dz_ic = dL/W [S_i softmax(z_i)_c - (1 - s) w_y [c = y] - s/K w_c], S_i = (1 - s) w_y + s/K sum over c of w_c.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        if at.input_idx != 0 {
            return Err(GraphError::NoDerivative {
                op: Self::NAME,
                input_idx: at.input_idx,
            });
        }
        let mut inputs = vec![at.gradient];
        inputs.extend_from_slice(at.inputs);
        graph.apply(
            CrossEntropyGradient {
                label_smoothing: self.label_smoothing,
            },
            &inputs,
        )
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let weights = Weights::new(&inputs[1..], context.labels.len());
        out[0] = loss(
            context.isa,
            inputs[0].values,
            context.labels,
            weights,
            self.label_smoothing,
        );
    }
}

/// Derivative of [`CrossEntropy`] by the outputs: its first input is the gradient of the loss, then those of the loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropyGradient {
    /// s, from 0 to below 1.
    pub label_smoothing: f64,
}

impl Rule for CrossEntropyGradient {
    const NAME: &'static str = "cross_entropy_gradient";
    const SPLIT: Split = Split::Rows;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [Shape::SCALAR, rest @ ..] if fits(rest) => Ok(rest[0]),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes a scalar and the inputs of cross_entropy",
            )),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        first: usize,
        context: Context<'_>,
    ) {
        let weights = Weights::new(&inputs[2..], context.labels.len());
        let Matrix { values, cols } = inputs[1];
        let n_rows = out.len() / cols;
        gradient(
            context.isa,
            out,
            &values[first..first + n_rows * cols],
            &context.labels[first / cols..][..n_rows],
            weights,
            self.label_smoothing,
            inputs[0].values[0],
        );
    }
}

/// Class weights as the kernels read them.
#[derive(Clone, Copy)]
struct Weights<'a, T> {
    /// One per class; empty means 1 for all.
    each: &'a [T],
    /// Their sum over the classes, where each is 1: K.
    sum: f64,
    /// 1/W; 0 for a batch whose rows all weigh nothing, which then has loss 0.
    inverse_total: f64,
}

impl<'a, T: Real> Weights<'a, T> {
    /// From the op's inputs after the outputs: labels (whose slice is empty) and perhaps weights and total.
    fn new(inputs: &[Matrix<'a, T>], n_rows: usize) -> Weights<'a, T> {
        match inputs {
            [_, each, total] => {
                let total = total.values[0].to_f64();
                let each = each.values;
                let inverse_total = if total == 0.0 { 0.0 } else { 1.0 / total };
                Weights {
                    each,
                    sum: each.iter().map(|w| w.to_f64()).sum(),
                    inverse_total,
                }
            }
            _ => Weights {
                each: &[],
                sum: 0.0,
                inverse_total: 1.0 / n_rows as f64,
            },
        }
    }

    #[inline(always)]
    fn of(&self, class: usize) -> T {
        if self.each.is_empty() {
            T::ONE
        } else {
            self.each[class]
        }
    }
}

/// Elements whose exponentials are computed in one loop.
const PIECE: usize = 256;

/// ln of the sum of e^z over a row that is longer than a piece.
#[inline(always)]
fn long_log_sum_exp<T: Real>(row: &[T]) -> T {
    let shift = largest(row);
    let mut sum = T::ZERO;
    let mut piece = [T::ZERO; PIECE];
    for z in row.chunks(PIECE) {
        let piece = &mut piece[..z.len()];
        for (e, &z) in piece.iter_mut().zip(z) {
            *e = (z - shift).exp();
        }
        sum += row_sum(piece);
    }
    shift + sum.ln()
}

/// ln of the sum of e^z of each row, for as many rows as fit into a piece.
#[inline(always)]
fn log_sum_exp<T: Real>(rows: &[T], cols: usize, result: &mut [T]) {
    if cols > PIECE {
        for (result, row) in result.iter_mut().zip(rows.chunks_exact(cols)) {
            *result = long_log_sum_exp(row);
        }
        return;
    }
    let mut piece = [T::ZERO; PIECE];
    let piece = &mut piece[..rows.len()];
    shifted_exponentials(piece, rows, cols);
    rows_of!(cols => for (result, row) in result.iter_mut().zip(piece.chunks_exact(cols)) {
        *result = row_sum(row);
    });
    for sum in result.iter_mut() {
        *sum = sum.ln();
    }
    rows_of!(cols => for (result, row) in result.iter_mut().zip(rows.chunks_exact(cols)) {
        *result += largest(row);
    });
}

kernel! {
    fn loss[T: Real](outputs: &[T], labels: &[u32], weights: Weights<'_, T>, smoothing: f64) -> T {
        let cols = outputs.len() / labels.len();
        let rows_per_piece = (PIECE / cols).clamp(1, 64);
        let (mut by_class, mut spread) = (0.0, 0.0);
        let mut normaliser = [T::ZERO; 64];
        for (rows, labels) in outputs.chunks(rows_per_piece * cols).zip(labels.chunks(rows_per_piece)) {
            let normaliser = &mut normaliser[..labels.len()];
            log_sum_exp(rows, cols, normaliser);
            for ((row, &label), &normaliser) in rows.chunks_exact(cols).zip(labels).zip(normaliser.iter()) {
                let class = label as usize;
                by_class += (weights.of(class) * (normaliser - row[class])).to_f64();
            }
            if smoothing > 0.0 {
                for (row, &normaliser) in rows.chunks_exact(cols).zip(normaliser.iter()) {
                    for (class, &z) in row.iter().enumerate() {
                        spread += (weights.of(class) * (normaliser - z)).to_f64();
                    }
                }
            }
        }
        T::from_f64(((1.0 - smoothing) * by_class + smoothing / cols as f64 * spread) * weights.inverse_total)
    }
}

kernel! {
    fn gradient[T: Real](out: &mut [T], outputs: &[T], labels: &[u32], weights: Weights<'_, T>, smoothing: f64, dloss: T) {
        let cols = outputs.len() / labels.len();
        let scale = dloss * T::from_f64(weights.inverse_total);
        let (main, spread) = (T::from_f64(1.0 - smoothing), T::from_f64(smoothing / cols as f64));
        let sum = if weights.each.is_empty() { cols as f64 } else { weights.sum };
        let shared = spread * T::from_f64(sum);
        shifted_exponentials(out, outputs, cols);
        rows_of!(cols => for (line, &label) in out.chunks_exact_mut(cols).zip(labels) {
            let own = main * weights.of(label as usize);
            let factor = (own + shared) * scale / row_sum(line);
            for d in line.iter_mut() {
                *d *= factor;
            }
        });
        if smoothing > 0.0 {
            for line in out.chunks_exact_mut(cols) {
                for (class, d) in line.iter_mut().enumerate() {
                    *d -= spread * weights.of(class) * scale;
                }
            }
        }
        for (line, &label) in out.chunks_exact_mut(cols).zip(labels) {
            let class = label as usize;
            line[class] -= main * weights.of(class) * scale;
        }
    }
}
