//! How the learning rate moves while training. The formulas are PyTorch's (`torch.optim.lr_scheduler`).
//!
//! A schedule is a pure function of the step, except `reduce_on_plateau`, which remembers what it has seen; that memory is
//! [`Plateau`] and travels in the checkpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The learning rate over time, relative to the optimizer's `learning_rate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same learning rate all the time.
    Constant {},
    /// `lr * gamma^(epoch / every_epochs)` with an integer division (StepLR).
    Step {
        /// Epochs between two reductions.
        #[schemars(range(min = 1, max = 1_000_000))]
        every_epochs: u32,
        /// Factor of each reduction.
        #[serde(default = "tenth")]
        #[schemars(range(min = 1e-6, max = 1.0))]
        gamma: f64,
    },
    /// `lr * gamma^epoch` (ExponentialLR).
    Exponential {
        /// Factor per epoch.
        #[schemars(range(min = 1e-6, max = 1.0))]
        gamma: f64,
    },
    /// `min + (lr - min) * (1 + cos(pi * step / steps)) / 2` over the whole run, per step (CosineAnnealingLR).
    Cosine {
        /// Where the descent ends, as a fraction of the learning rate.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        min_fraction: f64,
    },
    /// Up from `lr / div_factor` to `lr`, then down to `lr / div_factor / final_div_factor`, both along a cosine, per step
    /// (OneCycleLR without momentum cycling; the optimizer's learning rate is the maximum).
    OneCycle {
        /// Part of the run spent going up.
        #[serde(default = "three_tenths")]
        #[schemars(range(min = 0.01, max = 0.99))]
        pct_start: f64,
        /// Maximum over initial learning rate.
        #[serde(default = "twenty_five")]
        #[schemars(range(min = 1.0, max = 1e6))]
        div_factor: f64,
        /// Initial over final learning rate.
        #[serde(default = "ten_thousand")]
        #[schemars(range(min = 1.0, max = 1e9))]
        final_div_factor: f64,
    },
    /// From `lr * start_factor` linearly up to `lr` in `steps` steps (LinearLR), then the schedule in `then` over what is left
    /// of the run.
    WarmUp {
        /// Steps until the full learning rate is reached.
        #[schemars(range(min = 1, max = 1_000_000_000u64))]
        steps: u64,
        /// Factor of the first step.
        #[serde(default = "one_third")]
        #[schemars(range(min = 0.0, max = 1.0))]
        start_factor: f64,
        /// What follows; constant when absent. It may not warm up again.
        #[serde(default = "constant")]
        then: Box<Schedule>,
    },
    /// `lr * factor` each time the validation loss (the training loss without a validation part) has not improved by
    /// `threshold`, relatively, for more than `patience` epochs (ReduceLROnPlateau).
    ReduceOnPlateau {
        /// Factor of each reduction.
        #[serde(default = "tenth")]
        #[schemars(range(min = 1e-6, max = 0.999))]
        factor: f64,
        /// Epochs without improvement that are tolerated.
        #[serde(default = "ten")]
        #[schemars(range(min = 0, max = 1_000_000))]
        patience: u32,
        /// Relative improvement that counts.
        #[serde(default = "ten_thousandth")]
        #[schemars(range(min = 0.0, max = 1.0))]
        threshold: f64,
        /// Epochs after a reduction in which nothing is counted.
        #[serde(default)]
        #[schemars(range(min = 0, max = 1_000_000))]
        cooldown: u32,
        /// The learning rate never falls below this fraction of where it began.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1.0))]
        min_fraction: f64,
    },
}

fn tenth() -> f64 {
    0.1
}
fn one_third() -> f64 {
    1.0 / 3.0
}
fn three_tenths() -> f64 {
    0.3
}
fn twenty_five() -> f64 {
    25.0
}
fn ten_thousand() -> f64 {
    1e4
}
fn ten_thousandth() -> f64 {
    1e-4
}
fn ten() -> u32 {
    10
}
fn constant() -> Box<Schedule> {
    Box::new(Schedule::Constant {})
}

