//! The gradient of the loss of any number of rows, as the finished network has it (dropout does nothing, statistics stand still).

use super::compile::Results;
use super::compiled::Compiled;
use super::train::TrainingGraph;
use super::{Calculation, Inputs, PlanError, Targets};
use crate::graph::NodeId;
use crate::isa::Cpu;
use crate::loss::Loss;
use crate::network::{Mode, Network};
use crate::op::StepKey;

/// A network and its loss with gradients, compiled to be evaluated in pieces of up to a number of rows.
pub struct GradientPlan<T> {
    calculation: Calculation<T>,
    loss: NodeId,
    weight: Option<NodeId>,
    n_trained: usize,
    n_features: usize,
}

impl<T: Compiled> GradientPlan<T> {
    /// Compiles it. `batch_rows` is the most rows that are computed at once.
    ///
    /// # Errors
    /// When the loss does not fit the network's outputs, or the values cannot be held in memory.
    pub fn compile(
        network: &Network,
        loss: &Loss,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<GradientPlan<T>, PlanError> {
        let graph = TrainingGraph::build(network, loss, Mode::Evaluate)?;
        let mut keep = vec![graph.loss];
        keep.extend(graph.weight);
        let results = Results {
            keep: &keep,
            pinned: &graph.pinned,
            pinned_len: network.n_trained(),
        };
        Ok(GradientPlan {
            calculation: Calculation::with_results(&graph.graph, results, batch_rows, cpu)?,
            loss: graph.loss,
            weight: graph.weight,
            n_trained: network.n_trained(),
            n_features: network.n_features(),
        })
    }

    /// Writes the gradient of the mean loss of all rows by every trained parameter, and answers that loss; NaN for no rows.
    ///
    /// # Panics
    /// When a slice has the wrong length, or a label is no class of the network.
    pub fn gradient(
        &mut self,
        parameters: &[T],
        features: &[T],
        targets: Targets<'_, T>,
        gradient: &mut [f64],
    ) -> f64 {
        assert_eq!(gradient.len(), self.n_trained, "room for every derivative");
        gradient.fill(0.0);
        let n_rows = features.len() / self.n_features;
        let (mut total, mut weight) = (0.0, 0.0);
        let piece = self.calculation.batch_rows();
        for first in (0..n_rows).step_by(piece) {
            let rows = first..(first + piece).min(n_rows);
            let inputs = Inputs {
                features: &features[rows.start * self.n_features..rows.end * self.n_features],
                targets: targets.part(rows.clone(), n_rows),
                parameters,
                batch_rows: rows.len(),
                key: StepKey::default(),
            };
            self.calculation.run(&inputs);
            let value = |node| self.calculation.value(node, rows.len())[0].to_f64();
            let own = self.weight.map_or(rows.len() as f64, value);
            total += own * value(self.loss);
            weight += own;
            let pinned = self.calculation.pinned(self.n_trained);
            for (sum, part) in gradient.iter_mut().zip(pinned) {
                *sum += own * part.to_f64();
            }
        }
        gradient.iter_mut().for_each(|sum| *sum /= weight);
        total / weight
    }
}
