//! Losses whose predictions are more than the outputs as they are: trained from a spec on problems with a known answer.

mod support;

use descent_engine::dataset::Targets;
use descent_engine::isa::Cpu;
use descent_engine::rng::{Purpose, Stream};
use descent_engine::spec::{Spec, Violation};
use descent_engine::trainer::{EngineError, Trainer};
use descent_engine::weights;
use ndarray::Array2;
use serde_json::{Value, json};
use support::{Problem, blobs, dataset, parts, train};

const ROWS: usize = 600;

/// One feature, evenly spread from -1 to 1.
fn feature() -> Array2<f32> {
    Array2::from_shape_fn((ROWS, 1), |(row, _)| {
        row as f32 / (ROWS - 1) as f32 * 2.0 - 1.0
    })
}

/// Targets that come as they are, divided by `std`.
fn targets(values: Array2<f32>, std: f32) -> Targets {
    let n_targets = values.ncols();
    Targets::Values {
        values: values / std,
        names: (0..n_targets).map(|target| format!("t{target}")).collect(),
        mean: vec![0.0; n_targets],
        std: vec![std; n_targets],
    }
}

fn problem(targets: Targets) -> Problem {
    Problem {
        dataset: dataset(feature(), targets),
        parts: parts(ROWS, 1),
    }
}

/// What the trained model answers for every row; no advice may have been given.
fn answers(problem: &Problem, spec: Value) -> Vec<f32> {
    let mut trainer = problem.trainer(spec.clone());
    let (ending, record) = train(&mut trainer);
    assert!(ending.has_model(), "{ending:?}");
    assert!(record.codes().is_empty(), "{:?}", record.codes());
    let trained = trainer.trained().expect("there is a model");
    let outcome = problem.dataset.targets.outcome();
    let model = weights::open(
        &problem.spec(spec),
        problem.dataset.sample_shape,
        outcome,
        &trained.weights,
        Cpu::native(1),
    )
    .expect("it opens");
    let rows: Vec<f32> = problem.dataset.features.iter().copied().collect();
    let mut answers = vec![0.0; problem.dataset.n_rows() * model.network().n_outputs()];
    model.predict(&rows, &mut model.scratch(64), &mut answers);
    answers
}

fn spec(loss: Value) -> Value {
    json!({
        "network": [{"kind": "dense", "units": 16, "activation": "tanh"}],
        "loss": loss,
        "optimizer": {"kind": "adam", "learning_rate": 0.01},
        "training": {"epochs": 60, "batch_size": 32}
    })
}

/// Why a trainer refuses a sound spec on these targets.
fn refusal(problem: &Problem, loss: &str) -> Violation {
    let spec = problem.spec(spec(json!({"kind": loss})));
    match Trainer::new(&spec, problem.dataset.clone(), problem.parts.clone()) {
        Err(EngineError::Spec(mut violations)) => violations.remove(0),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("these targets must be refused"),
    }
}

#[test]
fn a_hinge_tells_classes_apart() {
    let score = blobs(300, 3, 4.0, 2).score(spec(json!({"kind": "hinge"})), "test_accuracy");
    assert!(score >= 0.93, "{score}");
}

/// The noise is as wide as the feature is high, so that the quantile is no shifted mean.
#[test]
fn a_quantile_stays_above_its_part_of_the_targets() {
    let noise = Stream::new(1, Purpose::Probe, 0);
    let values = Array2::from_shape_fn((ROWS, 1), |(row, _)| {
        let x = row as f64 / (ROWS - 1) as f64 * 2.0 - 1.0;
        (x + (1.5 + x) * noise.uniform(row as u64)) as f32
    });
    let problem = problem(targets(values.clone(), 1.0));
    for quantile in [0.1, 0.9] {
        let loss = json!({"kind": "quantile", "quantile": quantile});
        let answers = answers(&problem, spec(loss));
        let below = answers.iter().zip(&values).filter(|(q, t)| t <= q).count();
        let part = below as f64 / ROWS as f64;
        assert!((part - quantile).abs() < 0.04, "{part} of {quantile}");
        let error = answers.iter().zip(problem.dataset.features.iter());
        let error = error.map(|(q, x)| (q - (x + (1.5 + x) * quantile as f32)).abs());
        let error = error.sum::<f32>() / ROWS as f32;
        assert!(error < 0.12, "{error} at {quantile}");
    }
}

