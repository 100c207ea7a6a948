use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp, iris_spec};

/// Rows of the training file, in its order and by name.
const ROWS: [[f64; 4]; 3] = [
    [5.1, 3.5, 1.4, 0.2],
    [6.1, 2.8, 4.0, 1.3],
    [6.9, 3.1, 5.1, 2.3],
];

async fn ask(app: &TestApp, path: &str, kind: &str, body: String) -> Answer {
    app.ask(Method::POST, path).body(kind, body).send().await
}

#[tokio::test]
async fn rows_come_as_json_csv_or_lines_and_the_answers_agree() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let columns = [
        "sepal length (cm)",
        "sepal width (cm)",
        "petal length (cm)",
        "petal width (cm)",
    ];
    let objects: Vec<Value> = ROWS
        .iter()
        .map(|row| {
            Value::Object(
                columns
                    .iter()
                    .zip(row)
                    .rev()
                    .map(|(name, value)| ((*name).to_owned(), json!(value)))
                    .collect(),
            )
        })
        .collect();

    let arrays = app
        .post("/v1/models/iris/predict", &json!({"rows": ROWS}))
        .await;
    assert_eq!(arrays.header("content-type"), "application/json");
    assert!(
        arrays.header("ratelimit").starts_with("\"predict\";r="),
        "{}",
        arrays.header("ratelimit")
    );
    let arrays = arrays.ok(200);
    let packed = app.ask(Method::POST, "/v1/models/iris/predict");
    let packed = packed.body("application/json", &b"\x1f\x8b\x08"[..]);
    let packed = packed.header("content-encoding", "gzip").send().await;
    packed.problem(415, "unknown_coding");
    assert_eq!(arrays["model"]["name"], "iris");
    let predictions = arrays["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 3);
    assert_eq!(predictions[0]["label"], "setosa");
    let total: f64 = predictions[0]["probabilities"]
        .as_object()
        .unwrap()
        .values()
        .map(|p| p.as_f64().unwrap())
        .sum();
    assert!((total - 1.0).abs() < 1e-5);
    assert_eq!(
        app.post("/v1/models/iris/predict", &json!({ "rows": objects }))
            .await
            .ok(200),
        arrays
    );
    assert_eq!(
        app.post("/v1/models/iris/versions/1/predict", &json!({"rows": ROWS}))
            .await
            .ok(200),
        arrays
    );

    let lines: String = ROWS.iter().map(|row| format!("{}\n", json!(row))).collect();
    let answer = ask(
        &app,
        "/v1/models/iris/predict",
        "application/x-ndjson",
        lines,
    )
    .await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, *predictions);

    let table: String = std::iter::once(columns.join(","))
        .chain(
            ROWS.iter()
                .map(|row| row.map(|value| value.to_string()).join(",")),
        )
        .map(|line| line + "\n")
        .collect();
    let answer = ask(&app, "/v1/models/iris/predict", "text/csv", table.clone()).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    let labels: Vec<&str> = answer
        .text()
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().unwrap())
        .collect();
    assert_eq!(
        labels,
        predictions
            .iter()
            .map(|prediction| prediction["label"].as_str().unwrap())
            .collect::<Vec<_>>()
    );
    let mixed = app
        .ask(Method::POST, "/v1/models/iris/predict")
        .body("text/csv", table)
        .header("accept", "application/json")
        .send()
        .await;
    assert_eq!(mixed.ok(200), arrays);
}

#[tokio::test]
async fn a_bad_row_refuses_a_document_and_is_an_error_line_among_lines() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let path = "/v1/models/iris/predict";
    let bad = json!({"rows": [ROWS[0], {"sepal lenght (cm)": 5}]});
    let problem = app.post(path, &bad).await.problem(422, "invalid_rows");
    assert_eq!(problem["errors"][0]["code"], "unknown_column");
    assert!(
        problem["errors"][0]["pointer"]
            .as_str()
            .unwrap()
            .starts_with("/rows/1/"),
        "{problem}"
    );
    assert_eq!(problem["errors"][0]["allowed"], "sepal length (cm)");

    let lines = format!("{}\nnot json\n{}\n", json!(ROWS[0]), json!(ROWS[1]));
    let answer = ask(&app, path, "application/x-ndjson", lines).await;
    let lines: Vec<Value> = answer
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[1]["error"]["code"], &lines[1]["error"]["line"]),
        (&json!("malformed_row"), &json!(2))
    );
    assert!(lines[2]["label"].is_string());

    app.post(path, &json!({"row": []}))
        .await
        .problem(422, "invalid_rows");
    ask(&app, path, "application/json", "{\"rows\": [".to_owned())
        .await
        .problem(400, "malformed_rows");
    ask(&app, path, "application/xml", "<rows/>".to_owned())
        .await
        .problem(415, "unsupported_media_type");
    ask(
        &app,
        &format!("{path}?explian=true"),
        "application/json",
        "{}".to_owned(),
    )
    .await
    .problem(400, "invalid_query");
    app.post("/v1/models/rose/predict", &json!({"rows": []}))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn missing_and_unknown_values_are_noted() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let answer = app.post("/v1/models/iris/predict", &json!({"rows": [{"petal width (cm)": null, "petal length (cm)": 1.4, "sepal width (cm)": 3.0, "sepal length (cm)": 5}]})).await.ok(200);
    assert_eq!(
        answer["predictions"][0]["notes"],
        json!([{"column": "petal width (cm)", "code": "missing_imputed"}])
    );
}

