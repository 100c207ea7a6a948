//! `/v1/sweeps`: searches whose children are ordinary runs.

use std::collections::BTreeSet;

use axum::http::Method;
use descent::ids::DatasetId;
use serde_json::{Value, json};

use crate::app::{TestApp, iris_spec};

const IRIS: &[u8] = include_bytes!("../../examples/iris.csv");
const PENGUINS: &[u8] = include_bytes!("../../examples/penguins.csv");

fn penguins(dataset: DatasetId) -> Value {
    json!({
        "dataset": dataset.to_string(),
        "task": {"kind": "classification", "target": "species"},
        "network": [{"kind": "dense", "units": 8, "activation": "relu"}],
        "optimizer": {"kind": "sgd", "learning_rate": 0.05},
        "training": {"epochs": 9, "batch_size": 32, "seed": 5},
    })
}

/// Two parameters of the penguins.
fn space() -> Value {
    json!({
        "/optimizer/learning_rate": {"kind": "log_uniform", "low": 1e-4, "high": 0.5},
        "/network/0/units": {"kind": "integer", "low": 2, "high": 64, "log": true},
    })
}

/// All results of a sweep in the order of the children.
async fn results(app: &TestApp, sweep: &Value) -> Vec<Value> {
    let path = format!(
        "/v1/sweeps/{}/results?order=asc&limit=100",
        sweep["id"].as_str().unwrap()
    );
    let page = app.get(&path).await.ok(200);
    assert_eq!(page["has_more"], false);
    page["data"].as_array().unwrap().clone()
}

fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a Value> {
    rows.iter().map(|row| &row[name]).collect()
}

#[tokio::test]
async fn below_the_floor_of_free_space_no_sweep_begins() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let app = app
        .restarted_with(|config| config.quota.free_space_floor_bytes = u64::MAX)
        .await;
    let body = json!({
        "name": "search",
        "spec": penguins(dataset),
        "space": space(),
        "strategy": {"kind": "random"},
        "budget": {"runs": 2},
    });
    let answer = app.post("/v1/sweeps", &body).await;
    answer.problem(507, "disk_full");
    assert_eq!(app.get("/v1/sweeps").await.ok(200)["data"], json!([]));
}

#[tokio::test]
async fn below_the_floor_of_free_space_a_sweep_waits() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let begun = app
        .post(
            "/v1/sweeps",
            &json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}, "budget": {"runs": 3, "parallel": 2}}),
        )
        .await
        .ok(201);
    let path = format!("/v1/sweeps/{}", begun["id"].as_str().unwrap());
    let app = app
        .restarted_with(|config| config.quota.free_space_floor_bytes = u64::MAX)
        .await;
    app.app.sweeps.step_all().await.unwrap();
    let waiting = app.get(&path).await.ok(200);
    assert_eq!(
        (&waiting["status"], &waiting["progress"]["submitted"]),
        (&json!("running"), &json!(0))
    );
    let app = app.restarted().await;
    let done = app.get(&format!("{path}?wait_s=60")).await.ok(200);
    assert_eq!(
        (&done["status"], &done["progress"]["submitted"]),
        (&json!("completed"), &json!(3))
    );
}

#[tokio::test]
async fn before_a_full_queue_a_sweep_waits_and_writes_nothing() {
    let app = TestApp::idle(|config| config.quota.owner_queued_runs = 2).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let begun = app
        .post(
            "/v1/sweeps",
            &json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}, "budget": {"runs": 9, "parallel": 9}}),
        )
        .await
        .ok(201);
    let path = format!("/v1/sweeps/{}", begun["id"].as_str().unwrap());
    app.app.sweeps.step_all().await.unwrap();
    let full = app.get(&path).await;
    app.app.sweeps.step_all().await.unwrap();
    let waiting = app.get(&path).await;
    assert_eq!(waiting.header("etag"), full.header("etag"));
    assert_eq!(waiting.ok(200)["progress"]["submitted"], 2);
}

