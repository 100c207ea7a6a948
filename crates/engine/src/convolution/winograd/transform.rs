//! Winograd's minimal filtering in one dimension: two results of a kernel with R taps, from N = R + 1 numbers of the source and P
//! products, fewer than 2 R.
//!
//! With the numbers d and the taps w, y = A^T ((G w) (B^T d)), number by number (Winograd, "Arithmetic complexity of computations",
//! 1980; Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015). Each of the three maps stands here with
//! its transpose where a gradient is made of it. All factors are 0, 1, -1 and 1/2, so that errors are those of direct sums.

use crate::element::Real;
use crate::gemm::micro::Vector;
use crate::lanes::Lanes;

/// The maps of two results.
pub(super) trait Scheme<const N: usize, const R: usize, const P: usize>: Copy {
    /// B^T d.
    fn source<T: Real, V: Vector<T>>(d: [Lanes<T, V>; N]) -> [Lanes<T, V>; P];
    /// G w.
    fn kernel<T: Real, V: Vector<T>>(w: [Lanes<T, V>; R]) -> [Lanes<T, V>; P];
    /// A^T m.
    fn result<T: Real, V: Vector<T>>(m: [Lanes<T, V>; P]) -> [Lanes<T, V>; 2];
    /// A y.
    fn of_result<T: Real, V: Vector<T>>(y: [Lanes<T, V>; 2]) -> [Lanes<T, V>; P];
    /// G^T u.
    fn of_kernel<T: Real, V: Vector<T>>(u: [Lanes<T, V>; P]) -> [Lanes<T, V>; R];
}

/// F(2, 3): four products for six.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreeTaps;

impl Scheme<4, 3, 4> for ThreeTaps {
    #[inline(always)]
    fn source<T: Real, V: Vector<T>>([a, b, c, d]: [Lanes<T, V>; 4]) -> [Lanes<T, V>; 4] {
        [a - c, b + c, c - b, b - d]
    }

    #[inline(always)]
    fn kernel<T: Real, V: Vector<T>>([a, b, c]: [Lanes<T, V>; 3]) -> [Lanes<T, V>; 4] {
        let ends = a + c;
        [a, (ends + b).times(0.5), (ends - b).times(0.5), c]
    }

    #[inline(always)]
    fn result<T: Real, V: Vector<T>>([a, b, c, d]: [Lanes<T, V>; 4]) -> [Lanes<T, V>; 2] {
        [a + (b + c), (b - c) - d]
    }

    #[inline(always)]
    fn of_result<T: Real, V: Vector<T>>([a, b]: [Lanes<T, V>; 2]) -> [Lanes<T, V>; 4] {
        [a, a + b, a - b, -b]
    }

    #[inline(always)]
    fn of_kernel<T: Real, V: Vector<T>>([a, b, c, d]: [Lanes<T, V>; 4]) -> [Lanes<T, V>; 3] {
        let sum = (b + c).times(0.5);
        [a + sum, (b - c).times(0.5), sum + d]
    }
}

/// F(2, 3) of the first three taps and F(2, 2) of the others: seven products for ten. F(2, 5) has six, and errors ten times as large.
#[derive(Clone, Copy, Debug)]
pub(super) struct FiveTaps;

impl Scheme<6, 5, 7> for FiveTaps {
    #[inline(always)]
    fn source<T: Real, V: Vector<T>>([a, b, c, d, e, f]: [Lanes<T, V>; 6]) -> [Lanes<T, V>; 7] {
        let [p, q, r, s] = ThreeTaps::source([a, b, c, d]);
        [p, q, r, s, d - e, e, f - e]
    }

    #[inline(always)]
    fn kernel<T: Real, V: Vector<T>>([a, b, c, d, e]: [Lanes<T, V>; 5]) -> [Lanes<T, V>; 7] {
        let [p, q, r, s] = ThreeTaps::kernel([a, b, c]);
        [p, q, r, s, d, d + e, e]
    }

    #[inline(always)]
    fn result<T: Real, V: Vector<T>>(m: [Lanes<T, V>; 7]) -> [Lanes<T, V>; 2] {
        let [p, q, r, s, t, u, v] = m;
        let [first, second] = ThreeTaps::result([p, q, r, s]);
        [first + (t + u), second + (u + v)]
    }

