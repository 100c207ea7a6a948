//! JSON rows: the trainer's answers for the same rows, in any order and form of the columns, and every way to be refused.

use descent::data::preview;
use descent::predictor::{Fault, PredictError, predict_json};
use descent_engine::dataset::Targets;
use serde_json::{Map, Value, json};

use crate::{Finished, answer, example, iris, penguins, shared, train};

/// Sends the first rows of a file as objects with raw cells, and compares with the network's answers for the trainer's features.
fn rows_answer_what_training_computed(finished: &Finished) {
    let Finished {
        bytes,
        ingested,
        prepared,
        model,
        ..
    } = finished;
    let schema = ingested.schema();
    let rows = preview(
        std::io::Cursor::new(&bytes[..]),
        &ingested.format,
        &schema,
        0,
        500,
    )
    .unwrap();
    let inputs = &prepared.transform.inputs;
    let objects: Vec<Value> = rows
        .iter()
        .map(|row| {
            let cells = inputs
                .iter()
                .rev()
                .map(|input| (input.name.clone(), json!(row[input.column])));
            Value::Object(cells.collect::<Map<_, _>>())
        })
        .collect();
    let arrays: Vec<Value> = rows.iter().map(|row| json!(row)).collect();
    let by_name = answer(model, &json!({"rows": objects}).to_string());
    let by_order = answer(model, &json!({"rows": arrays}).to_string());
    assert!(
        by_name == by_order,
        "objects and arrays are answered differently"
    );
    assert_eq!(by_name["predictions"].as_array().unwrap().len(), rows.len());
    assert_eq!(
        by_name["model"],
        json!({"name": "flowers", "version": 3, "sha256": model.sha256()})
    );

    let direct = descent_engine::weights::open(
        &model.document().spec,
        prepared.dataset.sample_shape,
        prepared.dataset.targets.outcome(),
        &finished.trained.weights,
        descent_engine::isa::Cpu::native(2),
    )
    .unwrap();
    let features = prepared.dataset.features.as_slice().unwrap();
    let features = &features[..rows.len() * prepared.dataset.n_features()];
    let mut outputs = vec![0.0; rows.len() * direct.network().n_outputs()];
    direct.predict(features, &mut direct.scratch(64), &mut outputs);
    for (i, outputs) in outputs
        .chunks_exact(direct.network().n_outputs())
        .enumerate()
    {
        let prediction = &by_name["predictions"][i];
        match &prepared.dataset.targets {
            Targets::Classes { names, .. } => {
                for (name, output) in names.iter().zip(outputs) {
                    assert_eq!(
                        number(&prediction["probabilities"][name]),
                        *output,
                        "row {i} class {name}"
                    );
                }
            }
            Targets::Values {
                names, mean, std, ..
            } => {
                for (j, name) in names.iter().enumerate() {
                    assert_eq!(
                        number(&prediction["values"][name]),
                        outputs[j] * std[j] + mean[j],
                        "row {i} {name}"
                    );
                }
            }
        }
    }
}

fn number(value: &Value) -> f32 {
    value.to_string().parse().unwrap()
}

#[test]
fn iris_row_by_row() {
    rows_answer_what_training_computed(&crate::iris());
}

#[test]
fn penguins_with_their_missing_values() {
    rows_answer_what_training_computed(&crate::penguins());
}

#[test]
fn titanic_adult_and_housing() {
    for (file, task) in [
        (
            "titanic/titanic.csv",
            json!({"kind": "classification", "target": "Survived", "features": {"exclude": ["Name", "Ticket", "Cabin"]}}),
        ),
        (
            "adult/adult-train.csv",
            json!({"kind": "classification", "target": "column_15"}),
        ),
        (
            "california-housing/housing.csv",
            json!({"kind": "regression", "target": "median_house_value"}),
        ),
        (
            "korean-seoul-cars/seoul_car_by_fuel.csv",
            json!({"kind": "classification", "target": "차종별"}),
        ),
    ] {
        let Some(bytes) = shared(file) else { continue };
        let layers = json!([{"kind": "dense", "units": 24, "activation": "relu"}]);
        rows_answer_what_training_computed(&train(bytes, task, layers));
    }
}

