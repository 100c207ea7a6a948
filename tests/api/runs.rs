use axum::http::Method;
use descent::runs::message::Submission;
use descent_engine::spec::Spec;
use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

fn example(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("api/examples")
        .join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn iris(app: &TestApp) -> String {
    app.dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await
        .to_string()
}

#[tokio::test]
async fn from_a_file_to_a_prediction() {
    let app = TestApp::start().await;
    let uploaded = app
        .ask(Method::POST, "/v1/datasets?name=iris")
        .body("text/csv", &include_bytes!("../../examples/iris.csv")[..])
        .send()
        .await;
    uploaded.ok(201);
    let submitted = app.post("/v1/runs", &example("spec.json")).await;
    let run = submitted.ok(201);
    let path = format!("/v1/runs/{}", run["id"].as_str().unwrap());
    assert_eq!(submitted.header("location"), path);
    assert_eq!(
        (&run["status"], &run["terminal"], &run["object"]),
        (&json!("queued"), &json!(false), &json!("run"))
    );
    let over = app.get(&format!("{path}?wait_s=60")).await.ok(200);
    assert_eq!(
        (&over["status"], &over["terminal"]),
        (&json!("succeeded"), &json!(true)),
        "{over}"
    );
    assert!(
        over["result"]["metrics"]["test_accuracy"]
            .as_f64()
            .or(over["result"]["metrics"]["accuracy"].as_f64())
            .is_some(),
        "{}",
        over["result"]
    );
    let model = over["model"]["name"].as_str().unwrap();
    let answer = app
        .post(
            &format!("/v1/models/{model}/predict"),
            &example("predict.json"),
        )
        .await
        .ok(200);
    assert_eq!(answer["predictions"].as_array().unwrap().len(), 3);
    assert_eq!(answer["model"]["sha256"], over["model"]["sha256"]);
    let again = app
        .ask(Method::POST, &format!("{path}/reproduce"))
        .send()
        .await
        .ok(201);
    assert_eq!(
        again["parent"],
        json!({"id": run["id"], "kind": "reproduce"})
    );
    let again = app
        .get(&format!(
            "/v1/runs/{}?wait_s=60",
            again["id"].as_str().unwrap()
        ))
        .await
        .ok(200);
    assert_eq!(
        (&again["status"], &again["model"]["sha256"]),
        (&json!("succeeded"), &over["model"]["sha256"]),
        "{again}"
    );
    let forked = app
        .post(&format!("{path}/fork"), &example("fork.json"))
        .await
        .ok(201);
    assert_eq!(
        (
            &forked["name"],
            &forked["spec"]["optimizer"]["learning_rate"]
        ),
        (&json!("which-iris-finer"), &json!(0.003))
    );
    let forked = app
        .get(&format!(
            "/v1/runs/{}?wait_s=60",
            forked["id"].as_str().unwrap()
        ))
        .await
        .ok(200);
    assert_eq!(forked["status"], "succeeded", "{forked}");

    // Weights are handed on number by number, so they fit no other layers.
    let fork = |checkpoint: &str, network: Value| {
        let body = json!({"checkpoint": checkpoint, "spec_patch": {"network": network}});
        app.ask(Method::POST, &format!("{path}/fork"))
            .json(&body)
            .send()
    };
    let (layers, wider) = (
        json!([{"kind": "dense", "units": 16}, {"kind": "dropout", "rate": 0.1}]),
        json!([{"kind": "dense", "units": 17}]),
    );
    let problem = fork("latest", wider.clone())
        .await
        .problem(422, "invalid_spec");
    let error = &problem["errors"][0];
    let message = error["message"].as_str().unwrap();
    assert_eq!(
        (&error["pointer"], &error["code"]),
        (&json!("/network"), &json!("other_layers"))
    );
    assert!(
        message.contains("number 1 is dense to 17 with 85 parameters, and in run")
            && message.contains("it is dense to 16 with 80 parameters"),
        "{message}"
    );
    fork("scratch", wider).await.ok(201);
    fork("latest", layers).await.ok(201);

    // With weights another seed draws other batches, but not other rows: the weights know those.
    let split = async |body: Value| {
        let fork = app.post(&format!("{path}/fork"), &body).await.ok(201);
        let split = fork["spec"]["task"]["split"].clone();
        (fork["id"].as_str().unwrap().to_owned(), split)
    };
    let drawn =
        |seed: u64| json!({"kind": "stratified", "validation": 0.15, "test": 0.15, "seed": seed});
    let unseeded = json!({"kind": "stratified", "validation": 0.15, "test": 0.15});
    let seeded = json!({"training": {"seed": 2}});
    let (kept_id, kept) = split(json!({"checkpoint": "latest", "spec_patch": seeded})).await;
    assert_eq!(kept, drawn(7));
    for (body, expected) in [
        (
            json!({"checkpoint": "scratch", "spec_patch": seeded}),
            unseeded.clone(),
        ),
        (json!({"spec_patch": {"training": {"epochs": 3}}}), unseeded),
        (
            json!({"spec_patch": {"training": {"seed": 2}, "task": {"split": {"seed": 5}}}}),
            drawn(5),
        ),
    ] {
        assert_eq!(split(body.clone()).await.1, expected, "{body}");
    }
    let wish = json!({"spec_patch": {"training": {"seed": 2}, "task": {"split": {"test": 0.2}}}});
    let (_, changed) = split(wish).await;
    assert_eq!((&changed["test"], changed.get("seed")), (&json!(0.2), None));
    // A fork of the fork has its weights from the same rows.
    app.get(&format!("/v1/runs/{kept_id}?wait_s=60"))
        .await
        .ok(200);
    let again = app
        .post(
            &format!("/v1/runs/{kept_id}/fork"),
            &json!({"spec_patch": {"training": {"seed": 3}}}),
        )
        .await
        .ok(201);
    assert_eq!(again["spec"]["task"]["split"], drawn(7));
}

/// Three numbers and three classes come from the same layers.
#[tokio::test]
async fn a_fork_with_another_kind_of_task_draws_as_that_kind_does_by_its_parents_seed() {
    let app = TestApp::start().await;
    let columns = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)"];
    let parent = json!({
        "dataset": iris(&app).await,
        "task": {"kind": "regression", "target": columns, "features": {"include": ["petal width (cm)"]}},
        "network": [{"kind": "dense", "units": 8}],
        "training": {"epochs": 2, "seed": 7},
    });
    let parent = app.train("admin", parent).await;
    let patch =
        json!({"task": {"kind": "classification", "target": "target"}, "training": {"seed": 2}});
    let path = format!("/v1/runs/{}/fork", parent.id);
    let wish = json!({"checkpoint": "latest", "spec_patch": patch});
    let forked = app.post(&path, &wish).await.ok(201);
    assert_eq!(
        forked["spec"]["task"]["split"],
        json!({"kind": "stratified", "validation": 0.15, "test": 0.15, "seed": 7})
    );
}

