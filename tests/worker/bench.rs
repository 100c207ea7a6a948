//! An application in a temporary folder, with a clock that stands still until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use descent::app::App;
use descent::blobs::Faults;
use descent::clock::{Clock, Entropy};
use descent::config::Config;
use descent::data::{Hint, Ingest, Limits};
use descent::ids::{DatasetId, RunId};
use descent::runs::RunsError;
use descent::runs::message::{Job, Submission};
use descent::store::datasets::{self, Dataset};
use descent::store::events::{self, Event};
use descent::store::runs::{Run, Status};
use descent::store::{self, Json, StoreError};
use descent_engine::spec::Spec;
use serde_json::{Value, json};

pub struct Bench {
    pub app: App,
    pub hand: Arc<AtomicI64>,
    pub dir: Arc<tempfile::TempDir>,
}

/// When every test begins.
pub const START_MS: i64 = 1_800_000_000_000;

impl Bench {
    pub async fn new() -> Self {
        Self::with(|_| {}, None).await
    }

    pub async fn with(settings: impl FnOnce(&mut Config), faults: Option<Faults>) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self::at(dir, settings, faults).await
    }

    pub async fn at(
        dir: Arc<tempfile::TempDir>,
        settings: impl FnOnce(&mut Config),
        faults: Option<Faults>,
    ) -> Self {
        let mut config = Config::default();
        config.server.data_dir = dir.path().to_owned();
        config.quota.free_space_floor_bytes = 0;
        settings(&mut config);
        let (clock, hand) = Clock::manual(START_MS);
        let app = App::open_with(config, clock, Entropy::seeded(7), faults)
            .await
            .unwrap();
        Self { app, hand, dir }
    }

    /// Ends this process's part in the folder, as a clean stop would.
    pub async fn close(self) -> Arc<tempfile::TempDir> {
        self.app.store.close().await;
        self.dir
    }

    pub fn pass_ms(&self, ms: i64) {
        self.hand.fetch_add(ms, Ordering::SeqCst);
    }

    /// A dataset of `owner` whose bytes are `bytes`, looked at as an upload would be.
    pub async fn dataset(&self, owner: &str, name: &str, bytes: &[u8]) -> DatasetId {
        let mut ingest = Ingest::new(Limits::default(), Hint::default());
        ingest.push(bytes).unwrap();
        let ingested = ingest.finish().unwrap();
        let staged = self.app.blobs.put(bytes.to_vec()).await.unwrap();
        let id = DatasetId(self.app.ids.next().unwrap());
        let now_ms = self.app.clock.now_ms();
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
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        self.app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    staged.record(tx).await?;
                    datasets::insert(tx, &row).await
                })
            })
            .await
            .unwrap();
        id
    }

    /// Two classes on a line, for tests of the record alone.
    pub async fn small_dataset(&self, owner: &str) -> DatasetId {
        let rows: String = (0..60)
            .map(|i| format!("{i}.5,{}\n", if i % 2 == 0 { "even" } else { "odd" }))
            .collect();
        self.dataset(owner, "small", format!("x,target\n{rows}").as_bytes())
            .await
    }

    pub async fn submit(
        &self,
        owner: &str,
        dataset: DatasetId,
        priority: i64,
    ) -> Result<Run, RunsError> {
        let task = json!({"kind": "classification", "target": "target"});
        self.post(
            owner,
            json!({"dataset": dataset.to_string(), "priority": priority, "task": task}),
        )
        .await
    }

    pub async fn post(&self, owner: &str, document: Value) -> Result<Run, RunsError> {
        let spec = Spec::from_value(document).unwrap();
        self.app
            .runs
            .submit(Submission {
                owner: owner.to_owned(),
                spec,
                remember: None,
            })
            .await
    }

    pub async fn claim(&self) -> Option<Job> {
        self.app.runs.claim("w").await.unwrap()
    }

    pub async fn show(&self, owner: &str, id: RunId) -> Run {
        self.app.runs.show(owner, id).await.unwrap()
    }

    pub async fn events(&self, id: RunId) -> Vec<Event> {
        let all = events::page(&self.app.store, id, 0, None, 100_000)
            .await
            .unwrap();
        let seqs: Vec<i64> = all.iter().map(|event| event.seq).collect();
        assert_eq!(
            seqs,
            (1..=all.len() as i64).collect::<Vec<_>>(),
            "event numbers are dense from 1"
        );
        all
    }

    /// The states a run went through, from its events.
    pub async fn states(&self, id: RunId) -> Vec<String> {
        let all = self.events(id).await;
        let states = all.iter().filter(|event| event.kind == events::Kind::State);
        states
            .map(|event| {
                event.body.parse::<Value>().unwrap()["status"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    /// Puts a run into any state, past the transition table: the starting points of the tests of that table.
    pub async fn force(&self, id: RunId, status: Status) {
        self.app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let run = store::runs::get(tx, id, None).await?.unwrap();
                    let (was, fence) = (run.status, run.fence);
                    assert!(store::runs::save(tx, &Run { status, ..run }, was, fence).await?);
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    }
}
