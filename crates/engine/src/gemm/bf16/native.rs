//! Pairs with AVX512_BF16. The instructions round to nearest, of two as near to even, and take numbers below 2^-126 for 0.

use std::arch::x86_64::*;
use std::array;

use super::{Pairs, STRIP};
use crate::gemm::micro::{Left, Out, Right, Tile, check, put};
use crate::gemm::transpose::transpose_registers;

/// AVX512_BF16: as with f32, 20 sums of 16 numbers, two vectors of B and a pair of each of ten rows of A.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Native;

/// Columns of a vector.
const LANES: usize = 16;

/// A tile of exactly `ROWS` rows and at most `VECTORS` vectors of columns.
///
/// # Safety
///
/// The processor has AVX-512 and AVX512_BF16, and [`check`] has seen the arguments with a width of `VECTORS` vectors.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma")]
unsafe fn tile512<const ROWS: usize, const VECTORS: usize>(
    left: Left<'_, u32>,
    right: Right<'_, u32>,
    out: Out<'_, f32>,
) {
    let places = out.places;
    debug_assert!(left.rows.len() == ROWS && places.len() == ROWS);
    debug_assert!(out.columns.div_ceil(LANES) == VECTORS);
    let n_last = out.columns - (VECTORS - 1) * LANES;
    let start = left.values.as_ptr();
    let rows: [*const u32; ROWS] = array::from_fn(|i| start.wrapping_add(left.rows.starts[i]));
    let mut row_of_b = right.values.as_ptr();
    // SAFETY: the caller vouches for the instructions. `check` has seen that each row with each depth lies within the
    // values of A, that each row of B has `VECTORS` vectors, and that the tile lies within C.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); VECTORS]; ROWS];
        for &depth in left.depths.offsets {
            let b: [__m512bh; VECTORS] = array::from_fn(|v| {
                let at = row_of_b.wrapping_add(v * LANES);
                as_pairs(_mm512_loadu_si512(at.cast()))
            });
            for i in 0..ROWS {
                let a = as_pairs(_mm512_set1_epi32(*rows[i].add(depth as usize) as i32));
                for v in 0..VECTORS {
                    sums[i][v] = _mm512_dpbf16_ps(sums[i][v], a, b[v]);
                }
            }
            row_of_b = row_of_b.wrapping_add(right.step);
        }
        let c = out.values.as_mut_ptr();
        for (sums, &place) in sums.into_iter().zip(places.starts) {
            put::<f32, __m512, VECTORS>(sums, c.add(place), n_last, out.first);
        }
    }
}

#[inline(always)]
fn as_pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is a value.
    unsafe { std::mem::transmute(bits) }
}

#[inline(always)]
fn as_bits(pairs: __m512bh) -> __m512i {
    // SAFETY: as above.
    unsafe { std::mem::transmute(pairs) }
}

/// The first `n` of 16 lanes.
#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    ((1_u32 << n.min(LANES)) - 1) as u16
}

/// Up to 32 numbers as 16 pairs, with zeros behind the last.
///
/// # Safety
///
/// The processor has the instructions; `n` numbers may be read.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pairs_along(from: *const f32, n: usize) -> __m512i {
    // SAFETY: the caller vouches for `n` numbers, and no lane beyond them is read.
    let (low, high) = unsafe {
        (
            _mm512_maskz_loadu_ps(mask(n), from),
            _mm512_maskz_loadu_ps(mask(n.saturating_sub(LANES)), from.wrapping_add(LANES)),
        )
    };
    as_bits(_mm512_cvtne2ps_pbh(high, low))
}

/// # Safety
///
/// The processor has the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn along512(from: &[f32], to: &mut [u32]) {
    let (whole, rest) = from.as_chunks::<{ 2 * LANES }>();
    let (to, to_rest) = to.split_at_mut(whole.len() * LANES);
    for (from, to) in whole.iter().zip(to.as_chunks_mut::<LANES>().0) {
        // SAFETY: 32 numbers are read and 16 pairs written.
        unsafe {
            let low = _mm512_loadu_ps(from.as_ptr());
            let high = _mm512_loadu_ps(from.as_ptr().add(LANES));
            let pairs = as_bits(_mm512_cvtne2ps_pbh(high, low));
            _mm512_storeu_si512(to.as_mut_ptr().cast(), pairs);
        }
    }
    // SAFETY: as many numbers are read as are left, and as many pairs written as there is room for.
    unsafe {
        let pairs = pairs_along(rest.as_ptr(), rest.len());
        _mm512_mask_storeu_epi32(to_rest.as_mut_ptr().cast(), mask(to_rest.len()), pairs);
    }
}

