//! Products of numbers rounded to bfloat16, summed in f32: see [`crate::precision`].
//!
//! Some processors multiply pairs: two depths of a row of A with the same two depths of a column of B, added to one f32
//! (Intel's manual, VDPBF16PS). For those both factors are copied, rounded on the way, as *pairs*: a `u32` with the even depth in
//! its lower half and the odd one, or zero behind the last, in its upper half. A sum is cut into blocks of depth whose
//! bounds follow from the depth alone, each summed from its first to its last pair and added to what is there; so, as with
//! f32, no split among threads changes a bit.
//!
//! Those with AMX multiply 16 rows of 16 pairs at once ([`amx`]); a strip of pairs is what it expects of B, row after row. Where nothing
//! multiplies pairs, or not as fast as numbers, rounded numbers are multiplied as f32 ([`Operands::Rounded`]): the same operands, other rounding
//! of the sums.

// Only x86-64 multiplies pairs.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_variables))]

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod native;

use std::marker::PhantomData;

use super::micro::{Depths, Even, Left, MAX_ROWS, Out, Right, Starts, Tile};
use super::{Call, DEPTH, Factor, Product};
use crate::aligned::{Buffer, Wanted};
use crate::element::Real;
use crate::isa::{Isa, Pairing, kernel};
use crate::precision::{Precision, from_bf16, to_bf16};

#[cfg(target_arch = "x86_64")]
pub(crate) use amx::Amx;
#[cfg(target_arch = "x86_64")]
pub(crate) use native::Native;

/// Columns of a strip of pairs: pair q of column j stands at `q * STRIP + j`.
pub(crate) const STRIP: usize = 32;
/// Most pairs that are summed before the sum is added to what is there.
pub(crate) const PAIRS: usize = DEPTH / 2;
/// Rows of A that are rounded together, to be multiplied with all of B, in as many blocks of depth as [`BLOCKS`].
const HEIGHT: usize = 256;
/// Columns of B that are rounded together.
const WIDTH: usize = 256;
/// Blocks of depth of A that are rounded together.
const BLOCKS: usize = 4;

/// How many depths ahead are asked for while a factor is rounded.
const AHEAD: usize = 8;

/// Rounding to pairs, and the loop that multiplies them, for one instruction set.
pub(crate) trait Pairs: Tile<u32, f32> {
    /// What must exist while tiles are computed.
    type Ready;

    /// Makes the processor ready for tiles on this thread.
    fn ready() -> Self::Ready;

    /// Whether rows of A may be columns of strips; if not, they lie along memory.
    const UPRIGHT: bool = true;

    /// Numbers of rows that lie one behind the other at each depth become pairs along memory: pair q of row i stands at
    /// `i * to_step + q`. Depth p of row i is `from[p * from_step + i]`. For those whose rows must lie so.
    fn turned(
        _from: &[f32],
        _from_step: usize,
        _rows: usize,
        _depth: usize,
        _to: &mut [u32],
        _to_step: usize,
    ) {
        unreachable!("rows of A are columns of strips")
    }

    /// Neighbours become pairs; the last of an odd number goes with zero. `to` is as long as there are pairs.
    fn along(from: &[f32], to: &mut [u32]);

    /// Numbers of two rows become pairs, in strips: column j stands at `j / STRIP * strip_step + j % STRIP`. Without a
    /// second row they go with zeros. `to` reaches as far as a whole last strip.
    fn across(first: &[f32], second: Option<&[f32]>, to: &mut [u32], strip_step: usize);

    /// Asks for numbers before they are needed.
    #[inline(always)]
    fn prefetch(_numbers: &[f32]) {}

    /// Neighbours in each of at most `STRIP` rows become pairs, and rows become columns of a strip: pair q of row i stands
    /// at `q * STRIP + i`. Row i is the `depth` numbers from `i * from_step` on.
    fn upright(from: &[f32], from_step: usize, rows: usize, depth: usize, to: &mut [u32]);
}

