//! The matrix product C = A B: one kernel for every shape, with packing buffers that the caller owns.
//!
//! The innermost loop keeps a tile of C in registers. It reads A where it lies, element after element, and B in vectors:
//! where it lies too, when its rows are near each other, or else from a copy of a panel of it in the order of reading
//! (Goto, van de Geijn 2008). Every element of C is the same sequence of operations wherever it stands: for each block
//! of k, a sum from the block's first to its last product, added to what is there. So splitting C among threads changes
//! no bit.
//!
//! With AVX2 or AVX-512 a product of f32 and its addition are fused (rounded once); the portable set rounds twice. Where an
//! [`Isa`] asks for operands rounded to bfloat16, [`bf16`] says how they are multiplied.

use std::ops::Range;

use crate::element::Real;
use crate::isa::{Isa, Level};

pub(crate) mod bf16;
pub(crate) mod micro;
pub mod packed;
mod panels;
mod plain;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[cfg(target_arch = "x86_64")]
mod vector;

use bf16::Operands;
pub use panels::Panels;
use panels::compute;

/// Most products that are summed before the sum is added to what is there: a strip of B of this depth lies in the
/// first-level cache in part, and the additions take little time beside the products.
pub(crate) const DEPTH: usize = 512;
/// Sizes and layout of a product: C `[m x n]` = A `[m x k]` B `[k x n]`, all row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// A is held as `[k x m]`.
    pub transpose_a: bool,
    /// B is held as `[n x k]`.
    pub transpose_b: bool,
}

/// The length of the blocks in which a sum over `k` products is cut: all but the last are as long.
pub(crate) fn block(k: usize) -> usize {
    k.div_ceil(k.div_ceil(DEPTH).max(1)).max(1)
}

/// Places 0, 1, 2, ...: the depths of a row whose elements lie one behind the other.
static IN_ORDER: [u32; DEPTH] = {
    let mut depths = [0; DEPTH];
    let mut p = 0;
    while p < DEPTH {
        depths[p] = p as u32;
        p += 1;
    }
    depths
};

/// From this depth on a plain product is the sum of at least two blocks, so that two threads can compute one each.
const HALVED: usize = 256;

/// No strip of B is padded to more columns than these.
pub(crate) fn widest(isa: Isa) -> usize {
    match isa.level() {
        Level::Avx512 => 16,
        _ => 8,
    }
}

impl Product {
    /// Multiplications, as a measure of time.
    pub fn n_multiplications(&self) -> u128 {
        self.m as u128 * self.n as u128 * self.k as u128
    }

    /// The length of the blocks of k, but that the last may be shorter.
    fn block(&self) -> usize {
        let plain = !self.transpose_a && !self.transpose_b;
        if plain && (HALVED..=DEPTH).contains(&self.k) {
            self.k.div_ceil(2)
        } else {
            block(self.k)
        }
    }

    /// Of how many blocks of f32 products each element is the sum, which [`Product::run_blocks`] computes.
    pub(crate) fn n_blocks(&self) -> usize {
        self.k.div_ceil(self.block().max(1))
    }

