//! A compiled graph: instructions in order, each with the places of what it reads and writes.

use super::arena::Arena;
use super::calculation::Inputs;
use crate::element::Real;
use crate::gemm::{Panels, Product};
use crate::graph::{NodeId, Rows, Shape};
use crate::isa::{Cpu, Isa};
use crate::op::{Context, Matrix, Op};
use crate::threads::Threads;

/// Most inputs of an op.
pub(super) const MAX_INPUTS: usize = 5;

/// Where a value lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The caller's features.
    Features,
    /// The caller's target values.
    Targets,
    /// The caller's labels, which the context carries.
    Labels,
    /// Nowhere: no result depends on it, or it exists only for a moment inside an instruction.
    Nowhere,
    /// The caller's parameters, from this element on.
    Parameter(usize),
    /// The program's constants, from this element on.
    Constant(usize),
    /// The arena, from this element on.
    Value(usize),
}

/// A value as an instruction reads or writes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand {
    pub(super) place: Place,
    pub(super) shape: Shape,
}

/// What an instruction does first.
#[derive(Clone, Debug)]
pub(super) enum Root {
    /// Copies its only input; the stages then change the copy.
    Copy,
    /// Runs an op that is not element-wise.
    Op(Op),
}

/// An element-wise op that is appended to an instruction, and its inputs but the first.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) op: Op,
    pub(super) inputs: Vec<Operand>,
}

/// One op, and the element-wise ops that change its output while it is still in the cache.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    pub(super) root: Root,
    pub(super) inputs: Vec<Operand>,
    pub(super) stages: Vec<Stage>,
    /// Start in the arena.
    pub(super) out: usize,
    pub(super) shape: Shape,
}

/// A compiled graph. It never changes; every thread that runs it has an arena and a crew of its own.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) instructions: Vec<Instruction>,
    /// Where each node of the graph lies.
    pub(super) places: Vec<Operand>,
    pub(super) constants: Vec<f64>,
    /// Numbers the arena must hold.
    pub(super) arena_len: usize,
    /// Most rows a batch may have.
    pub(super) capacity: usize,
}

/// What runs a program: threads, packing buffers for each, and the constants in the element type.
pub(super) struct Crew<T> {
    isa: Isa,
    threads: Threads,
    panels: Vec<Panels<T>>,
    constants: Vec<T>,
}

impl<T: Real> Crew<T> {
    /// Threads and buffers for a program.
    pub(super) fn new(program: &Program, cpu: Cpu) -> Crew<T> {
        let products: Vec<Product> = program.products().collect();
        // Threads that no product would use are not started.
        let useful = products
            .iter()
            .any(|product| product.rows_per_thread(2) < product.m);
        let threads = Threads::new(if useful { cpu.threads } else { 1 });
        let panels = Panels::new(cpu.isa, products);
        Crew {
            isa: cpu.isa,
            panels: vec![panels; threads.count()],
            threads,
            constants: program
                .constants
                .iter()
                .map(|&number| T::from_f64(number))
                .collect(),
        }
    }

    /// The instructions this crew uses.
    pub(super) fn isa(&self) -> Isa {
        self.isa
    }
}

/// The arena but for the part that an instruction writes.
#[derive(Clone, Copy)]
struct Surroundings<'a, T> {
    before: &'a [T],
    after: &'a [T],
    after_start: usize,
    inputs: &'a Inputs<'a, T>,
    targets: &'a [T],
    constants: &'a [T],
}