    #[inline(always)]
    fn of_result<T: Real, V: Vector<T>>([a, b]: [Lanes<T, V>; 2]) -> [Lanes<T, V>; 7] {
        let [p, q, r, s] = ThreeTaps::of_result([a, b]);
        [p, q, r, s, a, q, b]
    }

    #[inline(always)]
    fn of_kernel<T: Real, V: Vector<T>>(u: [Lanes<T, V>; 7]) -> [Lanes<T, V>; 5] {
        let [p, q, r, s, t, u, v] = u;
        let [a, b, c] = ThreeTaps::of_kernel([p, q, r, s]);
        [a, b, c, t + u, u + v]
    }
}

/// Where squares of lanes lie in a slice: those of row i and column j begin with number `start + i * row + j * column`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) start: isize,
    pub(super) row: isize,
    pub(super) column: isize,
}

impl Grid {
    #[inline(always)]
    pub(super) fn at(&self, i: usize, j: usize) -> usize {
        (self.start + i as isize * self.row + j as isize * self.column) as usize
    }

    /// Whether the lanes of all of a square, `n` of each, lie in a slice of so many numbers.
    #[inline(always)]
    pub(super) fn lies_within(&self, len: usize, size: usize, n: usize) -> bool {
        let reach = |step: isize| (size as isize - 1) * step;
        let (down, across) = (reach(self.row), reach(self.column));
        let first = self.start + down.min(0) + across.min(0);
        let last = self.start + down.max(0) + across.max(0);
        first >= 0 && last + n as isize <= len as isize
    }
}

/// Applies a map to the columns and then to the rows of a square of `$from_n` lanes in each direction, which gives one of `$to_n`, and
/// stores `$all` of it, or what is wanted. `$n` lanes are read, `$n_out` written, at most a register; what is not inside is zero.
///
/// It is no function, because a map that is handed to one is not compiled for the instruction set of the caller.
macro_rules! transform {
    ($map:path, $from_n:expr => $to_n:expr, ($from:expr, $from_grid:expr, $n:expr $(; $inside:ident)?), ($to:expr, $to_grid:expr, $n_out:expr), $all:expr, |$i:ident, $j:ident| $wanted:expr) => {{
        let (from_grid, to_grid): (Grid, Grid) = ($from_grid, $to_grid);
        let (n, n_out) = ($n, $n_out);
        let all = $all && to_grid.lies_within($to.len(), $to_n, n_out);
        if n >= M::VECTOR && n_out >= M::VECTOR {
            transform!(@ $map, $from_n => $to_n, ($from, from_grid, M::VECTOR $(; $inside)?), ($to, to_grid, M::VECTOR), all, |$i, $j| $wanted)
        } else {
            transform!(@ $map, $from_n => $to_n, ($from, from_grid, n $(; $inside)?), ($to, to_grid, n_out), all, |$i, $j| $wanted)
        }
    }};
    (@check $from:expr, $grid:ident, $size:expr, $n:expr) => {
        assert!($grid.lies_within($from.len(), $size, $n))
    };
    (@check $from:expr, $grid:ident, $size:expr, $n:expr, $inside:ident) => {};
    (@load $from:expr, $at:ident, $n:expr) => {
        // SAFETY: as above, and the assertion has seen that all lanes of the square are within the slice.
        unsafe { Lanes::load($from.get_unchecked($at..$at + $n)) }
    };
    (@load $from:expr, $at:ident, $n:expr, $inside:ident) => {
        // SAFETY: as above.
        unsafe { Lanes::load(&$from[$at..$at + $n]) }
    };
    (@ $map:path, $from_n:expr => $to_n:expr, ($from:expr, $from_grid:ident, $n:expr $(; $inside:ident)?), ($to:expr, $to_grid:ident, $n_out:expr), $all:expr, |$i:ident, $j:ident| $wanted:expr) => {{
        // SAFETY: `with M of T` gives the registers of the instructions that the processor was found to have.
        let zero = unsafe { Lanes::<_, M::Lanes>::zero() };
        let mut columns = [[zero; $to_n]; $from_n];
        transform!(@check $from, $from_grid, $from_n, $n $(, $inside)?);
        for j in 0..$from_n {
            let mut column = [zero; $from_n];
            for i in 0..$from_n {
                $(if !$inside(i, j) {
                    continue;
                })?
                let at = $from_grid.at(i, j);
                column[i] = transform!(@load $from, at, $n $(, $inside)?);
            }
            columns[j] = $map(column);
        }
        for $i in 0..$to_n {
            // Another thread computes the positions of this row.
            if !$all && !(0..$to_n).any(|$j: usize| $wanted) {
                continue;
            }
            let mut row = [zero; $from_n];
            for j in 0..$from_n {
                row[j] = columns[j][$i];
            }
            let row = $map(row);
            if $all {
                for j in 0..$to_n {
                    let at = $to_grid.at($i, j);
                    // SAFETY: all lanes of the square are within the slice.
                    row[j].store(unsafe { $to.get_unchecked_mut(at..at + $n_out) });
                }
                continue;
            }
            for $j in 0..$to_n {
                if $wanted {
                    let at = $to_grid.at($i, $j);
                    row[$j].store(&mut $to[at..at + $n_out]);
                }
            }
        }
    }};
}
pub(super) use transform;