/// The parent is from before names and labels had these rules.
#[tokio::test]
async fn a_fork_is_asked_as_new_only_what_its_patch_brings() {
    let app = TestApp::idle(|_| {}).await;
    let mut spec = example("spec-minimal.json");
    spec["dataset"] = json!(iris(&app).await);
    let mut spec = Spec::from_value(spec).unwrap();
    spec.name = Some("two\nlines".to_owned());
    spec.metadata.insert("old\tkey".into(), "kept".into());
    let submission = Submission {
        owner: "admin".to_owned(),
        spec,
        remember: None,
    };
    let parent = app.app.runs.submit(submission).await.unwrap();
    let path = format!("/v1/runs/{}/fork", parent.id);
    let fork = async |patch: Value| {
        let body = json!({"checkpoint": "scratch", "spec_patch": patch});
        app.post(&path, &body).await
    };
    let forked = fork(json!({"metadata": {"note": "x"}})).await.ok(201);
    assert_eq!(forked["name"], "two\nlines");
    assert_eq!(forked["metadata"], json!({"note": "x", "old\tkey": "kept"}));
    let renamed = fork(json!({"name": "one line"})).await.ok(201);
    assert_eq!(renamed["name"], "one line");
    for (patch, place) in [
        (json!({"name": "three\nlines"}), "/name"),
        (json!({"metadata": {"new\tkey": "x"}}), "/metadata/new\tkey"),
    ] {
        let problem = fork(patch).await.problem(422, "invalid_spec");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], place);
    }
}