/// Counts of mean e^(1.5 + x), drawn as the number of exponential waiting times within 1.
#[test]
fn poisson_predicts_the_rate_of_counts_in_their_unit() {
    let rate = |x: f32| (1.5 + x).exp();
    let x = feature();
    let counts = Array2::from_shape_fn((ROWS, 1), |(row, _)| {
        let draws = Stream::new(4, Purpose::Probe, row as u64);
        let waits = (0..).scan(0.0, |sum, index| {
            *sum -= (1.0 - draws.uniform(index)).ln() / f64::from(rate(x[[row, 0]]));
            Some(*sum)
        });
        waits.take_while(|&sum| sum < 1.0).count() as f32
    });
    let mean = counts.mean().expect("there are rows");
    let problem = problem(targets(counts, mean));
    let spec = spec(json!({"kind": "poisson"}));
    let answers = answers(&problem, spec.clone());
    let error = answers.iter().zip(&x);
    let error = error.map(|(answer, &x)| (answer * mean / rate(x) - 1.0).abs());
    let error = error.sum::<f32>() / ROWS as f32;
    assert!(error < 0.08, "relative error of the rate {error}");
    // The variance of a count is its mean, and the metric is in counts.
    let rmse = problem.score(spec, "train_rmse");
    assert!((rmse - f64::from(mean).sqrt()).abs() < 0.3, "{rmse}");
}

#[test]
fn poisson_refuses_what_is_no_count() {
    let mut values = Array2::ones((ROWS, 1));
    values[[7, 0]] = -3.0;
    let found = refusal(&problem(targets(values, 2.0)), "poisson");
    assert_eq!(
        (found.pointer.as_str(), found.code),
        ("/task/target", "negative_target")
    );
    assert_eq!(
        found.message,
        "poisson wants counts, which are not negative, and \"t0\" is -3 in row 8"
    );
}

