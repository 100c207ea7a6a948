//! `{"kind": "rmsprop", "learning_rate": 0.001}`: steps divided by a running root mean square of the gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Update, not_negative, unit};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// g <- g + weight_decay p; s <- alpha s + (1 - alpha) g^2; d = g / (sqrt(s) + epsilon);
/// v <- momentum v + d; p <- p - learning_rate v (Tieleman, Hinton 2012).
///
/// Without momentum the last line takes d for v.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rmsprop {
    /// Length of a step, above 0.
    #[serde(default = "learning_rate")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// How much of the mean square is kept per step, from 0 to below 1.
    #[serde(default = "alpha")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f64,
    /// Keeps the division finite.
    #[serde(default = "epsilon")]
    #[schemars(range(min = 1e-37, max = 3.4e38))]
    pub epsilon: f64,
    /// How much of the last step is kept, from 0 to below 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Pulls every parameter towards 0 through the gradient.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3.4e38))]
    pub weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.001
}

fn alpha() -> f64 {
    0.99
}

fn epsilon() -> f64 {
    1e-8
}

impl Default for Rmsprop {
    fn default() -> Rmsprop {
        Rmsprop {
            learning_rate: learning_rate(),
            alpha: alpha(),
            epsilon: epsilon(),
            momentum: 0.0,
            weight_decay: 0.0,
        }
    }
}

impl Rmsprop {
    pub(super) fn kind(&self) -> &'static str {
        "rmsprop"
    }

    pub(super) fn n_slots(&self) -> usize {
        1 + usize::from(self.momentum > 0.0)
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let checks = [
            unit("alpha", self.alpha),
            not_negative("epsilon", self.epsilon),
            unit("momentum", self.momentum),
            not_negative("weight_decay", self.weight_decay),
        ];
        checks.into_iter().flatten().collect()
    }

    pub(super) fn update<T: Real>(&self, isa: Isa, update: Update<'_, T>) {
        let Update {
            parameters,
            gradients,
            slots: [square, velocity],
            scale,
            learning_rate,
            ..
        } = update;
        let [rate, decay, alpha, epsilon] =
            [learning_rate, self.weight_decay, self.alpha, self.epsilon].map(T::from_f64);
        match self.momentum > 0.0 {
            false => plain(
                isa, parameters, gradients, square, scale, rate, decay, alpha, epsilon,
            ),
            true => {
                let momentum = T::from_f64(self.momentum);
                with_momentum(
                    isa, parameters, gradients, square, velocity, scale, rate, decay, alpha,
                    epsilon, momentum,
                );
            }
        }
    }
}

kernel! {
    fn plain[T: Real](parameters: &mut [T], gradients: &[T], square: &mut [T], scale: T, rate: T, decay: T, alpha: T, epsilon: T) {
        for ((p, &g), s) in parameters.iter_mut().zip(gradients).zip(square) {
            let g = g * scale + decay * *p;
            *s = alpha * *s + (T::ONE - alpha) * g * g;
            *p -= rate * (g / (s.sqrt() + epsilon));
        }
    }
}

kernel! {
    fn with_momentum[T: Real](
        parameters: &mut [T], gradients: &[T], square: &mut [T], velocity: &mut [T],
        scale: T, rate: T, decay: T, alpha: T, epsilon: T, momentum: T,
    ) {
        for (((p, &g), s), v) in parameters.iter_mut().zip(gradients).zip(square).zip(velocity) {
            let g = g * scale + decay * *p;
            *s = alpha * *s + (T::ONE - alpha) * g * g;
            *v = momentum * *v + g / (s.sqrt() + epsilon);
            *p -= rate * *v;
        }
    }
}
