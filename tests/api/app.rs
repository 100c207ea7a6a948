//! The harness: the real service (router, edge, record, workers) in this process, with a temporary folder and a clock that
//! stands still until a test moves it. Requests go through the edge as a client's would; only the socket is missing.
//!
//! ```ignore
//! let app = TestApp::start().await;
//! let answer = app.get("/v1/limits").await;
//! assert_eq!(answer.status, 200);
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use bytes::Bytes;
use descent::api::Api;
use descent::api::edge::Edge;
use descent::app::App;
use descent::clock::{Clock, Entropy};
use descent::config::Config;
use descent::data::{Hint, Ingest, Limits};
use descent::ids::DatasetId;
use descent::router;
use descent::runs::message::Submission;
use descent::store::datasets::{self, Dataset};
use descent::store::runs::{Run, Status};
use descent::store::{Json, StoreError};
use descent::sweeps::sweeper;
use descent::tokens::{NewToken, Scopes};
use descent::worker::Workers;
use descent_engine::spec::Spec;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::Service;

/// When every test begins: 2027-01-15T08:00:00Z.
pub const START_MS: i64 = 1_800_000_000_000;

/// The service, and what a test may do behind its back.
pub struct TestApp {
    /// The rooms below the API.
    pub app: App,
    /// The API's own state.
    pub api: Api,
    /// Moves the clock.
    pub hand: Arc<AtomicI64>,
    /// Text of the owner `admin`'s token.
    pub admin: String,
    edge: Edge,
    workers: Option<Workers>,
    /// The service's own threads, which outlive a test that fails in the middle.
    runtime: Option<Runtime>,
    folder: tempfile::TempDir,
    /// How often the service was started on this folder before.
    n_restarts: u32,
}

impl Drop for TestApp {
    /// Ends the service in order: a training thread must not find its runtime gone.
    fn drop(&mut self) {
        let (workers, runtime) = (self.workers.take(), self.runtime.take());
        let ended = std::thread::spawn(move || {
            if let (Some(workers), Some(runtime)) = (workers, runtime) {
                runtime.block_on(workers.drain());
            }
        });
        // A panic there was printed; a second one here would hide the test's own.
        let _ = ended.join();
    }
}

impl TestApp {
    /// A service that trains.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A service that trains, with other settings.
    pub async fn with(settings: impl FnOnce(&mut Config)) -> Self {
        Self::idle(settings).await.at_work()
    }

