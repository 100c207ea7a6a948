//! The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kégl: "Algorithms for hyper-parameter optimization", NIPS 2011,
//! section 4; with the constants of Bergstra, Yamins, Cox: "Making a science of model search", ICML 2013).
//!
//! The trials so far are parted into the best gamma and the rest. On every axis l is a density of where the good ones are and g one of
//! where the bad ones are; of some candidates drawn from l the one with the largest l / g is proposed, which is the one of the largest
//! expected improvement under the two densities (2011, equation 7). Axes are treated one by one.
//!
//! - gamma: the best `ceil(n / 4)` of `n` trials are good, 25 at most: of the few tens of trials of a usual budget a tenth is too few to
//!   tell where good ones are (measured on three sets in docs/benchmarks.md). A trial without a value is bad; a trial that is still at work is
//!   taken for a bad one, so that two at the same time do not go to the same place.
//! - l and g on an ordered axis: a mixture of Gaussians, truncated to [0, 1], one around each trial with the distance to its further
//!   neighbour as its standard deviation (2011, section 4.2), clipped to `1 / min(100, n + 1)` to 1; and the prior, a Gaussian around
//!   the middle with standard deviation 1. All have the same weight.
//! - on a choice: the counts of its values plus one, normalised.
//! - before `startup` trials have a value, points are drawn evenly: the very points of the random strategy with this seed.

use super::Observation;
use super::random::{self, stream};
use crate::sweeps::space::Axis;

/// Good trials at most.
const MAX_GOOD: usize = 25;

/// Settings of the estimator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tpe {
    /// Trials with a value before the first proposal that looks at them.
    pub startup: u32,
    /// Candidates of which the best is taken.
    pub candidates: u32,
}

impl Tpe {
    /// The point of trial `number`, given what is known of all trials before it.
    pub fn point(
        &self,
        axes: &[Axis],
        seed: u64,
        number: u64,
        history: &[Observation],
    ) -> Vec<f64> {
        let n_values = history.iter().filter(|one| one.value.is_some()).count();
        if n_values < self.startup as usize {
            return random::point(axes.len(), seed, number);
        }
        let (good, bad) = parted(history);
        axes.iter()
            .enumerate()
            .map(|(axis_idx, axis)| {
                let on_axis = |trials: &[&Observation]| -> Vec<f64> {
                    trials.iter().map(|one| one.point[axis_idx]).collect()
                };
                let (l, g) = (
                    Density::new(*axis, on_axis(&good)),
                    Density::new(*axis, on_axis(&bad)),
                );
                // Number 0 of the stream is the independent draw; a candidate takes two of those behind it.
                let numbers = stream(seed, axis_idx, number);
                let candidates = (0..u64::from(self.candidates)).map(|candidate| {
                    l.sample(
                        numbers.uniform(2 * candidate + 1),
                        numbers.uniform(2 * candidate + 2),
                    )
                });
                let scored = candidates.map(|x| (l.at(x).ln() - g.at(x).ln(), x));
                // The first of the best: ties are settled by the order of the draws.
                scored
                    .reduce(|best, one| if one.0 > best.0 { one } else { best })
                    .map_or(0.5, |best| best.1)
            })
            .collect()
    }
}

/// Good and bad trials. Equal values keep the order of the trials.
fn parted(history: &[Observation]) -> (Vec<&Observation>, Vec<&Observation>) {
    let mut ranked: Vec<&Observation> = history.iter().filter(|one| one.value.is_some()).collect();
    ranked.sort_by(|a, b| {
        let (a, b) = (a.value.unwrap_or(f64::MAX), b.value.unwrap_or(f64::MAX));
        a.total_cmp(&b)
    });
    let n_good = ranked.len().div_ceil(4).min(MAX_GOOD);
    let mut bad = ranked.split_off(n_good);
    bad.extend(history.iter().filter(|one| one.value.is_none()));
    (ranked, bad)
}

/// Where trials are on one axis.
enum Density {
    /// Means and standard deviations of Gaussians of equal weight, and what of each lies in [0, 1].
    Mixture {
        kernels: Vec<Kernel>,
        /// Width of the cells whose mass is meant, where coordinates have cells.
        cells: Option<u64>,
    },
    /// Weights of the cells of a choice.
    Weights(Vec<f64>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Kernel {
    mean: f64,
    deviation: f64,
}

impl Kernel {
    /// Mass of the truncated Gaussian below `x`.
    fn below(&self, x: f64) -> f64 {
        let phi = |x: f64| normal_below((x - self.mean) / self.deviation);
        (phi(x) - phi(0.0)) / (phi(1.0) - phi(0.0))
    }

    /// Density of the truncated Gaussian at `x`.
    fn at(&self, x: f64) -> f64 {
        let phi = |x: f64| normal_below((x - self.mean) / self.deviation);
        let z = (x - self.mean) / self.deviation;
        let peak = self.deviation * (std::f64::consts::TAU).sqrt();
        (-0.5 * z * z).exp() / peak / (phi(1.0) - phi(0.0))
    }

    /// The point with the part `u` of the mass below it, by bisection: 40 halvings reach 1e-12.
    fn quantile(&self, u: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            if self.below(middle) < u {
                low = middle;
            } else {
                high = middle;
            }
        }
        0.5 * (low + high)
    }
}

impl Density {
    fn new(axis: Axis, points: Vec<f64>) -> Self {
        match axis {
            Axis::Continuous => Self::mixture(points, None),
            Axis::Ordered(n) => Self::mixture(points, Some(n)),
            Axis::Unordered(n) => {
                let mut weights = vec![1.0; n as usize];
                for point in &points {
                    weights[cell(*point, n)] += 1.0;
                }
                let sum: f64 = weights.iter().sum();
                Self::Weights(weights.into_iter().map(|weight| weight / sum).collect())
            }
        }
    }

