//! Which steps of a run of unknown length are kept, so that there are never more than so many, evenly spread.

/// Keeps the multiples of a stride, which doubles whenever there would be more than `capacity` of them: every second one goes.
///
/// ```
/// use descent_engine::trajectory::Thinning;
/// let thinning = Thinning::new(4, 1);
/// let kept = |last: u64| (0..=last).filter(|step| thinning.keeps(*step, last)).collect::<Vec<u64>>();
/// assert_eq!(kept(3), [0, 1, 2, 3]);
/// assert_eq!(kept(4), [0, 2, 4]);
/// assert_eq!(kept(8), [0, 4, 8]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinning {
    capacity: u64,
    first_stride: u64,
}

impl Thinning {
    /// At most `capacity` (at least 2) steps, with a stride that begins with `first_stride` (at least 1).
    pub fn new(capacity: u64, first_stride: u64) -> Thinning {
        Thinning {
            capacity: capacity.max(2),
            first_stride: first_stride.max(1),
        }
    }

    /// Most steps that are kept.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Steps between two that are kept, when `last` steps are done.
    pub fn stride(&self, last: u64) -> u64 {
        let mut stride = self.first_stride;
        while last / stride >= self.capacity {
            stride = stride.saturating_mul(2);
        }
        stride
    }

    /// Whether `step` is still kept when `last` steps are done.
    pub fn keeps(&self, step: u64, last: u64) -> bool {
        step.is_multiple_of(self.stride(last))
    }

    /// The first step from `step` on that is recorded when it comes.
    pub fn from(&self, step: u64) -> u64 {
        let mut next = step;
        loop {
            let stride = self.stride(next);
            if next.is_multiple_of(stride) {
                return next;
            }
            next = next.next_multiple_of(stride);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_was_recorded_when_it_came_and_is_never_too_much() {
        for (capacity, first_stride) in [(2, 1), (7, 16), (8, 2), (256, 4)] {
            let thinning = Thinning::new(capacity, first_stride);
            let mut recorded = vec![];
            for last in 0..5_000 {
                if thinning.from(last) == last {
                    recorded.push(last);
                }
                let kept: Vec<u64> = (0..=last)
                    .filter(|step| thinning.keeps(*step, last))
                    .collect();
                assert!(kept.len() as u64 <= capacity);
                assert!(
                    kept.iter().all(|step| recorded.contains(step)),
                    "{last}: {kept:?}"
                );
                assert!(last < capacity * first_stride || kept.len() as u64 > capacity / 2);
            }
        }
    }
}