    /// Computes the sum of some blocks of every element of C. In the order of the blocks, sums of the first ones and then of each
    /// other one make the bits of C.
    pub(crate) fn run_blocks<'a, T: Real>(
        &self,
        isa: Isa,
        (a, b): (&'a [T], &'a [T]),
        c: &mut [T],
        blocks: Range<usize>,
        panels: &mut Panels<T>,
    ) {
        let whole = Call::new(self, (a, 0..self.m), (b, 0..self.n));
        let first = blocks.start * whole.block;
        let k = (blocks.end * whole.block).min(self.k) - first;
        let part = |factor: Factor<'a, T>| Factor {
            values: &factor.values[first * factor.depth_step..],
            ..factor
        };
        let (a, b) = (part(whole.a), part(whole.b));
        Call { a, b, k, ..whole }.run(isa, c, panels);
    }

    /// Computes some columns of C, as a matrix of their own.
    pub(crate) fn run_columns<T: Real>(
        &self,
        isa: Isa,
        (a, b): (&[T], &[T]),
        c: &mut [T],
        columns: Range<usize>,
        panels: &mut Panels<T>,
    ) {
        Call::new(self, (a, 0..self.m), (b, columns)).run(isa, c, panels);
    }

    /// Computes as many rows of C as `c` holds, from row `first_row` on.
    pub fn run_rows<T: Real>(
        &self,
        isa: Isa,
        a: &[T],
        b: &[T],
        c: &mut [T],
        first_row: usize,
        panels: &mut Panels<T>,
    ) {
        self.run_part(isa, a, b, c, first_row * self.n, panels);
    }

    /// Computes the part of C that begins at its element number `first`: whole rows, or any part of a single row.
    pub fn run_part<T: Real>(
        &self,
        isa: Isa,
        a: &[T],
        b: &[T],
        c: &mut [T],
        first: usize,
        panels: &mut Panels<T>,
    ) {
        if self.k == 0 || c.is_empty() {
            c.fill(T::ZERO);
            return;
        }
        let call = if self.m == 1 {
            Call::new(self, (a, 0..1), (b, first..first + c.len()))
        } else {
            let (first_row, n_rows) = (first / self.n, c.len() / self.n);
            Call::new(self, (a, first_row..first_row + n_rows), (b, 0..self.n))
        };
        call.run(isa, c, panels);
    }
}

/// One factor, as rows of elements: element p of row i is `values[i * row_step + p * depth_step]`.
#[derive(Clone, Copy, Debug)]
struct Factor<'a, T> {
    values: &'a [T],
    rows: usize,
    row_step: usize,
    depth_step: usize,
}

/// What one thread is to compute: some rows of A with some rows of the transposed B.
#[derive(Clone, Copy, Debug)]
struct Call<'a, T> {
    a: Factor<'a, T>,
    b: Factor<'a, T>,
    k: usize,
    /// The length of a block of k.
    block: usize,
}

impl<'a, T: Real> Call<'a, T> {
    fn new(
        product: &Product,
        (a, a_rows): (&'a [T], Range<usize>),
        (b, b_rows): (&'a [T], Range<usize>),
    ) -> Self {
        let &Product { m, n, k, .. } = product;
        let factor = |values: &'a [T], part: Range<usize>, rows: usize, along_depth: bool| {
            // With a single product for each element both layouts are one, and rows that follow each other are read as such.
            let along_depth = along_depth && k > 1;
            let (row_step, depth_step) = if along_depth { (k, 1) } else { (1, rows) };
            Factor {
                values: &values[part.start * row_step..],
                rows: part.len(),
                row_step,
                depth_step,
            }
        };
        Call {
            a: factor(a, a_rows, m, !product.transpose_a),
            b: factor(b, b_rows, n, product.transpose_b),
            k,
            block: product.block(),
        }
    }

    /// Computes C, which has the rows of A and of the transposed B.
    fn run(self, isa: Isa, c: &mut [T], panels: &mut Panels<T>) {
        let operands = Operands::of::<T>(isa);
        if operands == Operands::Pairs
            && let (Some(call), Some(c)) = (self.singles(), T::singles_mut(c))
        {
            return bf16::run(isa, call, c, &mut panels.pairs);
        }
        compute(isa, self, operands, c, panels);
    }

    /// The same call of f32, which only the operands of pairs are made of.
    fn singles(&self) -> Option<Call<'a, f32>> {
        let factor = |factor: Factor<'a, T>| {
            Some(Factor {
                values: T::singles(factor.values)?,
                rows: factor.rows,
                row_step: factor.row_step,
                depth_step: factor.depth_step,
            })
        };
        let (a, b) = (factor(self.a)?, factor(self.b)?);
        let Call { k, block, .. } = *self;
        Some(Call { a, b, k, block })
    }
}
