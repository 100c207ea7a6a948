//! Who changes which parameters: the thread that computed their gradients, because they lie in its cache.
//!
//! Norm and update go over the gradients with these shares. The norm's partial sums are of blocks that do not depend on them,
//! so it has the same bits whoever computes which.

use std::ops::Range;

use super::program::Program;
use crate::element::Real;
use crate::isa::Isa;
use crate::reduce::{self, BLOCK};
use crate::threads::{Shares, Threads};

/// Parameters that are worth another thread.
const WORTH: usize = 1 << 15;

/// The shares of each thread in the trained parameters.
pub(super) struct Ownership {
    parameters: Shares,
    /// Of the blocks whose first number is in a thread's share.
    blocks: Shares,
    /// Sums of the squares of each block.
    squares: Vec<f64>,
}

impl Ownership {
    /// Shares in the first `n_trained` numbers of a program's arena, where it puts the gradients.
    pub(super) fn new(program: &Program, n_trained: usize, n_threads: usize) -> Ownership {
        let n_threads = if n_trained < WORTH { 1 } else { n_threads };
        let n_blocks = n_trained.div_ceil(BLOCK);
        let parameters = shares(program, n_trained, n_threads);
        let block = |at: usize| at.div_ceil(BLOCK);
        let blocks = |range: &Range<usize>| block(range.start)..block(range.end);
        let own = |ranges: &Vec<Range<usize>>| ranges.iter().map(blocks).collect();
        Ownership {
            blocks: Shares::new(parameters.iter().map(own).collect(), n_blocks),
            parameters: Shares::new(parameters, n_trained),
            squares: vec![0.0; n_blocks],
        }
    }

    /// The shares in parameters, gradients and the optimizer's state.
    pub(super) fn parameters(&self) -> &Shares {
        &self.parameters
    }

    /// The Euclidean norm of all gradients.
    pub(super) fn norm<T: Real>(
        &mut self,
        isa: Isa,
        threads: &mut Threads,
        gradients: &[T],
    ) -> f64 {
        let (blocks, squares) = (&self.blocks, &mut self.squares);
        reduce::sum_of_squares_in_shares(isa, threads, blocks, gradients, squares).sqrt()
    }
}

/// What each thread computes of the gradients that instructions write, and an equal part of what lies between them:
/// gradients that are always zero.
fn shares(program: &Program, n_trained: usize, n_threads: usize) -> Vec<Vec<Range<usize>>> {
    let mut of_threads = vec![Vec::new(); n_threads];
    let mut divide = |whole: Range<usize>, part_len: usize| {
        let starts = whole.clone().step_by(part_len.max(1));
        for (thread, start) in starts.enumerate() {
            let end = (start + part_len).min(whole.end);
            of_threads[thread].push(start..end);
        }
    };
    let rows = program.capacity;
    let mut written: Vec<_> = program
        .instructions
        .iter()
        .filter(|own| own.out < n_trained)
        .collect();
    written.sort_by_key(|instruction| instruction.out);
    let mut next = 0;
    for instruction in written {
        let gap = next..instruction.out;
        divide(gap.clone(), gap.len().div_ceil(n_threads));
        next = instruction.out + instruction.shape.rows.count(rows) * instruction.shape.cols;
        divide(instruction.out..next, instruction.part_len(rows, n_threads));
    }
    divide(next..n_trained, (n_trained - next).div_ceil(n_threads));
    of_threads
}