/// What a product multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operands {
    /// The numbers as they are.
    Exact,
    /// The nearest bfloat16 of each, as f32.
    Rounded,
    /// These in pairs.
    Pairs,
}

impl Operands {
    /// Of products of this type.
    pub(crate) fn of<T: Real>(isa: Isa) -> Operands {
        let rounds = isa.precision() == Precision::Bf16 && T::singles(&[]).is_some();
        match isa.pairing() {
            _ if !rounds => Operands::Exact,
            Pairing::None => Operands::Rounded,
            Pairing::Vectors | Pairing::Tiles => Operands::Pairs,
        }
    }

    /// Makes operands of numbers that are to be multiplied as f32.
    #[inline(always)]
    pub(crate) fn round<T: Real>(self, numbers: &mut [T]) {
        if self == Operands::Rounded
            && let Some(numbers) = T::singles_mut(numbers)
        {
            for number in numbers {
                *number = from_bf16(to_bf16(*number));
            }
        }
    }
}

/// Numbers become pairs, so few that a call of [`Pairs::along`] would take longer.
#[inline(always)]
pub(crate) fn along_few(from: &[f32], to: &mut [u32]) {
    for (to, numbers) in to.iter_mut().zip(from.chunks(2)) {
        let odd = numbers.get(1).map_or(0, |&odd| to_bf16(odd));
        *to = u32::from(to_bf16(numbers[0])) | u32::from(odd) << 16;
    }
}

/// The length of the blocks, in pairs, in which a sum over `n` pairs is cut: a multiple of `step`.
pub(crate) fn pair_block(n: usize, step: usize) -> usize {
    let even = n.div_ceil(n.div_ceil(PAIRS).max(1));
    even.max(1).next_multiple_of(step)
}

/// Writes zeros behind the last of `depth` pairs, as far as strips of `columns` columns are packed.
#[inline(always)]
pub(crate) fn zero_ends<P: Pairs>(strips: &mut [u32], columns: usize, depth: usize) {
    let packed = depth.next_multiple_of(P::DEPTHS);
    if depth == packed {
        return;
    }
    let strips = strips.chunks_exact_mut(packed * STRIP);
    for strip in strips.take(columns.div_ceil(STRIP)) {
        strip[depth * STRIP..].fill(0);
    }
}

/// No kind of tile packs more depths than a multiple of this.
pub(crate) const MOST_DEPTHS: usize = 16;

