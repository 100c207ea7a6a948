//! Evaluation: outputs and loss of any number of rows, as the finished network would give them (dropout does nothing).

use super::compiled::Compiled;
use super::{Calculation, Inputs, PlanError, Targets};
use crate::graph::{Graph, NodeId};
use crate::isa::Cpu;
use crate::loss::{Loss, LossNodes};
use crate::network::{Mode, Network, Parameters};
use crate::op::StepKey;

/// Most rows that a trainer evaluates at once; enough for the products, few enough for the cache.
pub const EVALUATED_ROWS: usize = 256;

/// What an evaluation computes.
pub(super) struct EvaluationGraph {
    pub(super) graph: Graph,
    output: NodeId,
    loss: LossNodes,
}

impl EvaluationGraph {
    /// Builds it.
    ///
    /// # Errors
    /// When the loss does not fit the network's outputs.
    pub(super) fn build(network: &Network, loss: &Loss) -> Result<EvaluationGraph, PlanError> {
        let mut graph = Graph::new();
        let features = graph.features(network.n_features());
        let output = network
            .forward(&mut graph, features, Mode::Evaluate)?
            .output;
        let loss = loss
            .forward(&mut graph, output)
            .map_err(crate::network::NetworkError::Loss)?;
        Ok(EvaluationGraph {
            graph,
            output,
            loss,
        })
    }

    /// The nodes whose values are read.
    pub(super) fn results(&self) -> Vec<NodeId> {
        let LossNodes { mean, weight } = self.loss;
        [self.output, mean].into_iter().chain(weight).collect()
    }
}

/// A network and its loss, compiled to be evaluated in pieces of up to a number of rows.
pub struct EvaluationPlan<T> {
    calculation: Calculation<T>,
    output: NodeId,
    loss: LossNodes,
    n_features: usize,
    n_outputs: usize,
}

impl<T: Compiled> EvaluationPlan<T> {
    /// Compiles it. `batch_rows` is the most rows that are computed at once.
    ///
    /// # Errors
    /// When the loss does not fit the network's outputs, or the values cannot be held in memory.
    pub fn compile(
        network: &Network,
        loss: &Loss,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<EvaluationPlan<T>, PlanError> {
        let built = EvaluationGraph::build(network, loss)?;
        Ok(EvaluationPlan {
            calculation: Calculation::compile(&built.graph, &built.results(), batch_rows, cpu)?,
            output: built.output,
            loss: built.loss,
            n_features: network.n_features(),
            n_outputs: network.n_outputs(),
        })
    }

    /// Writes the network's outputs (before softmax or sigmoid) for all rows, and answers their mean loss; NaN for no
    /// rows.
    ///
    /// # Panics
    /// When a slice has the wrong length, or a label is no class of the network.
    pub fn evaluate(
        &mut self,
        parameters: &Parameters<T>,
        features: &[T],
        targets: Targets<'_, T>,
        outputs: &mut [T],
    ) -> f64 {
        let n_rows = features.len() / self.n_features;
        assert_eq!(
            outputs.len(),
            n_rows * self.n_outputs,
            "room for every output"
        );
        let (mut total, mut weight) = (0.0, 0.0);
        let piece = self.calculation.batch_rows();
        for first in (0..n_rows).step_by(piece) {
            let rows = first..(first + piece).min(n_rows);
            let of = |cols: usize| rows.start * cols..rows.end * cols;
            let inputs = Inputs {
                features: &features[of(self.n_features)],
                targets: targets.part(rows.clone(), n_rows),
                parameters: &parameters.values,
                batch_rows: rows.len(),
                key: StepKey::default(),
            };
            self.calculation.run(&inputs);
            let value = |node| self.calculation.value(node, rows.len());
            outputs[of(self.n_outputs)].copy_from_slice(value(self.output));
            let own = self
                .loss
                .weight
                .map_or(rows.len() as f64, |weight| value(weight)[0].to_f64());
            total += own * value(self.loss.mean)[0].to_f64();
            weight += own;
        }
        total / weight
    }
}
