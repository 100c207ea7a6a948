//! The proof of a derivative: a graph, random leaves, and central differences along random directions.

use std::collections::BTreeSet;

use descent_engine::graph::{Graph, NodeId, Origin, Rows};
use descent_engine::isa::Cpu;
use descent_engine::op::{Derivation, StepKey};
use descent_engine::plan::{Calculation, Inputs, Targets};
use descent_engine::rng::{Purpose, Stream};

/// Length of the step to both sides, and of one twice as long: the error of the difference is of the order of its fourth
/// power, which the curvature of a recurrent layer needs.
const STEP: f64 = 1e-5;
/// Directions that are tried.
const DIRECTIONS: u64 = 4;

/// A graph whose output is a function of its features and parameters.
pub struct Problem {
    graph: Graph,
    output: NodeId,
    /// The features' node, if there is one, and the parameters' nodes.
    leaves: Vec<NodeId>,
    gradients: Vec<Option<NodeId>>,
    batch_rows: usize,
    seed: u64,
    n_features: usize,
    n_parameters: usize,
    n_targets: usize,
}

impl Problem {
    /// Adds the gradients to the graph. Their seed is one more matrix of the output's shape, drawn like a leaf.
    pub fn new(mut graph: Graph, output: NodeId, batch_rows: usize, seed: u64) -> Problem {
        let is_leaf = |id: &NodeId| {
            matches!(
                graph.node(*id).origin,
                Origin::Features | Origin::Parameter(_)
            )
        };
        let leaves: Vec<NodeId> = graph.ids().filter(is_leaf).collect();
        let shape = graph.shape(output);
        let position = graph.parameter_nodes().len();
        let has_targets = graph
            .ids()
            .any(|id| graph.node(id).origin == Origin::Targets);
        let seed_node = match shape.rows {
            Rows::PerSample(_) if has_targets => panic!("the targets of this graph are taken"),
            Rows::PerSample(rows) => {
                let seed = graph.targets(rows * shape.cols);
                graph.view(seed, rows, shape.cols).expect("as many numbers")
            }
            Rows::Fixed(rows) => graph.parameter(position, rows, shape.cols),
        };
        let gradients = graph
            .gradients(output, seed_node, &leaves)
            .expect("the output has a derivative");
        let size = |origin: fn(&Origin) -> bool| -> usize {
            let nodes = graph.nodes().iter().filter(|node| origin(&node.origin));
            nodes
                .map(|node| node.shape.rows.count(batch_rows) * node.shape.cols)
                .sum()
        };
        Problem {
            n_features: size(|origin| *origin == Origin::Features),
            n_parameters: size(|origin| matches!(origin, Origin::Parameter(_))),
            n_targets: size(|origin| *origin == Origin::Targets),
            output,
            leaves,
            gradients,
            batch_rows,
            seed,
            graph,
        }
    }

