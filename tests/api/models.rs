use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

/// Two versions of `iris` for alice, and her token.
async fn two_versions(app: &TestApp) -> String {
    for seed in [1, 2] {
        let dataset = app
            .dataset("alice", "iris", include_bytes!("../../examples/iris.csv"))
            .await;
        let mut spec = iris_spec(dataset, "iris");
        spec["training"]["seed"] = json!(seed);
        app.train("alice", spec).await;
    }
    app.token("alice", "models predict").await
}

fn names(page: &Value, field: &str) -> Vec<String> {
    page["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item[field].to_string().trim_matches('"').to_owned())
        .collect()
}

#[tokio::test]
async fn a_model_shows_its_newest_version_and_any_other() {
    let app = TestApp::start().await;
    let alice = two_versions(&app).await;
    let get = |path: &str| app.ask(Method::GET, path).token(&alice).send();
    let newest = get("/v1/models/iris").await.ok(200);
    assert_eq!(
        (&newest["object"], &newest["version"]),
        (&json!("model"), &json!(2))
    );
    assert_eq!(newest["sha256"].as_str().unwrap().len(), 64);
    assert!(
        newest["metrics"]["test_accuracy"].as_f64().unwrap() > 0.5,
        "{}",
        newest["metrics"]
    );
    assert_eq!(newest["document"]["spec"]["network"][0]["units"], 8);
    assert!(newest["run"].is_string() && newest["dataset"].is_string());

    for path in ["/v1/models/iris@1", "/v1/models/iris/versions/1"] {
        let first = get(path).await.ok(200);
        assert_eq!(first["version"], 1);
        assert_ne!(first["sha256"], newest["sha256"]);
    }
    for path in [
        "/v1/models/rose",
        "/v1/models/iris@9",
        "/v1/models/iris@live",
        "/v1/models/iris/versions/9",
        "/v1/models/iris/versions/x",
        "/v1/models/rose/versions",
    ] {
        get(path).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn lists_come_in_pages_both_ways() {
    let app = TestApp::start().await;
    let alice = two_versions(&app).await;
    app.model("alice", "autumn").await;
    let get = |path: &str| app.ask(Method::GET, path).token(&alice).send();
    let page = get("/v1/models?order=asc&limit=1").await;
    assert_eq!(names(&page.ok(200), "name"), ["autumn"]);
    assert_eq!(
        page.header("link"),
        "</v1/models?order=asc&limit=1&after=autumn>; rel=\"next\""
    );
    let rest = get("/v1/models?order=asc&limit=1&after=autumn")
        .await
        .ok(200);
    assert_eq!(
        (names(&rest, "name"), &rest["has_more"]),
        (vec!["iris".to_owned()], &json!(false))
    );
    assert_eq!(
        names(&get("/v1/models").await.ok(200), "name"),
        ["iris", "autumn"]
    );

    assert_eq!(
        names(&get("/v1/models/iris/versions").await.ok(200), "version"),
        ["2", "1"]
    );
    assert_eq!(
        names(
            &get("/v1/models/iris/versions?order=asc&after=1")
                .await
                .ok(200),
            "version"
        ),
        ["2"]
    );
    get("/v1/models/iris/versions?after=one")
        .await
        .problem(400, "invalid_query");
    get("/v1/models?limit=0")
        .await
        .problem(400, "invalid_query");
    get("/v1/models?colour=red")
        .await
        .problem(400, "invalid_query");
}

#[tokio::test]
async fn an_alias_moves_and_predictions_move_with_it() {
    let app = TestApp::start().await;
    let alice = two_versions(&app).await;
    let ask = |method: Method, path: &str| app.ask(method, path).token(&alice);
    let put = |version: i64| {
        ask(Method::PUT, "/v1/models/iris/aliases/live").json(&json!({ "version": version }))
    };
    let served = || async {
        let rows = json!({"rows": [[5.1, 3.5, 1.4, 0.2]]});
        let answer = ask(Method::POST, "/v1/models/iris@live/predict")
            .json(&rows)
            .send()
            .await;
        answer.ok(200)["model"]["version"].clone()
    };
    ask(Method::POST, "/v1/models/iris@live/predict")
        .json(&json!({"rows": []}))
        .send()
        .await
        .problem(404, "not_found");

    let made = put(1).send().await;
    assert_eq!(made.ok(201)["version"], 1);
    assert_eq!(
        (made.header("location"), made.header("etag")),
        ("/v1/models/iris/aliases/live", "\"1\"")
    );
    assert_eq!(served().await, 1);
    assert_eq!(put(2).send().await.ok(200)["version"], 2);
    assert_eq!(served().await, 2);
    assert_eq!(
        ask(Method::GET, "/v1/models/iris@live")
            .send()
            .await
            .ok(200)["aliases"],
        json!(["live"])
    );
    assert_eq!(
        names(
            &ask(Method::GET, "/v1/models/iris/aliases")
                .send()
                .await
                .ok(200),
            "alias"
        ),
        ["live"]
    );
    assert_eq!(
        ask(Method::GET, "/v1/models").send().await.ok(200)["data"][0]["aliases"],
        json!(["live"])
    );

    // Somebody who saw version 1 does not overwrite what somebody else did since.
    put(1)
        .header("if-match", "\"1\"")
        .send()
        .await
        .problem(412, "stale_etag");
    assert_eq!(
        put(1).header("if-match", "\"2\"").send().await.ok(200)["version"],
        1
    );

    put(9).send().await.problem(422, "invalid_body");
    ask(Method::PUT, "/v1/models/iris/aliases/7")
        .json(&json!({"version": 1}))
        .send()
        .await
        .problem(422, "invalid_alias");
    ask(Method::PUT, "/v1/models/rose/aliases/live")
        .json(&json!({"version": 1}))
        .send()
        .await
        .problem(404, "not_found");

    assert_eq!(
        ask(Method::DELETE, "/v1/models/iris/aliases/live")
            .send()
            .await
            .status,
        204
    );
    ask(Method::DELETE, "/v1/models/iris/aliases/live")
        .send()
        .await
        .problem(404, "not_found");
    ask(Method::GET, "/v1/models/iris/aliases/live")
        .send()
        .await
        .problem(404, "not_found");
    ask(Method::POST, "/v1/models/iris@live/predict")
        .json(&json!({"rows": []}))
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_deleted_version_is_gone_and_so_are_its_aliases() {
    let app = TestApp::start().await;
    let alice = two_versions(&app).await;
    let ask = |method: Method, path: &str| app.ask(method, path).token(&alice);
    let predict = |name: &str| {
        ask(Method::POST, &format!("/v1/models/{name}/predict"))
            .json(&json!({"rows": [[5.1, 3.5, 1.4, 0.2]]}))
            .send()
    };
    ask(Method::PUT, "/v1/models/iris/aliases/live")
        .json(&json!({"version": 2}))
        .send()
        .await
        .ok(201);
    assert_eq!(predict("iris").await.ok(200)["model"]["version"], 2);

    assert_eq!(
        ask(Method::DELETE, "/v1/models/iris/versions/2")
            .send()
            .await
            .status,
        204
    );
    ask(Method::DELETE, "/v1/models/iris/versions/2")
        .send()
        .await
        .problem(404, "not_found");
    assert_eq!(predict("iris").await.ok(200)["model"]["version"], 1);
    predict("iris@live").await.problem(404, "not_found");

    assert_eq!(
        ask(Method::DELETE, "/v1/models/iris").send().await.status,
        204
    );
    predict("iris").await.problem(404, "not_found");
    ask(Method::DELETE, "/v1/models/iris")
        .send()
        .await
        .problem(404, "not_found");

    // Whoever wrote "version 2" down never meets another model under it.
    assert_eq!(app.model("alice", "iris").await.model_version, Some(3));
}

#[tokio::test]
async fn another_owners_models_are_not_there() {
    let app = TestApp::start().await;
    app.model("alice", "iris").await;
    let bob = app.token("bob", "models predict").await;
    let ask = |method: Method, path: &str| app.ask(method, path).token(&bob);
    assert_eq!(
        ask(Method::GET, "/v1/models").send().await.ok(200)["data"],
        json!([])
    );
    for path in [
        "/v1/models/iris",
        "/v1/models/iris/versions",
        "/v1/models/iris/versions/1",
        "/v1/models/iris/aliases",
        "/v1/models/iris/export",
    ] {
        ask(Method::GET, path)
            .send()
            .await
            .problem(404, "not_found");
    }
    for path in ["/v1/models/iris", "/v1/models/iris/versions/1"] {
        ask(Method::DELETE, path)
            .send()
            .await
            .problem(404, "not_found");
    }
    ask(Method::PUT, "/v1/models/iris/aliases/a")
        .json(&json!({"version": 1}))
        .send()
        .await
        .problem(404, "not_found");
    ask(Method::POST, "/v1/models/iris/predict")
        .json(&json!({"rows": []}))
        .send()
        .await
        .problem(404, "not_found");

    // Even after alice's model was opened for her.
    let alice = app.token("alice", "predict").await;
    app.ask(Method::POST, "/v1/models/iris/predict")
        .token(&alice)
        .json(&json!({"rows": []}))
        .send()
        .await
        .ok(200);
    ask(Method::POST, "/v1/models/iris/predict")
        .json(&json!({"rows": []}))
        .send()
        .await
        .problem(404, "not_found");
    app.ask(Method::GET, "/v1/models")
        .token(&alice)
        .send()
        .await
        .problem(403, "insufficient_scope");
}

#[tokio::test]
async fn a_model_can_be_taken_away() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let shown = app.get("/v1/models/iris").await.ok(200);
    let weights = app.get("/v1/models/iris/export").await;
    assert_eq!(weights.status, 200);
    assert_eq!(weights.header("content-type"), "application/octet-stream");
    assert_eq!(
        weights.header("content-disposition"),
        "attachment; filename=\"iris-1.safetensors\""
    );
    assert_eq!(
        weights.body.len() as u64,
        shown["size_bytes"].as_u64().unwrap()
    );
    assert_eq!(
        weights.header("etag"),
        format!("\"{}\"", shown["sha256"].as_str().unwrap())
    );
    let tensors = safetensors::SafeTensors::deserialize(&weights.body).unwrap();

    let whole = app
        .get("/v1/models/iris@1/export?format=json")
        .await
        .ok(200);
    assert_eq!(
        (&whole["sha256"], &whole["document"]),
        (&shown["sha256"], &shown["document"])
    );
    for (name, view) in tensors.tensors() {
        let (shape, data) = (
            &whole["weights"][&name]["shape"],
            whole["weights"][&name]["data"].as_array().unwrap(),
        );
        assert_eq!(*shape, json!(view.shape()), "{name}");
        for (bytes, number) in view.data().chunks_exact(4).zip(data) {
            let exact = f32::from_le_bytes(bytes.try_into().unwrap());
            assert_eq!(number.as_f64().unwrap() as f32, exact, "{name}");
        }
    }

    let graph = app.get("/v1/models/iris/export?format=onnx").await;
    assert_eq!(graph.status, 200);
    assert_eq!(
        graph.header("content-disposition"),
        "attachment; filename=\"iris-1.onnx\""
    );
    assert_ne!(graph.header("etag"), weights.header("etag"));
    let run = shown["run"].as_str().unwrap();
    for text in ["descent", "petal length (cm)", "probabilities", run] {
        let found = graph
            .body
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes());
        // What onnxruntime answers is compared in tests/exports.
        assert!(found, "{text}");
    }

    let again = app
        .ask(Method::GET, "/v1/models/iris/export")
        .header("if-none-match", weights.header("etag"))
        .send()
        .await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    app.get("/v1/models/iris/export?format=pickle")
        .await
        .problem(400, "invalid_query");
}
