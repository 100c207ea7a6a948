//! Every combination of values once.

use descent_engine::rng::{Purpose, Stream};
use serde_json::Value;

use crate::sweeps::space::{Domain, Space};

/// Combinations of a grid at most: more would never be worked off.
pub const MAX_POINTS: u64 = 100_000;

/// Position of the stream that orders a grid, behind those of the axes.
const ORDER: u16 = u16::MAX;

/// Combinations of the grid; `None` when they are more than [`MAX_POINTS`].
pub fn size(space: &Space, levels: u32) -> Option<u64> {
    space
        .values()
        .map(|domain| domain.levels(levels).len() as u64)
        .try_fold(1_u64, u64::checked_mul)
        .filter(|size| *size <= MAX_POINTS)
}

/// The point of trial `number`; `None` behind the last one, and where the grid has no size.
///
/// The order is drawn, so that a sweep that ends early has tried all parts of the grid alike.
pub fn point(space: &Space, levels: u32, seed: u64, number: u64) -> Option<Vec<f64>> {
    let n_points = size(space, levels).filter(|size| number < *size)?;
    let order = Stream::new(seed, Purpose::Proposal(ORDER), 0).permutation(n_points as usize);
    let mut rest = order[number as usize] as usize;
    space
        .values()
        .map(|domain: &Domain| {
            let values: Vec<Value> = domain.levels(levels);
            let position = rest % values.len();
            rest /= values.len();
            domain.coordinate(&values[position])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::sweeps::space::values;

    #[test]
    fn every_combination_comes_once_and_then_nothing() {
        let space = Space::from([
            (
                "/a".to_owned(),
                Domain::LogUniform {
                    low: 0.01,
                    high: 1.0,
                },
            ),
            (
                "/b".to_owned(),
                Domain::Integer {
                    low: 1,
                    high: 30,
                    log: true,
                },
            ),
            (
                "/c".to_owned(),
                Domain::Choice {
                    values: vec![json!("x"), json!("y")],
                },
            ),
        ]);
        assert_eq!(size(&space, 3), Some(18));
        let seen: BTreeSet<String> = (0..18)
            .map(|number| {
                let point = point(&space, 3, 7, number).unwrap();
                json!(values(&space, &point)).to_string()
            })
            .collect();
        assert_eq!(seen.len(), 18);
        assert!(seen.contains(r#"{"/a":0.1,"/b":5,"/c":"y"}"#), "{seen:?}");
        assert_eq!(point(&space, 3, 7, 18), None);
        assert_ne!(point(&space, 3, 7, 0), point(&space, 3, 8, 0));
    }

    #[test]
    fn a_grid_beyond_counting_has_no_size() {
        let choice = |n: usize| Domain::Choice {
            values: (0..n).map(Value::from).collect(),
        };
        let space: Space = (0..30).map(|i| (format!("/{i}"), choice(100))).collect();
        assert_eq!(size(&space, 5), None);
    }
}
