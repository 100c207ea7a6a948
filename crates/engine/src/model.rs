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

use std::borrow::Cow;
use std::sync::Arc;

use crate::aligned::Aligned;
use crate::gemm::packed;
use crate::graph::{Graph, NodeId};
use crate::isa::Cpu;
use crate::network::{Mode, Network, Outcome, Parameters};
use crate::op::{Activate, Exponential, Function, Softmax, StepKey};
use crate::plan::{Calculation, Compiled, Inputs, Packing, PlanError, Targets, measure, packings};
use crate::precision::Precision;

/// Points on the path of an integrated gradient; the error of the midpoint rule falls with their square.
const PATH_POINTS: usize = 64;

/// Most rows of a program; a program's places depend on it, its instructions do not.
const MAX_ROWS: usize = 1024;

/// A trained network that answers probabilities or values.
pub struct Model<T: Compiled = f32> {
    network: Network,
    parameters: Parameters<T>,
    /// The same numbers; weights in the order in which predictions read them, if all are finite: zero times another one is not zero, and
    /// products with packed weights leave out what is multiplied by zero.
    packed: Option<Parameters<T>>,
    /// What else is made of weights before predictions read them.
    kept: Arc<Aligned<T>>,
    /// Of a prediction of one row.
    n_multiplications: u128,
    cpu: Cpu,
    prediction: Wanted,
    explanation: Explanation,
}

/// What explains an answer: its gradient on a path. Where the first layer looks indices up, which have no derivative, the path
/// runs through what it found.
struct Explanation {
    /// The output of the first layer, and which feature each number of it was made from.
    found: Option<(Wanted, Vec<usize>)>,
    /// The gradient of an answer by the features, or by what was found.
    gradient: Wanted,
}

/// A graph and the node of it that is asked for.
struct Wanted {
    graph: Graph,
    node: NodeId,
}

impl Wanted {
    /// What makes a prediction of the features.
    fn prediction(network: &Network) -> Result<Wanted, PlanError> {
        let mut graph = Graph::new();
        let (_, node) = answer(network, 0, network.n_features(), &mut graph)?;
        Ok(Wanted { graph, node })
    }

    /// What comes out of the first layer.
    fn found(network: &Network) -> Result<Wanted, PlanError> {
        let mut graph = Graph::new();
        let features = graph.features(network.n_features());
        let node = network
            .forward(&mut graph, features, Mode::Evaluate)?
            .outputs[0];
        Ok(Wanted { graph, node })
    }

    /// The gradient of one answer by the `n_numbers` that go into a layer; the targets of the graph choose which answer.
    fn gradient(
        network: &Network,
        first_layer_idx: usize,
        n_numbers: usize,
    ) -> Result<Wanted, PlanError> {
        let mut graph = Graph::new();
        let (numbers, answer) = answer(network, first_layer_idx, n_numbers, &mut graph)?;
        let seed = graph.targets(network.n_outputs());
        let gradients = graph.gradients(answer, seed, &[numbers])?;
        // The head reads every number, so there is a gradient; without a path it would be nothing but the seed.
        let node = gradients.into_iter().flatten().next().unwrap_or(seed);
        Ok(Wanted { graph, node })
    }

    fn calculation<T: Compiled>(&self, rows: usize, cpu: Cpu) -> Result<Calculation<T>, PlanError> {
        Calculation::compile(&self.graph, &[self.node], rows, cpu)
    }
}

/// What one thread needs to predict: memory for the values of some rows at once.
pub struct Scratch<T = f32> {
    calculation: Calculation<T>,
}

impl Explanation {
    fn of(network: &Network) -> Result<Explanation, PlanError> {
        let origins = network.layers()[0].origins(network.input());
        let (first_layer_idx, n_numbers) = match &origins {
            Some(origins) => (1, origins.len()),
            None => (0, network.n_features()),
        };
        let found = |origins| Ok::<_, PlanError>((Wanted::found(network)?, origins));
        Ok(Explanation {
            found: origins.map(found).transpose()?,
            gradient: Wanted::gradient(network, first_layer_idx, n_numbers)?,
        })
    }
}

