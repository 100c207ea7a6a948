//! Whatever a client sends, there is an answer or an error, never a panic, and the model serves the next request as before.

use std::sync::OnceLock;

use descent::predictor::{Format, Options, PredictionStream, ServedModel, predict, predict_json};
use proptest::prelude::*;
use serde_json::Value;

use crate::penguins;

const OPTIONS: Options = Options {
    explain: false,
    max_explained_rows: 10,
    max_answer_bytes: 1 << 20,
};

fn model() -> &'static ServedModel {
    static MODEL: OnceLock<ServedModel> = OnceLock::new();
    MODEL.get_or_init(|| penguins().model)
}

fn still_right() {
    static EXPECTED: OnceLock<Vec<u8>> = OnceLock::new();
    let body =
        br#"{"rows":[["Biscoe",46.1,13.2,211,4500,"female",2007],{"island":"Dream","year":2009}]}"#;
    let answer = predict_json(model(), body, OPTIONS).unwrap();
    assert_eq!(&answer, EXPECTED.get_or_init(|| answer.clone()));
}

/// Everything that can stand where a value stands.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[0-9]{1,25}(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?",
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        prop::sample::select(vec![
            "\"NA\"",
            "\"?\"",
            "\" 3.5 \"",
            "\"'male'\"",
            "\"male\"",
            "[]",
            "{}",
            "[1]",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "-",
            "tru"
        ])
        .prop_map(str::to_owned),
    ]
}

fn row() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "island",
            "bill_length_mm",
            "bill_depth_mm",
            "flipper_length_mm",
            "body_mass_g",
            "sex",
            "year",
            "species",
            "yaer"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let pair = (name, value()).prop_map(|(name, value)| format!("{}:{value}", Value::from(name)));
    prop_oneof![
        prop::collection::vec(pair, 0..9).prop_map(|pairs| format!("{{{}}}", pairs.join(","))),
        prop::collection::vec(value(), 0..10).prop_map(|values| format!("[{}]", values.join(","))),
        value(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn rows_of_any_shape(rows in prop::collection::vec(row(), 0..5)) {
        let body = format!("{{\"rows\":[{}]}}", rows.join(","));
        if let Ok(answer) = predict_json(model(), body.as_bytes(), OPTIONS) {
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            prop_assert_eq!(answer["predictions"].as_array().unwrap().len(), rows.len());
        }
        let lines = rows.join("\n");
        let answer = predict(model(), Format::NdJson, Format::NdJson, lines.as_bytes(), OPTIONS).unwrap();
        let mut n_answers = 0;
        for line in std::str::from_utf8(&answer).unwrap().lines() {
            let _: Value = serde_json::from_str(line).unwrap();
            n_answers += 1;
        }
        prop_assert_eq!(n_answers, rows.iter().filter(|row| !row.trim().is_empty()).count());
        still_right();
    }

    #[test]
    fn bytes_of_any_kind(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let _ = predict_json(model(), &bytes, OPTIONS);
        for input in [Format::Csv, Format::NdJson] {
            for output in [Format::Json, Format::NdJson, Format::Csv] {
                let whole = predict(model(), input, output, &bytes, OPTIONS);
                let (head, tail) = bytes.split_at(cut.min(bytes.len()));
                let mut stream = PredictionStream::new(model(), input, output, OPTIONS);
                let pieces = stream.push(head).and_then(|()| stream.push(tail)).and_then(|()| stream.finish());
                prop_assert_eq!(whole, pieces);
            }
        }
    }

    #[test]
    fn json_with_a_byte_changed(at in 0usize..120, byte in any::<u8>()) {
        let mut body = br#"{"rows":[["Biscoe",46.1,13.2,211,4500,"female",2007],{"island":"Dream","year":2009,"sex":null}]}"#.to_vec();
        let at = at % body.len();
        body[at] = byte;
        let _ = predict_json(model(), &body, OPTIONS);
        still_right();
    }

    #[test]
    fn tables_of_any_kind(records in prop::collection::vec("[a-z0-9.\"';, \t\r|-]{0,30}", 0..8)) {
        for header in ["", "island,year,sex\n"] {
            let body = format!("{header}{}", records.join("\n"));
            let _ = predict(model(), Format::Csv, Format::Csv, body.as_bytes(), OPTIONS);
            let _ = predict(model(), Format::Csv, Format::NdJson, body.as_bytes(), OPTIONS);
        }
        still_right();
    }
}

#[test]
fn deep_nesting_is_refused() {
    for body in [
        "[".repeat(100_000),
        format!("{{\"rows\":[{}", "[".repeat(100_000)),
        "{\"rows\":".repeat(100_000),
    ] {
        assert!(predict_json(model(), body.as_bytes(), OPTIONS).is_err());
    }
}

#[test]
fn many_wrong_names_cost_little() {
    let line = format!("{{\"{}\":1}}\n", "x".repeat(150));
    let body = line.repeat(20_000);
    let options = Options {
        max_answer_bytes: 64 << 20,
        ..OPTIONS
    };
    let answer = predict(
        model(),
        Format::NdJson,
        Format::NdJson,
        body.as_bytes(),
        options,
    )
    .unwrap();
    assert_eq!(answer.iter().filter(|byte| **byte == b'\n').count(), 20_000);
}
