//! Many small runs: nothing lost, nothing twice, and a commit shared by many.

use std::time::Instant;

use descent::store::events::{self, Kind};
use descent::store::runs::{Filter, Status};
use descent::store::{Order, Page};
use descent::worker::Workers;
use futures_util::StreamExt;
use serde_json::json;

use crate::bench::Bench;

/// How many; `DESCENT_SMALL_RUNS=1000` measures what the README says.
#[allow(clippy::disallowed_methods)] // a measurement is asked for from outside
fn n_runs() -> usize {
    std::env::var("DESCENT_SMALL_RUNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_runs_are_all_finished_once() {
    let bench = Bench::with(|config| config.quota.owner_queued_runs = 10_000, None).await;
    let iris = include_bytes!("../../examples/iris.csv");
    let dataset = bench.dataset("ann", "iris", iris).await;
    let workers = Workers::start(
        bench.app.runs.clone(),
        bench.app.clock.clone(),
        &bench.app.config,
        None,
    )
    .unwrap();
    let n_runs = n_runs();
    let began = Instant::now();
    let header = std::str::from_utf8(iris).unwrap().lines().next().unwrap();
    let target = header.rsplit(',').next().unwrap();
    let submissions = futures_util::stream::iter(0..n_runs).map(|seed| {
        bench.post(
            "ann",
            json!({"name": "iris", "dataset": dataset.to_string(), "task": {"kind": "classification", "target": target},
                "network": [{"kind": "dense", "units": 16, "activation": "relu"}], "training": {"epochs": 100, "seed": seed}}),
        )
    });
    let submitted: Vec<_> = submissions.buffer_unordered(16).collect().await;
    let queued_s = began.elapsed().as_secs_f64();
    for run in &submitted {
        let run = run.as_ref().unwrap();
        let row = bench
            .app
            .runs
            .wait("ann", run.id, std::time::Duration::from_secs(120))
            .await
            .unwrap();
        assert_eq!(
            row.status,
            Status::Succeeded,
            "{:?} {:?}",
            row.reason_message,
            row.reason_detail
        );
    }
    let all_s = began.elapsed().as_secs_f64();
    println!(
        "{n_runs} runs: queued in {queued_s:.2} s, finished in {all_s:.2} s, {:.0} runs/s",
        n_runs as f64 / all_s
    );

    let mut versions = Vec::new();
    let mut page = Page {
        limit: 100,
        after: None,
        order: Order::Asc,
    };
    loop {
        let part = bench
            .app
            .runs
            .list("ann", &Filter::default(), &page)
            .await
            .unwrap();
        versions.extend(part.rows.iter().map(|run| run.model_version.unwrap()));
        page.after = part.rows.last().map(|run| run.id.to_string());
        if !part.has_more {
            break;
        }
    }
    versions.sort_unstable();
    assert_eq!(
        versions,
        (1..=n_runs as i64).collect::<Vec<_>>(),
        "one model version each"
    );
    let sample = submitted[n_runs / 2].as_ref().unwrap().id;
    let done = events::page(&bench.app.store, sample, 0, Some(Kind::Done), 10)
        .await
        .unwrap();
    assert_eq!(done.len(), 1);
    workers.drain().await;
}
