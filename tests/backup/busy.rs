//! A data folder with much going on: uploads, runs that report and checkpoint, and blobs that go.

use std::path::Path;
use std::sync::Arc;

use descent::app::App;
use descent::data::{Hint, Ingest, Ingested, Limits};
use descent::ids::DatasetId;
use descent::runs::message::{NewCheckpoint, NewModel, Outcome, Report, Started, Submission};
use descent::store::datasets::{self, Dataset};
use descent::store::metrics::Series;
use descent::store::{Json, Page};
use descent_engine::spec::Spec;
use serde_json::json;
use tokio::sync::watch;

pub struct Busy {
    pub app: App,
    dir: tempfile::TempDir,
    /// Writes done so far, and whether no more shall come.
    progress: watch::Sender<(u64, bool)>,
}

const OWNER: &str = "ann";
/// More than an inline blob, so that it is a file.
const LARGE: usize = 100_000;

/// What an upload would say of a table with two classes. The bytes below are noise: nobody decodes them.
fn described() -> Ingested {
    let rows: String = (0..60)
        .map(|i| format!("{i}.5,{}\n", if i % 2 == 0 { "even" } else { "odd" }))
        .collect();
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(format!("x,target\n{rows}").as_bytes()).unwrap();
    ingest.finish().unwrap()
}

impl Busy {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let app = crate::open(dir.path()).await;
        Self {
            app,
            dir,
            progress: watch::Sender::new((0, false)),
        }
    }

    pub fn data_dir(&self) -> &Path {
        self.dir.path()
    }

    pub async fn reopen(&self, folder: &Path) -> App {
        crate::open(folder).await
    }

    pub fn commits(&self) -> u64 {
        self.progress.borrow().0
    }

    /// Waits until so many writes were done, or all there will be.
    pub async fn wait_for_commits(&self, wanted: u64) {
        let mut progress = self.progress.subscribe();
        progress
            .wait_for(|(commits, stopping)| *commits >= wanted || *stopping)
            .await
            .unwrap();
    }

    fn committed(&self) {
        self.progress.send_modify(|progress| progress.0 += 1);
    }

    /// Lets the loops below end.
    pub fn stop(&self) {
        self.progress.send_modify(|progress| progress.1 = true);
    }

    fn stopping(&self) -> bool {
        self.progress.borrow().1
    }

    /// Bytes nobody else has.
    fn bytes(&self, n_bytes: usize) -> Vec<u8> {
        let mut bytes = vec![0; n_bytes];
        self.app.entropy.fill(&mut bytes).unwrap();
        bytes
    }

    /// A dataset that nobody will decode.
    pub async fn dataset(&self, n_bytes: usize) -> DatasetId {
        let staged = self.app.blobs.put(self.bytes(n_bytes)).await.unwrap();
        let id = DatasetId(self.app.ids.next().unwrap());
        let now_ms = self.app.clock.now_ms();
        let ingested = described();
        let row = Dataset {
            id,
            owner: OWNER.to_owned(),
            name: "load".to_owned(),
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
        let store = &self.app.store;
        let write = store.write(move |tx| {
            Box::pin(async move {
                staged.record(tx).await?;
                datasets::insert(tx, &row).await
            })
        });
        write.await.unwrap();
        self.committed();
        id
    }

    pub async fn datasets_of(&self, app: &App) -> Vec<Dataset> {
        let page = Page {
            limit: 100_000,
            ..Page::default()
        };
        datasets::list(&app.store, OWNER, None, &page)
            .await
            .unwrap()
            .rows
    }

    /// Adds datasets, and deletes every second one.
    pub async fn upload(self: Arc<Self>) {
        let mut n_done = 0_usize;
        while !self.stopping() {
            let id = self
                .dataset(if n_done.is_multiple_of(3) {
                    500
                } else {
                    LARGE + n_done
                })
                .await;
            if n_done % 2 == 1 {
                let delete = self
                    .app
                    .store
                    .write(move |tx| Box::pin(datasets::delete(tx, OWNER, id, None)));
                delete.await.unwrap();
            }
            n_done += 1;
        }
    }

    /// Submits runs and works them off by hand: reports with metrics, checkpoints that replace each other, a model.
    pub async fn train(self: Arc<Self>) {
        let dataset = self.dataset(500).await;
        while !self.stopping() {
            self.submit(dataset).await;
            self.work_off().await;
        }
    }

    async fn submit(&self, dataset: DatasetId) {
        let document = json!({"dataset": dataset.to_string(), "task": {"kind": "classification", "target": "target"}});
        let spec = Spec::parse(document.to_string().as_bytes()).unwrap();
        self.app
            .runs
            .submit(Submission {
                owner: OWNER.to_owned(),
                spec,
                remember: None,
            })
            .await
            .unwrap();
        self.committed();
    }

    /// Claims the next run and brings it to its end.
    pub async fn work_off(&self) {
        let runs = &self.app.runs;
        let job = runs.claim("w").await.unwrap().unwrap();
        let started = Started {
            resolved_spec: job.spec.clone(),
            path: None,
        };
        runs.report(
            job.run,
            job.fence,
            Report {
                started: Some(started),
                ..Report::default()
            },
        )
        .await
        .unwrap();
        for step in 1..=8_u64 {
            let staged = runs.stage(self.bytes(LARGE)).await.unwrap();
            let checkpoint = NewCheckpoint {
                staged,
                step: step as i64 * 2,
                epoch: step as i64,
                is_best: step == 3,
            };
            let loss = Series {
                name: "loss".into(),
                steps: vec![step * 2 - 1, step * 2],
                values: vec![0.5, f64::NAN],
            };
            let report = Report {
                series: vec![loss],
                checkpoint: Some(checkpoint.into()),
                ..Report::default()
            };
            runs.report(job.run, job.fence, report).await.unwrap();
            self.committed();
        }
        let object = || Json::of(&json!({})).unwrap();
        let weights = runs.stage(self.bytes(LARGE)).await.unwrap().into();
        let model = NewModel {
            weights,
            document: object(),
            metrics: object(),
            result: object(),
        };
        let last = Report {
            finalizing: true,
            ..Report::default()
        };
        runs.finish(
            job.run,
            job.fence,
            last,
            Outcome::Trained(Box::new(model), None),
        )
        .await
        .unwrap();
        self.committed();
    }

    /// Deletes what nobody refers to, again and again.
    pub async fn collect(self: Arc<Self>) {
        while !self.stopping() {
            self.wait_for_commits(self.commits() + 5).await;
            self.app.blobs.collect(-1).await.unwrap();
        }
    }
}
