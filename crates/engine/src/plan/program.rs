//! A compiled graph: instructions in order, each with the places of what it reads and writes.

use std::sync::Arc;

use super::calculation::Inputs;
use super::halves::Halves;
use super::preparation;
use crate::aligned::Aligned;
use crate::element::Real;
use crate::graph::{NodeId, Rows, Shape};
use crate::isa::{Cpu, Isa};
use crate::op::{Context, MAX_INPUTS, Matrix, Op, Scratch, Split};
use crate::threads::Threads;

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
    /// The shapes of the inputs, as an op asks for them.
    pub(super) input_shapes: Vec<Shape>,
    pub(super) stages: Vec<Stage>,
    /// The second input is a weight that was packed, see [`Program::pack`].
    pub(super) packed: bool,
    /// Where its pieces begin among those that are kept, see [`Program::keep`].
    pub(super) kept: Option<usize>,
    /// Numbers of the output that are computed before the next ones are, stages included.
    pub(super) block_len: usize,
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

/// Multiplications, or numbers read and written, from which on an instruction is worth a second thread: waking it takes
/// longer than less.
const WORTH_MULTIPLICATIONS: u128 = 1 << 18;
const WORTH_NUMBERS: usize = 1 << 15;
/// Numbers of a single row that are not divided further: a vector.
const PART_OF_A_ROW: usize = 16;
/// Numbers that the element-wise stages of an instruction change before they go on to the next, so that they stay in
/// the cache from one stage to the other.
const STAGE_BLOCK: usize = 1 << 14;
/// Numbers of samples that an op computes before its stages follow: a convolution is fastest when it has many pixels.
const SAMPLES_BLOCK: usize = 1 << 16;

impl Instruction {
    /// The op, unless the instruction only copies.
    pub(super) fn op(&self) -> Option<&Op> {
        match &self.root {
            Root::Copy => None,
            Root::Op(op) => Some(op),
        }
    }

    /// Multiplications for a batch of `batch_rows`.
    pub(super) fn n_multiplications(&self, batch_rows: usize) -> u128 {
        let op = self.op();
        op.map_or(0, |op| op.n_multiplications(&self.input_shapes, batch_rows))
    }

    /// Numbers that one piece of the output has, which is not divided further: a row, or a sample.
    fn piece_len(&self, batch_rows: usize) -> usize {
        let split = self.op().map_or(Split::Samples, Op::split);
        let Shape { rows, cols } = self.shape;
        match (split, rows) {
            (Split::RowsOrPartOfOne, _) if self.is_one_row(batch_rows) => PART_OF_A_ROW,
            (Split::Rows | Split::RowsOrPartOfOne, _) => cols,
            (Split::Samples, Rows::PerSample(n_rows)) => n_rows * cols,
            _ => rows.count(batch_rows) * cols,
        }
    }

    /// Whether the output is a single row, with which all that the stages read goes element by element.
    fn is_one_row(&self, batch_rows: usize) -> bool {
        let size = |shape: &Shape| (shape.rows.count(batch_rows), shape.cols);
        let same = |operand: &Operand| size(&operand.shape) == size(&self.shape);
        self.shape.rows.count(batch_rows) == 1
            && self.stages.iter().flat_map(|stage| &stage.inputs).all(same)
    }

    /// Numbers of the output that each of `n_threads` computes.
    pub(super) fn part_len(&self, batch_rows: usize, n_threads: usize) -> usize {
        let len = self.len(batch_rows);
        if n_threads <= 1 {
            return len.max(1);
        }
        let piece_len = self.piece_len(batch_rows).max(1);
        let n_pieces = len / piece_len;
        if n_pieces <= 1 || !self.is_worth_a_thread(len, batch_rows) {
            return len.max(1);
        }
        let n_own = n_pieces.div_ceil(n_threads);
        let by_rows = self.op().is_some_and(|op| op.split().by_rows());
        // Products are fastest when a part begins at a multiple of four rows.
        piece_len
            * if by_rows {
                n_own.next_multiple_of(4)
            } else {
                n_own
            }
    }

