//! What recording costs: steps per second of a training inside the server's worker, which records loss, learning rate and gradient norm of
//! every step, and the points of the weights' path, in the database, beside the same training with an observer that records nothing. The
//! path's snapshots wait for a checkpoint, and none is taken. Prints JSON lines as the peer bench does;
//! `make bench` runs it: `recording THREADS`.
//!
//! Both sides are the same process, data and spec, taken in turn. A look at the clock at the first and the last step of every epoch
//! leaves out what lies between two epochs, which is the same on both sides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use descent::app::App;
use descent::config::Config;
use descent::data::{Hint, Ingest, Ingested, Limits, Prepared, Roles, decode, prepare};
use descent::ids::{DatasetId, RunId};
use descent::runs::message::Submission;
use descent::store::datasets::{self, Dataset};
use descent::store::{Json, runs::Status};
use descent::worker::{Moment, Probe, Workers};
use descent_engine::rng::{Purpose, Stream};
use descent_engine::spec::Spec;
use descent_engine::trainer::{Directive, Observer, StepReport, Trainer};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pairs of a recorded and an unrecorded training.
const PAIRS: usize = 7;

const OWNER: &str = "bench";

/// Networks of the peer bench on fewer rows: a step does not depend on their number.
struct Workload {
    name: &'static str,
    widths: &'static [u64],
    n_features: usize,
    n_classes: u64,
    n_rows: usize,
    batch_size: usize,
    epochs: u64,
}

const WORKLOADS: [Workload; 2] = [
    Workload {
        name: "W1",
        widths: &[16],
        n_features: 4,
        n_classes: 3,
        n_rows: 160 * 16,
        batch_size: 16,
        epochs: 250,
    },
    Workload {
        name: "W2",
        widths: &[512, 256],
        n_features: 784,
        n_classes: 10,
        n_rows: 40 * 128,
        batch_size: 128,
        epochs: 6,
    },
];

/// Adds up the time between the first and the last step of each epoch.
struct Watch {
    steps_per_epoch: u64,
    begun: Instant,
    total: Duration,
}

impl Watch {
    fn new(steps_per_epoch: u64) -> Self {
        Self {
            steps_per_epoch,
            begun: Instant::now(),
            total: Duration::ZERO,
        }
    }

    fn step(&mut self, step: u64) {
        match step % self.steps_per_epoch {
            1 => self.begun = Instant::now(),
            0 => self.total += self.begun.elapsed(),
            _ => {}
        }
    }
}

/// A watch that the worker's probe and a bare observer hold in the same way, so that holding it costs both sides the same.
type Shared = Arc<Mutex<Watch>>;

fn probe(watch: &Shared) -> Probe {
    let watch = watch.clone();
    Arc::new(move |_, moment| {
        if let Moment::Step(step) = moment {
            locked(&watch).step(step);
        }
    })
}

fn locked(watch: &Shared) -> MutexGuard<'_, Watch> {
    watch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds since the watch was asked last.
fn taken(watch: &Shared) -> f64 {
    std::mem::take(&mut locked(watch).total).as_secs_f64()
}

/// Records nothing.
struct Bare {
    run: RunId,
    probe: Probe,
}

impl Observer for Bare {
    fn step(&mut self, report: &StepReport) -> Directive {
        (self.probe)(self.run, Moment::Step(report.step));
        Directive::Continue
    }
}

impl Workload {
    /// Numbers with two decimals and a class, as a CSV.
    fn csv(&self) -> Vec<u8> {
        let noise = Stream::new(42, Purpose::Probe, 0);
        let mut text: String = (0..self.n_features).map(|i| format!("x{i},")).collect();
        text += "y\n";
        for row in 0..self.n_rows {
            let first = (row * (self.n_features + 1)) as u64;
            for column in 0..self.n_features as u64 {
                text += &format!("{:.2},", noise.normal(first + column));
            }
            let class = noise.uniform_f32(first + self.n_features as u64) * self.n_classes as f32;
            text += &format!("c{}\n", class as u32);
        }
        text.into_bytes()
    }

    fn spec(&self, dataset: DatasetId, threads: u64) -> anyhow::Result<Spec> {
        let layers: Value = (self.widths.iter())
            .map(|units| json!({"kind": "dense", "units": units, "activation": "relu"}))
            .collect();
        let document = json!({
            "dataset": dataset.to_string(),
            "task": {"kind": "classification", "target": "y", "split": {"kind": "random", "validation": 0.0, "test": 0.0}},
            "network": layers,
            "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9},
            "training": {"epochs": self.epochs, "batch_size": self.batch_size, "checkpoint": {"min_interval_ms": 3_600_000, "max_interval_ms": 3_600_000}},
            "resources": {"threads": threads},
        });
        Spec::from_value(document).map_err(|violations| anyhow!("{violations:?}"))
    }
}

