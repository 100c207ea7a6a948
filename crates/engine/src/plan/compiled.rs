//! Where what is the same for all types of numbers becomes machine code for each of them.
//!
//! A function that is generic is compiled with whoever calls it. Every op with all its loops, for every set of instructions, would be compiled
//! again by each program that makes a plan; so plans call them through [`Compiled`], whose implementations belong to one type each.
#![allow(
    private_interfaces,
    reason = "others name the trait as a bound only; its functions are the engine's own"
)]

use super::calculation::Inputs;
use super::program::{Crew, Program};
use crate::aligned::Aligned;
use crate::element::Real;
use crate::isa::Isa;
use crate::optimizer::{Optimizer, Update};
use crate::threads::{Shares, Threads};

/// A type of numbers that plans are made for, f32 or f64, with what they do with it that takes long to compile.
pub trait Compiled: Real {
    /// As [`Program::run`].
    fn run(program: &Program, arena: &mut [Self], crew: &mut Crew<Self>, inputs: &Inputs<'_, Self>);

    /// As [`Program::kept`].
    fn kept(
        program: &Program,
        crew: &mut Crew<Self>,
        parameters: &[Self],
        len: usize,
    ) -> Aligned<Self>;

    /// As [`Optimizer::update`].
    fn update(
        optimizer: &Optimizer,
        isa: Isa,
        threads: &mut Threads,
        shares: &Shares,
        update: Update<'_, Self>,
    );
}

macro_rules! compiled {
    ($($t:ty)*) => {$(
        impl Compiled for $t {
            // None may be inlined: then it would be compiled by the caller after all.
            #[inline(never)]
            fn run(program: &Program, arena: &mut [$t], crew: &mut Crew<$t>, inputs: &Inputs<'_, $t>) {
                program.run(arena, crew, inputs);
            }

            #[inline(never)]
            fn kept(program: &Program, crew: &mut Crew<$t>, parameters: &[$t], len: usize) -> Aligned<$t> {
                program.kept(crew, parameters, len)
            }

            #[inline(never)]
            fn update(
                optimizer: &Optimizer,
                isa: Isa,
                threads: &mut Threads,
                shares: &Shares,
                update: Update<'_, $t>,
            ) {
                optimizer.update(isa, threads, shares, update);
            }
        }
    )*};
}
compiled!(f32 f64);
