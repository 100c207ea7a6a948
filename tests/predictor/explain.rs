//! Integrated gradients: the attributions of a row's columns add up to what the row changed.

use descent::data::preview;
use descent::predictor::{Format, Options, PredictError, predict, predict_json};
use serde_json::{Value, json};

use crate::{Finished, example, iris, penguins, shared, train, train_with};

const EXPLAIN: Options = Options {
    explain: true,
    max_explained_rows: 40,
    max_answer_bytes: 1 << 20,
};

fn explained(finished: &Finished, n_rows: usize) -> Vec<Value> {
    let rows = preview(
        std::io::Cursor::new(&finished.bytes[..]),
        &finished.ingested.format,
        &finished.ingested.schema(),
        0,
        n_rows,
    )
    .unwrap();
    let answer = predict_json(
        &finished.model,
        json!({"rows": rows}).to_string().as_bytes(),
        EXPLAIN,
    )
    .unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["predictions"].as_array().unwrap().clone()
}

/// The sum differs from the change by at most `tolerance` of the range of the output.
fn attributions_are_complete(finished: &Finished, range: f64, tolerance: f64) {
    for prediction in explained(finished, 20) {
        for explanation in prediction["explanation"].as_array().unwrap() {
            let number = |name: &str| explanation[name].as_f64().unwrap();
            let attributions = explanation["attributions"].as_object().unwrap();
            let inputs = &finished.prepared.transform.inputs;
            assert!(
                attributions
                    .keys()
                    .eq(inputs.iter().map(|input| &input.name)),
                "one per column, in file order"
            );
            let sum: f64 = attributions
                .values()
                .map(|value| value.as_f64().unwrap())
                .sum();
            let change = number("output") - number("baseline");
            assert!(
                (sum - change).abs() <= tolerance * range,
                "{sum} for a change of {change}: {explanation}"
            );
        }
    }
}

#[test]
fn attributions_add_up_for_classes() {
    attributions_are_complete(&iris(), 1.0, 0.02);
    attributions_are_complete(&penguins(), 1.0, 0.02);
    for prediction in explained(&penguins(), 20) {
        let explanation = &prediction["explanation"][0];
        assert_eq!(explanation["of"], prediction["label"]);
        assert_eq!(
            explanation["output"],
            prediction["probabilities"][prediction["label"].as_str().unwrap()]
        );
    }
}

/// An index has no slope; the way runs between the rows of its table.
#[test]
fn attributions_add_up_where_categories_are_embedded() {
    let task = json!({"kind": "classification", "target": "species",
        "preprocessing": {"categories": {"kind": "embedding", "dimensions": 4}}});
    let finished = train_with(
        example("penguins.csv"),
        json!({"task": task, "training": {"epochs": 20, "seed": 7}}),
    );
    attributions_are_complete(&finished, 1.0, 0.02);
    let island =
        |prediction: &Value| prediction["explanation"][0]["attributions"]["island"].clone();
    let all = explained(&finished, 40);
    assert!(
        all.iter()
            .any(|prediction| island(prediction).as_f64().unwrap().abs() > 0.05),
        "no island says anything about its species"
    );
}

#[test]
fn attributions_add_up_for_one_output_and_two_classes() {
    let bytes = example("penguins.csv");
    let ingested_text = String::from_utf8(bytes)
        .unwrap()
        .replace("Chinstrap", "Gentoo");
    let task = json!({"kind": "classification", "target": "species"});
    let mut finished = train_with(
        ingested_text.into_bytes(),
        json!({"task": task, "network": [{"kind": "dense", "units": 8, "activation": "tanh"}], "loss": {"kind": "binary_cross_entropy"}}),
    );
    attributions_are_complete(&finished, 1.0, 0.02);
    finished = train(
        example("and.csv"),
        json!({"kind": "classification", "target": "out",
        "split": {"kind": "random", "validation": 0.0, "test": 0.0}}),
        json!({"kind": "perceptron"}),
    );
    attributions_are_complete(&finished, 1.0, 0.02);
}

#[test]
fn attributions_add_up_for_values() {
    let Some(bytes) = shared("california-housing/housing.csv") else {
        return;
    };
    let task = json!({"kind": "regression", "target": ["median_house_value", "median_income"]});
    let finished = train(
        bytes,
        task,
        json!([{"kind": "dense", "units": 16, "activation": "relu"}]),
    );
    attributions_are_complete(&finished, 500_000.0, 0.01);
    let prediction = &explained(&finished, 1)[0];
    assert_eq!(prediction["explanation"].as_array().unwrap().len(), 2);
    assert_eq!(prediction["explanation"][1]["of"], "median_income");
}

/// A row of it has eight outputs, each explained by 192 times 4.2 million multiplications.
#[test]
fn a_large_network_explains_fewer_rows() {
    let dense = json!({"kind": "dense", "units": 2048, "activation": "relu"});
    let parts = json!({
        "task": {"kind": "embedding", "target": "target"},
        "network": [dense, dense],
        "loss": {"kind": "contrastive", "dimensions": 8},
        "training": {"epochs": 1},
    });
    let model = train_with(example("iris.csv"), parts).model;
    let rows = vec!["[5.1,3.5,1.4,0.2]"; 22].join(",");
    let body = format!("{{\"rows\": [{rows}]}}");
    let refused = predict_json(&model, body.as_bytes(), EXPLAIN);
    assert!(
        matches!(refused, Err(PredictError::TooLarge { limit: 21, .. })),
        "{refused:?}"
    );
    let row = br#"{"rows": [[5.1,3.5,1.4,0.2]]}"#;
    let answer = predict_json(&model, row, EXPLAIN).unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    let explained = answer["predictions"][0]["explanation"].as_array().unwrap();
    assert_eq!(explained.len(), 8);
    assert_eq!(explained[7]["of"], "embedding_7");
}

#[test]
fn explanations_are_bounded() {
    let model = iris().model;
    let body = format!(
        "{{\"rows\": [{}]}}",
        vec!["[5.1,3.5,1.4,0.2]"; 41].join(",")
    );
    assert!(matches!(
        predict_json(&model, body.as_bytes(), EXPLAIN),
        Err(PredictError::TooLarge { limit: 40, .. })
    ));
    let lines = predict(
        &model,
        Format::NdJson,
        Format::NdJson,
        b"[5.1,3.5,1.4,0.2]\n",
        EXPLAIN,
    )
    .unwrap();
    assert!(
        String::from_utf8(lines)
            .unwrap()
            .contains("\"explanation\":[{\"of\":")
    );
}
