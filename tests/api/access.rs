//! Every route of the contract, asked by those who may not.

use axum::http::Method;
use serde_json::json;

use crate::app::{Answer, Ask, TestApp, iris_spec};
use crate::openapi::operations;

/// What belongs to alice, by the names that paths use.
struct Things {
    dataset: String,
    run: String,
    model: String,
    token: String,
    sweep: String,
}

async fn things(app: &TestApp) -> Things {
    let dataset = app
        .dataset("alice", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    let run = app.train("alice", iris_spec(dataset, "hers")).await;
    let sweep = app
        .sweep(
            "alice",
            json!({
                "spec": iris_spec(dataset, "hers"),
                "space": {"/training/batch_size": {"kind": "choice", "values": [16]}},
                "strategy": {"kind": "grid"},
            }),
        )
        .await;
    Things {
        dataset: dataset.to_string(),
        run: run.id.to_string(),
        model: run.model_name.unwrap(),
        token: app.token("alice", "admin").await,
        sweep: sweep["id"].as_str().unwrap().to_owned(),
    }
}

/// A real URL for a template.
fn filled(path: &str, things: &Things) -> String {
    let id = match path {
        path if path.starts_with("/v1/datasets") => &things.dataset,
        path if path.starts_with("/v1/runs") => &things.run,
        path if path.starts_with("/v1/sweeps") => &things.sweep,
        _ => "none",
    };
    path.replace("{id}", id)
        .replace(
            "{name}",
            if path.starts_with("/v1/families") {
                "classification"
            } else {
                &things.model
            },
        )
        .replace("{version}", "1")
        .replace("{alias}", "live")
}

/// A body that the operation reads, so that nothing but the token stands between the caller and the thing.
fn with_body<'a>(ask: Ask<'a>, method: &str, path: &str, things: &Things) -> Ask<'a> {
    match (method, path) {
        ("POST", "/v1/datasets") => ask.body("text/csv", "a,b\n1,2\n3,4\n"),
        ("POST", "/v1/runs") => ask.json(&json!({"dataset": things.dataset, "task": {"kind": "classification", "target": "target"}})),
        ("POST", "/v1/runs:batch") => ask.json(&json!({"runs": [{"dataset": things.dataset, "task": {"kind": "classification", "target": "target"}}]})),
        ("POST", "/v1/sweeps") => ask.json(&json!({
            "spec": {"dataset": things.dataset, "task": {"kind": "classification", "target": "target"}}, "strategy": {"kind": "seeds"}})),
        ("POST", path) if path.ends_with("/fork") => ask.json(&json!({})),
        ("POST", path) if path.ends_with("/landscape") => ask.json(&json!({"kind": "random"})),
        ("POST", path) if path.ends_with("/predict") => ask.json(&json!({"rows": [[5.1, 3.5, 1.4, 0.2]]})),
        ("POST", "/v1/session") => ask.json(&json!({"token": things.token})),
        ("POST", "/v1/tokens") => ask.json(&json!({"name": "t", "scopes": ["runs:read"]})),
        ("PATCH", "/v1/queue") => ask.json(&json!({"draining": false})),
        ("PUT", _) => ask.json(&json!({"version": 1})),
        ("PATCH", _) => ask.header("if-match", "*").json(&json!({"name": "stolen"})),
        _ => ask,
    }
}

fn asked<'a>(app: &'a TestApp, method: &str, path: &str, things: &Things) -> Ask<'a> {
    let method_of = method.parse::<Method>().unwrap();
    with_body(
        app.ask(method_of, &filled(path, things)),
        method,
        path,
        things,
    )
}

fn is_public(operation: &serde_json::Value) -> bool {
    operation["security"] == json!([])
}

