//! The same spec, data and seed give the same bits: at any number of threads, beside other runs, interrupted anywhere.

mod support;

use std::sync::Arc;

use descent_engine::dataset::{Dataset, Targets};
use descent_engine::isa::Cpu;
use descent_engine::rng::{Purpose, Stream};
use descent_engine::sample::SampleShape;
use descent_engine::trainer::{Completion, Ending, StepReport, Trainer};
use descent_engine::weights;
use ndarray::Array2;
use serde_json::{Value, json};
use support::{Problem, Record, blobs, categories, gate, parts, sums, train};

/// Everything that has state: dropout, momentum, a plateau schedule, early stopping, clipping, a last batch that is smaller.
fn short_run(optimizer: Value) -> Value {
    json!({
        "network": [{"kind": "dense", "units": 9, "activation": "tanh"}, {"kind": "dropout", "rate": 0.3},
                    {"kind": "dense", "units": 5, "activation": "relu"}],
        "optimizer": optimizer,
        "loss": {"kind": "cross_entropy", "class_weights": "balanced", "label_smoothing": 0.05},
        "training": {"epochs": 12, "batch_size": 16, "seed": 11, "early_stopping": {"patience": 3, "min_delta": 0.01}}
    })
}

fn optimizers() -> [Value; 3] {
    [
        json!({"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "clip_norm": 0.5,
               "schedule": {"kind": "reduce_on_plateau", "patience": 0, "factor": 0.5}}),
        json!({"kind": "adam", "learning_rate": 0.05, "schedule": {"kind": "warm_up", "steps": 7, "then": {"kind": "cosine"}}}),
        json!({"kind": "adamw", "learning_rate": 0.05, "schedule": {"kind": "one_cycle"}}),
    ]
}

/// What must be equal: steps, metrics of every epoch, hash of the weights, metrics of the model, path of the weights.
type Story = (
    Vec<StepReport>,
    Vec<support::Epoch>,
    String,
    Vec<(String, f64)>,
    Vec<(u64, Vec<u64>)>,
);

fn story(trainer: &Trainer, record: Record) -> Story {
    let trained = trainer.trained().expect("there is a model");
    (
        record.steps,
        record.epochs,
        trained.sha256.clone(),
        trained.metrics.clone(),
        record.points,
    )
}

fn undisturbed(problem: &Problem, spec: &Value) -> (Ending, Story) {
    let mut trainer = problem.trainer(spec.clone());
    let (ending, record) = train(&mut trainer);
    (ending, story(&trainer, record))
}

#[test]
fn pausing_at_every_step_changes_no_bit() {
    let problem = blobs(100, 3, 1.5, 4);
    for optimizer in optimizers() {
        let spec = short_run(optimizer);
        let (ending, expected) = undisturbed(&problem, &spec);
        for pause_after in 1..=expected.0.len() as u64 {
            let mut first = problem.trainer(spec.clone());
            let mut record = Record {
                pause_after: Some(pause_after),
                ..Record::default()
            };
            assert_eq!(first.run(&mut record), Ending::Paused);
            let checkpoint = first.checkpoint();
            assert_eq!(checkpoint.step, pause_after);
            let mut second = problem.trainer(spec.clone());
            second
                .restore(&checkpoint.bytes)
                .expect("the checkpoint is whole");
            assert_eq!(second.checkpoint().bytes, checkpoint.bytes);
            record.pause_after = None;
            assert_eq!(second.run(&mut record), ending);
            assert_eq!(
                story(&second, record),
                expected,
                "paused after step {pause_after}"
            );
        }
    }
}

#[test]
fn every_checkpoint_of_an_epoch_end_leads_to_the_same_bits() {
    let problem = blobs(100, 3, 1.5, 4);
    let spec = short_run(optimizers()[0].clone());
    let (_, expected) = undisturbed(&problem, &spec);
    let mut record = Record {
        checkpoint_epochs: true,
        ..Record::default()
    };
    problem.trainer(spec.clone()).run(&mut record);
    assert_eq!(record.checkpoints.len(), expected.1.len());
    assert!(
        record
            .checkpoints
            .iter()
            .any(|checkpoint| checkpoint.is_best)
    );
    for checkpoint in &record.checkpoints {
        let mut trainer = problem.trainer(spec.clone());
        trainer
            .restore(&checkpoint.bytes)
            .expect("the checkpoint is whole");
        trainer.run(&mut Record::default());
        assert_eq!(
            trainer.trained().expect("there is a model").sha256.clone(),
            expected.2,
            "epoch {}",
            checkpoint.epoch
        );
    }
}