impl Schedule {
    /// Factor on the learning rate at `step` (from 0) of a run of `n_steps` steps with `steps_per_epoch` steps an epoch.
    ///
    /// `reduced` is the factor that a plateau has brought so far, 1 for every other schedule.
    #[must_use]
    pub fn factor(&self, step: u64, steps_per_epoch: u64, n_steps: u64, reduced: f64) -> f64 {
        let epoch = step / steps_per_epoch.max(1);
        match self {
            Self::Constant {} => 1.0,
            Self::Step {
                every_epochs,
                gamma,
            } => power(*gamma, epoch / u64::from(*every_epochs).max(1)),
            Self::Exponential { gamma } => power(*gamma, epoch),
            Self::Cosine { min_fraction } => {
                let part = step.min(n_steps) as f64 / n_steps.max(1) as f64;
                anneal(1.0, *min_fraction, part)
            }
            Self::OneCycle {
                pct_start,
                div_factor,
                final_div_factor,
            } => one_cycle(
                step as f64,
                n_steps as f64,
                *pct_start,
                *div_factor,
                *final_div_factor,
            ),
            Self::WarmUp {
                steps,
                start_factor,
                then,
            } => {
                if step < *steps {
                    start_factor + (1.0 - start_factor) * (step as f64 / *steps as f64)
                } else {
                    then.factor(
                        step - steps,
                        steps_per_epoch,
                        n_steps.saturating_sub(*steps),
                        reduced,
                    )
                }
            }
            Self::ReduceOnPlateau { .. } => reduced,
        }
    }

    /// The plateau rule inside this schedule, if there is one.
    fn plateau(&self) -> Option<&Self> {
        match self {
            Self::ReduceOnPlateau { .. } => Some(self),
            Self::WarmUp { then, .. } => then.plateau(),
            _ => None,
        }
    }
}

/// `gamma^n`, computed the same way on every machine (`powi` is not specified to be).
fn power(gamma: f64, n: u64) -> f64 {
    let (mut result, mut base, mut n) = (1.0, gamma, n);
    while n > 0 {
        if n & 1 == 1 {
            result *= base;
        }
        base *= base;
        n >>= 1;
    }
    result
}

/// `end + (start - end) * (1 + cos(pi * part)) / 2`
fn anneal(start: f64, end: f64, part: f64) -> f64 {
    end + (start - end) * (1.0 + cos_pi(part)) / 2.0
}

/// cos(pi x) for x in 0..=1 by Taylor series of cos around both ends and of sin around the middle, so that 1, 0 and -1 are
/// exact. Only additions and multiplications: the C library's cosine may differ in its last bit between machines.
fn cos_pi(x: f64) -> f64 {
    use std::f64::consts::PI;
    let cos = |y: f64| {
        (1..=10_u32).rev().fold(1.0, |sum, n| {
            1.0 - y * y / f64::from(2 * n * (2 * n - 1)) * sum
        })
    };
    let sin = |y: f64| {
        y * (1..=10_u32).rev().fold(1.0, |sum, n| {
            1.0 - y * y / f64::from(2 * n * (2 * n + 1)) * sum
        })
    };
    match x {
        x if x < 0.25 => cos(PI * x),
        x if x <= 0.75 => sin(PI * (0.5 - x)),
        x => -cos(PI * (1.0 - x)),
    }
}

/// OneCycleLR with cosine annealing in two phases; phase ends as PyTorch computes them.
fn one_cycle(
    step: f64,
    n_steps: f64,
    pct_start: f64,
    div_factor: f64,
    final_div_factor: f64,
) -> f64 {
    let initial = 1.0 / div_factor;
    let last = initial / final_div_factor;
    let top = pct_start * n_steps - 1.0;
    let end = n_steps - 1.0;
    if step <= top {
        anneal(initial, 1.0, if top > 0.0 { step / top } else { 1.0 })
    } else {
        let part = if end > top {
            (step - top) / (end - top)
        } else {
            1.0
        };
        anneal(1.0, last, part.min(1.0))
    }
}

/// What `reduce_on_plateau` remembers from one epoch to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// Lowest loss so far; `None` before the first epoch.
    pub best: Option<f64>,
    /// Epochs in a row without improvement.
    pub bad_epochs: u32,
    /// Epochs of cooldown left.
    pub cooldown_left: u32,
    /// Product of all reductions so far.
    pub reduced: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            best: None,
            bad_epochs: 0,
            cooldown_left: 0,
            reduced: 1.0,
        }
    }
}

