//! A product whose B was copied beforehand into the order in which it is read: panels of columns, each row after row.
//!
//! Panel j holds the columns from `PANEL` j on, `[k x PANEL]`, the last one what is left; so all panels together are as long as
//! B. Weights that never change again are packed once, and then read from memory from one end to the other, which is as fast
//! as it gives them. Bits are those of [`Product::run_rows`].

use std::ops::Range;

use super::micro::{Depths, Left, MAX_ROWS, Micro, Out, Right, Starts};
use super::{IN_ORDER, Product};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// Columns of a panel. Four vectors for a single row: enough sums at a time that none waits for the one before it.
const PANEL: usize = 64;

/// Copies B `[k x n]` into panels.
///
/// # Panics
/// When one of the two is no such matrix.
pub fn pack<T: Copy>(b: &[T], n: usize, panels: &mut [T]) {
    assert_eq!(b.len(), panels.len(), "as many numbers");
    let k = b.len() / n;
    for first in (0..n).step_by(PANEL) {
        let width = PANEL.min(n - first);
        let panel = panels[first * k..][..width * k].chunks_exact_mut(width);
        for (to, from) in panel.zip(b.chunks_exact(n)) {
            to.copy_from_slice(&from[first..first + width]);
        }
    }
}

/// What one thread is to compute.
#[derive(Clone, Copy)]
struct Call<'a, T> {
    /// Rows of A, `[rows x k]`.
    a: &'a [T],
    panels: &'a [T],
    k: usize,
    n: usize,
    /// The length of a block of k.
    block: usize,
    columns: (usize, usize),
}

impl Product {
    /// Computes the part of C that begins at its element number `first`: whole rows, or any part of a single row. B was made by
    /// [`pack`]; neither factor is transposed.
    ///
    /// # Panics
    /// When a factor is held transposed.
    pub fn run_packed<T: Real>(&self, isa: Isa, a: &[T], panels: &[T], c: &mut [T], first: usize) {
        assert!(!self.transpose_a && !self.transpose_b, "plain factors");
        if self.k == 0 || c.is_empty() {
            return c.fill(T::ZERO);
        }
        let (rows, columns) = if self.m == 1 {
            (0..1, first..first + c.len())
        } else {
            let row = first / self.n;
            (row..row + c.len() / self.n, 0..self.n)
        };
        let Range { start, end } = columns;
        let call = Call {
            a: &a[rows.start * self.k..rows.end * self.k],
            panels,
            k: self.k,
            n: self.n,
            block: self.block(),
            columns: (start, end),
        };
        run(isa, call, c);
    }
}

kernel! {
    /// All panels that have some of the columns.
    fn run[T: Real] with M of T (call: Call<'_, T>, c: &mut [T]) {
        let (start, end) = call.columns;
        for number in start / PANEL..end.div_ceil(PANEL) {
            panel::<T, M>(call, number * PANEL, c);
        }
    }
}

/// The columns of the panel that begins at column `first`.
#[inline(always)]
fn panel<T: Real, M: Micro<T>>(call: Call<'_, T>, first: usize, c: &mut [T]) {
    let Call { a, k, n, block, .. } = call;
    let (start, end) = call.columns;
    let (n_rows, width) = (a.len() / k, PANEL.min(n - first));
    let columns = first.max(start)..(first + width).min(end);
    let panel = &call.panels[first * k..][..width * k];
    let height = n_rows.div_ceil(n_rows.div_ceil(M::ROWS));
    for first_k in (0..k).step_by(block) {
        let depths = Depths::new(&IN_ORDER[..block.min(k - first_k)]);
        for row in (0..n_rows).step_by(height) {
            let height = height.min(n_rows - row);
            let (mut rows, mut places) = ([0; MAX_ROWS], [0; MAX_ROWS]);
            for i in 0..height {
                rows[i] = (row + i) * k + first_k;
                places[i] = (row + i) * (end - start);
            }
            let strip = Left {
                values: a,
                rows: Starts::new(&rows, height),
                depths,
            };
            let places = Starts::new(&places, height);
            let wide = M::columns(height).min(PANEL);
            let mut col = columns.start;
            while col < columns.end {
                let left = columns.end - col;
                let n_columns = if left >= wide {
                    wide
                } else {
                    M::COLUMNS.min(left)
                };
                let right = Right {
                    values: &panel[first_k * width + col - first..],
                    step: width,
                    padded: false,
                };
                let out = Out {
                    values: &mut c[col - start..],
                    places,
                    columns: n_columns,
                    first: first_k == 0,
                };
                M::run(strip, right, out);
                col += n_columns;
            }
        }
    }
}
