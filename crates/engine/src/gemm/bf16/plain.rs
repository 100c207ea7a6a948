//! Pairs in plain Rust: each is taken apart and multiplied as two f32.

use super::{Pairs, STRIP};
use crate::gemm::micro::{Left, Out, Right, Tile, check};
use crate::precision::to_bf16;

/// What every machine has, or, fused, what the compiler makes of it with AVX2 and AVX-512.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<const FUSED: bool>;

/// Rows and columns whose sums are held at once.
const ROWS: usize = 4;
const COLUMNS: usize = 16;

#[inline(always)]
fn pair(even: f32, odd: f32) -> u32 {
    u32::from(to_bf16(even)) | u32::from(to_bf16(odd)) << 16
}

/// The even and the odd number of a pair.
#[inline(always)]
fn apart(pair: u32) -> [f32; 2] {
    [
        f32::from_bits(pair << 16),
        f32::from_bits(pair & 0xffff_0000),
    ]
}

/// sum + a b.
#[inline(always)]
fn add_product<const FUSED: bool>(sum: f32, a: f32, b: f32) -> f32 {
    if FUSED {
        a.mul_add(b, sum)
    } else {
        a * b + sum
    }
}

/// The sums of `N` rows from `first_row` on and of `COLUMNS` columns from `first_column` on, put into C.
#[inline(always)]
fn part<const FUSED: bool, const N: usize>(
    left: &Left<'_, u32>,
    right: &Right<'_, u32>,
    out: &mut Out<'_, f32>,
    first_row: usize,
    first_column: usize,
) {
    let mut sums = [[0.0_f32; COLUMNS]; N];
    for (q, &depth) in left.depths.offsets.iter().enumerate() {
        let mut b = [[0.0; COLUMNS]; 2];
        let row_of_b = &right.values[q * right.step + first_column..][..COLUMNS];
        for (j, &pair) in row_of_b.iter().enumerate() {
            [b[0][j], b[1][j]] = apart(pair);
        }
        for (sums, &start) in sums.iter_mut().zip(&left.rows.starts[first_row..]) {
            let [even, odd] = apart(left.values[start + depth as usize]);
            // The processor's own order: the odd ones, then the even ones.
            for (sum, &b) in sums.iter_mut().zip(&b[1]) {
                *sum = add_product::<FUSED>(*sum, odd, b);
            }
            for (sum, &b) in sums.iter_mut().zip(&b[0]) {
                *sum = add_product::<FUSED>(*sum, even, b);
            }
        }
    }
    let columns = COLUMNS.min(out.columns - first_column);
    for (i, sums) in sums.iter().enumerate() {
        let place = out.places.starts[first_row + i] + first_column;
        for (c, &sum) in out.values[place..place + columns].iter_mut().zip(sums) {
            *c = if out.first { sum } else { *c + sum };
        }
    }
}

impl<const FUSED: bool> Tile<u32, f32> for Plain<FUSED> {
    const ROWS: usize = 2 * ROWS;
    const COLUMNS: usize = STRIP;
    const VECTOR: usize = STRIP;

    #[inline(always)]
    fn tile(left: Left<'_, u32>, right: Right<'_, u32>, mut out: Out<'_, f32>) {
        check(&left, &right, &out, out.columns.next_multiple_of(COLUMNS));
        for column in (0..out.columns).step_by(COLUMNS) {
            let mut row = 0;
            while row < left.rows.len() {
                let n = ROWS.min(left.rows.len() - row);
                match n {
                    1 => part::<FUSED, 1>(&left, &right, &mut out, row, column),
                    2 => part::<FUSED, 2>(&left, &right, &mut out, row, column),
                    3 => part::<FUSED, 3>(&left, &right, &mut out, row, column),
                    _ => part::<FUSED, ROWS>(&left, &right, &mut out, row, column),
                }
                row += n;
            }
        }
    }
}

impl<const FUSED: bool> Pairs for Plain<FUSED> {
    type Ready = ();

    #[inline(always)]
    fn ready() {}

    #[inline(always)]
    fn along(from: &[f32], to: &mut [u32]) {
        assert!(to.len() == from.len().div_ceil(2));
        let (whole, rest) = from.as_chunks::<2>();
        for (to, &[even, odd]) in to.iter_mut().zip(whole) {
            *to = pair(even, odd);
        }
        if let (Some(to), [even]) = (to.last_mut(), rest) {
            *to = pair(*even, 0.0);
        }
    }

    #[inline(always)]
    fn across(first: &[f32], second: Option<&[f32]>, to: &mut [u32], strip_step: usize) {
        let zeros = [0.0; STRIP];
        for (strip, even) in first.chunks(STRIP).enumerate() {
            let odd = match second {
                Some(second) => &second[strip * STRIP..][..even.len()],
                None => &zeros[..even.len()],
            };
            let to = &mut to[strip * strip_step..][..even.len()];
            for ((to, &even), &odd) in to.iter_mut().zip(even).zip(odd) {
                *to = pair(even, odd);
            }
        }
    }

    #[inline(always)]
    fn upright(from: &[f32], from_step: usize, rows: usize, depth: usize, to: &mut [u32]) {
        for i in 0..rows {
            let row = &from[i * from_step..][..depth];
            for (to, numbers) in to.chunks_exact_mut(STRIP).zip(row.chunks(2)) {
                to[i] = pair(numbers[0], numbers.get(1).copied().unwrap_or(0.0));
            }
        }
    }
}