    /// Ends the service as a signal would, and starts it again on the same folder.
    pub async fn restarted(self) -> Self {
        self.restarted_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn restarted_with(mut self, settings: impl FnOnce(&mut Config)) -> Self {
        self.app.stopping.cancel();
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let n_restarts = self.n_restarts + 1;
        drop(self);
        let test = Self::opened(folder, n_restarts, settings).await;
        test.app.runs.recover().await.unwrap();
        test.at_work()
    }

    /// Starts workers and sweeper.
    fn at_work(mut self) -> Self {
        let test = &mut self;
        let entered = test.runtime.as_ref().unwrap().enter();
        let app = &test.app;
        let workers =
            Workers::start(app.runs.clone(), app.clock.clone(), &app.config, None).unwrap();
        tokio::spawn(sweeper::work(app.sweeps.clone(), app.stopping.clone()));
        drop(entered);
        test.workers = Some(workers);
        self
    }

    /// A service without workers: whatever is queued stays queued.
    pub async fn idle(settings: impl FnOnce(&mut Config)) -> Self {
        Self::opened(tempfile::tempdir().unwrap(), 0, settings).await
    }

    async fn opened(
        folder: tempfile::TempDir,
        n_restarts: u32,
        settings: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::default();
        config.server.data_dir = folder.path().to_owned();
        config.quota.free_space_floor_bytes = 0;
        // A test asks faster than any client; the tests of the rates set their own.
        config.rates.other_per_s = 100_000;
        settings(&mut config);
        // Another process draws other random numbers, and its time goes on.
        let seed = 7 + u64::from(n_restarts);
        let (clock, hand) = Clock::manual(START_MS + 60_000 * i64::from(n_restarts));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        // The service lives on threads of its own; they may be waited for from any other.
        let opened = std::thread::spawn(move || {
            let app = runtime
                .block_on(App::open_with(config, clock, Entropy::seeded(seed), None))
                .unwrap();
            (runtime, app)
        });
        let (runtime, app) = opened.join().unwrap();
        let api = Api::open(app.clone()).await.unwrap();
        let edge = router::service(api.clone(), 1);
        let mut test = TestApp {
            app,
            api,
            hand,
            admin: String::new(),
            edge,
            workers: None,
            runtime: Some(runtime),
            folder,
            n_restarts,
        };
        test.admin = test.token("admin", "admin").await;
        test
    }

    /// From here on requests meet an API that knows nothing but what is on record, as after a restart.
    pub async fn restart(&mut self) {
        self.api = Api::open(self.app.clone()).await.unwrap();
        self.edge = router::service(self.api.clone(), 2);
    }

    /// A token of `owner` with `scopes`, separated by spaces.
    pub async fn token(&self, owner: &str, scopes: &str) -> String {
        let scopes: Scopes = scopes.parse().unwrap();
        let wanted = NewToken {
            owner: owner.to_owned(),
            name: "test".to_owned(),
            scopes,
            expires_at_ms: None,
        };
        let (_, text) = self.app.create_token(wanted, "test").await.unwrap();
        self.api.reload_tokens().await.unwrap();
        text
    }

    /// Signs a browser in with a token; answers its cookie, as the browser sends it.
    pub async fn sign_in(&self, token: &str) -> String {
        let ask = self.ask(Method::POST, "/v1/session").anonymous();
        let answer = ask.json(&json!({"token": token})).send().await;
        answer.ok(200);
        let cookie = answer.header("set-cookie");
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Moves the clock.
    pub fn pass_ms(&self, ms: i64) {
        self.hand.fetch_add(ms, Ordering::SeqCst);
    }

    /// A request with the admin token, to be completed and sent.
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let headers = HeaderMap::from_iter([(header::HOST, "127.0.0.1".parse().unwrap())]);
        Ask {
            app: self,
            method,
            path: path.to_owned(),
            headers,
            body: Body::empty(),
        }
        .token(&self.admin)
    }

    /// GET with the admin token.
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    /// POST of a JSON document with the admin token.
    pub async fn post(&self, path: &str, document: &Value) -> Answer {
        self.ask(Method::POST, path).json(document).send().await
    }

    /// A dataset of `owner` on record, looked at as an upload would be.
    pub async fn dataset(&self, owner: &str, name: &str, csv: &[u8]) -> DatasetId {
        let mut ingest = Ingest::new(Limits::default(), Hint::default());
        ingest.push(csv).unwrap();
        let ingested = ingest.finish().unwrap();
        let staged = self.app.blobs.put(csv.to_vec()).await.unwrap();
        let id = DatasetId(self.app.ids.next().unwrap());
        let row = Dataset {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            sha256: staged.sha256().to_owned(),
            size_bytes: staged.size_bytes(),
            format: Json::of(&ingested.format).unwrap(),
            n_rows: ingested.n_rows as i64,
            n_columns: ingested.columns.len() as i64,
            schema: Json::of(&ingested.schema()).unwrap(),
            profile: Json::of(&ingested).unwrap(),
            version: 1,
            created_at_ms: self.app.clock.now_ms(),
            updated_at_ms: self.app.clock.now_ms(),
        };
        let written = self.app.store.write(move |tx| {
            Box::pin(async move {
                staged.record(tx).await?;
                datasets::insert(tx, &row).await?;
                Ok::<_, StoreError>(())
            })
        });
        written.await.unwrap();
        id
    }

    /// Submits a spec past HTTP.
    pub async fn submit(&self, owner: &str, document: Value) -> Run {
        let spec = Spec::from_value(document).unwrap();
        self.app
            .runs
            .submit(Submission {
                owner: owner.to_owned(),
                spec,
                remember: None,
            })
            .await
            .unwrap()
    }

    /// Trains a small network on the irises and answers the run; its model has the name `name`.
    pub async fn model(&self, owner: &str, name: &str) -> Run {
        let dataset = self
            .dataset(owner, "iris", include_bytes!("../../examples/iris.csv"))
            .await;
        self.train(owner, iris_spec(dataset, name)).await
    }

    /// Begins a sweep of `owner` and answers it once it is over.
    pub async fn sweep(&self, owner: &str, document: Value) -> Value {
        let token = self.token(owner, "runs").await;
        let begun = self.ask(Method::POST, "/v1/sweeps").token(&token);
        let begun = begun.json(&document).send().await.ok(201);
        let path = format!("/v1/sweeps/{}?wait_s=60", begun["id"].as_str().unwrap());
        let sweep = self.ask(Method::GET, &path).token(&token).send().await;
        let sweep = sweep.ok(200);
        assert_eq!(sweep["terminal"], true, "{sweep}");
        sweep
    }

    /// Waits until what stands at `path`, a sweep, is as it should be.
    pub async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) {
        let mut moved = self.app.sweeps.subscribe();
        while !wanted(&self.get(path).await.ok(200)) {
            moved.recv().await.unwrap();
        }
    }