/// A rung decides by the weights of its epoch end, also when a checkpoint of that very moment is all that is left of the training.
#[test]
fn a_training_that_stops_at_a_rung_stops_there_after_any_pause() {
    let problem = blobs(100, 3, 1.5, 4);
    let mut spec = short_run(optimizers()[0].clone());
    let (_, whole) = undisturbed(&problem, &spec);
    let loss = |epoch: usize| support::named(&whole.1[epoch - 1].2, "validation_loss");
    // The first rung is passed with exactly its bound, the second is missed by less than any step changes.
    let missed = f64::from_bits(loss(5).to_bits() - 1);
    spec["training"]["rungs"] = json!([
        {"epoch": 2, "metric": "validation_loss", "bound": loss(2)},
        {"epoch": 5, "metric": "validation_loss", "bound": missed},
    ]);
    let (ending, expected) = undisturbed(&problem, &spec);
    let stopped = Completion::StoppedAtRung {
        epoch: 5,
        metric: "validation_loss",
        value: loss(5),
    };
    assert_eq!(ending, Ending::Completed(stopped));
    assert_eq!(expected.1, whole.1[..5]);
    let mut record = Record {
        checkpoint_epochs: true,
        ..Record::default()
    };
    problem.trainer(spec.clone()).run(&mut record);
    assert_eq!(record.checkpoints.len(), 5);
    for checkpoint in &record.checkpoints {
        let mut trainer = problem.trainer(spec.clone());
        trainer.restore(&checkpoint.bytes).expect("it is whole");
        assert_eq!(trainer.run(&mut Record::default()), ending);
        assert_eq!(story(&trainer, Record::default()).2, expected.2);
    }
    for pause_after in 1..=expected.0.len() as u64 {
        let mut trainer = problem.trainer(spec.clone());
        let mut record = Record {
            pause_after: Some(pause_after),
            ..Record::default()
        };
        assert_eq!(trainer.run(&mut record), Ending::Paused);
        record.pause_after = None;
        assert_eq!(trainer.run(&mut record), ending);
        assert_eq!(story(&trainer, record), expected);
    }
}

#[test]
fn a_pause_and_a_second_call_go_on_in_the_same_trainer() {
    let problem = blobs(100, 3, 1.5, 4);
    let spec = short_run(optimizers()[1].clone());
    let (ending, expected) = undisturbed(&problem, &spec);
    let mut trainer = problem.trainer(spec);
    let mut record = Record {
        pause_after: Some(13),
        ..Record::default()
    };
    assert_eq!(trainer.run(&mut record), Ending::Paused);
    assert_eq!(trainer.run(&mut record), ending);
    assert_eq!(story(&trainer, record), expected);
}

/// 4 x 4 images with batch normalisation, whose running averages are state, dropout inside a residual, and every kind of pool.
fn images(units: usize, training: Value, threads: u32) -> Value {
    json!({
        "network": [
            {"kind": "dense", "units": 16 * units, "activation": "tanh"},
            {"kind": "reshape", "shape": [4, 4, units]},
            {"kind": "conv2d", "filters": units, "kernel_size": 3, "padding": "same", "use_bias": false},
            {"kind": "batch_norm"},
            {"kind": "residual", "activation": "relu", "layers": [
                {"kind": "local_response_norm"}, {"kind": "dropout", "rate": 0.3}, {"kind": "batch_norm"},
                {"kind": "max_pool", "kernel_size": 3, "stride": 2, "padding": 1}, {"kind": "layer_norm"}
            ]},
            {"kind": "upsample", "factor": 2, "interpolation": "linear"},
            {"kind": "average_pool", "kernel_size": 2},
            {"kind": "global_pool"}
        ],
        "optimizer": {"kind": "adam", "learning_rate": 0.01},
        "training": training, "resources": {"threads": threads}
    })
}

