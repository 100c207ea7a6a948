//! Prediction of one row over HTTP, beside a bare axum handler, round after round in one sitting.

use std::net::SocketAddr;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::Context;

use crate::load;
use crate::server::{Row, Server, free_port, iris, iris_spec, median};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Requests per second as a ratio to the peer at 16 and 64 connections, then the p99 while two runs train.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let server = Server::start(&[
        ("DESCENT_PREDICT_PER_S", "4000000000"),
        ("DESCENT_OTHER_PER_S", "1000000000"),
    ])
    .await?;
    let dataset = server.upload("iris", iris()?).await?;
    let run = server
        .json(
            server
                .client
                .post(server.url("/v1/runs"))
                .json(&iris_spec(&dataset, "flower", 50)),
        )
        .await?;
    let run = server
        .finished(run["id"].as_str().context("a run id")?)
        .await?;
    let model = run["model"]["name"].as_str().context("a model name")?;
    let body = r#"{"rows":[[5.1,3.5,1.4,0.2]]}"#;
    let ours = load::post(&format!("/v1/models/{model}/predict"), &server.token, body);
    let theirs = load::post("/predict", &server.token, body);

    let port = free_port()?;
    let _peer = Peer(
        Command::new(std::env::current_exe()?)
            .args(["peer", &port.to_string()])
            .spawn()?,
    );
    let peer_address: SocketAddr = format!("127.0.0.1:{port}").parse()?;
    while tokio::net::TcpStream::connect(peer_address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let mut rows = Vec::new();
    for connections in [16, 64] {
        let (mut ratios, mut own) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let peer = load::run(peer_address, &theirs, connections, ROUND).await?;
            let mine = load::run(server.address, &ours, connections, ROUND).await?;
            // The first round warms both up.
            if round > 0 {
                ratios.push(mine.requests_per_s / peer.requests_per_s);
                own.push(mine.requests_per_s);
            }
        }
        let ratio = median(&mut ratios);
        rows.push(Row {
            what: format!(
                "predict one row, {connections} connections, authentication on, beside bare axum"
            ),
            measured: format!(
                "{ratio:.2} x ({:.2}-{:.2}); {:.0} requests/s",
                ratios[0],
                ratios[ROUNDS - 1],
                median(&mut own)
            ),
            goal: ">= 0.7 x",
            met: ratio >= 0.7,
        });
    }
    rows.push(while_training(&server, &dataset, &ours).await?);
    Ok(rows)
}

async fn while_training(server: &Server, dataset: &str, request: &[u8]) -> anyhow::Result<Row> {
    let mut ids = Vec::new();
    for name in ["busy-1", "busy-2"] {
        // Wide enough that two of them train for longer than all rounds take.
        let mut spec = iris_spec(dataset, name, 100_000);
        spec["network"] = serde_json::json!([
            {"kind": "dense", "units": 512, "activation": "relu"},
            {"kind": "dense", "units": 512, "activation": "relu"}
        ]);
        let run = server
            .json(server.client.post(server.url("/v1/runs")).json(&spec))
            .await?;
        ids.push(run["id"].as_str().context("a run id")?.to_owned());
    }
    for id in &ids {
        while server
            .json(server.client.get(server.url(&format!("/v1/runs/{id}"))))
            .await?["status"]
            != "running"
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let mut p99 = Vec::new();
    for _ in 0..ROUNDS {
        p99.push(load::run(server.address, request, 16, ROUND).await?.p99_ms);
    }
    for id in &ids {
        server
            .json(
                server
                    .client
                    .post(server.url(&format!("/v1/runs/{id}/cancel"))),
            )
            .await?;
    }
    let middle = median(&mut p99);
    Ok(Row {
        what: "predict p99 at 16 connections while two runs train".into(),
        measured: format!("{middle:.2} ms ({:.2}-{:.2})", p99[0], p99[ROUNDS - 1]),
        goal: "< 10 ms",
        met: middle < 10.0,
    })
}
