//! The matrix product C = A B: one kernel for every shape, with packing buffers that the caller owns.
//!
//! A and B are copied, a panel at a time, into the order in which the innermost loop reads them (Goto, van de Geijn
//! 2008); that loop keeps a tile of C in registers. Every element of C is the same sequence of operations wherever it
//! stands: for each block of k, a sum from the block's first to its last product, added to what is there. So splitting
//! C among threads changes no bit.
//!
//! With AVX2 or AVX-512 a product and its addition are fused (rounded once); the portable set rounds twice.

use crate::element::Real;
use crate::isa::{Isa, kernel};

pub(crate) mod tile;

use tile::{Registers, Rounding, Tile, multiply_add, store, tile};

/// Depth of a panel: a strip of A and one of B of this depth lie in the first-level cache.
const DEPTH: usize = 256;
/// Columns of a panel of B, which lies in the second-level cache.
const WIDTH: usize = 512;

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

/// Packing buffers of one thread.
#[derive(Clone, Debug, Default)]
pub struct Panels<T> {
    a: Vec<T>,
    b: Vec<T>,
}

impl<T: Real> Panels<T> {
    /// Buffers that are large enough for each of the products.
    pub fn new(isa: Isa, products: impl IntoIterator<Item = Product>) -> Panels<T> {
        let mut panels = Panels::default();
        for product in products {
            panels.reserve(isa, product);
        }
        panels
    }

    /// Makes the buffers large enough for one more product.
    pub fn reserve(&mut self, isa: Isa, Product { n, k, .. }: Product) {
        let (rows, cols) = Tile::of(isa, size_of::<T>(), n).size();
        let grow = |buffer: &mut Vec<T>, len: usize| buffer.resize(buffer.len().max(len), T::ZERO);
        grow(&mut self.a, rows * k.min(DEPTH));
        grow(
            &mut self.b,
            n.min(WIDTH).next_multiple_of(cols) * k.min(DEPTH),
        );
    }
}

impl Product {
    /// Multiplications, as a measure of time.
    pub fn n_multiplications(&self) -> u128 {
        self.m as u128 * self.n as u128 * self.k as u128
    }

    /// How many rows of C one thread computes, for `threads` threads. Small products stay on one: waking another takes
    /// longer than they do.
    pub fn rows_per_thread(&self, threads: usize) -> usize {
        if threads <= 1 || self.n_multiplications() < 1 << 18 {
            return self.m.max(1);
        }
        self.m.div_ceil(threads).next_multiple_of(4).max(1)
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
        if self.k == 0 {
            c.fill(T::ZERO);
            return;
        }
        let fused = isa != Isa::PORTABLE;
        let call = Call {
            product: *self,
            a,
            b,
            first_row,
        };
        if c.len() <= 2 * self.n && !self.transpose_a && !self.transpose_b {
            return match fused {
                true => rows(isa, Rounding::<true>, call, c),
                false => rows(isa, Rounding::<false>, call, c),
            };
        }
        match Tile::of(isa, size_of::<T>(), self.n) {
            Tile::T12x32 => tiles(isa, Registers::<12, 32, true>, call, c, panels),
            Tile::T6x16 => tiles(isa, Registers::<6, 16, true>, call, c, panels),
            Tile::T6x8 => tiles(isa, Registers::<6, 8, true>, call, c, panels),
            Tile::T4x8 => tiles(isa, Registers::<4, 8, false>, call, c, panels),
            Tile::T4x4 => tiles(isa, Registers::<4, 4, false>, call, c, panels),
        }
    }
}

/// What one thread is to compute.
#[derive(Clone, Copy)]
struct Call<'a, T> {
    product: Product,
    a: &'a [T],
    b: &'a [T],
    first_row: usize,
}

kernel! {
    /// One or two rows of C, straight from A and B: packing B would take longer than using it so rarely. Every element
    /// is the same sequence of operations as in `tiles`.
    fn rows[T: Real, const FUSED: bool](_rounding: Rounding<FUSED>, call: Call<'_, T>, c: &mut [T]) {
        let Product { n, k, .. } = call.product;
        let mut sums = [T::ZERO; WIDTH];
        for (row_idx, c) in c.chunks_exact_mut(n).enumerate() {
            let a = &call.a[(call.first_row + row_idx) * k..][..k];
            for (panel_idx, c) in c.chunks_mut(WIDTH).enumerate() {
                let sums = &mut sums[..c.len()];
                for (block_idx, a) in a.chunks(DEPTH).enumerate() {
                    let b = &call.b[block_idx * DEPTH * n + panel_idx * WIDTH..];
                    sums.fill(T::ZERO);
                    for (p, &a) in a.iter().enumerate() {
                        for (sum, &b) in sums.iter_mut().zip(&b[p * n..][..c.len()]) {
                            *sum = multiply_add::<T, FUSED>(a, b, *sum);
                        }
                    }
                    store(c, sums, block_idx == 0);
                }
            }
        }
    }
}

