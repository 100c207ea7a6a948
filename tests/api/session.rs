use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Ask, TestApp, iris_spec};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

async fn sign_in(app: &TestApp, wanted: Value) -> Answer {
    let ask = app.ask(Method::POST, "/v1/session").anonymous();
    ask.json(&wanted).send().await
}

/// A request of a browser on a page of this server.
fn browser<'a>(app: &'a TestApp, method: Method, path: &str, cookie: &str) -> Ask<'a> {
    let ask = app.ask(method, path).anonymous();
    ask.header("cookie", cookie)
        .header("origin", "http://127.0.0.1")
}

#[tokio::test]
async fn a_token_becomes_a_cookie_with_its_rights() {
    let app = TestApp::idle(|_| {}).await;
    let reader = app.token("alice", "runs:read datasets:read").await;
    let answer = sign_in(&app, json!({"token": reader})).await;
    let session = answer.ok(200);
    assert_eq!(
        (
            &session["object"],
            &session["owner"],
            &session["scopes"],
            &session["expires_at"]
        ),
        (
            &json!("session"),
            &json!("alice"),
            &json!(["datasets:read", "runs:read"]),
            &json!("2027-02-14T08:00:00.000Z")
        )
    );
    assert_eq!(session["token_id"].as_str(), reader.split('_').nth(1));
    let set = answer.header("set-cookie");
    assert!(
        set.starts_with("descent_session=")
            && set.ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000"),
        "{set}"
    );
    assert!(
        !set.contains(&reader) && !answer.text().contains(&reader),
        "the token goes nowhere"
    );
    assert_eq!(answer.header("cache-control"), "no-store");

    let cookie = set.split(';').next().unwrap();
    let shown = browser(&app, Method::GET, "/v1/session", cookie)
        .send()
        .await;
    assert_eq!(shown.ok(200), session);
    browser(&app, Method::GET, "/v1/runs", cookie)
        .send()
        .await
        .ok(200);
    browser(&app, Method::POST, "/v1/runs", cookie)
        .json(&json!({}))
        .send()
        .await
        .problem(403, "insufficient_scope");
    // A token in the same request goes first, as one that is sent on purpose.
    let both = browser(&app, Method::GET, "/v1/session", cookie)
        .token(&app.admin)
        .send()
        .await;
    assert_eq!(both.ok(200)["owner"], "admin");
    assert_eq!(both.json()["expires_at"], Value::Null);
    app.ask(Method::DELETE, "/v1/session")
        .send()
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn what_does_not_sign_in_is_refused_and_slowed_down() {
    let app = TestApp::idle(|config| config.rates.failed_sign_ins_per_min = 4).await;
    for wrong in [
        json!({}),
        json!({"token": app.admin, "code": "x"}),
        json!({"token": ""}),
        json!({"token": "x".repeat(201)}),
        json!({"tokem": app.admin}),
        json!({"token": 7}),
        json!([]),
    ] {
        sign_in(&app, wrong).await.problem(422, "invalid_body");
    }
    for wrong in [
        json!({"token": "dsc_no"}),
        json!({"code": "no"}),
        json!({"token": "x"}),
    ] {
        let answer = sign_in(&app, wrong).await;
        answer.problem(401, "invalid_token");
        assert_eq!(answer.header("set-cookie"), "");
    }
    browser(&app, Method::GET, "/v1/runs", "descent_session=guessed")
        .send()
        .await
        .problem(401, "invalid_token");
    let slowed = sign_in(&app, json!({"token": "dsc_no"})).await;
    slowed.problem(429, "too_many_failed_sign_ins");
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 1);
    // Whoever has a good token comes in all the same.
    app.sign_in(&app.admin).await;
    // A page of elsewhere does not sign anybody in.
    let elsewhere = app
        .ask(Method::POST, "/v1/session")
        .anonymous()
        .header("origin", "http://evil.example");
    elsewhere
        .json(&json!({"token": app.admin}))
        .send()
        .await
        .problem(403, "origin_not_allowed");
}

#[tokio::test]
async fn the_code_of_a_link_works_once_and_for_an_hour() {
    let app = TestApp::idle(|_| {}).await;
    let admin_id = app.admin.split('_').nth(1).unwrap();
    let code = app.api.offer_sign_in(admin_id).unwrap();
    let session = sign_in(&app, json!({"code": code})).await.ok(200);
    assert_eq!(
        (&session["owner"], &session["token_id"]),
        (&json!("admin"), &json!(admin_id))
    );
    sign_in(&app, json!({"code": code}))
        .await
        .problem(401, "invalid_token");

    let code = app.api.offer_sign_in(admin_id).unwrap();
    sign_in(&app, json!({"code": "0".repeat(64)}))
        .await
        .problem(401, "invalid_token");
    app.pass_ms(60 * 60 * 1_000 - 1);
    sign_in(&app, json!({"code": code})).await.ok(200);
    let code = app.api.offer_sign_in(admin_id).unwrap();
    app.pass_ms(60 * 60 * 1_000);
    sign_in(&app, json!({"code": code}))
        .await
        .problem(401, "invalid_token");
    // A newer link takes the place of the one before.
    let (first, second) = (
        app.api.offer_sign_in(admin_id).unwrap(),
        app.api.offer_sign_in(admin_id).unwrap(),
    );
    sign_in(&app, json!({"code": first}))
        .await
        .problem(401, "invalid_token");
    sign_in(&app, json!({"code": second})).await.ok(200);
    let code = app.api.offer_sign_in("no such token").unwrap();
    sign_in(&app, json!({"code": code}))
        .await
        .problem(401, "invalid_token");
}