    /// Submits a spec and waits for its model.
    pub async fn train(&self, owner: &str, document: Value) -> Run {
        let run = self.submit(owner, document).await;
        let run = self
            .app
            .runs
            .wait(owner, run.id, std::time::Duration::from_secs(120))
            .await
            .unwrap();
        assert_eq!(
            run.status,
            Status::Succeeded,
            "{:?} {:?}",
            run.reason_code,
            run.reason_message
        );
        run
    }
}

/// A 4-8-3 network with few epochs.
pub fn iris_spec(dataset: DatasetId, name: &str) -> Value {
    json!({
        "name": name,
        "dataset": dataset.to_string(),
        "task": {"kind": "classification", "target": "target"},
        "network": [{"kind": "dense", "units": 8, "activation": "relu"}],
        "training": {"epochs": 20, "seed": 1},
    })
}

/// A request on its way.
pub struct Ask<'a> {
    app: &'a TestApp,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Body,
}

impl Ask<'_> {
    /// Sets a header, in place of one of the same name.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Another token than the admin's.
    pub fn token(self, text: &str) -> Self {
        self.header("authorization", &format!("Bearer {text}"))
    }

    /// No token at all.
    pub fn anonymous(mut self) -> Self {
        self.headers.remove(header::AUTHORIZATION);
        self
    }

    /// A JSON body.
    pub fn json(self, document: &Value) -> Self {
        self.body("application/json", document.to_string())
    }

    /// Any body.
    pub fn body(self, media_type: &str, bytes: impl Into<Body>) -> Self {
        self.bytes(bytes).header("content-type", media_type)
    }

    /// Sets the body and says nothing of its type.
    pub fn bytes(mut self, bytes: impl Into<Body>) -> Self {
        self.body = bytes.into();
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let (parts, body) = self.call().await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Sends it and answers the stream of events that comes back.
    pub async fn open(self) -> Stream {
        let ask = self.header("accept", "text/event-stream");
        let response = ask.call().await;
        assert_eq!(response.status(), 200);
        Stream {
            body: response.into_body(),
            pending: String::new(),
        }
    }

    async fn call(self) -> axum::response::Response {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .body(self.body)
            .unwrap();
        *request.headers_mut() = self.headers;
        let mut edge = self.app.edge.clone();
        edge.call(request)
            .await
            .unwrap_or_else(|never| match never {})
    }
}

/// Server-sent events, read one by one: what is not asked for stays with the server.
pub struct Stream {
    body: Body,
    pending: String,
}

impl Stream {
    /// `(id, type, data)` of the next event; comments are passed over.
    pub async fn next(&mut self) -> (u64, String, Value) {
        loop {
            while let Some((frame, rest)) = self.pending.split_once("\n\n") {
                let field = |name: &str| {
                    let line = frame.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|rest| rest.trim().to_owned())
                };
                let found = field("id:").zip(field("event:")).zip(field("data:"));
                let found = found
                    .map(|((id, kind), data)| (id.parse().unwrap(), kind, data.parse().unwrap()));
                self.pending = rest.to_owned();
                if let Some(event) = found {
                    return event;
                }
            }
            // A stream that says nothing fails the test instead of holding it up.
            let patience = std::time::Duration::from_secs(60);
            let more = tokio::time::timeout(patience, self.body.frame()).await;
            let more = more.expect("an event").expect("an open stream").unwrap();
            self.pending += std::str::from_utf8(more.data_ref().unwrap()).unwrap();
        }
    }

    /// Waits for the end of the stream and answers what it said from now on.
    pub async fn end(mut self) -> String {
        let rest = async {
            let mut said = String::new();
            while let Some(more) = self.body.frame().await {
                let more = more.unwrap().into_data().unwrap();
                said += std::str::from_utf8(&more).unwrap();
            }
            said
        };
        // A stream that goes on fails the test instead of holding it up.
        let patience = std::time::Duration::from_secs(60);
        let ended = tokio::time::timeout(patience, rest).await;
        ended.expect("the end of the stream")
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.text()))
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header as text; empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// A success of this status, as JSON.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// A success without a body.
    #[track_caller]
    pub fn ok_empty(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        assert!(self.body.is_empty());
    }

    /// Checks that it is a problem document of this status and code, and answers it.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(
            (document["status"].as_u64(), document["code"].as_str()),
            (Some(u64::from(status)), Some(code)),
            "{document}"
        );
        assert_eq!(
            document["request_id"].as_str(),
            Some(self.header("x-request-id"))
        );
        document
    }
}
