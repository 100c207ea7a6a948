//! The innermost loop: the products of a strip of A and a strip of B, summed in registers and put into C once.
//!
//! A strip of A is a few rows of it, read where they lie, a strip of B a few vectors of columns. A step of the loop loads
//! one row of the strip of B and multiplies it by one element of each row of A. Every element of C is the same sequence
//! of operations in each tile: its products in the order of k, summed from zero, then stored or added. So results do not
//! depend on the tile that holds an element, on whether B was copied before, nor on which factor is called A.

use std::array;

use crate::element::Real;

/// The most rows that a tile has, whatever the instruction set.
pub(crate) const MAX_ROWS: usize = 32;

/// How many rows of B ahead are asked for, where that helps.
const AHEAD: usize = 4;
/// How many, when they lie one behind the other. What a core's second cache holds of a model stays there for the next row.
pub(super) const FAR_AHEAD: usize = 12;
/// How many, when they are copied: each comes from another page, at times from memory.
const COPY_AHEAD: usize = 16;

/// Offsets of the elements of a row, in the order in which they are multiplied.
#[derive(Clone, Copy, Debug)]
pub struct Depths<'a> {
    pub(super) offsets: &'a [u32],
    farthest: usize,
    /// The offsets are 0, 1, 2, ..., and up to a whole packed block there are zeros behind the last.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(super) padded: bool,
}

impl<'a> Depths<'a> {
    #[inline(always)]
    pub(crate) fn new(offsets: &'a [u32]) -> Depths<'a> {
        let farthest = offsets.iter().fold(0, |most, &offset| most.max(offset));
        Depths {
            offsets,
            farthest: farthest as usize,
            padded: false,
        }
    }

    /// `n` elements that lie `step` from each other; `room` is for their offsets, where those are not known beforehand.
    #[inline(always)]
    pub(super) fn even(room: &'a mut [u32], n: usize, step: usize) -> Depths<'a> {
        if step == 1 {
            return Depths {
                padded: false,
                ..Depths::in_order(n)
            };
        }
        for (p, offset) in room[..n].iter_mut().enumerate() {
            *offset = (p * step) as u32;
        }
        Depths {
            offsets: &room[..n],
            farthest: n.saturating_sub(1).saturating_mul(step),
            padded: false,
        }
    }

    /// The elements lie one behind the other, with zeros to the end of the last [`Tile::DEPTHS`].
    #[inline(always)]
    pub(super) fn in_order(n: usize) -> Depths<'a> {
        Depths {
            offsets: &super::IN_ORDER[..n],
            farthest: n.saturating_sub(1),
            padded: true,
        }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.offsets.len()
    }
}

/// Where the rows of a strip begin.
#[derive(Clone, Copy, Debug)]
pub struct Starts<'a> {
    pub(super) starts: &'a [usize; MAX_ROWS],
    len: usize,
    farthest: usize,
}

impl<'a> Starts<'a> {
    #[inline(always)]
    pub(crate) fn new(starts: &'a [usize; MAX_ROWS], len: usize) -> Starts<'a> {
        let farthest = starts[..len].iter().fold(0, |most, &start| most.max(start));
        Starts {
            starts,
            len,
            farthest,
        }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

/// Where the rows of strips begin that lie evenly: row i at i times the step.
pub(super) struct Even {
    starts: [usize; MAX_ROWS],
    step: usize,
}

impl Even {
    /// For strips of up to `height` rows.
    #[inline(always)]
    pub(super) fn new(height: usize, step: usize) -> Even {
        let mut starts = [0; MAX_ROWS];
        let mut next = 0;
        for start in &mut starts[..height] {
            *start = next;
            next = step.wrapping_add(next);
        }
        Even { starts, step }
    }

    /// Those of a strip of `len` rows.
    #[inline(always)]
    pub(super) fn first(&self, len: usize) -> Starts<'_> {
        Starts {
            starts: &self.starts,
            len,
            // The last one, as no step leads back; one beyond all memory where that cannot be said.
            farthest: self.step.saturating_mul(len.saturating_sub(1)),
        }
    }
}

/// A strip of A: row i at depth p is `values[rows[i] + depths[p]]`.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a, T> {
    pub values: &'a [T],
    pub rows: Starts<'a>,
    pub depths: Depths<'a>,
}

/// A strip of B: row p begins at `values[p * step]`.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a, T> {
    pub values: &'a [T],
    pub step: usize,
    /// Each row goes on, with zeros, to the end of its last vector.
    pub padded: bool,
}