#[tokio::test]
async fn a_session_ends_by_itself_by_signing_out_and_with_its_token() {
    let app = TestApp::idle(|_| {}).await;
    let alice = app.token("alice", "runs").await;
    let runs = async |cookie: &str| browser(&app, Method::GET, "/v1/runs", cookie).send().await;
    let (first, second) = (app.sign_in(&alice).await, app.sign_in(&alice).await);
    assert_ne!(first, second);
    let out = browser(&app, Method::DELETE, "/v1/session", &first)
        .send()
        .await;
    assert_eq!(out.status, 204);
    assert!(
        out.header("set-cookie").starts_with("descent_session=;")
            && out.header("set-cookie").contains("Max-Age=0")
    );
    let refused = runs(&first).await;
    refused.problem(401, "invalid_token");
    assert!(
        refused.header("set-cookie").contains("Max-Age=0"),
        "the browser is to forget it"
    );
    runs(&second).await.ok(200);

    app.pass_ms(30 * DAY_MS - 1);
    runs(&second).await.ok(200);
    app.pass_ms(1);
    runs(&second).await.problem(401, "invalid_token");

    let third = app.sign_in(&alice).await;
    let id = alice.split('_').nth(1).unwrap();
    let revoked = app
        .ask(Method::DELETE, &format!("/v1/tokens/{id}"))
        .send()
        .await;
    assert_eq!(revoked.status, 204);
    runs(&third).await.problem(401, "invalid_token");
    // What is over leaves nothing behind.
    let kept = async || {
        descent::store::sessions::live(&app.app.store, 0)
            .await
            .unwrap()
            .len()
    };
    assert_eq!(kept().await, 2);
    app.api.forget_sessions().await.unwrap();
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn a_restart_signs_nobody_out_and_the_record_holds_no_cookie() {
    let mut app = TestApp::idle(|_| {}).await;
    let cookie = app.sign_in(&app.admin).await;
    let secret = cookie.split('=').nth(1).unwrap();
    assert_eq!(secret.len(), 64);
    app.restart().await;
    assert!(app.api.gate.has_sessions());
    browser(&app, Method::GET, "/v1/runs", &cookie)
        .send()
        .await
        .ok(200);
    let rows = descent::store::sessions::live(&app.app.store, 0)
        .await
        .unwrap();
    let kept: Vec<[u8; 32]> = rows
        .iter()
        .map(|row| row.id_sha256.as_slice().try_into().unwrap())
        .collect();
    assert_eq!(kept, [descent::tokens::session::hash(secret)]);
}

#[tokio::test]
async fn the_oldest_of_a_hundred_sessions_makes_room() {
    let app = TestApp::idle(|_| {}).await;
    let first = app.sign_in(&app.admin).await;
    let other = app.sign_in(&app.token("alice", "runs").await).await;
    for _ in 0..99 {
        app.pass_ms(1);
        app.sign_in(&app.admin).await;
    }
    browser(&app, Method::GET, "/v1/session", &first)
        .send()
        .await
        .ok(200);
    app.pass_ms(1);
    app.sign_in(&app.admin).await;
    browser(&app, Method::GET, "/v1/session", &first)
        .send()
        .await
        .problem(401, "invalid_token");
    browser(&app, Method::GET, "/v1/session", &other)
        .send()
        .await
        .ok(200);
}

#[tokio::test]
async fn what_is_not_possible_at_the_door_is_said_to_anybody() {
    let app = TestApp::idle(|_| {}).await;
    for method in [Method::PUT, Method::PATCH, Method::TRACE] {
        let answer = app.ask(method, "/v1/session").anonymous().send().await;
        answer.problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn streams_end_when_their_browser_is_signed_out() {
    let app = TestApp::idle(|config| config.connections.sse_heartbeat_ms = 3_600_000).await;
    let watch = async |cookie: &str| {
        let mut stream = browser(&app, Method::GET, "/v1/events", cookie)
            .open()
            .await;
        stream.next().await;
        stream
    };
    let (first, second) = (app.sign_in(&app.admin).await, app.sign_in(&app.admin).await);
    let (signed_out, over) = (watch(&first).await, watch(&second).await);
    let mut by_token = app.ask(Method::GET, "/v1/events").open().await;
    by_token.next().await;
    browser(&app, Method::DELETE, "/v1/session", &first)
        .send()
        .await
        .ok_empty(204);
    assert_eq!(signed_out.end().await, "");

    app.pass_ms(30 * DAY_MS);
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    app.submit("admin", iris_spec(dataset, "secret")).await;
    assert_eq!(over.end().await, "");
    assert_eq!(by_token.next().await.2["type"], "state");
}
