//! Pairs with AMX (Intel's manual, TDPBF16PS): one instruction multiplies 16 rows of 16 pairs with 16 pairs of 16 columns
//! and adds to a tile of 16 x 16 sums. The instruction rounds to nearest and takes numbers below 2^-126 for 0.
//!
//! Compilers know no tiles yet, so the innermost loop is written in assembly. It holds two by two tiles of sums: each tile
//! of a factor is read once for two products. Rows of A that do not lie at equal steps with their depths in order, as those
//! of images, are copied first, once for all columns of B.

use std::arch::asm;
use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::{MOST_DEPTHS, Native, PAIRS, Pairs, STRIP};
use crate::gemm::micro::{Left, MAX_ROWS, Out, Right, Tile, check, put};
use crate::gemm::transpose::transpose_registers;

/// AMX with AVX512_BF16, which rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amx;

/// Rows of a tile, and its pairs or sums.
const SIDE: usize = 16;
/// From one copied row of A to the next, in pairs: an odd number of cache lines.
const COPY_STEP: usize = PAIRS + SIDE;

/// What LDTILECFG reads: the kind of configuration, then bytes of a row and rows of each tile.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static CONFIGURATION: Configuration = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        row_bytes[tile] = 64;
        rows[tile] = SIDE as u8;
        tile += 1;
    }
    Configuration {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes,
        rows,
    }
};

/// While it lives, the tiles of this thread are configured; then they are given back, so that a thread which is interrupted
/// has none to be saved.
#[derive(Debug)]
pub(crate) struct Configured(());

