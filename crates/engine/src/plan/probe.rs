//! A look inside: what every layer does for some rows. It is compiled on demand and costs nothing while training.

use super::compile::Results;
use super::compiled::Compiled;
use super::train::TrainingGraph;
use super::{Calculation, Inputs, PlanError, Targets};
use crate::aligned::Aligned;
use crate::element::Real;
use crate::graph::NodeId;
use crate::isa::Cpu;
use crate::layer::Layer;
use crate::loss::Loss;
use crate::network::{Mode, Network, Parameters, Role};
use crate::op::{Function, StepKey};
use crate::reduce;

/// Rows that a look at the layers takes.
pub const PROBED_ROWS: usize = 256;

/// What one layer did for some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerActivity {
    /// Position in the network; the head is the last.
    pub layer_idx: usize,
    /// Its kind.
    pub kind: &'static str,
    /// Number of units: outputs, or channels of an image.
    pub n_units: usize,
    /// Part of the units, 0 to 1, that answered 0 for every row, after relu.
    pub dead: f64,
    /// Part of all outputs, 0 to 1, that lie within 1 % of the ends of a sigmoid or tanh.
    pub saturated: f64,
    /// Mean of all outputs.
    pub mean: f64,
    /// Standard deviation of all outputs.
    pub std: f64,
    /// Euclidean norm of the gradient of the layer's parameters; 0 for a layer without any.
    pub gradient_norm: f64,
    /// Euclidean norm of the layer's parameters.
    pub parameter_norm: f64,
}

/// A training step that keeps the output of every layer.
pub struct Probe<T> {
    calculation: Calculation<T>,
    network: Network,
    outputs: Vec<NodeId>,
}

impl<T: Compiled> Probe<T> {
    /// Compiles it for batches of up to `batch_rows` rows; of so many depends the memory it takes.
    ///
    /// # Errors
    /// As [`super::TrainPlan::compile`].
    pub fn compile(
        network: &Network,
        loss: &Loss,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<Probe<T>, PlanError> {
        let step = TrainingGraph::build(network, loss, Mode::Train)?;
        let results = results(&step, network);
        Ok(Probe {
            calculation: Calculation::with_results(&step.graph, results, batch_rows, cpu)?,
            network: network.clone(),
            outputs: step.outputs,
        })
    }

    /// Runs rows through the network and back, batch after batch, changes nothing, and answers what every layer did. The gradient is the
    /// mean of those of the batches, each with the weight of its rows.
    ///
    /// # Panics
    /// When a slice has the wrong length, or a label is no class of the network.
    pub fn look(
        &mut self,
        parameters: &Parameters<T>,
        features: &[T],
        targets: Targets<'_, T>,
        key: StepKey,
    ) -> Vec<LayerActivity> {
        let n_features = self.network.n_features();
        let n_rows = features.len() / n_features;
        let units = self.network.shapes().iter().map(|shape| shape.last());
        let mut seen: Vec<Seen> = units.map(Seen::nothing).collect();
        let mut gradients = Aligned::<T>::zeros(self.network.n_parameters());
        let most = self.calculation.batch_rows();
        for first in (0..n_rows).step_by(most) {
            let rows = first..n_rows.min(first + most);
            let batch_rows = rows.len();
            let inputs = Inputs {
                features: &features[rows.start * n_features..rows.end * n_features],
                targets: targets.part(rows, n_rows),
                parameters: &parameters.values,
                batch_rows,
                key,
            };
            self.calculation.run(&inputs);
            let part = T::from_f64(batch_rows as f64 / n_rows as f64);
            let own = self.calculation.pinned(self.network.n_parameters());
            for (sum, &gradient) in gradients.iter_mut().zip(own) {
                *sum += part * gradient;
            }
            let layers = self.network.layers().iter().zip(&self.outputs);
            for ((layer, &output), seen) in layers.zip(&mut seen) {
                seen.add(layer, self.calculation.value(output, batch_rows));
            }
        }
        let layers = self.network.layers().iter().zip(seen).enumerate();
        layers
            .map(|(layer_idx, (layer, seen))| LayerActivity {
                layer_idx,
                kind: layer.kind(),
                n_units: seen.is_alive.len(),
                dead: seen.dead(layer),
                saturated: seen.n_near_an_end as f64 / seen.n.max(1) as f64,
                mean: seen.mean,
                std: (seen.squares / seen.n.max(1) as f64).sqrt(),
                gradient_norm: self.norm(layer_idx, &gradients),
                parameter_norm: self.norm(layer_idx, &parameters.values),
            })
            .collect()
    }

    /// Norm of a layer's part of a buffer that is laid out like the parameters.
    fn norm(&self, layer_idx: usize, buffer: &[T]) -> f64 {
        let own =
            self.network.parameters().iter().filter(|parameter| {
                parameter.layer_idx == layer_idx && parameter.role == Role::Weight
            });
        own.map(|parameter| {
            reduce::sum_of_squares(self.calculation.isa(), &buffer[parameter.range()])
        })
        .sum::<f64>()
        .sqrt()
    }
}

/// What is kept of the step that a probe takes.
pub(super) fn results<'a>(step: &'a TrainingGraph, network: &Network) -> Results<'a> {
    Results {
        keep: &step.outputs,
        pinned: &step.pinned,
        pinned_len: network.n_parameters(),
    }
}

/// What was seen of one layer so far.
struct Seen {
    n: usize,
    mean: f64,
    /// Sum of the squared distances from the mean.
    squares: f64,
    n_near_an_end: usize,
    is_alive: Vec<bool>,
}

impl Seen {
    fn nothing(n_units: usize) -> Seen {
        Seen {
            n: 0,
            mean: 0.0,
            squares: 0.0,
            n_near_an_end: 0,
            is_alive: vec![false; n_units],
        }
    }

    /// Adds outputs; the moments of two parts are joined as by Chan, Golub, LeVeque (1979).
    fn add<T: Real>(&mut self, layer: &Layer, values: &[T]) {
        let (before, n) = (self.n as f64, values.len().max(1) as f64);
        let mean = values.iter().map(|x| x.to_f64()).sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x.to_f64() - mean).powi(2)).sum();
        let distance = mean - self.mean;
        self.squares += squares + distance * distance * before * n / (before + n);
        self.mean += distance * n / (before + n);
        self.n += values.len();
        // The ends of a sigmoid are 0 and 1, those of a tanh -1 and 1.
        let near_an_end = |y: f64| match layer.function() {
            Some(Function::Sigmoid) => !(0.01..=0.99).contains(&y),
            Some(Function::Tanh) => y.abs() > 0.99,
            _ => false,
        };
        self.n_near_an_end += values.iter().filter(|y| near_an_end(y.to_f64())).count();
        for row in values.chunks_exact(self.is_alive.len()) {
            for (is_alive, &y) in self.is_alive.iter_mut().zip(row) {
                *is_alive |= y > T::ZERO;
            }
        }
    }

    /// Part of the units that answered 0 for every row; only relu has such units.
    fn dead(&self, layer: &Layer) -> f64 {
        if layer.function() != Some(Function::Relu) {
            return 0.0;
        }
        let n_dead = self.is_alive.iter().filter(|is_alive| !**is_alive).count();
        n_dead as f64 / self.is_alive.len() as f64
    }
}
