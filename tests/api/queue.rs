use axum::http::Method;
use serde_json::json;

use crate::app::{TestApp, iris_spec};

#[tokio::test]
async fn everybody_sees_their_own_places_and_how_long_the_queue_is() {
    let app = TestApp::idle(|_| {}).await;
    let mut runs = Vec::new();
    for (owner, priority) in [("alice", 0), ("bob", 5), ("alice", 1)] {
        let dataset = app
            .dataset(owner, "iris", include_bytes!("../../examples/iris.csv"))
            .await;
        let mut spec = iris_spec(dataset, "r");
        spec["priority"] = json!(priority);
        runs.push(app.submit(owner, spec).await.id.to_string());
        app.pass_ms(10);
    }
    let alice = app.token("alice", "runs:read").await;
    let queue = app
        .ask(Method::GET, "/v1/queue")
        .token(&alice)
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&queue["n_queued"], &queue["draining"]),
        (&json!(3), &json!(false))
    );
    let places = queue["data"].as_array().unwrap();
    assert_eq!(places.len(), 2);
    assert_eq!(
        (&places[0]["run"], &places[0]["position"]),
        (&json!(runs[2]), &json!(2))
    );
    assert_eq!(places[0]["ahead"], json!({"n_runs": 1, "n_own": 0}));
    assert_eq!(
        (&places[1]["run"], &places[1]["position"]),
        (&json!(runs[0]), &json!(3))
    );
    assert_eq!(places[1]["ahead"], json!({"n_runs": 2, "n_own": 1}));
    assert!(places[1]["why"].as_str().unwrap().starts_with("priority 0"));
    assert_eq!(places[1]["queued_at"], "2027-01-15T08:00:00.000Z");
    // Nothing has finished yet: nobody can say how long it will take.
    assert!(places[0].get("estimated_start_at").is_none());
    assert!(
        !queue.to_string().contains(&runs[1]),
        "another owner's run is shown"
    );
}

#[tokio::test]
async fn a_start_is_estimated_from_what_the_last_runs_took() {
    let app = TestApp::with(|config| config.worker.slots = 1).await;
    app.model("admin", "first").await;
    app.app.runs.set_draining(true);
    let dataset = app
        .dataset("admin", "iris", include_bytes!("../../examples/iris.csv"))
        .await;
    app.submit("admin", iris_spec(dataset, "second")).await;
    let place = |queue: serde_json::Value| queue["data"][0].clone();
    // While nothing is given out there is nothing to estimate.
    assert!(
        place(app.get("/v1/queue").await.ok(200))
            .get("estimated_start_at")
            .is_none()
    );
}

#[tokio::test]
async fn an_admin_drains_the_queue_and_opens_it_again() {
    let app = TestApp::idle(|_| {}).await;
    let drain = |draining: bool| {
        app.ask(Method::PATCH, "/v1/queue")
            .json(&json!({ "draining": draining }))
    };
    for draining in [true, true, false] {
        let queue = drain(draining).send().await.ok(200);
        assert_eq!(queue["draining"], draining);
        assert_eq!(app.app.runs.is_draining(), draining);
    }
    let acts = descent::store::audit::list(&app.app.store, 0, 100)
        .await
        .unwrap();
    assert_eq!(
        acts.iter()
            .filter(|act| act.action == "queue.drain")
            .count(),
        2,
        "a repeated wish is no act"
    );
    let user = app.token("alice", "runs datasets models predict").await;
    drain(true)
        .token(&user)
        .send()
        .await
        .problem(403, "insufficient_scope");
    app.ask(Method::PATCH, "/v1/queue")
        .json(&json!({ "drain": true }))
        .send()
        .await
        .problem(422, "invalid_body");
    // Read by position it would be the same wish without its name.
    let problem = app
        .ask(Method::PATCH, "/v1/queue")
        .json(&json!([true]))
        .send()
        .await
        .problem(422, "invalid_body");
    assert_eq!(problem["errors"][0]["pointer"], "", "{problem}");
    assert!(!app.app.runs.is_draining());
}
