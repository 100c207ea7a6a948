//! The engine against PyTorch: outputs, loss, gradients, and 20 steps of every optimizer with every schedule.
//!
//! `golden/make_golden.py` wrote the numbers once, in f64. The engine computes them in f64, where it must agree to one
//! part in a billion, and in f32, where the relative error of a whole vector is at most 1e-5.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use descent_engine::element::Real;
use descent_engine::isa::Cpu;
use descent_engine::layer::Layer;
use descent_engine::loss::{CrossEntropy, Loss};
use descent_engine::network::{Head, Network, Outcome, Parameters};
use descent_engine::op::StepKey;
use descent_engine::optimizer::{Optimizer, OptimizerState};
use descent_engine::plan::{Compiled, EvaluationPlan, Targets, TrainPlan};
use descent_engine::sample::SampleShape;
use descent_engine::schedule::{Plateau, Schedule};
use serde::Deserialize;
use support::kinds;

#[derive(Deserialize)]
struct Networks {
    runs: Vec<NetworkCase>,
}

#[derive(Deserialize)]
struct NetworkCase {
    network: Vec<Layer>,
    loss: Loss,
    rows: usize,
    input: SampleShape,
    n_outputs: usize,
    /// The trained ones, then running means and variances.
    parameters: Vec<f64>,
    features: Vec<f64>,
    targets: Vec<f64>,
    outputs: Vec<f64>,
    mean_loss: f64,
    gradients: Vec<f64>,
    /// Where training is not evaluation: the loss of a step, and the statistics after it.
    train_loss: Option<f64>,
    #[serde(default)]
    statistics: Vec<f64>,
}

#[derive(Deserialize)]
struct Trainings {
    network: Vec<Layer>,
    n_features: usize,
    n_outputs: usize,
    rows_per_step: usize,
    steps_per_epoch: usize,
    features: Vec<f64>,
    labels: Vec<u32>,
    initial: Vec<f64>,
    runs: Vec<Training>,
}

#[derive(Deserialize)]
struct Training {
    optimizer: Optimizer,
    schedule: Schedule,
    clip: Option<f64>,
    learning_rates: Vec<f64>,
    losses: Vec<f64>,
    gradient_norms: Vec<f64>,
    parameters: Vec<f64>,
}

fn read<F: for<'de> Deserialize<'de>>(name: &str) -> F {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let text = std::fs::read_to_string(&path).expect("golden files are committed");
    serde_json::from_str(&text).expect("golden files are written by make_golden.py")
}

fn cast<T: Real>(values: &[f64]) -> Vec<T> {
    values.iter().map(|&x| T::from_f64(x)).collect()
}

/// The error that is allowed: in f64 the formulas must agree, in f32 rounding comes on top.
fn tolerance<T: Real>() -> f64 {
    if T::NAME == "F64" { 1e-9 } else { 1e-5 }
}

/// Euclidean norm of the difference, relative to the norm of what is expected.
fn compare<T: Real>(what: &str, got: &[T], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let difference = norm(
        &mut got
            .iter()
            .zip(expected)
            .map(|(got, expected)| got.to_f64() - expected),
    );
    let error = difference / norm(&mut expected.iter().copied()).max(1e-12);
    assert!(
        error <= tolerance::<T>(),
        "{what} in {}: relative error {error:e}",
        T::NAME
    );
}

fn network_case<T: Compiled>(case: &NetworkCase, cpu: Cpu) {
    let name = format!("{:?} {:?}", case.network, case.loss);
    let head = Head {
        n_outputs: case.n_outputs,
        outcome: Outcome::Classes,
    };
    let network = Network::build(&case.network, case.input, head).expect("the network fits");
    let parameters = Parameters {
        values: cast::<T>(&case.parameters).into(),
    };
    let (features, values) = (cast::<T>(&case.features), cast::<T>(&case.targets));
    let labels: Vec<u32> = case.targets.iter().map(|&label| label as u32).collect();
    let targets = match case.loss {
        Loss::CrossEntropy(_) | Loss::Hinge(_) | Loss::Contrastive(_) => Targets::Labels(&labels),
        _ => Targets::Values(&values),
    };
    let mut outputs = vec![T::ZERO; case.outputs.len()];
    // Three rows at once, so that the mean is put together from pieces; pairs of rows have no such mean.
    let piece = if matches!(case.loss, Loss::Contrastive(_)) {
        case.rows
    } else {
        3
    };
    let mut evaluation =
        EvaluationPlan::compile(&network, &case.loss, piece, cpu).expect("it fits");
    let mean = evaluation.evaluate(&parameters, &features, targets, &mut outputs);
    compare(&format!("outputs of {name}"), &outputs, &case.outputs);
    compare(
        &format!("loss of {name}"),
        &[T::from_f64(mean)],
        &[case.mean_loss],
    );

    let optimizer = Optimizer::Sgd(descent_engine::optimizer::Sgd::default());
    let mut plan =
        TrainPlan::compile(&network, &case.loss, &optimizer, case.rows, cpu).expect("it fits");
    let result = plan.gradients_of(&parameters, &features, targets, StepKey::default());
    compare(
        &format!("loss of a step of {name}"),
        &[T::from_f64(result.loss)],
        &[case.train_loss.unwrap_or(case.mean_loss)],
    );
    compare(
        &format!("gradients of {name}"),
        plan.gradients(),
        &case.gradients,
    );
    let mut state = OptimizerState::new(&optimizer, network.n_trained());
    let mut after = parameters.clone();
    let key = StepKey::default();
    plan.step(&mut after, &mut state, &features, targets, 0.1, None, key);
    compare(
        &format!("statistics after a step of {name}"),
        &after.values[network.n_trained()..],
        &case.statistics,
    );
}