    /// Numbers of the output of an op that computes sample by sample, which its stages follow while they are in the cache: some samples,
    /// unless the op must do more than a little for each call.
    pub(super) fn samples_block(&self) -> usize {
        let by_samples = self.op().is_some_and(|op| op.split() == Split::Samples);
        let (true, Rows::PerSample(n_rows)) =
            (by_samples && !self.stages.is_empty(), self.shape.rows)
        else {
            return usize::MAX;
        };
        let sample_len = (n_rows * self.shape.cols).max(1);
        let block_len = (SAMPLES_BLOCK / sample_len).max(1) * sample_len;
        let weights = |shape: &Shape| match shape.rows {
            Rows::Fixed(n_rows) => n_rows * shape.cols,
            Rows::PerSample(_) => 0,
        };
        let n_weights: usize = self.input_shapes.iter().map(weights).sum();
        if n_weights <= block_len / 2 {
            block_len
        } else {
            usize::MAX
        }
    }

    /// How two threads divide its weight, if they do.
    fn halves(&self, batch_rows: usize, isa: Isa, n_threads: usize) -> Option<Halves> {
        let worth = n_threads == 2 && self.n_multiplications(batch_rows) >= WORTH_MULTIPLICATIONS;
        worth.then(|| Halves::of(self, batch_rows, isa)).flatten()
    }

    /// Numbers of the output.
    fn len(&self, batch_rows: usize) -> usize {
        self.shape.rows.count(batch_rows) * self.shape.cols
    }

    fn is_worth_a_thread(&self, len: usize, batch_rows: usize) -> bool {
        let numbers = |shape: &Shape| shape.rows.count(batch_rows) * shape.cols;
        self.n_multiplications(batch_rows) >= WORTH_MULTIPLICATIONS
            || len + self.input_shapes.iter().map(numbers).sum::<usize>() >= WORTH_NUMBERS
    }
}

impl Program {
    /// Threads that it has a use for: one where no instruction would be divided.
    fn n_threads(&self, cpu: Cpu) -> usize {
        let rows = self.capacity;
        let divides = |instruction: &Instruction| {
            instruction.part_len(rows, 2) < instruction.len(rows)
                || instruction.halves(rows, cpu.isa, cpu.threads).is_some()
        };
        if self.instructions.iter().any(divides) {
            cpu.threads
        } else {
            1
        }
    }

    /// What a thread needs to run any instruction, asked for and not taken.
    fn scratch<T: Real>(&self, isa: Isa) -> Scratch<T> {
        let mut scratch = Scratch::default();
        for instruction in &self.instructions {
            if let Some(op) = instruction.op() {
                op.reserve(&mut scratch, isa, &instruction.input_shapes, self.capacity);
            }
        }
        scratch
    }

    /// Numbers that an instruction computes before its output, at most.
    fn room<T: Real>(&self, isa: Isa, n_threads: usize) -> usize {
        let room = |instruction: &Instruction| {
            let halves = match n_threads {
                2 => Halves::room(instruction, self.capacity, isa),
                _ => 0,
            };
            let pieces = match instruction.kept {
                Some(_) => 0,
                None => preparation::room::<T>(instruction, isa),
            };
            halves.max(pieces)
        };
        self.instructions.iter().map(room).max().unwrap_or(0)
    }

    /// Bytes of all of these, that a [`Crew`] takes.
    pub(super) fn working_bytes<T: Real>(&self, cpu: Cpu) -> Option<u64> {
        let n_threads = self.n_threads(cpu);
        let scratch = self.scratch::<T>(cpu.isa).bytes();
        let room = self.room::<T>(cpu.isa, n_threads) as u64 * size_of::<T>() as u64;
        scratch.checked_mul(n_threads as u64)?.checked_add(room)
    }
}

/// What runs a program: threads, memory for each, and the constants in the element type.
pub(super) struct Crew<T> {
    isa: Isa,
    threads: Threads,
    scratch: Vec<Scratch<T>>,
    /// Room for what an instruction computes before its output: pieces, or halves.
    room: Aligned<T>,
    /// Pieces that are the same in each run.
    kept: Arc<Aligned<T>>,
    constants: Vec<T>,
}