impl Drop for Configured {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: only `ready` makes one, where the processor has the instruction; no tile holds anything from one block of
        // assembly to the next.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

/// Writes the loop over the depths of a tile of sums of one or two tiles' rows and columns.
macro_rules! sum_tiles {
    ($a:expr, $a_step:expr, $b:expr, $n:expr, $sums:expr, zero $($zero:literal)*, multiply $($multiply:literal)*, store $($store:literal)*) => {
        asm!(
            $($zero,)*
            "2:",
            $($multiply,)*
            "add {a}, 64",
            "add {lower}, 64",
            "add {b}, 2048",
            "dec {n}",
            "jnz 2b",
            $($store,)*
            a = inout(reg) $a => _,
            lower = inout(reg) $a.wrapping_add(SIDE * $a_step) => _,
            a_step = in(reg) $a_step * size_of::<u32>(),
            b = inout(reg) $b => _,
            strip = in(reg) STRIP * size_of::<u32>(),
            n = inout(reg) $n => _,
            sums = in(reg) $sums,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        )
    };
}

/// Sums of up to 32 rows and columns.
#[repr(align(64))]
struct Sums(MaybeUninit<[f32; MAX_ROWS * STRIP]>);

/// Products of one or, when `TALL`, two tiles of rows with one or, when `WIDE`, two tiles of columns, over `n` tiles of
/// depths.
///
/// # Safety
///
/// The tiles are configured, `n` is above 0. 16 or 32 rows of A, `a_step` pairs apart, have `16 n` pairs each, and the strip
/// of B has as many rows.
#[inline(always)]
unsafe fn multiply<const TALL: bool, const WIDE: bool>(
    a: *const u32,
    a_step: usize,
    b: *const u32,
    n: usize,
    sums: &mut Sums,
) {
    let sums = sums.0.as_mut_ptr();
    // SAFETY: the caller vouches for what is read; the tiles that are stored lie within `sums`, whose rows have the columns
    // of a strip. Each block names all registers that it changes and leaves nothing in a tile.
    unsafe {
        match (TALL, WIDE) {
            (true, true) => sum_tiles!(
                a, a_step, b, n, sums,
                zero "tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3",
                multiply
                    "tileloadd tmm4, [{a} + {a_step}]"
                    "tileloadd tmm6, [{b} + {strip}]"
                    "tileloadd tmm7, [{b} + {strip} + 64]"
                    "tdpbf16ps tmm0, tmm4, tmm6"
                    "tileloadd tmm5, [{lower} + {a_step}]"
                    "tdpbf16ps tmm1, tmm4, tmm7"
                    "tdpbf16ps tmm2, tmm5, tmm6"
                    "tdpbf16ps tmm3, tmm5, tmm7",
                store
                    "tilestored [{sums} + {strip}], tmm0"
                    "tilestored [{sums} + {strip} + 64], tmm1"
                    "tilestored [{sums} + {strip} + 2048], tmm2"
                    "tilestored [{sums} + {strip} + 2112], tmm3"
            ),
            (true, false) => sum_tiles!(
                a, a_step, b, n, sums,
                zero "tilezero tmm0" "tilezero tmm2",
                multiply
                    "tileloadd tmm4, [{a} + {a_step}]"
                    "tileloadd tmm6, [{b} + {strip}]"
                    "tileloadd tmm5, [{lower} + {a_step}]"
                    "tdpbf16ps tmm0, tmm4, tmm6"
                    "tdpbf16ps tmm2, tmm5, tmm6",
                store
                    "tilestored [{sums} + {strip}], tmm0"
                    "tilestored [{sums} + {strip} + 2048], tmm2"
            ),
            (false, true) => sum_tiles!(
                a, a_step, b, n, sums,
                zero "tilezero tmm0" "tilezero tmm1",
                multiply
                    "tileloadd tmm4, [{a} + {a_step}]"
                    "tileloadd tmm6, [{b} + {strip}]"
                    "tileloadd tmm7, [{b} + {strip} + 64]"
                    "tdpbf16ps tmm0, tmm4, tmm6"
                    "tdpbf16ps tmm1, tmm4, tmm7",
                store
                    "tilestored [{sums} + {strip}], tmm0"
                    "tilestored [{sums} + {strip} + 64], tmm1"
            ),
            (false, false) => sum_tiles!(
                a, a_step, b, n, sums,
                zero "tilezero tmm0",
                multiply
                    "tileloadd tmm4, [{a} + {a_step}]"
                    "tileloadd tmm6, [{b} + {strip}]"
                    "tdpbf16ps tmm0, tmm4, tmm6",
                store "tilestored [{sums} + {strip}], tmm0"
            ),
        }
    }
}

/// Rows of A in the order in which tiles read them.
#[repr(align(64))]
struct Copied(MaybeUninit<[u32; MAX_ROWS * COPY_STEP]>);

/// Where the first row of A lies and how far it is to the next, when tiles can read it there: `rows` rows, the last of them
/// perhaps not of the strip.
fn steady(left: &Left<'_, u32>, rows: usize) -> Option<(usize, usize)> {
    if !left.depths.padded {
        return None;
    }
    let starts = &left.rows.starts[..left.rows.len()];
    let step = starts
        .get(1)
        .map_or(0, |second| second.wrapping_sub(starts[0]));
    let is_steady = starts
        .windows(2)
        .all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    let depth = left.depths.len().next_multiple_of(SIDE);
    let end = (rows - 1)
        .checked_mul(step)?
        .checked_add(starts[0])?
        .checked_add(depth)?;
    (is_steady && end <= left.values.len()).then_some((starts[0], step))
}

/// Copies the rows of a strip, each as far as a whole number of tiles, with zeros behind its last depth and for rows up to
/// `rows` that it has not.
///
/// # Safety
///
/// The processor has AVX-512. Each row with each depth lies within the values; `rows` is 16 or 32, and the depths are at
/// most [`PAIRS`].
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
unsafe fn copy_rows(left: &Left<'_, u32>, rows: usize, to: *mut u32) {
    let values = left.values.as_ptr();
    let offsets = left.depths.offsets;
    let in_order = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for first in (0..rows).step_by(SIDE) {
        let n_rows = left.rows.len().saturating_sub(first).min(SIDE);
        let starts = &left.rows.starts[first..][..SIDE];
        let adjacent = n_rows == SIDE && starts.windows(2).all(|pair| pair[1] == pair[0] + 1);
        for (tile, offsets) in offsets.chunks(SIDE).enumerate() {
            let to = to.wrapping_add(first * COPY_STEP + tile * SIDE);
            let lanes = ((1_u32 << offsets.len()) - 1) as u16;
            // SAFETY: there are as many offsets as lanes.
            let places = unsafe { _mm512_maskz_loadu_epi32(lanes, offsets.as_ptr().cast()) };
            let run = _mm512_add_epi32(_mm512_set1_epi32(offsets[0] as i32), in_order);
            let is_run = _mm512_mask_cmpneq_epi32_mask(lanes, places, run) == 0;
            if adjacent && !is_run {
                let mut square = [_mm512_setzero_ps(); SIDE];
                for (depth, &offset) in square.iter_mut().zip(offsets) {
                    // SAFETY: 16 rows begin one behind the other, and each has this depth.
                    *depth = unsafe {
                        _mm512_loadu_ps(values.wrapping_add(starts[0] + offset as usize).cast())
                    };
                }
                for (i, row) in transpose_registers(square).into_iter().enumerate() {
                    // SAFETY: each row of the copy has whole tiles.
                    unsafe { _mm512_storeu_ps(to.wrapping_add(i * COPY_STEP).cast(), row) };
                }
                continue;
            }
            for (i, &start) in starts.iter().enumerate() {
                let row = values.wrapping_add(start);
                let pairs = if i >= n_rows {
                    _mm512_setzero_si512()
                } else if is_run {
                    // SAFETY: the depths of these lanes lie one behind the other within the row.
                    unsafe {
                        let from = row.wrapping_add(offsets[0] as usize);
                        _mm512_maskz_loadu_epi32(lanes, from.cast())
                    }
                } else {
                    // SAFETY: each depth of these lanes lies within the row; offsets are below 2^31.
                    unsafe {
                        let zero = _mm512_setzero_si512();
                        _mm512_mask_i32gather_epi32::<4>(zero, lanes, places, row.cast())
                    }
                };
                // SAFETY: as above.
                unsafe { _mm512_storeu_si512(to.wrapping_add(i * COPY_STEP).cast(), pairs) };
            }
        }
    }
}

/// # Safety
///
/// The processor has AMX and AVX-512, and the tiles are configured.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma")]
unsafe fn tiles512<'a>(
    left: Left<'_, u32>,
    right: impl Fn(usize, usize) -> Right<'a, u32>,
    out: Out<'_, f32>,
) {
    let places = out.places;
    let depth = left.depths.len().next_multiple_of(SIDE);
    let rows = left.rows.len().next_multiple_of(SIDE);
    assert!(rows <= MAX_ROWS && 0 < depth && depth <= PAIRS);
    let mut copied = Copied(MaybeUninit::uninit());
    let mut sums = Sums(MaybeUninit::uninit());
    check(&left, &right(0, out.columns.min(STRIP)), &out, STRIP);
    let (a, a_step) = match steady(&left, rows) {
        Some((start, step)) => (left.values.as_ptr().wrapping_add(start), step),
        None => {
            let to = copied.0.as_mut_ptr().cast();
            // SAFETY: the caller vouches for the instructions, `check` has seen the rows, and the copy has room for all.
            unsafe { copy_rows(&left, rows, to) };
            (to.cast_const(), COPY_STEP)
        }
    };
    for column in (0..out.columns).step_by(STRIP) {
        let columns = STRIP.min(out.columns - column);
        let right = right(column, columns);
        assert!(right.step == STRIP && depth * STRIP <= right.values.len());
        let b = right.values.as_ptr();
        let n = depth / SIDE;
        // SAFETY: the caller vouches for the configuration. `steady` or the copy has `rows` rows of `depth` pairs, and the
        // assertions have seen as many of the strip; `check` has seen that the rows of C end within it.
        unsafe {
            match (rows > SIDE, columns > SIDE) {
                (true, true) => multiply::<true, true>(a, a_step, b, n, &mut sums),
                (true, false) => multiply::<true, false>(a, a_step, b, n, &mut sums),
                (false, true) => multiply::<false, true>(a, a_step, b, n, &mut sums),
                (false, false) => multiply::<false, false>(a, a_step, b, n, &mut sums),
            }
            let c = out.values.as_mut_ptr().wrapping_add(column);
            let sums: *const f32 = sums.0.as_ptr().cast();
            for (i, &place) in places.starts[..places.len()].iter().enumerate() {
                let (from, to) = (sums.add(i * STRIP), c.add(place));
                let low = _mm512_load_ps(from);
                if columns > SIDE {
                    let high = _mm512_load_ps(from.add(SIDE));
                    put::<f32, __m512, 2>([low, high], to, columns - SIDE, out.first);
                } else {
                    put::<f32, __m512, 1>([low], to, columns, out.first);
                }
            }
        }
    }
}