#[tokio::test]
async fn an_explanation_adds_up_to_the_output() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let answer = app
        .post(
            "/v1/models/iris/predict?explain=true",
            &json!({"rows": ROWS}),
        )
        .await
        .ok(200);
    for prediction in answer["predictions"].as_array().unwrap() {
        let explanation = &prediction["explanation"][0];
        assert_eq!(explanation["of"], prediction["label"]);
        let number = |field: &str| explanation[field].as_f64().unwrap();
        let attributions = explanation["attributions"].as_object().unwrap();
        assert_eq!(attributions.len(), 4);
        let total: f64 = attributions
            .values()
            .map(|value| value.as_f64().unwrap())
            .sum();
        assert!(
            (total - (number("output") - number("baseline"))).abs() < 0.02,
            "{explanation}"
        );
    }
    let csv = app
        .ask(Method::POST, "/v1/models/iris/predict?explain=true")
        .json(&json!({"rows": []}))
        .header("accept", "text/csv");
    csv.send().await.problem(400, "invalid_query");
}

#[tokio::test]
async fn a_regression_answers_values_in_the_units_of_the_file() {
    let app = TestApp::start().await;
    let table: String = (0..200)
        .map(|i| format!("{},{}\n", f64::from(i) / 10.0, 1000.0 + 3.0 * f64::from(i)))
        .collect();
    let dataset = app
        .dataset("admin", "line", format!("x,price\n{table}").as_bytes())
        .await;
    let mut spec = iris_spec(dataset, "prices");
    spec["task"] = json!({"kind": "regression", "target": "price"});
    spec["training"] = json!({"epochs": 100, "seed": 3});
    app.train("admin", spec).await;
    let answer = app
        .post(
            "/v1/models/prices/predict",
            &json!({"rows": [[10.0], {"x": 5}]}),
        )
        .await
        .ok(200);
    let price = |row: usize| {
        answer["predictions"][row]["values"]["price"]
            .as_f64()
            .unwrap()
    };
    assert!(
        (price(0) - 1300.0).abs() < 60.0 && (price(1) - 1150.0).abs() < 60.0,
        "{answer}"
    );
}

/// From the upload to explained answers: the city decides, and a city that training never saw says nothing.
#[tokio::test]
async fn a_table_with_embedded_categories_trains_and_answers() {
    let app = TestApp::start().await;
    let table: String = (0..400)
        .map(|i| {
            let city = ["Seoul", "Busan", "Daegu", "Jeju", ""][i % 5];
            let class = if matches!(city, "Busan" | "Jeju") {
                "coast"
            } else {
                "inland"
            };
            format!("{city},{},{class}\n", (i * 37) % 101)
        })
        .collect();
    app.ask(Method::POST, "/v1/datasets?name=cities")
        .body("text/csv", format!("city,size,kind\n{table}"))
        .send()
        .await
        .ok(201);
    let spec = json!({
        "name": "by-the-sea", "dataset": "cities",
        "task": {"kind": "classification", "target": "kind", "preprocessing": {"categories": {"kind": "embedding", "dimensions": 3}}},
        "network": [{"kind": "dense", "units": 8, "activation": "relu"}],
        "training": {"epochs": 40, "batch_size": 16, "seed": 1},
    });
    let plan = app.post("/v1/runs?dry_run=true", &spec).await.ok(200);
    let first = &plan["resolved_spec"]["network"][0];
    assert_eq!(
        (&first["kind"], &first["tables"][0]),
        (
            &json!("entity_embedding"),
            &json!({"feature": 0, "vocabulary": 5, "dimensions": 3})
        )
    );
    let run = app.post("/v1/runs", &spec).await.ok(201);
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    let run = app.get(&format!("{path}?wait_s=60")).await.ok(200);
    assert_eq!(run["status"], "succeeded", "{run}");

    let rows = json!({"rows": [
        {"city": "Jeju", "size": 50}, {"city": "Daegu", "size": 50}, {"city": "Atlantis", "size": 50}, {"size": 50}, {"city": null, "size": 50},
    ]});
    let answer = app
        .post("/v1/models/by-the-sea/predict?explain=true", &rows)
        .await
        .ok(200);
    let predictions = &answer["predictions"];
    assert_eq!(
        [&predictions[0]["label"], &predictions[1]["label"]],
        ["coast", "inland"],
        "{answer}"
    );
    let noted = |code: &str| json!([{"column": "city", "code": code}]);
    assert_eq!(predictions[2]["notes"], noted("unknown_category"));
    assert_eq!(predictions[3]["notes"], noted("missing_imputed"));
    assert_eq!(predictions[3], predictions[4]);
    let attribution = |row: usize, column: &str| {
        let explanation = &predictions[row]["explanation"][0]["attributions"];
        explanation[column].as_f64().unwrap()
    };
    let change = |row: usize| {
        let explanation = &predictions[row]["explanation"][0];
        explanation["output"].as_f64().unwrap() - explanation["baseline"].as_f64().unwrap()
    };
    for row in 0..5 {
        let sum = attribution(row, "city") + attribution(row, "size");
        assert!((sum - change(row)).abs() < 0.02, "{answer}");
    }
    let exported = app
        .get("/v1/models/by-the-sea/export?format=json")
        .await
        .ok(200);
    assert!(
        exported.to_string().contains("layers.0.0.table"),
        "{exported}"
    );
}