impl<T: Real> Crew<T> {
    /// Threads and memory for a program.
    pub(super) fn new(program: &Program, cpu: Cpu) -> Crew<T> {
        let threads = Threads::new(program.n_threads(cpu));
        let scratch = program.scratch(cpu.isa).allocated();
        let mut crew = Crew {
            room: Aligned::default(),
            kept: Arc::default(),
            isa: cpu.isa,
            scratch: vec![scratch; threads.count()],
            threads,
            constants: program
                .constants
                .iter()
                .map(|&number| T::from_f64(number))
                .collect(),
        };
        crew.make_room(program);
        crew
    }

    /// Room for what any instruction computes before its output.
    fn make_room(&mut self, program: &Program) {
        self.room = Aligned::zeros(program.room::<T>(self.isa, self.threads.count()));
    }

    /// Pieces that need not be computed in each run; the program has them kept.
    pub(super) fn keep(&mut self, program: &Program, kept: Arc<Aligned<T>>) {
        self.kept = kept;
        self.make_room(program);
    }

    /// What is kept.
    pub(super) fn kept(&self) -> &Arc<Aligned<T>> {
        &self.kept
    }

    /// Memory of the first thread.
    pub(super) fn scratch(&mut self) -> &mut Scratch<T> {
        &mut self.scratch[0]
    }

    /// Number of threads.
    pub(super) fn n_threads(&self) -> usize {
        self.threads.count()
    }

    /// The threads, for work between two runs.
    pub(super) fn threads(&mut self) -> &mut Threads {
        &mut self.threads
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
    #[inline(always)]
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
    #[inline(never)]
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

    /// The inputs of an op, cut to the samples from `first_sample` on where they have rows per sample.
    #[inline]
    fn of_samples(
        &self,
        matrices: &mut [Matrix<'a, T>],
        operands: &[Operand],
        first_sample: usize,
        n_samples: usize,
    ) {
        for (matrix, operand) in matrices.iter_mut().zip(operands) {
            if let Rows::PerSample(n_rows) = operand.shape.rows
                && !matrix.values.is_empty()
            {
                let sample_len = n_rows * matrix.cols;
                matrix.values =
                    &matrix.values[first_sample * sample_len..][..n_samples * sample_len];
            }
        }
    }

    /// The pieces of an instruction: what is kept, or computed into the room by as many threads as there are parts of the output.
    #[inline(never)]
    fn prepared<'r>(
        &self,
        instruction: &Instruction,
        part_len: usize,
        (room, kept): (&'r mut [T], &'r [T]),
        threads: &mut Threads,
        scratch: &mut [Scratch<T>],
        context: Context<'_>,
    ) -> &'r [T] {
        if let Some(start) = instruction.kept {
            return &kept[start..start + preparation::room::<T>(instruction, context.isa)];
        }
        let inputs = &self.matrices(&instruction.inputs)[..instruction.inputs.len()];
        let n_parts = self.len(instruction).div_ceil(part_len);
        let threads = (threads, n_parts);
        preparation::prepare(instruction, inputs, room, threads, scratch, context)
    }

    /// Computes the part of an instruction's output that begins at element `first`.
    #[inline]
    fn compute(
        &self,
        instruction: &Instruction,
        (part, first): (&mut [T], usize),
        prepared: &'a [T],
        context: Context<'_>,
        scratch: &mut Scratch<T>,
    ) {
        let mut matrices = self.matrices(&instruction.inputs);
        let mut n = instruction.inputs.len();
        if !prepared.is_empty() {
            matrices[n].values = prepared;
            n += 1;
        }
        let matrices = &mut matrices[..n];
        match &instruction.root {
            Root::Copy => part.copy_from_slice(&matrices[0].values[first..first + part.len()]),
            Root::Op(op) => {
                let mut context = context;
                context.packed = instruction.packed;
                if op.split() == Split::Samples && part.len() < self.len(instruction) {
                    let sample_len = instruction.piece_len(self.inputs.batch_rows);
                    let (first, n) = (first / sample_len, part.len() / sample_len);
                    self.of_samples(matrices, &instruction.inputs, first, n);
                    context.labels = context.labels.get(first..first + n).unwrap_or(&[]);
                }
                op.run_in(part, matrices, first, context, scratch);
            }
        }
        self.stages(instruction, part, first, context);
    }

