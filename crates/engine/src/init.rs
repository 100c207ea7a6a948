//! First values of a weight matrix: zero mean, and a variance that keeps signals at one scale through the layers.
//!
//! With `n_in` rows and `n_out` columns (inputs and outputs of the layer):
//!
//! | name | variance | source |
//! |---|---|---|
//! | glorot | 2 / (n_in + n_out) | Glorot, Bengio 2010; for tanh, sigmoid, softplus and linear units |
//! | he | 2 / n_in | He et al. 2015; for rectifiers |
//! | lecun | 1 / n_in | LeCun et al. 1998 |
//! | orthogonal | 1 / max(n_in, n_out) | Saxe, McClelland, Ganguli 2014; keeps lengths through deep and recurrent layers |
//!
//! A uniform distribution of variance v reaches from -sqrt(3 v) to sqrt(3 v).

mod orthogonal;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::element::Real;
use crate::op::Function;
use crate::rng::{Purpose, Stream};

/// How the weights of a layer are drawn. Biases always start at zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform, variance 2 / (n_in + n_out).
    GlorotUniform,
    /// Normal, variance 2 / (n_in + n_out).
    GlorotNormal,
    /// Uniform, variance 2 / n_in.
    HeUniform,
    /// Normal, variance 2 / n_in.
    HeNormal,
    /// Uniform, variance 1 / n_in.
    LecunUniform,
    /// Normal, variance 1 / n_in.
    LecunNormal,
    /// Orthonormal columns, or rows where these are fewer.
    Orthogonal,
    /// All zero.
    Zeros,
    /// All one.
    Ones,
}

impl Init {
    /// Every way, in the order of the documentation.
    pub const ALL: [Init; 9] = [
        Init::GlorotUniform,
        Init::GlorotNormal,
        Init::HeUniform,
        Init::HeNormal,
        Init::LecunUniform,
        Init::LecunNormal,
        Init::Orthogonal,
        Init::Zeros,
        Init::Ones,
    ];

    /// What suits a layer that ends with that function: `he_uniform` before a rectifier, else `glorot_uniform`.
    pub fn before(function: Option<Function>) -> Init {
        match function {
            Some(
                Function::Relu
                | Function::LeakyRelu
                | Function::Elu
                | Function::Gelu
                | Function::Silu,
            ) => Init::HeUniform,
            Some(Function::Sigmoid | Function::Tanh | Function::Softplus) | None => {
                Init::GlorotUniform
            }
        }
    }

    /// Variance of one weight of an `n_in` x `n_out` matrix.
    pub fn variance(self, n_in: usize, n_out: usize) -> f64 {
        match self {
            Init::GlorotUniform | Init::GlorotNormal => 2.0 / (n_in + n_out).max(1) as f64,
            Init::HeUniform | Init::HeNormal => 2.0 / n_in.max(1) as f64,
            Init::LecunUniform | Init::LecunNormal => 1.0 / n_in.max(1) as f64,
            Init::Orthogonal => 1.0 / n_in.max(n_out).max(1) as f64,
            Init::Zeros | Init::Ones => 0.0,
        }
    }

    /// Fills the weights (`n_in` x `n_out`, row-major) of the parameter at `position` in the network.
    pub fn fill<T: Real>(
        self,
        weights: &mut [T],
        n_in: usize,
        n_out: usize,
        seed: u64,
        position: u16,
    ) {
        let stream = Stream::new(seed, Purpose::Initialisation(position), 0);
        let deviation = self.variance(n_in, n_out).sqrt();
        match self {
            Init::Zeros => weights.fill(T::ZERO),
            Init::Orthogonal => orthogonal::fill(weights, n_in, n_out, stream),
            Init::Ones => weights.fill(T::ONE),
            Init::GlorotUniform | Init::HeUniform | Init::LecunUniform => {
                let bound = 3.0_f64.sqrt() * deviation;
                for (index, weight) in weights.iter_mut().enumerate() {
                    *weight = T::from_f64(bound * (2.0 * stream.uniform(index as u64) - 1.0));
                }
            }
            Init::GlorotNormal | Init::HeNormal | Init::LecunNormal => {
                for (index, weight) in weights.iter_mut().enumerate() {
                    *weight = T::from_f64(deviation * stream.normal(index as u64));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_variance_is_the_stated_one() {
        let (n_in, n_out) = (300, 200);
        for init in Init::ALL {
            let mut weights = vec![0.0_f64; n_in * n_out];
            init.fill(&mut weights, n_in, n_out, 5, 0);
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            let variance =
                weights.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / weights.len() as f64;
            let stated = init.variance(n_in, n_out);
            let stated_mean = if init == Init::Ones { 1.0 } else { 0.0 };
            assert!((mean - stated_mean).abs() < 0.001, "{init:?}: mean {mean}");
            assert!(
                (variance - stated).abs() <= 0.03 * stated,
                "{init:?}: {variance} where {stated} is stated"
            );
        }
    }
}