#[tokio::test]
async fn without_a_token_there_is_nothing_but_the_public_pages() {
    let app = TestApp::start().await;
    let things = things(&app).await;
    let mut public = Vec::new();
    for (method, path, operation) in operations() {
        let answer = asked(&app, &method, &path, &things)
            .anonymous()
            .send()
            .await;
        if is_public(&operation) {
            assert!(
                answer.status.is_success(),
                "{method} {path}: {}",
                answer.status
            );
            public.push(path);
            continue;
        }
        answer.problem(401, "token_required");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer",
            "{method} {path}"
        );
        says_nothing_of(&answer, &things);
    }
    assert_eq!(
        public,
        ["/healthz", "/openapi.json", "/readyz", "/v1/session"]
    );
    // What the router does not know is not told to a stranger either.
    app.ask(Method::GET, "/v1/nothing")
        .anonymous()
        .send()
        .await
        .problem(401, "token_required");
    app.ask(Method::PUT, "/v1/runs")
        .anonymous()
        .send()
        .await
        .problem(401, "token_required");
}

#[tokio::test]
async fn a_wrong_token_opens_nothing_and_guessing_gets_slow() {
    let app = TestApp::with(|config| config.rates.failed_sign_ins_per_min = 1_000).await;
    let things = things(&app).await;
    // Right in form, checksum included, but of another server.
    let elsewhere = TestApp::idle(|_| {}).await;
    let foreign = elsewhere.token("alice", "datasets runs").await;
    for wrong in [
        "x",
        "dsc_",
        &app.admin[..app.admin.len() - 1],
        foreign.as_str(),
    ] {
        for (method, path, _) in operations()
            .into_iter()
            .filter(|(_, _, operation)| !is_public(operation))
        {
            let answer = asked(&app, &method, &path, &things)
                .token(wrong)
                .send()
                .await;
            assert_eq!(answer.status, 401, "{method} {path}");
            says_nothing_of(&answer, &things);
        }
    }
    let strict = TestApp::idle(|config| config.rates.failed_sign_ins_per_min = 10).await;
    for _ in 0..10 {
        strict
            .ask(Method::GET, "/v1/runs")
            .token("dsc_no")
            .send()
            .await
            .problem(401, "invalid_token");
    }
    let answer = strict
        .ask(Method::GET, "/v1/runs")
        .token("dsc_no")
        .send()
        .await;
    answer.problem(429, "too_many_failed_sign_ins");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Somebody with a good token is not kept out by a guesser.
    strict.get("/v1/runs").await.ok(200);
}

