use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().unwrap().iter();
    list.map(|number| number.as_f64().unwrap()).collect()
}

/// What the layers of an answer make of a row, with these weights: nothing but what the contract says.
fn evaluated(path: &Value, weights: &[f64], row: &[f64]) -> Vec<f64> {
    let inputs = path["inputs"].as_array().unwrap();
    let scaled = inputs.iter().zip(row).map(|(input, value)| {
        (value - input["mean"].as_f64().unwrap()) / input["scale"].as_f64().unwrap()
    });
    let mut values: Vec<f64> = scaled.collect();
    for layer in path["layers"].as_array().unwrap() {
        let size = |name: &str| layer[name].as_u64().unwrap() as usize;
        assert_eq!(
            (&layer["kind"], values.len()),
            (&json!("dense"), size("n_inputs"))
        );
        let (weight, bias) = (size("weight_offset"), size("bias_offset"));
        values = (0..size("n_outputs"))
            .map(|unit| {
                let terms = values.iter().enumerate();
                let sum: f64 = terms
                    .map(|(i, x)| x * weights[weight + i * size("n_outputs") + unit])
                    .sum();
                sum + weights[bias + unit]
            })
            .collect();
        match layer["activation"].as_str() {
            Some("relu") => values.iter_mut().for_each(|x| *x = x.max(0.0)),
            Some("softmax") => {
                let total: f64 = values.iter().map(|x| x.exp()).sum();
                values.iter_mut().for_each(|x| *x = x.exp() / total);
            }
            other => panic!("{other:?}"),
        }
    }
    values
}

#[tokio::test]
async fn a_small_network_can_be_followed_and_evaluated_at_every_point() {
    let app = TestApp::start().await;
    let run = app.model("admin", "followed").await;
    let path = format!("/v1/runs/{}/trajectory", run.id);
    let answer = app.get(&format!("{path}?weights=true")).await.ok(200);
    let points = answer["points"].as_array().unwrap();
    let n_parameters = 4 * 8 + 8 + 8 * 3 + 3;
    assert_eq!(answer["n_parameters"], n_parameters);
    assert_eq!(points[0]["step"], 0);
    let last = points.last().unwrap();
    assert_eq!(
        (&last["step"], &last["x"], &last["y"]),
        (&json!(run.step), &json!(0.0), &json!(0.0))
    );
    assert_eq!(last["update_norm"], Value::Null, "no step leaves the end");
    let stride = answer["stride"].as_u64().unwrap();
    for (number, point) in points[..points.len() - 1].iter().enumerate() {
        assert_eq!(point["step"], number as u64 * stride);
        assert_eq!(numbers(&point["weights"]).len(), n_parameters);
        assert!(
            point["update_norm"].as_f64().unwrap() > 0.0
                && point["learning_rate"].as_f64().unwrap() > 0.0
        );
    }
    // The loss of a point is the one that its step reported.
    let series = app
        .get(&format!(
            "/v1/runs/{}/metrics?names=loss,train_loss",
            run.id
        ))
        .await
        .ok(200);
    let losses = numbers(&series["series"][0]["values"]);
    assert_eq!(
        points[3]["loss"].as_f64().unwrap(),
        losses[3 * stride as usize]
    );
    assert_eq!(
        last["loss"],
        *series["series"][1]["values"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
    );

    // The plane is that of the largest variance: no direction along a single point explains more.
    let explained = numbers(&answer["plane"]["explained"]);
    assert!(
        explained[0] >= explained[1]
            && explained[0] > 0.5
            && explained.iter().sum::<f64>() <= 1.0 + 1e-9
    );
    let weights: Vec<Vec<f64>> = points
        .iter()
        .map(|point| numbers(&point["weights"]))
        .collect();
    let end = weights.last().unwrap();
    let from_end = |i: usize| -> f64 {
        weights[i]
            .iter()
            .zip(end)
            .map(|(a, b)| (a - b).powi(2))
            .sum()
    };
    let total: f64 = (0..weights.len()).map(from_end).sum();
    let xs: f64 = points
        .iter()
        .map(|point| point["x"].as_f64().unwrap().powi(2))
        .sum();
    assert!((xs / total - explained[0]).abs() < 1e-6);

    // The end of the path is the model: the same row gives what a prediction says.
    let row = json!({"sepal length (cm)": 5.9, "sepal width (cm)": 3.0, "petal length (cm)": 4.2, "petal width (cm)": 1.5});
    let said = app
        .post("/v1/models/followed/predict", &json!({"rows": [row]}))
        .await
        .ok(200);
    let probabilities = said["predictions"][0]["probabilities"]
        .as_object()
        .unwrap_or_else(|| panic!("{said}"));
    let own = evaluated(&answer, end, &[5.9, 3.0, 4.2, 1.5]);
    for (name, own) in answer["outputs"].as_array().unwrap().iter().zip(own) {
        let said = probabilities[name.as_str().unwrap()].as_f64().unwrap();
        assert!((said - own).abs() < 1e-5, "{name}: {said} {own}");
    }

    let later = app
        .get(&format!("{path}?after_step={}", 2 * stride))
        .await
        .ok(200);
    assert_eq!(later["points"].as_array().unwrap().len(), points.len() - 3);
    assert_eq!(later["points"][0]["x"], points[3]["x"]);
    assert!(later["points"][0].get("weights").is_none());
}

#[tokio::test]
async fn a_large_network_keeps_its_weights_to_itself_and_a_queued_run_has_no_path() {
    let app = TestApp::idle(|_| {}).await;
    let csv = include_bytes!("../../examples/iris.csv");
    let dataset = app.dataset("admin", "iris", csv).await;
    let run = app.submit("admin", iris_spec(dataset, "waiting")).await;
    let path = app
        .get(&format!("/v1/runs/{}/trajectory?weights=true", run.id))
        .await
        .ok(200);
    assert_eq!(
        (&path["n_parameters"], &path["points"], &path["layers"]),
        (&Value::Null, &json!([]), &Value::Null)
    );
    let other = app.token("bob", "runs:read").await;
    let path = format!("/v1/runs/{}/trajectory", run.id);
    app.ask(axum::http::Method::GET, &path)
        .token(&other)
        .send()
        .await
        .problem(404, "not_found");

    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "iris", csv).await;
    let mut spec = iris_spec(dataset, "wide");
    spec["network"] = json!([{"kind": "dense", "units": 180, "activation": "tanh"}, {"kind": "dense", "units": 180}]);
    spec["training"] = json!({"epochs": 40, "batch_size": 8, "seed": 7});
    let run = app.train("admin", spec).await;
    let path = format!("/v1/runs/{}/trajectory", run.id);
    app.get(&format!("{path}?weights=true"))
        .await
        .problem(409, "network_too_large");
    let answer = app.get(&path).await.ok(200);
    assert_eq!(
        answer["n_parameters"],
        4 * 180 + 180 + 180 * 180 + 180 + 180 * 3 + 3
    );
    assert_eq!(answer["n_kept"], 8_192);
    assert_eq!(
        (&answer["layers"], &answer["inputs"]),
        (&Value::Null, &json!([]))
    );
    assert!(answer["points"].as_array().unwrap().len() > 10);
}
