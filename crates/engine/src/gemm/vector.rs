//! The loop of [`super::micro`] with AVX-512 and AVX2, for f32.

use std::arch::x86_64::*;

use super::micro::{Left, Micro, Out, Right, Vector, choose_tile, tile};
use super::transpose::{block8, block16, by_blocks};

/// AVX-512: 20 sums of 16 numbers, two vectors of B and an element of each of ten rows of A fill all 32 registers. With
/// more rows the compiler moves sums to memory and back, and ten are enough to keep two multipliers busy. A strip has eight rows,
/// which divide most batches and layers, and three vectors: 24 sums for eleven loads.
#[derive(Clone, Copy, Debug)]
pub struct Avx512;

/// AVX2: 12 sums of 8 numbers, two vectors of B, and two to spare.
#[derive(Clone, Copy, Debug)]
pub struct Avx2;

impl Vector<f32> for __m512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: here and below, what the trait asks of the caller.
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        unsafe { _mm512_maskz_loadu_ps(mask16(n), from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        unsafe { _mm512_mask_storeu_ps(to, mask16(n), self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { _mm512_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { _mm512_mul_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        unsafe {
            let takes = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(other, self)
                | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(other, other);
            _mm512_mask_mov_ps(self, takes, other)
        }
    }
    #[inline(always)]
    unsafe fn rectified(self) -> Self {
        // The second is taken where one is NaN.
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), self) }
    }
    #[inline(always)]
    unsafe fn where_equal(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b), self) }
    }
    #[inline(always)]
    fn prefetch(from: *const f32) {
        // SAFETY: every x86-64 machine has the instruction, and it may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fmadd_ps(a, b, self) }
    }
}

