//! What an op computes before it runs, once for all threads: pieces that every part of its output is made of.

use super::program::Instruction;
use crate::element::Real;
use crate::isa::Isa;
use crate::op::{Context, Matrix, Scratch};
use crate::threads::Threads;

/// Numbers that an instruction's pieces take.
pub(super) fn room<T: Real>(instruction: &Instruction, isa: Isa) -> usize {
    let pieces = instruction.op().map(|op| op.pieces::<T>(isa));
    pieces.map_or(0, |pieces| pieces.n * pieces.len)
}

/// Computes them in the room, each of so many threads its share, and answers them; `inputs` are whole.
pub(super) fn prepare<'a, T: Real>(
    instruction: &Instruction,
    inputs: &[Matrix<'_, T>],
    room: &'a mut [T],
    (threads, n_threads): (&mut Threads, usize),
    scratch: &mut [Scratch<T>],
    context: Context<'_>,
) -> &'a [T] {
    let Some(op) = instruction.op() else {
        return &[];
    };
    let pieces = op.pieces::<T>(context.isa);
    if pieces.n == 0 {
        return &[];
    }
    let prepared = &mut room[..pieces.n * pieces.len];
    let part_len = pieces.n.div_ceil(n_threads) * pieces.len;
    threads.for_each_part(prepared, part_len, scratch, |part, own, scratch| {
        op.prepare(own, inputs, part * part_len / pieces.len, context, scratch);
    });
    prepared
}