#[test]
fn running_averages_survive_a_pause_at_every_step() {
    let problem = blobs(70, 3, 1.5, 4);
    let spec = images(3, json!({"epochs": 3, "batch_size": 16, "seed": 5}), 1);
    let (ending, expected) = undisturbed(&problem, &spec);
    for pause_after in 1..expected.0.len() as u64 {
        let mut first = problem.trainer(spec.clone());
        let mut record = Record {
            pause_after: Some(pause_after),
            ..Record::default()
        };
        assert_eq!(first.run(&mut record), Ending::Paused);
        let mut second = problem.trainer(spec.clone());
        second
            .restore(&first.checkpoint().bytes)
            .expect("the checkpoint is whole");
        record.pause_after = None;
        assert_eq!(second.run(&mut record), ending);
        assert_eq!(story(&second, record), expected, "after step {pause_after}");
    }
}

/// A table for each column of categories, whose gradients are summed by several threads, each its own rows.
#[test]
fn embedded_categories_keep_their_bits_over_threads_and_pauses() {
    let problem = categories(300, 4);
    let spec = |threads: u32| {
        let mut spec = json!({
            "network": [{"kind": "dense", "units": 90, "activation": "relu"}, {"kind": "dropout", "rate": 0.2}],
            "training": {"epochs": 2, "batch_size": 64, "seed": 5}, "resources": {"threads": threads}
        });
        spec["task"] = json!({"kind": "classification", "target": "target",
            "preprocessing": {"categories": {"kind": "embedding", "dimensions": 40}}});
        spec
    };
    let (ending, expected) = undisturbed(&problem, &spec(1));
    for threads in [2, 4] {
        assert_eq!(undisturbed(&problem, &spec(threads)).1, expected);
    }
    for pause_after in 1..expected.0.len() as u64 {
        let mut first = problem.trainer(spec(1));
        let mut record = Record {
            pause_after: Some(pause_after),
            ..Record::default()
        };
        assert_eq!(first.run(&mut record), Ending::Paused);
        let mut second = problem.trainer(spec(2));
        second
            .restore(&first.checkpoint().bytes)
            .expect("the checkpoint is whole");
        record.pause_after = None;
        assert_eq!(second.run(&mut record), ending);
        assert_eq!(story(&second, record), expected, "after step {pause_after}");
    }
}

/// Large enough that norms and pools are really divided among threads.
#[test]
fn the_number_of_threads_changes_no_bit_of_norms_and_pools() {
    let problem = blobs(300, 3, 1.5, 4);
    let hash = |threads: u32| {
        let training = json!({"epochs": 2, "batch_size": 128, "seed": 5});
        undisturbed(&problem, &images(70, training, threads)).1
    };
    let one = hash(1);
    assert_eq!(hash(2), one);
    assert_eq!(hash(4), one);
}

/// Large enough that products are really divided among threads.
#[test]
fn the_number_of_threads_changes_no_bit() {
    let problem = Problem {
        parts: parts(600, 1),
        ..blobs(600, 4, 2.0, 1)
    };
    let hash = |threads: u32| {
        let spec = json!({
            "network": [{"kind": "dense", "units": 300, "activation": "gelu"}, {"kind": "dropout", "rate": 0.2},
                        {"kind": "dense", "units": 257, "activation": "relu"}],
            "training": {"epochs": 2, "batch_size": 128, "seed": 3}, "resources": {"threads": threads}
        });
        undisturbed(&problem, &spec).1
    };
    let one = hash(1);
    assert_eq!(hash(2), one);
    assert_eq!(hash(4), one);
}

/// Layers over the steps of a sequence: recurrent ones in both directions, attention that drops, and a transformer's block.
fn sequences(units: usize) -> [Value; 4] {
    [
        json!([{"kind": "gru", "units": units, "return_sequences": true},
               {"kind": "lstm", "units": units, "bidirectional": true},
               {"kind": "dropout", "rate": 0.2}]),
        json!([{"kind": "embedding", "vocabulary": 3, "dimensions": 4}, {"kind": "rnn", "units": units}]),
        json!([{"kind": "dense", "units": units}, {"kind": "positional_encoding", "encoding": "learned"},
               {"kind": "attention", "heads": 2, "dropout": 0.2}, {"kind": "dense", "units": units, "activation": "gelu"},
               {"kind": "attention", "heads": 1, "key_size": 3, "causal": true}]),
        json!([{"kind": "dense", "units": units}, {"kind": "positional_encoding"},
               {"kind": "residual", "layers": [{"kind": "layer_norm"}, {"kind": "attention", "heads": 2, "dropout": 0.1}]},
               {"kind": "residual", "layers": [{"kind": "layer_norm"}, {"kind": "dense", "units": 4 * units, "activation": "gelu"},
                                               {"kind": "dense", "units": units}]},
               {"kind": "layer_norm"}, {"kind": "global_pool"}]),
    ]
}