#[test]
fn a_perceptron_answers_without_doubt() {
    for gate in ["and.csv", "nand.csv", "or.csv"] {
        let bytes = example(gate);
        let header = String::from_utf8(bytes.clone()).unwrap();
        let target = header
            .lines()
            .next()
            .unwrap()
            .rsplit(',')
            .next()
            .unwrap()
            .to_owned();
        let task = json!({"kind": "classification", "target": target,
            "split": {"kind": "random", "validation": 0.0, "test": 0.0}});
        let finished = train(bytes, task, json!({"kind": "perceptron"}));
        let rows = preview(
            std::io::Cursor::new(&finished.bytes[..]),
            &finished.ingested.format,
            &finished.ingested.schema(),
            0,
            10,
        )
        .unwrap();
        let answer = answer(&finished.model, &json!({"rows": rows}).to_string());
        for prediction in answer["predictions"].as_array().unwrap() {
            let label = prediction["label"].as_str().unwrap();
            for (class, p) in prediction["probabilities"].as_object().unwrap() {
                assert_eq!(number(p), if class == label { 1.0 } else { 0.0 });
            }
        }
    }
}

#[test]
fn values_in_every_spelling_give_the_same_answer() {
    let model = iris().model;
    let rows = r#"{"rows": [
        [5.1, 3.5, 1.4, 0.2],
        ["5.1", " 3.50", "+1.4", "2e-1"],
        [5.1, 3.5, 1.4, 0.2, "setosa"],
        [5.1, 3.5, 1.4, 0.2, null],
        {"petal width (cm)": 0.2, "petal length (cm)": 1.4, "sepal width (cm)": "3.5", "sepal length (cm)": 5.10},
        {"petal width (cm)": 0.2, "target": "whatever", "petal length (cm)": 1.4, "sepal width (cm)": 3.5, "sepal length (cm)": 5.1}
    ]}"#;
    let answer = answer(&model, rows);
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 6);
    for prediction in predictions {
        assert_eq!(prediction, &predictions[0]);
        assert_eq!(prediction.get("notes"), None);
    }
}

#[test]
fn missing_and_unknown_values_are_imputed_and_noted() {
    let model = penguins().model;
    let answer = answer(
        &model,
        r#"{"rows": [
            {"island": "Biscoe", "bill_length_mm": "NA", "bill_depth_mm": 15, "flipper_length_mm": null, "body_mass_g": "", "sex": "?", "year": 2008},
            {"island": "Atlantis", "bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181, "body_mass_g": 3750, "sex": "male", "year": 2007},
            {}
        ]}"#,
    );
    let notes = |row: usize| {
        let notes = answer["predictions"][row]["notes"]
            .as_array()
            .unwrap()
            .iter();
        notes
            .map(|note| {
                format!(
                    "{} {}",
                    note["column"].as_str().unwrap(),
                    note["code"].as_str().unwrap()
                )
            })
            .collect::<Vec<_>>()
    };
    let missing = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("{name} missing_imputed"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        notes(0),
        missing(&["bill_length_mm", "flipper_length_mm", "body_mass_g", "sex"])
    );
    assert_eq!(notes(1), ["island unknown_category"]);
    assert_eq!(
        notes(2),
        missing(&[
            "island",
            "bill_length_mm",
            "bill_depth_mm",
            "flipper_length_mm",
            "body_mass_g",
            "sex",
            "year"
        ])
    );
}

