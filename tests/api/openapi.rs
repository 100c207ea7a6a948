use std::fs;
use std::path::Path;

use descent::router;
use serde_json::Value;

use crate::app::TestApp;

/// Every operation of the contract: method, path and document.
pub fn operations() -> Vec<(String, String, Value)> {
    let contract = router::contract();
    let mut all = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            all.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    all
}

/// Compares a committed file of `api/` with what it should say, and writes it where it was asked for.
fn committed(name: &str, value: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api").join(name);
    let made = format!("{}\n", serde_json::to_string_pretty(value).unwrap());
    #[allow(
        clippy::disallowed_methods,
        reason = "how a person asks for the file to be written; the server has no such switch"
    )]
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "api/{name} is not what is served; run `make openapi` and look at the difference"
    );
}

#[test]
fn openapi_json_is_what_the_router_says() {
    committed("openapi.json", &router::contract());
}

#[tokio::test]
async fn the_schemas_of_the_families_are_those_that_are_served() {
    let app = TestApp::idle(|_| {}).await;
    let list = app.get("/v1/families").await.ok(200);
    for family in list["data"].as_array().unwrap() {
        let schema = app.get(family["schema"].as_str().unwrap()).await.ok(200);
        let name = family["name"].as_str().unwrap();
        committed(&format!("families/{name}.json"), &schema);
    }
}

#[tokio::test]
async fn the_served_document_is_the_contract_and_needs_no_token() {
    let app = TestApp::idle(|_| {}).await;
    let served = app
        .ask(axum::http::Method::GET, "/openapi.json")
        .anonymous()
        .send()
        .await
        .ok(200);
    assert_eq!(served, router::contract());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.push(reference.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let contract = router::contract();
    let mut found = Vec::new();
    references(&contract, &mut found);
    assert!(found.len() > 50);
    let nowhere = |reference: &String| {
        reference
            .strip_prefix('#')
            .and_then(|pointer| contract.pointer(pointer))
            .is_none()
    };
    let lost: Vec<String> = found.into_iter().filter(nowhere).collect();
    assert!(lost.is_empty(), "{lost:?} lead nowhere");
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_what_it_does() {
    let mut names = Vec::new();
    for (method, path, operation) in operations() {
        assert!(
            !operation["summary"].as_str().unwrap_or("").is_empty(),
            "{method} {path} has no summary"
        );
        names.push(operation["operationId"].as_str().unwrap().to_owned());
    }
    let n_operations = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), n_operations);
}
