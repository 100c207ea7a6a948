//! Every diagnosis is provoked once by a real training and stays silent on healthy ones.

mod support;

use std::sync::Arc;

use descent_engine::dataset::{Dataset, Parts};
use descent_engine::diagnosis::{CODES, Diagnosis};
use descent_engine::rng::{Purpose, Stream};
use descent_engine::spec::Spec;
use descent_engine::trainer::{Directive, Ending, EpochReport, Observer, StepReport};
use ndarray::Array2;
use serde_json::{Value, json};
use support::{Problem, Record, blobs, classes, dataset, parts, real, train, values};

/// Trains and answers the diagnosis with this code; its message and remedy must be fit to be shown.
fn provoke(problem: &Problem, spec: Value, code: &str) -> (Ending, Diagnosis) {
    let (ending, record) = train(&mut problem.trainer(spec.clone()));
    let found = record
        .diagnoses
        .iter()
        .filter(|diagnosis| diagnosis.code == code)
        .cloned()
        .collect::<Vec<_>>();
    assert_eq!(
        found.len(),
        1,
        "`{code}` said {} times, all: {:?}",
        found.len(),
        record.codes()
    );
    let diagnosis = found[0].clone();
    assert!(diagnosis.message.len() > 40 && !diagnosis.remedy.text.is_empty());
    assert!(
        diagnosis
            .evidence
            .as_object()
            .is_some_and(|evidence| !evidence.is_empty())
    );
    assert!(
        !serde_json::to_string(&diagnosis)
            .expect("it is JSON")
            .contains("NaN")
    );
    patched_spec_is_accepted(problem, spec, &diagnosis.remedy.spec_patch);
    (ending, diagnosis)
}

/// A remedy is a merge patch that leads to a spec that is accepted.
fn patched_spec_is_accepted(problem: &Problem, spec: Value, patch: &Value) {
    fn merge(into: &mut Value, patch: &Value) {
        let Value::Object(fields) = patch else {
            *into = patch.clone();
            return;
        };
        if !into.is_object() {
            *into = json!({});
        }
        for (name, value) in fields {
            merge(&mut into[name], value);
        }
    }
    let mut document = serde_json::to_value(problem.spec(spec)).expect("a spec is JSON");
    merge(&mut document, patch);
    assert!(Spec::from_value(document).is_ok(), "{patch}");
}

fn noise(n_rows: usize, n_features: usize) -> Array2<f32> {
    let stream = Stream::new(9, Purpose::Probe, 1);
    Array2::from_shape_fn((n_rows, n_features), |(row, column)| {
        stream.normal((row * n_features + column) as u64) as f32
    })
}

fn problem(dataset: Arc<Dataset>) -> Problem {
    let parts = parts(dataset.n_rows(), 0);
    Problem { dataset, parts }
}

/// y = x0 + x1, one standardised target.
fn sums() -> Problem {
    let features = noise(200, 2);
    let raw: Vec<f32> = features
        .rows()
        .into_iter()
        .map(|row| row[0] + row[1])
        .collect();
    problem(dataset(features, values(&raw)))
}

#[test]
fn diverged() {
    let spec = json!({"network": [{"kind": "dense", "units": 8}, {"kind": "dense", "units": 8}],
                      "optimizer": {"kind": "sgd", "learning_rate": 100.0}, "training": {"epochs": 50}});
    let (ending, diagnosis) = provoke(&sums(), spec, "diverged");
    let Ending::Diverged {
        suggested_learning_rate,
        step,
        ..
    } = ending
    else {
        panic!("{ending:?}")
    };
    assert_eq!(
        diagnosis.remedy.spec_patch["optimizer"]["learning_rate"],
        suggested_learning_rate
    );
    assert!(suggested_learning_rate < 100.0 && step >= 1);
}

/// After a divergence the weights are those before the refused step, and a checkpoint of them can be used.
#[test]
fn a_divergence_leaves_finite_weights() {
    let spec = json!({"network": [{"kind": "dense", "units": 8}], "optimizer": {"kind": "sgd", "learning_rate": 30.0},
                      "training": {"epochs": 50}});
    let problem = sums();
    let mut trainer = problem.trainer(spec.clone());
    let (ending, record) = train(&mut trainer);
    assert!(matches!(ending, Ending::Diverged { .. }));
    assert!(
        record
            .steps
            .iter()
            .all(|step| step.loss.is_finite() && step.gradient_norm.is_finite())
    );
    assert!(trainer.trained().is_err());
    assert!(
        problem
            .trainer(spec)
            .restore(&trainer.checkpoint().bytes)
            .is_ok()
    );
}

