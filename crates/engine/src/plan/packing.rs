//! Which weights a program reads in packed order: those that one plain product reads and nothing else.

use super::program::{Instruction, Operand, Place, Program, Root};
use crate::op::{MatMul, Op};

/// A weight that is read in packed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packing {
    /// Its first number among the parameters.
    pub(crate) start: usize,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

impl Program {
    /// Lets products read weights in packed order, where nothing else reads them, and answers which.
    pub(super) fn pack(&mut self) -> Vec<Packing> {
        let reads = |operands: &[Operand], start: usize| {
            let same = |operand: &&Operand| operand.place == Place::Parameter(start);
            operands.iter().filter(same).count()
        };
        let readers = |instructions: &[Instruction], start: usize| -> usize {
            let of = |own: &Instruction| {
                let stages = own.stages.iter().map(|stage| reads(&stage.inputs, start));
                reads(&own.inputs, start) + stages.sum::<usize>()
            };
            instructions.iter().map(of).sum()
        };
        let mut packings = Vec::new();
        for idx in 0..self.instructions.len() {
            let instruction = &self.instructions[idx];
            let plain =
                matches!(&instruction.root, Root::Op(Op::MatMul(op)) if *op == MatMul::plain());
            let Some(&Operand {
                place: Place::Parameter(start),
                shape,
            }) = instruction.inputs.get(1)
            else {
                continue;
            };
            if plain && readers(&self.instructions, start) == 1 {
                self.instructions[idx].packed = true;
                let (rows, cols) = (shape.rows.count(1), shape.cols);
                packings.push(Packing { start, rows, cols });
            }
        }
        packings
    }
}