#[tokio::test]
async fn before_a_full_queue_too_a_sweep_without_its_dataset_ends() {
    let app = TestApp::idle(|config| config.quota.owner_queued_runs = 1).await;
    let others = app.dataset("admin", "others", IRIS).await;
    app.post("/v1/runs", &iris_spec(others, "waits"))
        .await
        .ok(201);
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let begun = app
        .post(
            "/v1/sweeps",
            &json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}, "budget": {"runs": 3}}),
        )
        .await
        .ok(201);
    app.app.sweeps.step_all().await.unwrap();
    let gone = app
        .ask(Method::DELETE, &format!("/v1/datasets/{dataset}"))
        .send()
        .await;
    assert_eq!(gone.status, 204);
    app.app.sweeps.step_all().await.unwrap();
    let path = format!("/v1/sweeps/{}", begun["id"].as_str().unwrap());
    let ended = app.get(&path).await.ok(200);
    assert_eq!(ended["status"], "failed");
    assert_eq!(ended["status_reason"]["code"], "no_such_dataset");
}

#[tokio::test]
async fn a_grid_tries_every_combination_with_ordinary_runs() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let sweep = app
        .sweep(
            "admin",
            json!({
                "name": "grid",
                "spec": penguins(dataset),
                "space": {
                    "/network/0/units": {"kind": "integer", "low": 2, "high": 4},
                    "/network/0/activation": {"kind": "choice", "values": ["relu", "tanh"]},
                    "/training/batch_size": {"kind": "choice", "values": [16, 64]},
                },
                "strategy": {"kind": "grid"},
                "metadata": {"who": "test"},
            }),
        )
        .await;
    assert_eq!(sweep["status"], "completed");
    assert_eq!(sweep["status_reason"]["code"], "space_exhausted");
    assert_eq!(
        sweep["progress"],
        json!({"planned": 12, "submitted": 12, "finished": 12, "running": 0})
    );
    assert_eq!(sweep["metadata"], json!({"who": "test"}));
    assert_eq!(sweep["spec"]["dataset"], dataset.to_string());
    assert!(sweep["finished_at"].is_string());
    let rows = results(&app, &sweep).await;
    let tried: BTreeSet<String> = rows
        .iter()
        .map(|row| row["parameters"].to_string())
        .collect();
    assert_eq!(tried.len(), 12);

    // The values stand in the specs of ordinary runs.
    let listed = app
        .get(&format!(
            "/v1/runs?limit=100&sweep={}",
            sweep["id"].as_str().unwrap()
        ))
        .await
        .ok(200);
    let runs = listed["data"].as_array().unwrap();
    assert_eq!(runs.len(), 12);
    for row in &rows {
        let run = runs.iter().find(|run| run["id"] == row["run_id"]).unwrap();
        assert_eq!(run["sweep"], sweep["id"]);
        assert_eq!(run["status"], "succeeded");
        assert_eq!(run["name"], format!("grid-{}", row["number"]));
        let parameters = row["parameters"].as_object().unwrap();
        for (pointer, value) in parameters {
            assert_eq!(run["spec"].pointer(pointer), Some(value), "{pointer}");
        }
        assert_eq!(run["result"]["metrics"]["validation_loss"], row["value"]);
    }
    let best = rows
        .iter()
        .min_by(|a, b| {
            a["value"]
                .as_f64()
                .unwrap()
                .total_cmp(&b["value"].as_f64().unwrap())
        })
        .unwrap();
    assert_eq!(sweep["best"]["run_id"], best["run_id"]);
    assert_eq!(sweep["best"]["value"], best["value"]);
    assert_eq!(sweep["best"]["parameters"], best["parameters"]);
    let importance = sweep["importance"].as_array().unwrap();
    assert_eq!(importance.len(), 3);
    assert!(
        importance
            .windows(2)
            .all(|two| two[0]["importance"].as_f64() >= two[1]["importance"].as_f64())
    );
}

#[tokio::test]
async fn the_same_sweep_proposes_the_same_children_however_many_at_a_time() {
    let app = TestApp::with(|config| config.worker.slots = 2).await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    for strategy in [
        json!({"kind": "random"}),
        json!({"kind": "tpe", "startup": 4}),
        json!({"kind": "asha"}),
    ] {
        let document = |seed: u64| {
            json!({"spec": penguins(dataset), "space": space(), "strategy": strategy, "seed": seed,
                "budget": {"runs": 14, "parallel": 2}, "objective": {"metric": "validation_accuracy"}})
        };
        let first = app.sweep("admin", document(3)).await;
        let second = app.sweep("admin", document(3)).await;
        let other = app.sweep("admin", document(4)).await;
        assert_eq!(first["objective"]["direction"], "maximize");
        let rows = [
            results(&app, &first).await,
            results(&app, &second).await,
            results(&app, &other).await,
        ];
        for name in ["parameters", "value", "epoch", "stopped_early", "steps"] {
            assert_eq!(
                column(&rows[0], name),
                column(&rows[1], name),
                "{strategy}: {name}"
            );
        }
        assert_ne!(
            column(&rows[0], "parameters"),
            column(&rows[2], "parameters")
        );
    }
}

