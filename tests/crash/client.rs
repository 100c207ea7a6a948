//! What a user's client does: upload, submit with a key, look, follow.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

use crate::server::Server;

/// Speaks to one life of the server; a killed server needs a new one.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
}

/// What became of a request that changes something.
#[derive(Debug)]
pub enum Answer {
    /// 2xx: the id in its `Location`. From here on it must exist.
    Promised(String),
    /// A complete answer that is no 2xx.
    Refused(String),
    /// No answer: it may have happened or not.
    Unknown,
}

/// Upload pieces; small enough that a kill finds most of a file still to be sent.
const PIECE: usize = 64 << 10;

impl Client {
    pub fn new(server: &Server) -> Self {
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client without TLS always builds");
        Self {
            http,
            url: server.url.clone(),
            token: server.token.clone(),
        }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
    }

    async fn change(&self, request: RequestBuilder) -> Answer {
        let Ok(answer) = request.send().await else {
            return Answer::Unknown;
        };
        let status = answer.status();
        let location = answer
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        match (status.is_success(), location) {
            (true, Some(location)) => {
                Answer::Promised(location.rsplit('/').next().unwrap_or_default().to_owned())
            }
            (true, None) => Answer::Refused(format!("{status} without a Location")),
            (false, _) => match answer.text().await {
                Ok(text) => Answer::Refused(format!("{status}: {text}")),
                Err(_) => Answer::Unknown,
            },
        }
    }

    /// Uploads a CSV file in pieces.
    pub async fn upload(&self, name: &str, bytes: Bytes) -> Answer {
        let pieces: Vec<Result<Bytes, std::io::Error>> = (0..bytes.len())
            .step_by(PIECE)
            .map(|from| Ok(bytes.slice(from..bytes.len().min(from + PIECE))))
            .collect();
        let request = self
            .request(reqwest::Method::POST, &format!("/v1/datasets?name={name}"))
            .header("content-type", "text/csv")
            .body(reqwest::Body::wrap_stream(futures_util::stream::iter(
                pieces,
            )));
        self.change(request).await
    }

    /// Submits a run; the same key never makes two.
    pub async fn submit(&self, key: &str, spec: &Value) -> Answer {
        self.create("/v1/runs", key, spec).await
    }

    /// Creates what the document asks for; the same key never makes two.
    pub async fn create(&self, path: &str, key: &str, document: &Value) -> Answer {
        self.change(
            self.request(reqwest::Method::POST, path)
                .header("idempotency-key", key)
                .json(document),
        )
        .await
    }

    /// JSON of a GET that must succeed.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        json(path, self.request(reqwest::Method::GET, path)).await
    }

    /// JSON of a POST that must succeed and creates nothing.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        json(path, self.request(reqwest::Method::POST, path).json(body)).await
    }

    /// Bytes of a GET that must succeed.
    pub async fn bytes(&self, path: &str) -> Result<Bytes, String> {
        let answer = self
            .request(reqwest::Method::GET, path)
            .send()
            .await
            .map_err(|e| format!("GET {path}: {e:?}"))?;
        let status = answer.status();
        let bytes = answer
            .bytes()
            .await
            .map_err(|e| format!("GET {path}: {e:?}"))?;
        if status == StatusCode::OK {
            Ok(bytes)
        } else {
            Err(format!("GET {path}: {status}"))
        }
    }

    /// Every item of a list.
    pub async fn all(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all
                .last()
                .and_then(|item| item["id"].as_str())
                .map(|id| format!("&after={id}"))
                .unwrap_or_default();
            let page = self
                .get(&format!("{path}?limit=100&order=asc{after}"))
                .await?;
            all.extend(
                page["data"]
                    .as_array()
                    .ok_or("a list without data")?
                    .iter()
                    .cloned(),
            );
            if page["has_more"] != true {
                return Ok(all);
            }
        }
    }

    /// A run once it is over.
    pub async fn finished(&self, id: &str) -> Result<Value, String> {
        loop {
            let run = self.get(&format!("/v1/runs/{id}?wait_s=30")).await?;
            if run["terminal"] == true {
                return Ok(run);
            }
        }
    }

    /// The events of a run as they come, (sort, JSON), until the stream ends.
    pub fn follow(&self, runtime: &tokio::runtime::Handle, id: &str) -> Receiver<(String, Value)> {
        let request = self
            .request(reqwest::Method::GET, &format!("/v1/runs/{id}/events"))
            .header("accept", "text/event-stream");
        let (sender, events) = channel();
        runtime.spawn(async move {
            let Ok(answer) = request.send().await else {
                return;
            };
            let mut pieces = answer.bytes_stream();
            let mut text = Vec::new();
            while let Some(Ok(piece)) = pieces.next().await {
                text.extend_from_slice(&piece);
                while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = text.drain(..end + 2).collect();
                    if let Some(event) = parse(&String::from_utf8_lossy(&block))
                        && sender.send(event).is_err()
                    {
                        return;
                    }
                }
            }
        });
        events
    }
}

async fn json(path: &str, request: RequestBuilder) -> Result<Value, String> {
    let answer = request.send().await.map_err(|e| format!("{path}: {e:?}"))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|e| format!("{path}: {e:?}"))?;
    if status != StatusCode::OK {
        return Err(format!("{path}: {status} {text}"));
    }
    serde_json::from_str(&text).map_err(|e| format!("{path}: {e}: {text}"))
}

/// One block of an event stream; comments are none.
fn parse(block: &str) -> Option<(String, Value)> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Some((
        field("event")?.to_owned(),
        serde_json::from_str(field("data")?).ok()?,
    ))
}

/// A spec with its key as a label, so that every run can be told apart.
pub fn keyed(spec: &Value, key: &str) -> Value {
    let mut spec = spec.clone();
    spec["metadata"] = serde_json::json!({"key": key});
    spec
}
