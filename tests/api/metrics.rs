use axum::http::Method;
use serde_json::{Value, json};

use crate::app::TestApp;

fn series<'a>(document: &'a Value, name: &str) -> &'a Value {
    let all = document["series"].as_array().unwrap();
    all.iter()
        .find(|one| one["name"] == name)
        .unwrap_or_else(|| panic!("no series {name} in {document}"))
}

#[tokio::test]
async fn a_table_and_a_file_for_tensorboard_have_every_point() {
    let app = TestApp::start().await;
    let run = app.model("admin", "measured").await;
    let path = format!("/v1/runs/{}/metrics", run.id);
    let whole = app.get(&format!("{path}?max_points=100000")).await.ok(200);
    let mut wanted = vec!["series,step,value".to_owned()];
    for one in whole["series"].as_array().unwrap() {
        let points = one["steps"].as_array().unwrap().iter();
        let name = one["name"].as_str().unwrap();
        for (step, value) in points.zip(one["values"].as_array().unwrap()) {
            wanted.push(format!("{name},{step},{:?}", value.as_f64().unwrap()));
        }
    }
    let table = app
        .ask(Method::GET, &path)
        .header("accept", "text/csv")
        .send()
        .await;
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(table.text().lines().collect::<Vec<_>>(), wanted);
    let some = app.get(&format!("{path}?format=csv&names=loss")).await;
    assert_eq!(some.text().lines().count() as i64, run.step + 1);
    let none = app.get(&format!("{path}?format=csv&names=unknown")).await;
    assert_eq!(none.text(), "series,step,value\n");

    let file = app.get(&format!("/v1/runs/{}/tfevents", run.id)).await;
    assert_eq!(file.status, 200);
    assert!(
        file.header("content-disposition")
            .contains("filename=\"events.out.tfevents.")
    );
    // Records are a length, a sum, that many bytes, a sum; what is in them is read by TensorBoard in tests/exports.
    let (mut n_records, mut rest) = (0, &file.body[..]);
    while let Some((length, _)) = rest.split_first_chunk::<8>() {
        rest = &rest[16 + u64::from_le_bytes(*length) as usize..];
        n_records += 1;
    }
    assert_eq!(
        n_records,
        wanted.len(),
        "a record for each point, and one at the beginning"
    );

    let stranger = app.token("bob", "runs").await;
    for path in [
        format!("{path}?format=csv"),
        format!("/v1/runs/{}/tfevents", run.id),
    ] {
        app.ask(Method::GET, &path)
            .token(&stranger)
            .send()
            .await
            .problem(404, "not_found");
    }
}

#[tokio::test]
async fn every_step_is_there_and_thinning_keeps_the_ends() {
    let app = TestApp::start().await;
    let run = app.model("admin", "measured").await;
    let path = format!("/v1/runs/{}/metrics", run.id);
    let all = app.get(&path).await.ok(200);
    let loss = series(&all, "loss");
    let steps: Vec<i64> = loss["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.as_i64().unwrap())
        .collect();
    assert_eq!(steps, (1..=run.step).collect::<Vec<_>>(), "one loss a step");
    assert_eq!(
        series(&all, "validation_loss")["n_points"],
        json!(20),
        "one value an epoch"
    );

    let few = app
        .get(&format!("{path}?names=loss&max_points=7"))
        .await
        .ok(200);
    assert_eq!(few["series"].as_array().unwrap().len(), 1);
    let thin = series(&few, "loss");
    assert_eq!(
        (&thin["thinned"], &thin["n_points"]),
        (&json!(true), &json!(run.step))
    );
    assert_eq!(
        thin["steps"].as_array().unwrap().last(),
        Some(&json!(run.step))
    );
    let value = |name: &str| -> Vec<f64> {
        thin[name]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    };
    for ((min, mean), max) in value("min")
        .into_iter()
        .zip(value("values"))
        .zip(value("max"))
    {
        assert!(min <= mean && mean <= max, "{min} {mean} {max}");
    }
    app.get(&format!("{path}?max_points=0"))
        .await
        .problem(400, "invalid_query");
}

#[tokio::test]
async fn checkpoints_logs_and_diagnoses_answer_as_lists() {
    let app = TestApp::start().await;
    // A column that is the target under another name is a leak, and a run says so.
    let csv: String = (0..60)
        .map(|i| {
            format!(
                "{},{},{}\n",
                i % 7,
                if i % 2 == 0 { "a" } else { "b" },
                i % 2
            )
        })
        .collect();
    let dataset = app
        .dataset("admin", "leaky", format!("x,label,copy\n{csv}").as_bytes())
        .await;
    let spec = json!({"dataset": dataset.to_string(), "task": {"kind": "classification", "target": "label"}, "training": {"epochs": 5}});
    let run = app.train("admin", spec).await;
    let diagnoses = app
        .get(&format!("/v1/runs/{}/diagnoses", run.id))
        .await
        .ok(200);
    let leak = diagnoses["data"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["code"] == "target_leakage");
    let leak = leak.unwrap_or_else(|| panic!("{diagnoses}"));
    assert!(
        leak["message"].as_str().unwrap().contains("copy") && leak["remedy"]["text"].is_string(),
        "{leak}"
    );
    for part in ["checkpoints", "logs"] {
        let list = app
            .get(&format!("/v1/runs/{}/{part}", run.id))
            .await
            .ok(200);
        assert_eq!(list["object"], "list");
    }
}