#[test]
fn oscillating() {
    let spec = json!({"network": [], "optimizer": {"kind": "sgd", "learning_rate": 1.9}, "loss": {"kind": "mae"},
                      "training": {"epochs": 30, "batch_size": 20}});
    let (_, diagnosis) = provoke(&sums(), spec, "oscillating");
    assert!(diagnosis.remedy.spec_patch["optimizer"]["learning_rate"].as_f64() < Some(1.0));
}

#[test]
fn plateau() {
    let spec =
        json!({"optimizer": {"kind": "sgd", "learning_rate": 1e-5}, "training": {"epochs": 20}});
    let (_, diagnosis) = provoke(&blobs(200, 3, 2.0, 0), spec, "plateau");
    assert!(diagnosis.remedy.spec_patch["optimizer"]["learning_rate"].as_f64() > Some(1e-5));
}

/// Labels that have nothing to do with the features can only be learned by heart.
#[test]
fn overfitting() {
    let stream = Stream::new(3, Purpose::Probe, 2);
    let labels = (0..80).map(|row| stream.below(row, 2) as u32).collect();
    let spec = json!({"network": [{"kind": "dense", "units": 64, "activation": "relu"}],
                      "optimizer": {"kind": "adam", "learning_rate": 0.01}, "training": {"epochs": 60}});
    let (_, diagnosis) = provoke(
        &problem(dataset(noise(80, 10), classes(labels, 2))),
        spec,
        "overfitting",
    );
    assert!(
        diagnosis.evidence["validation_loss_now"].as_f64()
            > diagnosis.evidence["validation_loss_best"].as_f64()
    );
}

#[test]
fn underfitting() {
    let labels = (0..400).map(|row| row % 2).collect();
    let spec = json!({"network": [{"kind": "dense", "units": 1, "activation": "tanh"}], "training": {"epochs": 15}});
    provoke(
        &problem(dataset(noise(400, 2), classes(labels, 2))),
        spec,
        "underfitting",
    );
}

/// All features are positive, so one long step that lowers a unit's weights leaves it below zero on every row for ever.
#[test]
fn dead_units() {
    let features = noise(200, 3).mapv(|value| 5.0 + value.abs());
    let raw: Vec<f32> = features
        .rows()
        .into_iter()
        .map(|row| row[0] - row[1] * row[2])
        .collect();
    let spec = json!({"network": [{"kind": "dense", "units": 16, "activation": "relu"}],
                      "optimizer": {"kind": "adam", "learning_rate": 2.0}, "training": {"epochs": 20}});
    let (_, diagnosis) = provoke(
        &problem(dataset(features, values(&raw))),
        spec,
        "dead_units",
    );
    assert_eq!(
        diagnosis.remedy.spec_patch["network"][0]["activation"],
        "leaky_relu"
    );
}

#[test]
fn saturated_units() {
    let mut features = noise(200, 3);
    features.mapv_inplace(|value| value * 1000.0);
    let labels = features
        .rows()
        .into_iter()
        .map(|row| u32::from(row[0] > 0.0))
        .collect();
    let spec = json!({"network": [{"kind": "dense", "units": 8, "activation": "tanh"}], "training": {"epochs": 4}});
    provoke(
        &problem(dataset(features, classes(labels, 2))),
        spec,
        "saturated_units",
    );
}

#[test]
fn vanishing_gradients() {
    let layers = vec![json!({"kind": "dense", "units": 8, "activation": "sigmoid"}); 10];
    let spec = json!({"network": layers, "optimizer": {"kind": "sgd", "learning_rate": 0.01}, "training": {"epochs": 2}});
    let (_, diagnosis) = provoke(&blobs(200, 3, 2.0, 0), spec, "vanishing_gradients");
    assert_eq!(
        diagnosis.remedy.spec_patch["network"][9]["activation"],
        "relu"
    );
}

/// A learning rate just above what is stable: the gradient grows from step to step, long before it stops being finite.
#[test]
fn exploding_gradients() {
    let spec = json!({"network": [], "optimizer": {"kind": "sgd", "learning_rate": 1.3},
                      "training": {"epochs": 200, "batch_size": 200}});
    let (_, diagnosis) = provoke(&sums(), spec, "exploding_gradients");
    assert!(diagnosis.remedy.spec_patch["optimizer"]["clip_norm"].as_f64() > Some(0.0));
}