#[tokio::test]
async fn everything_wrong_with_a_spec_is_said_at_once() {
    let app = TestApp::idle(|_| {}).await;
    iris(&app).await;
    let problem = app
        .post("/v1/runs", &example("spec-wrong.json"))
        .await
        .problem(422, "invalid_spec");
    let pointers: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect();
    assert!(
        pointers
            .iter()
            .any(|pointer| pointer.starts_with("/network/0")),
        "{problem}"
    );
    assert!(pointers.contains(&"/training/epochs"), "{problem}");
    let mut spec = example("spec-minimal.json");
    spec["task"]["target"] = json!("taget");
    let problem = app
        .post("/v1/runs", &spec)
        .await
        .problem(422, "invalid_spec");
    assert!(
        problem.to_string().contains("target"),
        "the nearest column is named: {problem}"
    );
    spec["dataset"] = json!("nobody's");
    let problem = app
        .post("/v1/runs", &spec)
        .await
        .problem(422, "invalid_spec");
    assert_eq!(problem["errors"][0]["pointer"], "/dataset");
    let ask = || app.ask(Method::POST, "/v1/runs");
    ask()
        .body("application/json", "{\"dataset\":")
        .send()
        .await
        .problem(400, "invalid_json");
    ask()
        .body("application/json", "{\"dataset\": NaN}")
        .send()
        .await
        .problem(400, "invalid_json");
    ask()
        .body("text/plain", "{}")
        .send()
        .await
        .problem(415, "unsupported_media_type");
    ask()
        .body("application/json", format!("\"{}\"", "x".repeat(64 << 10)))
        .send()
        .await
        .problem(413, "too_large");
    assert_eq!(app.get("/v1/runs").await.ok(200)["data"], json!([]));
}

#[tokio::test]
async fn a_plan_queues_nothing() {
    let app = TestApp::idle(|_| {}).await;
    iris(&app).await;
    let plan = app
        .post("/v1/runs?dry_run=true", &example("spec.json"))
        .await
        .ok(200);
    assert_eq!(
        (&plan["object"], &plan["queue_position"]),
        (&json!("plan"), &json!(1))
    );
    // 4 inputs, 16 hidden units, 3 classes.
    assert_eq!(plan["parameters"], json!(4 * 16 + 16 + 16 * 3 + 3));
    assert_eq!(plan["layers"][0]["shape"], json!([16]));
    assert_eq!(
        plan["layers"].as_array().and_then(|layers| layers.last()),
        Some(&json!({"kind": "output", "shape": [3], "parameters": 16 * 3 + 3}))
    );
    assert!(
        plan["memory"]["total_bytes"].as_u64().unwrap()
            >= plan["memory"]["weights_bytes"].as_u64().unwrap()
    );
    assert_eq!(plan["resolved_spec"]["training"]["epochs"], 30);
    let mut named = example("spec.json");
    named["name"] = json!("two\nlines");
    let refused = app.post("/v1/runs", &named).await;
    let refused = refused.problem(422, "invalid_spec");
    assert_eq!(refused["errors"][0]["code"], "invalid_name");
    let twice = r#"{"dataset": "iris", "task": {"kind": "classification", "target": "target"}, "training": {"epochs": 3, "epochs": 4}}"#;
    let ask = app
        .ask(Method::POST, "/v1/runs")
        .body("application/json", twice);
    let refused = ask.send().await.problem(422, "invalid_body");
    assert_eq!(refused["errors"][0]["pointer"], "/training/epochs");
    // Four rows are too few for the three parts of the default split.
    app.dataset("admin", "and", include_bytes!("../../examples/and.csv"))
        .await;
    let task = json!({"kind": "classification", "target": "out"});
    for path in ["/v1/runs?dry_run=true", "/v1/runs"] {
        let answer = app
            .post(path, &json!({"dataset": "and", "task": task}))
            .await;
        let refused = answer.problem(422, "invalid_spec");
        assert_eq!(refused["errors"][0]["pointer"], "/task/split", "{refused}");
    }
    assert_eq!(app.get("/v1/runs").await.ok(200)["data"], json!([]));
    for path in [
        "/v1/runs?after=zzz",
        "/v1/datasets?after=zzz",
        "/v1/sweeps?after=zzz",
        "/v1/tokens?after=zzz",
        "/v1/tokens?after=0123456789abcde",
        "/v1/tokens?after=0123456789ABCDEF",
        "/v1/tokens?after=0123456789abcdefa",
        "/v1/models/iris/versions?after=-5",
        "/v1/models/iris/versions?after=1234567890123456789",
        "/v1/sweeps/01890a5d-ac96-774b-bcce-b302099a8057/results?after=-5",
    ] {
        let refused = app.get(path).await.problem(400, "invalid_query");
        assert_eq!(refused["errors"][0]["pointer"], "?after", "{path}");
    }
}

