//! Training: one call is one step -- loss, gradients, guard, clipping, update.

use super::compile::Results;
use super::compiled::Compiled;
use super::ownership::Ownership;
use super::{Calculation, Inputs, PlanError, Targets};
use crate::graph::{Graph, NodeId};
use crate::isa::Cpu;
use crate::loss::Loss;
use crate::network::{Mode, Network, Parameters, Role};
use crate::op::StepKey;
use crate::optimizer::{Optimizer, OptimizerState, Update};
use crate::threads::Threads;

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepResult {
    /// Mean loss of the batch, before the update.
    pub loss: f64,
    /// Euclidean norm of all gradients together, before clipping.
    pub gradient_norm: f64,
    /// Loss and gradients are finite. If not, parameters and optimizer state were left as they were.
    pub finite: bool,
}

/// A network, its loss and its optimizer, compiled for batches of up to a number of rows.
pub struct TrainPlan<T> {
    calculation: Calculation<T>,
    optimizer: Optimizer,
    loss: NodeId,
    n_parameters: usize,
    n_trained: usize,
    n_features: usize,
    ownership: Ownership,
}

impl<T: Compiled> TrainPlan<T> {
    /// Compiles the step. `batch_rows` is the most rows a batch may have; a smaller last batch runs in the same plan.
    ///
    /// # Errors
    /// When the loss does not fit the network's outputs, or the step cannot be held in memory.
    pub fn compile(
        network: &Network,
        loss: &Loss,
        optimizer: &Optimizer,
        batch_rows: usize,
        cpu: Cpu,
    ) -> Result<TrainPlan<T>, PlanError> {
        let step = TrainingGraph::build(network, loss, Mode::Train)?;
        let n_parameters = network.n_parameters();
        let results = Results {
            keep: &[step.loss],
            pinned: &step.pinned,
            pinned_len: n_parameters,
        };
        let calculation = Calculation::with_results(&step.graph, results, batch_rows, cpu)?;
        Ok(TrainPlan {
            ownership: calculation.ownership(network.n_trained()),
            calculation,
            optimizer: optimizer.clone(),
            loss: step.loss,
            n_parameters,
            n_trained: network.n_trained(),
            n_features: network.n_features(),
        })
    }

    /// One step: computes loss and gradients of the batch, and, if all are finite, updates the parameters and lets
    /// statistics become what their layers say.
    ///
    /// `features` is row-major `[rows x n_features]`. `clip` is the norm to which longer gradients are cut, as PyTorch's
    /// `clip_grad_norm_` does it. `key` determines what dropout drops.
    ///
    /// # Panics
    /// When a slice has the wrong length, or a label is no class of the network.
    #[allow(clippy::too_many_arguments)]
    pub fn step(
        &mut self,
        parameters: &mut Parameters<T>,
        state: &mut OptimizerState<T>,
        features: &[T],
        targets: Targets<'_, T>,
        learning_rate: f64,
        clip: Option<f64>,
        key: StepKey,
    ) -> StepResult {
        let result = self.gradients_of(parameters, features, targets, key);
        if result.finite {
            let limit = clip.unwrap_or(f64::INFINITY);
            // The small addend is PyTorch's; it keeps the division finite.
            let scale = (limit / (result.gradient_norm + 1e-6)).min(1.0);
            state.n_updates += 1;
            let t = state.n_updates;
            let (gradients, threads, isa) = self.calculation.pinned_and_threads(self.n_trained);
            let update = Update {
                parameters: &mut parameters.values[..self.n_trained],
                gradients,
                slots: state.slots(self.n_trained),
                scale: T::from_f64(scale),
                learning_rate,
                t,
            };
            let shares = self.ownership.parameters();
            T::update(&self.optimizer, isa, threads, shares, update);
            parameters.values[self.n_trained..]
                .copy_from_slice(&self.calculation.pinned(self.n_parameters)[self.n_trained..]);
        }
        result
    }

    /// Loss and gradients of a batch without an update; the gradients are then in [`TrainPlan::gradients`].
    ///
    /// # Panics
    /// When a slice has the wrong length, or a label is no class of the network.
    pub fn gradients_of(
        &mut self,
        parameters: &Parameters<T>,
        features: &[T],
        targets: Targets<'_, T>,
        key: StepKey,
    ) -> StepResult {
        let batch_rows = features.len() / self.n_features;
        let parameters = &parameters.values;
        assert_eq!(
            parameters.len(),
            self.n_parameters,
            "parameters of another network"
        );
        let inputs = Inputs {
            features,
            targets,
            parameters,
            batch_rows,
            key,
        };
        self.calculation.run(&inputs);
        let loss = self.calculation.value(self.loss, batch_rows)[0].to_f64();
        let (gradients, threads, isa) = self.calculation.pinned_and_threads(self.n_trained);
        let gradient_norm = self.ownership.norm(isa, threads, gradients);
        StepResult {
            loss,
            gradient_norm,
            finite: loss.is_finite() && gradient_norm.is_finite(),
        }
    }

    /// Gradients of the trained parameters for the last batch, before clipping, in the order of the parameters' buffer.
    pub fn gradients(&self) -> &[T] {
        self.calculation.pinned(self.n_trained)
    }

    /// The threads, for work between two steps.
    pub(crate) fn threads(&mut self) -> &mut Threads {
        self.calculation.threads()
    }

    /// Most rows a batch may have.
    pub fn batch_rows(&self) -> usize {
        self.calculation.batch_rows()
    }
}

/// The graph of a training step: values, loss and gradients.
pub(super) struct TrainingGraph {
    pub(super) graph: Graph,
    /// The output of every layer, the network's output last.
    pub(super) outputs: Vec<NodeId>,
    /// The mean loss.
    pub(super) loss: NodeId,
    /// The sum of the weights of the batch's rows, where rows have weights.
    pub(super) weight: Option<NodeId>,
    /// The gradient of every trained parameter the loss depends on, and what every statistic becomes; each with its place
    /// in a buffer like that of the parameters.
    pub(super) pinned: Vec<(NodeId, usize)>,
}

impl TrainingGraph {
    /// Builds it. In [`Mode::Evaluate`] nothing is dropped and statistics stay what they are.
    pub(super) fn build(
        network: &Network,
        loss: &Loss,
        mode: Mode,
    ) -> Result<TrainingGraph, PlanError> {
        let mut graph = Graph::new();
        let features = graph.features(network.n_features());
        let forward = network.forward(&mut graph, features, mode)?;
        let nodes = loss
            .forward(&mut graph, forward.output)
            .map_err(crate::network::NetworkError::Loss)?;
        let (loss, weight) = (nodes.mean, nodes.weight);
        let one = graph.constant(vec![1.0]);
        let is_trained =
            |(position, _): &(usize, NodeId)| network.parameters()[*position].role == Role::Weight;
        let mut parameters = graph.parameter_nodes();
        parameters.retain(is_trained);
        let nodes: Vec<NodeId> = parameters.iter().map(|(_, node)| *node).collect();
        let found = graph.gradients(loss, one, &nodes)?;
        let offset = |position: usize| network.parameters()[position].offset;
        let gradients = parameters
            .iter()
            .zip(found)
            .filter_map(|((position, _), gradient)| Some((gradient?, offset(*position))));
        let updates = forward.updates.iter();
        let pinned = gradients
            .chain(updates.map(|(position, node)| (*node, offset(*position))))
            .collect();
        Ok(TrainingGraph {
            graph,
            outputs: forward.outputs,
            loss,
            weight,
            pinned,
        })
    }
}
