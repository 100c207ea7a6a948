//! One stretch of memory for all values of a step, and who lies where.

use std::marker::PhantomData;

use crate::element::Real;

/// One cache line; values start at its beginning so that vector loads do not straddle two.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// Memory for `len` numbers, zero at first.
#[derive(Clone)]
pub(super) struct Arena<T> {
    lines: Vec<Line>,
    numbers: PhantomData<T>,
}

impl<T: Real> Arena<T> {
    /// Memory for at least `len` numbers.
    pub(super) fn new(len: usize) -> Arena<T> {
        let per_line = size_of::<Line>() / size_of::<T>();
        Arena {
            lines: vec![Line([0; 8]); len.div_ceil(per_line)],
            numbers: PhantomData,
        }
    }

    /// All numbers.
    #[inline]
    pub(super) fn values(&self) -> &[T] {
        bytemuck::cast_slice(&self.lines)
    }

    /// All numbers, to be changed.
    #[inline]
    pub(super) fn values_mut(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}

/// A value that lives from one instruction to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime {
    /// The instruction that writes it.
    pub(super) first: usize,
    /// The last instruction that reads it.
    pub(super) last: usize,
    /// Its length in numbers.
    pub(super) len: usize,
}

/// A cache line holds this many f32; starts are multiples of it.
const STEP: usize = 16;

/// Gives every value a start from `base` on, such that values that live at the same time do not overlap (first fit, in
/// the order of writing). Answers the starts and the total length, or nothing when that cannot be counted.
pub(super) fn place(base: usize, lifetimes: &[Lifetime]) -> Option<(Vec<usize>, usize)> {
    let mut starts: Vec<usize> = Vec::with_capacity(lifetimes.len());
    let mut total = base.checked_next_multiple_of(STEP)?;
    let base = total;
    for (index, value) in lifetimes.iter().enumerate() {
        let lives_beside =
            |other: &Lifetime| other.first <= value.last && value.first <= other.last;
        let mut taken: Vec<(usize, usize)> = lifetimes[..index]
            .iter()
            .zip(&starts)
            .filter(|(other, _)| lives_beside(other))
            .map(|(other, &start)| (start, start + other.len))
            .collect();
        taken.sort_unstable();
        let mut start = base;
        for (from, to) in taken {
            if start.checked_add(value.len)? <= from {
                break;
            }
            start = start.max(to.checked_next_multiple_of(STEP)?);
        }
        total = total.max(start.checked_add(value.len)?);
        starts.push(start);
    }
    Some((starts, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_live_together_do_not_overlap_and_the_dead_make_room() {
        let life = |first, last, len| Lifetime { first, last, len };
        let lifetimes = [
            life(0, 1, 100),
            life(1, 2, 50),
            life(2, 3, 100),
            life(3, 3, 16),
        ];
        let (starts, total) = place(5, &lifetimes).unwrap();
        assert_eq!(starts, [16, 128, 16, 128]);
        assert_eq!(total, 178);
        assert!(place(0, &[life(0, 1, usize::MAX), life(0, 1, 2)]).is_none());
    }

    #[test]
    fn an_arena_starts_at_a_cache_line() {
        let arena = Arena::<f32>::new(17);
        assert_eq!(arena.values().len(), 32);
        assert_eq!(arena.values().as_ptr() as usize % 64, 0);
    }
}