/// Writes a call of a function with the type of the loops that multiply [`Operands::Pairs`] on this machine.
macro_rules! choose_pairs {
    ($isa:expr, $function:ident($($arg:expr),* $(,)?)) => {
        match $isa.pairing() {
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Pairing::Tiles => {
                $function($isa, ::std::marker::PhantomData::<$crate::gemm::bf16::Amx>, $($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            $crate::isa::Pairing::Vectors => {
                $function($isa, ::std::marker::PhantomData::<$crate::gemm::bf16::Native>, $($arg),*)
            }
            pairing => unreachable!("operands are no pairs: {pairing:?}"),
        }
    };
}
pub(crate) use choose_pairs;

/// Both factors of a product in pairs, for one thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Buffers {
    a: Buffer<u32>,
    b: Buffer<u32>,
}

impl Buffers {
    /// Each of them.
    pub(super) fn each(&mut self, visit: &mut impl FnMut(&mut dyn Wanted)) {
        visit(&mut self.a);
        visit(&mut self.b);
    }

    /// Asks for buffers that are large enough for one more product, also in a batch with fewer rows: fewer depths may be cut into longer
    /// blocks.
    pub(super) fn reserve(&mut self, Product { m, n, k, .. }: Product) {
        let pairs = k.div_ceil(2);
        let block = pairs.min(PAIRS).next_multiple_of(MOST_DEPTHS);
        let n_blocks = pairs.div_ceil(PAIRS).min(BLOCKS);
        for n_blocks in 1..=n_blocks {
            let rows = m.min(height(n_blocks));
            self.a.want(n_blocks * area(rows, block));
        }
        self.b.want(n.min(WIDTH).next_multiple_of(STRIP) * block);
    }
}

/// Rows of A that are rounded together in `n_blocks` blocks of depth: of fewer blocks more rows take as much of the cache,
/// and B is rounded less often.
fn height(n_blocks: usize) -> usize {
    HEIGHT * BLOCKS / n_blocks.clamp(1, BLOCKS)
}

/// From one row of A in pairs to the next: an odd number of cache lines, so that rows do not share one set of the cache.
fn row_len(block: usize) -> usize {
    block.next_multiple_of(16) | 16
}

/// Room for some rows of A in a block of depth.
fn area(rows: usize, block: usize) -> usize {
    rows.next_multiple_of(STRIP) * row_len(block)
}

/// Offsets of the pairs of a column of a strip.
static IN_STRIPS: [u32; PAIRS] = {
    let mut depths = [0; PAIRS];
    let mut q = 0;
    while q < PAIRS {
        depths[q] = (q * STRIP) as u32;
        q += 1;
    }
    depths
};

/// Computes a part of a product.
pub(super) fn run(isa: Isa, call: Call<'_, f32>, c: &mut [f32], buffers: &mut Buffers) {
    choose_pairs!(isa, product(call, c, buffers));
}

kernel! {
    /// As much of A as the cache holds is rounded, then panel after panel of B for all of its rows.
    fn product[P: Pairs](_loops: PhantomData<P>, call: Call<'_, f32>, c: &mut [f32], buffers: &mut Buffers) {
        let Call { a, b, k, .. } = call;
        let _ready = P::ready();
        let pairs = k.div_ceil(2);
        let block = pair_block(pairs, P::DEPTHS);
        let height = height(pairs.div_ceil(block));
        for first_pair in (0..pairs).step_by(BLOCKS * block) {
            let last_pair = pairs.min(first_pair + BLOCKS * block);
            let blocks = || (first_pair..last_pair).step_by(block).map(|q| q..last_pair.min(q + block));
            for row in (0..a.rows).step_by(height) {
                let rows = height.min(a.rows - row);
                let area = area(rows, block);
                for (q, to) in blocks().zip(buffers.a.chunks_exact_mut(area)) {
                    let depth = q.len();
                    let from = Rows { factor: a, first: row, rows, depths: 2 * q.start..k.min(2 * q.end) };
                    from.left::<P>(to, row_len(block), depth);
                }
                for column in (0..b.rows).step_by(WIDTH) {
                    let columns = WIDTH.min(b.rows - column);
                    for (q, left) in blocks().zip(buffers.a.chunks_exact(area)) {
                        let depth = q.len();
                        let from = Rows { factor: b, first: column, rows: columns, depths: 2 * q.start..k.min(2 * q.end) };
                        from.right::<P>(&mut buffers.b, depth);
                        let first = q.start == 0;
                        let place = row * b.rows + column;
                        let upright = P::UPRIGHT && a.depth_step != 1;
                        let left = InPairs { values: left, rows, upright, row_len: row_len(block), depth };
                        left.times::<P>(&buffers.b, columns, &mut c[place..], b.rows, first);
                    }
                }
            }
        }
    }
}

/// Some rows of a factor at some depths.
struct Rows<'a> {
    factor: Factor<'a, f32>,
    first: usize,
    rows: usize,
    depths: std::ops::Range<usize>,
}

impl Rows<'_> {
    /// The depths `p` of the rows, which lie one behind the other there.
    #[inline(always)]
    fn at(&self, p: usize) -> Option<&[f32]> {
        let start = self.first + p * self.factor.depth_step;
        (p < self.depths.end).then(|| &self.factor.values[start..start + self.rows])
    }

    /// Rounds them for the left side: row after row, or, when rows lie one behind the other, as strips of columns.
    #[inline(always)]
    fn left<P: Pairs>(&self, to: &mut [u32], row_len: usize, n_pairs: usize) {
        let Factor {
            values,
            row_step,
            depth_step,
            ..
        } = self.factor;
        if depth_step != 1 && P::UPRIGHT {
            return self.strips::<P>(to, n_pairs);
        }
        if depth_step == 1 {
            for (row, to) in (self.first..self.first + self.rows).zip(to.chunks_exact_mut(row_len))
            {
                let from = &values[row * row_step..][self.depths.clone()];
                P::along(from, &mut to[..n_pairs]);
            }
        } else {
            let from = &values[self.first + self.depths.start * depth_step..];
            P::turned(from, depth_step, self.rows, self.depths.len(), to, row_len);
        }
        for row in to.chunks_exact_mut(row_len).take(self.rows) {
            row[n_pairs..n_pairs.next_multiple_of(P::DEPTHS)].fill(0);
        }
    }

    /// Rounds them for the right side, as strips of columns.
    #[inline(always)]
    fn right<P: Pairs>(&self, to: &mut [u32], n_pairs: usize) {
        let packed = n_pairs.next_multiple_of(P::DEPTHS);
        zero_ends::<P>(to, self.rows, n_pairs);
        if self.factor.depth_step != 1 || self.factor.row_step == 1 {
            return self.strips::<P>(to, packed);
        }
        let strips = (0..self.rows).step_by(STRIP);
        for (first, to) in strips.zip(to.chunks_exact_mut(packed * STRIP)) {
            let rows = STRIP.min(self.rows - first);
            let from = (self.first + first) * self.factor.row_step + self.depths.start;
            let from = &self.factor.values[from..];
            P::upright(from, self.factor.row_step, rows, self.depths.len(), to);
        }
    }

    #[inline(always)]
    fn strips<P: Pairs>(&self, to: &mut [u32], n_pairs: usize) {
        for (q, p) in self.depths.clone().step_by(2).enumerate() {
            // Pieces of rows that are far from each other, which the processor does not foresee.
            for ahead in [p + AHEAD, p + AHEAD + 1] {
                P::prefetch(self.at(ahead).unwrap_or(&[]));
            }
            if let Some(first) = self.at(p) {
                P::across(first, self.at(p + 1), &mut to[q * STRIP..], n_pairs * STRIP);
            }
        }
    }
}