#[test]
fn kl_predicts_shares_of_a_whole() {
    let shares = Array2::from_shape_fn((ROWS, 3), |(row, target)| {
        let x = row as f32 / (ROWS - 1) as f32 * 2.0 - 1.0;
        let parts = [(2.0 * x).exp(), 1.0, (1.0 - x).exp()];
        parts[target] / parts.iter().sum::<f32>()
    });
    let problem = problem(targets(shares.clone(), 1.0));
    let answers = answers(&problem, spec(json!({"kind": "kl"})));
    for (answer, shares) in answers.chunks_exact(3).zip(shares.rows()) {
        assert!((answer.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for (answer, share) in answer.iter().zip(shares) {
            assert!((answer - share).abs() < 0.03, "{answer} for {share}");
        }
    }
    assert!(problem.score(spec(json!({"kind": "kl"})), "test_rmse") < 0.02);
}

#[test]
fn kl_refuses_what_is_no_whole() {
    let found = refusal(&problem(targets(Array2::ones((ROWS, 2)), 1.0)), "kl");
    assert_eq!(found.code, "not_a_whole");
    assert!(found.message.ends_with("have sum 2 instead of 1"));
    let one = problem(targets(Array2::ones((ROWS, 1)), 1.0));
    let document = json!({
        "dataset": "test", "task": {"kind": "regression", "target": "t"}, "loss": {"kind": "kl"}
    });
    let spec = Spec::from_value(document).expect("the spec is sound");
    let found = spec.resolve(&one.dataset.facts(ROWS));
    let found = found.expect_err("one column has no shares");
    assert_eq!(found[0].pointer, "/task/target");
}

/// Two classes that no line tells apart: those near 0 and those far from it.
#[test]
fn contrastive_brings_rows_of_a_class_together() {
    const MARGIN: f32 = 2.0;
    let labels: Vec<u32> = feature().iter().map(|x| u32::from(x.abs() > 0.5)).collect();
    let names = vec!["near".to_owned(), "far".to_owned()];
    let problem = problem(Targets::Classes {
        labels: labels.clone(),
        names,
    });
    let spec = json!({
        "task": {"kind": "embedding", "target": "t"},
        "network": [{"kind": "dense", "units": 16, "activation": "tanh"}],
        "loss": {"kind": "contrastive", "margin": MARGIN, "dimensions": 2},
        "optimizer": {"kind": "adam", "learning_rate": 0.01},
        "training": {"epochs": 60, "batch_size": 40},
    });
    let places = answers(&problem, spec.clone());
    assert_eq!(places.len(), 2 * ROWS, "two numbers for each row");
    // The mean place of each class, and how far rows are from it.
    let labels = &labels;
    let rows_of = |class: u32| (0..ROWS).filter(move |&row| labels[row] == class);
    let mean = |class: u32| -> [f32; 2] {
        let n = rows_of(class).count() as f32;
        [0, 1].map(|d| rows_of(class).map(|row| places[2 * row + d]).sum::<f32>() / n)
    };
    let distance = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let [near, far] = [mean(0), mean(1)];
    let gap = distance(near, far);
    assert!(gap > 0.85 * MARGIN, "the classes are {gap} apart");
    for (class, middle) in [(0, near), (1, far)] {
        let of_row = |row: usize| distance([places[2 * row], places[2 * row + 1]], middle);
        let spread = rows_of(class).map(of_row).sum::<f32>() / rows_of(class).count() as f32;
        assert!(
            spread < 0.25 * MARGIN,
            "rows of class {class} are {spread} away from their mean"
        );
    }
    let mut trainer = problem.trainer(spec);
    train(&mut trainer);
    let trained = trainer.trained().expect("there is a model");
    let recall = trained
        .metrics
        .iter()
        .find(|(name, _)| name == "test_recall_at_1");
    assert!(recall.expect("it is measured").1 > 0.97, "{recall:?}");
}

/// An embedding is a task of its own: its outputs tell no class and no number.
#[test]
fn contrastive_is_the_loss_of_an_embedding_alone() {
    for (kind, loss) in [
        ("classification", "contrastive"),
        ("regression", "contrastive"),
        ("embedding", "cross_entropy"),
    ] {
        let document = json!({
            "dataset": "test", "task": {"kind": kind, "target": "t"}, "loss": {"kind": loss}
        });
        let found = Spec::from_value(document).expect_err("they do not fit");
        assert_eq!(found[0].pointer, "/loss/kind", "{kind}, {loss}");
    }
}

#[test]
fn contrastive_refuses_a_batch_of_no_pair_or_too_many() {
    let facts = blobs(40, 2, 1.0, 1).dataset.facts(28);
    // The loss is that of the task, whether it is written out or not.
    for loss in [json!({"kind": "contrastive"}), Value::Null] {
        let resolved = |batch_size: u32| {
            let mut document = json!({
                "dataset": "test", "task": {"kind": "embedding", "target": "t"},
                "training": {"batch_size": batch_size},
            });
            if !loss.is_null() {
                document["loss"] = loss.clone();
            }
            Spec::from_value(document).and_then(|spec| spec.resolve(&facts))
        };
        assert!(resolved(2).is_ok() && resolved(4_096).is_ok());
        for rows in [1, 4_097] {
            let found = resolved(rows).expect_err("no pair, or too many");
            assert_eq!(found[0].pointer, "/training/batch_size", "{rows}");
        }
    }
}
