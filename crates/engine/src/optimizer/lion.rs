//! `{"kind": "lion", "learning_rate": 0.0001}`: every parameter moves by the same length, in the direction of a momentum.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Update, not_negative, unit};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// p <- p (1 - learning_rate weight_decay); p <- p - learning_rate sign(beta1 m + (1 - beta1) g);
/// m <- beta2 m + (1 - beta2) g, with sign(0) = 0 (Chen et al. 2023, algorithm 2).
///
/// A step is as long as the learning rate, so that is three to ten times smaller than Adam's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lion {
    /// Length of a step, above 0.
    #[serde(default = "learning_rate")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// Part of the momentum in the direction of a step, from 0 to below 1.
    #[serde(default = "beta1")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub beta1: f64,
    /// How much of the momentum is kept per step, from 0 to below 1.
    #[serde(default = "beta2")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub beta2: f64,
    /// Pulls every parameter towards 0, apart from the gradient.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3.4e38))]
    pub weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.0001
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.99
}

impl Default for Lion {
    fn default() -> Lion {
        Lion {
            learning_rate: learning_rate(),
            beta1: beta1(),
            beta2: beta2(),
            weight_decay: 0.0,
        }
    }
}

impl Lion {
    pub(super) fn kind(&self) -> &'static str {
        "lion"
    }

    pub(super) fn n_slots(&self) -> usize {
        1
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let checks = [
            unit("beta1", self.beta1),
            unit("beta2", self.beta2),
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
        let kept = 1.0 - learning_rate * self.weight_decay;
        let [rate, kept, beta1, beta2] =
            [learning_rate, kept, self.beta1, self.beta2].map(T::from_f64);
        step(
            isa, parameters, gradients, state, scale, rate, kept, beta1, beta2,
        );
    }
}

kernel! {
    fn step[T: Real](parameters: &mut [T], gradients: &[T], momentum: &mut [T], scale: T, rate: T, kept: T, beta1: T, beta2: T) {
        for ((p, &g), m) in parameters.iter_mut().zip(gradients).zip(momentum) {
            let g = g * scale;
            let direction = beta1 * *m + (T::ONE - beta1) * g;
            *p = *p * kept - rate * direction.sign();
            *m = beta2 * *m + (T::ONE - beta2) * g;
        }
    }
}
