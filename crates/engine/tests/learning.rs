//! Small problems are learned within a step budget, from stated seeds.

mod support;

use std::sync::Arc;

use descent_engine::isa::Cpu;
use descent_engine::trainer::{Completion, Ending};
use descent_engine::weights;
use ndarray::Array2;
use serde_json::{Value, json};
use support::{Problem, gate, real, train};

fn perceptron(seed: u64, epochs: u32) -> Value {
    json!({"network": {"kind": "perceptron"}, "training": {"epochs": epochs, "seed": seed}})
}

#[test]
fn a_perceptron_learns_and_or_nand_within_twenty_epochs_from_any_seed() {
    for truth in [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0]] {
        let problem = gate(truth);
        for seed in 0..100 {
            let mut trainer = problem.trainer(perceptron(seed, 20));
            let (ending, record) = train(&mut trainer);
            assert!(
                matches!(ending, Ending::Completed(Completion::Converged { .. })),
                "{truth:?}, seed {seed}: {ending:?}"
            );
            assert!(record.codes().is_empty());
            let metrics = &trainer.trained().expect("there is a model").metrics;
            assert!(metrics.contains(&("train_accuracy".to_owned(), 1.0)));
        }
    }
}

#[test]
fn a_perceptron_never_learns_the_exclusive_or_and_says_why() {
    let problem = gate([0, 1, 1, 0]);
    for seed in 0..100 {
        let mut trainer = problem.trainer(perceptron(seed, 200));
        let (ending, record) = train(&mut trainer);
        let Ending::Completed(Completion::NotLinearlySeparable { message, .. }) = ending else {
            panic!("seed {seed}: {ending:?}");
        };
        assert!(
            message.starts_with("The classes are not linearly separable."),
            "{message}"
        );
        assert_eq!(record.codes(), ["not_linearly_separable"]);
        assert_eq!(record.diagnoses[0].evidence["proved"], true);
    }
}

/// Without a proof the bound of the convergence theorem is given, and nothing is claimed to be proved.
#[test]
fn a_perceptron_without_a_proof_says_how_small_the_margin_is() {
    let problem = support::blobs(200, 2, 0.5, 3);
    let (ending, record) = train(&mut problem.trainer(perceptron(0, 20)));
    assert_eq!(ending, Ending::Completed(Completion::EpochsDone));
    assert_eq!(record.codes(), ["not_linearly_separable"]);
    assert_eq!(record.diagnoses[0].evidence["proved"], false);
    assert!(
        record.diagnoses[0].evidence["margin_below"]
            .as_f64()
            .is_some_and(|margin| margin < 0.2)
    );
}

/// 2-4-1: one hidden layer of four units and one output, on inputs of -1 and 1, which is what 0 and 1 are when standardised.
#[test]
fn a_hidden_layer_learns_the_exclusive_or_for_nearly_every_seed() {
    let corners = Array2::from_shape_fn(
        (4, 2),
        |(row, column)| if row >> column & 1 == 1 { 1.0 } else { -1.0 },
    );
    let dataset = support::dataset(corners, support::classes(vec![0, 1, 1, 0], 2));
    let problem = Problem {
        dataset,
        ..gate([0, 1, 1, 0])
    };
    let learned = (0..100_u64).filter(|seed| {
        let spec = json!({
            "network": [{"kind": "dense", "units": 4, "activation": "tanh"}],
            "loss": {"kind": "binary_cross_entropy"},
            "optimizer": {"kind": "adam", "learning_rate": 0.1},
            "training": {"epochs": 200, "batch_size": 4, "seed": seed}
        });
        problem.score(spec, "train_accuracy") == 1.0
    });
    let learned = learned.count();
    assert!(learned >= 95, "{learned} of 100");
}

fn at_least(problem: Option<Problem>, spec: Value, metric: &str, goal: f64) {
    let Some(problem) = problem else { return };
    let score = problem.score(spec, metric);
    assert!(score >= goal, "{metric} {score:.4} is below {goal}");
}

