//! Transposition of f32 in registers of AVX-512.

use std::arch::x86_64::*;

/// [`super::micro::Micro::transpose`] by blocks of 16 x 16 in registers.
#[inline(always)]
pub(super) fn transpose16(
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
    // Each store writes a vector; only the last ones of `to` may have no room for one, and are done singly.
    let room = (to.len().saturating_sub(16) / to_step + 1).min(depth);
    for first_row in (0..rows).step_by(16) {
        let n_rows = 16.min(rows - first_row);
        let vectors = if to.len() < first_row + 16 {
            0
        } else {
            (to.len() - first_row - 16) / to_step + 1
        };
        let vectors = vectors.min(room) / 16 * 16;
        for first in (0..vectors).step_by(16) {
            // SAFETY: only plans for AVX-512 choose this function. The rows end within `from`, by the assertion, and
            // `first + 16 <= depth`; the last vector begins at `(first + 15) * to_step + first_row`, 16 before the end
            // of `to` or earlier.
            unsafe {
                transpose_block(
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
unsafe fn transpose_block(
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