#[tokio::test]
async fn the_same_key_submits_once_and_its_answer_is_kept() {
    let app = TestApp::idle(|_| {}).await;
    iris(&app).await;
    let spec = example("spec.json");
    let send = |spec: &Value| {
        app.ask(Method::POST, "/v1/runs")
            .header("idempotency-key", "a-key")
            .json(spec)
    };
    let first = send(&spec).send().await;
    let id = first.ok(201)["id"].as_str().unwrap().to_owned();
    app.pass_ms(60_000);
    app.ask(Method::POST, &format!("/v1/runs/{id}/cancel"))
        .send()
        .await
        .ok(202);
    let again = send(&spec).send().await;
    assert_eq!(
        (again.status, &again.body, again.header("location")),
        (first.status, &first.body, first.header("location"))
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    let mut other = spec.clone();
    other["training"]["seed"] = json!(8);
    send(&other)
        .send()
        .await
        .problem(422, "idempotency_key_reused");
    // Another owner's key is another key.
    app.dataset("bob", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let bob = app.token("bob", "runs").await;
    assert_eq!(
        send(&spec)
            .token(&bob)
            .send()
            .await
            .header("idempotency-replayed"),
        ""
    );
    // A refused request had no effect and keeps no answer.
    let refused = |spec: &Value| {
        app.ask(Method::POST, "/v1/runs")
            .header("idempotency-key", "another")
            .json(spec)
    };
    refused(&example("spec-wrong.json"))
        .send()
        .await
        .problem(422, "invalid_spec");
    refused(&spec).send().await.ok(201);
    assert_eq!(
        app.get("/v1/runs").await.ok(200)["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_run_is_paused_resumed_and_cancelled_and_says_what_cannot_be() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let id = app.submit("admin", iris_spec(dataset, "r")).await.id;
    let act = |verb: &'static str| {
        app.ask(Method::POST, &format!("/v1/runs/{id}/{verb}"))
            .send()
    };
    act("resume").await.problem(409, "run_state_conflict");
    assert_eq!(act("pause").await.ok(202)["status"], "paused");
    assert_eq!(act("pause").await.ok(200)["status"], "paused");
    app.pass_ms(500);
    assert_eq!(
        app.get(&format!("/v1/runs/{id}")).await.ok(200)["timings"]["paused_ms"],
        500
    );
    assert_eq!(act("resume").await.ok(202)["status"], "queued");
    assert_eq!(
        app.ask(Method::DELETE, &format!("/v1/runs/{id}"))
            .send()
            .await
            .problem(409, "run_state_conflict")["status"],
        409
    );
    let cancelled = act("cancel").await.ok(202);
    assert_eq!(
        (&cancelled["status"], &cancelled["status_reason"]["code"]),
        (&json!("cancelled"), &json!("user"))
    );
    assert_eq!(act("cancel").await.ok(200)["status"], "cancelled");
    act("pause").await.problem(409, "run_state_conflict");
    act("reproduce").await.problem(409, "nothing_to_reproduce");
    assert_eq!(act("retry").await.ok(201)["parent"]["kind"], "retry");
    app.ask(Method::POST, &format!("/v1/runs/{id}/fork"))
        .json(&json!({}))
        .send()
        .await
        .problem(404, "no_such_checkpoint");
    let scratch = app
        .post(
            &format!("/v1/runs/{id}/fork"),
            &json!({"checkpoint": "scratch", "spec_patch": {"training": {"epochs": 3}}}),
        )
        .await
        .ok(201);
    assert_eq!(scratch["spec"]["training"]["epochs"], 3);
    app.post(
        &format!("/v1/runs/{id}/fork"),
        &json!({"spec_patch": {"training": {"epochs": -3}}}),
    )
    .await
    .problem(422, "invalid_spec");
    for other in [json!("another"), json!(5), json!(null)] {
        let problem = app
            .post(
                &format!("/v1/runs/{id}/fork"),
                &json!({"checkpoint": "scratch", "spec_patch": {"dataset": other}}),
            )
            .await
            .problem(422, "invalid_spec");
        assert_eq!(problem["errors"][0]["pointer"], "/dataset", "{problem}");
        assert_eq!(problem["errors"][0]["code"], "contradiction");
    }
    assert_eq!(
        app.ask(Method::DELETE, &format!("/v1/runs/{id}"))
            .send()
            .await
            .status,
        204
    );
    app.get(&format!("/v1/runs/{id}"))
        .await
        .problem(404, "not_found");
    app.get("/v1/runs/not-an-id")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn names_labels_and_priority_change_and_runs_are_found_by_them() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let mut ids = Vec::new();
    for who in ["ann", "bob", "ann"] {
        let mut spec = iris_spec(dataset, "r");
        spec["metadata"] = json!({"who": who, "a b": "1"});
        ids.push(app.submit("admin", spec).await.id.to_string());
    }
    let found = async |query: &str| {
        let page = app.get(&format!("/v1/runs{query}")).await.ok(200);
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("?metadata[who]=ann&order=asc").await,
        [&*ids[0], &*ids[2]]
    );
    assert_eq!(
        found("?metadata%5Bwho%5D=bob&metadata[a%20b]=1").await,
        [&*ids[1]]
    );
    assert_eq!(
        found("?status=queued,paused&family=classification&dataset=iris")
            .await
            .len(),
        3
    );
    assert!(
        found("?status=failed").await.is_empty()
            && found("?dataset=other").await.is_empty()
            && found("?family=regression").await.is_empty()
    );
    app.get("/v1/runs?status=done")
        .await
        .problem(400, "invalid_query");
    let path = format!("/v1/runs/{}", ids[0]);
    let tag = app.get(&path).await.header("etag").to_owned();
    let change = |body: Value| app.ask(Method::PATCH, &path).json(&body);
    let changed = change(json!({"name": "new", "priority": 5, "metadata": {"who": "eve"}}))
        .header("if-match", &tag)
        .send()
        .await;
    let run = changed.ok(200);
    assert_eq!(
        (&run["name"], &run["priority"], &run["metadata"]),
        (&json!("new"), &json!(5), &json!({"who": "eve"}))
    );
    // The labels of a change are no longer than those of a spec.
    let many: serde_json::Map<_, _> = (0..51).map(|i| (format!("k{i}"), json!("v"))).collect();
    for (labels, pointer) in [
        (Value::Object(many), "/metadata"),
        (json!({"": "v"}), "/metadata/"),
        (json!({"a\u{0}": "v"}), "/metadata/a\u{0}"),
        (
            json!({"k".repeat(65): "v"}),
            &*format!("/metadata/{}", "k".repeat(65)),
        ),
        (json!({"k": "v".repeat(513)}), "/metadata/k"),
    ] {
        let problem = change(json!({ "metadata": labels }))
            .send()
            .await
            .problem(422, "invalid_body");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
        let mut spec = iris_spec(dataset, "r");
        spec["metadata"] = labels;
        let problem = app
            .post("/v1/runs", &spec)
            .await
            .problem(422, "invalid_spec");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    change(json!({"name": "late"}))
        .header("if-match", &tag)
        .send()
        .await
        .problem(412, "stale_etag");
    // Progress is not a change: the tag moved, but it still stands for this version.
    app.ask(Method::POST, &format!("{path}/pause"))
        .send()
        .await
        .ok(202);
    change(json!({"name": "newer"}))
        .header("if-match", changed.header("etag"))
        .send()
        .await
        .ok(200);
    let longest = json!({"k".repeat(64): "v\n".repeat(256)});
    change(json!({ "metadata": longest })).send().await.ok(200);
    change(json!({"priority": 1001}))
        .send()
        .await
        .problem(422, "invalid_body");
    change(json!({"status": "succeeded"}))
        .send()
        .await
        .problem(422, "invalid_body");
    let known = app
        .ask(Method::GET, &path)
        .header("if-none-match", app.get(&path).await.header("etag"))
        .send()
        .await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn a_wait_ends_with_its_time_and_has_a_limit() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let id = app.submit("admin", iris_spec(dataset, "r")).await.id;
    app.get(&format!("/v1/runs/{id}?wait_s=61"))
        .await
        .problem(400, "invalid_query");
    // Nobody works here: without its bound the wait would never end, and the end of the server ends it before.
    let path = format!("/v1/runs/{id}?wait_s=60");
    let waiting = app.get(&path);
    let ending = async { app.app.stopping.cancel() };
    let (answer, ()) = tokio::join!(waiting, ending);
    assert_eq!(answer.ok(200)["status"], "queued");
}

#[tokio::test]
async fn an_owner_may_only_queue_so_many() {
    let app = TestApp::idle(|config| config.quota.owner_queued_runs = 2).await;
    iris(&app).await;
    for _ in 0..2 {
        app.post("/v1/runs", &example("spec-minimal.json"))
            .await
            .ok(201);
    }
    let refused = app.post("/v1/runs", &example("spec-minimal.json")).await;
    refused.problem(429, "too_many_queued_runs");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
}
