//! `{"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9}`: stochastic gradient descent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Update, not_negative, unit};
use crate::element::Real;
use crate::isa::{Isa, kernel};

/// g <- g + weight_decay p; v <- momentum v + g; p <- p - learning_rate v.
///
/// With nesterov the last line takes g + momentum v for v; without momentum it takes g.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sgd {
    /// Length of a step, above 0.
    #[serde(default = "learning_rate")]
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub learning_rate: f64,
    /// How much of the last step is kept, from 0 to below 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// Looks ahead along the momentum; wants momentum above 0.
    #[serde(default)]
    pub nesterov: bool,
    /// Pulls every parameter towards 0 through the gradient.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 3.4e38))]
    pub weight_decay: f64,
}

fn learning_rate() -> f64 {
    0.01
}

impl Default for Sgd {
    fn default() -> Sgd {
        Sgd {
            learning_rate: learning_rate(),
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.0,
        }
    }
}

impl Sgd {
    pub(super) fn kind(&self) -> &'static str {
        "sgd"
    }

    pub(super) fn n_slots(&self) -> usize {
        usize::from(self.momentum > 0.0)
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults: Vec<_> = [
            unit("momentum", self.momentum),
            not_negative("weight_decay", self.weight_decay),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.nesterov && self.momentum == 0.0 {
            faults.push(("nesterov", "nesterov wants a momentum above 0".to_owned()));
        }
        faults
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
        let (rate, decay, momentum) = (
            T::from_f64(learning_rate),
            T::from_f64(self.weight_decay),
            T::from_f64(self.momentum),
        );
        match (self.momentum > 0.0, self.nesterov) {
            (false, _) => plain(isa, parameters, gradients, scale, rate, decay),
            (true, false) => heavy_ball(
                isa, parameters, gradients, state, scale, rate, decay, momentum,
            ),
            (true, true) => nesterov(
                isa, parameters, gradients, state, scale, rate, decay, momentum,
            ),
        }
    }
}

kernel! {
    fn plain[T: Real](parameters: &mut [T], gradients: &[T], scale: T, rate: T, decay: T) {
        for (p, &g) in parameters.iter_mut().zip(gradients) {
            *p -= rate * (g * scale + decay * *p);
        }
    }
}

kernel! {
    fn heavy_ball[T: Real](parameters: &mut [T], gradients: &[T], state: &mut [T], scale: T, rate: T, decay: T, momentum: T) {
        for ((p, &g), v) in parameters.iter_mut().zip(gradients).zip(state) {
            *v = momentum * *v + (g * scale + decay * *p);
            *p -= rate * *v;
        }
    }
}

kernel! {
    fn nesterov[T: Real](parameters: &mut [T], gradients: &[T], state: &mut [T], scale: T, rate: T, decay: T, momentum: T) {
        for ((p, &g), v) in parameters.iter_mut().zip(gradients).zip(state) {
            let g = g * scale + decay * *p;
            *v = momentum * *v + g;
            *p -= rate * (g + momentum * *v);
        }
    }
}
