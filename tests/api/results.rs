//! What a finished run tells about its test rows.

use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

async fn result(app: &TestApp, run: &str) -> Value {
    app.get(&format!("/v1/runs/{run}")).await.ok(200)["result"].clone()
}

#[tokio::test]
async fn a_classification_tells_how_each_class_is_told_apart() {
    let app = TestApp::start().await;
    let run = app.model("admin", "iris").await.id.to_string();
    let result = result(&app, &run).await;
    let roc = result["roc"].as_array().unwrap();
    let labels: Vec<&Value> = roc.iter().map(|curve| &curve["label"]).collect();
    let classes = result["confusion"]["labels"].as_array().unwrap();
    assert_eq!(labels, classes.iter().collect::<Vec<_>>());
    let (mut n_points, mut sum) = (0, 0.0);
    for curve in roc {
        let (x, y) = (
            numbers(&curve["false_positive_rate"]),
            numbers(&curve["true_positive_rate"]),
        );
        assert_eq!(x.len(), y.len());
        assert!(x.is_sorted() && y.is_sorted());
        assert_eq!(
            (x[0], y[0], x[x.len() - 1], y[y.len() - 1]),
            (0.0, 0.0, 1.0, 1.0)
        );
        // So few rows need no thinning: the area under the points is the stated one.
        let area: f64 = (1..x.len())
            .map(|i| (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2.0)
            .sum();
        let auc = curve["auc"].as_f64().unwrap();
        assert!((area - auc).abs() < 1e-5, "{area} {auc}");
        n_points += x.len();
        sum += auc;
    }
    assert!(n_points <= 200);
    let mean = result["metrics"]["test_roc_auc"].as_f64().unwrap();
    assert!((sum / roc.len() as f64 - mean).abs() < 1e-9);
    assert_eq!(result["residuals"], json!([]));
}

#[tokio::test]
async fn a_regression_shows_truth_beside_prediction_in_the_targets_unit() {
    let app = TestApp::start().await;
    // y = 1000 + 50 x, so a mistake of the scale would show.
    let mut csv = "x,y\n".to_owned();
    for i in 0..600 {
        csv += &format!("{},{}\n", f64::from(i) / 100.0, 1000.0 + f64::from(i) / 2.0);
    }
    let dataset = app.dataset("admin", "line", csv.as_bytes()).await;
    let mut spec = iris_spec(dataset, "line");
    spec["task"] = json!({"kind": "regression", "target": "y", "split": {"kind": "random", "validation": 0.1, "test": 0.5}});
    let run = app.train("admin", spec).await.id.to_string();
    let result = result(&app, &run).await;
    assert_eq!(
        (&result["roc"], &result["confusion"]),
        (&json!([]), &Value::Null)
    );
    let [line] = &result["residuals"].as_array().unwrap()[..] else {
        panic!("{result}")
    };
    assert_eq!(
        (&line["target"], &line["n_rows"]),
        (&json!("y"), &json!(300))
    );
    let (actual, predicted) = (numbers(&line["actual"]), numbers(&line["predicted"]));
    assert_eq!(actual.len(), 150, "every second of 300 rows");
    assert_eq!(predicted.len(), actual.len());
    assert!(
        actual
            .iter()
            .all(|y| (1000.0..1300.0).contains(y) && y.fract() % 0.5 == 0.0)
    );
    let squares = actual
        .iter()
        .zip(&predicted)
        .map(|(a, p)| (a - p) * (a - p));
    let rmse = (squares.sum::<f64>() / actual.len() as f64).sqrt();
    let told = result["metrics"]["test_rmse"].as_f64().unwrap();
    assert!(
        (rmse / told - 1.0).abs() < 0.3,
        "{rmse} of a half, {told} of all"
    );
}
