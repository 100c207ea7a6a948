//! The server under test: the release binary in a process of its own, on a free port, with a temporary data folder.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

/// One line of the table that is printed at the end.
pub struct Row {
    pub what: String,
    pub measured: String,
    pub goal: &'static str,
    pub met: bool,
}

/// A running server; it is killed when this is dropped.
pub struct Server {
    child: Child,
    _folder: tempfile::TempDir,
    pub address: SocketAddr,
    pub token: String,
    pub ready_after: Duration,
    pub client: reqwest::Client,
}

impl Server {
    /// Starts `descent serve` with the limits that a benchmark would run into lifted, and waits until it is ready.
    pub async fn start(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_in(Self::folder()?, settings).await
    }

    /// A data folder on a real disk.
    pub fn folder() -> anyhow::Result<tempfile::TempDir> {
        Ok(tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(target_folder())?)
    }

    /// The same on a folder that was filled before.
    pub async fn start_in(
        folder: tempfile::TempDir,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let address: SocketAddr = format!("127.0.0.1:{}", free_port()?).parse()?;
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_descent"))
            .args(["serve", "--listen", &address.to_string(), "--data-dir"])
            .arg(folder.path())
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .spawn()
            .context("descent serve")?;
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(256)
            .build()?;
        let mut server = Self {
            child,
            address,
            client,
            token: String::new(),
            ready_after: Duration::ZERO,
            _folder: folder,
        };
        server.wait_until_ready(started).await?;
        server.token = std::fs::read_to_string(server._folder.path().join("admin.token"))?
            .trim()
            .to_owned();
        Ok(server)
    }

    async fn wait_until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < Duration::from_secs(20) {
            if let Ok(answer) = self.client.get(self.url("/readyz")).send().await
                && answer.status().is_success()
            {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} before it was ready");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the server was not ready within 20 s")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Peak and present resident memory of the server process, in bytes.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> anyhow::Result<u64> {
            let line = text
                .lines()
                .find(|line| line.starts_with(name))
                .context("a field of /proc/.../status")?;
            Ok(line
                .split_whitespace()
                .nth(1)
                .context("a number")?
                .parse::<u64>()?
                * 1024)
        };
        Ok(Memory {
            peak_bytes: field("VmHWM:")?,
            now_bytes: field("VmRSS:")?,
        })
    }

    /// Sends a request with the admin token and reads its JSON answer; anything but a 2xx is an error with the answer in it.
    pub async fn json(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{status}: {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Uploads a CSV and answers its dataset id.
    pub async fn upload(&self, name: &str, csv: Vec<u8>) -> anyhow::Result<String> {
        let request = self
            .client
            .post(self.url(&format!("/v1/datasets?name={name}")));
        let dataset = self
            .json(request.header("content-type", "text/csv").body(csv))
            .await?;
        Ok(dataset["id"].as_str().context("a dataset id")?.to_owned())
    }

    /// Waits for a run to end and answers it; a run that did not succeed is an error.
    pub async fn finished(&self, id: &str) -> anyhow::Result<Value> {
        loop {
            let run = self
                .json(
                    self.client
                        .get(self.url(&format!("/v1/runs/{id}?wait_s=30"))),
                )
                .await?;
            if run["terminal"] == true {
                if run["status"] != "succeeded" {
                    bail!(
                        "run {id} ended as {}: {}",
                        run["status"],
                        run["status_reason"]
                    );
                }
                return Ok(run);
            }
        }
    }
}

/// Resident memory of a process.
pub struct Memory {
    pub peak_bytes: u64,
    pub now_bytes: u64,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended by itself; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Where big temporary files go: beside the build, which is on a real disk even where `/tmp` is memory.
pub fn target_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The iris flowers, shipped with the repository.
pub fn iris() -> anyhow::Result<Vec<u8>> {
    Ok(std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/iris.csv"
    ))?)
}

/// A 4-16-3 network on iris for so many epochs, without early stopping.
pub fn iris_spec(dataset: &str, name: &str, epochs: u32) -> Value {
    serde_json::json!({
        "name": name,
        "dataset": dataset,
        "task": {"kind": "classification", "target": "target"},
        "network": [{"kind": "dense", "units": 16, "activation": "relu"}],
        "optimizer": {"kind": "sgd", "learning_rate": 0.1},
        "training": {"epochs": epochs, "batch_size": 16, "seed": 7, "early_stopping": null}
    })
}

/// The middle value; the slice is sorted in place.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
