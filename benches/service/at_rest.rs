//! The server at rest: how soon after its start it is ready, and how much memory it holds when nobody asks for anything.

use crate::server::{Row, Server, median};

const STARTS: usize = 5;

/// Milliseconds to ready and resident megabytes, medians of several starts with an empty data folder.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let server = Server::start(&[]).await?;
        ready.push(server.ready_after.as_secs_f64() * 1000.0);
        memory.push(server.memory()?.now_bytes as f64 / 1e6);
    }
    let (ready, memory) = (median(&mut ready), median(&mut memory));
    Ok(vec![
        Row {
            what: "start to ready".into(),
            measured: format!("{ready:.0} ms"),
            goal: "< 300 ms",
            met: ready < 300.0,
        },
        Row {
            what: "memory at rest".into(),
            measured: format!("{memory:.0} MB"),
            goal: "< 40 MB",
            met: memory < 40.0,
        },
    ])
}