/// A tile of C.
#[derive(Debug)]
pub struct Out<'a, T> {
    pub values: &'a mut [T],
    /// Where each row of it begins.
    pub places: Starts<'a>,
    pub columns: usize,
    /// The sums are stored; else added to what is there.
    pub first: bool,
}

/// The loop for one instruction set and one type.
pub trait Micro<T>: Copy {
    /// Most rows of a tile.
    const ROWS: usize;
    /// Most columns of a tile of all these rows.
    const COLUMNS: usize;
    /// Columns are packed in multiples of this.
    const VECTOR: usize;
    /// Most rows of a strip of A that passes along a panel of B. Its tiles have as many columns as [`Micro::strip`] says.
    const STRIP_ROWS: usize = Self::ROWS;
    /// For a C of at most so many numbers B is read where it lies: its rows are close to each other, or read a few times only. The
    /// smaller a tile, the more often.
    const NEAR: usize = 40_000;
    /// A register of so many numbers.
    type Lanes: Vector<T>;

    /// Whether the first strip of `rows` of A is to copy B while it reads it. It takes longer than it saves when the copy is used once
    /// or twice.
    #[inline(always)]
    fn copies(rows: usize, columns: usize) -> bool {
        rows > 2 * Self::STRIP_ROWS && rows * columns > Self::NEAR
    }

    /// Columns of the next tile of a strip of A, when so many columns are left.
    #[inline(always)]
    fn strip(left: usize) -> usize {
        Self::COLUMNS.min(left)
    }

    /// Columns of tiles of so few rows that reading B is all that takes time, the most first: where it is read in place, more of them are
    /// read at once.
    fn wide(n_rows: usize) -> &'static [usize];

    /// Computes one tile: of at most `ROWS` rows and `COLUMNS` columns, of at most `STRIP_ROWS` rows and `strip` columns, or with a
    /// number of columns of `wide`.
    fn run(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>);

    /// The same for more than half of `STRIP_ROWS` rows, and copies the strip of B while it is read: row after row, each with zeros to the
    /// end of its last vector.
    fn run_copying(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>, copy: &mut [T]);

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

/// The loop that multiplies operands A and sums in C: of a [`Micro`], or of pairs of bfloat16.
pub(crate) trait Tile<A: Copy, C>: Copy {
    /// Most rows of a tile.
    const ROWS: usize;
    /// Most columns of a tile.
    const COLUMNS: usize;
    /// Columns are packed in multiples of this.
    const VECTOR: usize;
    /// Strips are packed with a multiple of so many depths, the last of them zeros.
    const DEPTHS: usize = 1;

    /// Rows of each tile but the last, when there are `n`.
    #[inline(always)]
    fn height(n: usize) -> usize {
        n.div_ceil(n.div_ceil(Self::ROWS))
    }

    /// Computes one tile.
    fn tile(left: Left<'_, A>, right: Right<'_, A>, out: Out<'_, C>);

    /// Computes tiles of all columns of `out`, with the same rows of A. `right` gives a strip of B by its first column and
    /// the number of its columns.
    #[inline(always)]
    fn tiles<'a>(left: Left<'_, A>, right: impl Fn(usize, usize) -> Right<'a, A>, out: Out<'_, C>)
    where
        A: 'a,
    {
        let Out {
            values,
            places,
            columns: all,
            first,
        } = out;
        for column in (0..all).step_by(Self::COLUMNS) {
            let columns = Self::COLUMNS.min(all - column);
            let out = Out {
                values: &mut values[column..],
                places,
                columns,
                first,
            };
            Self::tile(left, right(column, columns), out);
        }
    }
}

impl<T: Real, M: Micro<T>> Tile<T, T> for M {
    const ROWS: usize = M::ROWS;
    const COLUMNS: usize = M::COLUMNS;
    const VECTOR: usize = M::VECTOR;

