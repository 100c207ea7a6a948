//! Optimizers: how a gradient changes the parameters. Semantics are PyTorch's, term by term, and those of its paper for Lion.
//!
//! One optimizer, one file: the document a user posts, the formula, and one pass over (parameter, gradient, state).
//! The learning rate of a step is handed in, because a schedule decides it.

mod adagrad;
mod adam;
mod adamw;
mod lion;
mod rmsprop;
mod sgd;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamw::AdamW;
pub use lion::Lion;
pub use rmsprop::Rmsprop;
pub use sgd::Sgd;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::aligned::{Aligned, LINE};
use crate::element::Real;
use crate::isa::Isa;
use crate::threads::{Shares, Threads};

/// The optimizer of a run, as it stands in a spec (there beside the schedule, so unknown fields are the spec's business).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum.
    Sgd(Sgd),
    /// Steps divided by a running root mean square of the gradient.
    Rmsprop(Rmsprop),
    /// Running mean divided by running root mean square, both corrected for their start.
    Adam(Adam),
    /// Adam with weight decay apart from the gradient.
    #[serde(rename = "adamw")]
    AdamW(AdamW),
    /// Steps divided by the root of all squared gradients so far.
    Adagrad(Adagrad),
    /// Steps of one length, in the direction of a momentum.
    Lion(Lion),
}

/// Most numbers of state per parameter.
const MAX_SLOTS: usize = 2;

/// One pass over everything that is trained, or a part of it: all slices have the same length, but that a slot the
/// optimizer does not have is empty.
pub(crate) struct Update<'a, T> {
    pub(crate) parameters: &'a mut [T],
    pub(crate) gradients: &'a [T],
    pub(crate) slots: [&'a mut [T]; MAX_SLOTS],
    /// The gradient is first multiplied by this (clipping by norm); 1 changes nothing.
    pub(crate) scale: T,
    pub(crate) learning_rate: f64,
    /// Number of this update, from 1.
    pub(crate) t: u64,
}

/// Hands a call to the optimizer's own struct.
macro_rules! each {
    ($optimizer:expr, $it:ident => $call:expr) => {
        match $optimizer {
            Optimizer::Sgd($it) => $call,
            Optimizer::Rmsprop($it) => $call,
            Optimizer::Adam($it) => $call,
            Optimizer::AdamW($it) => $call,
            Optimizer::Adagrad($it) => $call,
            Optimizer::Lion($it) => $call,
        }
    };
}

impl Optimizer {
    /// The `kind` in a spec.
    pub fn kind(&self) -> &'static str {
        each!(self, it => it.kind())
    }

    /// The learning rate the spec names, or the optimizer's default.
    pub fn learning_rate(&self) -> f64 {
        each!(self, it => it.learning_rate)
    }

    /// The same optimizer with another learning rate.
    pub fn with_learning_rate(&self, learning_rate: f64) -> Optimizer {
        let mut other = self.clone();
        each!(&mut other, it => it.learning_rate = learning_rate);
        other
    }

    /// Numbers of state per parameter.
    pub fn n_slots(&self) -> usize {
        each!(self, it => it.n_slots())
    }

    /// What is wrong with the optimizer's own fields: (field, reason).
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = each!(self, it => it.faults());
        let rate = self.learning_rate();
        // In single precision, which parameters have, a smaller number than 1e-45 is 0.
        if !(rate as f32 > 0.0 && rate <= 1e3) {
            faults.push((
                "learning_rate",
                format!("learning_rate lies above 0 (1e-45) and not above 1000, not {rate:?}"),
            ));
        }
        faults
    }

    /// Makes one pass, each thread over its share. Every parameter follows its own gradient alone, so the shares change no bit.
    pub(crate) fn update<T: Real>(
        &self,
        isa: Isa,
        threads: &mut Threads,
        shares: &Shares,
        update: Update<'_, T>,
    ) {
        let Update {
            parameters,
            gradients,
            slots: [first, second],
            ..
        } = update;
        let buffers = [parameters, first, second];
        threads.for_each_share(shares, buffers, |range, [parameters, first, second]| {
            let update = Update {
                gradients: &gradients[range],
                parameters,
                slots: [first, second],
                ..update
            };
            each!(self, it => it.update(isa, update));
        });
    }
}

