//! `{"kind": "batch_norm"}`: every channel (or feature) shifted and scaled to mean 0 and variance 1 over the batch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, Mode, ParameterSpec};
use crate::op::{
    BatchNorm as Normalise, InverseDeviation, JoinMoments, Moment, Moments, RunningMoment,
};
use crate::sample::SampleShape;

/// y = weight (x - mean) / sqrt(variance + epsilon) + bias (Ioffe, Szegedy 2015).
///
/// Mean and variance are those of the batch while training, over samples and pixels (or steps), and running averages of
/// them in evaluation and prediction: s <- s + momentum (moment - s), with the unbiased variance, as in PyTorch. The running
/// averages are stored with the model and are not trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Part of the running averages that is new after each step, above 0 and at most 1.
    #[serde(default = "momentum")]
    #[schemars(range(min = 0.000_001, max = 1.0))]
    pub momentum: f64,
    /// Keeps the division finite.
    #[serde(default = "epsilon")]
    #[schemars(range(min = 1e-12, max = 1.0))]
    pub epsilon: f64,
}

fn momentum() -> f64 {
    0.1
}

fn epsilon() -> f64 {
    1e-5
}

impl Default for BatchNorm {
    fn default() -> BatchNorm {
        BatchNorm {
            momentum: momentum(),
            epsilon: epsilon(),
        }
    }
}

impl Rule for BatchNorm {
    const KIND: &'static str = "batch_norm";

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let channels = input.last();
        vec![
            ParameterSpec::weight("weight", 1, channels, Init::Ones),
            ParameterSpec::weight("bias", 1, channels, Init::Zeros),
            ParameterSpec::statistic("running_mean", 1, channels, Init::Zeros),
            ParameterSpec::statistic("running_variance", 1, channels, Init::Ones),
        ]
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let channels = builder.input.last();
        let n_pixels = builder.input.n_numbers() / channels;
        let [weight, bias, running_mean, running_variance] =
            [0, 1, 2, 3].map(|idx| builder.parameter(idx));
        let x = builder.graph.view(input, n_pixels, channels)?;
        let of_batch = builder.mode == Mode::Train;
        let (mean, variance) = if of_batch {
            let moments = builder.graph.apply(Moments, &[x])?;
            for (idx, moment, old) in [
                (2, Moment::Mean, running_mean),
                (3, Moment::Variance, running_variance),
            ] {
                let momentum = self.momentum;
                let running = RunningMoment { moment, momentum };
                let new = builder.graph.apply(running, &[old, moments])?;
                builder.update(idx, new);
            }
            let mut join = |moment| builder.graph.apply(JoinMoments { moment }, &[moments]);
            (join(Moment::Mean)?, join(Moment::Variance)?)
        } else {
            (running_mean, running_variance)
        };
        let epsilon = self.epsilon;
        let scale = builder
            .graph
            .apply(InverseDeviation { epsilon }, &[variance])?;
        let normalise = Normalise { of_batch };
        let y = builder
            .graph
            .apply(normalise, &[x, mean, scale, weight, bias])?;
        builder.graph.view(y, 1, n_pixels * channels)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !(self.momentum > 0.0 && self.momentum <= 1.0) {
            let reason = format!(
                "momentum lies above 0 and is at most 1, not {}",
                self.momentum
            );
            faults.push(("momentum", reason));
        }
        if !(self.epsilon > 0.0 && self.epsilon <= 1.0) {
            let reason = format!(
                "epsilon lies above 0 and is at most 1, not {}",
                self.epsilon
            );
            faults.push(("epsilon", reason));
        }
        faults
    }
}