/// # Safety
///
/// The processor has the instructions. `second` is null or has `n` numbers, as `first` has; `to` has room for the strips
/// up to the vector that holds column `n - 1`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn across512(
    first: *const f32,
    second: *const f32,
    n: usize,
    to: *mut u32,
    strip_step: usize,
) {
    // Word 2 j is word j of the first half, word 2 j + 1 is word j of the second.
    let order = array::from_fn::<u16, 32, _>(|word| (word / 2 + word % 2 * 16) as u16);
    // SAFETY: an array of 32 words is 64 bytes.
    let order = unsafe { _mm512_loadu_si512(order.as_ptr().cast()) };
    let interleave = |even, odd| {
        let halves = as_bits(_mm512_cvtne2ps_pbh(odd, even));
        _mm512_permutexvar_epi16(order, halves)
    };
    let n_whole = if second.is_null() { 0 } else { n / STRIP };
    let (mut even, mut odd, mut strip) = (first, second, to);
    for _ in 0..n_whole {
        // SAFETY: both rows have the 32 columns of this strip, and so has `to`.
        unsafe {
            let low = interleave(_mm512_loadu_ps(even), _mm512_loadu_ps(odd));
            let high = interleave(
                _mm512_loadu_ps(even.add(LANES)),
                _mm512_loadu_ps(odd.add(LANES)),
            );
            _mm512_storeu_si512(strip.cast(), low);
            _mm512_storeu_si512(strip.add(LANES).cast(), high);
        }
        (even, odd) = (even.wrapping_add(STRIP), odd.wrapping_add(STRIP));
        strip = strip.wrapping_add(strip_step);
    }
    let odd_mask = if second.is_null() { 0 } else { u16::MAX };
    for column in (n_whole * STRIP..n).step_by(LANES) {
        let lanes = mask(n - column);
        // SAFETY: no lane beyond number `n` is read; nothing is read of a null pointer, because its mask is empty.
        unsafe {
            let even = _mm512_maskz_loadu_ps(lanes, first.wrapping_add(column));
            let odd = _mm512_maskz_loadu_ps(lanes & odd_mask, second.wrapping_add(column));
            let place = column / STRIP * strip_step + column % STRIP;
            _mm512_storeu_si512(to.add(place).cast(), interleave(even, odd));
        }
    }
}

/// # Safety
///
/// The processor has the instructions. Each of `rows` rows has `depth` numbers, `from_step` apart; `to` has a strip of
/// `depth / 2` pairs, rounded up.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn upright512(from: *const f32, from_step: usize, rows: usize, depth: usize, to: *mut u32) {
    let pairs = depth.div_ceil(2);
    for first_row in (0..rows).step_by(LANES) {
        let n_rows = LANES.min(rows - first_row);
        for first in (0..pairs).step_by(LANES) {
            let mut square = [_mm512_setzero_ps(); LANES];
            for (i, row) in square.iter_mut().enumerate() {
                if i < n_rows {
                    let start = (first_row + i) * from_step + 2 * first;
                    // SAFETY: the row goes on for `depth - 2 first` numbers from there.
                    let pairs = unsafe { pairs_along(from.add(start), depth - 2 * first) };
                    *row = _mm512_castsi512_ps(pairs);
                }
            }
            let columns = transpose_registers(square);
            for (q, column) in (first..pairs).zip(columns) {
                // SAFETY: the strip has 32 columns for each of its pairs, and `first_row` is 0 or 16.
                unsafe { _mm512_storeu_ps(to.add(q * STRIP + first_row).cast(), column) };
            }
        }
    }
}

/// # Safety
///
/// The processor has the instructions. Each of `depth` rows of `from`, `from_step` apart, has `rows` numbers; `to` has
/// `rows` rows, `to_step` apart, with room for `depth / 2` pairs, rounded up to whole vectors.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn turn512(
    from: *const f32,
    from_step: usize,
    rows: usize,
    depth: usize,
    to: *mut u32,
    to_step: usize,
) {
    for first in (0..depth).step_by(2 * LANES) {
        for row in (0..rows).step_by(LANES) {
            let n_rows = LANES.min(rows - row);
            let at = |p: usize| {
                let lanes = if p < depth { mask(n_rows) } else { 0 };
                // SAFETY: a depth that exists has these rows; nothing is read of one that does not.
                unsafe { _mm512_maskz_loadu_ps(lanes, from.wrapping_add(p * from_step + row)) }
            };
            let square = array::from_fn(|q| interleave(at(first + 2 * q), at(first + 2 * q + 1)));
            for (i, pairs) in transpose_registers(square)
                .into_iter()
                .take(n_rows)
                .enumerate()
            {
                let place = (row + i) * to_step + first / 2;
                // SAFETY: the row has room for whole vectors.
                unsafe { _mm512_storeu_ps(to.add(place).cast(), pairs) };
            }
        }
    }
}