impl Plateau {
    /// Takes note of an epoch's loss and reduces the learning rate if the schedule says so. Other schedules change nothing.
    pub fn epoch(&mut self, schedule: &Schedule, loss: f64) {
        let Some(Schedule::ReduceOnPlateau {
            factor,
            patience,
            threshold,
            cooldown,
            min_fraction,
        }) = schedule.plateau()
        else {
            return;
        };
        if self.best.is_none_or(|best| loss < best * (1.0 - threshold)) {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs > *patience {
            self.reduced = (self.reduced * factor).max(*min_fraction);
            self.cooldown_left = *cooldown;
            self.bad_epochs = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(schedule: &Schedule, steps: &[u64], steps_per_epoch: u64, n_steps: u64) -> Vec<f64> {
        steps
            .iter()
            .map(|&step| schedule.factor(step, steps_per_epoch, n_steps, 1.0))
            .collect()
    }

    fn close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!(
                (got - expected).abs() <= 1e-12 * expected.abs().max(1e-6),
                "{got} is not {expected}"
            );
        }
    }

    #[test]
    fn the_cosine_is_the_cosine() {
        for step in 0..=1000 {
            let x = f64::from(step) / 1000.0;
            assert!(
                (cos_pi(x) - (std::f64::consts::PI * x).cos()).abs() < 1e-15,
                "{x}"
            );
        }
    }

    #[test]
    fn step_and_exponential_fall_by_epochs() {
        let step = Schedule::Step {
            every_epochs: 2,
            gamma: 0.5,
        };
        close(
            &factors(&step, &[0, 19, 20, 39, 40], 10, 100),
            &[1.0, 1.0, 0.5, 0.5, 0.25],
        );
        let exponential = Schedule::Exponential { gamma: 0.9 };
        close(
            &factors(&exponential, &[0, 9, 10, 30], 10, 100),
            &[1.0, 1.0, 0.9, 0.729],
        );
    }

    #[test]
    fn cosine_ends_at_its_minimum() {
        let cosine = Schedule::Cosine { min_fraction: 0.1 };
        close(&factors(&cosine, &[0, 50, 100], 10, 100), &[1.0, 0.55, 0.1]);
    }

    /// Values of `torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10)`.
    #[test]
    fn one_cycle_agrees_with_pytorch() {
        let cycle = Schedule::OneCycle {
            pct_start: 0.3,
            div_factor: 25.0,
            final_div_factor: 1e4,
        };
        let got = factors(&cycle, &[0, 1, 2, 9], 10, 10);
        close(&got, &[0.04, 0.52, 1.0, 4e-6]);
        let cos = |part: f64| (1.0 + (std::f64::consts::PI * part).cos()) / 2.0;
        close(
            &factors(&cycle, &[5], 10, 10),
            &[4e-6 + (1.0 - 4e-6) * cos(3.0 / 7.0)],
        );
    }

    #[test]
    fn warm_up_hands_over_to_what_follows() {
        let then = Box::new(Schedule::Cosine { min_fraction: 0.0 });
        let warm = Schedule::WarmUp {
            steps: 4,
            start_factor: 0.2,
            then,
        };
        close(
            &factors(&warm, &[0, 2, 4, 8, 12], 4, 12),
            &[0.2, 0.6, 1.0, 0.5, 0.0],
        );
    }

    /// `patience` bad epochs are tolerated, the next one reduces; the cooldown counts nothing.
    #[test]
    fn a_plateau_reduces_after_its_patience() {
        let schedule = Schedule::ReduceOnPlateau {
            factor: 0.5,
            patience: 1,
            threshold: 1e-4,
            cooldown: 1,
            min_fraction: 0.3,
        };
        let mut plateau = Plateau::default();
        let mut seen = Vec::new();
        for loss in [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4] {
            plateau.epoch(&schedule, loss);
            seen.push(plateau.reduced);
        }
        close(&seen, &[1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.3, 0.3]);
        assert_eq!(plateau.best, Some(0.4));
    }
}
