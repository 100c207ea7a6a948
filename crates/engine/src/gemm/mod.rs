//! The matrix product C = A B: one kernel for every shape, with packing buffers that the caller owns.
//!
//! A and B are copied, a panel at a time, into the order in which the innermost loop reads them (Goto, van de Geijn
//! 2008); that loop keeps a tile of C in registers. Every element of C is the same sequence of operations wherever it
//! stands: for each block of k, a sum from the block's first to its last product, added to what is there. So splitting
//! C among threads changes no bit.
//!
//! With AVX2 or AVX-512 a product and its addition are fused (rounded once); the portable set rounds twice.

use std::marker::PhantomData;
use std::ops::Range;

use crate::element::Real;
use crate::isa::{Isa, Level, kernel};

pub(crate) mod micro;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[cfg(target_arch = "x86_64")]
mod vector;

use micro::{Depths, Left, MAX_ROWS, Micro, Out, Right};

/// Depth of a panel: a strip of A and one of B of this depth lie in the first-level cache.
pub(crate) const DEPTH: usize = 256;
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
        let grow = |buffer: &mut Vec<T>, len: usize| buffer.resize(buffer.len().max(len), T::ZERO);
        // A strip of A, and what the last store of a transposition writes beyond it.
        grow(&mut self.a, MAX_ROWS * block(k) + 16);
        let columns = n.min(WIDTH).next_multiple_of(widest(isa));
        grow(&mut self.b, columns * block(k));
    }
}

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
        if self.k == 0 || c.is_empty() {
            c.fill(T::ZERO);
            return;
        }
        let call = Call {
            product: *self,
            a,
            b,
            first_row,
        };
        match isa.level() {
            Level::Portable => rows(isa, PhantomData::<T::Portable>, call, c, panels),
            Level::Avx2 => rows(isa, PhantomData::<T::Avx2>, call, c, panels),
            Level::Avx512 => rows(isa, PhantomData::<T::Avx512>, call, c, panels),
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
    /// All panels of the product.
    fn rows[T: Real, M: Micro<T>](
        _loops: PhantomData<M>, call: Call<'_, T>, c: &mut [T], panels: &mut Panels<T>,
    ) {
        let Product { n, k, transpose_b, .. } = call.product;
        let n_rows = c.len() / n;
        // Copying takes longer than it saves when it is used once or twice.
        let pack_a = n > 2 * M::COLUMNS;
        let pack_b = transpose_b || n_rows > 2 * M::ROWS;
        let height = n_rows.div_ceil(n_rows.div_ceil(M::ROWS));
        let block = block(k);
        for first_col in (0..n).step_by(WIDTH) {
            let columns = first_col..n.min(first_col + WIDTH);
            for first_k in (0..k).step_by(block) {
                let depths = first_k..k.min(first_k + block);
                let depth = depths.len();
                if pack_b {
                    call.product.pack_b::<T, M>(call.b, depths.clone(), columns.clone(), &mut panels.b);
                }
                let mut offsets = [0; DEPTH];
                let offsets = call.product.depth_offsets(&mut offsets, depth);
                for row in (0..n_rows).step_by(height) {
                    let height = height.min(n_rows - row);
                    let mut places = [0; MAX_ROWS];
                    let mut starts = [0; MAX_ROWS];
                    for i in 0..height {
                        places[i] = (row + i) * n + first_col;
                        starts[i] = call.product.a_start(call.first_row + row + i, first_k);
                    }
                    let left = if pack_a {
                        call.product.pack_a::<T, M>(call.a, depths.clone(), call.first_row + row, height, &mut panels.a);
                        Left::Packed(&panels.a[..height * depth])
                    } else {
                        Left::Gathered(call.a, &starts[..height], offsets)
                    };
                    for col in (0..columns.len()).step_by(M::COLUMNS) {
                        let n_columns = M::COLUMNS.min(columns.len() - col);
                        let right = if pack_b {
                            let width = n_columns.next_multiple_of(M::VECTOR);
                            Right { values: &panels.b[col * depth..], step: width, depth, padded: true }
                        } else {
                            Right { values: &call.b[first_k * n + first_col + col..], step: n, depth, padded: false }
                        };
                        let places = &places[..height];
                        let out = Out { values: &mut c[col..], places, columns: n_columns, first: first_k == 0 };
                        M::run(left, right, out);
                    }
                }
            }
        }
    }
}

impl Product {
    /// Where element p of a row of A lies behind the first one.
    #[inline(always)]
    fn depth_offsets<'a>(&self, offsets: &'a mut [u32; DEPTH], depth: usize) -> Depths<'a> {
        if !self.transpose_a {
            return Depths::new(&IN_ORDER[..depth]);
        }
        for (p, offset) in offsets[..depth].iter_mut().enumerate() {
            *offset = (p * self.m) as u32;
        }
        Depths::new(&offsets[..depth])
    }

    /// Where row `row` of A begins, at depth `first_k`.
    #[inline(always)]
    fn a_start(&self, row: usize, first_k: usize) -> usize {
        if self.transpose_a {
            first_k * self.m + row
        } else {
            row * self.k + first_k
        }
    }

    /// Copies rows of A, column after column.
    #[inline(always)]
    fn pack_a<T: Real, M: Micro<T>>(
        &self,
        a: &[T],
        depths: Range<usize>,
        first_row: usize,
        n_rows: usize,
        panel: &mut [T],
    ) {
        let a = &a[self.a_start(first_row, depths.start)..];
        if self.transpose_a {
            for (column, source) in panel
                .chunks_exact_mut(n_rows)
                .zip(a.chunks(self.m))
                .take(depths.len())
            {
                column.copy_from_slice(&source[..n_rows]);
            }
        } else {
            M::transpose(a, self.k, panel, n_rows, n_rows, depths.len());
        }
    }

    /// Copies a panel of B as strips, row after row; a strip narrower than its last vector goes on with zeros.
    #[inline(always)]
    fn pack_b<T: Real, M: Micro<T>>(
        &self,
        b: &[T],
        depths: Range<usize>,
        columns: Range<usize>,
        panel: &mut [T],
    ) {
        let depth = depths.len();
        for col in (0..columns.len()).step_by(M::COLUMNS) {
            let n_columns = M::COLUMNS.min(columns.len() - col);
            let width = n_columns.next_multiple_of(M::VECTOR);
            let strip = &mut panel[col * depth..][..width * depth];
            if self.transpose_b {
                if n_columns < width {
                    strip.fill(T::ZERO);
                }
                let source = &b[(columns.start + col) * self.k + depths.start..];
                M::transpose(source, self.k, strip, width, n_columns, depth);
            } else {
                let source = &b[depths.start * self.n + columns.start + col..];
                for (row, source) in strip.chunks_exact_mut(width).zip(source.chunks(self.n)) {
                    row[n_columns..].fill(T::ZERO);
                    row[..n_columns].copy_from_slice(&source[..n_columns]);
                }
            }
        }
    }
}