#[tokio::test]
async fn bad_children_stop_at_a_rung_and_leave_a_model() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let sweep = app
        .sweep(
            "admin",
            json!({"spec": penguins(dataset), "space": space(), "strategy": {"kind": "asha", "reduction": 3, "min_epochs": 1},
                "budget": {"runs": 15, "parallel": 1}, "seed": 1}),
        )
        .await;
    let rows = results(&app, &sweep).await;
    assert_eq!(rows.len(), 15);
    let stopped: Vec<&Value> = rows
        .iter()
        .filter(|row| row["stopped_early"] == true)
        .collect();
    assert!(stopped.len() >= 5, "{rows:?}");
    for row in &rows {
        let run = app
            .get(&format!("/v1/runs/{}", row["run_id"].as_str().unwrap()))
            .await
            .ok(200);
        // The rungs of 9 epochs are those after 1 and 3.
        let epoch = row["epoch"].as_u64().unwrap();
        let ending = &run["result"]["ending"]["kind"];
        if row["stopped_early"] == true {
            assert!([1, 3].contains(&epoch), "{row}");
            assert_eq!(ending, "stopped_at_rung");
        } else {
            assert_eq!((epoch, ending.as_str()), (9, Some("epochs_done")));
        }
        assert_eq!(run["status"], "succeeded");
        assert!(run["model"]["sha256"].is_string());
        let metrics = app
            .get(&format!(
                "/v1/runs/{}/metrics?names=validation_loss",
                row["run_id"].as_str().unwrap()
            ))
            .await
            .ok(200);
        let text = metrics.to_string();
        assert!(text.contains("validation_loss"), "{text}");
        assert_eq!(row["value"], run["result"]["metrics"]["validation_loss"]);
    }
    // The first two have nobody to be compared with, and the best one is never stopped.
    assert_eq!(
        (&rows[0]["stopped_early"], &rows[1]["stopped_early"]),
        (&json!(false), &json!(false))
    );
    let best = rows
        .iter()
        .find(|row| row["run_id"] == sweep["best"]["run_id"])
        .unwrap();
    assert_eq!(best["stopped_early"], false);
}

#[tokio::test]
async fn seeds_start_the_same_spec_from_several_places() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let sweep = app
        .sweep(
            "admin",
            json!({"spec": iris_spec(dataset, "start"), "strategy": {"kind": "seeds"}, "budget": {"runs": 4}}),
        )
        .await;
    assert_eq!(sweep["name"], "start");
    assert_eq!(sweep["status_reason"]["code"], "budget_runs");
    let rows = results(&app, &sweep).await;
    let seeds: Vec<&Value> = rows
        .iter()
        .map(|row| &row["parameters"]["/training/seed"])
        .collect();
    assert_eq!(seeds, [1, 2, 3, 4]);
    let values: BTreeSet<String> = rows.iter().map(|row| row["value"].to_string()).collect();
    assert_eq!(values.len(), 4);
}

#[tokio::test]
async fn a_larger_budget_lets_it_go_on_as_if_it_had_been_so_from_the_start() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let document = |runs: u64| {
        json!({"spec": penguins(dataset), "space": space(), "strategy": {"kind": "tpe", "startup": 3}, "seed": 9,
            "budget": {"runs": runs, "parallel": 1}})
    };
    let sweep = app.sweep("admin", document(6)).await;
    let path = format!("/v1/sweeps/{}", sweep["id"].as_str().unwrap());
    let stale = app.get(&path).await;
    let tag = stale.header("etag").to_owned();
    let larger = app
        .ask(Method::PATCH, &path)
        .header("if-match", &tag)
        .json(&json!({"budget": {"runs": 10}, "name": "more"}))
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&larger["status"], &larger["finished_at"]),
        (&json!("running"), &json!(null))
    );
    assert_eq!(
        larger["budget"],
        json!({"runs": 10, "minutes": null, "parallel": 1})
    );
    app.ask(Method::PATCH, &path)
        .header("if-match", &tag)
        .json(&json!({"name": "late"}))
        .send()
        .await
        .problem(412, "stale_etag");
    let done = app.get(&format!("{path}?wait_s=60")).await.ok(200);
    assert_eq!(done["status"], "completed");
    let at_once = app.sweep("admin", document(10)).await;
    let (grown, whole) = (results(&app, &done).await, results(&app, &at_once).await);
    assert_eq!(column(&grown, "parameters"), column(&whole, "parameters"));
    assert_eq!(column(&grown, "value"), column(&whole, "value"));
    // What has been trained stays, so no less than that is planned.
    let smaller = app.ask(Method::PATCH, &path);
    let smaller = smaller
        .json(&json!({"budget": {"runs": 3}}))
        .send()
        .await
        .ok(200);
    assert_eq!(
        (&smaller["budget"]["runs"], &smaller["status"]),
        (&json!(10), &json!("completed"))
    );
}