/// Registers the bytes as an upload would.
async fn upload(app: &App, bytes: Vec<u8>, ingested: &Ingested) -> anyhow::Result<DatasetId> {
    let staged = app.blobs.put(bytes).await?;
    let id = DatasetId(app.ids.next()?);
    let row = Dataset {
        id,
        owner: OWNER.to_owned(),
        name: id.to_string(),
        sha256: staged.sha256().to_owned(),
        size_bytes: staged.size_bytes(),
        format: Json::of(&ingested.format)?,
        n_rows: ingested.n_rows as i64,
        n_columns: ingested.columns.len() as i64,
        schema: Json::of(&ingested.schema())?,
        profile: Json::of(ingested)?,
        version: 1,
        created_at_ms: app.clock.now_ms(),
        updated_at_ms: app.clock.now_ms(),
    };
    app.store
        .write(move |tx| {
            Box::pin(async move {
                staged.record(tx).await?;
                datasets::insert(tx, &row).await
            })
        })
        .await?;
    Ok(id)
}

/// What the worker trains on, made the way it makes it.
fn prepared(bytes: &[u8], ingested: &Ingested, spec: &Spec) -> anyhow::Result<Prepared> {
    let schema = ingested.schema();
    let roles = Roles::of(&spec.task, &schema).map_err(|found| anyhow!("{found:?}"))?;
    let wanted = roles.wanted(&spec.task, &schema);
    let frame = decode(
        std::io::Cursor::new(bytes),
        &ingested.format,
        &schema,
        &wanted,
    )?;
    Ok(prepare(
        &frame,
        &schema,
        &spec.task,
        spec.target_scale(),
        spec.training.seed,
    )?)
}

/// Lets the worker train once.
async fn recorded(app: &App, spec: &Spec) -> anyhow::Result<RunId> {
    let submission = Submission {
        owner: OWNER.to_owned(),
        spec: spec.clone(),
        remember: None,
    };
    let run = app.runs.submit(submission).await?;
    let row = (app.runs)
        .wait(OWNER, run.id, Duration::from_secs(300))
        .await?;
    ensure!(
        row.status == Status::Succeeded,
        "the run ended as {:?}",
        row.status
    );
    Ok(run.id)
}

async fn measure(app: &App, workload: &Workload, threads: u64) -> anyhow::Result<()> {
    let bytes = workload.csv();
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(&bytes)?;
    let ingested = ingest.finish()?;
    let id = upload(app, bytes.clone(), &ingested).await?;
    let spec = workload.spec(id, threads)?;
    let prepared = prepared(&bytes, &ingested, &spec)?;
    let resolved = (spec.resolve(&prepared.dataset.facts(prepared.parts.train.len())))
        .map_err(|violations| anyhow!("{violations:?}"))?;
    let dataset = Arc::new(prepared.dataset);
    let steps_per_epoch = (workload.n_rows / workload.batch_size) as u64;

    let watch = Arc::new(Mutex::new(Watch::new(steps_per_epoch)));
    let probe = probe(&watch);
    let workers = Workers::start(
        app.runs.clone(),
        app.clock.clone(),
        &app.config,
        Some(probe.clone()),
    )?;
    // Warms the caches of both sides.
    recorded(app, &spec).await?;
    let mut slower = Vec::new();
    for _ in 0..PAIRS {
        taken(&watch);
        let run = recorded(app, &spec).await?;
        let with = taken(&watch);
        let trainer = Trainer::new(&resolved, dataset.clone(), prepared.parts.clone())?;
        let mut trainer = trainer.without_path();
        let probe = probe.clone();
        let mut bare = Bare { run, probe };
        // On a thread of its own, as the worker's slot is one.
        let ending = std::thread::scope(|scope| scope.spawn(|| trainer.run(&mut bare)).join());
        let ending = ending.map_err(|_| anyhow!("the training panicked"))?;
        ensure!(ending.has_model(), "the training ended: {ending:?}");
        slower.push((with / taken(&watch) - 1.0) * 100.0);
    }
    workers.drain().await;
    slower.sort_by(f64::total_cmp);
    let line = json!({
        "workload": format!("{}-recording", workload.name), "peer": "project", "threads": threads, "unit": "%",
        "median": slower[PAIRS / 2], "min": slower[0], "max": slower[PAIRS - 1], "runs": slower,
    });
    println!("{line}");
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> anyhow::Result<()> {
    let threads = std::env::args()
        .nth(1)
        .context("usage: recording THREADS")?;
    let threads = threads.parse()?;
    let folder = tempfile::tempdir()?;
    let mut config = Config::default();
    config.server.data_dir = folder.path().to_owned();
    // Both sides at the same priority; otherwise what else the machine does would be measured.
    config.worker.nice = 0;
    let app = App::open(config).await?;
    for workload in &WORKLOADS {
        measure(&app, workload, threads).await?;
    }
    app.store.close().await;
    Ok(())
}
