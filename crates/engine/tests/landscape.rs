//! The loss around weights: the same as the trainer's, with the slope that differences show, by any number of threads.

mod support;

use descent_engine::isa::Isa;
use descent_engine::landscape::{Cells, Ground, Slope, filter_normalised};
use descent_engine::trainer::Trainer;
use serde_json::{Value, json};
use support::{Problem, Record, blobs, categories};

fn spec(network: Value) -> Value {
    json!({"network": network, "training": {"epochs": 3, "batch_size": 16, "seed": 5}})
}

/// A trained network, and the ground of all its training rows.
fn trained(problem: &Problem, document: &Value) -> (Trainer, Ground, Vec<f32>) {
    let mut trainer = problem.trainer(document.clone());
    assert!(trainer.run(&mut Record::default()).has_model());
    let ground = ground(problem, document, usize::MAX, 0);
    let parameters = ground
        .parameters(&trainer.checkpoint().bytes)
        .expect("a checkpoint of this network");
    (trainer, ground, parameters)
}

fn ground(problem: &Problem, document: &Value, n_samples: usize, seed: u64) -> Ground {
    let spec = problem.spec(document.clone());
    Ground::new(
        &spec,
        &problem.dataset,
        &problem.parts.train,
        n_samples,
        seed,
        Isa::detect(),
    )
    .expect("the spec fits")
}

fn losses(
    ground: &Ground,
    origin: &[f32],
    directions: &[Vec<f32>; 2],
    places: &[[f64; 2]],
    threads: usize,
) -> Vec<f64> {
    let cells = Cells {
        origin,
        directions,
        places,
    };
    let found = ground
        .losses(cells, threads, &|_| true)
        .expect("it fits into memory");
    found.expect("nobody stopped it")
}

fn slope(ground: &Ground, parameters: &[f32]) -> Slope {
    let mut found = None;
    ground
        .slopes(std::iter::once(parameters), 1, |slope| found = Some(slope))
        .expect("it fits into memory");
    found.expect("one place has one slope")
}

/// Every kind of state that evaluation treats differently from training: dropout, batch normalisation, class weights.
fn networks() -> Vec<Value> {
    vec![
        spec(
            json!([{"kind": "dense", "units": 9, "activation": "tanh"}, {"kind": "dropout", "rate": 0.4}]),
        ),
        spec(
            json!([{"kind": "dense", "units": 16}, {"kind": "reshape", "shape": [2, 2, 4]},
            {"kind": "conv2d", "filters": 3, "kernel_size": 3, "padding": "same"}, {"kind": "batch_norm"},
            {"kind": "activation", "function": "gelu"}, {"kind": "flatten"}]),
        ),
        {
            let mut weighted = spec(json!([{"kind": "dense", "units": 5, "activation": "silu"}]));
            weighted["loss"] = json!({"kind": "cross_entropy", "class_weights": "balanced", "label_smoothing": 0.1});
            weighted
        },
    ]
}

#[test]
fn at_the_kept_weights_the_loss_is_the_one_the_trainer_measured() {
    let problem = blobs(200, 3, 1.5, 4);
    for document in networks() {
        let (trainer, ground, parameters) = trained(&problem, &document);
        let nowhere = [vec![0.0; parameters.len()], vec![0.0; parameters.len()]];
        let loss = losses(&ground, &parameters, &nowhere, &[[0.0; 2]], 1)[0];
        let metrics = &trainer.trained().expect("there is a model").metrics;
        let measured = metrics
            .iter()
            .find(|(name, _)| name == "train_loss")
            .expect("it was measured")
            .1;
        assert!(
            (loss / measured - 1.0).abs() < 1e-6,
            "{document}: {loss} {measured}"
        );
    }
}

#[test]
fn the_slope_is_what_differences_show_along_any_direction() {
    let problem = blobs(120, 3, 1.5, 4);
    for document in networks() {
        let (_, ground, parameters) = trained(&problem, &document);
        let slope = slope(&ground, &parameters);
        let directions =
            [0, 1].map(|number| filter_normalised(ground.network(), &parameters, 7, number));
        const H: f64 = 2e-2;
        let around = [[-H, 0.0], [H, 0.0], [0.0, -H], [0.0, H]];
        let loss = losses(&ground, &parameters, &directions, &around, 2);
        for (axis, direction) in directions.iter().enumerate() {
            let difference = (loss[2 * axis + 1] - loss[2 * axis]) / (2.0 * H);
            let along = slope.along(direction);
            assert!(
                (difference - along).abs() < 2e-3 * (slope.norm() + 1.0),
                "{document}: {difference} {along}"
            );
        }
        // Along the gradient itself the slope is its length, and against it the loss falls.
        let unit: Vec<f32> = slope
            .gradient
            .iter()
            .map(|g| (g / slope.norm()) as f32)
            .collect();
        assert!((slope.along(&unit) / slope.norm() - 1.0).abs() < 1e-5);
        let still = vec![0.0; unit.len()];
        let down = losses(
            &ground,
            &parameters,
            &[unit, still],
            &[[-1e-2, 0.0], [0.0, 0.0]],
            1,
        );
        assert!(down[0] < down[1]);
    }
}

#[test]
fn no_bit_depends_on_the_number_of_threads_and_the_rows_on_the_seed_alone() {
    let problem = categories(300, 4);
    let mut document = spec(json!([{"kind": "dense", "units": 30, "activation": "relu"}]));
    document["task"] = json!({"kind": "classification", "target": "target", "preprocessing": {"categories": {"kind": "embedding", "dimensions": 8}}});
    let (_, _, parameters) = trained(&problem, &document);
    let ground = |seed| ground(&problem, &document, 50, seed);
    let one = ground(1);
    assert_eq!(one.n_samples(), 50);
    let directions = [0, 1].map(|number| filter_normalised(one.network(), &parameters, 7, number));
    let places: Vec<[f64; 2]> = (0..25)
        .map(|k| [f64::from(k % 5) - 2.0, f64::from(k / 5) - 2.0])
        .collect();
    let bits = |ground: &Ground, threads| -> Vec<u64> {
        let found = losses(ground, &parameters, &directions, &places, threads);
        found.into_iter().map(f64::to_bits).collect()
    };
    let expected = bits(&one, 1);
    for threads in [2, 3, 64] {
        assert_eq!(bits(&ground(1), threads), expected);
    }
    assert_ne!(bits(&ground(2), 1), expected);
}

#[test]
fn it_stops_when_it_is_told_to() {
    let problem = blobs(50, 3, 1.5, 4);
    let document = networks().swap_remove(0);
    let (_, ground, parameters) = trained(&problem, &document);
    let directions = [vec![1.0; parameters.len()], vec![0.0; parameters.len()]];
    let places = [[0.0; 2]; 100];
    let cells = Cells {
        origin: &parameters,
        directions: &directions,
        places: &places,
    };
    assert_eq!(
        ground
            .losses(cells, 2, &|begun| begun < 40)
            .expect("it fits into memory"),
        None
    );
    // Weights that are blown up have a loss that is not finite, and say so.
    let far = losses(&ground, &parameters, &directions, &[[1e38, 0.0]], 1);
    assert!(!far[0].is_finite());
}