    fn mixture(mut points: Vec<f64>, cells: Option<u64>) -> Self {
        const PRIOR: Kernel = Kernel {
            mean: 0.5,
            deviation: 1.0,
        };
        points.sort_by(f64::total_cmp);
        let least = 1.0 / (points.len() as f64 + 1.0).min(100.0);
        let kernels = points.iter().enumerate().map(|(position, mean)| {
            // The ends of the axis are neighbours of the outermost trials.
            let left = position.checked_sub(1).map_or(0.0, |before| points[before]);
            let right = points.get(position + 1).copied().unwrap_or(1.0);
            let deviation = (mean - left).max(right - mean).clamp(least, 1.0);
            Kernel {
                mean: *mean,
                deviation,
            }
        });
        Self::Mixture {
            kernels: kernels.chain([PRIOR]).collect(),
            cells,
        }
    }

    /// The coordinate that two even numbers choose: the first a kernel, the second a place in it.
    fn sample(&self, which: f64, place: f64) -> f64 {
        match self {
            Self::Mixture { kernels, .. } => {
                let chosen = cell(which, kernels.len() as u64);
                kernels[chosen].quantile(place)
            }
            Self::Weights(weights) => {
                let mut below = 0.0;
                let chosen = weights.iter().position(|weight| {
                    below += weight;
                    which < below
                });
                let chosen = chosen.unwrap_or(weights.len() - 1);
                (chosen as f64 + 0.5) / weights.len() as f64
            }
        }
    }

