use axum::http::Method;

use crate::app::TestApp;

#[tokio::test]
async fn the_page_counts_what_happens() {
    let app = TestApp::start().await;
    app.model("admin", "iris").await;
    let rows = serde_json::json!({"rows": [[5.1, 3.5, 1.4, 0.2], [6.0, 3.0, 5.0, 2.0]]});
    app.post("/v1/models/iris/predict", &rows).await.ok(200);
    app.get("/v1/models/none").await.problem(404, "not_found");
    app.get("/etc/passwd").await.problem(404, "no_such_route");

    let answer = app.get("/metrics").await;
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let page = answer.text();
    for line in [
        "# TYPE descent_http_requests_total counter",
        "descent_http_requests_total{method=\"POST\",route=\"/v1/models/{name}/predict\",status=\"200\"} 1",
        "descent_http_requests_total{method=\"GET\",route=\"/v1/models/{name}\",status=\"404\"} 1",
        "descent_http_requests_total{method=\"GET\",route=\"(other)\",status=\"404\"} 1",
        "descent_http_request_duration_seconds_count{route=\"/v1/models/{name}/predict\"} 1",
        "descent_predictions_total 2",
        "descent_runs{status=\"succeeded\"} 1",
        "descent_runs{status=\"failed\"} 0",
        "descent_queue_depth 0",
        "descent_warm_models 1",
        "# TYPE process_cpu_seconds_total counter",
    ] {
        assert!(
            page.lines().any(|other| other == line),
            "{line} is missing in\n{page}"
        );
    }
    let value = |name: &str| {
        let line = page
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name} is missing in\n{page}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    assert!(value("descent_training_steps_total ") >= 20.0);
    assert!(value("process_resident_memory_bytes ") > 1e6);
    assert!(!page.contains("# EOF") && !page.contains("# UNIT"));
}

#[tokio::test]
async fn a_scraper_of_openmetrics_gets_openmetrics() {
    let app = TestApp::idle(|_| {}).await;
    let accept =
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let answer = app
        .ask(Method::GET, "/metrics")
        .header("accept", accept)
        .send()
        .await;
    assert_eq!(
        answer.header("content-type"),
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(answer.text().ends_with("# EOF\n"));
    let user = app.token("alice", "runs datasets models predict").await;
    app.ask(Method::GET, "/metrics")
        .token(&user)
        .send()
        .await
        .problem(403, "insufficient_scope");
}
