//! How much of the objective follows from each parameter.
//!
//! The objectives of the trials are replaced by their ranks, so that neither the scale of the metric nor one diverging trial decides. The
//! trials are put into groups by the value of one parameter: the values of a choice, or neighbouring parts of a range with about equally
//! many trials. The importance is the share of the variance of the ranks that lies between the groups, less what would lie there by
//! chance,
//!
//! ```text
//! epsilon^2 = 1 - (SS_within / (n - k)) / (SS_total / (n - 1))
//! ```
//!
//! for `n` trials in `k` groups, and 0 where that is negative (Kelley: "An unbiased correlation ratio measure", PNAS 21, 1935; on ranks it is
//! the effect size of the test of Kruskal and Wallis). It estimates the first-order sensitivity index of Sobol': what is known of the
//! objective when this parameter alone is known. Parameters that matter only together show little, and the shares need not add to 1.

use super::space::{Axis, Parameters, Space};

/// Trials below which nothing is said.
const MIN_TRIALS: usize = 8;
/// Trials in one part of a range, about.
const PER_GROUP: f64 = 4.0;
/// Parts of a range at most.
const MAX_GROUPS: usize = 10;

/// Importance of each parameter in [0, 1], the largest first; empty for fewer than eight trials or when all are equally good.
pub fn of(space: &Space, trials: &[(&Parameters, f64)]) -> Vec<(String, f64)> {
    if trials.len() < MIN_TRIALS {
        return Vec::new();
    }
    let ranks = ranks(&trials.iter().map(|trial| trial.1).collect::<Vec<f64>>());
    let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
    let total: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if total == 0.0 {
        return Vec::new();
    }
    let mut found: Vec<(String, f64)> = space
        .iter()
        .map(|(pointer, domain)| {
            let coordinates: Vec<f64> = trials
                .iter()
                .filter_map(|(parameters, _)| domain.coordinate(parameters.get(pointer)?))
                .collect();
            let share = match coordinates.len() == ranks.len() {
                true => share(&groups(domain.axis(), &coordinates), &ranks, total),
                false => 0.0,
            };
            (pointer.clone(), share)
        })
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found
}

/// The rank of each number from 1, the mean of their places for equal ones.
fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    let mut ranks = vec![0.0; numbers.len()];
    let mut from = 0;
    while from < order.len() {
        let value = numbers[order[from]];
        let n_equal = order[from..]
            .iter()
            .take_while(|index| numbers[**index] == value)
            .count();
        let rank = from as f64 + (n_equal as f64 + 1.0) / 2.0;
        for index in &order[from..from + n_equal] {
            ranks[*index] = rank;
        }
        from += n_equal;
    }
    ranks
}

/// The group of each trial. Equal coordinates are always in one group.
fn groups(axis: Axis, coordinates: &[f64]) -> Vec<usize> {
    if let Axis::Unordered(n) = axis {
        let cell = |x: &f64| ((x * n as f64) as usize).min(n as usize - 1);
        return coordinates.iter().map(cell).collect();
    }
    let n_groups = ((coordinates.len() as f64 / PER_GROUP) as usize).clamp(2, MAX_GROUPS);
    ranks(coordinates)
        .into_iter()
        .map(|rank| {
            let place = (rank - 0.5) / coordinates.len() as f64;
            ((place * n_groups as f64) as usize).min(n_groups - 1)
        })
        .collect()
}

fn share(groups: &[usize], ranks: &[f64], total: f64) -> f64 {
    let n_groups = groups.iter().max().map_or(0, |last| last + 1);
    let (mut sums, mut counts) = (vec![0.0; n_groups], vec![0.0; n_groups]);
    for (group, rank) in groups.iter().zip(ranks) {
        sums[*group] += rank;
        counts[*group] += 1.0;
    }
    let within: f64 = groups
        .iter()
        .zip(ranks)
        .map(|(group, rank)| (rank - sums[*group] / counts[*group]).powi(2))
        .sum();
    let (n, k) = (
        ranks.len() as f64,
        counts.iter().filter(|count| **count > 0.0).count() as f64,
    );
    if n <= k || k < 2.0 {
        return 0.0;
    }
    (1.0 - (within / (n - k)) / (total / (n - 1.0))).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use descent_engine::rng::{Purpose, Stream};
    use serde_json::json;

    use super::*;
    use crate::sweeps::space::Domain;

    fn space() -> Space {
        Space::from([
            (
                "/cubic".to_owned(),
                Domain::Uniform {
                    low: -1.0,
                    high: 1.0,
                },
            ),
            (
                "/nothing".to_owned(),
                Domain::LogUniform {
                    low: 1e-3,
                    high: 1.0,
                },
            ),
            (
                "/which".to_owned(),
                Domain::Choice {
                    values: vec![json!("a"), json!("b"), json!("c")],
                },
            ),
        ])
    }

    fn trials(n: u64, objective: impl Fn(f64, usize) -> f64) -> Vec<(Parameters, f64)> {
        (0..n)
            .map(|number| {
                let numbers = Stream::new(3, Purpose::Probe, number);
                let point = [numbers.uniform(0), numbers.uniform(1), numbers.uniform(2)];
                let which = (point[2] * 3.0) as usize;
                let parameters = crate::sweeps::space::values(&space(), &point);
                (parameters, objective(2.0 * point[0] - 1.0, which))
            })
            .collect()
    }

    fn importance(trials: &[(Parameters, f64)]) -> Vec<(String, f64)> {
        let seen: Vec<(&Parameters, f64)> = trials.iter().map(|one| (&one.0, one.1)).collect();
        of(&space(), &seen)
    }

    #[test]
    fn what_decides_comes_first_and_what_does_not_is_near_nothing() {
        // Not monotonic in the first parameter, so that a correlation would see nothing.
        let found = importance(&trials(200, |x, which| x * x + 0.1 * which as f64));
        assert_eq!(found[0].0, "/cubic");
        assert!(found[0].1 > 0.6, "{found:?}");
        assert_eq!(found[1].0, "/which");
        assert!(found[1].1 > 0.02 && found[1].1 < 0.3, "{found:?}");
        assert!(found[2].1 < 0.05, "{found:?}");
    }

    #[test]
    fn one_outlier_does_not_decide() {
        let mut all = trials(100, |x, _| x);
        all[0].1 = 1e30;
        let found = importance(&all);
        assert_eq!(found[0].0, "/cubic");
        assert!(found[0].1 > 0.9, "{found:?}");
    }

    #[test]
    fn nothing_is_said_of_few_trials_or_of_equal_ones() {
        assert!(importance(&trials(7, |x, _| x)).is_empty());
        assert!(importance(&trials(50, |_, _| 1.0)).is_empty());
    }

    #[test]
    fn equal_numbers_share_their_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }
}