impl Vector<f32> for __m256 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        // SAFETY: here and below, what the trait asks of the caller.
        unsafe { _mm256_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { _mm256_set1_ps(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self {
        unsafe { _mm256_maskload_ps(from, mask8(n)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, n: usize) {
        debug_assert!(n < 8);
        // A store under a mask takes some processors forty operations.
        unsafe {
            let (mut to, mut rest) = (to, _mm256_castps256_ps128(self));
            if n & 4 != 0 {
                _mm_storeu_ps(to, rest);
                (to, rest) = (to.add(4), _mm256_extractf128_ps::<1>(self));
            }
            if n & 2 != 0 {
                _mm_storeu_si64(to.cast(), _mm_castps_si128(rest));
                (to, rest) = (to.add(2), _mm_movehl_ps(rest, rest));
            }
            if n & 1 != 0 {
                _mm_store_ss(to, rest);
            }
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { _mm256_sub_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { _mm256_mul_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn larger(self, other: Self) -> Self {
        unsafe {
            let takes = _mm256_or_ps(
                _mm256_cmp_ps::<_CMP_GT_OQ>(other, self),
                _mm256_cmp_ps::<_CMP_UNORD_Q>(other, other),
            );
            _mm256_blendv_ps(self, other, takes)
        }
    }
    #[inline(always)]
    unsafe fn rectified(self) -> Self {
        // The second is taken where one is NaN.
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), self) }
    }
    #[inline(always)]
    unsafe fn where_equal(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(a, b), self) }
    }
    #[inline(always)]
    fn prefetch(from: *const f32) {
        // SAFETY: every x86-64 machine has the instruction, and it may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_fmadd_ps(a, b, self) }
    }
}

/// The first `n` of 16 lanes.
#[inline(always)]
fn mask16(n: usize) -> __mmask16 {
    ((1_u32 << n) - 1) as u16
}

/// The first `n` of 8 lanes.
#[inline(always)]
fn mask8(n: usize) -> __m256i {
    // SAFETY: called by the functions of `__m256` only.
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
    }
}

/// # Safety
///
/// As [`tile`].
// In another function its registers would be shared with what surrounds it.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
unsafe fn tile512<V: Vector<f32>, const COPY: bool, const ROWS: usize, const VECTORS: usize>(
    left: Left<'_, f32>,
    right: Right<'_, f32>,
    out: Out<'_, f32>,
    whole: bool,
    copy: *mut f32,
) {
    // SAFETY: the caller vouches for the same.
    unsafe { tile::<f32, V, COPY, ROWS, VECTORS>(left, right, out, whole, copy) };
}

/// # Safety
///
/// As [`tile`].
#[target_feature(enable = "avx2,fma")]
unsafe fn tile256<V: Vector<f32>, const COPY: bool, const ROWS: usize, const VECTORS: usize>(
    left: Left<'_, f32>,
    right: Right<'_, f32>,
    out: Out<'_, f32>,
    whole: bool,
    copy: *mut f32,
) {
    // SAFETY: the caller vouches for the same.
    unsafe { tile::<f32, V, COPY, ROWS, VECTORS>(left, right, out, whole, copy) };
}

impl Micro<f32> for Avx512 {
    const ROWS: usize = 10;
    const COLUMNS: usize = 32;
    const VECTOR: usize = 16;
    const STRIP_ROWS: usize = 8;
    type Lanes = __m512;

    /// Three vectors, but four are twice two: a single one has too few sums to keep two multipliers busy.
    #[inline(always)]
    fn strip(left: usize) -> usize {
        match left {
            49..=64 => 32,
            left => left.min(48),
        }
    }

    #[inline(always)]
    fn wide(n_rows: usize) -> &'static [usize] {
        match n_rows {
            1 => &[256, 96, 64],
            2 => &[128, 96, 64],
            _ => &[],
        }
    }

    #[inline(always)]
    fn run(left: Left<'_, f32>, right: Right<'_, f32>, out: Out<'_, f32>) {
        choose_tile!(f32, tile512<__m512>, left, right, out, rows 1 2 3 4 5 6 7 8 9 10, wide (1, 3) (2, 3) (3, 3) (4, 3) (5, 3) (6, 3) (7, 3) (8, 3) (1, 4) (1, 6) (1, 16) (2, 4) (2, 6) (2, 8))
    }

    #[inline(always)]
    fn run_copying(
        left: Left<'_, f32>,
        right: Right<'_, f32>,
        out: Out<'_, f32>,
        copy: &mut [f32],
    ) {
        choose_tile!(f32, tile512<__m512>, left, right, out, copy copy, rows 6 7 8, wide (6, 3) (7, 3) (8, 3))
    }

    #[inline(always)]
    fn transpose(
        from: &[f32],
        from_step: usize,
        to: &mut [f32],
        to_step: usize,
        rows: usize,
        depth: usize,
    ) {
        // SAFETY: plans choose this type only for an `Isa` that has its instructions.
        unsafe { by_blocks::<16>(block16, from, from_step, to, to_step, rows, depth) }
    }
}

impl Micro<f32> for Avx2 {
    const ROWS: usize = 6;
    const COLUMNS: usize = 16;
    const VECTOR: usize = 8;
    const NEAR: usize = 4_096;
    type Lanes = __m256;

    #[inline(always)]
    fn wide(n_rows: usize) -> &'static [usize] {
        match n_rows {
            1 => &[64],
            2 => &[32],
            _ => &[],
        }
    }

    #[inline(always)]
    fn run(left: Left<'_, f32>, right: Right<'_, f32>, out: Out<'_, f32>) {
        choose_tile!(f32, tile256<__m256>, left, right, out, rows 1 2 3 4 5 6, wide (1, 8) (2, 4))
    }

    #[inline(always)]
    fn run_copying(
        left: Left<'_, f32>,
        right: Right<'_, f32>,
        out: Out<'_, f32>,
        copy: &mut [f32],
    ) {
        choose_tile!(f32, tile256<__m256>, left, right, out, copy copy, rows 4 5 6, wide)
    }

    #[inline(always)]
    fn transpose(
        from: &[f32],
        from_step: usize,
        to: &mut [f32],
        to_step: usize,
        rows: usize,
        depth: usize,
    ) {
        // SAFETY: as above.
        unsafe { by_blocks::<8>(block8, from, from_step, to, to_step, rows, depth) }
    }
}
