use crate::app::TestApp;

#[tokio::test]
async fn what_an_owner_holds_is_counted_for_that_owner_alone() {
    let app = TestApp::idle(|_| {}).await;
    let csv = b"x,target\n1,a\n2,b\n3,a\n4,b\n";
    app.dataset("alice", "small", csv).await;
    let (alice, bob) = (
        app.token("alice", "runs:read").await,
        app.token("bob", "runs:read").await,
    );
    let usage = app
        .ask(axum::http::Method::GET, "/v1/usage")
        .token(&alice)
        .send()
        .await
        .ok(200);
    assert_eq!(usage["owner"], "alice");
    assert_eq!(usage["datasets"]["used"], 1);
    assert_eq!(usage["dataset_bytes"]["used"], csv.len());
    assert_eq!(usage["queued_runs"]["limit"], 5000);
    let usage = app
        .ask(axum::http::Method::GET, "/v1/usage")
        .token(&bob)
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&usage["datasets"]["used"], &usage["dataset_bytes"]["used"]),
        (&0.into(), &0.into())
    );
}
