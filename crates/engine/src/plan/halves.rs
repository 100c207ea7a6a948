//! Products with a weight that two threads divide as they divide its update, so that each reads only the half of the weight that it
//! changes itself. What they exchange instead is half of the output: when a batch is small, that is much less.
//!
//! A thread changes some rows of a weight W `[k x n]`. Forward, C = A W, it computes the products of these rows: the first thread the sum
//! of half of the blocks in which every plan sums them, the second each of the other blocks by itself; then they are added in
//! their order. Backward, dA = dC W^T, its rows give it columns of dA.
//! In bf16, where sums of pairs have other blocks, it computes columns of C too: so each rounds half of the weight. And so it does with the packed weights
//! of a prediction, which nothing changes: the cache of a core may have room for half of a model where it has none for the whole.
//! So no bit differs from that of a plan with any other number of threads.

use super::program::{Instruction, Place};
use crate::element::Real;
use crate::gemm::Product;
use crate::isa::Isa;
use crate::op::{Add, Context, Matrix, Op, Scratch};
use crate::precision::Precision;
use crate::threads::Threads;

/// The numbers of a weight must be so many times as many as those of the output.
const WORTH: usize = 2;
/// The same for one that is packed, so that rows of the output cost less.
const WORTH_PACKED: usize = 8;
/// Fewest columns of a packed weight that are divided.
const LEAST_COLUMNS: usize = 64;

/// The second thread keeps no more blocks apart.
const MOST_APART: usize = 4;

/// A product whose weight is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Halves {
    product: Product,
    /// The weight is packed.
    packed: bool,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// Each thread computes so many blocks of every element.
    Blocks(usize),
    /// Each thread computes so many columns, the second what is left.
    Columns(usize),
}

impl By {
    /// Matrices as large as the output that stand in the room.
    fn n_parts(self) -> usize {
        match self {
            By::Blocks(n_own) => n_own,
            By::Columns(_) => 1,
        }
    }
}

impl Halves {
    /// Of an instruction for a batch of `batch_rows`, if that is faster than to divide the rows of its output.
    pub(super) fn of(instruction: &Instruction, batch_rows: usize, isa: Isa) -> Option<Halves> {
        Halves::possible(instruction, batch_rows, isa)
            .filter(|halves| (2..=halves.most_rows()).contains(&halves.product.m))
    }

    /// The same, worth it or not.
    fn possible(instruction: &Instruction, batch_rows: usize, isa: Isa) -> Option<Halves> {
        let op = match instruction.op() {
            Some(Op::MatMul(op)) if !op.transpose_a => op,
            _ => return None,
        };
        let product = op.product_of(&instruction.input_shapes, batch_rows);
        let n_first = product.n.div_ceil(2).next_multiple_of(4);
        let packed = instruction.packed;
        // In bf16 each thread rounds half of the weight, and sums of pairs have other blocks than those that are counted below.
        let by = if packed || op.transpose_b || isa.precision() == Precision::Bf16 {
            let divides = n_first < product.n && (!packed || product.n >= LEAST_COLUMNS);
            divides.then_some(By::Columns(n_first))
        } else {
            let n_blocks = product.n_blocks();
            let even = n_blocks > 0 && n_blocks.is_multiple_of(2);
            (even && n_blocks <= 2 * MOST_APART).then_some(By::Blocks(n_blocks / 2))
        };
        let is_weight = matches!(instruction.inputs[1].place, Place::Parameter(_));
        by.filter(|_| is_weight).map(|by| Halves {
            product,
            packed,
            by,
        })
    }

    /// Of how many rows an output may be.
    fn most_rows(&self) -> usize {
        self.product.k / if self.packed { WORTH_PACKED } else { WORTH }
    }

    /// The most numbers that [`Halves::compute`] needs room for, in batches of up to `capacity` rows.
    pub(super) fn room(instruction: &Instruction, capacity: usize, isa: Isa) -> usize {
        let needed = |halves: Halves| {
            let Product { m, n, .. } = halves.product;
            let rows = m.min(halves.most_rows());
            if rows > 1 {
                halves.by.n_parts() * rows * n
            } else {
                0
            }
        };
        Halves::possible(instruction, capacity, isa).map_or(0, needed)
    }