fn refused(body: &str) -> Fault {
    let model = penguins().model;
    match predict_json(&model, body.as_bytes(), Default::default()) {
        Err(PredictError::Refused(fault)) => *fault,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    let good = r#"{"year": 2007}"#;
    let cases = [
        (
            format!(r#"{{"rows": [{good}, {{"year": "soon"}}]}}"#),
            "not_a_number",
            "/rows/1/year",
            Some("year"),
        ),
        (
            format!(r#"{{"rows": [{good}, {{"year": true}}]}}"#),
            "not_a_number",
            "/rows/1/year",
            Some("year"),
        ),
        (
            r#"{"rows": [["Biscoe", 1, 2, 3, "heavy", "male", 2007]]}"#.into(),
            "not_a_number",
            "/rows/0/4",
            Some("body_mass_g"),
        ),
        (
            format!(r#"{{"rows": [{good}, {{"yaer": 2007}}]}}"#),
            "unknown_column",
            "/rows/1/yaer",
            Some("yaer"),
        ),
        (
            r#"{"rows": [{"year": 1, "year": 1}]}"#.into(),
            "duplicate_column",
            "/rows/0/year",
            Some("year"),
        ),
        (
            r#"{"rows": [{"species": 1, "species": 1}]}"#.into(),
            "duplicate_column",
            "/rows/0/species",
            Some("species"),
        ),
        (
            r#"{"rows": [{"year": [2007]}]}"#.into(),
            "not_a_scalar",
            "/rows/0/year",
            Some("year"),
        ),
        (
            r#"{"rows": [["Biscoe", {}]]}"#.into(),
            "not_a_scalar",
            "/rows/0/1",
            None,
        ),
        (
            format!(r#"{{"rows": [{good}, 7]}}"#),
            "not_a_row",
            "/rows/1",
            None,
        ),
        (r#"{"rows": [null]}"#.into(), "not_a_row", "/rows/0", None),
        (
            r#"{"rows": [[1, 2, 3]]}"#.into(),
            "wrong_width",
            "/rows/0",
            None,
        ),
        (
            r#"{"rows": [[1, 2, 3, 4, 5, 6, 7, 8, 9]]}"#.into(),
            "wrong_width",
            "/rows/0",
            None,
        ),
        (r#"{"rows": [[]]}"#.into(), "wrong_width", "/rows/0", None),
        (r#"{"row": []}"#.into(), "unknown_field", "/row", None),
        (r#"{}"#.into(), "missing_field", "", None),
        (
            r#"{"rows": [], "rows": []}"#.into(),
            "duplicate_field",
            "/rows",
            None,
        ),
    ];
    for (body, code, pointer, column) in cases {
        let fault = refused(&body);
        assert_eq!(
            (fault.code, fault.pointer.as_str(), fault.column.as_deref()),
            (code, pointer, column),
            "{body}: {fault}"
        );
    }
    let slip = refused(r#"{"rows": [{"Year": 2007}]}"#);
    assert_eq!(slip.nearest.as_deref(), Some("year"));
    assert!(
        slip.message.contains("row 0") && slip.message.contains("nearest name is \"year\""),
        "{slip}"
    );
}

#[test]
fn what_is_no_json_says_where() {
    let model = iris().model;
    for body in [
        "",
        "{",
        "[]",
        "7",
        r#"{"rows": 7}"#,
        r#"{"rows": [[1,2,3,4]]} x"#,
        "{\"rows\":\n [[1,2,3,]]}",
        "\u{feff}{}",
        r#"{"rows": [[1e999,1,1,1]]}"#,
    ] {
        match predict_json(&model, body.as_bytes(), Default::default()) {
            Err(PredictError::Malformed { line, message, .. }) => {
                assert!(line <= 2 && !message.is_empty(), "{body}")
            }
            other => panic!("{body}: {other:?}"),
        }
    }
    let invalid_utf8 = b"{\"rows\": [{\"\xff\": 1}]}";
    assert!(matches!(
        predict_json(&model, invalid_utf8, Default::default()),
        Err(PredictError::Malformed { .. })
    ));
}

#[test]
fn no_rows_are_no_predictions() {
    assert_eq!(
        answer(&iris().model, r#"{"rows": []}"#)["predictions"],
        json!([])
    );
}

#[test]
fn categories_written_as_numbers_are_found_by_value() {
    let bytes = b"grade,size,kind\n1.0,1,a\n2.50,2,b\n1.0,3,a\n2.50,4,b\n3.0,5,a\n1.0,6,b\n2.50,7,a\n3.0,8,b\n".to_vec();
    let mut ingest = descent::data::Ingest::new(
        Default::default(),
        descent::data::Hint {
            kinds: vec![("grade".into(), descent::data::ColumnKind::Categorical)],
            ..Default::default()
        },
    );
    ingest.push(&bytes).unwrap();
    let finished = crate::train_ingested(
        bytes,
        ingest.finish().unwrap(),
        json!({"network": [], "task": {"kind": "classification", "target": "kind",
            "split": {"kind": "random", "validation": 0.0, "test": 0.0}}}),
    );
    let answer = answer(
        &finished.model,
        r#"{"rows": [{"grade": 2.5, "size": 2}, {"grade": "2.50", "size": 2}, {"grade": 1, "size": 2}, {"grade": 7, "size": 2}]}"#,
    );
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions[0], predictions[1]);
    assert_eq!(predictions[2].get("notes"), None);
    assert_eq!(
        predictions[3]["notes"],
        json!([{"column": "grade", "code": "unknown_category"}])
    );
}

#[test]
fn an_answer_has_a_limit() {
    let model = iris().model;
    let body = format!(
        "{{\"rows\": [{}]}}",
        vec!["[5.1,3.5,1.4,0.2]"; 2000].join(",")
    );
    let options = descent::predictor::Options {
        max_answer_bytes: 10_000,
        ..Default::default()
    };
    assert!(matches!(
        predict_json(&model, body.as_bytes(), options),
        Err(PredictError::TooLarge { limit: 10_000, .. })
    ));
}
