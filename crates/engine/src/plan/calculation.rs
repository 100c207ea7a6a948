//! Any graph, compiled and ready to run: a program with an arena and a crew of its own. The other plans are made of it.

use std::sync::Arc;

use super::compile::Results;
use super::compiled::Compiled;
use super::ownership::Ownership;
use super::packing::Packing;
use super::program::{Crew, Program};
use super::{PlanError, Targets};
use crate::aligned::Aligned;
use crate::graph::{Graph, NodeId};
use crate::isa::{Cpu, Isa};
use crate::op::StepKey;
use crate::threads::Threads;

/// The numbers a run starts from. Features, targets and parameters are row-major.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a, T> {
    /// `[rows x n_features]`.
    pub features: &'a [T],
    /// The targets of the rows, where the graph has any.
    pub targets: Targets<'a, T>,
    /// All parameters one after another, in the order of their positions.
    pub parameters: &'a [T],
    /// Rows of the batch, from 1 to the most that was compiled for.
    pub batch_rows: usize,
    /// Determines the random numbers.
    pub key: StepKey,
}

/// Numbers that the values of a calculation take beside what is handed in; nothing is allocated.
///
/// # Errors
/// As [`Calculation::compile`].
pub fn measure(graph: &Graph, keep: &[NodeId], batch_rows: usize) -> Result<usize, PlanError> {
    let results = Results {
        keep,
        ..Results::default()
    };
    Program::compile(graph, results, batch_rows).map(|program| program.arena_len)
}

/// The parameters that a calculation of these nodes, for batches of any size, can read in packed order; see
/// [`crate::gemm::packed`].
///
/// # Errors
/// As [`Calculation::compile`].
pub(crate) fn packings(graph: &Graph, keep: &[NodeId]) -> Result<Vec<Packing>, PlanError> {
    let results = Results {
        keep,
        ..Results::default()
    };
    Program::compile(graph, results, 1).map(|mut program| program.pack())
}

/// A compiled graph and the memory to run it.
pub struct Calculation<T> {
    program: Program,
    arena: Aligned<T>,
    crew: Crew<T>,
}

impl<T: Compiled> Calculation<T> {
    /// Compiles the part of a graph that the nodes of `keep` depend on, for batches of up to `batch_rows` rows.
    ///
    /// # Errors
    /// [`PlanError::EmptyBatch`] for no rows, [`PlanError::TooLarge`] when the values cannot be held in memory.
    pub fn compile(
        graph: &Graph,
        keep: &[NodeId],
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<Calculation<T>, PlanError> {
        Calculation::with_results(
            graph,
            Results {
                keep,
                ..Results::default()
            },
            batch_rows,
            cpu,
        )
    }

    pub(super) fn with_results(
        graph: &Graph,
        results: Results<'_>,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<Calculation<T>, PlanError> {
        let program = Program::compile(graph, results, batch_rows)?;
        let crew = Crew::new(&program, cpu);
        Ok(Calculation {
            arena: Aligned::zeros(program.arena_len),
            crew,
            program,
        })
    }

    /// From now on the parameters that [`packings`] answers are read in packed order. They are finite.
    pub(crate) fn pack(&mut self) {
        self.program.pack();
    }

    /// From now on `kept`, which [`Calculation::keep`] answered, is not computed again. Nothing is packed after that.
    pub(crate) fn reuse(&mut self, kept: Arc<Aligned<T>>) {
        self.program.keep::<T>(self.crew.isa());
        self.crew.keep(&self.program, kept);
    }

    /// Whether [`Calculation::reuse`] was given these.
    pub(crate) fn keeps(&self, kept: &Arc<Aligned<T>>) -> bool {
        Arc::ptr_eq(self.crew.kept(), kept)
    }

    /// What calculations of this graph, for batches of any size, need not compute again while the parameters are these.
    pub(crate) fn keep(&mut self, parameters: &[T]) -> Aligned<T> {
        let len = self.program.keep::<T>(self.crew.isa());
        T::kept(&self.program, &mut self.crew, parameters, len)
    }

    /// Computes everything. Allocates nothing and takes no lock.
    ///
    /// # Panics
    /// When a slice is too short for the batch, a label is no class, or the batch has no row or too many.
    pub fn run(&mut self, inputs: &Inputs<'_, T>) {
        T::run(&self.program, &mut self.arena, &mut self.crew, inputs);
    }

    /// The value of a kept node after a run with `batch_rows` rows, row-major; empty for a node that was not kept.
    pub fn value(&self, node: NodeId, batch_rows: usize) -> &[T] {
        self.program.value(&self.arena, node, batch_rows)
    }

    /// Most rows a batch may have.
    pub fn batch_rows(&self) -> usize {
        self.program.capacity
    }

    /// Multiplications of the matrix products and convolutions of a whole batch.
    pub(crate) fn n_multiplications(&self) -> u128 {
        self.program.n_multiplications()
    }

    /// Number of instructions, after merging.
    pub fn n_instructions(&self) -> usize {
        self.program.instructions.len()
    }

    /// The beginning of the arena, where pinned values lie.
    pub(super) fn pinned(&self, len: usize) -> &[T] {
        &self.arena[..len]
    }

    /// The threads, for work between two runs.
    pub(super) fn threads(&mut self) -> &mut Threads {
        self.crew.threads()
    }

    /// The same beginning, and the threads that may work on it between two runs.
    pub(super) fn pinned_and_threads(&mut self, len: usize) -> (&[T], &mut Threads, Isa) {
        let isa = self.crew.isa();
        (&self.arena[..len], self.crew.threads(), isa)
    }

    /// Who changes which of the first `n` parameters.
    pub(super) fn ownership(&self, n: usize) -> Ownership {
        Ownership::new(&self.program, n, self.crew.n_threads())
    }

    pub(super) fn isa(&self) -> Isa {
        self.crew.isa()
    }
}
