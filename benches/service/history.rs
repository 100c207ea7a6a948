//! Lists and the queue of somebody with a long history: 100,000 runs on record and 1,000 queued.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, ensure};
use descent::app::App;
use descent::config::Config;
use descent::data::{Hint, Ingest, Limits};
use descent::ids::{DatasetId, RunId, SweepId};
use descent::runs::message::Submission;
use descent::store::datasets::{self, Dataset};
use descent::store::runs::{self, Run, Status};
use descent::store::sweeps::{self, Sweep};
use descent::store::{Json, StoreError};
use descent::tokens::ADMIN;
use descent_engine::spec::Spec;
use serde_json::{Value, json};

use crate::server::{Row, Server, iris, iris_spec, median};

const N_RUNS: usize = 100_000;
const N_QUEUED: usize = 1_000;
/// Requests of one sort.
const ASKED: usize = 30;
const GOAL_MS: f64 = 50.0;

/// The slowest median of all lists, and the queue.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let folder = Server::folder()?;
    let known = fill(folder.path()).await?;
    let server = Server::start_in(
        folder,
        &[
            ("DESCENT_OTHER_PER_S", "1000000000"),
            ("DESCENT_OWNER_QUEUED_RUNS", "2000"),
        ],
    )
    .await?;
    // Nothing is given out, so that all of them stay queued.
    let drain = server.client.patch(server.url("/v1/queue"));
    server.json(drain.json(&json!({"draining": true}))).await?;
    let specs: Vec<Value> = (0..N_QUEUED)
        .map(|number| iris_spec(&known.dataset, &format!("queued-{number}"), 1))
        .collect();
    let batch = server.client.post(server.url("/v1/runs:batch"));
    let begun = Instant::now();
    server.json(batch.json(&json!({"runs": specs}))).await?;
    let batch_ms = begun.elapsed().as_secs_f64() * 1e3;

    let mut slowest = (0.0, String::new());
    let mut worst = 0.0_f64;
    for query in known.queries() {
        let times = asked(&server, &format!("/v1/runs?{query}")).await?;
        if times.0 > slowest.0 {
            slowest = (times.0, query);
        }
        worst = worst.max(times.1);
    }
    let (queue, queue_worst) = asked(&server, "/v1/queue").await?;
    let row = |what: String, ms: f64, worst: f64| Row {
        what,
        measured: format!("{ms:.1} ms (at most {worst:.1})"),
        goal: "< 50 ms",
        met: ms < GOAL_MS,
    };
    Ok(vec![
        row(
            format!(
                "a page of runs among 100,000, the slowest of all filters (`{}`)",
                slowest.1
            ),
            slowest.0,
            worst,
        ),
        row(
            "the queue and its positions, 1,000 queued of 101,000 runs".into(),
            queue,
            queue_worst,
        ),
        Row {
            what: "1,000 runs in one batch, request to answer".into(),
            measured: format!("{batch_ms:.0} ms"),
            goal: "< 2,000 ms",
            met: batch_ms < 2_000.0,
        },
    ])
}

/// Median and maximum of the time of one GET, in milliseconds.
async fn asked(server: &Server, path: &str) -> anyhow::Result<(f64, f64)> {
    let mut times = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let begun = Instant::now();
        server.json(server.client.get(server.url(path))).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let middle = median(&mut times);
    eprintln!("{path}: {middle:.1} ms");
    Ok((middle, times[ASKED - 1]))
}

/// What the history holds that can be asked for.
struct Known {
    dataset: String,
    sweep: String,
    /// In the middle of the list.
    middle: String,
}

impl Known {
    /// Every filter, several at a time, and pages far behind.
    fn queries(&self) -> Vec<String> {
        let Self {
            dataset,
            sweep,
            middle,
        } = self;
        vec![
            "limit=20".into(),
            "limit=100".into(),
            "limit=100&order=asc".into(),
            format!("limit=100&after={middle}"),
            "status=queued&limit=100".into(),
            "status=failed".into(),
            "status=failed,cancelled,succeeded&limit=100".into(),
            "status=running".into(),
            "family=classification".into(),
            "family=regression".into(),
            format!("dataset={dataset}&status=cancelled"),
            format!("sweep={sweep}&limit=100"),
            format!("sweep={sweep}&status=failed"),
            "metadata[who]=notebook".into(),
            "metadata[number]=77&status=succeeded".into(),
            "metadata[number]=77&metadata[who]=notebook".into(),
            "metadata[who]=nobody".into(),
            "metadata[who]=notebook&status=queued,running".into(),
        ]
    }
}

