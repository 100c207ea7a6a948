//! The loops of [`super::micro`] with AVX-512 and AVX2, for f32.

use std::arch::x86_64::*;
use std::array;

use super::micro::{Left, Micro, Out, Right, transpose};
use super::transpose::transpose16;

/// Checks that everything a loop below touches lies within its slices.
#[inline(always)]
fn check<T, M: Micro<T>>(left: &Left<'_, T>, right: &Right<'_, T>, out: &Out<'_, T>, width: usize) {
    let (n_rows, depth) = (out.places.len(), right.depth);
    assert!(n_rows <= M::ROWS && out.columns <= M::COLUMNS);
    match left {
        Left::Packed(strip) => assert!(strip.len() >= n_rows * depth),
        Left::Gathered(values, rows, depths) => {
            let farthest = rows.iter().fold(0, |most, &row| most.max(row));
            assert!(rows.len() == n_rows && depths.len() == depth);
            assert!(depth == 0 || farthest + depths.farthest < values.len());
        }
    }
    assert!(depth == 0 || (depth - 1) * right.step + width <= right.values.len());
    let farthest = out.places.iter().fold(0, |most, &place| most.max(place));
    assert!(farthest + out.columns <= out.values.len());
}

/// Writes the loops for one vector type.
macro_rules! vector_loops {
    (
        $(#[$meta:meta])* $name:ident, features $features:literal, rows $rows:literal ($($n:literal)*), lanes $lanes:literal,
        $zero:ident, $set:ident, $fma:ident, $add:ident, $load:ident, $store:ident, mask $mask:ident, $load_part:ident, $store_part:ident,
        transpose $transpose:path
    ) => {
        $(#[$meta])*
                #[derive(Clone, Copy, Debug)]
        pub struct $name;

                impl Micro<f32> for $name {
            const ROWS: usize = $rows;
            const COLUMNS: usize = 2 * $lanes;
            const VECTOR: usize = $lanes;

            #[inline(always)]
            fn run(left: Left<'_, f32>, right: Right<'_, f32>, out: Out<'_, f32>) {
                let vectors = if out.columns > $lanes { 2 } else { 1 };
                // A row of B that ends before its last vector does is read with a mask.
                let whole = right.padded || out.columns == vectors * $lanes;
                let width = if whole { vectors * $lanes } else { out.columns };
                check::<f32, $name>(&left, &right, &out, width);
                // SAFETY: only plans for a set with these instructions choose this type; `check` has seen that all
                // elements lie within their slices, reading `width` columns of B.
                unsafe {
                    match (out.places.len(), vectors) {
                        $(
                            ($n, 1) => Self::tile::<$n, 1>(left, right, out, whole),
                            ($n, _) => Self::tile::<$n, 2>(left, right, out, whole),
                        )*
                        _ => (),
                    }
                }
            }

            #[inline(always)]
            fn transpose(from: &[f32], from_step: usize, to: &mut [f32], to_step: usize, rows: usize, depth: usize) {
                $transpose(from, from_step, to, to_step, rows, depth);
            }
        }

                impl $name {
            /// A tile of exactly `ROWS` rows and at most `VECTORS` vectors of columns.
            ///
            /// # Safety
            ///
            /// The processor has the instructions; rows, depths, `(depth - 1) * step + columns` (all columns of the
            /// vectors, when `whole`) and places with their columns lie within their slices.
            #[target_feature(enable = $features)]
            unsafe fn tile<const ROWS: usize, const VECTORS: usize>(
                left: Left<'_, f32>, right: Right<'_, f32>, out: Out<'_, f32>, whole: bool,
            ) {
                let mut sums = [[$zero(); VECTORS]; ROWS];
                let last = $mask(out.columns - (VECTORS - 1) * $lanes);
                let mut b = right.values.as_ptr();
                macro_rules! step {
                    ($a:expr) => {{
                        let mut row = [$zero(); VECTORS];
                        for v in 0..VECTORS {
                            // SAFETY: row p of B, with as many columns as the caller promised.
                            row[v] = unsafe {
                                if whole || v + 1 < VECTORS {
                                    $load(b.add(v * $lanes))
                                } else {
                                    $load_part(b.add(v * $lanes), last)
                                }
                            };
                        }
                        for i in 0..ROWS {
                            let a = $set($a(i));
                            for v in 0..VECTORS {
                                sums[i][v] = $fma(a, row[v], sums[i][v]);
                            }
                        }
                        b = b.wrapping_add(right.step);
                    }};
                }
                match left {
                    Left::Packed(strip) => {
                        let mut a = strip.as_ptr();
                        for _ in 0..right.depth {
                            // SAFETY: the strip has ROWS elements for each depth.
                            step!(|i| unsafe { *a.add(i) });
                            a = a.wrapping_add(ROWS);
                        }
                    }
                    Left::Gathered(values, rows, depths) => {
                        let rows: [*const f32; ROWS] = array::from_fn(|i| values.as_ptr().wrapping_add(rows[i]));
                        for &depth in depths.offsets {
                            // SAFETY: the caller promised that each row plus each depth lies within the values.
                            step!(|i: usize| unsafe { *rows[i].add(depth as usize) });
                        }
                    }
                }
                for i in 0..ROWS {
                    let row = out.values.as_mut_ptr().wrapping_add(out.places[i]);
                    for v in 0..VECTORS {
                        let place = row.wrapping_add(v * $lanes);
                        // SAFETY: places with their columns lie within the values.
                        unsafe {
                            if v + 1 < VECTORS || out.columns == VECTORS * $lanes {
                                let sum = if out.first { sums[i][v] } else { $add($load(place), sums[i][v]) };
                                $store(place, sum);
                            } else {
                                let sum =
                                    if out.first { sums[i][v] } else { $add($load_part(place, last), sums[i][v]) };
                                $store_part(place, last, sum);
                            }
                        }
                    }
                }
            }
        }
    };
}

/// The first `n` of 16 lanes.
#[inline(always)]
fn mask16(n: usize) -> __mmask16 {
    ((1_u32 << n) - 1) as u16
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_part16(from: *const f32, mask: __mmask16) -> __m512 {
    // SAFETY: lanes outside the mask are not read; the caller vouches for those within.
    unsafe { _mm512_maskz_loadu_ps(mask, from) }
}

/// The first `n` of 8 lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn mask8(n: usize) -> __m256i {
    _mm256_cmpgt_epi32(
        _mm256_set1_epi32(n as i32),
        _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
    )
}

vector_loops! {
    /// AVX-512: 20 sums of 16 numbers, two vectors of B and an element of each of ten rows of A fill all 32 registers.
    Avx512, features "avx512f,avx2,fma", rows 10 (1 2 3 4 5 6 7 8 9 10), lanes 16,
    _mm512_setzero_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_add_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    mask mask16, load_part16, _mm512_mask_storeu_ps,
    transpose transpose16
}

vector_loops! {
    /// AVX2: 12 sums of 8 numbers, two vectors of B, and two to spare.
    Avx2, features "avx2,fma", rows 6 (1 2 3 4 5 6), lanes 8,
    _mm256_setzero_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_add_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    mask mask8, _mm256_maskload_ps, _mm256_maskstore_ps,
    transpose transpose
}
