//! Prediction: a trained network, immutable and shared; every thread brings its own scratch memory.
//!
//! ```
//! use descent_engine::{isa::Cpu, layer::{Dense, Layer}, model::Model, network::{Head, Network, Outcome}, op::Function};
//! let layers = [Layer::Dense(Dense::new(16).with(Function::Relu))];
//! let network = Network::build(&layers, 4, Head { n_outputs: 3, outcome: Outcome::Classes })?;
//! let model = Model::new(&network, network.initialise::<f32>(0), Cpu::native(1))?;
//! let mut scratch = model.scratch(32);
//! let mut probabilities = [0.0; 3];
//! model.predict(&[0.1, 0.2, 0.3, 0.4], &mut scratch, &mut probabilities);
//! assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::element::Real;
use crate::graph::{Graph, NodeId};
use crate::isa::Cpu;
use crate::network::{Mode, Network, Outcome, Parameters};
use crate::op::{Activate, Function, Softmax, StepKey};
use crate::plan::{Arena, Bindings, Crew, PlanError, Program, Results};

/// Points on the path of an integrated gradient; the error of the midpoint rule falls with their square.
const PATH_POINTS: usize = 64;

/// Most rows of a program; a program's places depend on it, its instructions do not.
const MAX_ROWS: usize = 1024;

/// A trained network that answers probabilities or values.
pub struct Model<T = f32> {
    network: Network,
    parameters: Parameters<T>,
    cpu: Cpu,
    answer: NodeId,
    graph: Graph,
    explain: Explanation,
}

/// The graph of an integrated gradient.
struct Explanation {
    graph: Graph,
    gradient: NodeId,
}

/// What one thread needs to predict: memory for the values of some rows at once.
pub struct Scratch<T = f32> {
    program: Program,
    arena: Arena<T>,
    crew: Crew<T>,
}

/// Adds the network and what makes a prediction of its outputs.
fn answer(network: &Network, graph: &mut Graph) -> Result<(NodeId, NodeId), PlanError> {
    let features = graph.features(network.n_features());
    let outputs = network.forward(graph, features, Mode::Evaluate)?;
    let output = *outputs.last().unwrap_or(&features);
    let answer = match network.head().outcome {
        Outcome::Classes => graph.apply(Softmax, &[output])?,
        Outcome::Binary => graph.apply(Activate::new(Function::Sigmoid), &[output])?,
        Outcome::Values => output,
    };
    Ok((features, answer))
}