    #[inline(always)]
    fn tile(left: Left<'_, T>, right: Right<'_, T>, out: Out<'_, T>) {
        M::run(left, right, out);
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

    /// The numbers, when they are f32: only those are ever rounded to bfloat16.
    fn singles(values: &[Self]) -> Option<&[f32]>;
    /// The same, to be written.
    fn singles_mut(values: &mut [Self]) -> Option<&mut [f32]>;
}

/// A vector register.
///
/// # Safety
///
/// All functions are called only where the processor has the instructions of the type; `from` and `to` are such that
/// `LANES` numbers, or `n` of them, may be read or written.
pub trait Vector<T>: Copy {
    const LANES: usize;
    unsafe fn zero() -> Self;
    unsafe fn splat(value: T) -> Self;
    unsafe fn load(from: *const T) -> Self;
    /// The first `n` lanes; the others are zero.
    unsafe fn load_part(from: *const T, n: usize) -> Self;
    unsafe fn store(self, to: *mut T);
    unsafe fn store_part(self, to: *mut T, n: usize);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    /// The larger of each two, `other` where it is NaN.
    unsafe fn larger(self, other: Self) -> Self;
    /// Zero where a lane is below; NaN stays.
    unsafe fn rectified(self) -> Self;
    /// Its lanes where a equals b, and zeros.
    unsafe fn where_equal(self, a: Self, b: Self) -> Self;
    /// Asks for what lies at a place, which need not exist, before it is needed.
    #[inline(always)]
    fn prefetch(_from: *const T) {}
    /// self + a b.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
}

/// Checks that everything a tile touches lies within its slices, reading `width` columns of each row of B.
#[inline(always)]
pub(super) fn check<T, C>(
    left: &Left<'_, T>,
    right: &Right<'_, T>,
    out: &Out<'_, C>,
    width: usize,
) {
    let (n_rows, depth) = (left.rows.len(), left.depths.len());
    assert!(n_rows > 0 && depth > 0 && out.columns > 0);
    // Sizes that no memory has are refused as well, and not what is left of them behind the largest number.
    let left_end = left.rows.farthest.saturating_add(left.depths.farthest);
    let right_end = (depth - 1).saturating_mul(right.step).saturating_add(width);
    let out_end = out.places.farthest.saturating_add(out.columns);
    assert!(left_end < left.values.len());
    assert!(right_end <= right.values.len());
    assert!(out.places.len() == n_rows);
    assert!(out_end <= out.values.len());
}

/// A tile of exactly `ROWS` rows and at most `VECTORS` vectors of columns; with `COPY`, the strip of B is copied as well.
///
/// # Safety
///
/// The processor has the instructions of `V`, and [`check`] has seen the arguments, with a width of all columns of the
/// vectors when `whole` and of the columns of the tile when not. With `COPY`, so many vectors may be written to `copy` for
/// each depth.
#[inline(always)]
pub(super) unsafe fn tile<
    T: Copy,
    V: Vector<T>,
    const COPY: bool,
    const ROWS: usize,
    const VECTORS: usize,
>(
    left: Left<'_, T>,
    right: Right<'_, T>,
    out: Out<'_, T>,
    whole: bool,
    copy: *mut T,
) {
    let n_last = out.columns - (VECTORS - 1) * V::LANES;
    let first = left.values.as_ptr();
    // SAFETY: the caller vouches for the instructions. `check` has seen that each row with each depth lies within the
    // values of A, that each row of B has the columns that are read of it, and that the tile lies within C.
    unsafe {
        let start = Loop {
            rows: array::from_fn(|i| first.wrapping_add(left.rows.starts[i])),
            row_of_b: right.values.as_ptr(),
            step: right.step,
            copy,
            n_last,
            sums: [[V::zero(); VECTORS]; ROWS],
        };
        let sums = if whole {
            start.run::<COPY, true>(left.depths.offsets)
        } else {
            start.run::<COPY, false>(left.depths.offsets)
        };
        let c = out.values.as_mut_ptr();
        for (sums, &place) in sums.into_iter().zip(out.places.starts) {
            put::<T, V, VECTORS>(sums, c.add(place), n_last, out.first);
        }
    }
}

/// Where a tile stands in its loop over the depth.
struct Loop<T, V, const ROWS: usize, const VECTORS: usize> {
    /// Where each row of A begins.
    rows: [*const T; ROWS],
    /// The next row of B, and how far from it the one behind it lies.
    row_of_b: *const T,
    step: usize,
    /// Where that row is copied to.
    copy: *mut T,
    /// Columns of the last vector.
    n_last: usize,
    sums: [[V; VECTORS]; ROWS],
}

impl<T: Copy, V: Vector<T>, const ROWS: usize, const VECTORS: usize> Loop<T, V, ROWS, VECTORS> {
    /// The sums over all depths. Where `WHOLE`, all columns of the last vector may be read.
    ///
    /// # Safety
    ///
    /// As [`tile`].
    #[inline(always)]
    unsafe fn run<const COPY: bool, const WHOLE: bool>(
        mut self,
        depths: &[u32],
    ) -> [[V; VECTORS]; ROWS] {
        // Two at a time, because what counts the depths takes the place of multiplications. A tile that copies would have too few
        // registers.
        let (pairs, last) = if COPY {
            (&[][..], depths)
        } else {
            depths.as_chunks::<2>()
        };
        // SAFETY: the caller vouches for all of it.
        unsafe {
            for &[first, second] in pairs {
                self.advance::<COPY, WHOLE>(first);
                self.advance::<COPY, WHOLE>(second);
            }
            for &depth in last {
                self.advance::<COPY, WHOLE>(depth);
            }
        }
        self.sums
    }

