//! The innermost loops: the products of a strip of A and a strip of B, summed in registers and put into C once.
//!
//! A strip of A is a few rows of it, a strip of B a few vectors of columns; a step of the loop loads one row of the strip
//! of B and multiplies it by one element of each row of A. Every loop here does the same operations for an element of C:
//! products in the order of k, summed from zero, then stored or added. So results do not depend on the tile that holds an
//! element, nor on whether a factor was copied before.

use std::array;

use crate::element::Real;

/// The most rows that a tile has, whatever the instruction set.
pub(crate) const MAX_ROWS: usize = 10;

/// Offsets of the elements of a row, in the order in which they are multiplied.
#[derive(Clone, Copy, Debug)]
pub struct Depths<'a> {
    pub(super) offsets: &'a [u32],
    pub(super) farthest: usize,
}

impl<'a> Depths<'a> {
    #[inline(always)]
    pub(crate) fn new(offsets: &'a [u32]) -> Depths<'a> {
        let farthest = offsets.iter().fold(0, |most, &offset| most.max(offset));
        Depths {
            offsets,
            farthest: farthest as usize,
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }
}

/// A strip of A.
#[derive(Clone, Copy, Debug)]
pub enum Left<'a, T> {
    /// Copied, column after column.
    Packed(&'a [T]),
    /// Where it lies: row i at depth p is `values[rows[i] + depths[p]]`.
    Gathered(&'a [T], &'a [usize], Depths<'a>),
}

/// A strip of B: row p begins at `values[p * step]`.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a, T> {
    pub values: &'a [T],
    pub step: usize,
    pub depth: usize,
    /// Rows go on with zeros to the end of their last vector.
    pub padded: bool,
}

/// A tile of C: row i begins at `values[places[i]]`.
#[derive(Debug)]
pub struct Out<'a, T> {
    pub values: &'a mut [T],
    pub places: &'a [usize],
    pub columns: usize,
    /// The sums are stored; else added to what is there.
    pub first: bool,
}

/// A loop for one instruction set and one type.
pub trait Micro<T>: Copy {
    /// Most rows of a tile.
    const ROWS: usize;
    /// Most columns of a tile.
    const COLUMNS: usize;
    /// Columns are packed in multiples of this.
    const VECTOR: usize;

    /// Computes one tile.
    fn run(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>);

    /// `to[p * to_step + i] = from[i * from_step + p]` for i below `rows` and p below `depth`. What lies beyond row
    /// `rows` of `to`, up to the next one or the end of `to`, may be overwritten.
    fn transpose(
        from: &[T],
        from_step: usize,
        to: &mut [T],
        to_step: usize,
        rows: usize,
        depth: usize,
    );
}

/// [`Micro::transpose`] in plain loops.
#[inline(always)]
pub(super) fn transpose<T: Copy>(
    from: &[T],
    from_step: usize,
    to: &mut [T],
    to_step: usize,
    rows: usize,
    depth: usize,
) {
    // Blocks of 16 depths: what is written of them stays in the first-level cache until each row has had its turn.
    for first in (0..depth).step_by(16) {
        let n = 16.min(depth - first);
        for i in 0..rows {
            let source = &from[i * from_step + first..][..n];
            for (row, &value) in to[first * to_step..].chunks_mut(to_step).zip(source) {
                row[i] = value;
            }
        }
    }
}

/// The loops for a type of number on each instruction set.
pub trait Loops: Sized {
    /// With AVX-512.
    type Avx512: Micro<Self>;
    /// With AVX2.
    type Avx2: Micro<Self>;
    /// With what every machine has.
    type Portable: Micro<Self>;
}

#[cfg(target_arch = "x86_64")]
impl Loops for f32 {
    type Avx512 = super::vector::Avx512;
    type Avx2 = super::vector::Avx2;
    type Portable = Plain<4, 8, false>;
}

#[cfg(not(target_arch = "x86_64"))]
impl Loops for f32 {
    type Avx512 = Plain<4, 8, false>;
    type Avx2 = Plain<4, 8, false>;
    type Portable = Plain<4, 8, false>;
}

impl Loops for f64 {
    type Avx512 = Plain<6, 8, true>;
    type Avx2 = Plain<6, 8, true>;
    type Portable = Plain<4, 4, false>;
}

/// a b + c, rounded once or twice.
#[inline(always)]
fn multiply_add<T: Real, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.fused(b, c) } else { a * b + c }
}

/// Writes the sums of the first block of k, or adds those of a later one.
#[inline(always)]
fn store<T: Real>(c: &mut [T], sums: &[T], first: bool) {
    if first {
        c.copy_from_slice(&sums[..c.len()]);
    } else {
        for (c, &sum) in c.iter_mut().zip(sums) {
            *c += sum;
        }
    }
}

/// What the compiler makes of plain loops.
#[derive(Clone, Copy, Debug)]
pub struct Plain<const ROWS: usize, const COLUMNS: usize, const FUSED: bool>;

impl<T: Real, const ROWS: usize, const COLUMNS: usize, const FUSED: bool> Micro<T>
    for Plain<ROWS, COLUMNS, FUSED>
{
    const ROWS: usize = ROWS;
    const COLUMNS: usize = COLUMNS;
    const VECTOR: usize = COLUMNS;

    #[inline(always)]
    fn run(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>) {
        let n_rows = out.places.len();
        let mut sums = [[T::ZERO; COLUMNS]; ROWS];
        let b = |p: usize| -> [T; COLUMNS] {
            let row = &right.values[p * right.step..];
            match row.first_chunk() {
                Some(row) => *row,
                None => array::from_fn(|j| if j < out.columns { row[j] } else { T::ZERO }),
            }
        };
        let mut step = |a: [T; ROWS], b: [T; COLUMNS]| {
            for i in 0..ROWS {
                for j in 0..COLUMNS {
                    sums[i][j] = multiply_add::<T, FUSED>(a[i], b[j], sums[i][j]);
                }
            }
        };
        match left {
            Left::Packed(strip) if n_rows == ROWS => {
                let (columns, _) = strip.as_chunks::<ROWS>();
                for (p, a) in columns[..right.depth].iter().enumerate() {
                    step(*a, b(p));
                }
            }
            Left::Packed(strip) => {
                for (p, a) in strip.chunks_exact(n_rows).take(right.depth).enumerate() {
                    step(array::from_fn(|i| a[i.min(n_rows - 1)]), b(p));
                }
            }
            Left::Gathered(values, rows, depths) => {
                // A row that does not exist looks where the last one looks.
                let rows: [usize; ROWS] = array::from_fn(|i| rows[i.min(n_rows - 1)]);
                for (p, &depth) in depths.offsets.iter().enumerate() {
                    step(array::from_fn(|i| values[rows[i] + depth as usize]), b(p));
                }
            }
        }
        for (sums, &place) in sums.iter().zip(out.places) {
            store(&mut out.values[place..][..out.columns], sums, out.first);
        }
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