#[test]
fn networks_give_pytorchs_outputs_losses_and_gradients() {
    for case in read::<Networks>("networks.json").runs {
        network_case::<f64>(&case, Cpu::native(1));
        network_case::<f32>(&case, Cpu::native(1));
        network_case::<f32>(&case, Cpu::portable(1));
    }
}

fn training<T: Compiled>(set: &Trainings, run: &Training, cpu: Cpu) {
    let name = format!("{:?} {:?} clip {:?}", run.optimizer, run.schedule, run.clip);
    let head = Head {
        n_outputs: set.n_outputs,
        outcome: Outcome::Classes,
    };
    let network = Network::build(&set.network, set.n_features, head).expect("the network fits");
    let loss = Loss::CrossEntropy(CrossEntropy::default());
    let rows = set.rows_per_step;
    let mut plan =
        TrainPlan::<T>::compile(&network, &loss, &run.optimizer, rows, cpu).expect("it fits");
    let mut parameters = Parameters {
        values: cast::<T>(&set.initial).into(),
    };
    let mut state = OptimizerState::new(&run.optimizer, network.n_trained());
    let features = cast::<T>(&set.features);
    let mut plateau = Plateau::default();
    let (mut rates, mut losses, mut norms) = (Vec::new(), Vec::new(), Vec::new());
    let n_steps = run.learning_rates.len();
    for step in 0..n_steps {
        let factor = run.schedule.factor(
            step as u64,
            set.steps_per_epoch as u64,
            n_steps as u64,
            plateau.reduced,
        );
        let rate = factor * run.optimizer.learning_rate();
        let first = step % set.steps_per_epoch * rows;
        let x = &features[first * set.n_features..][..rows * set.n_features];
        let targets = Targets::Labels(&set.labels[first..first + rows]);
        let result = plan.step(
            &mut parameters,
            &mut state,
            x,
            targets,
            rate,
            run.clip,
            StepKey::default(),
        );
        assert!(result.finite, "{name}");
        rates.push(rate);
        losses.push(T::from_f64(result.loss));
        norms.push(T::from_f64(result.gradient_norm));
        if (step + 1) % set.steps_per_epoch == 0 {
            let epoch = &losses[losses.len() - set.steps_per_epoch..];
            plateau.epoch(
                &run.schedule,
                epoch.iter().map(|x| x.to_f64()).sum::<f64>() / epoch.len() as f64,
            );
        }
    }
    compare(
        &format!("learning rates of {name}"),
        &rates,
        &run.learning_rates,
    );
    compare(&format!("losses of {name}"), &losses, &run.losses);
    compare(
        &format!("gradient norms of {name}"),
        &norms,
        &run.gradient_norms,
    );
    compare(
        &format!("parameters after {name}"),
        &parameters.values,
        &run.parameters,
    );
}

#[test]
fn twenty_steps_of_every_optimizer_and_schedule_are_pytorchs() {
    let set: Trainings = read("trainings.json");
    for run in &set.runs {
        training::<f64>(&set, run, Cpu::native(1));
        training::<f32>(&set, run, Cpu::native(1));
        training::<f32>(&set, run, Cpu::portable(1));
    }
}

/// Every kind that a spec can name has a row in the files.
#[test]
fn no_layer_optimizer_schedule_or_loss_is_without_golden_numbers() {
    let kind = |value: serde_json::Value| value["kind"].as_str().unwrap_or("").to_owned();
    let trainings: Trainings = read("trainings.json");
    let optimizers: BTreeSet<String> = trainings
        .runs
        .iter()
        .map(|run| run.optimizer.kind().to_owned())
        .collect();
    let schedules: BTreeSet<String> = trainings
        .runs
        .iter()
        .map(|run| kind(serde_json::to_value(&run.schedule).expect("it is JSON")))
        .collect();
    let losses: BTreeSet<String> = read::<Networks>("networks.json")
        .runs
        .iter()
        .map(|case| case.loss.kind().to_owned())
        .collect();
    assert_eq!(optimizers, kinds::<Optimizer>());
    assert_eq!(schedules, kinds::<Schedule>());
    assert_eq!(losses, kinds::<Loss>());
    let layers = read::<Networks>("networks.json").runs;
    let layers = layers.iter().flat_map(|case| &case.network);
    let mut layers: BTreeSet<String> = layers.map(|layer| layer.kind().to_owned()).collect();
    // Dropout draws random numbers of its own.
    layers.insert("dropout".to_owned());
    assert_eq!(layers, kinds::<Layer>());
}