/// Puts the history on record: rows as they are when runs are over.
async fn fill(data_dir: &Path) -> anyhow::Result<Known> {
    let mut config = Config::default();
    config.server.data_dir = data_dir.to_owned();
    let app = App::open(config).await?;
    let dataset = dataset(&app).await?;
    let spec = Spec::from_value(iris_spec(&dataset.to_string(), "old", 1))
        .map_err(|found| anyhow::anyhow!("{found:?}"))?;
    let model = app
        .runs
        .submit(Submission {
            owner: ADMIN.to_owned(),
            spec,
            remember: None,
        })
        .await?;
    app.runs.cancel(ADMIN, model.id).await?;
    let sweep = sweep(&app, &model).await?;
    let mut middle = model.id;
    for chunk in 0..N_RUNS / 1_000 {
        let mut rows = Vec::with_capacity(1_000);
        for number in 0..1_000 {
            rows.push(old(&app, &model, sweep, chunk * 1_000 + number)?);
        }
        if chunk == N_RUNS / 2_000 {
            middle = rows[0].id;
        }
        let write = app.store.write(move |tx| {
            Box::pin(async move {
                for row in &rows {
                    runs::insert(tx, row).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        write.await?;
    }
    app.store.close().await;
    ensure!(data_dir.join("descent.db").exists(), "nothing was written");
    Ok(Known {
        dataset: dataset.to_string(),
        sweep: sweep.to_string(),
        middle: middle.to_string(),
    })
}

/// A run that is over, with labels; every hundredth is a child of the sweep.
fn old(app: &App, model: &Run, sweep: SweepId, number: usize) -> anyhow::Result<Run> {
    Ok(Run {
        id: RunId(app.ids.next()?),
        name: format!("old-{number}"),
        status: [
            Status::Succeeded,
            Status::Succeeded,
            Status::Failed,
            Status::Cancelled,
        ][number % 4],
        metadata: Json::of(&json!({"who": "notebook", "number": (number % 1_000).to_string()}))?,
        sweep_id: number.is_multiple_of(100).then_some(sweep),
        ..model.clone()
    })
}

async fn sweep(app: &App, model: &Run) -> anyhow::Result<SweepId> {
    let none = Json::of(&json!({}))?;
    let row = Sweep {
        id: SweepId(app.ids.next()?),
        owner: ADMIN.to_owned(),
        name: "old".to_owned(),
        status: sweeps::Status::Stopped,
        reason_code: None,
        reason_message: None,
        spec: model.spec.clone(),
        space: none.clone(),
        strategy: Json::of(&json!({"kind": "seeds"}))?,
        objective: Json::of(&json!({"metric": "validation_loss", "direction": "minimize"}))?,
        rungs: Json::of(&json!([]))?,
        seed: 0,
        max_runs: 1_000,
        max_minutes: None,
        parallel: 1,
        space_size: None,
        metadata: none,
        version: 1,
        spent_ms: 0,
        active_since_ms: 0,
        created_at_ms: 0,
        finished_at_ms: None,
    };
    let id = row.id;
    let write = app
        .store
        .write(move |tx| Box::pin(async move { sweeps::insert(tx, &row).await }));
    write.await.map(|()| id).context("a sweep")
}

async fn dataset(app: &App) -> anyhow::Result<DatasetId> {
    let csv = iris()?;
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(&csv)?;
    let ingested = ingest.finish()?;
    let staged = app.blobs.put(csv).await?;
    let row = Dataset {
        id: DatasetId(app.ids.next()?),
        owner: ADMIN.to_owned(),
        name: "iris".to_owned(),
        sha256: staged.sha256().to_owned(),
        size_bytes: staged.size_bytes(),
        format: Json::of(&ingested.format)?,
        n_rows: ingested.n_rows as i64,
        n_columns: ingested.columns.len() as i64,
        schema: Json::of(&ingested.schema())?,
        profile: Json::of(&ingested)?,
        version: 1,
        created_at_ms: app.clock.now_ms(),
        updated_at_ms: app.clock.now_ms(),
    };
    let id = row.id;
    let write = app.store.write(move |tx| {
        Box::pin(async move {
            staged.record(tx).await?;
            datasets::insert(tx, &row).await?;
            Ok::<_, StoreError>(id)
        })
    });
    Ok(write.await?)
}