kernel! {
    /// All panels of the product, with tiles of MR x NR.
    fn tiles[T: Real, const MR: usize, const NR: usize, const FUSED: bool](
        _registers: Registers<MR, NR, FUSED>, call: Call<'_, T>, c: &mut [T], panels: &mut Panels<T>,
    ) {
        let Call { product, a, b, first_row } = call;
        let Product { n, k, .. } = product;
        for first_col in (0..n).step_by(WIDTH) {
            let cols = WIDTH.min(n - first_col);
            for first_k in (0..k).step_by(DEPTH) {
                let depth = DEPTH.min(k - first_k);
                pack_b::<T, NR>(&mut panels.b, &product, b, first_k, depth, first_col, cols);
                for (strip_idx, rows) in c.chunks_mut(MR * n).enumerate() {
                    let n_rows = rows.len() / n;
                    pack_a::<T, MR>(&mut panels.a, &product, a, first_k, depth, first_row + strip_idx * MR, n_rows);
                    let (strip, _) = panels.a[..depth * MR].as_chunks::<MR>();
                    for (tile_idx, col) in (0..cols).step_by(NR).enumerate() {
                        let at = tile_idx * NR * depth;
                        let (panel, _) = panels.b[at..at + depth * NR].as_chunks::<NR>();
                        let sums = tile::<T, MR, NR, FUSED>(strip, panel);
                        let n_cols = NR.min(cols - col);
                        for (sums, row) in sums.iter().zip(rows.chunks_exact_mut(n)) {
                            store(&mut row[first_col + col..][..n_cols], sums, first_k == 0);
                        }
                    }
                }
            }
        }
    }
}

/// Copies MR rows of A, column after column; rows that do not exist are zero.
#[inline(always)]
fn pack_a<T: Real, const MR: usize>(
    panel: &mut [T],
    product: &Product,
    a: &[T],
    first_k: usize,
    depth: usize,
    first_row: usize,
    n_rows: usize,
) {
    let (panel, _) = panel[..depth * MR].as_chunks_mut::<MR>();
    if product.transpose_a {
        for (p, column) in panel.iter_mut().enumerate() {
            let source = &a[(first_k + p) * product.m + first_row..][..n_rows];
            if n_rows == MR {
                column.copy_from_slice(source);
            } else {
                column.fill(T::ZERO);
                column[..n_rows].copy_from_slice(source);
            }
        }
    } else {
        if n_rows < MR {
            panel.as_flattened_mut().fill(T::ZERO);
        }
        for i in 0..n_rows {
            let source = &a[(first_row + i) * product.k + first_k..][..depth];
            for (column, &value) in panel.iter_mut().zip(source) {
                column[i] = value;
            }
        }
    }
}

/// Copies a panel of B as strips of NR columns, row after row; columns that do not exist are zero.
#[inline(always)]
fn pack_b<T: Real, const NR: usize>(
    panel: &mut [T],
    product: &Product,
    b: &[T],
    first_k: usize,
    depth: usize,
    first_col: usize,
    cols: usize,
) {
    for (strip, col) in panel
        .chunks_exact_mut(depth * NR)
        .zip((0..cols).step_by(NR))
    {
        let (strip, _) = strip.as_chunks_mut::<NR>();
        let n_cols = NR.min(cols - col);
        let first = first_col + col;
        if product.transpose_b {
            if n_cols < NR {
                strip.as_flattened_mut().fill(T::ZERO);
            }
            for j in 0..n_cols {
                let source = &b[(first + j) * product.k + first_k..][..depth];
                for (row, &value) in strip.iter_mut().zip(source) {
                    row[j] = value;
                }
            }
        } else {
            for (p, row) in strip.iter_mut().enumerate() {
                let source = &b[(first_k + p) * product.n + first..][..n_cols];
                if n_cols == NR {
                    row.copy_from_slice(source);
                } else {
                    row.fill(T::ZERO);
                    row[..n_cols].copy_from_slice(source);
                }
            }
        }
    }
}
