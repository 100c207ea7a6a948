//! What an op computes before it runs, once for all threads: pieces that every part of its output is made of. Where they are made of
//! weights that never change again, they can be kept.

use super::program::{Crew, Instruction, Place, Program};
use crate::aligned::Aligned;
use crate::element::Real;
use crate::isa::Isa;
use crate::op::{Context, Matrix, Op, Scratch, StepKey};
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

impl Program {
    /// Lets convolutions keep the pieces of their weights from one run to the next, and answers how many numbers these are.
    pub(super) fn keep<T: Real>(&mut self, isa: Isa) -> usize {
        let mut len = 0;
        for instruction in &mut self.instructions {
            let room = room::<T>(instruction, isa);
            let of_weights = matches!(
                instruction.op(),
                Some(Op::Convolve(_) | Op::ConvolveInput(_))
            );
            let fixed = |place: &Place| matches!(place, Place::Parameter(_));
            let second = instruction.inputs.get(1).map(|operand| operand.place);
            if of_weights && room > 0 && second.as_ref().is_some_and(fixed) {
                instruction.kept = Some(len);
                len += room.next_multiple_of(crate::aligned::LINE);
            }
        }
        len
    }

    /// The pieces that [`Program::keep`] chose, made of the parameters.
    pub(super) fn kept<T: Real>(
        &self,
        crew: &mut Crew<T>,
        parameters: &[T],
        len: usize,
    ) -> Aligned<T> {
        let isa = crew.isa();
        let scratch = crew.scratch();
        let context = Context {
            isa,
            labels: &[],
            key: StepKey::default(),
            packed: false,
        };
        let mut kept = Aligned::zeros(len);
        for instruction in &self.instructions {
            let weight = instruction.inputs.get(1);
            if let (Some(start), Some(op), Some(weight)) =
                (instruction.kept, instruction.op(), weight)
                && let Place::Parameter(first) = weight.place
            {
                let len = weight.shape.rows.count(1) * weight.shape.cols;
                let matrix = |values, cols| Matrix { values, cols };
                // What is kept is made of the weights alone.
                let inputs = [
                    matrix(&[][..], 1),
                    matrix(&parameters[first..first + len], weight.shape.cols),
                ];
                let pieces = &mut kept[start..][..room::<T>(instruction, isa)];
                op.prepare(pieces, &inputs, 0, context, scratch);
            }
        }
        kept
    }
}