    /// Adds the products of one depth.
    ///
    /// # Safety
    ///
    /// As [`tile`].
    #[inline(always)]
    unsafe fn advance<const COPY: bool, const WHOLE: bool>(&mut self, depth: u32) {
        let &mut Loop { row_of_b, step, .. } = self;
        // SAFETY: the caller vouches for all of it.
        unsafe {
            let b: [V; VECTORS] = array::from_fn(|v| {
                let at = row_of_b.wrapping_add(v * V::LANES);
                if WHOLE || v + 1 < VECTORS {
                    V::load(at)
                } else {
                    V::load_part(at, self.n_last)
                }
            });
            if COPY {
                for (v, row) in b.iter().enumerate() {
                    row.store(self.copy.wrapping_add(v * V::LANES));
                    V::prefetch(row_of_b.wrapping_add(COPY_AHEAD * step + v * V::LANES));
                }
                self.copy = self.copy.wrapping_add(VECTORS * V::LANES);
            }
            for (row, sums) in self.rows.iter().zip(&mut self.sums) {
                let a = V::splat(*row.add(depth as usize));
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = sum.add_product(a, b);
                }
            }
            if VECTORS > 3 && step > VECTORS * V::LANES {
                // So few rows of A that reading B is all that takes time, and the processor does not foresee its steps.
                for v in 0..VECTORS {
                    V::prefetch(row_of_b.wrapping_add(AHEAD * step + v * V::LANES));
                }
            }
            if VECTORS > 3 && step == VECTORS * V::LANES {
                // The processor foresees these steps, but not early enough.
                for v in 0..VECTORS {
                    V::prefetch(row_of_b.wrapping_add(FAR_AHEAD * step + v * V::LANES));
                }
            }
        }
        self.row_of_b = row_of_b.wrapping_add(step);
    }
}

/// Stores or adds one row of sums.
///
/// # Safety
///
/// As [`tile`]; the row may be written from `to` on, with `n_last` numbers of its last vector.
#[inline(always)]
pub(super) unsafe fn put<T, V: Vector<T>, const VECTORS: usize>(
    sums: [V; VECTORS],
    to: *mut T,
    n_last: usize,
    first: bool,
) {
    for (v, sum) in sums.into_iter().enumerate() {
        let to = to.wrapping_add(v * V::LANES);
        // SAFETY: the caller vouches for all of it.
        unsafe {
            if v + 1 < VECTORS || n_last == V::LANES {
                let sum = if first { sum } else { V::load(to).add(sum) };
                sum.store(to);
            } else {
                let sum = if first {
                    sum
                } else {
                    V::load_part(to, n_last).add(sum)
                };
                sum.store_part(to, n_last);
            }
        }
    }
}

/// Copies a row of a strip, which goes on with zeros. A call of the library's copy would take longer than the copy.
#[inline(always)]
pub(crate) fn copy_row<T: Real>(from: &[T], to: &mut [T]) {
    let (part, zeros) = to.split_at_mut(from.len());
    zeros.fill(T::ZERO);
    let (from, from_rest) = from.as_chunks::<16>();
    let (part, part_rest) = part.as_chunks_mut::<16>();
    for (to, from) in part.iter_mut().zip(from) {
        *to = *from;
    }
    for (to, from) in part_rest.iter_mut().zip(from_rest) {
        *to = *from;
    }
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

/// Writes [`Micro::run`], or with a copy [`Micro::run_copying`]: each number of rows, and of vectors, is a loop of its own.
macro_rules! choose_tile {
    ($t:ty, $tile:ident <$first:ty>, $left:ident, $right:ident, $out:ident, rows $($rows:literal)*, wide $(($wide_rows:literal, $wide:literal))*) => {
        $crate::gemm::micro::choose_tile!($t, $tile<$first, false>, ($left, $right, $out, std::ptr::null_mut()), rows $($rows)*, wide $(($wide_rows, $wide))*)
    };
    ($t:ty, $tile:ident <$first:ty>, $left:ident, $right:ident, $out:ident, copy $copy:ident, rows $($rows:literal)*, wide $(($wide_rows:literal, $wide:literal))*) => {{
        let width = $out.columns.next_multiple_of(<Self as Micro<$t>>::VECTOR);
        assert!($left.depths.len() * width <= $copy.len());
        $crate::gemm::micro::choose_tile!($t, $tile<$first, true>, ($left, $right, $out, $copy.as_mut_ptr()), rows $($rows)*, wide $(($wide_rows, $wide))*)
    }};
    ($t:ty, $tile:ident <$first:ty, $copies:literal>, ($left:ident, $right:ident, $out:ident, $copy:expr), rows $($rows:literal)*, wide $(($wide_rows:literal, $wide:literal))*) => {{
        let vectors = $out.columns.div_ceil(<Self as Micro<$t>>::VECTOR);
        // A row of B that ends before its last vector does is read with care.
        let whole = $right.padded || $out.columns == vectors * <Self as Micro<$t>>::VECTOR;
        let width = if whole { vectors * <Self as Micro<$t>>::VECTOR } else { $out.columns };
        $crate::gemm::micro::check(&$left, &$right, &$out, width);
        // SAFETY: plans choose this type only for an `Isa` that has its instructions; `check` has seen the rest, and a copy has
        // room for the vectors of each depth.
        unsafe {
            match ($left.rows.len(), vectors) {
                $(($rows, 1) => $tile::<$first, $copies, $rows, 1>($left, $right, $out, whole, $copy),)*
                $(($rows, 2) => $tile::<$first, $copies, $rows, 2>($left, $right, $out, whole, $copy),)*
                $(($wide_rows, $wide) => $tile::<$first, $copies, $wide_rows, $wide>($left, $right, $out, whole, $copy),)*
                (n_rows, _) => unreachable!("a tile of {n_rows} rows and {vectors} vectors"),
            }
        }
    }};
}
pub(super) use choose_tile;