impl<'a, T: Real> Surroundings<'a, T> {
    /// The matrix at an operand's place. Panics when it overlaps the output, which the compiler rules out.
    #[inline]
    fn matrix(&self, operand: &Operand) -> Matrix<'a, T> {
        let cols = operand.shape.cols;
        let len = operand.shape.rows.count(self.inputs.batch_rows) * cols;
        let values = match operand.place {
            Place::Value(start) if start < self.before.len() => &self.before[start..start + len],
            Place::Value(start) => &self.after[start - self.after_start..][..len],
            Place::Parameter(start) => &self.inputs.parameters[start..start + len],
            Place::Features => &self.inputs.features[..len],
            Place::Targets => &self.targets[..len],
            Place::Constant(start) => &self.constants[start..start + len],
            Place::Labels | Place::Nowhere => &[],
        };
        Matrix { values, cols }
    }

    /// All inputs of an op.
    #[inline]
    fn matrices(&self, operands: &[Operand]) -> [Matrix<'a, T>; MAX_INPUTS] {
        let mut matrices = [Matrix {
            values: &[][..],
            cols: 1,
        }; MAX_INPUTS];
        for (matrix, operand) in matrices.iter_mut().zip(operands) {
            *matrix = self.matrix(operand);
        }
        matrices
    }

    /// Applies the stages to the rows of an output that start at element `first`.
    #[inline]
    fn finish(&self, stages: &[Stage], block: &mut [T], first: usize, context: Context<'_>) {
        for stage in stages {
            let mut inputs = self.matrices(&stage.inputs);
            for (matrix, operand) in inputs.iter_mut().zip(&stage.inputs) {
                if operand.shape.rows == Rows::Batch {
                    matrix.values = &matrix.values[first..first + block.len()];
                }
            }
            stage
                .op
                .run(block, &inputs[..stage.inputs.len()], first, context);
        }
    }
}

impl Program {
    /// The matrix products of a full batch.
    pub(super) fn products(&self) -> impl Iterator<Item = Product> + '_ {
        self.instructions
            .iter()
            .filter_map(|instruction| match &instruction.root {
                Root::Op(Op::MatMul(matmul)) => {
                    let [a, b] = [0, 1].map(|idx| instruction.inputs[idx].shape);
                    let rows = |shape: Shape| shape.rows.count(self.capacity);
                    Some(matmul.product((rows(a), a.cols), (rows(b), b.cols)))
                }
                _ => None,
            })
    }

    /// The value of a node after a run with `batch_rows` rows; empty when the node was not kept.
    pub(super) fn value<'a, T: Real>(
        &self,
        arena: &'a Arena<T>,
        node: NodeId,
        batch_rows: usize,
    ) -> &'a [T] {
        match self.places.get(node.index()) {
            Some(&Operand {
                place: Place::Value(start),
                shape,
            }) => &arena.values()[start..start + shape.rows.count(batch_rows) * shape.cols],
            _ => &[],
        }
    }

    /// Runs every instruction.
    pub(super) fn run<T: Real>(
        &self,
        arena: &mut Arena<T>,
        crew: &mut Crew<T>,
        inputs: &Inputs<'_, T>,
    ) {
        assert!(
            (1..=self.capacity).contains(&inputs.batch_rows),
            "a batch of {} rows for a plan that holds 1 to {}",
            inputs.batch_rows,
            self.capacity
        );
        let (labels, targets) = inputs.targets.split();
        let Crew {
            isa,
            threads,
            panels,
            constants,
        } = crew;
        let context = Context {
            isa: *isa,
            labels,
            key: inputs.key,
        };
        let values = arena.values_mut();
        for instruction in &self.instructions {
            let len = instruction.shape.rows.count(inputs.batch_rows) * instruction.shape.cols;
            let (before, rest) = values.split_at_mut(instruction.out);
            let (out, after) = rest.split_at_mut(len);
            let after_start = instruction.out + len;
            let around = Surroundings {
                before,
                after,
                after_start,
                inputs,
                targets,
                constants,
            };
            let matrices = around.matrices(&instruction.inputs);
            let stages = &instruction.stages;
            match &instruction.root {
                Root::Copy => {
                    out.copy_from_slice(matrices[0].values);
                    around.finish(stages, out, 0, context);
                }
                // The one op that is worth more than one thread; its stages run on each thread's rows.
                Root::Op(Op::MatMul(matmul)) => {
                    let size = |matrix: &Matrix<'_, T>| (matrix.rows(), matrix.cols);
                    let product = matmul.product(size(&matrices[0]), size(&matrices[1]));
                    let (a, b) = (matrices[0].values, matrices[1].values);
                    let rows_per_part = product.rows_per_thread(threads.count());
                    threads.for_each_part(
                        out,
                        rows_per_part * product.n,
                        panels,
                        |part, rows, panels| {
                            let first_row = part * rows_per_part;
                            product.run_rows(context.isa, a, b, rows, first_row, panels);
                            around.finish(stages, rows, first_row * product.n, context);
                        },
                    );
                }
                Root::Op(op) => {
                    op.run(out, &matrices[..instruction.inputs.len()], 0, context);
                    around.finish(stages, out, 0, context);
                }
            }
        }
    }
}
