//! How long trainings take on this machine: assumed at first, then learned from those that ended.

use std::collections::BTreeMap;

/// Seconds of a step beside its operations, before anything was measured.
const STEP_S: f64 = 2e-6;

/// Operations per second, before anything was measured.
const FLOPS_PER_S: f64 = 5e10;

/// Trainings shorter than this, in seconds, measure the clock and not the machine.
const SHORTEST_S: f64 = 0.02;

/// How much the newest training counts among those of its size.
const NEWEST: f64 = 0.3;

/// A training, as far as its time depends on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// Steps of it.
    pub steps: u64,
    /// Operations of all of them.
    pub flops: f64,
}

/// How many times as long as assumed trainings took, by the binary logarithm of the operations of a step: a step of a few
/// thousand is mostly not arithmetic, and one of millions is mostly nothing else.
#[derive(Debug, Default)]
pub(super) struct Pace(BTreeMap<u32, f64>);

impl Work {
    fn assumed_s(self) -> f64 {
        self.steps as f64 * STEP_S + self.flops / FLOPS_PER_S
    }

    fn size(self) -> u32 {
        (self.flops / self.steps.max(1) as f64).max(1.0).log2() as u32
    }
}

impl Pace {
    /// Learns from a training that took so many seconds.
    pub(super) fn learn(&mut self, work: Work, took_s: f64) {
        if took_s < SHORTEST_S || work.steps == 0 {
            return;
        }
        let measured = took_s / work.assumed_s();
        let known = self.0.entry(work.size()).or_insert(measured);
        *known += NEWEST * (measured - *known);
    }

    /// Expected seconds of a training, by the measured one that is nearest in size.
    pub(super) fn expected_s(&self, work: Work) -> f64 {
        let nearest = (self.0.iter()).min_by_key(|(size, _)| size.abs_diff(work.size()));
        work.assumed_s() * nearest.map_or(1.0, |(_, &slower)| slower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Work = Work {
        steps: 10_000,
        flops: 1e7,
    };
    const LARGE: Work = Work {
        steps: 100,
        flops: 1e12,
    };

    #[test]
    fn a_small_training_says_little_of_the_arithmetic_of_a_large_one() {
        let mut pace = Pace::default();
        // Twice as long as assumed. By its operations alone an hour would be expected of the large one.
        pace.learn(SMALL, 2.0 * SMALL.assumed_s());
        assert_eq!(pace.expected_s(SMALL), 2.0 * SMALL.assumed_s());
        assert_eq!(pace.expected_s(LARGE), 2.0 * LARGE.assumed_s());
        assert!(pace.expected_s(LARGE) < 60.0);
        pace.learn(LARGE, 10.0);
        assert!((pace.expected_s(LARGE) - 10.0).abs() < 1e-9);
        assert_eq!(pace.expected_s(SMALL), 2.0 * SMALL.assumed_s());
    }

    #[test]
    fn the_newest_counts_without_being_all() {
        let mut pace = Pace::default();
        pace.learn(LARGE, 10.0);
        pace.learn(LARGE, 20.0);
        assert!((pace.expected_s(LARGE) - 13.0).abs() < 1e-9);
        pace.learn(LARGE, 0.001);
        assert!((pace.expected_s(LARGE) - 13.0).abs() < 1e-9, "too short");
    }
}