#[test]
fn sequences_survive_a_pause_at_every_step() {
    let problem = sums(70, 7, 2);
    for network in sequences(6) {
        let training = json!({"epochs": 3, "batch_size": 16, "seed": 5});
        let spec = json!({"network": network, "training": training});
        let (ending, expected) = undisturbed(&problem, &spec);
        for pause_after in 1..expected.0.len() as u64 {
            let mut first = problem.trainer(spec.clone());
            let mut record = Record {
                pause_after: Some(pause_after),
                ..Record::default()
            };
            assert_eq!(first.run(&mut record), Ending::Paused);
            let mut second = problem.trainer(spec.clone());
            second
                .restore(&first.checkpoint().bytes)
                .expect("the checkpoint is whole");
            record.pause_after = None;
            assert_eq!(second.run(&mut record), ending);
            assert_eq!(story(&second, record), expected, "after step {pause_after}");
        }
    }
}

/// Large enough that the samples of a batch are really divided among threads.
#[test]
fn the_number_of_threads_changes_no_bit_of_sequences() {
    let problem = sums(300, 20, 2);
    for network in sequences(34) {
        let hash = |threads: u32| {
            let training = json!({"epochs": 2, "batch_size": 100, "seed": 5});
            let spec = json!({"network": network, "training": training, "resources": {"threads": threads}});
            undisturbed(&problem, &spec).1
        };
        let one = hash(1);
        assert_eq!(hash(2), one);
        assert_eq!(hash(4), one);
    }
}

#[test]
fn runs_beside_each_other_do_not_disturb_each_other() {
    let problem = blobs(100, 3, 1.5, 4);
    let spec = short_run(optimizers()[2].clone());
    let (_, expected) = undisturbed(&problem, &spec);
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| undisturbed(&problem, &spec).1))
            .collect();
        for run in runs {
            assert_eq!(run.join().expect("the run does not panic"), expected);
        }
    });
}

#[test]
fn another_seed_gives_other_weights() {
    let problem = blobs(100, 3, 1.5, 4);
    let hash = |seed: u64| {
        let spec = json!({"training": {"epochs": 1, "seed": seed}});
        undisturbed(&problem, &spec).1.2
    };
    assert_ne!(hash(0), hash(1));
}

#[test]
fn a_checkpoint_of_another_training_is_refused_and_changes_nothing() {
    let problem = blobs(100, 3, 1.5, 4);
    let spec = short_run(optimizers()[0].clone());
    let mut record = Record {
        pause_after: Some(5),
        ..Record::default()
    };
    let mut trainer = problem.trainer(spec.clone());
    trainer.run(&mut record);
    let bytes = trainer.checkpoint().bytes;

    let mut other_data = blobs(100, 3, 1.6, 4).trainer(spec.clone());
    assert!(other_data.restore(&bytes).is_err());
    let mut other_spec = problem.trainer(short_run(optimizers()[1].clone()));
    assert!(other_spec.restore(&bytes).is_err());
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    let mut same = problem.trainer(spec.clone());
    assert!(same.restore(&damaged).is_err());
    train(&mut same);
    assert_eq!(
        same.trained().expect("there is a model").sha256,
        undisturbed(&problem, &spec).1.2
    );

    // Its weights alone are welcome where the network is the same.
    let mut fork = problem.trainer(short_run(optimizers()[1].clone()));
    assert!(fork.fork_from(&bytes).is_ok());
    let mut narrower = problem.trainer(json!({"network": [{"kind": "dense", "units": 3}]}));
    assert!(narrower.fork_from(&bytes).is_err());
}

#[test]
fn threads_name_and_priority_do_not_make_another_training() {
    let problem = blobs(100, 3, 1.5, 4);
    let mut spec = short_run(optimizers()[0].clone());
    let mut record = Record {
        pause_after: Some(5),
        ..Record::default()
    };
    let mut trainer = problem.trainer(spec.clone());
    trainer.run(&mut record);
    spec["name"] = json!("another name");
    spec["priority"] = json!(5);
    spec["resources"] = json!({"threads": 2});
    assert!(
        problem
            .trainer(spec)
            .restore(&trainer.checkpoint().bytes)
            .is_ok()
    );
}