    /// Of the room, as many numbers as are needed for an output of `len`.
    pub(super) fn own<'a, T>(&self, room: &'a mut [T], len: usize) -> &'a mut [T] {
        &mut room[..self.by.n_parts() * len]
    }

    /// Computes the halves: into `out` and `room`, or both into `room`.
    pub(super) fn compute<T: Real>(
        &self,
        isa: Isa,
        threads: &mut Threads,
        scratch: &mut [Scratch<T>],
        (a, b): (&[T], &[T]),
        out: &mut [T],
        room: &mut [T],
    ) {
        let product = self.product;
        match self.by {
            By::Blocks(n_own) => {
                let len = out.len();
                threads.for_each_part(&mut [out, room], 1, scratch, |half, c, scratch| {
                    let n_blocks = if half == 0 { n_own } else { 1 };
                    for (part, c) in c[0].chunks_mut(len).enumerate() {
                        let first = half * n_own + part;
                        let blocks = first..first + n_blocks;
                        product.run_blocks(isa, (a, b), c, blocks, &mut scratch.panels);
                    }
                });
            }
            By::Columns(n_first) => {
                let part_len = product.m * n_first;
                threads.for_each_part(room, part_len, scratch, |half, c, scratch| {
                    let first = half * n_first;
                    let columns = first..first + c.len() / product.m;
                    let panels = &mut scratch.panels;
                    if self.packed {
                        product.run_packed_columns(isa, (a, b), c, columns, panels);
                    } else {
                        product.run_columns(isa, (a, b), c, columns, panels);
                    }
                });
            }
        }
    }

    /// Makes rows of the output, from element `first` on, of the halves.
    pub(super) fn join<T: Real>(
        &self,
        rows: &mut [T],
        room: &[T],
        first: usize,
        context: Context<'_>,
    ) {
        let n = self.product.n;
        match self.by {
            By::Blocks(n_own) => {
                for block in room.chunks_exact(room.len() / n_own) {
                    let values = &block[first..first + rows.len()];
                    Op::Add(Add).run(rows, &[Matrix { values, cols: n }], first, context);
                }
            }
            By::Columns(n_first) => {
                let (left, right) = room.split_at(self.product.m * n_first);
                let lines = left
                    .chunks_exact(n_first)
                    .zip(right.chunks_exact(n - n_first));
                for (row, (left, right)) in rows.chunks_exact_mut(n).zip(lines.skip(first / n)) {
                    row[..n_first].copy_from_slice(left);
                    row[n_first..].copy_from_slice(right);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::isa::Cpu;
    use crate::op::{MatMul, StepKey};
    use crate::plan::compile::Results;
    use crate::plan::program::Program;
    use crate::plan::{Calculation, Inputs, Targets};

    /// Two halves of different sizes, of odd numbers, in batches of both ends of what a plan holds.
    #[test]
    fn a_divided_weight_changes_no_bit() {
        let (n, most_rows) = (303, 33);
        for (k, transpose_b, precision) in [
            (515, false, Precision::F32),
            (515, false, Precision::Bf16),
            (515, true, Precision::F32),
            (515, true, Precision::Bf16),
            (1603, false, Precision::F32),
        ] {
            let mut graph = Graph::new();
            let features = graph.features(k);
            let (rows, cols) = if transpose_b { (n, k) } else { (k, n) };
            let weight = graph.parameter(0, rows, cols);
            let op = MatMul {
                transpose_a: false,
                transpose_b,
            };
            let product = graph.apply(op, &[features, weight]).expect("it fits");
            let results = Results {
                keep: &[product],
                ..Results::default()
            };
            let program = Program::compile(&graph, results, most_rows).expect("it fits");
            let numbers = |n: usize| (0..n).map(|x| (x as f32).sin()).collect::<Vec<_>>();
            let parameters = numbers(k * n);
            for (batch_rows, isa) in Isa::all().flat_map(|isa| [(2, isa), (33, isa)]) {
                let isa = isa.with_precision(precision);
                assert!(Halves::of(&program.instructions[0], batch_rows, isa).is_some());
                let product = |threads: usize| {
                    let cpu = Cpu { isa, threads };
                    let mut plan = Calculation::<f32>::compile(&graph, &[product], most_rows, cpu)
                        .expect("it fits");
                    plan.run(&Inputs {
                        features: &numbers(batch_rows * k),
                        targets: Targets::Values(&[]),
                        parameters: &parameters,
                        batch_rows,
                        key: StepKey::default(),
                    });
                    plan.value(product, batch_rows).to_vec()
                };
                let alone = product(1);
                assert_eq!(product(2), alone);
                assert_eq!(product(3), alone);
            }
        }
    }
}