#[test]
fn imbalance() {
    let features = noise(400, 2);
    let labels = (0..400).map(|row| u32::from(row % 40 == 0)).collect();
    let rare = problem(dataset(features, classes(labels, 2)));
    let (_, diagnosis) = provoke(&rare, json!({"training": {"epochs": 1}}), "imbalance");
    assert_eq!(
        (diagnosis.step, &diagnosis.evidence["rarest_class"]),
        (0, &json!("1"))
    );
    let weighted = json!({"training": {"epochs": 1}, "loss": {"kind": "cross_entropy", "class_weights": "balanced"}});
    assert!(
        !train(&mut rare.trainer(weighted))
            .1
            .codes()
            .contains(&"imbalance")
    );
}

#[test]
fn target_leakage() {
    let mut features = noise(200, 3);
    let labels: Vec<u32> = (0..200).map(|row| row % 3).collect();
    for (row, &label) in labels.iter().enumerate() {
        features[[row, 1]] = 10.0 * label as f32 + 0.1 * features[[row, 1]];
    }
    let (_, diagnosis) = provoke(
        &problem(dataset(features, classes(labels, 3))),
        json!({"training": {"epochs": 1}}),
        "target_leakage",
    );
    assert_eq!(diagnosis.evidence["column"], "x1");
    let features = noise(200, 2);
    let raw: Vec<f32> = features
        .rows()
        .into_iter()
        .map(|row| 3.0 * row[0] + 0.01 * row[1])
        .collect();
    let (_, diagnosis) = provoke(
        &problem(dataset(features, values(&raw))),
        json!({"training": {"epochs": 1}}),
        "target_leakage",
    );
    assert_eq!(
        diagnosis.remedy.spec_patch["task"]["features"]["exclude"],
        json!(["x0"])
    );
}

#[test]
fn healthy_trainings_are_not_talked_about() {
    let mut healthy = vec![("blobs", blobs(300, 3, 2.5, 0)), ("sums", sums())];
    for (name, path, regression) in [
        ("iris", "iris/iris.csv", false),
        ("wine", "wine/wine.csv", false),
        ("digits", "digits/digits.csv", false),
    ] {
        healthy.extend(real(path, regression, 0).map(|problem| (name, problem)));
    }
    for (name, problem) in healthy {
        for network in [
            json!(null),
            json!([{"kind": "dense", "units": 16, "activation": "tanh"}]),
        ] {
            let (ending, record) = train(
                &mut problem.trainer(json!({"network": network, "training": {"epochs": 30}})),
            );
            assert!(ending.has_model());
            assert!(record.codes().is_empty(), "{name}: {:?}", record.diagnoses);
        }
    }
}

/// Pauses after every epoch, so that what the rules remember must survive in the checkpoint.
struct Interrupted(Record);

impl Observer for Interrupted {
    fn step(&mut self, report: &StepReport) -> Directive {
        self.0.step(report)
    }
    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        self.0.epoch(report);
        Directive::Pause
    }
    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        self.0.diagnosis(diagnosis);
    }
}

#[test]
fn an_interrupted_training_says_the_same_once() {
    let problem = blobs(200, 3, 2.0, 0);
    let spec =
        json!({"optimizer": {"kind": "sgd", "learning_rate": 1e-5}, "training": {"epochs": 20}});
    let expected = train(&mut problem.trainer(spec.clone())).1.diagnoses;
    let mut observer = Interrupted(Record::default());
    let mut trainer = problem.trainer(spec.clone());
    while trainer.run(&mut observer) == Ending::Paused {
        let bytes = trainer.checkpoint().bytes;
        trainer = problem.trainer(spec.clone());
        trainer.restore(&bytes).expect("the checkpoint is whole");
    }
    assert!(!expected.is_empty());
    assert_eq!(observer.0.diagnoses, expected);
}

/// A run without any validation or test rows works and speaks of the training part alone.
#[test]
fn parts_may_be_empty() {
    let whole = blobs(50, 2, 2.0, 0);
    let problem = Problem {
        parts: Parts {
            train: (0..50).collect(),
            ..Parts::default()
        },
        ..whole
    };
    let (ending, record) = train(&mut problem.trainer(json!({"training": {"epochs": 2}})));
    assert!(ending.has_model());
    assert!(
        record.epochs[0]
            .2
            .iter()
            .all(|(name, _)| name.starts_with("train_"))
    );
}

#[test]
fn codes_are_unique() {
    let mut codes = CODES.to_vec();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), CODES.len());
}
