//! Asynchronous successive halving in its stopping form (Li, Jamieson, Rostamizadeh et al.: "A system for massively parallel
//! hyperparameter tuning", MLSys 2020): a trial that comes to a rung goes on if it is among the best `1 / reduction` of those that came
//! there, itself included, and ends otherwise. Nobody waits for a rung to fill.
//!
//! Which values a trial is compared with is fixed when it is proposed: those of the trials it may look back at. So the worst value with
//! which it goes on is a number of its spec, it stops after exactly that epoch, and a sweep that is repeated stops the same trials.

/// Epochs of the rungs below `epochs`: `first`, then each `reduction` times as far.
pub fn rungs(first: u32, reduction: u32, epochs: u32) -> Vec<u32> {
    let mut rungs = Vec::new();
    let mut epoch = u64::from(first);
    while epoch < u64::from(epochs) {
        rungs.push(epoch as u32);
        epoch *= u64::from(reduction.max(2));
    }
    rungs
}

/// The worst value with which a trial goes on from a rung, given the values that were seen there (smaller is better).
///
/// With `n` values before it, `m = floor((n + 1) / reduction)` of the `n + 1` go on, so the bound is the `m`-th best. `None` while
/// `m` is 0: too few came to tell good from bad, and all go on.
pub fn bound(mut seen: Vec<f64>, reduction: u32) -> Option<f64> {
    let n_go_on = (seen.len() + 1) / reduction as usize;
    seen.sort_by(f64::total_cmp);
    seen.get(n_go_on.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_a_geometric_ladder_below_the_end() {
        assert_eq!(rungs(1, 3, 30), [1, 3, 9, 27]);
        assert_eq!(rungs(2, 4, 32), [2, 8]);
        assert_eq!(rungs(5, 3, 5), [0_u32; 0]);
        assert_eq!(rungs(100_000, 10, u32::MAX).len(), 5);
    }

    #[test]
    fn the_best_third_goes_on() {
        assert_eq!(bound(vec![], 3), None);
        assert_eq!(bound(vec![0.5], 3), None);
        // The third to come goes on only as the best of three.
        assert_eq!(bound(vec![0.5, 0.4], 3), Some(0.4));
        assert_eq!(bound(vec![0.5, 0.4, 0.3, 0.6, 0.2], 3), Some(0.3));
        assert_eq!(bound(vec![f64::MAX, 1.0], 2), Some(1.0));
    }
}
