//! `{"kind": "adam", "learning_rate": 0.001}`: running mean over running root mean square of the gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Update, not_negative, power, unit};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// g <- g + weight_decay p; m <- beta1 m + (1 - beta1) g; v <- beta2 v + (1 - beta2) g^2;
/// p <- p - learning_rate m' / (sqrt(v') + epsilon), m' = m / (1 - beta1^t), v' = v / (1 - beta2^t) (Kingma, Ba 2015).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adam {
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
    /// Pulls every parameter towards 0 through the gradient.
    #[serde(default)]
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

impl Default for Adam {
    fn default() -> Adam {
        Adam {
            learning_rate: learning_rate(),
            beta1: beta1(),
            beta2: beta2(),
            epsilon: epsilon(),
            weight_decay: 0.0,
        }
    }
}

impl Adam {
    pub(super) fn kind(&self) -> &'static str {
        "adam"
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
        let decay = T::from_f64(self.weight_decay);
        let [beta1, beta2, epsilon] = [self.beta1, self.beta2, self.epsilon].map(T::from_f64);
        let [rest1, rest2] = [1.0 - self.beta1, 1.0 - self.beta2].map(T::from_f64);
        pass(
            isa, parameters, gradients, mean, square, scale, decay, beta1, rest1, beta2, rest2,
            step, root, epsilon,
        );
    }
}

kernel! {
    fn pass[T: Real](
        parameters: &mut [T], gradients: &[T], mean: &mut [T], square: &mut [T], scale: T, decay: T,
        beta1: T, rest1: T, beta2: T, rest2: T, step: T, root: T, epsilon: T,
    ) {
        for (((p, &g), m), v) in parameters.iter_mut().zip(gradients).zip(mean).zip(square) {
            let p0 = *p;
            let g = g * scale + decay * p0;
            *m = beta1 * *m + rest1 * g;
            *v = beta2 * *v + rest2 * g * g;
            *p = p0 - step * (*m / (v.sqrt() * root + epsilon));
        }
    }
}
