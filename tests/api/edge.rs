use axum::http::Method;
use descent::api::dashboard;

use crate::app::TestApp;

#[tokio::test]
async fn what_the_router_refuses_is_a_problem_too() {
    let app = TestApp::idle(|_| {}).await;
    app.get("/v1/nothing").await.problem(404, "no_such_route");
    app.get("/v1/runs/").await.problem(404, "no_such_route");
    let answer = app.ask(Method::PUT, "/v1/runs").send().await;
    answer.problem(405, "method_not_allowed");
    assert!(
        answer.header("allow").contains("GET") && answer.header("allow").contains("POST"),
        "{}",
        answer.header("allow")
    );
    app.ask(Method::DELETE, "/healthz")
        .send()
        .await
        .problem(405, "method_not_allowed");
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_says_what_is_left() {
    let app = TestApp::idle(|config| config.rates.other_per_s = 3).await;
    let first = app.get("/v1/limits").await;
    assert_eq!(first.header("ratelimit-policy"), "\"other\";q=3;w=1");
    assert_eq!(first.header("ratelimit"), "\"other\";r=2;t=1");
    let second = app.get("/v1/limits").await;
    assert!(
        !first.header("x-request-id").is_empty()
            && first.header("x-request-id") != second.header("x-request-id")
    );
    let mine = app
        .ask(Method::GET, "/v1/limits")
        .header("x-request-id", "trace-7")
        .send()
        .await;
    assert_eq!(mine.header("x-request-id"), "trace-7");
    let refused = app.get("/v1/limits").await;
    refused.problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "1");
    // An id that could break a log line is replaced.
    let odd = app
        .ask(Method::GET, "/healthz")
        .header("x-request-id", "a b{}")
        .send()
        .await;
    assert_ne!(odd.header("x-request-id"), "a b{}");
}

#[tokio::test]
async fn the_pages_for_people_load_nothing_from_elsewhere() {
    let app = TestApp::idle(|_| {}).await;
    let page = async |path: &str| app.ask(Method::GET, path).anonymous().send().await;
    let front = page("/").await;
    assert!(front.status == 200 && front.header("content-type").starts_with("text/html"));
    let policy = front.header("content-security-policy");
    assert!(
        policy.contains("default-src '") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(
        (
            front.header("x-content-type-options"),
            front.header("referrer-policy")
        ),
        ("nosniff", "no-referrer")
    );
    // With or without the dashboard in this build.
    let assets = front.text().split('"');
    let assets: Vec<&str> = assets
        .filter(|text| text.starts_with("./assets/"))
        .collect();
    assert_eq!(assets.is_empty(), !dashboard::is_built());
    for asset in assets {
        let loaded = page(asset.trim_start_matches('.')).await;
        assert_eq!(loaded.status, 200, "{asset}");
        assert!(loaded.header("cache-control").ends_with("immutable"));
    }
    page("/assets/nothing.js").await.problem(404, "not_found");
    page("/assets/..%2Findex.html")
        .await
        .problem(404, "not_found");
    assert_eq!(
        (
            page("/docs").await.status.as_u16(),
            page("/docs").await.header("location")
        ),
        (308, "/docs/")
    );
    let index = page("/docs/").await;
    assert_eq!(index.status, 200);
    for (page, path) in [(front.text(), "/"), (index.text(), "/docs/")] {
        assert!(
            !page.contains("src=\"http") && !page.contains("href=\"http"),
            "{path} loads something from elsewhere"
        );
    }
    for file in index
        .text()
        .split(['"', '\''])
        .filter(|text| text.ends_with(".js") || text.ends_with(".css"))
    {
        let loaded = page(&format!("/docs/{}", file.trim_start_matches("./"))).await;
        assert_eq!(loaded.status, 200, "{file}");
    }
    assert!(
        page("/docs/swagger-initializer.js")
            .await
            .text()
            .contains("/openapi.json")
    );
    page("/docs/nothing.js").await.problem(404, "not_found");
}
