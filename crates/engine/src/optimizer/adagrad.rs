//! `{"kind": "adagrad", "learning_rate": 0.01}`: steps divided by the root of all squared gradients so far.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Update, not_negative};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// g <- g + weight_decay p; s <- s + g^2; p <- p - learning_rate g / (sqrt(s) + epsilon) (Duchi, Hazan, Singer 2011).
///
/// Rare features keep long steps. PyTorch's `lr_decay` is left to the schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adagrad {
    /// Length of a step, above 0.
    #[serde(default = "learning_rate")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// Keeps the division finite.
    #[serde(default = "epsilon")]
    #[schemars(range(min = 1e-37, max = 3.4e38))]
    pub epsilon: f64,
    /// Pulls every parameter towards 0 through the gradient.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3.4e38))]
    pub weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.01
}

fn epsilon() -> f64 {
    1e-10
}

impl Default for Adagrad {
    fn default() -> Adagrad {
        Adagrad {
            learning_rate: learning_rate(),
            epsilon: epsilon(),
            weight_decay: 0.0,
        }
    }
}

impl Adagrad {
    pub(super) fn kind(&self) -> &'static str {
        "adagrad"
    }

    pub(super) fn n_slots(&self) -> usize {
        1
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let checks = [
            not_negative("epsilon", self.epsilon),
            not_negative("weight_decay", self.weight_decay),
        ];
        checks.into_iter().flatten().collect()
    }

    pub(super) fn update<T: Real>(&self, isa: Isa, update: Update<'_, T>) {
        let Update {
            parameters,
            gradients,
            slots: [state, _],
            scale,
            learning_rate,
            ..
        } = update;
        let [rate, decay, epsilon] =
            [learning_rate, self.weight_decay, self.epsilon].map(T::from_f64);
        step(
            isa, parameters, gradients, state, scale, rate, decay, epsilon,
        );
    }
}

kernel! {
    fn step[T: Real](parameters: &mut [T], gradients: &[T], square: &mut [T], scale: T, rate: T, decay: T, epsilon: T) {
        for ((p, &g), s) in parameters.iter_mut().zip(gradients).zip(square) {
            let g = g * scale + decay * *p;
            *s += g * g;
            *p -= rate * (g / (s.sqrt() + epsilon));
        }
    }
}
