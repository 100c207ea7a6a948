//! Sweeps on a server that is killed again and again end with the very children of sweeps that nobody disturbed.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client::{Answer, Client};
use crate::plan::Dice;
use crate::record::{Record, verify};
use crate::server::Server;
use crate::undisturbed;

/// Kills, at moments spread over the whole of what the sweeps do.
const KILLS: u32 = 12;

/// One sweep of every sort whose children follow from something.
fn documents() -> Vec<Value> {
    let strategies = [
        json!({"kind": "random"}),
        json!({"kind": "grid", "levels": 3}),
        json!({"kind": "tpe", "startup": 4}),
        json!({"kind": "asha", "reduction": 3, "min_epochs": 3}),
    ];
    strategies
        .into_iter()
        .map(|strategy| {
            json!({
                "name": strategy["kind"],
                "spec": {
                    "dataset": "penguins",
                    "task": {"kind": "classification", "target": "species"},
                    "network": [{"kind": "dense", "units": 32, "activation": "relu"}, {"kind": "dropout", "rate": 0.2}],
                    "optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9},
                    "training": {"epochs": 30, "batch_size": 8, "seed": 5, "checkpoint": {"min_interval_ms": 0}},
                },
                "space": {
                    "/optimizer/learning_rate": {"kind": "log_uniform", "low": 1e-4, "high": 0.3},
                    "/network/0/units": {"kind": "integer", "low": 8, "high": 64, "log": true},
                },
                "strategy": strategy,
                "budget": {"runs": 9, "parallel": 2},
                "seed": 21,
            })
        })
        .collect()
}

/// Begins the sweeps; answers their ids.
fn begin(runtime: &Runtime, server: &Server) -> Vec<String> {
    let client = Client::new(server);
    let mut record = Record::default();
    for (name, bytes) in undisturbed::examples() {
        record.upload_now(runtime, &client, name, bytes);
    }
    documents()
        .iter()
        .enumerate()
        .map(|(index, document)| {
            let key = format!("sweep-{index}");
            match runtime.block_on(client.create("/v1/sweeps", &key, document)) {
                Answer::Promised(id) => id,
                other => panic!("sweep {index}: {other:?}"),
            }
        })
        .collect()
}

/// Every sweep once it is over, as its results: what was tried, what came of it.
async fn results(client: &Client, ids: &[String]) -> Result<Vec<Vec<Value>>, String> {
    let mut all = Vec::new();
    for id in ids {
        let mut sweep = Value::Null;
        while sweep["terminal"] != true {
            sweep = client.get(&format!("/v1/sweeps/{id}?wait_s=30")).await?;
        }
        if sweep["status"] != "completed" {
            return Err(format!("sweep {id} is {}", sweep["status"]));
        }
        let page = client
            .get(&format!("/v1/sweeps/{id}/results?limit=100&order=asc"))
            .await?;
        let rows = page["data"].as_array().ok_or("results without data")?;
        let runs = client
            .get(&format!("/v1/runs?limit=100&sweep={id}"))
            .await?;
        let listed: HashSet<&str> = runs["data"]
            .as_array()
            .ok_or("a list without data")?
            .iter()
            .filter_map(|run| run["id"].as_str())
            .collect();
        let tried: HashSet<&str> = rows
            .iter()
            .filter_map(|row| row["run_id"].as_str())
            .collect();
        if listed != tried || tried.len() != rows.len() {
            return Err(format!(
                "sweep {id} has {} children and {} runs",
                rows.len(),
                listed.len()
            ));
        }
        all.push(rows.iter().map(comparable).collect());
    }
    Ok(all)
}

/// A result without what differs between two sweeps that are the same: the ids.
fn comparable(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("run_id");
    }
    row
}

fn calm(runtime: &Runtime, data_dir: &Path) -> (Vec<Vec<Value>>, Duration) {
    let server = Server::start(data_dir, &[]).unwrap();
    let ids = begin(runtime, &server);
    let began = Instant::now();
    let found = runtime
        .block_on(results(&Client::new(&server), &ids))
        .unwrap();
    server.terminate(Duration::from_secs(10)).unwrap();
    (found, began.elapsed())
}

#[test]
fn a_killed_sweep_ends_with_the_children_of_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = crate::runtime();
    let (expected, took) = calm(&runtime, &folder.path().join("calm"));

    let data_dir = folder.path().join("data");
    let mut dice = Dice::new(crate::setting("DESCENT_CRASH_SEED", 1957));
    let mut server = Server::start(&data_dir, &[]).unwrap();
    let ids = begin(&runtime, &server);
    let mut n_at_work = 0;
    for _ in 0..KILLS {
        server.live_for(dice.moment(2 * took / KILLS)).unwrap();
        server.kill_now().unwrap();
        drop(server);
        runtime.block_on(verify(&data_dir)).unwrap();
        server = Server::start(&data_dir, &[]).unwrap();
        let client = Client::new(&server);
        for id in &ids {
            let sweep = runtime
                .block_on(client.get(&format!("/v1/sweeps/{id}")))
                .unwrap();
            n_at_work += usize::from(sweep["terminal"] == false);
        }
    }
    assert!(n_at_work > 0, "every sweep was over before the first kill");
    let found = runtime
        .block_on(results(&Client::new(&server), &ids))
        .unwrap();
    server.terminate(Duration::from_secs(10)).unwrap();
    runtime.block_on(verify(&data_dir)).unwrap();
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "{}", documents()[index]["strategy"]);
    }
    println!("{KILLS} kills, {n_at_work} times a sweep in the middle, all children equal");
}
