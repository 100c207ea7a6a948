use axum::http::Method;

use crate::app::TestApp;

#[tokio::test]
async fn probes_need_no_token() {
    let app = TestApp::idle(|_| {}).await;
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = app.ask(Method::GET, path).anonymous().send().await.ok(200);
        assert_eq!(answer["status"], status);
    }
}

#[tokio::test]
async fn a_server_that_is_about_to_end_is_alive_but_not_ready() {
    let app = TestApp::idle(|_| {}).await;
    app.app.stopping.cancel();
    let answer = app.get("/readyz").await;
    answer.problem(503, "draining");
    assert_eq!(answer.header("retry-after"), "1");
    app.get("/healthz").await.ok(200);
}

#[tokio::test]
async fn without_its_record_a_server_is_not_ready() {
    let app = TestApp::idle(|_| {}).await;
    app.app.store.close().await;
    app.get("/readyz").await.problem(503, "store_unavailable");
    app.get("/healthz").await.ok(200);
}

#[tokio::test]
async fn a_draining_queue_leaves_the_server_ready() {
    let app = TestApp::idle(|_| {}).await;
    app.app.runs.set_draining(true);
    app.get("/readyz").await.ok(200);
}