    /// Density at a coordinate; on an axis of cells the mean over a cell around it, so that a value weighs what it would be drawn with.
    fn at(&self, x: f64) -> f64 {
        match self {
            Self::Mixture { kernels, cells } => {
                let one = |kernel: &Kernel| match cells {
                    None => kernel.at(x),
                    Some(n) => {
                        let half = 0.5 / *n as f64;
                        let (from, to) = ((x - half).max(0.0), (x + half).min(1.0));
                        (kernel.below(to) - kernel.below(from)) / (to - from)
                    }
                };
                kernels.iter().map(one).sum::<f64>() / kernels.len() as f64
            }
            Self::Weights(weights) => weights[cell(x, weights.len() as u64)],
        }
    }
}

/// Which of `n` cells of equal width a coordinate lies in.
fn cell(x: f64, n: u64) -> usize {
    ((x * n as f64) as usize).min(n as usize - 1)
}

/// Mass of the standard normal distribution below `z`: one half of erfc(-z / sqrt 2), by the rational Chebyshev fit of Numerical
/// Recipes (Press et al., 3rd edition, section 6.2.2), relative error below 1.2e-7.
fn normal_below(z: f64) -> f64 {
    let x = z.abs() * std::f64::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    const C: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let sum = C.iter().rev().fold(0.0, |sum, c| sum * t + c);
    let tail = 0.5 * t * (sum - x * x).exp();
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TPE: Tpe = Tpe {
        startup: 10,
        candidates: 24,
    };

    /// `n` independent draws with the value that `objective` gives them.
    fn drawn(n_axes: usize, n: u64, objective: impl Fn(&[f64]) -> Option<f64>) -> Vec<Observation> {
        (0..n)
            .map(|number| {
                let point = random::point(n_axes, 3, number);
                let value = objective(&point);
                Observation { point, value }
            })
            .collect()
    }

    #[test]
    fn the_first_points_are_those_of_the_random_strategy() {
        let axes = [Axis::Continuous, Axis::Unordered(3)];
        let few = drawn(2, 9, |point| Some(point[0]));
        assert_eq!(TPE.point(&axes, 3, 9, &few), random::point(2, 3, 9));
        // A trial without a value does not count.
        let without = drawn(2, 30, |_| None);
        assert_eq!(TPE.point(&axes, 3, 30, &without), random::point(2, 3, 30));
        let enough = drawn(2, 10, |point| Some(point[0]));
        assert_ne!(TPE.point(&axes, 3, 10, &enough), random::point(2, 3, 10));
    }

    #[test]
    fn proposals_gather_where_trials_were_good() {
        let axes = [Axis::Continuous, Axis::Ordered(20), Axis::Unordered(4)];
        let distance = |point: &[f64]| {
            (point[0] - 0.3).abs() + (point[1] - 0.8).abs() + f64::from(cell(point[2], 4) != 2)
        };
        let history = drawn(3, 60, |point| Some(distance(point)));
        let mean = |points: &[Vec<f64>]| {
            points.iter().map(|point| distance(point)).sum::<f64>() / points.len() as f64
        };
        let proposed: Vec<Vec<f64>> = (60..160)
            .map(|number| TPE.point(&axes, 3, number, &history))
            .collect();
        let drawn: Vec<Vec<f64>> = (60..160)
            .map(|number| random::point(3, 3, number))
            .collect();
        assert!(
            mean(&proposed) < 0.5 * mean(&drawn),
            "{} against {}",
            mean(&proposed),
            mean(&drawn)
        );
        assert!(proposed.iter().flatten().all(|x| (0.0..=1.0).contains(x)));
    }

    #[test]
    fn the_optimum_of_a_smooth_function_is_found_sooner_than_by_chance() {
        let axes = [Axis::Continuous; 3];
        let bowl = |point: &[f64]| {
            let away = |x: f64, best: f64| (x - best).powi(2);
            away(point[0], 0.21) + away(point[1], 0.67) + away(point[2], 0.9)
        };
        let best_of = |seed: u64, tpe: bool| {
            let mut history: Vec<Observation> = Vec::new();
            for number in 0..60 {
                let point = match tpe {
                    true => TPE.point(&axes, seed, number, &history),
                    false => random::point(3, seed, number),
                };
                let value = Some(bowl(&point));
                history.push(Observation { point, value });
            }
            let values = history.iter().filter_map(|one| one.value);
            values.fold(f64::MAX, f64::min)
        };
        let n_better = (0..20)
            .filter(|seed| best_of(*seed, true) < best_of(*seed, false))
            .count();
        assert!(n_better >= 17, "only {n_better} of 20");
    }

    #[test]
    fn a_trial_at_work_is_kept_away_from() {
        let axes = [Axis::Continuous];
        let mut history = drawn(1, 30, |point| Some((point[0] - 0.5).abs()));
        let near = |history: &[Observation]| {
            let proposed = (30..130).map(|number| TPE.point(&axes, 3, number, history)[0]);
            proposed.filter(|x| (x - 0.5).abs() < 0.02).count()
        };
        let alone = near(&history);
        for step in 0..10 {
            history.push(Observation {
                point: vec![0.49 + 0.002 * f64::from(step)],
                value: None,
            });
        }
        assert!(
            near(&history) < alone / 2,
            "{} against {alone}",
            near(&history)
        );
    }

    #[test]
    fn the_best_quarter_is_good_and_what_has_no_value_is_bad() {
        let mut history = drawn(1, 21, |point| Some(point[0]));
        history.push(Observation {
            point: vec![0.0],
            value: None,
        });
        let (good, bad) = parted(&history);
        assert_eq!((good.len(), bad.len()), (6, 16));
        let worst_good = good.iter().filter_map(|one| one.value).fold(0.0, f64::max);
        assert!(
            bad.iter()
                .all(|one| one.value.is_none_or(|value| value >= worst_good))
        );
    }

    #[test]
    fn densities_have_the_mass_of_one() {
        for points in [vec![], vec![0.4], vec![0.0, 0.01, 0.5, 1.0]] {
            let density = Density::new(Axis::Continuous, points.clone());
            let n = 20_000;
            let mass: f64 = (0..n)
                .map(|step| density.at((f64::from(step) + 0.5) / f64::from(n)) / f64::from(n))
                .sum();
            assert!((mass - 1.0).abs() < 1e-4, "{points:?}: {mass}");
        }
        let weights = Density::new(Axis::Unordered(3), vec![0.9, 0.8, 0.1]);
        let found: Vec<f64> = [0.1, 0.5, 0.9].map(|x| weights.at(x)).to_vec();
        assert_eq!(found, [2.0 / 6.0, 1.0 / 6.0, 3.0 / 6.0]);
    }

    #[test]
    fn a_kernel_is_drawn_from_as_it_weighs() {
        let kernel = Kernel {
            mean: 0.2,
            deviation: 0.3,
        };
        for u in [0.01, 0.3, 0.5, 0.99] {
            assert!((kernel.below(kernel.quantile(u)) - u).abs() < 1e-9);
        }
        for (z, mass) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746),
            (-1.959_963_985, 0.025),
            (3.0, 0.998_650_102),
        ] {
            assert!((normal_below(z) - mass).abs() < 2e-7, "{z}");
        }
    }

    #[test]
    fn the_spread_of_a_kernel_follows_its_neighbours() {
        let Density::Mixture { kernels, .. } = Density::mixture(vec![0.5, 0.1, 0.6], None) else {
            panic!("a continuous axis has a mixture");
        };
        let spread: Vec<f64> = kernels.iter().map(|kernel| kernel.deviation).collect();
        // Neighbours at 0, 0.1, 0.5, 0.6 and 1; the prior last.
        let expected = [0.4, 0.4, 0.4, 1.0];
        assert!(
            spread
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-12),
            "{spread:?}"
        );
    }
}