impl Tile<u32, f32> for Amx {
    const ROWS: usize = MAX_ROWS;
    const COLUMNS: usize = STRIP;
    const VECTOR: usize = STRIP;
    const DEPTHS: usize = MOST_DEPTHS;

    /// Whole tiles before the last: a part of one takes as long.
    #[inline(always)]
    fn height(_n: usize) -> usize {
        MAX_ROWS
    }

    #[inline(always)]
    fn tile(left: Left<'_, u32>, right: Right<'_, u32>, out: Out<'_, f32>) {
        assert!(out.columns <= STRIP);
        Self::tiles(left, |_, _| right, out);
    }

    #[inline(always)]
    fn tiles<'a>(
        left: Left<'_, u32>,
        right: impl Fn(usize, usize) -> Right<'a, u32>,
        out: Out<'_, f32>,
    ) {
        // SAFETY: `choose_pairs!` chooses this type only for an `Isa` that has its instructions. Loops over tiles hold what
        // `ready` gives; without it the processor would refuse the first instruction.
        unsafe { tiles512(left, right, out) };
    }
}

impl Pairs for Amx {
    type Ready = Configured;

    #[inline(always)]
    fn ready() -> Configured {
        // SAFETY: `choose_pairs!` chooses this type only for an `Isa` that has its instructions, and the configuration is
        // one that the manual allows.
        unsafe {
            asm!(
                "ldtilecfg [{}]",
                in(reg) &raw const CONFIGURATION,
                options(readonly, nostack, preserves_flags),
            );
        }
        Configured(())
    }

    const UPRIGHT: bool = false;

    #[inline(always)]
    fn turned(
        from: &[f32],
        from_step: usize,
        rows: usize,
        depth: usize,
        to: &mut [u32],
        to_step: usize,
    ) {
        Native::turn(from, from_step, rows, depth, to, to_step);
    }

    #[inline(always)]
    fn along(from: &[f32], to: &mut [u32]) {
        Native::along(from, to);
    }

    #[inline(always)]
    fn across(first: &[f32], second: Option<&[f32]>, to: &mut [u32], strip_step: usize) {
        Native::across(first, second, to, strip_step);
    }

    #[inline(always)]
    fn prefetch(numbers: &[f32]) {
        Native::prefetch(numbers);
    }

    #[inline(always)]
    fn upright(from: &[f32], from_step: usize, rows: usize, depth: usize, to: &mut [u32]) {
        Native::upright(from, from_step, rows, depth, to);
    }
}
