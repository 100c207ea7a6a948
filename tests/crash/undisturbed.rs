//! The same specs on a server nobody disturbs, and the comparison with those that were killed again and again.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use descent::app::App;
use descent::config::Config;
use descent::store::events::{self, Kind};
use descent::store::metrics::{self, Series};
use descent::store::runs::{self, Filter, Run};
use descent::store::{Order, Page};
use descent::tokens::ADMIN;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::record::Record;
use crate::server::Server;

/// A run that was in work goes on within this time of the restart (P6).
const RESUMED_WITHIN_MS: i64 = 5_000;

/// What the specs train on.
pub fn examples() -> [(&'static str, Bytes); 2] {
    ["iris", "penguins"].map(|name| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(format!("{name}.csv"));
        (name, Bytes::from(std::fs::read(path).unwrap()))
    })
}

/// Trains every spec once, undisturbed. Answers how long the short one took.
pub fn train_all(runtime: &Runtime, data_dir: &Path, specs: &[Value]) -> Duration {
    let server = Server::start(data_dir, &[]).unwrap();
    let client = Client::new(&server);
    let mut record = Record::default();
    for (name, bytes) in examples() {
        record.upload_now(runtime, &client, name, bytes);
    }
    for spec_idx in 0..specs.len() {
        record
            .submit_now(runtime, &client, spec_idx, specs)
            .unwrap();
    }
    let mut short_run = Duration::ZERO;
    for submit in &record.submits {
        let run = runtime
            .block_on(client.finished(submit.id.as_deref().unwrap()))
            .unwrap();
        assert_eq!(run["status"], "succeeded", "{run}");
        short_run = Duration::from_millis(run["timings"]["running_ms"].as_u64().unwrap());
        println!(
            "undisturbed: {} in {short_run:?}, {}",
            run["name"], run["progress"]
        );
    }
    server.terminate(Duration::from_secs(10)).unwrap();
    short_run
}

/// A finished run as the record has it.
struct Finished {
    run: Run,
    series: Vec<Series>,
}

pub async fn open(data_dir: &Path) -> App {
    let mut config = Config::default();
    config.server.data_dir = data_dir.to_owned();
    App::open(config).await.unwrap()
}

async fn finished(app: &App) -> Vec<Finished> {
    let page = Page {
        limit: 100_000,
        after: None,
        order: Order::Asc,
    };
    let mut all = Vec::new();
    for run in runs::list(&app.store, ADMIN, &Filter::default(), &page)
        .await
        .unwrap()
        .rows
    {
        let series = metrics::series(&app.store, run.id, &[]).await.unwrap();
        all.push(Finished { run, series });
    }
    all
}

/// Compares every run with the undisturbed one of the same name: weights, result, and every point of every series, bit by
/// bit. Answers what was compared.
pub async fn compare(calm_dir: &Path, data_dir: &Path, record: &Record) -> Result<String, String> {
    let (calm, killed) = (open(calm_dir).await, open(data_dir).await);
    let wanted: HashMap<String, Finished> = finished(&calm)
        .await
        .into_iter()
        .map(|one| (one.run.name.clone(), one))
        .collect();
    let all = finished(&killed).await;
    if all.len() != record.submits.len() {
        return Err(format!(
            "{} runs were submitted and {} are there",
            record.submits.len(),
            all.len()
        ));
    }
    let (mut n_points, mut n_resumed, mut slowest_ms) = (0, 0, 0);
    for one in &all {
        let wanted = &wanted[&one.run.name];
        if one.run.weights_sha256 != wanted.run.weights_sha256
            || one.run.result != wanted.run.result
        {
            return Err(format!(
                "run {} of {} after {} attempts: weights {:?} and result {:?}, undisturbed {:?} and {:?}",
                one.run.id,
                one.run.name,
                one.run.attempts,
                one.run.weights_sha256,
                one.run.result,
                wanted.run.weights_sha256,
                wanted.run.result
            ));
        }
        same_series(one, wanted)?;
        n_points += one
            .series
            .iter()
            .map(|series| series.steps.len())
            .sum::<usize>();
        for delay_ms in resumed_after(&killed, &one.run).await {
            if delay_ms > RESUMED_WITHIN_MS {
                return Err(format!(
                    "run {} trained again only {delay_ms} ms after a restart",
                    one.run.id
                ));
            }
            n_resumed += 1;
            slowest_ms = slowest_ms.max(delay_ms);
        }
    }
    calm.store.close().await;
    killed.store.close().await;
    Ok(format!(
        "{n_points} metric points equal, {n_resumed} times resumed within {slowest_ms} ms"
    ))
}

fn same_series(one: &Finished, wanted: &Finished) -> Result<(), String> {
    let names = |all: &[Series]| {
        all.iter()
            .map(|series| series.name.clone())
            .collect::<Vec<_>>()
    };
    if names(&one.series) != names(&wanted.series) {
        return Err(format!(
            "run {} has the series {:?}, undisturbed {:?}",
            one.run.id,
            names(&one.series),
            names(&wanted.series)
        ));
    }
    for (found, calm) in one.series.iter().zip(&wanted.series) {
        let bits = |series: &Series| {
            series
                .values
                .iter()
                .map(|value| value.to_bits())
                .collect::<Vec<_>>()
        };
        if found.steps != calm.steps {
            let n_same = found
                .steps
                .iter()
                .zip(&calm.steps)
                .take_while(|(a, b)| a == b)
                .count();
            return Err(format!(
                "run {} of {}: {:?} has {} points instead of {}; after {n_same} equal ones comes step {:?} instead of {:?}",
                one.run.id,
                one.run.name,
                found.name,
                found.steps.len(),
                calm.steps.len(),
                found.steps.get(n_same),
                calm.steps.get(n_same)
            ));
        }
        if bits(found) != bits(calm) {
            let at = found
                .values
                .iter()
                .zip(&calm.values)
                .position(|(a, b)| a.to_bits() != b.to_bits())
                .unwrap_or_default();
            return Err(format!(
                "run {} of {}: {:?} at step {} is {} instead of {}",
                one.run.id,
                one.run.name,
                found.name,
                found.steps[at],
                found.values[at],
                calm.values[at]
            ));
        }
    }
    Ok(())
}

/// For every restart that found the run in work and lived long enough: how long until it was in work again.
async fn resumed_after(app: &App, run: &Run) -> Vec<i64> {
    let mut delays_ms = Vec::new();
    let mut requeued_ms = None;
    for event in events::page(&app.store, run.id, 0, Some(Kind::State), 100_000)
        .await
        .unwrap()
    {
        let body: Value = event.body.parse().unwrap();
        match body["status"].as_str() {
            Some("queued") => requeued_ms = Some(event.ts_ms),
            Some("running") => {
                // The very first start waits for its turn in the queue; that is no resumption.
                if let Some(since_ms) = requeued_ms.take().filter(|_| body["attempt"] != 1) {
                    delays_ms.push(event.ts_ms - since_ms);
                }
            }
            _ => {}
        }
    }
    delays_ms
}
