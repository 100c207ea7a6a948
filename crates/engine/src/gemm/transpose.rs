//! Transposition of f32 in registers, of AVX-512 and of AVX2.

use std::arch::x86_64::*;

/// Transposes a block: from a place and the step of its rows, to another and its step, of so many rows.
type Block = unsafe fn(*const f32, usize, *mut f32, usize, usize);

/// [`super::micro::Micro::transpose`] by blocks of `SIDE` x `SIDE` in registers, which `block` transposes.
///
/// # Safety
///
/// The processor has the instructions of `block`; it may read `SIDE` numbers of each of up to `SIDE` rows and write `SIDE` to `SIDE` rows.
#[inline(always)]
pub(super) unsafe fn by_blocks<const SIDE: usize>(
    block: Block,
    from: &[f32],
    from_step: usize,
    to: &mut [f32],
    to_step: usize,
    rows: usize,
    depth: usize,
) {
    if rows == 0 || depth == 0 {
        return;
    }
    assert!((rows - 1) * from_step + depth <= from.len());
    for first_row in (0..rows).step_by(SIDE) {
        let n_rows = SIDE.min(rows - first_row);
        // Each store writes a vector; only the last ones of `to` may have no room for one, and are done singly.
        let vectors = if to.len() < first_row + SIDE {
            0
        } else {
            (to.len() - first_row - SIDE) / to_step + 1
        };
        let vectors = vectors.min(depth) / SIDE * SIDE;
        for first in (0..vectors).step_by(SIDE) {
            // SAFETY: the caller vouches for the instructions. The rows end within `from`, by the assertion, and
            // `first + SIDE <= depth`; the last vector begins at `(first + SIDE - 1) * to_step + first_row`, `SIDE` before the end
            // of `to` or earlier.
            unsafe {
                block(
                    from.as_ptr().add(first_row * from_step + first),
                    from_step,
                    to.as_mut_ptr().add(first * to_step + first_row),
                    to_step,
                    n_rows,
                );
            }
        }
        for p in vectors..depth {
            for i in first_row..first_row + n_rows {
                to[p * to_step + i] = from[i * from_step + p];
            }
        }
    }
}

/// Writes 16 columns of up to 16 rows as rows; rows that do not exist are zero.
///
/// # Safety
///
/// The processor has AVX-512. 16 numbers may be read from each of `n_rows` rows of `from`, and written to 16 rows of `to`.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn block16(
    from: *const f32,
    from_step: usize,
    to: *mut f32,
    to_step: usize,
    n_rows: usize,
) {
    let mut rows = [_mm512_setzero_ps(); 16];
    for (i, row) in rows.iter_mut().enumerate() {
        if i < n_rows {
            // SAFETY: the caller vouches for 16 numbers of each of these rows.
            *row = unsafe { _mm512_loadu_ps(from.add(i * from_step)) };
        }
    }
    for (p, row) in transpose_registers(rows).into_iter().enumerate() {
        // SAFETY: the caller vouches for 16 numbers of each of 16 rows.
        unsafe { _mm512_storeu_ps(to.add(p * to_step), row) };
    }
}

/// The columns of 16 rows.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose_registers(mut rows: [__m512; 16]) -> [__m512; 16] {
    // Pairs of rows, then pairs of pairs: four numbers of a column stand together, in each quarter of a vector.
    let mut quads = [_mm512_setzero_ps(); 16];
    for q in 0..4 {
        let [a, b, c, d] = [
            rows[4 * q],
            rows[4 * q + 1],
            rows[4 * q + 2],
            rows[4 * q + 3],
        ];
        let pairs = [
            _mm512_unpacklo_ps(a, b),
            _mm512_unpackhi_ps(a, b),
            _mm512_unpacklo_ps(c, d),
            _mm512_unpackhi_ps(c, d),
        ]
        .map(|pair| _mm512_castps_pd(pair));
        quads[4 * q] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[0], pairs[2]));
        quads[4 * q + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[0], pairs[2]));
        quads[4 * q + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(pairs[1], pairs[3]));
        quads[4 * q + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(pairs[1], pairs[3]));
    }
    // Quarters of four vectors are exchanged: column 4 l + j is quarter l of the vectors j, 4 + j, 8 + j and 12 + j.
    for j in 0..4 {
        let [a, b, c, d] = [quads[j], quads[4 + j], quads[8 + j], quads[12 + j]];
        let (ab_even, ab_odd) = (
            _mm512_shuffle_f32x4::<0x88>(a, b),
            _mm512_shuffle_f32x4::<0xdd>(a, b),
        );
        let (cd_even, cd_odd) = (
            _mm512_shuffle_f32x4::<0x88>(c, d),
            _mm512_shuffle_f32x4::<0xdd>(c, d),
        );
        let columns = [
            _mm512_shuffle_f32x4::<0x88>(ab_even, cd_even),
            _mm512_shuffle_f32x4::<0x88>(ab_odd, cd_odd),
            _mm512_shuffle_f32x4::<0xdd>(ab_even, cd_even),
            _mm512_shuffle_f32x4::<0xdd>(ab_odd, cd_odd),
        ];
        rows[j] = columns[0];
        rows[4 + j] = columns[1];
        rows[8 + j] = columns[2];
        rows[12 + j] = columns[3];
    }
    rows
}

/// [`block16`] with 8 columns of up to 8 rows.
///
/// # Safety
///
/// The processor has AVX2. 8 numbers may be read from each of `n_rows` rows of `from`, and written to 8 rows of `to`.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn block8(
    from: *const f32,
    from_step: usize,
    to: *mut f32,
    to_step: usize,
    n_rows: usize,
) {
    let mut rows = [_mm256_setzero_ps(); 8];
    for (i, row) in rows.iter_mut().enumerate() {
        if i < n_rows {
            // SAFETY: the caller vouches for 8 numbers of each of these rows.
            *row = unsafe { _mm256_loadu_ps(from.add(i * from_step)) };
        }
    }
    // Four numbers of a column stand together, in each half of a vector: columns j and 4 + j of four rows.
    let quads = |q: usize| {
        let [a, b, c, d] = [
            rows[4 * q],
            rows[4 * q + 1],
            rows[4 * q + 2],
            rows[4 * q + 3],
        ];
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(ab_low, cd_low),
            _mm256_shuffle_ps::<0xee>(ab_low, cd_low),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    };
    let (upper, lower) = (quads(0), quads(1));
    for j in 0..4 {
        // SAFETY: the caller vouches for 8 numbers of each of 8 rows.
        unsafe {
            let left = _mm256_permute2f128_ps::<0x20>(upper[j], lower[j]);
            let right = _mm256_permute2f128_ps::<0x31>(upper[j], lower[j]);
            _mm256_storeu_ps(to.add(j * to_step), left);
            _mm256_storeu_ps(to.add((4 + j) * to_step), right);
        }
    }
}
