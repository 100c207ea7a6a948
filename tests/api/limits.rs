use crate::app::TestApp;

#[tokio::test]
async fn every_limit_is_told_with_its_value_here() {
    let app = TestApp::idle(|config| config.bodies.predict_bytes = 77).await;
    let document = app.get("/v1/limits").await.ok(200);
    let limits = document["limits"].as_array().unwrap();
    let limit = |name: &str| {
        limits
            .iter()
            .find(|limit| limit["name"] == name)
            .unwrap_or_else(|| panic!("{name} is missing"))
    };
    assert_eq!(limit("predict_bytes")["value"], 77);
    assert_eq!(limit("predict_bytes")["default"], 8 << 20);
    for name in [
        "first_byte_timeout_ms",
        "header_bytes",
        "json_bytes",
        "spec_bytes",
        "upload_bytes",
        "predict_per_s",
        "failed_sign_ins_per_min",
        "sse_per_token",
        "max_layers",
        "run_memory_bytes",
        "max_columns",
        "max_field_bytes",
        "max_sample_numbers",
        "owner_queued_runs",
        "free_space_floor_bytes",
    ] {
        assert!(
            limit(name)["about"].as_str().unwrap().ends_with('.'),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_with_the_limit() {
    let app = TestApp::idle(|config| config.bodies.predict_bytes = 77).await;
    let answer = app
        .ask(axum::http::Method::POST, "/v1/models/x/predict")
        .body("application/json", "x".repeat(78))
        .send()
        .await;
    let problem = answer.problem(413, "too_large");
    assert_eq!(problem["errors"][0]["allowed"]["max_bytes"], 77);
}
