//! The loss around the weights of a run: over a plane, along a line, and its slope.
//!
//! The loss is the run's own training loss, class weights and label smoothing included, on a seeded sample of its training rows,
//! as the finished network has it: nothing is dropped, nothing is augmented, running statistics keep the values they have at the
//! origin. Weight decay belongs to the optimizer's step and is no part of it. Products are computed in f32 whatever the run's precision.
//!
//! Cells are divided between threads whole, and every cell is computed by one, so no bit depends on their number.

mod direction;
mod ground;

pub use direction::{Frame, along, combined, filter_normalised, orthonormal};
pub use ground::{Cells, Ground, Slope};

/// `n` places (an odd number, at least 3) from about `low` to `high`, equally far from each other, of which one is exactly 0.
/// `low` lies below 0 and `high` above.
pub fn places(low: f64, high: f64, n: usize) -> Vec<f64> {
    let step = (high - low) / (n.max(2) - 1) as f64;
    let zero = (-low / step).round();
    (0..n).map(|k| (k as f64 - zero) * step).collect()
}

/// What a wall between two minima comes to, from the loss along the straight line between them, both ends included: the highest loss on
/// the line minus that of the higher end, 0 where the line never rises above it; `None` where a loss is not finite.
pub fn barrier(profile: &[f64]) -> Option<f64> {
    let highest = profile.iter().copied().reduce(f64::max)?;
    let higher_end = profile.first()?.max(*profile.last()?);
    Some(highest - higher_end)
        .filter(|_| profile.iter().all(|loss| loss.is_finite()))
        .map(|height| height.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_place_and_all_are_equally_far_apart() {
        let found = places(-1.0, 3.1, 5);
        assert!(found.contains(&0.0));
        assert_eq!(found.len(), 5);
        assert!(
            found
                .windows(2)
                .all(|pair| (pair[1] - pair[0] - 1.025).abs() < 1e-12)
        );
        assert_eq!(places(-2.0, 2.0, 5), [-2.0, -1.0, 0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_wall_is_measured_from_the_higher_end() {
        assert_eq!(barrier(&[1.0, 5.0, 2.0]), Some(3.0));
        assert_eq!(barrier(&[1.0, 0.0, 2.0]), Some(0.0));
        assert_eq!(barrier(&[1.0, f64::NAN, 2.0]), None);
        assert_eq!(barrier(&[1.0, f64::INFINITY, 2.0]), None);
    }
}
