//! The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio, Kégl: "Algorithms for hyper-parameter optimization", NIPS 2011,
//! section 4; with the constants of Bergstra, Yamins, Cox: "Making a science of model search", ICML 2013).
//!
//! The trials so far are parted into the best gamma and the rest. On every axis l is a density of where the good ones are and g one of
//! where the bad ones are; of some candidates drawn from l the one with the largest l / g is proposed, which is the one of the largest
//! expected improvement under the two densities (2011, equation 7). Axes are treated one by one.
//!
//! - gamma: the best `ceil(n / 10)` of `n` trials are good, 25 at most. A trial without a value is bad; a trial that is still at work is
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
    let n_good = ranked.len().div_ceil(10).min(MAX_GOOD);
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
