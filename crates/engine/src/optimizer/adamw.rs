//! `{"kind": "adamw", "learning_rate": 0.001}`: Adam with weight decay apart from the gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Update, not_negative, power, unit};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// p <- p (1 - learning_rate weight_decay); m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
/// p <- p - learning_rate m' / (sqrt(v') + epsilon), m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)
/// (Loshchilov, Hutter 2019).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdamW {
    /// Length of a step, above 0.
    #[serde(default = "learning_rate")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// How much of the running mean is kept per step, from 0 to below 1.
    #[serde(default = "beta1")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub beta1: f64,
    /// How much of the running mean square is kept per step, from 0 to below 1.
    #[serde(default = "beta2")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub beta2: f64,
    /// Keeps the division finite.
    #[serde(default = "epsilon")]
    #[schemars(range(min = 1e-37, max = 3.4e38))]
    pub epsilon: f64,
    /// Pulls every parameter towards 0, apart from the gradient.
    #[serde(default = "weight_decay")]
    #[schemars(range(min = 0.0, max = 3.4e38))]
    pub weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.001
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

fn weight_decay() -> f64 {
    0.01
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW {
            learning_rate: learning_rate(),
            beta1: beta1(),
            beta2: beta2(),
            epsilon: epsilon(),
            weight_decay: weight_decay(),
        }
    }
}

impl AdamW {
    pub(super) fn kind(&self) -> &'static str {
        "adamw"
    }

    pub(super) fn n_slots(&self) -> usize {
        2
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let checks = [
            unit("beta1", self.beta1),
            unit("beta2", self.beta2),
            not_negative("epsilon", self.epsilon),
            not_negative("weight_decay", self.weight_decay),
        ];
        checks.into_iter().flatten().collect()
    }

    pub(super) fn update<T: Real>(&self, isa: Isa, update: Update<'_, T>) {
        let Update {
            parameters,
            gradients,
            slots: [mean, square],
            scale,
            learning_rate,
            t,
        } = update;
        let step = T::from_f64(learning_rate / (1.0 - power(self.beta1, t)));
        let root = T::from_f64(1.0 / (1.0 - power(self.beta2, t)).sqrt());
        let keep = T::from_f64(1.0 - learning_rate * self.weight_decay);
        let [beta1, beta2, epsilon] = [self.beta1, self.beta2, self.epsilon].map(T::from_f64);
        let [rest1, rest2] = [1.0 - self.beta1, 1.0 - self.beta2].map(T::from_f64);
        pass(
            isa, parameters, gradients, mean, square, scale, keep, beta1, rest1, beta2, rest2,
            step, root, epsilon,
        );
    }
}

kernel! {
    fn pass[T: Real](
        parameters: &mut [T], gradients: &[T], mean: &mut [T], square: &mut [T], scale: T, keep: T,
        beta1: T, rest1: T, beta2: T, rest2: T, step: T, root: T, epsilon: T,
    ) {
        for (((p, &g), m), v) in parameters.iter_mut().zip(gradients).zip(mean).zip(square) {
            let p0 = *p * keep;
            let g = g * scale;
            *m = beta1 * *m + rest1 * g;
            *v = beta2 * *v + rest2 * g * g;
            *p = p0 - step * (*m / (v.sqrt() * root + epsilon));
        }
    }
}
