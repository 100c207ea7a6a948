//! The loop of [`super::micro`] in plain Rust: what every machine has, and all that f64 has.

use std::array;

use super::micro::{Left, Loops, Micro, Out, Right, Vector, choose_tile, tile, transpose};
use crate::element::Real;

#[cfg(target_arch = "x86_64")]
impl Loops for f32 {
    type Avx512 = super::vector::Avx512;
    type Avx2 = super::vector::Avx2;
    type Portable = Portable;

    #[inline(always)]
    fn singles(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
    #[inline(always)]
    fn singles_mut(values: &mut [f32]) -> Option<&mut [f32]> {
        Some(values)
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Loops for f32 {
    type Avx512 = Portable;
    type Avx2 = Portable;
    type Portable = Portable;

    #[inline(always)]
    fn singles(values: &[f32]) -> Option<&[f32]> {
        Some(values)
    }
    #[inline(always)]
    fn singles_mut(values: &mut [f32]) -> Option<&mut [f32]> {
        Some(values)
    }
}

impl Loops for f64 {
    type Avx512 = Portable;
    type Avx2 = Portable;
    type Portable = Portable;

    #[inline(always)]
    fn singles(_values: &[f64]) -> Option<&[f32]> {
        None
    }
    #[inline(always)]
    fn singles_mut(_values: &mut [f64]) -> Option<&mut [f32]> {
        None
    }
}

/// Four numbers; a product and its addition are rounded one after the other.
#[derive(Clone, Copy)]
pub struct Lanes<T>([T; 4]);

impl<T: Real> Vector<T> for Lanes<T> {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Lanes([T::ZERO; 4])
    }
    #[inline(always)]
    unsafe fn splat(value: T) -> Self {
        Lanes([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller vouches for four numbers.
        Lanes(unsafe { from.cast::<[T; 4]>().read() })
    }
    #[inline(always)]
    unsafe fn load_part(from: *const T, n: usize) -> Self {
        // SAFETY: the caller vouches for `n` numbers.
        let part = unsafe { std::slice::from_raw_parts(from, n) };
        Lanes(array::from_fn(|j| part.get(j).copied().unwrap_or(T::ZERO)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller vouches for four numbers.
        unsafe { to.cast::<[T; 4]>().write(self.0) };
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut T, n: usize) {
        // SAFETY: the caller vouches for `n` numbers.
        unsafe { std::slice::from_raw_parts_mut(to, n) }.copy_from_slice(&self.0[..n]);
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Lanes(array::from_fn(|j| self.0[j] + other.0[j]))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Lanes(array::from_fn(|j| self.0[j] - other.0[j]))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Lanes(array::from_fn(|j| self.0[j] * other.0[j]))
    }
    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        let larger = |a: T, b: T| if b > a || b.is_nan() { b } else { a };
        Lanes(array::from_fn(|j| larger(self.0[j], other.0[j])))
    }
    #[inline(always)]
    unsafe fn rectified(self) -> Self {
        Lanes(self.0.map(|x| if x < T::ZERO { T::ZERO } else { x }))
    }
    #[inline(always)]
    unsafe fn where_equal(self, a: Self, b: Self) -> Self {
        Lanes(array::from_fn(|j| {
            if a.0[j] == b.0[j] { self.0[j] } else { T::ZERO }
        }))
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        Lanes(array::from_fn(|j| a.0[j] * b.0[j] + self.0[j]))
    }
}

/// What every machine has: 4 x 8.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

/// # Safety
///
/// As [`tile`].
unsafe fn plain<T: Real, const COPY: bool, const ROWS: usize, const VECTORS: usize>(
    left: Left<'_, T>,
    right: Right<'_, T>,
    out: Out<'_, T>,
    whole: bool,
    copy: *mut T,
) {
    // SAFETY: the caller vouches for the same.
    unsafe { tile::<T, Lanes<T>, COPY, ROWS, VECTORS>(left, right, out, whole, copy) };
}

impl<T: Real> Micro<T> for Portable {
    const ROWS: usize = 4;
    const COLUMNS: usize = 8;
    const VECTOR: usize = 4;
    type Lanes = Lanes<T>;

    #[inline(always)]
    fn wide(_n_rows: usize) -> &'static [usize] {
        &[]
    }

    #[inline(always)]
    fn run(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>) {
        choose_tile!(T, plain<T>, left, right, out, rows 1 2 3 4, wide)
    }

    #[inline(always)]
    fn run_copying(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>, copy: &mut [T]) {
        choose_tile!(T, plain<T>, left, right, out, copy copy, rows 1 2 3 4, wide)
    }

    #[inline(always)]
    fn transpose(
        from: &[T],
        from_step: usize,
        to: &mut [T],
        to_step: usize,
        rows: usize,
        depth: usize,
    ) {
        transpose(from, from_step, to, to_step, rows, depth);
    }
}