#[test]
fn iris_is_learned_in_four_hundred_steps() {
    let spec = json!({"network": [{"kind": "dense", "units": 16, "activation": "relu"}], "training": {"epochs": 100}});
    at_least(real("iris/iris.csv", false, 0), spec, "test_accuracy", 0.9);
}

#[test]
fn wine_is_learned_by_every_optimizer() {
    for optimizer in [
        json!({"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "nesterov": true}),
        json!({"kind": "rmsprop", "learning_rate": 0.005}),
        json!({"kind": "adam", "learning_rate": 0.01}),
        json!({"kind": "adamw", "learning_rate": 0.01, "clip_norm": 1.0}),
        json!({"kind": "adagrad", "learning_rate": 0.05}),
        json!({"kind": "lion", "learning_rate": 0.001}),
    ] {
        let spec = json!({"optimizer": optimizer, "training": {"epochs": 40}});
        at_least(real("wine/wine.csv", false, 1), spec, "test_accuracy", 0.92);
    }
}

#[test]
fn breast_cancer_is_learned_with_one_output_and_with_two() {
    for loss in [
        json!({"kind": "binary_cross_entropy"}),
        json!({"kind": "cross_entropy", "label_smoothing": 0.05}),
    ] {
        at_least(
            real("breast-cancer/breast_cancer.csv", false, 2),
            json!({"loss": loss}),
            "test_accuracy",
            0.95,
        );
    }
}

#[test]
fn diabetes_is_learned_with_every_loss_of_a_regression() {
    for loss in ["mse", "mae", "huber", "quantile"] {
        at_least(
            real("diabetes/diabetes.csv", true, 0),
            json!({"loss": {"kind": loss}}),
            "test_r2",
            0.35,
        );
    }
}

/// Every step counts alike, so an lstm must keep what the first one said, and an encoder must look at all of them. The lstm's
/// long case, 100 steps, stands in the bench.
#[test]
fn the_sign_of_a_sum_over_steps_is_learned() {
    let problem = support::sums(2400, 25, 1);
    let lstm = json!([{"kind": "lstm", "units": 16}]);
    let encoder = json!([
        {"kind": "dense", "units": 16}, {"kind": "positional_encoding"}, {"kind": "attention", "heads": 2},
        {"kind": "dense", "units": 8, "activation": "relu"}
    ]);
    for network in [lstm, encoder] {
        let spec = json!({
            "network": network,
            "optimizer": {"kind": "adam", "learning_rate": 0.02, "clip_norm": 1.0, "schedule": {"kind": "one_cycle"}},
            "training": {"epochs": 12, "batch_size": 32}
        });
        at_least(Some(problem.clone()), spec, "test_accuracy", 0.96);
    }
}

/// Rounding the operands of products and convolutions costs at most two points of accuracy.
#[test]
fn digits_are_learned_in_bf16_as_in_f32() {
    let Some(problem) = real("digits/digits.csv", false, 3) else {
        return;
    };
    let dense = json!([{"kind": "dense", "units": 64, "activation": "relu"}]);
    let convolution = json!([
        {"kind": "reshape", "shape": [8, 8, 1]},
        {"kind": "conv2d", "filters": 16, "kernel_size": 3, "padding": "same", "activation": "relu"},
        {"kind": "max_pool", "kernel_size": 2}, {"kind": "flatten"}
    ]);
    for network in [dense, convolution] {
        let score = |precision: &str| {
            let spec = json!({
                "network": network, "optimizer": {"kind": "adam", "learning_rate": 0.005},
                "training": {"epochs": 12, "batch_size": 32, "precision": precision}
            });
            problem.score(spec, "test_accuracy")
        };
        let (exact, rounded) = (score("f32"), score("bf16"));
        assert!(exact >= 0.95, "{exact:.4} in f32");
        assert!(rounded >= exact - 0.02, "{rounded:.4} for {exact:.4}");
    }
}

/// The model opened from its file answers the golden rows bit by bit as the trainer did.
#[test]
fn the_model_that_is_opened_is_the_one_that_was_trained() {
    let xor = gate([0, 1, 1, 0]);
    let blobs = support::blobs(120, 3, 2.0, 0);
    for (problem, spec) in [
        (&blobs, json!({"training": {"epochs": 3}})),
        (&xor, perceptron(1, 5)),
    ] {
        let mut trainer = problem.trainer(spec.clone());
        train(&mut trainer);
        let trained = trainer.trained().expect("there is a model");
        let (n_features, outcome) = (
            problem.dataset.sample_shape,
            problem.dataset.targets.outcome(),
        );
        let model = weights::open(
            &problem.spec(spec),
            n_features,
            outcome,
            &trained.weights,
            Cpu::native(1),
        )
        .expect("it opens");
        let rows = trained
            .golden
            .rows
            .iter()
            .flat_map(|&row| problem.dataset.features.row(row as usize))
            .copied();
        let mut answers = vec![0.0; trained.golden.answers.len()];
        model.predict(
            &rows.collect::<Vec<_>>(),
            &mut model.scratch(4),
            &mut answers,
        );
        assert_eq!(answers, trained.golden.answers);
        assert_eq!(weights::sha256_hex(&trained.weights), trained.sha256);
    }
}

/// The best weights come back when a run stops early.
#[test]
fn early_stopping_restores_the_best_epoch() {
    let problem = support::blobs(60, 3, 1.0, 5);
    let spec = json!({
        "network": [{"kind": "dense", "units": 64, "activation": "relu"}], "optimizer": {"kind": "adam", "learning_rate": 0.05},
        "training": {"epochs": 500, "early_stopping": {"metric": "validation_loss", "patience": 5}}
    });
    let mut trainer = problem.trainer(spec);
    let (ending, record) = train(&mut trainer);
    let losses: Vec<f64> = record
        .epochs
        .iter()
        .map(|(_, _, metrics)| support::named(metrics, "validation_loss"))
        .collect();
    let (best, lowest) =
        losses
            .iter()
            .copied()
            .enumerate()
            .fold((0, f64::INFINITY), |best, (epoch, loss)| {
                if loss < best.1 { (epoch, loss) } else { best }
            });
    let best_epoch = best as u32 + 1;
    assert_eq!(
        ending,
        Ending::Completed(Completion::EarlyStopped {
            epoch: best_epoch + 5,
            best_epoch
        })
    );
    let trained = trainer.trained().expect("there is a model");
    assert_eq!(trained.best_epoch, best_epoch);
    assert!(
        trained
            .metrics
            .contains(&("validation_loss".to_owned(), lowest))
    );
}

/// A metric that never is a number ends the training too, and the last weights are kept.
#[test]
fn early_stopping_by_a_metric_that_never_is_a_number_keeps_the_last_epoch() {
    let mut problem = support::blobs(60, 3, 1.0, 5);
    let dataset = Arc::make_mut(&mut problem.dataset);
    for row in &problem.parts.validation {
        dataset.features.row_mut(*row as usize).fill(f32::MAX);
    }
    let wide = json!({"kind": "dense", "units": 64, "activation": "relu"});
    let mut trainer = problem.trainer(json!({
        "network": [wide, wide], "training": {"epochs": 500, "early_stopping": {"metric": "validation_loss", "patience": 3}}
    }));
    let (ending, record) = train(&mut trainer);
    for (_, _, metrics) in &record.epochs {
        assert!(metrics.iter().all(|(name, _)| *name != "validation_loss"));
    }
    let (epoch, best_epoch) = (3, 3);
    assert_eq!(
        ending,
        Ending::Completed(Completion::EarlyStopped { epoch, best_epoch })
    );
    assert_eq!(trainer.trained().map(|model| model.best_epoch), Ok(3));
}