#[test]
fn a_perceptron_can_be_paused_at_every_row() {
    let problem = gate([0, 1, 1, 0]);
    let spec = json!({"network": {"kind": "perceptron"}, "training": {"epochs": 30, "seed": 2}});
    let (ending, expected) = undisturbed(&problem, &spec);
    for pause_after in 1..=expected.0.len() as u64 {
        let mut record = Record {
            pause_after: Some(pause_after),
            ..Record::default()
        };
        let mut first = problem.trainer(spec.clone());
        assert_eq!(first.run(&mut record), Ending::Paused);
        let mut second = problem.trainer(spec.clone());
        second
            .restore(&first.checkpoint().bytes)
            .expect("the checkpoint is whole");
        record.pause_after = None;
        assert_eq!(second.run(&mut record), ending);
        assert_eq!(
            story(&second, record),
            expected,
            "paused after row {pause_after}"
        );
    }
}

/// Trainings move between threads.
#[test]
fn a_trainer_can_be_sent() {
    fn sendable<T: Send>() {}
    sendable::<Trainer>();
}

/// Images in which one of three corners is bright.
fn corners(n_rows: usize) -> Problem {
    let stream = Stream::new(5, Purpose::Probe, 0);
    let labels: Vec<u32> = (0..n_rows as u32).map(|row| row % 3).collect();
    let pixel = |(row, number): (usize, usize)| {
        let (y, x) = (number / 12, number / 2 % 6);
        let bright = match labels[row] {
            0 => y < 3 && x < 3,
            1 => y < 3 && x >= 3,
            _ => y >= 3 && x < 3,
        };
        let noise = stream.uniform_f32((row * 72 + number) as u64);
        noise + if bright { 1.0 } else { 0.0 }
    };
    let features = Array2::from_shape_fn((n_rows, 72), pixel);
    let dataset = Dataset {
        features,
        categories: Vec::new(),
        sample_shape: SampleShape::Image {
            height: 6,
            width: 6,
            channels: 2,
        },
        feature_names: (0..72).map(|number| format!("image[{number}]")).collect(),
        feature_columns: vec![0; 72],
        column_names: vec!["image".into()],
        targets: Targets::Classes {
            labels,
            names: vec!["a".into(), "b".into(), "c".into()],
        },
    };
    Problem {
        dataset: Arc::new(dataset),
        parts: parts(n_rows, 5),
    }
}

/// A convolution over images that are moved, mirrored and cut into.
fn augmented_run(threads: u32) -> Value {
    json!({
        "network": [{"kind": "conv2d", "filters": 5, "kernel_size": 3, "padding": "same", "activation": "relu"},
                    {"kind": "flatten"}, {"kind": "dropout", "rate": 0.2}],
        "training": {"epochs": 3, "batch_size": 16, "seed": 4,
                     "augmentation": [{"kind": "random_crop", "padding": 2}, {"kind": "horizontal_flip", "probability": 0.3}, {"kind": "cutout", "size": 2}]},
        "resources": {"threads": threads}
    })
}

/// Convolutions and dense layers large enough that their work is divided among threads: odd numbers of channels and of rows of the last
/// batch, convolutions that are computed with fewer multiplications, in bf16 too but where the processor has AMX, dropout, momentum.
fn large_runs(threads: u32, precision: &str) -> [Value; 2] {
    [
        json!([{"kind": "conv2d", "filters": 33, "kernel_size": 3, "padding": "same", "activation": "relu"},
               {"kind": "conv2d", "filters": 21, "kernel_size": 5, "padding": "same", "activation": "relu"},
               {"kind": "conv2d", "filters": 35, "kernel_size": 3, "padding": "same", "activation": "relu"},
               {"kind": "conv2d", "filters": 48, "kernel_size": 3, "stride": 2, "padding": 1, "activation": "relu"},
               {"kind": "flatten"}, {"kind": "dropout", "rate": 0.2}]),
        json!([{"kind": "flatten"}, {"kind": "dense", "units": 300, "activation": "gelu"}, {"kind": "dropout", "rate": 0.2},
               {"kind": "dense", "units": 257, "activation": "relu"}]),
    ]
    .map(|network| {
        json!({
            "network": network,
            "optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9},
            "training": {"epochs": 2, "batch_size": 64, "seed": 4, "precision": precision},
            "resources": {"threads": threads}
        })
    })
}

