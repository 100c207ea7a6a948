//! A product whose B was copied beforehand into the order in which it is read: panels of columns, each row after row.
//!
//! Panel j holds the columns from `width` j on, `[k x width]`, the last one what is left; so all panels together are as long as
//! B. Weights that never change again are packed once, and then read from memory from one end to the other, which is as fast
//! as it gives them. Bits are those of [`Product::run_rows`].
//!
//! A single row takes as long as its weights take to be read, so those that it would multiply by zero are left out: behind a ReLU that is about
//! every second. A sum begins with zero and adding zero changes none, so this holds for weights that are finite; only where no product is
//! left that does not round to zero may the sign of a zero be another.

use std::ops::Range;

use super::micro::{FAR_AHEAD, Micro, Vector};
use super::panels::{Panel, Panels, Strips};
use super::{Factor, Product};
use crate::element::Real;
use crate::isa::{Isa, Level, kernel};
use crate::lanes::Lanes;
use crate::precision::Precision;

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
}

impl Product {
    /// Computes the part of C that begins at its element number `first`: whole rows, or any part of a single row. B was made by
    /// [`pack`] for the same instructions, of finite numbers; neither factor is transposed.
    ///
    /// # Panics
    /// When a factor is held transposed, or operands are to be rounded: models predict in f32.
    pub fn run_packed<T: Real>(
        &self,
        isa: Isa,
        (a, packed): (&[T], &[T]),
        c: &mut [T],
        first: usize,
        panels: &mut Panels<T>,
    ) {
        if c.is_empty() {
            return;
        }
        if self.m == 1 {
            return self.run_packed_columns(isa, (a, packed), c, first..first + c.len(), panels);
        }
        let part = Product {
            m: c.len() / self.n,
            ..*self
        };
        let a = &a[first / self.n * self.k..];
        part.run_packed_columns(isa, (a, packed), c, 0..self.n, panels);
    }

    /// Computes some columns of C, as a matrix of their own.
    ///
    /// # Panics
    /// As [`Product::run_packed`].
    pub(crate) fn run_packed_columns<T: Real>(
        &self,
        isa: Isa,
        (a, packed): (&[T], &[T]),
        c: &mut [T],
        columns: Range<usize>,
        panels: &mut Panels<T>,
    ) {
        assert!(!self.transpose_a && !self.transpose_b, "plain factors");
        assert_eq!(isa.precision(), Precision::F32, "nothing is rounded");
        if self.k == 0 {
            return c.fill(T::ZERO);
        }
        let call = Call {
            a: Factor {
                values: a,
                rows: self.m,
                row_step: self.k,
                depth_step: 1,
            },
            packed,
            k: self.k,
            n: self.n,
            block: self.block(),
            width: width(isa),
            columns: (columns.start, columns.end),
        };
        run(isa, call, c, panels);
    }
}

kernel! {
    /// All panels that have some of the columns.
    fn run[T: Real] with M of T (call: Call<'_, T>, c: &mut [T], panels: &mut Panels<T>) {
        let Call { columns: (start, end), width, .. } = call;
        if call.a.rows == 1 {
            return row::<T, M::Lanes>(call, c, &mut panels.depths);
        }
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
        let panel = if M::copies(a.rows, columns.len()) {
            Panel::Copying {
                values,
                step,
                copy: &mut copy[..],
            }
        } else {
            Panel::InPlace { values, step }
        };
        let depth = block.min(k - first_k);
        let mut strips = Strips::new::<M>((a, 0..a.rows), (first_k, depth), None, &mut []);
        strips.run::<M>(panel, columns.len(), c, end - start, first_k == 0);
    }
}