#[tokio::test]
async fn a_stopped_sweep_keeps_its_results_and_takes_back_what_waits() {
    // Nobody trains: the children wait.
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let begun = app
        .post(
            "/v1/sweeps",
            &json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}, "budget": {"runs": 9, "parallel": 3}}),
        )
        .await
        .ok(201);
    let path = format!("/v1/sweeps/{}", begun["id"].as_str().unwrap());
    app.app.sweeps.step_all().await.unwrap();
    let seen = app.get(&path).await.ok(200);
    assert_eq!(seen["progress"]["submitted"], 3);
    app.ask(Method::DELETE, &path)
        .send()
        .await
        .problem(409, "sweep_state_conflict");
    let stopping = app.post(&format!("{path}/stop"), &json!({})).await.ok(202);
    assert_eq!(
        (&stopping["status"], &stopping["terminal"]),
        (&json!("stopping"), &json!(false))
    );
    app.ask(Method::POST, &format!("{path}/stop"))
        .send()
        .await
        .ok(200);
    app.app.sweeps.step_all().await.unwrap();
    let stopped = app.get(&path).await.ok(200);
    assert_eq!(
        (&stopped["status"], &stopped["terminal"]),
        (&json!("stopped"), &json!(true))
    );
    let rows = results(&app, &stopped).await;
    assert_eq!(column(&rows, "status"), ["cancelled"; 3]);
    let run = app
        .get(&format!("/v1/runs/{}", rows[0]["run_id"].as_str().unwrap()))
        .await
        .ok(200);
    assert_eq!(run["status_reason"]["code"], "sweep_stopped");
    app.ask(Method::PATCH, &path)
        .json(&json!({"budget": {"runs": 20}}))
        .send()
        .await
        .problem(409, "sweep_state_conflict");

    // Its runs stay when it goes.
    app.ask(Method::DELETE, &path).send().await.ok_empty(204);
    app.get(&path).await.problem(404, "not_found");
    let left = app.get("/v1/runs").await.ok(200);
    assert_eq!(left["data"].as_array().unwrap().len(), 3);
    assert_eq!(left["data"][0]["sweep"], json!(null));
}

