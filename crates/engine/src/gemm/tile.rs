//! Tiles of C: the innermost loops of the matrix product and of convolution, which keep a tile in registers.

use crate::element::Real;
use crate::isa::{Isa, Level};

/// Height and width of the tile of C that is held in registers.
///
/// The compiler keeps tiles of six and twelve rows in registers; with eight it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tile {
    /// AVX-512, f32.
    T12x32,
    /// AVX2, f32; with AVX-512 too when C is so narrow that half of a wider tile would be empty.
    T6x16,
    /// AVX2 and AVX-512, f64.
    T6x8,
    /// Portable, f32.
    T4x8,
    /// Portable, f64.
    T4x4,
}

impl Tile {
    /// The tile for an instruction set, for numbers of `size` bytes and a C of `n` columns.
    pub(crate) fn of(isa: Isa, size: usize, n: usize) -> Tile {
        match (isa.level(), size) {
            (Level::Portable, 4) => Tile::T4x8,
            (Level::Portable, _) => Tile::T4x4,
            (Level::Avx512, 4) if n > 16 => Tile::T12x32,
            (_, 4) => Tile::T6x16,
            (_, _) => Tile::T6x8,
        }
    }

    /// Rows and columns.
    pub(crate) fn size(self) -> (usize, usize) {
        match self {
            Tile::T12x32 => (12, 32),
            Tile::T6x16 => (6, 16),
            Tile::T6x8 => (6, 8),
            Tile::T4x8 => (4, 8),
            Tile::T4x4 => (4, 4),
        }
    }
}

/// Whether a product and its addition are rounded once, as a type.
pub(crate) struct Rounding<const FUSED: bool>;

/// The size of a tile and the way of rounding, as a type: each is a loop of its own.
pub(crate) struct Registers<const MR: usize, const NR: usize, const FUSED: bool>;

/// a b + c.
#[inline(always)]
pub(crate) fn multiply_add<T: Real, const FUSED: bool>(a: T, b: T, c: T) -> T {
    if FUSED { a.fused(b, c) } else { a * b + c }
}

/// Writes the sums of the first block of k, or adds those of a later one.
#[inline(always)]
pub(crate) fn store<T: Real>(c: &mut [T], sums: &[T], first: bool) {
    if first {
        c.copy_from_slice(&sums[..c.len()]);
    } else {
        for (c, &sum) in c.iter_mut().zip(sums) {
            *c += sum;
        }
    }
}

/// The products of a strip of A and a strip of B: MR x NR sums, which the compiler keeps in registers.
#[inline(always)]
pub(crate) fn tile<T: Real, const MR: usize, const NR: usize, const FUSED: bool>(
    a: &[[T; MR]],
    b: &[[T; NR]],
) -> [[T; NR]; MR] {
    let mut sums = [[T::ZERO; NR]; MR];
    for (a, b) in a.iter().zip(b) {
        for i in 0..MR {
            for j in 0..NR {
                sums[i][j] = multiply_add::<T, FUSED>(a[i], b[j], sums[i][j]);
            }
        }
    }
    sums
}

/// As [`tile`], with A read where it lies: row i of A at depth p is `image[rows[i] + depths[p]]`.
///
/// That is how a convolution sees an image: a row is a place of the kernel in the image, a depth a place in the kernel.
#[inline(always)]
pub(crate) fn gathered<T: Real, const MR: usize, const NR: usize, const FUSED: bool>(
    image: &[T],
    rows: &[usize; MR],
    depths: &[u32],
    b: &[[T; NR]],
) -> [[T; NR]; MR] {
    let mut sums = [[T::ZERO; NR]; MR];
    for (&depth, b) in depths.iter().zip(b) {
        for i in 0..MR {
            let a = image[rows[i] + depth as usize];
            for j in 0..NR {
                sums[i][j] = multiply_add::<T, FUSED>(a, b[j], sums[i][j]);
            }
        }
    }
    sums
}