#[tokio::test]
async fn the_example_with_embedded_categories_is_accepted() {
    let app = TestApp::idle(|_| {}).await;
    let table = include_bytes!("../../examples/penguins.csv");
    app.dataset("admin", "penguins", table).await;
    let spec = include_str!("../../api/examples/spec-categories.json");
    let spec: Value = serde_json::from_str(spec).unwrap();
    let plan = app.post("/v1/runs?dry_run=true", &spec).await.ok(200);
    let tables = &plan["resolved_spec"]["network"][0]["tables"];
    assert_eq!(tables.as_array().unwrap().len(), 2, "{plan}");
}

#[tokio::test]
async fn categories_that_cannot_be_embedded_are_refused() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let mut spec = iris_spec(dataset, "no-names");
    for (categories, pointer) in [
        (json!({"kind": "embedding"}), "/kind"),
        (json!({"kind": "embedding", "dimensions": 0}), "/dimensions"),
        (
            json!({"kind": "embedding", "dimensions": 1e9 as u64}),
            "/dimensions",
        ),
        (json!({"kind": "embeding"}), "/kind"),
    ] {
        spec["task"]["preprocessing"] = json!({ "categories": categories });
        let problem = app.post("/v1/runs", &spec).await;
        let problem = problem.problem(422, "invalid_spec");
        assert_eq!(
            problem["errors"][0]["pointer"],
            format!("/task/preprocessing/categories{pointer}"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn a_large_body_is_answered_in_order() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let rows: Vec<[f64; 4]> = (0..5_000).map(|i| ROWS[i % 3]).collect();
    let answer = app
        .post("/v1/models/iris/predict", &json!({ "rows": rows }))
        .await
        .ok(200);
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 5_000);
    for (i, prediction) in predictions.iter().enumerate() {
        assert_eq!(prediction["label"], predictions[i % 3]["label"]);
    }
}

#[tokio::test]
async fn an_embedding_answers_places_near_those_of_its_class() {
    let app = TestApp::start().await;
    let csv = include_bytes!("../../examples/iris.csv");
    let dataset = app.dataset("admin", "iris", csv).await;
    let run = app
        .post(
            "/v1/runs",
            &json!({
                "name": "places",
                "dataset": dataset.to_string(),
                "task": {"kind": "embedding", "target": "target"},
                "loss": {"kind": "contrastive", "dimensions": 2},
                "training": {"epochs": 40, "early_stopping": {"metric": "validation_recall_at_1"}},
            }),
        )
        .await
        .ok(201);
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    let run = app.get(&format!("{path}?wait_s=60")).await.ok(200);
    assert_eq!(run["status"], "succeeded", "{run}");
    let recall = run["result"]["metrics"]["test_recall_at_1"].as_f64();
    assert!(recall.unwrap() > 0.8, "{run}");

    let rows: Vec<[f64; 4]> = ROWS.into_iter().chain([[4.9, 3.0, 1.4, 0.2]]).collect();
    let body = json!({"rows": rows});
    let path = "/v1/models/places/predict";
    let answer = app.post(path, &body).await.ok(200);
    let place = |row: usize| {
        let values = answer["predictions"][row]["values"].as_object().unwrap();
        assert_eq!(values.len(), 2, "{answer}");
        ["embedding_0", "embedding_1"].map(|name| values[name].as_f64().unwrap())
    };
    let distance = |a: usize, b: usize| {
        let ([ax, ay], [bx, by]) = (place(a), place(b));
        (ax - bx).hypot(ay - by)
    };
    let (same, other) = (distance(0, 3), distance(0, 2));
    assert!(3.0 * same < other, "{same} and {other}: {answer}");

    let tensors = app.get("/v2/models/places").await.ok(200);
    assert_eq!(
        tensors["outputs"],
        json!([{"name": "values", "datatype": "FP32", "shape": [-1, 2]}])
    );
}
