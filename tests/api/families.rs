use crate::app::TestApp;

#[tokio::test]
async fn families_lead_to_their_schemas() {
    let app = TestApp::idle(|_| {}).await;
    let list = app.get("/v1/families").await.ok(200);
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|family| family["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["classification", "regression", "embedding", "perceptron"]
    );
    assert_eq!(list["has_more"], false);
    for family in list["data"].as_array().unwrap() {
        let answer = app.get(family["schema"].as_str().unwrap()).await;
        assert_eq!(answer.header("content-type"), "application/schema+json");
        let schema = answer.ok(200);
        assert!(
            schema["properties"]["training"].is_object() || schema["$defs"].is_object(),
            "{schema}"
        );
    }
    app.get("/v1/families/astrology/schema")
        .await
        .problem(404, "not_found");
}