    /// The names of all ops of the graph, those of the gradients included.
    pub fn op_names(&self) -> BTreeSet<&'static str> {
        let name = |id| match &self.graph.node(id).origin {
            Origin::Computed(op) => Some(op.name()),
            _ => None,
        };
        self.graph.ids().filter_map(name).collect()
    }

    /// Whether the op of that name refuses to be derived by any of its inputs.
    pub fn has_no_derivative(&self, name: &str) -> bool {
        let mut graph = self.graph.clone();
        for id in self.graph.ids() {
            let node = self.graph.node(id);
            let Origin::Computed(op) = &node.origin else {
                continue;
            };
            for input_idx in 0..node.inputs.len() {
                let at = Derivation {
                    inputs: &node.inputs,
                    output: id,
                    gradient: id,
                    input_idx,
                };
                if op.name() == name && op.derive(&mut graph, at).is_ok() {
                    return false;
                }
            }
        }
        true
    }

    /// Compares the gradients with central differences along random directions.
    pub fn check(&self, name: &str) {
        let draw = |n: usize, step: u64| -> Vec<f64> {
            let stream = Stream::new(self.seed, Purpose::Probe, step);
            (0..n as u64).map(|index| stream.normal(index)).collect()
        };
        let (features, parameters) = (draw(self.n_features, 0), draw(self.n_parameters, 1));
        // Targets between 0 and 1: binary cross entropy wants that, and the others do not mind.
        let targets: Vec<f64> = draw(self.n_targets, 2)
            .iter()
            .map(|t| 0.5 + 0.5 * t.tanh())
            .collect();
        let stream = Stream::new(self.seed, Purpose::Probe, 3);
        let labels: Vec<u32> = (0..self.batch_rows as u64)
            .map(|row| stream.below(row, self.classes()) as u32)
            .collect();
        let with_labels = self
            .graph
            .nodes()
            .iter()
            .any(|node| node.origin == Origin::Labels);

        let mut keep: Vec<NodeId> = self.gradients.iter().copied().flatten().collect();
        keep.push(self.output);
        let seed = self.seed_values(&targets, &parameters);
        let mut calculation =
            Calculation::<f64>::compile(&self.graph, &keep, self.batch_rows, Cpu::native(1))
                .expect("it fits");
        let mut run = |features: &[f64], parameters: &[f64]| {
            // A graph has labels or targets; the seed of a batch-shaped output takes the targets' place.
            let targets = if with_labels {
                Targets::Labels(&labels)
            } else {
                Targets::Values(&targets)
            };
            let key = StepKey {
                seed: self.seed,
                step: 9,
            };
            calculation.run(&Inputs {
                features,
                targets,
                parameters,
                batch_rows: self.batch_rows,
                key,
            });
            let value = |node| calculation.value(node, self.batch_rows).to_vec();
            let gradient = |node: &Option<NodeId>| match node {
                Some(node) if matches!(self.graph.node(*node).origin, Origin::Computed(_)) => {
                    value(*node)
                }
                // The gradient is what the walk began with.
                Some(_) => seed.clone(),
                None => Vec::new(),
            };
            (
                value(self.output),
                self.gradients.iter().map(gradient).collect::<Vec<_>>(),
            )
        };
        let (_, gradients) = run(&features, &parameters);
        for direction in 0..DIRECTIONS {
            let along_features = draw(self.n_features, 10 + direction);
            // The seed stands at the end of the parameters and must not move.
            let mut along_parameters = draw(self.n_parameters, 20 + direction);
            let n_fixed = if matches!(self.graph.shape(self.output).rows, Rows::PerSample(_)) {
                0
            } else {
                seed.len()
            };
            let n_moving = self.n_parameters - n_fixed;
            along_parameters[n_moving..].fill(0.0);

            let mut expected = 0.0;
            let mut offset = 0;
            for (&leaf, gradient) in self.leaves.iter().zip(&gradients) {
                let along = match self.graph.node(leaf).origin {
                    Origin::Features => &along_features[..],
                    _ => {
                        let len = gradient.len();
                        offset += len;
                        &along_parameters[offset - len..offset]
                    }
                };
                expected += gradient.iter().zip(along).map(|(g, d)| g * d).sum::<f64>();
            }
            let mut at = |h: f64| -> f64 {
                let moved = |x: &[f64], d: &[f64]| -> Vec<f64> {
                    x.iter().zip(d).map(|(x, d)| x + h * d).collect()
                };
                let (output, _) = run(
                    &moved(&features, &along_features),
                    &moved(&parameters, &along_parameters),
                );
                output.iter().zip(&seed).map(|(y, s)| y * s).sum()
            };
            let mut central = |h: f64| (at(h) - at(-h)) / (2.0 * h);
            let difference = (4.0 * central(STEP) - central(2.0 * STEP)) / 3.0;
            let error =
                (expected - difference).abs() / expected.abs().max(difference.abs()).max(1e-3);
            assert!(
                error <= 1e-6,
                "{name}: the rule says {expected}, the difference {difference}; relative error {error:e}"
            );
        }
    }

    /// The matrix that the output is multiplied with: the targets' values, or the last parameter.
    fn seed_values(&self, targets: &[f64], parameters: &[f64]) -> Vec<f64> {
        let shape = self.graph.shape(self.output);
        match shape.rows {
            Rows::PerSample(_) => targets.to_vec(),
            Rows::Fixed(rows) => parameters[parameters.len() - rows * shape.cols..].to_vec(),
        }
    }

    /// Number of classes, when the graph has labels: the outputs of whatever reads them.
    fn classes(&self) -> u64 {
        let reads_labels = |id: &NodeId| {
            let inputs = &self.graph.node(*id).inputs;
            inputs.len() > 1 && self.graph.node(inputs[1]).origin == Origin::Labels
        };
        let cols = self
            .graph
            .ids()
            .find(reads_labels)
            .map(|id| self.graph.shape(self.graph.node(id).inputs[0]).cols);
        cols.map_or(1, |cols| cols as u64)
    }
}
