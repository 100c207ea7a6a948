//! A product whose B was copied beforehand into the order in which it is read: panels of columns, each row after row.
//!
//! Panel j holds the columns from `width` j on, `[k x width]`, the last one what is left; so all panels together are as long as
//! B. Weights that never change again are packed once, and then read from memory from one end to the other, which is as fast
//! as it gives them. Bits are those of [`Product::run_rows`].

use std::ops::Range;

use super::micro::{Depths, Micro};
use super::panels::{Panel, Panels, Strips};
use super::{Factor, IN_ORDER, Product, bf16};
use crate::element::Real;
use crate::isa::{Isa, Level, kernel};

/// Columns of a panel: twice a strip of three vectors with AVX-512, else four strips of two. For a single row, enough sums at a time that
/// none waits for the one before it.
fn width(isa: Isa) -> usize {
    match isa.level() {
        Level::Avx512 => 96,
        _ => 64,
    }
}

/// Copies B `[k x n]` into the panels that [`Product::run_packed`] reads with the same instructions.
///
/// # Panics
/// When one of the two is no such matrix.
pub fn pack<T: Copy>(isa: Isa, b: &[T], n: usize, panels: &mut [T]) {
    assert_eq!(b.len(), panels.len(), "as many numbers");
    let k = b.len() / n;
    let most = width(isa);
    for first in (0..n).step_by(most) {
        let width = most.min(n - first);
        let panel = panels[first * k..][..width * k].chunks_exact_mut(width);
        for (to, from) in panel.zip(b.chunks_exact(n)) {
            to.copy_from_slice(&from[first..first + width]);
        }
    }
}

/// What one thread is to compute.
#[derive(Clone, Copy)]
struct Call<'a, T> {
    a: Factor<'a, T>,
    packed: &'a [T],
    k: usize,
    n: usize,
    /// The length of a block of k.
    block: usize,
    /// Columns of a panel.
    width: usize,
    columns: (usize, usize),
    /// There is room for a copy of a panel. Where other products are rounded, their buffers are for pairs.
    has_room: bool,
}

impl Product {
    /// Computes the part of C that begins at its element number `first`: whole rows, or any part of a single row. B was made by
    /// [`pack`] for the same instructions; neither factor is transposed.
    ///
    /// # Panics
    /// When a factor is held transposed.
    pub fn run_packed<T: Real>(
        &self,
        isa: Isa,
        (a, packed): (&[T], &[T]),
        c: &mut [T],
        first: usize,
        panels: &mut Panels<T>,
    ) {
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
            a: Factor {
                values: &a[rows.start * self.k..],
                rows: rows.len(),
                row_step: self.k,
                depth_step: 1,
            },
            packed,
            k: self.k,
            n: self.n,
            block: self.block(),
            width: width(isa),
            columns: (start, end),
            has_room: !bf16::rounds::<T>(isa),
        };
        run(isa, call, c, panels);
    }
}

kernel! {
    /// All panels that have some of the columns.
    fn run[T: Real] with M of T (call: Call<'_, T>, c: &mut [T], panels: &mut Panels<T>) {
        let Call { columns: (start, end), width, .. } = call;
        for number in start / width..end.div_ceil(width) {
            panel::<T, M>(call, number * width, c, &mut panels.b);
        }
    }
}

/// The columns of the panel that begins at column `first`.
#[inline(always)]
fn panel<T: Real, M: Micro<T>>(call: Call<'_, T>, first: usize, c: &mut [T], copy: &mut [T]) {
    let Call {
        a,
        k,
        n,
        block,
        width,
        columns: (start, end),
        ..
    } = call;
    let step = width.min(n - first);
    let columns = first.max(start)..(first + step).min(end);
    let panel = &call.packed[first * k..][..step * k];
    let c = &mut c[columns.start - start..];
    for first_k in (0..k).step_by(block) {
        let values = &panel[first_k * step + columns.start - first..];
        // A tile of some columns touches a part of each row, and so many strips of A would fetch them again and again.
        let panel = if call.has_room && M::copies(a.rows, columns.len()) {
            Panel::Copying {
                values,
                step,
                copy: &mut copy[..],
            }
        } else {
            Panel::InPlace { values, step }
        };
        let mut strips = Strips {
            factor: a,
            rows: 0..a.rows,
            first_k,
            depths: Depths::new(&IN_ORDER[..block.min(k - first_k)]),
            copy: None,
        };
        strips.run::<M>(panel, columns.len(), c, end - start, first_k == 0);
    }
}
