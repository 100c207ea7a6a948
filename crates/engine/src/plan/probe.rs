//! A look inside: what every layer does for one batch. It is compiled on demand and costs nothing while training.

use super::compile::Results;
use super::train::TrainingGraph;
use super::{Calculation, Inputs, PlanError, Targets};
use crate::element::Real;
use crate::graph::NodeId;
use crate::isa::Cpu;
use crate::layer::Layer;
use crate::loss::Loss;
use crate::network::{Mode, Network, Parameters, Role};
use crate::op::{Function, StepKey};
use crate::reduce;

/// What one layer did for a batch.
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

impl<T: Real> Probe<T> {
    /// Compiles it for batches of up to `batch_rows` rows.
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
        let results = Results {
            keep: &step.outputs,
            pinned: &step.pinned,
            pinned_len: network.n_parameters(),
        };
        Ok(Probe {
            calculation: Calculation::with_results(&step.graph, results, batch_rows, cpu)?,
            network: network.clone(),
            outputs: step.outputs,
        })
    }

    /// Runs a batch through the network and back, changes nothing, and answers what every layer did.
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
        let batch_rows = features.len() / self.network.n_features();
        let inputs = Inputs {
            features,
            targets,
            parameters: &parameters.values,
            batch_rows,
            key,
        };
        self.calculation.run(&inputs);
        let gradients = self.calculation.pinned(self.network.n_parameters());
        let layers = self
            .network
            .layers()
            .iter()
            .zip(&self.outputs)
            .zip(self.network.shapes())
            .enumerate();
        layers
            .map(|(layer_idx, ((layer, &output), shape))| {
                let n_units = shape.last();
                let values = self.calculation.value(output, batch_rows);
                let (mean, std) = moments(values);
                LayerActivity {
                    layer_idx,
                    kind: layer.kind(),
                    n_units,
                    dead: dead(layer, values, n_units),
                    saturated: saturated(layer, values),
                    mean,
                    std,
                    gradient_norm: self.norm(layer_idx, gradients),
                    parameter_norm: self.norm(layer_idx, &parameters.values),
                }
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

/// Mean and standard deviation.
fn moments<T: Real>(values: &[T]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().map(|x| x.to_f64()).sum::<f64>() / n;
    let variance = values
        .iter()
        .map(|x| (x.to_f64() - mean).powi(2))
        .sum::<f64>()
        / n;
    (mean, variance.sqrt())
}

/// Part of the units that answered 0 for every row; only relu has such units.
fn dead<T: Real>(layer: &Layer, values: &[T], n_units: usize) -> f64 {
    if layer.function() != Some(Function::Relu) {
        return 0.0;
    }
    let alive = (0..n_units).filter(|&unit| {
        values
            .iter()
            .skip(unit)
            .step_by(n_units)
            .any(|&y| y > T::ZERO)
    });
    1.0 - alive.count() as f64 / n_units as f64
}

/// Part of the outputs near the ends of a sigmoid (0, 1) or tanh (-1, 1).
fn saturated<T: Real>(layer: &Layer, values: &[T]) -> f64 {
    let near_an_end = |y: f64| match layer.function() {
        Some(Function::Sigmoid) => !(0.01..=0.99).contains(&y),
        Some(Function::Tanh) => y.abs() > 0.99,
        _ => false,
    };
    values.iter().filter(|y| near_an_end(y.to_f64())).count() as f64 / values.len().max(1) as f64
}
