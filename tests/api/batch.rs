//! `POST /v1/runs:batch`: many runs in one request and one transaction.

use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

const IRIS: &[u8] = include_bytes!("../../examples/iris.csv");

fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| error["pointer"].as_str().unwrap())
        .collect()
}

async fn n_runs(app: &TestApp) -> u64 {
    app.get("/v1/usage").await.ok(200)["n_runs"]
        .as_u64()
        .unwrap()
}

#[tokio::test]
async fn a_thousand_runs_are_queued_in_their_order() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let specs: Vec<Value> = (0..1_000)
        .map(|number| iris_spec(dataset, &format!("run-{number}")))
        .collect();
    let answer = app.post("/v1/runs:batch", &json!({"runs": specs})).await;
    let batch = answer.ok(201);
    assert_eq!(batch["object"], "batch");
    let data = batch["data"].as_array().unwrap();
    assert_eq!(data.len(), 1_000);
    for (index, item) in data.iter().enumerate() {
        assert_eq!(item["index"], index);
        assert_eq!(item["status"], "created");
        assert_eq!(item["run"]["name"], format!("run-{index}"));
        assert_eq!(item["run"]["status"], "queued");
        assert!(item.get("problem").is_none());
    }
    let queue = app.get("/v1/queue").await.ok(200);
    let waiting = queue["data"].as_array().unwrap();
    assert_eq!(waiting.len(), 1_000);
    assert_eq!(waiting[999]["run"], data[999]["run"]["id"]);
    assert_eq!(waiting[999]["position"], 1_000);
    let one = data[17]["run"]["id"].as_str().unwrap();
    let events = app.get(&format!("/v1/runs/{one}/events")).await.ok(200);
    assert_eq!(events["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn all_or_nothing_names_every_error_of_every_spec() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let good = iris_spec(dataset, "good");
    let mut typo = good.clone();
    typo["training"]["epochz"] = json!(3);
    typo["network"][0]["units"] = json!(0);
    let mut elsewhere = good.clone();
    elsewhere["dataset"] = json!("nowhere");
    let mut column = good.clone();
    column["task"]["target"] = json!("colour");
    let specs = json!({"runs": [good, typo, elsewhere, column, 7], "mode": "all_or_nothing"});
    let problem = app
        .post("/v1/runs:batch", &specs)
        .await
        .problem(422, "invalid_batch");
    let found = pointers(&problem);
    for pointer in [
        "/runs/1/training/epochz",
        "/runs/1/network/0/units",
        "/runs/2/dataset",
        "/runs/3/task/target",
        "/runs/4",
    ] {
        assert!(found.contains(&pointer), "{pointer} is not in {found:?}");
    }
    assert!(!found.iter().any(|pointer| pointer.starts_with("/runs/0")));
    assert_eq!(n_runs(&app).await, 0);
}

#[tokio::test]
async fn per_item_queues_what_is_right() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let good = iris_spec(dataset, "good");
    let mut bad = good.clone();
    bad["training"]["epochs"] = json!(-1);
    let specs = json!({"runs": [good, bad, good], "mode": "per_item"});
    let batch = app.post("/v1/runs:batch", &specs).await.ok(201);
    let statuses: Vec<&str> = batch["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["created", "refused", "created"]);
    let problem = &batch["data"][1]["problem"];
    assert_eq!(problem["status"], 422);
    assert_eq!(problem["code"], "invalid_spec");
    assert_eq!(problem["errors"][0]["pointer"], "/runs/1/training/epochs");
    assert_eq!(n_runs(&app).await, 2);
    // A member that stands twice is a fault of its own spec, too.
    let twice = r#"{"dataset": "iris", "training": {"epochs": 3, "epochs": 4}}"#;
    let text = format!(r#"{{"mode": "per_item", "runs": [{twice}, {good}]}}"#);
    let ask = app
        .ask(axum::http::Method::POST, "/v1/runs:batch")
        .body("application/json", text);
    let again = ask.send().await.ok(201);
    let error = &again["data"][0]["problem"]["errors"][0];
    assert_eq!(
        (&error["pointer"], &error["code"]),
        (&json!("/runs/0/training/epochs"), &json!("duplicate_field"))
    );
    assert_eq!(again["data"][1]["status"], "created");
    for index in [0, 2] {
        let id = batch["data"][index]["run"]["id"].as_str().unwrap();
        let run = app.get(&format!("/v1/runs/{id}?wait_s=60")).await.ok(200);
        assert_eq!(run["status"], "succeeded");
    }
}

#[tokio::test]
async fn the_quota_counts_the_whole_batch() {
    let app = TestApp::idle(|config| config.quota.owner_queued_runs = 3).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let specs = vec![iris_spec(dataset, "one"); 5];
    let answer = app.post("/v1/runs:batch", &json!({"runs": specs})).await;
    answer.problem(429, "too_many_queued_runs");
    assert_eq!(n_runs(&app).await, 0);
    let batch = app
        .post(
            "/v1/runs:batch",
            &json!({"runs": specs, "mode": "per_item"}),
        )
        .await
        .ok(201);
    let refused: Vec<u64> = batch["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["status"] == "refused")
        .map(|item| {
            assert_eq!(item["problem"]["code"], "too_many_queued_runs");
            assert_eq!(item["problem"]["status"], 429);
            item["index"].as_u64().unwrap()
        })
        .collect();
    assert_eq!(refused, [3, 4]);
    assert_eq!(n_runs(&app).await, 3);
}

#[tokio::test]
async fn the_same_key_queues_once() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let specs = json!({"runs": vec![iris_spec(dataset, "one"); 3]});
    let send = async |document: &Value| {
        app.ask(axum::http::Method::POST, "/v1/runs:batch")
            .header("idempotency-key", "k")
            .json(document)
            .send()
            .await
    };
    let (first, second) = (send(&specs).await, send(&specs).await);
    assert_eq!(first.ok(201), second.ok(201));
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(n_runs(&app).await, 3);
    let other = json!({"runs": [iris_spec(dataset, "two")]});
    send(&other).await.problem(422, "idempotency_key_reused");
    // What had no effect is not remembered: the same key may be used for the right document.
    let wrong = json!({"runs": [{"dataset": "x"}], "mode": "per_item"});
    let send_again = async |document: &Value| {
        app.ask(axum::http::Method::POST, "/v1/runs:batch")
            .header("idempotency-key", "again")
            .json(document)
            .send()
            .await
    };
    send_again(&wrong).await.ok(201);
    send_again(&specs).await.ok(201);
}

#[tokio::test]
async fn a_batch_has_its_own_limits() {
    let app = TestApp::idle(|config| {
        config.bodies.spec_bytes = 2_000;
        config.bodies.batch_bytes = 100_000;
    })
    .await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let good = iris_spec(dataset, "good");
    for runs in [vec![], vec![json!({}); 1_001]] {
        let problem = app
            .post("/v1/runs:batch", &json!({"runs": runs}))
            .await
            .problem(422, "invalid_body");
        assert_eq!(pointers(&problem), ["/runs"]);
    }
    let mut long = good.clone();
    long["metadata"] = (0..10)
        .map(|i| (i.to_string(), json!("x".repeat(300))))
        .collect();
    let problem = app
        .post("/v1/runs:batch", &json!({"runs": [good, long]}))
        .await
        .problem(422, "invalid_batch");
    assert_eq!(pointers(&problem), ["/runs/1"]);
    let heavy = json!({"runs": vec![good.clone(); 1_000]});
    app.post("/v1/runs:batch", &heavy)
        .await
        .problem(413, "too_large");
    let unknown = json!({"runs": [good], "modus": "per_item"});
    app.post("/v1/runs:batch", &unknown)
        .await
        .problem(422, "invalid_body");
}
