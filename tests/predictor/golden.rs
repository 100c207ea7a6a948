//! A version goes live only when it answers, through the bytes of a request, exactly what the trainer said.

use descent::data::preview;
use descent::predictor::{
    GoldenError, GoldenRow, ModelDocument, OpenError, ServedModel, check_golden,
};
use serde_json::json;

use crate::{Finished, example, iris, penguins, shared, train, version};

fn golden_rows(finished: &Finished) -> Vec<GoldenRow> {
    let golden = &finished.trained.golden;
    let n = golden.answers.len() / golden.rows.len();
    let rows = preview(
        std::io::Cursor::new(&finished.bytes[..]),
        &finished.ingested.format,
        &finished.ingested.schema(),
        0,
        100_000,
    )
    .unwrap();
    let rows = golden.rows.iter().map(|&row| rows[row as usize].clone());
    rows.zip(golden.answers.chunks_exact(n))
        .map(|(cells, answers)| GoldenRow {
            cells,
            answers: answers.to_vec(),
        })
        .collect()
}

#[test]
fn trained_models_pass() {
    let layers = json!([{"kind": "dense", "units": 32, "activation": "relu"}, {"kind": "dropout", "rate": 0.2}]);
    let mut all = vec![iris(), penguins()];
    all.push(train(example("xor.csv"), json!({"kind": "classification", "target": "out", "split": {"kind": "random", "validation": 0.0, "test": 0.0}}), json!({"kind": "perceptron"})));
    for (file, task) in [
        (
            "titanic/titanic.csv",
            json!({"kind": "classification", "target": "Survived"}),
        ),
        (
            "adult/adult-test.csv",
            json!({"kind": "classification", "target": "column_15"}),
        ),
        (
            "california-housing/housing.csv",
            json!({"kind": "regression", "target": ["median_house_value", "median_income"]}),
        ),
    ] {
        all.extend(shared(file).map(|bytes| train(bytes, task, layers.clone())));
    }
    for finished in all {
        let rows = golden_rows(&finished);
        assert!(!rows.is_empty());
        assert_eq!(
            check_golden(&finished.model, &rows),
            Ok(()),
            "{:?}",
            finished.model.document().spec.task.target
        );
    }
}

#[test]
fn one_bit_is_enough_to_fail() {
    let finished = iris();
    let mut rows = golden_rows(&finished);
    let answer = &mut rows[1].answers[2];
    *answer = f32::from_bits(answer.to_bits() + 1);
    match check_golden(&finished.model, &rows) {
        Err(GoldenError::Differs {
            row: 1,
            output,
            predicted,
            trained,
        }) => {
            assert_eq!(output, "virginica");
            assert_eq!(trained.to_bits(), predicted.to_bits() + 1);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        check_golden(&finished.model, &[]),
        Err(GoldenError::Size(0))
    );
}

#[test]
fn damage_is_found_when_a_model_is_opened() {
    let finished = iris();
    let open =
        |sealed: &str, weights: &[u8]| ServedModel::open(version(), sealed, weights).map(|_| ());
    assert_eq!(open(&finished.sealed, &finished.trained.weights), Ok(()));

    let mut weights = finished.trained.weights.clone();
    *weights.last_mut().unwrap() ^= 1;
    assert!(matches!(
        open(&finished.sealed, &weights),
        Err(OpenError::Digest {
            what: "weights",
            ..
        })
    ));

    let changed = finished.sealed.replacen("setosa", "setosb", 1);
    assert!(matches!(
        open(&changed, &finished.trained.weights),
        Err(OpenError::Digest {
            what: "document bytes",
            ..
        })
    ));
    assert!(matches!(
        open("{}", &finished.trained.weights),
        Err(OpenError::Document(_))
    ));

    let document = finished.model.document().clone();
    let sealed = |document: ModelDocument| document.seal().unwrap().get().to_owned();
    let mut later = document.clone();
    later.format += 1;
    assert!(matches!(
        open(&sealed(later), &finished.trained.weights),
        Err(OpenError::Document(_))
    ));
    let mut narrower = document.clone();
    narrower.baseline.pop();
    assert!(matches!(
        open(&sealed(narrower), &finished.trained.weights),
        Err(OpenError::Shape(_))
    ));
    let mut foreign = document;
    foreign.spec = penguins().model.document().spec.clone();
    foreign.transform = penguins().model.document().transform.clone();
    foreign.baseline = penguins().model.document().baseline.clone();
    assert!(matches!(
        open(&sealed(foreign), &finished.trained.weights),
        Err(OpenError::Shape(_))
    ));
}
