//! Who lies where in the one stretch of memory that holds all values of a step.

use crate::aligned::LINE;

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

/// Gives every value a start from `base` on, at the beginning of a cache line, such that values that live at the same time do not overlap (first fit, in
/// the order of writing). Answers the starts and the total length, or nothing when that cannot be counted.
pub(super) fn place(base: usize, lifetimes: &[Lifetime]) -> Option<(Vec<usize>, usize)> {
    let mut starts: Vec<usize> = Vec::with_capacity(lifetimes.len());
    let mut total = base.checked_next_multiple_of(LINE)?;
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
            start = start.max(to.checked_next_multiple_of(LINE)?);
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
}