#[tokio::test]
async fn a_sweep_can_take_its_runs_along() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let other = app.train("admin", iris_spec(dataset, "other")).await;
    let sweep = app
        .sweep(
            "admin",
            json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}, "budget": {"runs": 2}}),
        )
        .await;
    let path = format!("/v1/sweeps/{}?runs=true", sweep["id"].as_str().unwrap());
    app.ask(Method::DELETE, &path).send().await.ok_empty(204);
    let left = app.get("/v1/runs").await.ok(200);
    assert_eq!(
        column(left["data"].as_array().unwrap(), "id"),
        [&json!(other.id)]
    );
    let models = app.get("/v1/models").await.ok(200);
    assert_eq!(models["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn minutes_end_a_sweep() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let begun = app
        .post(
            "/v1/sweeps",
            &json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}, "budget": {"runs": 50, "parallel": 2, "minutes": 10}}),
        )
        .await
        .ok(201);
    let path = format!("/v1/sweeps/{}", begun["id"].as_str().unwrap());
    let end_children = async || {
        let queued = app.get("/v1/runs?status=queued").await.ok(200);
        for run in queued["data"].as_array().unwrap() {
            let cancel = format!("/v1/runs/{}/cancel", run["id"].as_str().unwrap());
            app.ask(Method::POST, &cancel).send().await.ok(202);
        }
        app.app.sweeps.step_all().await.unwrap();
        app.get(&path).await.ok(200)
    };
    app.app.sweeps.step_all().await.unwrap();
    app.pass_ms(10 * 60_000 - 1);
    let sweep = end_children().await;
    assert_eq!(
        (&sweep["status"], &sweep["progress"]["submitted"]),
        (&json!("running"), &json!(4))
    );
    app.pass_ms(1);
    let sweep = end_children().await;
    assert_eq!(
        (&sweep["status"], &sweep["progress"]["submitted"]),
        (&json!("completed"), &json!(4))
    );
    assert_eq!(sweep["status_reason"]["code"], "budget_minutes");
    // More time lets it go on, and only what it was at work counts.
    app.pass_ms(3_600_000);
    app.ask(Method::PATCH, &path)
        .json(&json!({"budget": {"minutes": 11}}))
        .send()
        .await
        .ok(200);
    app.app.sweeps.step_all().await.unwrap();
    let sweep = app.get(&path).await.ok(200);
    assert_eq!(
        (&sweep["status"], &sweep["progress"]["submitted"]),
        (&json!("running"), &json!(6))
    );
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let app = TestApp::start().await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let mut document = json!({"spec": penguins(dataset), "space": space(), "strategy": {"kind": "tpe", "startup": 4}, "seed": 2,
        "budget": {"runs": 16, "parallel": 2}});
    let calm = app.sweep("admin", document.clone()).await;
    document["name"] = json!("disturbed");
    let disturbed = app.post("/v1/sweeps", &document).await.ok(201);
    let path = format!("/v1/sweeps/{}", disturbed["id"].as_str().unwrap());
    app.until(&path, |sweep| {
        sweep["progress"]["finished"].as_u64() >= Some(5)
    })
    .await;
    let app = app.restarted().await;
    let done = app.get(&format!("{path}?wait_s=60")).await.ok(200);
    assert_eq!(done["status"], "completed");
    let (calm, done) = (results(&app, &calm).await, results(&app, &done).await);
    assert_eq!(done.len(), 16);
    for name in ["number", "parameters", "value", "epoch", "steps"] {
        assert_eq!(column(&calm, name), column(&done, name), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_worked_off_is_refused_by_name() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let refused = async |change: Value| -> Vec<String> {
        let mut document =
            json!({"spec": penguins(dataset), "space": space(), "strategy": {"kind": "random"}});
        let fields = change.as_object().unwrap().clone();
        document.as_object_mut().unwrap().extend(fields);
        let problem = app
            .post("/v1/sweeps", &document)
            .await
            .problem(422, "invalid_sweep");
        let errors = problem["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| error["pointer"].as_str().unwrap().to_owned())
            .collect()
    };
    let float = |low: f64, high: f64| json!({"kind": "uniform", "low": low, "high": high});
    for (change, pointers) in [
        (
            json!({"space": {"/optimizer/learning_rte": float(0.0, 1.0)}}),
            vec!["/space/~1optimizer~1learning_rte/low"],
        ),
        (
            json!({"space": {"/optimizer/learning_rate": float(0.1, 1e9)}}),
            vec!["/space/~1optimizer~1learning_rate/high"],
        ),
        (
            json!({"space": {"/network/3/units": float(1.0, 2.0)}}),
            vec!["/space/~1network~13~1units"],
        ),
        (
            json!({"space": {"/network/0/units": float(1.0, 2.5)}}),
            vec!["/space/~1network~10~1units/low"],
        ),
        (
            json!({"space": {"/network/0/units": {"kind": "integer", "low": 4, "high": 4}}}),
            vec!["/space/~1network~10~1units/high"],
        ),
        (
            json!({"space": {"/network/0/units": {"kind": "integer", "low": 9, "high": 4}}}),
            vec!["/space/~1network~10~1units/high"],
        ),
        (
            json!({"space": {"/optimizer/learning_rate": {"kind": "log_uniform", "low": 5.0, "high": 1.0}}}),
            vec!["/space/~1optimizer~1learning_rate/high"],
        ),
        (
            json!({"space": {"/network/0/activation": {"kind": "choice", "values": ["relu", "rellu", 3]}}}),
            vec![
                "/space/~1network~10~1activation/values/1",
                "/space/~1network~10~1activation/values/2",
            ],
        ),
        (
            json!({"space": {"/dataset": {"kind": "choice", "values": ["a"]}}}),
            vec!["/space/~1dataset"],
        ),
        (
            json!({"space": {"optimizer": float(0.0, 1.0)}}),
            vec!["/space/optimizer"],
        ),
        (json!({"space": {}}), vec!["/space"]),
        (json!({"strategy": {"kind": "seeds"}}), vec!["/space"]),
        (
            json!({"strategy": {"kind": "tpe", "startup": 0, "candidates": 0}}),
            vec!["/strategy/startup", "/strategy/candidates"],
        ),
        (
            json!({"strategy": {"kind": "asha", "min_epochs": 9}}),
            vec!["/strategy/min_epochs"],
        ),
        (
            json!({"strategy": {"kind": "grid", "levels": 100}}),
            vec!["/budget/runs"],
        ),
        (
            json!({"objective": {"metric": "validation_los"}}),
            vec!["/objective/metric"],
        ),
        (
            json!({"objective": {"metric": "validation_loss", "direction": "maximize"}}),
            vec!["/objective/direction"],
        ),
        (
            json!({"budget": {"runs": 0, "minutes": 0, "parallel": 5_000}}),
            vec!["/budget/runs", "/budget/minutes", "/budget/parallel"],
        ),
        (
            json!({"spec": {"dataset": "nowhere", "task": {"kind": "classification", "target": "species"}}}),
            vec!["/spec/dataset"],
        ),
        (
            json!({"spec": {"dataset": dataset, "task": {"kind": "classification", "target": "colour"}},
            "space": {"/training/epochs": {"kind": "integer", "low": 1, "high": 9}}}),
            vec!["/spec/task/target"],
        ),
        (
            json!({"spec": {"name": "two\nlines", "dataset": dataset, "task": {"kind": "classification", "target": "species"}},
            "space": {"/training/epochs": {"kind": "integer", "low": 1, "high": 9}}}),
            vec!["/spec/name"],
        ),
    ] {
        assert_eq!(refused(change.clone()).await, pointers, "{change}");
    }
    // A spec that names no dataset is told so, not that there is none of an empty name.
    for (spec, code) in [
        (json!({"dataset": 5}), "wrong_type"),
        (json!({"dataset": null}), "wrong_type"),
        (json!({}), "required"),
    ] {
        let body = json!({"spec": spec, "strategy": {"kind": "seeds"}});
        let problem = app.post("/v1/sweeps", &body).await;
        let problem = problem.problem(422, "invalid_sweep");
        let errors = problem["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{problem}");
        assert_eq!(
            (&errors[0]["pointer"], &errors[0]["code"]),
            (&json!("/spec/dataset"), &json!(code))
        );
    }
    // A perceptron has no rungs.
    let spec = json!({"dataset": dataset, "task": {"kind": "classification", "target": "sex"}, "network": {"kind": "perceptron"}});
    let change = json!({"spec": spec, "strategy": {"kind": "asha"}, "space": {"/training/seed": {"kind": "integer", "low": 1, "high": 9}}});
    assert!(refused(change).await.contains(&"/strategy/kind".to_owned()));
    // Of an optimizer that the spec leaves out the space sets one part; what is missing is told with the reason.
    let mut bare = penguins(dataset);
    bare.as_object_mut().unwrap().remove("optimizer");
    let bare = json!({"spec": bare, "space": space(), "strategy": {"kind": "random"}});
    let problem = app.post("/v1/sweeps", &bare).await;
    let problem = problem.problem(422, "invalid_sweep");
    assert_eq!(problem["errors"][0]["pointer"], "/spec/optimizer/kind");
    let said = problem["errors"][0]["message"].as_str().unwrap();
    assert!(said.contains("`/optimizer/learning_rate`"), "{said}");
    let typo = json!({"spec": penguins(dataset), "space": space(), "strategy": {"kind": "random"}, "sead": 1});
    app.post("/v1/sweeps", &typo)
        .await
        .problem(422, "invalid_body");
    assert_eq!(app.get("/v1/sweeps").await.ok(200)["data"], json!([]));
}

#[tokio::test]
async fn a_list_is_no_part_of_a_sweep_read_by_position() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    let sound = json!({
        "spec": penguins(dataset),
        "space": {"/training/seed": {"kind": "integer", "low": 1, "high": 9}},
        "strategy": {"kind": "random"},
        "budget": {"runs": 3},
        "objective": {"metric": "validation_loss"},
    });
    for (place, list) in [
        ("/budget", json!([3, null, 2])),
        ("/objective", json!(["validation_loss", "minimize"])),
        ("/strategy", json!(["random"])),
        ("/space/~1training~1seed", json!(["integer", 1, 9])),
    ] {
        let mut body = sound.clone();
        *body.pointer_mut(place).unwrap() = list;
        let problem = app.post("/v1/sweeps", &body).await;
        let problem = problem.problem(422, "invalid_body");
        assert_eq!(problem["errors"][0]["pointer"], place, "{problem}");
    }
    let begun = app.post("/v1/sweeps", &sound).await.ok(201);
    let path = format!("/v1/sweeps/{}", begun["id"].as_str().unwrap());
    let change = |budget: Value| {
        let ask = app.ask(Method::PATCH, &path);
        ask.json(&json!({ "budget": budget })).send()
    };
    let problem = change(json!([4])).await.problem(422, "invalid_body");
    assert_eq!(problem["errors"][0]["pointer"], "/budget");
    assert_eq!(
        change(json!({"runs": 4})).await.ok(200)["budget"]["runs"],
        4
    );
}

#[tokio::test]
async fn a_combination_that_only_shows_itself_is_refused_alone() {
    let app = TestApp::with(|config| config.specs.run_memory_bytes = 2 << 20).await;
    let dataset = app.dataset("admin", "penguins", PENGUINS).await;
    // Each width is right beside a narrow layer; two wide ones need more memory than a run may have.
    let mut spec = penguins(dataset);
    spec["network"] = json!([{"kind": "dense", "units": 8}, {"kind": "dense", "units": 8}]);
    let sweep = app
        .sweep(
            "admin",
            json!({"spec": spec, "strategy": {"kind": "grid"}, "space": {
                "/network/0/units": {"kind": "choice", "values": [8, 400]},
                "/network/1/units": {"kind": "choice", "values": [8, 400]},
            }}),
        )
        .await;
    assert_eq!(sweep["status"], "completed", "{sweep}");
    let rows = results(&app, &sweep).await;
    assert_eq!(rows.len(), 4);
    for row in rows {
        if row["parameters"] == json!({"/network/0/units": 400, "/network/1/units": 400}) {
            assert_eq!(
                (&row["status"], &row["run_id"]),
                (&json!("refused"), &json!(null))
            );
            assert!(row["message"].as_str().unwrap().contains("bytes"), "{row}");
        } else {
            assert_eq!(row["status"], "succeeded");
        }
    }
}

#[tokio::test]
async fn the_same_key_begins_one_sweep() {
    let app = TestApp::idle(|_| {}).await;
    let dataset = app.dataset("admin", "iris", IRIS).await;
    let document = json!({"spec": iris_spec(dataset, "s"), "strategy": {"kind": "seeds"}});
    let send = || {
        app.ask(Method::POST, "/v1/sweeps")
            .header("idempotency-key", "k")
            .json(&document)
            .send()
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(first.ok(201), second.ok(201));
    assert_eq!(first.header("location"), second.header("location"));
    let listed = app.get("/v1/sweeps?order=asc").await.ok(200);
    assert_eq!(
        column(listed["data"].as_array().unwrap(), "id"),
        [&first.json()["id"]]
    );
}

#[tokio::test]
async fn a_sweep_of_embeddings_is_after_recall() {
    let app = TestApp::idle(|_| {}).await;
    let csv = include_bytes!("../../examples/penguins.csv");
    let dataset = app.dataset("admin", "penguins", csv).await.to_string();
    let sweep = |batch_sizes: [u32; 2]| {
        json!({
            "spec": {"dataset": dataset, "task": {"kind": "embedding", "target": "species"}, "loss": {"kind": "contrastive"}},
            "space": {
                "/loss/margin": {"kind": "log_uniform", "low": 0.1, "high": 10.0},
                "/training/batch_size": {"kind": "choice", "values": batch_sizes},
            },
            "strategy": {"kind": "random"},
            "budget": {"runs": 4},
        })
    };
    let begun = app.post("/v1/sweeps", &sweep([16, 32])).await.ok(201);
    assert_eq!(
        begun["objective"],
        json!({"metric": "validation_recall_at_1", "direction": "maximize"})
    );
    let problem = app.post("/v1/sweeps", &sweep([16, 5_000])).await;
    problem.problem(422, "invalid_sweep");
}