/// Everything that asks for a token lets a signed-in browser in too, and nothing lets in a cookie that is wrong, over, signed
/// out, or of a revoked token; what changes something wants our own Origin besides.
#[tokio::test]
async fn a_cookie_opens_what_its_token_opens() {
    let app = TestApp::with(|config| config.rates.failed_sign_ins_per_min = 10_000).await;
    let things = things(&app).await;
    let cookie = app.sign_in(&things.token).await;
    let closed: Vec<_> = operations()
        .into_iter()
        .filter(|(_, _, operation)| !is_public(operation))
        .collect();
    let ask = |method: &str, path: &str, cookie: &str| {
        asked(&app, method, path, &things)
            .anonymous()
            .header("cookie", cookie)
    };
    let own = "http://127.0.0.1";
    for wrong in ["descent_session=", "descent_session=00", "other=1"] {
        for (method, path, _) in &closed {
            let answer = ask(method, path, wrong).header("origin", own).send().await;
            assert_eq!(answer.status, 401, "{method} {path} {wrong}");
            says_nothing_of(&answer, &things);
        }
    }
    // A page of another port of this host, which a browser counts as the same site.
    for (method, path, _) in closed.iter().filter(|(method, ..)| method != "GET") {
        let elsewhere = ask(method, path, &cookie).header("origin", "http://127.0.0.1:3000");
        elsewhere.send().await.problem(403, "origin_required");
        let nowhere = ask(method, path, &cookie).send().await;
        nowhere.problem(403, "origin_required");
        says_nothing_of(&nowhere, &things);
    }
    // Nothing was touched by any of these; now all of them by her, and signing out at last.
    let (last, others): (Vec<_>, Vec<_>) = closed
        .iter()
        .partition(|(method, path, _)| method == "DELETE" && path == "/v1/session");
    for (method, path, _) in others.into_iter().chain(last) {
        let answer = ask(method, path, &cookie)
            .header("origin", own)
            .send()
            .await;
        assert!(
            ![401, 403, 500].contains(&answer.status.as_u16()),
            "{method} {path}: {}",
            answer.text()
        );
    }
    let signed_out = ask("GET", "/v1/runs", &cookie).send().await;
    signed_out.problem(401, "invalid_token");
    assert!(signed_out.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn a_scope_that_is_too_small_is_403() {
    let app = TestApp::start().await;
    let things = things(&app).await;
    for (method, path, operation) in operations()
        .into_iter()
        .filter(|(_, _, operation)| !is_public(operation))
    {
        let Some(needed) = operation["security"][0]["token"][0].as_str() else {
            continue;
        };
        let (room, right) = needed.split_once(':').unwrap();
        // Everything but the scope that is needed; and for a change, the right to look.
        let others = ["datasets", "runs", "models", "predict"]
            .into_iter()
            .filter(|other| *other != room);
        let mut scopes: Vec<String> = others.map(|other| format!("{other}:write")).collect();
        if right == "write" {
            scopes.push(format!("{room}:read"));
        }
        let token = app.token("alice", &scopes.join(" ")).await;
        let answer = asked(&app, &method, &path, &things)
            .token(&token)
            .send()
            .await;
        answer.problem(403, "insufficient_scope");
        assert!(
            answer.text().contains(needed),
            "{method} {path} does not say which scope is missing"
        );
    }
}

#[tokio::test]
async fn another_owners_thing_is_like_none_at_all() {
    let app = TestApp::start().await;
    let things = things(&app).await;
    let mallory = app.token("mallory", "admin").await;
    let mut n_walked = 0;
    for (method, path, _) in operations() {
        if !path.contains('{') || path.starts_with("/v1/families") || path.starts_with("/v1/tokens")
        {
            continue;
        }
        let answer = asked(&app, &method, &path, &things)
            .token(&mallory)
            .send()
            .await;
        assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        assert!(answer.json()["code"].as_str().is_some());
        n_walked += 1;
    }
    assert!(n_walked > 25, "only {n_walked} operations were walked");
    for list in ["/v1/datasets", "/v1/runs", "/v1/models"] {
        let page = app.ask(Method::GET, list).token(&mallory).send().await;
        assert_eq!(page.ok(200)["data"], json!([]), "{list}");
        says_nothing_of(&page, &things);
    }
    // And nothing of hers was touched.
    let alice = app.token("alice", "datasets runs models").await;
    let dataset = app
        .ask(Method::GET, &format!("/v1/datasets/{}", things.dataset))
        .token(&alice)
        .send()
        .await
        .ok(200);
    assert_eq!(dataset["name"], "iris");
    app.ask(Method::GET, &format!("/v1/runs/{}", things.run))
        .token(&alice)
        .send()
        .await
        .ok(200);
    app.ask(Method::GET, &format!("/v1/models/{}", things.model))
        .token(&alice)
        .send()
        .await
        .ok(200);
}

#[tokio::test]
async fn a_request_under_a_foreign_name_is_refused_before_anything_else() {
    let app =
        TestApp::idle(|config| config.server.allowed_hosts = "descent.example".to_owned()).await;
    app.ask(Method::GET, "/healthz")
        .header("host", "evil.example")
        .send()
        .await
        .problem(403, "host_not_allowed");
    app.ask(Method::GET, "/v1/runs")
        .header("origin", "http://evil.example")
        .send()
        .await
        .problem(403, "origin_not_allowed");
    app.ask(Method::GET, "/v1/runs")
        .header("host", "descent.example:8080")
        .header("origin", "https://descent.example")
        .send()
        .await
        .ok(200);
}

/// No byte of hers in a refusal, but what the caller sent.
fn says_nothing_of(answer: &Answer, things: &Things) {
    let text = answer
        .text()
        .replace(&things.dataset, "")
        .replace(&things.run, "");
    assert!(!text.contains("iris") && !text.contains("setosa"), "{text}");
}
