//! A thousand small runs, each submitted by a request of its own, until the last one has finished.

use std::time::Instant;

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::server::{Row, Server, iris, iris_spec};

const N_RUNS: usize = 1000;

/// Runs per second from the first submit to the last finish.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let server = Server::start(&[
        ("DESCENT_OTHER_PER_S", "1000000000"),
        ("DESCENT_OWNER_QUEUED_RUNS", "2000"),
    ])
    .await?;
    let dataset = server.upload("iris", iris()?).await?;
    let started = Instant::now();
    let ids: Vec<String> = stream::iter(0..N_RUNS)
        .map(|i| {
            let (server, dataset) = (&server, &dataset);
            async move {
                let spec = iris_spec(dataset, &format!("iris-{i}"), 100);
                let run = server
                    .json(server.client.post(server.url("/v1/runs")).json(&spec))
                    .await?;
                anyhow::Ok(run["id"].as_str().context("a run id")?.to_owned())
            }
        })
        .buffer_unordered(16)
        .try_collect()
        .await?;
    let submitted = started.elapsed().as_secs_f64();
    stream::iter(&ids)
        .map(anyhow::Ok)
        .try_for_each_concurrent(16, |id| async { server.finished(id).await.map(drop) })
        .await?;
    let elapsed = started.elapsed().as_secs_f64();
    let mut distinct = ids.clone();
    distinct.sort();
    distinct.dedup();
    ensure!(distinct.len() == N_RUNS, "two submits answered the same id");
    let rate = N_RUNS as f64 / elapsed;
    Ok(vec![Row {
        what: "1,000 iris runs (4-16-3, 100 epochs), single requests, submit to finish".into(),
        measured: format!("{rate:.0} runs/s, none lost (all submitted after {submitted:.1} s)"),
        goal: ">= 100 runs/s",
        met: rate >= 100.0,
    }])
}