#[cfg(test)]
mod tests {
    use std::array;

    use super::*;
    use crate::gemm::micro::{Loops, Micro};

    /// What every machine has.
    type Plain = Lanes<f64, <<f64 as Loops>::Portable as Micro<f64>>::Lanes>;

    /// Numbers without a pattern, whose sums are exact.
    fn numbers(n: usize, seed: i64) -> Vec<f64> {
        let number = |i: i64| ((i * i * 37 + i * 11 + seed * 29) % 23 - 11) as f64;
        (0..n as i64).map(number).collect()
    }

    fn lanes<const I: usize>(numbers: &[f64]) -> [Plain; I] {
        // SAFETY: every machine has these instructions.
        array::from_fn(|i| unsafe { Plain::load(&numbers[i..=i]) })
    }

    fn first(lanes: Plain) -> f64 {
        let mut number = [0.0];
        lanes.store(&mut number);
        number[0]
    }

    fn dot<const I: usize>(a: [Plain; I], b: [Plain; I]) -> f64 {
        a.into_iter().zip(b).map(|(a, b)| first(a) * first(b)).sum()
    }

    fn filters_as_defined<S: Scheme<N, R, P>, const N: usize, const R: usize, const P: usize>() {
        let (d, w) = (numbers(N, 1), numbers(R, 2));
        let (v, u) = (S::source(lanes(&d)), S::kernel(lanes(&w)));
        let products: Vec<f64> = v
            .into_iter()
            .zip(u)
            .map(|(v, u)| first(v) * first(u))
            .collect();
        for (i, y) in S::result(lanes(&products)).into_iter().enumerate() {
            let exact: f64 = d[i..].iter().zip(&w).map(|(d, w)| d * w).sum();
            assert!((first(y) - exact).abs() < 1e-11, "{} for {exact}", first(y));
        }
    }

    /// (M x) y = x (M^T y).
    fn transposes_belong_together<
        S: Scheme<N, R, P>,
        const N: usize,
        const R: usize,
        const P: usize,
    >() {
        let (m, y) = (lanes(&numbers(P, 3)), lanes(&numbers(2, 4)));
        let (w, u) = (lanes(&numbers(R, 5)), lanes(&numbers(P, 6)));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{a} and {b}");
        near(dot(S::result(m), y), dot(m, S::of_result(y)));
        near(dot(S::kernel(w), u), dot(w, S::of_kernel(u)));
    }

    #[test]
    fn two_results_are_those_of_the_definition() {
        filters_as_defined::<ThreeTaps, 4, 3, 4>();
        filters_as_defined::<FiveTaps, 6, 5, 7>();
    }

    #[test]
    fn every_map_has_its_transpose() {
        transposes_belong_together::<ThreeTaps, 4, 3, 4>();
        transposes_belong_together::<FiveTaps, 6, 5, 7>();
    }
}