#[test]
fn a_large_training_is_the_same_at_any_number_of_threads_and_after_any_pause() {
    let problem = corners(221);
    for (precision, idx) in [("f32", 0), ("bf16", 0), ("bf16", 1)] {
        let spec = |threads: u32| large_runs(threads, precision)[idx].clone();
        let (ending, expected) = undisturbed(&problem, &spec(1));
        for threads in [2, 3, 4] {
            let (_, story) = undisturbed(&problem, &spec(threads));
            assert_eq!(story, expected, "{threads} threads");
        }
        for pause_after in 1..=expected.0.len() as u64 {
            let mut first = problem.trainer(spec(1));
            let mut record = Record {
                pause_after: Some(pause_after),
                ..Record::default()
            };
            assert_eq!(first.run(&mut record), Ending::Paused);
            let mut second = problem.trainer(spec(2));
            second
                .restore(&first.checkpoint().bytes)
                .expect("the checkpoint is whole");
            record.pause_after = None;
            assert_eq!(second.run(&mut record), ending);
            assert_eq!(story(&second, record), expected, "after step {pause_after}");
        }
    }
}

#[test]
fn a_training_in_bf16_is_another_training() {
    let problem = corners(90);
    let [rounded, _] = large_runs(1, "bf16");
    let [exact, _] = large_runs(1, "f32");
    assert_ne!(
        undisturbed(&problem, &rounded).1.2,
        undisturbed(&problem, &exact).1.2
    );
    let mut record = Record {
        pause_after: Some(1),
        ..Record::default()
    };
    let mut trainer = problem.trainer(rounded);
    trainer.run(&mut record);
    let bytes = trainer.checkpoint().bytes;
    let mut other = problem.trainer(exact);
    assert!(other.restore(&bytes).is_err());
}

#[test]
fn augmented_images_are_the_same_at_any_number_of_threads_and_after_any_pause() {
    let problem = corners(90);
    let (ending, expected) = undisturbed(&problem, &augmented_run(1));
    for threads in [2, 4] {
        let (_, story) = undisturbed(&problem, &augmented_run(threads));
        assert_eq!(story, expected, "{threads} threads");
    }
    for pause_after in 1..=expected.0.len() as u64 {
        let spec = augmented_run(1);
        let mut first = problem.trainer(spec.clone());
        let mut record = Record {
            pause_after: Some(pause_after),
            ..Record::default()
        };
        assert_eq!(first.run(&mut record), Ending::Paused);
        let mut second = problem.trainer(spec);
        second
            .restore(&first.checkpoint().bytes)
            .expect("the checkpoint is whole");
        record.pause_after = None;
        assert_eq!(second.run(&mut record), ending);
        assert_eq!(
            story(&second, record),
            expected,
            "paused after step {pause_after}"
        );
    }
    let mut plain = augmented_run(1);
    plain["training"]["augmentation"] = json!([]);
    let (_, story) = undisturbed(&problem, &plain);
    assert_ne!(story.2, expected.2, "augmentation does something");
}

/// The mean loss of each part, from what the trained model answers to its rows as they are.
#[test]
fn what_is_measured_is_not_augmented() {
    let problem = corners(90);
    let spec = augmented_run(1);
    let mut trainer = problem.trainer(spec.clone());
    train(&mut trainer);
    let trained = trainer.trained().expect("there is a model");
    let (dataset, parts) = (&problem.dataset, &problem.parts);
    let (spec, outcome) = (problem.spec(spec), dataset.targets.outcome());
    let model = weights::open(
        &spec,
        dataset.sample_shape,
        outcome,
        &trained.weights,
        Cpu::native(1),
    )
    .expect("it opens");
    let Targets::Classes { labels, .. } = &dataset.targets else {
        unreachable!("corners have classes")
    };
    for (name, rows) in [
        ("train_loss", &parts.train),
        ("validation_loss", &parts.validation),
        ("test_loss", &parts.test),
    ] {
        let surprise = |&row: &u32| {
            let features = dataset.features.row(row as usize).to_vec();
            let mut probabilities = vec![0.0; 3];
            model.predict(&features, &mut model.scratch(1), &mut probabilities);
            -f64::from(probabilities[labels[row as usize] as usize]).ln()
        };
        let loss = rows.iter().map(surprise).sum::<f64>() / rows.len() as f64;
        let told = trained.metrics.iter().find(|(metric, _)| metric == name);
        let told = told.expect("every part has rows").1;
        assert!(
            (told - loss).abs() < 1e-5 * loss,
            "{name}: {told}, and the rows say {loss}"
        );
    }
}