/// All columns of a single row.
#[inline(always)]
fn row<T: Real, V: Vector<T>>(call: Call<'_, T>, c: &mut [T], depths: &mut [u32]) {
    let Call {
        k,
        n,
        block,
        width,
        columns: (start, end),
        ..
    } = call;
    for first_k in (0..k).step_by(block) {
        let a = &call.a.values[first_k..][..block.min(k - first_k)];
        let depths = nonzero(a, depths);
        for first in (start / width * width..end).step_by(width) {
            let step = width.min(n - first);
            let panel = &call.packed[first * k + first_k * step..][..a.len() * step];
            let mut column = first.max(start);
            let last = (first + step).min(end);
            while column < last {
                let left = last - column;
                let c = &mut c[column - start..][..left];
                let b = Rows {
                    values: &panel[column - first..],
                    step,
                    adds: first_k > 0,
                };
                // As many vectors as sums need so that none waits for the one before it, where there are as many.
                column += match left / V::LANES {
                    8.. => b.times::<V, 8>(a, depths, c),
                    6.. => b.times::<V, 6>(a, depths, c),
                    4.. => b.times::<V, 4>(a, depths, c),
                    2.. => b.times::<V, 2>(a, depths, c),
                    _ => b.times::<V, 1>(a, depths, c),
                };
            }
        }
    }
}

/// Which numbers are not zero.
#[inline(always)]
fn nonzero<'d, T: Real>(values: &[T], places: &'d mut [u32]) -> &'d [u32] {
    let mut n = 0;
    for (place, &value) in values.iter().enumerate() {
        places[n] = place as u32;
        n += usize::from(value != T::ZERO);
    }
    &places[..n]
}

/// Rows of a panel, from one of its columns on.
struct Rows<'a, T> {
    values: &'a [T],
    step: usize,
    /// Their products are added to what is there; else stored.
    adds: bool,
}

impl<T: Real> Rows<'_, T> {
    /// The products of some elements of `a` with as many vectors of their rows as `c` has room for, at most `VECTORS`. Answers how many
    /// columns those are.
    #[inline(always)]
    fn times<V: Vector<T>, const VECTORS: usize>(
        &self,
        a: &[T],
        depths: &[u32],
        c: &mut [T],
    ) -> usize {
        let columns = c.len().min(VECTORS * V::LANES);
        // A length that is known when this is compiled leaves nothing to be checked in the loop.
        let sums = if columns == VECTORS * V::LANES {
            self.sums::<V, VECTORS>(a, depths, VECTORS * V::LANES)
        } else {
            self.sums::<V, VECTORS>(a, depths, columns)
        };
        let c = &mut c[..columns];
        for (v, sum) in sums.into_iter().enumerate() {
            let c = &mut c[v * V::LANES..];
            if self.adds {
                // SAFETY: `with M of T` gives the registers of the instructions that the processor was found to have.
                let there = unsafe { Lanes::load(c) };
                (there + sum).store(c);
            } else {
                sum.store(c);
            }
        }
        columns
    }

    /// The sums of so many columns.
    #[inline(always)]
    fn sums<V: Vector<T>, const VECTORS: usize>(
        &self,
        a: &[T],
        depths: &[u32],
        columns: usize,
    ) -> [Lanes<T, V>; VECTORS] {
        // SAFETY: as above.
        let mut sums = unsafe { [Lanes::<T, V>::zero(); VECTORS] };
        let start = |depth: u32| depth as usize * self.step;
        for (p, &depth) in depths.iter().enumerate() {
            // The processor does not foresee which rows are left out.
            if let Some(&ahead) = depths.get(p + FAR_AHEAD) {
                let ahead = self.values.as_ptr().wrapping_add(start(ahead));
                for v in 0..VECTORS {
                    V::prefetch(ahead.wrapping_add(v * V::LANES));
                }
            }
            let b = &self.values[start(depth)..][..columns];
            // SAFETY: as above.
            let factor = unsafe { Lanes::splat(a[depth as usize]) };
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: as above.
                let b = unsafe { Lanes::load(&b[v * V::LANES..]) };
                *sum = sum.add_product(factor, b);
            }
        }
        sums
    }
}