/// Adds the network from a layer on, into which `n_numbers` go, and what makes a prediction of its outputs.
fn answer(
    network: &Network,
    first_layer_idx: usize,
    n_numbers: usize,
    graph: &mut Graph,
) -> Result<(NodeId, NodeId), PlanError> {
    let numbers = graph.features(n_numbers);
    let output = network
        .forward_from(first_layer_idx, graph, numbers, Mode::Evaluate)?
        .output;
    let answer = match network.head().outcome {
        Outcome::Classes | Outcome::Shares => graph.apply(Softmax, &[output])?,
        Outcome::Binary => graph.apply(Activate::new(Function::Sigmoid), &[output])?,
        Outcome::Counts => graph.apply(Exponential, &[output])?,
        Outcome::Values | Outcome::Places => output,
    };
    Ok((numbers, answer))
}

impl<T: Compiled> Model<T> {
    /// A model of a network and its trained parameters. It predicts in f32, whatever the processor rounds while it trains.
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
        let cpu = cpu.with_precision(Precision::F32);
        let (prediction, explanation) = (Wanted::prediction(network)?, Explanation::of(network)?);
        let found = explanation.found.iter().map(|(wanted, _)| (wanted, 1));
        let others = [
            (&prediction, MAX_ROWS),
            (&explanation.gradient, PATH_POINTS),
        ];
        for (wanted, rows) in found.chain(others) {
            measure(&wanted.graph, &[wanted.node], rows)?;
        }
        let is_finite = parameters.values.iter().all(|value| value.is_finite());
        let mut packed = is_finite.then(|| parameters.clone());
        if let Some(packed) = &mut packed {
            for Packing { start, rows, cols } in packings(&prediction.graph, &[prediction.node])? {
                let range = start..start + rows * cols;
                let weights = &parameters.values[range.clone()];
                packed::pack(cpu.isa, weights, cols, &mut packed.values[range]);
            }
        }
        let mut row = prediction.calculation(1, cpu)?;
        let (n_multiplications, kept) = (row.n_multiplications(), row.keep(&parameters.values));
        Ok(Model {
            network: network.clone(),
            parameters,
            packed,
            kept: Arc::new(kept),
            n_multiplications,
            cpu,
            prediction,
            explanation,
        })
    }

    /// The graph of a prediction, and the node that holds it.
    pub(crate) fn prediction(&self) -> (&Graph, NodeId) {
        (&self.prediction.graph, self.prediction.node)
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Its trained parameters.
    pub fn parameters(&self) -> &Parameters<T> {
        &self.parameters
    }

    /// Multiplications of an explanation of one output for one row: a prediction and a way back of about twice its work, at each point
    /// of the path.
    pub fn explanation_multiplications(&self) -> u128 {
        3 * PATH_POINTS as u128 * self.n_multiplications
    }

    /// Bytes of the weights, which are held twice where they are packed, and of what is made of them.
    pub fn n_bytes(&self) -> usize {
        let weights = std::iter::once(&self.parameters).chain(&self.packed);
        let numbers = weights.map(|weights| &weights.values[..]);
        let bytes: usize = numbers.map(size_of_val).sum();
        bytes + size_of_val(&self.kept[..])
    }

    /// Memory for predicting up to `rows` rows at once (at least 1, at most 1024); longer inputs run in pieces.
    pub fn scratch(&self, rows: usize) -> Scratch<T> {
        let mut scratch = self.memory(&self.prediction, rows.clamp(1, MAX_ROWS));
        if self.packed.is_some() {
            scratch.calculation.pack();
        }
        scratch.calculation.reuse(self.kept.clone());
        scratch
    }

    fn memory(&self, wanted: &Wanted, rows: usize) -> Scratch<T> {
        match wanted.calculation(rows, self.cpu) {
            Ok(calculation) => Scratch { calculation },
            // `new` compiled the same graphs for as many rows as there can be.
            Err(error) => unreachable!("{error}"),
        }
    }

    /// Predicts rows, row-major `[rows x n_features]`, into `out`, row-major `[rows x n_outputs]`: a probability per
    /// class, or the probability of class 1, or the values, counts or shares. Allocates nothing and takes no lock.
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
        assert!(
            scratch.calculation.keeps(&self.kept),
            "the scratch of this model"
        );
        let parameters = self.packed.as_ref().unwrap_or(&self.parameters);
        let piece = scratch.calculation.batch_rows();
        for (rows, out) in rows
            .chunks(piece * n_features)
            .zip(out.chunks_mut(piece * n_outputs))
        {
            let batch_rows = rows.len() / n_features;
            scratch.run(parameters, rows, &[], batch_rows);
            out.copy_from_slice(scratch.calculation.value(self.prediction.node, batch_rows));
        }
    }

    /// How much each feature of a row contributes to output number `output_idx` (probability or value), compared with
    /// a baseline row: (x_i - b_i) times the mean of df/dx_i on the way from b to x (Sundararajan, Taly, Yan 2017).
    ///
    /// The contributions add up to f(x) - f(b), up to the error of 64 points. Where the first layer looks indices up, the way
    /// is straight between the rows of its tables, and the contributions of the numbers of a row belong to its index.
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
        let (to, from) = (self.found(row), self.found(baseline));
        let mut path = Vec::with_capacity(PATH_POINTS * to.len());
        for point in 0..PATH_POINTS {
            let part = T::from_f64((point as f64 + 0.5) / PATH_POINTS as f64);
            path.extend(to.iter().zip(&*from).map(|(&x, &b)| b + part * (x - b)));
        }
        let mut seed = vec![T::ZERO; PATH_POINTS * n_outputs];
        seed.iter_mut()
            .skip(output_idx)
            .step_by(n_outputs)
            .for_each(|seed| *seed = T::ONE);
        let wanted = &self.explanation.gradient;
        let mut scratch = self.memory(wanted, PATH_POINTS);
        scratch.run(&self.parameters, &path, &seed, PATH_POINTS);
        let gradients = scratch.calculation.value(wanted.node, PATH_POINTS);
        let mut sums = vec![0.0; to.len()];
        for line in gradients.chunks_exact(to.len()) {
            for (sum, &gradient) in sums.iter_mut().zip(line) {
                *sum += gradient.to_f64();
            }
        }
        let mut contributions = vec![0.0; n_features];
        for (number, sum) in sums.into_iter().enumerate() {
            let feature = match &self.explanation.found {
                Some((_, origins)) => origins[number],
                None => number,
            };
            let way = (to[number] - from[number]).to_f64();
            contributions[feature] += sum * (way / PATH_POINTS as f64);
        }
        contributions
    }

    /// What a first layer that looks indices up finds for a row; the row itself where there is none.
    fn found<'a>(&self, row: &'a [T]) -> Cow<'a, [T]> {
        match &self.explanation.found {
            None => row.into(),
            Some((wanted, _)) => {
                let mut scratch = self.memory(wanted, 1);
                scratch.run(&self.parameters, row, &[], 1);
                scratch.calculation.value(wanted.node, 1).to_vec().into()
            }
        }
    }
}

impl<T: Compiled> Scratch<T> {
    fn run(
        &mut self,
        parameters: &Parameters<T>,
        features: &[T],
        targets: &[T],
        batch_rows: usize,
    ) {
        let inputs = Inputs {
            features,
            targets: Targets::Values(targets),
            parameters: &parameters.values,
            batch_rows,
            key: StepKey::default(),
        };
        self.calculation.run(&inputs);
    }
}