/// What an optimizer remembers between steps: the slots one after another in one buffer, and the number of updates.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState<T: Real> {
    /// Slot 0 of every parameter, then slot 1, which begins a line of the cache; so there may be a few zeros between the two.
    pub values: Aligned<T>,
    /// Updates made so far; Adam's correction depends on it.
    pub n_updates: u64,
}

impl<T: Real> OptimizerState<T> {
    /// Its slots for that many parameters; one that the optimizer does not have is empty.
    pub(crate) fn slots(&mut self, n_parameters: usize) -> [&mut [T]; MAX_SLOTS] {
        let start = n_parameters.next_multiple_of(LINE).min(self.values.len());
        let (first, second) = self.values.split_at_mut(start);
        let n = n_parameters.min(first.len());
        [&mut first[..n], second]
    }

    /// The state before the first update.
    pub fn new(optimizer: &Optimizer, n_parameters: usize) -> OptimizerState<T> {
        OptimizerState {
            values: Aligned::zeros(match optimizer.n_slots() {
                0 => 0,
                n => (n - 1) * n_parameters.next_multiple_of(LINE) + n_parameters,
            }),
            n_updates: 0,
        }
    }
}

/// A fault for a rate that should lie in [0, 1).
fn unit(name: &'static str, value: f64) -> Option<(&'static str, String)> {
    (!(0.0..1.0).contains(&value))
        .then(|| (name, format!("{name} lies from 0 to below 1, not {value}")))
}

/// A fault for a number that should not be negative, and finite in the single precision that parameters have.
fn not_negative(name: &'static str, value: f64) -> Option<(&'static str, String)> {
    (!((value as f32).is_finite() && value >= 0.0)).then(|| {
        let reason = format!("{name} is not negative and at most 3.4e38, not {value:?}");
        (name, reason)
    })
}

/// base^t by squaring: multiplications only, so the same bits on every machine.
fn power(base: f64, t: u64) -> f64 {
    let (mut result, mut factor, mut left) = (1.0, base, t);
    while left > 0 {
        if left & 1 == 1 {
            result *= factor;
        }
        factor *= factor;
        left >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn the_shares_of_an_update_change_no_bit() {
        let n = 5 * 1024 + 7;
        let stream = Stream::new(4, Purpose::Probe, 0);
        let gradients: Vec<f32> = (0..n as u64)
            .map(|index| stream.normal(index) as f32)
            .collect();
        let optimizers = [
            Optimizer::Sgd(Sgd {
                momentum: 0.9,
                ..Sgd::default()
            }),
            Optimizer::Sgd(Sgd::default()),
            Optimizer::Adam(Adam::default()),
        ];
        for optimizer in optimizers {
            let updated = |n_threads: usize| {
                let shares = match n_threads {
                    1 => vec![vec![0..n]],
                    _ => vec![vec![0..900, 4000..n], vec![900..4000], vec![]],
                };
                let shares = Shares::new(shares, n);
                let mut parameters = gradients.clone();
                let mut state = OptimizerState::new(&optimizer, n);
                let mut threads = Threads::new(n_threads);
                for t in 1..=2 {
                    let update = Update {
                        parameters: &mut parameters,
                        gradients: &gradients,
                        slots: state.slots(n),
                        scale: 0.5,
                        learning_rate: 0.1,
                        t,
                    };
                    optimizer.update(Isa::detect(), &mut threads, &shares, update);
                }
                (parameters, state)
            };
            let alone = updated(1);
            assert_ne!(alone.0, gradients);
            assert_eq!(alone, updated(3), "{}", optimizer.kind());
        }
    }
}