/// Rounds 16 numbers of an even depth and of the odd one behind it to pairs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
fn interleave(even: __m512, odd: __m512) -> __m512 {
    let (even, odd) = (_mm512_cvtneps_pbh(even), _mm512_cvtneps_pbh(odd));
    // SAFETY: both are 32 bytes of which every pattern is a value.
    let [even, odd]: [__m256i; 2] = unsafe { std::mem::transmute([even, odd]) };
    let odd = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(odd));
    _mm512_castsi512_ps(_mm512_or_si512(_mm512_cvtepu16_epi32(even), odd))
}

impl Native {
    /// [`Pairs::turned`], for tiles that want rows of A along memory.
    #[inline(always)]
    pub(super) fn turn(
        from: &[f32],
        from_step: usize,
        rows: usize,
        depth: usize,
        to: &mut [u32],
        to_step: usize,
    ) {
        assert!(rows > 0 && depth > 0);
        assert!((depth - 1) * from_step + rows <= from.len());
        let pairs = depth.div_ceil(2).next_multiple_of(LANES);
        assert!(pairs <= to_step && (rows - 1) * to_step + pairs <= to.len());
        // SAFETY: `choose_pairs!` chooses this type, or one that has its instructions too, only for an `Isa` that has them, as do
        // the convolutions that name it; the assertions have seen that all depths end within `from` and all rows within `to`.
        unsafe {
            turn512(
                from.as_ptr(),
                from_step,
                rows,
                depth,
                to.as_mut_ptr(),
                to_step,
            )
        };
    }
}

impl Tile<u32, f32> for Native {
    const ROWS: usize = 10;
    const COLUMNS: usize = STRIP;
    const VECTOR: usize = STRIP;

    #[inline(always)]
    fn tile(left: Left<'_, u32>, right: Right<'_, u32>, out: Out<'_, f32>) {
        let vectors = out.columns.div_ceil(LANES);
        check(&left, &right, &out, vectors * LANES);
        macro_rules! choose {
            ($($rows:literal)*) => {
                match (left.rows.len(), vectors) {
                    $(($rows, 1) => tile512::<$rows, 1>(left, right, out),)*
                    $(($rows, 2) => tile512::<$rows, 2>(left, right, out),)*
                    (n_rows, _) => unreachable!("a tile of {n_rows} rows and {vectors} vectors"),
                }
            };
        }
        // SAFETY: `choose_pairs!` chooses this type only for an `Isa` that has its instructions, and the convolutions that name it have
        // seen that theirs is one; `check` has seen the rest.
        unsafe { choose!(1 2 3 4 5 6 7 8 9 10) }
    }
}

impl Pairs for Native {
    type Ready = ();

    #[inline(always)]
    fn ready() {}

    #[inline(always)]
    fn along(from: &[f32], to: &mut [u32]) {
        assert!(to.len() == from.len().div_ceil(2));
        // SAFETY: `choose_pairs!` chooses this type only for an `Isa` that has its instructions, and the convolutions that name it have
        // seen that theirs is one.
        unsafe { along512(from, to) };
    }

    #[inline(always)]
    fn across(first: &[f32], second: Option<&[f32]>, to: &mut [u32], strip_step: usize) {
        let n = first.len();
        assert!(second.is_none_or(|second| second.len() == n));
        assert!(n > 0);
        let last = (n - 1) / LANES * LANES;
        assert!(last / STRIP * strip_step + last % STRIP + LANES <= to.len());
        let second = second.map_or(std::ptr::null(), <[f32]>::as_ptr);
        // SAFETY: as above; the assertions have seen that both rows have `n` numbers and where the last vector ends.
        unsafe { across512(first.as_ptr(), second, n, to.as_mut_ptr(), strip_step) };
    }

    #[inline(always)]
    fn prefetch(numbers: &[f32]) {
        for line in numbers.chunks(LANES) {
            // SAFETY: every x86-64 machine has the instruction, and it may name any address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
        }
    }

    #[inline(always)]
    fn upright(from: &[f32], from_step: usize, rows: usize, depth: usize, to: &mut [u32]) {
        assert!(0 < rows && rows <= STRIP && depth > 0);
        assert!((rows - 1) * from_step + depth <= from.len());
        assert!(depth.div_ceil(2) * STRIP <= to.len());
        // SAFETY: as above; the assertions have seen that the rows end within `from` and that the strip has its pairs.
        unsafe { upright512(from.as_ptr(), from_step, rows, depth, to.as_mut_ptr()) };
    }
}