/// Rows of A in pairs, in one block of depth.
struct InPairs<'a> {
    values: &'a [u32],
    rows: usize,
    /// They are strips of columns.
    upright: bool,
    row_len: usize,
    depth: usize,
}

impl InPairs<'_> {
    /// Their products with strips of `columns` columns; `c` begins with the first, and `n` numbers on is its next row.
    #[inline(always)]
    fn times<P: Pairs>(&self, right: &[u32], columns: usize, c: &mut [f32], n: usize, first: bool) {
        let depth = self.depth;
        let depths = if self.upright {
            Depths::new(&IN_STRIPS[..depth])
        } else {
            Depths::in_order(depth)
        };
        let height = P::height(self.rows);
        let packed = depth.next_multiple_of(P::DEPTHS);
        let places = Even::new(height, n);
        for row in (0..self.rows).step_by(height) {
            let height = height.min(self.rows - row);
            let mut rows = [0; MAX_ROWS];
            for (i, row) in (row..row + height).enumerate() {
                rows[i] = if self.upright {
                    row / STRIP * STRIP * depth + row % STRIP
                } else {
                    row * self.row_len
                };
            }
            let left = Left {
                values: self.values,
                rows: Starts::new(&rows, height),
                depths,
            };
            let strip = |column: usize, _| Right {
                values: &right[column * packed..],
                step: STRIP,
                padded: true,
            };
            let out = Out {
                values: &mut c[row * n..],
                places: places.first(height),
                columns,
                first,
            };
            P::tiles(left, strip, out);
        }
    }
}