    /// Applies the stages to the part of an instruction's output that begins at element `first`.
    #[inline]
    fn stages(
        &self,
        instruction: &Instruction,
        part: &mut [T],
        first: usize,
        context: Context<'_>,
    ) {
        if instruction.stages.is_empty() {
            return;
        }
        if part.len() <= STAGE_BLOCK {
            return self.finish(instruction, part, first, context);
        }
        let piece_len = instruction.piece_len(self.inputs.batch_rows).max(1);
        let block_len = (STAGE_BLOCK / piece_len).max(1) * piece_len;
        for (block_idx, block) in part.chunks_mut(block_len).enumerate() {
            self.finish(instruction, block, first + block_idx * block_len, context);
        }
    }

    /// Applies them to a block of the output that begins at element `first`.
    #[inline]
    fn finish(
        &self,
        instruction: &Instruction,
        block: &mut [T],
        first: usize,
        context: Context<'_>,
    ) {
        let len = self.len(instruction);
        for stage in &instruction.stages {
            let mut inputs = self.matrices(&stage.inputs);
            for matrix in inputs[..stage.inputs.len()].iter_mut() {
                // What is as long as the output goes with it element by element; anything else is a row.
                if matrix.values.len() == len {
                    matrix.values = &matrix.values[first..first + block.len()];
                }
            }
            stage
                .op
                .run(block, &inputs[..stage.inputs.len()], first, context);
        }
    }

    /// Numbers of an instruction's output.
    #[inline]
    fn len(&self, instruction: &Instruction) -> usize {
        instruction.shape.rows.count(self.inputs.batch_rows) * instruction.shape.cols
    }
}

impl Program {
    /// Multiplications of matrix products and convolutions of a full batch.
    pub(super) fn n_multiplications(&self) -> u128 {
        let own = |instruction: &Instruction| instruction.n_multiplications(self.capacity);
        self.instructions.iter().map(own).sum()
    }

    /// The value of a node after a run with `batch_rows` rows; empty when the node was not kept.
    pub(super) fn value<'a, T: Real>(
        &self,
        arena: &'a [T],
        node: NodeId,
        batch_rows: usize,
    ) -> &'a [T] {
        match self.places.get(node.index()) {
            Some(&Operand {
                place: Place::Value(start),
                shape,
            }) => &arena[start..start + shape.rows.count(batch_rows) * shape.cols],
            _ => &[],
        }
    }

    /// Runs every instruction.
    pub(super) fn run<T: Real>(&self, arena: &mut [T], crew: &mut Crew<T>, inputs: &Inputs<'_, T>) {
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
            scratch,
            room,
            kept,
            constants,
        } = crew;
        let context = Context {
            isa: *isa,
            labels,
            key: inputs.key,
            packed: false,
        };
        let prepares = !room.is_empty() || !kept.is_empty();
        for instruction in &self.instructions {
            let len = instruction.len(inputs.batch_rows);
            let (before, rest) = arena.split_at_mut(instruction.out);
            let (out, after) = rest.split_at_mut(len);
            let around = Surroundings {
                before,
                after,
                after_start: instruction.out + len,
                inputs,
                targets,
                constants,
            };
            let part_len = instruction.part_len(inputs.batch_rows, threads.count());
            if let Some(halves) = instruction.halves(inputs.batch_rows, *isa, threads.count()) {
                let [a, b] = [0, 1].map(|idx| around.matrix(&instruction.inputs[idx]).values);
                let room = halves.own(room, len);
                halves.compute(*isa, threads, scratch, (a, b), out, room);
                threads.for_each_part(out, part_len, scratch, |part, rows, _| {
                    halves.join(rows, room, part * part_len, context);
                    around.stages(instruction, rows, part * part_len, context);
                });
                continue;
            }
            let prepared = if prepares {
                around.prepared(
                    instruction,
                    part_len,
                    (room, kept),
                    threads,
                    scratch,
                    context,
                )
            } else {
                &[]
            };
            let block_len = instruction.block_len;
            threads.for_each_part(out, part_len, scratch, |part, rows, scratch| {
                for (idx, rows) in rows.chunks_mut(block_len).enumerate() {
                    let first = part * part_len + idx * block_len;
                    around.compute(instruction, (rows, first), prepared, context, scratch);
                }
            });
        }
    }
}
