//! CSV and NDJSON: the same predictions as JSON, errors in their place, and any cut of the body.

use descent::predictor::{
    Format, Options, PredictError, PredictionStream, ServedModel, predict, predict_csv,
    predict_ndjson,
};
use serde_json::{Value, json};

use crate::{answer, iris, penguins};

const OPTIONS: Options = Options {
    explain: false,
    max_explained_rows: 10,
    max_answer_bytes: 1 << 20,
};

fn lines(answer: &[u8]) -> Vec<Value> {
    std::str::from_utf8(answer)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn csv(model: &ServedModel, body: &str) -> String {
    String::from_utf8(
        predict_csv(model, body.as_bytes(), OPTIONS).unwrap_or_else(|error| panic!("{error}")),
    )
    .unwrap()
}

#[test]
fn a_file_of_training_is_answered_in_every_format() {
    let finished = penguins();
    let model = &finished.model;
    let rows = descent::data::preview(
        std::io::Cursor::new(&finished.bytes[..]),
        &finished.ingested.format,
        &finished.ingested.schema(),
        0,
        1000,
    )
    .unwrap();
    let expected = answer(model, &json!({"rows": rows}).to_string());
    let expected = expected["predictions"].as_array().unwrap();
    let ndjson: String = rows.iter().map(|row| format!("{}\n", json!(row))).collect();
    for (format, body) in [
        (Format::Csv, &finished.bytes[..]),
        (Format::NdJson, ndjson.as_bytes()),
    ] {
        let as_lines = predict(model, format, Format::NdJson, body, OPTIONS).unwrap();
        assert_eq!(&lines(&as_lines), expected);
        let as_json: Value =
            serde_json::from_slice(&predict(model, format, Format::Json, body, OPTIONS).unwrap())
                .unwrap();
        assert_eq!(as_json["predictions"].as_array().unwrap(), expected);
        let table = predict(model, format, Format::Csv, body, OPTIONS).unwrap();
        let table = String::from_utf8(table).unwrap();
        let mut records = table.lines();
        assert_eq!(records.next(), Some("label,Adelie,Chinstrap,Gentoo,notes"));
        for (record, prediction) in records.zip(expected) {
            assert!(
                record.starts_with(&format!("{},", prediction["label"].as_str().unwrap())),
                "{record}"
            );
        }
        assert_eq!(table.lines().count(), expected.len() + 1);
    }
    let from_json = predict(
        model,
        Format::Json,
        Format::NdJson,
        json!({"rows": rows}).to_string().as_bytes(),
        OPTIONS,
    )
    .unwrap();
    assert_eq!(&lines(&from_json), expected);
}

#[test]
fn a_table_says_its_columns_or_stands_in_file_order() {
    let model = iris().model;
    let plain = csv(&model, "5.1,3.5,1.4,0.2\n6.0,3.0,4.8,1.8\n");
    for same in [
        "5.1,3.5,1.4,0.2,setosa\r\n\r\n6.0,3.0,4.8,1.8,virginica",
        "\u{feff}petal width (cm);petal length (cm);sepal width (cm);sepal length (cm)\n0.2;1.4;3.5;5.1\n1.8;4.8;3.0;6.0\n",
        "target\tpetal width (cm)\tpetal length (cm)\tsepal width (cm)\tsepal length (cm)\n\t0.2\t1.4\t3.5\t5.1\n?\t1.8\t4.8\t3.0\t\"6.0\"\n",
    ] {
        assert_eq!(csv(&model, same), plain, "{same:?}");
    }
    let partial = csv(&model, "sepal length (cm),sepal width (cm)\n5.1,3.5\n");
    let record = partial.lines().nth(1).unwrap();
    assert!(
        record.ends_with("petal length (cm): missing_imputed; petal width (cm): missing_imputed"),
        "{record}"
    );
}

#[test]
fn a_wrong_table_is_refused_with_its_line() {
    let model = iris().model;
    for (body, code, line) in [
        ("5.1,3.5,1.4,0.2\n\n5.1,tall,1.4,0.2\n", "not_a_number", 3),
        ("5.1,3.5,1.4,0.2\n5.1,3.5\n", "wrong_width", 2),
        (
            "sepal length (cm),sepal width (cm)\n5.1\n",
            "wrong_width",
            2,
        ),
        (
            "sepal length (cm),sepal widht (cm)\n5.1,2\n",
            "unknown_column",
            1,
        ),
        (
            "sepal length (cm),sepal length (cm)\n5.1,2\n",
            "duplicate_column",
            1,
        ),
    ] {
        match predict_csv(&model, body.as_bytes(), OPTIONS) {
            Err(PredictError::Refused(fault)) => assert_eq!(
                (fault.code, fault.line),
                (code, Some(line)),
                "{body:?}: {fault}"
            ),
            other => panic!("{body:?}: {other:?}"),
        }
    }
    for (body, line) in [
        (&b"5.1,\"3.5,1.4,0.2\n"[..], 1),
        (b"5.1,3.5,1.4,0.2\n5.1,\"3\"5,1.4,0.2\n", 2),
        (b"5.1,3.5,1.4,0.2\n5.1,\xff,1,2\n", 2),
    ] {
        match predict_csv(&model, body, OPTIONS) {
            Err(PredictError::Malformed { line: at, .. }) => assert_eq!(at, line, "{body:?}"),
            other => panic!("{body:?}: {other:?}"),
        }
    }
}

#[test]
fn a_bad_line_becomes_an_error_and_the_others_are_answered_in_order() {
    let model = iris().model;
    let body = "[5.1,3.5,1.4,0.2]\n\n{\"sepal length (cm)\": \"x\"}\nnonsense\n[1]\n{\"sepal\": 1}\n[6.0,3.0,4.8,1.8]";
    let answers = lines(&predict_ndjson(&model, body.as_bytes(), OPTIONS).unwrap());
    let expected = answer(
        &model,
        r#"{"rows": [[5.1,3.5,1.4,0.2], [6.0,3.0,4.8,1.8]]}"#,
    );
    assert_eq!(answers.len(), 6);
    assert_eq!(answers[0], expected["predictions"][0]);
    assert_eq!(answers[5], expected["predictions"][1]);
    let told: Vec<_> = answers[1..5]
        .iter()
        .map(|answer| {
            (
                answer["error"]["code"].as_str().unwrap(),
                answer["error"]["line"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("not_a_number", 3),
            ("malformed_row", 4),
            ("wrong_width", 5),
            ("unknown_column", 6)
        ]
    );
    assert_eq!(answers[1]["error"]["pointer"], "/1/sepal length (cm)");

    let table = predict(
        &model,
        Format::Csv,
        Format::NdJson,
        b"5.1,3.5,1.4,0.2\n5.1,tall,1.4,0.2\n6.0,3.0,4.8,1.8\n",
        OPTIONS,
    )
    .unwrap();
    let table = lines(&table);
    assert_eq!(
        (&table[0], &table[2]),
        (&expected["predictions"][0], &expected["predictions"][1])
    );
    assert_eq!(table[1]["error"]["line"], 2);

    let in_csv = predict(
        &model,
        Format::NdJson,
        Format::Csv,
        b"[5.1,3.5,1.4,0.2]\n[1]\n",
        OPTIONS,
    )
    .unwrap();
    let in_csv = String::from_utf8(in_csv).unwrap();
    assert!(
        in_csv
            .lines()
            .nth(2)
            .unwrap()
            .starts_with(",,,,\"error: wrong_width: "),
        "{in_csv}"
    );
}

#[test]
fn any_cut_of_the_body_gives_the_same_answer() {
    let finished = penguins();
    let model = &finished.model;
    let small: Vec<u8> = finished.bytes.iter().copied().take(4000).collect();
    let whole_lines = small.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let rows: &[u8] = b"[\"Biscoe\",1,2,3,4,\"male\",2007]\n{}\nnonsense\n{\"year\": 2008}\n";
    for (input, body) in [(Format::Csv, &small[..whole_lines]), (Format::NdJson, rows)] {
        for output in [Format::Json, Format::NdJson, Format::Csv] {
            let whole = predict(model, input, output, body, OPTIONS).unwrap();
            for piece in [1, 2, 3, 7, 100, 1000] {
                let mut stream = PredictionStream::new(model, input, output, OPTIONS);
                let mut answer = Vec::new();
                for piece in body.chunks(piece) {
                    stream.push(piece).unwrap();
                    answer.extend(stream.take());
                }
                answer.extend(stream.finish().unwrap());
                assert!(
                    answer == whole,
                    "{input:?} to {output:?} in pieces of {piece}: {}",
                    String::from_utf8_lossy(&answer)
                );
            }
        }
    }
}

#[test]
fn a_long_table_is_read_in_pieces_without_holding_it() {
    let model = iris().model;
    let header = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n";
    let block = "5.1,3.5,1.4,0.2\n".repeat(10_000);
    let mut stream = PredictionStream::new(&model, Format::Csv, Format::Csv, OPTIONS);
    stream.push(header.as_bytes()).unwrap();
    let mut n_lines = 0;
    for _ in 0..20 {
        stream.push(block.as_bytes()).unwrap();
        let answer = stream.take();
        assert!(answer.len() <= OPTIONS.max_answer_bytes);
        n_lines += answer.iter().filter(|byte| **byte == b'\n').count();
    }
    n_lines += stream
        .finish()
        .unwrap()
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    assert_eq!(n_lines, 200_001);
}

#[test]
fn an_empty_body_has_no_predictions() {
    let model = iris().model;
    assert_eq!(csv(&model, ""), "label,setosa,versicolor,virginica,notes\n");
    assert_eq!(predict_ndjson(&model, b"\n\n", OPTIONS).unwrap(), b"");
}
