//! A thousand watchers on two training runs: every one must see every event, and the server's memory must stay bounded.

use anyhow::{Context, ensure};
use futures_util::StreamExt;

use crate::server::{Row, Server, iris, iris_spec};

const N_WATCHERS: usize = 1000;

/// Counts gaps in the sequence numbers each watcher saw, and the server's memory.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let settings = [
        ("DESCENT_OTHER_PER_S", "1000000000"),
        ("DESCENT_SSE_PER_TOKEN", "2000"),
        ("DESCENT_SSE_TOTAL", "2000"),
    ];
    let server = Server::start(&settings).await?;
    let dataset = server.upload("iris", iris()?).await?;
    let mut ids = Vec::new();
    for name in ["watched-1", "watched-2"] {
        let spec = iris_spec(&dataset, name, 60_000);
        let run = server
            .json(server.client.post(server.url("/v1/runs")).json(&spec))
            .await?;
        ids.push(run["id"].as_str().context("a run id")?.to_owned());
    }
    let before = server.memory()?.now_bytes;
    let watchers: Vec<_> = (0..N_WATCHERS)
        .map(|i| {
            let url = server.url(&format!("/v1/runs/{}/events", ids[i % ids.len()]));
            tokio::spawn(watch(server.client.clone(), url, server.token.clone()))
        })
        .collect();
    let (mut n_events, mut n_gaps) = (0, 0);
    for watcher in watchers {
        let seen = watcher.await??;
        n_events += seen.n_events;
        n_gaps += seen.n_gaps;
    }
    let peak = server.memory()?.peak_bytes;
    ensure!(
        n_events > N_WATCHERS,
        "the watchers saw only {n_events} events"
    );
    let grown = peak.saturating_sub(before) as f64 / 1e6;
    Ok(vec![Row {
        what: "1,000 watchers while two runs train".into(),
        measured: format!(
            "{n_events} events seen, {n_gaps} lost; memory grew by {grown:.0} MB at its peak"
        ),
        goal: "0 lost, bounded",
        met: n_gaps == 0 && grown < 200.0,
    }])
}

struct Seen {
    n_events: usize,
    n_gaps: usize,
}

/// Follows a stream to its `done` event; sequence numbers must rise by one.
async fn watch(client: reqwest::Client, url: String, token: String) -> anyhow::Result<Seen> {
    let answer = client
        .get(&url)
        .bearer_auth(token)
        .header("accept", "text/event-stream")
        .send()
        .await?;
    let mut body = answer.error_for_status()?.bytes_stream();
    let mut pending = Vec::new();
    let (mut last, mut seen, mut done) = (
        0_u64,
        Seen {
            n_events: 0,
            n_gaps: 0,
        },
        false,
    );
    while let Some(chunk) = body.next().await {
        pending.extend_from_slice(&chunk?);
        while let Some(end) = memchr::memchr(b'\n', &pending) {
            let line = String::from_utf8(pending.drain(..=end).collect())?;
            if let Some(id) = line.strip_prefix("id:") {
                let id: u64 = id.trim().parse()?;
                seen.n_events += 1;
                seen.n_gaps += usize::try_from(id.saturating_sub(last + 1))?;
                last = id;
            }
            done |= line.trim_end() == "event: done" || line.trim_end() == "event:done";
        }
    }
    ensure!(done, "the stream ended without `done` after event {last}");
    Ok(seen)
}