impl<T: Real> Model<T> {
    /// A model of a network and its trained parameters.
    ///
    /// # Errors
    /// When a layer does not fit; never for a network that was trained.
    ///
    /// # Panics
    /// When the parameters are those of another network.
    pub fn new(
        network: &Network,
        parameters: Parameters<T>,
        cpu: Cpu,
    ) -> Result<Model<T>, PlanError> {
        assert_eq!(
            parameters.values.len(),
            network.n_parameters(),
            "parameters of another network"
        );
        let mut graph = Graph::new();
        let (_, answer_node) = answer(network, &mut graph)?;
        let mut with_gradient = Graph::new();
        let (features, answer_again) = answer(network, &mut with_gradient)?;
        let seed = with_gradient.targets(network.n_outputs());
        let found = with_gradient.gradients(answer_again, seed, &[features])?;
        let gradient = found.into_iter().flatten().next().unwrap_or(seed);
        let explain = Explanation {
            graph: with_gradient,
            gradient,
        };
        Ok(Model {
            network: network.clone(),
            parameters,
            cpu,
            answer: answer_node,
            graph,
            explain,
        })
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Its trained parameters.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// Memory for predicting up to `rows` rows at once (at least 1, at most 1024); longer inputs run in pieces.
    ///
    /// # Panics
    /// When this much memory cannot be addressed.
    pub fn scratch(&self, rows: usize) -> Scratch<T> {
        self.compile(&self.graph, self.answer, rows.clamp(1, MAX_ROWS))
    }

    fn compile(&self, graph: &Graph, keep: NodeId, rows: usize) -> Scratch<T> {
        let results = Results {
            keep: &[keep],
            ..Results::default()
        };
        match Program::compile(graph, self.network.parameters(), results, rows) {
            Ok(program) => Scratch {
                arena: Arena::new(program.arena_len()),
                crew: Crew::new(&program, self.cpu),
                program,
            },
            Err(error) => panic!("{error}"),
        }
    }

    /// Predicts rows, row-major `[rows x n_features]`, into `out`, row-major `[rows x n_outputs]`: a probability per
    /// class, or the probability of class 1, or the values. Allocates nothing and takes no lock.
    ///
    /// # Panics
    /// When a slice has the wrong length, or the scratch belongs to another model.
    pub fn predict(&self, rows: &[T], scratch: &mut Scratch<T>, out: &mut [T]) {
        let (n_features, n_outputs) = (self.network.n_features(), self.network.n_outputs());
        assert_eq!(rows.len() % n_features, 0, "rows of {n_features} features");
        assert_eq!(
            out.len(),
            rows.len() / n_features * n_outputs,
            "room for every output"
        );
        let piece = scratch.program.capacity();
        for (rows, out) in rows
            .chunks(piece * n_features)
            .zip(out.chunks_mut(piece * n_outputs))
        {
            let batch_rows = rows.len() / n_features;
            scratch.run(&self.parameters, rows, &[], batch_rows);
            out.copy_from_slice(
                scratch
                    .program
                    .value(&scratch.arena, self.answer, batch_rows),
            );
        }
    }

    /// How much each feature of a row contributes to output number `output_idx` (probability or value), compared with
    /// a baseline row: (x_i - b_i) times the mean of df/dx_i on the way from b to x (Sundararajan, Taly, Yan 2017).
    ///
    /// The contributions add up to f(x) - f(b), up to the error of 64 points.
    ///
    /// # Panics
    /// When a slice has the wrong length, or there is no such output.
    pub fn integrated_gradients(&self, row: &[T], baseline: &[T], output_idx: usize) -> Vec<f64> {
        let (n_features, n_outputs) = (self.network.n_features(), self.network.n_outputs());
        assert_eq!(
            (row.len(), baseline.len()),
            (n_features, n_features),
            "a row of {n_features} features"
        );
        assert!(output_idx < n_outputs, "output {output_idx} of {n_outputs}");
        let mut path = Vec::with_capacity(PATH_POINTS * n_features);
        for point in 0..PATH_POINTS {
            let part = T::from_f64((point as f64 + 0.5) / PATH_POINTS as f64);
            path.extend(row.iter().zip(baseline).map(|(&x, &b)| b + part * (x - b)));
        }
        let mut seed = vec![T::ZERO; PATH_POINTS * n_outputs];
        seed.iter_mut()
            .skip(output_idx)
            .step_by(n_outputs)
            .for_each(|seed| *seed = T::ONE);
        let mut scratch = self.compile(&self.explain.graph, self.explain.gradient, PATH_POINTS);
        scratch.run(&self.parameters, &path, &seed, PATH_POINTS);
        let gradients = scratch
            .program
            .value(&scratch.arena, self.explain.gradient, PATH_POINTS);
        let mut contributions = vec![0.0; n_features];
        for line in gradients.chunks_exact(n_features) {
            for (sum, &gradient) in contributions.iter_mut().zip(line) {
                *sum += gradient.to_f64();
            }
        }
        for ((sum, &x), &b) in contributions.iter_mut().zip(row).zip(baseline) {
            *sum *= (x - b).to_f64() / PATH_POINTS as f64;
        }
        contributions
    }
}

impl<T: Real> Scratch<T> {
    fn run(
        &mut self,
        parameters: &Parameters<T>,
        features: &[T],
        targets: &[T],
        batch_rows: usize,
    ) {
        let parameters = &parameters.values;
        let bindings = Bindings {
            features,
            targets,
            labels: &[],
            parameters,
            batch_rows,
            key: StepKey::default(),
        };
        self.program.run(&mut self.arena, &mut self.crew, bindings);
    }
}
