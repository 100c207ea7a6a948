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

use crate::element::Real;
use crate::isa::Isa;

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

/// One pass over everything that is trained: all slices have the same length, `state` holds the slots one after another.
pub(crate) struct Update<'a, T> {
    pub(crate) parameters: &'a mut [T],
    pub(crate) gradients: &'a [T],
    pub(crate) state: &'a mut [T],
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
        if !(rate.is_finite() && rate > 0.0 && rate <= 1e3) {
            faults.push((
                "learning_rate",
                format!("learning_rate lies above 0 and not above 1000, not {rate}"),
            ));
        }
        faults
    }

    pub(crate) fn update<T: Real>(&self, isa: Isa, update: Update<'_, T>) {
        each!(self, it => it.update(isa, update));
    }
}

/// What an optimizer remembers between steps: the slots one after another in one buffer, and the number of updates.
#[derive(Clone, Debug, PartialEq)]
pub struct OptimizerState<T> {
    /// `n_slots * n_parameters` numbers; slot 0 of every parameter, then slot 1.
    pub values: Vec<T>,
    /// Updates made so far; Adam's correction depends on it.
    pub n_updates: u64,
}

impl<T: Real> OptimizerState<T> {
    /// The state before the first update.
    pub fn new(optimizer: &Optimizer, n_parameters: usize) -> OptimizerState<T> {
        OptimizerState {
            values: vec![T::ZERO; optimizer.n_slots() * n_parameters],
            n_updates: 0,
        }
    }
}

/// A fault for a rate that should lie in [0, 1).
fn unit(name: &'static str, value: f64) -> Option<(&'static str, String)> {
    (!(0.0..1.0).contains(&value))
        .then(|| (name, format!("{name} lies from 0 to below 1, not {value}")))
}

/// A fault for a number that should be finite and not negative.
fn not_negative(name: &'static str, value: f64) -> Option<(&'static str, String)> {
    (!(value.is_finite() && value >= 0.0))
        .then(|| (name, format!("{name} is not negative, not {value}")))
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
