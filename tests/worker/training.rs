//! Real trainings on real threads: paused, cancelled, interrupted, panicking.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use descent::ids::RunId;
use descent::store::metrics;
use descent::store::models::{self, Which};
use descent::store::runs::{Run, Status};
use descent::store::trajectories;
use descent::worker::{Moment, Probe, Workers};
use descent_engine::spec::Spec;
use serde_json::{Value, json};

use crate::bench::Bench;

/// Longer than any training here takes; only a broken test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Three flowers that can be told apart: 150 rows of four measures, made by a rule.
fn flowers() -> Vec<u8> {
    let mut csv = String::from("sepal_length,sepal_width,petal_length,petal_width,target\n");
    for i in 0..150_u32 {
        let class = i % 3;
        let wobble = |k: u32| f64::from((i * 7 + k * 13) % 17) / 17.0 - 0.5;
        let center = f64::from(class);
        let row = [
            5.0 + center + wobble(1),
            3.0 - 0.3 * center + wobble(2),
            1.5 + 2.0 * center + wobble(3),
            0.3 + 0.8 * center + wobble(4),
        ];
        csv.push_str(&format!(
            "{:.3},{:.3},{:.3},{:.3},kind-{class}\n",
            row[0], row[1], row[2], row[3]
        ));
    }
    csv.into_bytes()
}

fn document(dataset: &str, epochs: u32) -> Value {
    json!({"name": "flowers", "dataset": dataset, "task": {"kind": "classification", "target": "target"},
        "network": [{"kind": "dense", "units": 16, "activation": "relu"}],
        "training": {"epochs": epochs, "batch_size": 32, "seed": 3, "checkpoint": {"min_interval_ms": 0}}})
}

/// Lets a test act at a step of a training: the training waits there until the test lets it go on.
struct Gate {
    moments: tokio::sync::mpsc::UnboundedReceiver<Moment>,
    open: std::sync::mpsc::Sender<()>,
}

impl Gate {
    /// Stops the first training that reaches step `at`, once.
    fn at(at: u64) -> (Self, Probe) {
        let (tell, moments) = tokio::sync::mpsc::unbounded_channel();
        let (open, wait) = std::sync::mpsc::channel();
        let (wait, passed) = (std::sync::Mutex::new(wait), AtomicBool::new(false));
        let probe: Probe = Arc::new(move |_, moment| match moment {
            Moment::Step(step) if step != at || passed.swap(true, Ordering::SeqCst) => {}
            Moment::Step(_) => {
                let _ = tell.send(moment);
                let _ = wait.lock().unwrap().recv();
            }
            Moment::Heard => drop(tell.send(moment)),
        });
        (Self { moments, open }, probe)
    }

    /// The training stands at the step.
    async fn reached(&mut self) {
        assert!(matches!(self.moments.recv().await, Some(Moment::Step(_))));
    }

    /// The training has heard what is wanted of it; now it may go on.
    async fn open_when_heard(&mut self) {
        assert_eq!(self.moments.recv().await, Some(Moment::Heard));
        self.open.send(()).unwrap();
    }
}

impl Bench {
    fn workers(&self, probe: Option<Probe>) -> Workers {
        Workers::start(
            self.app.runs.clone(),
            self.app.clock.clone(),
            &self.app.config,
            probe,
        )
        .unwrap()
    }

    async fn over(&self, run: RunId) -> Run {
        let run = self.app.runs.wait("ann", run, PATIENCE).await.unwrap();
        assert!(
            run.status.is_terminal(),
            "still {} after {PATIENCE:?}",
            run.status
        );
        run
    }

    /// Waits until the run is in `status`; a bell wakes, nothing polls.
    async fn until(&self, run: RunId, status: Status) {
        let mut moved = self.app.runs.subscribe();
        let reached = async {
            while self.show("ann", run).await.status != status {
                let _ = moved.recv().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .unwrap_or_else(|_| panic!("never {status}"));
    }

    async fn train(&self, document: Value) -> RunId {
        self.post("ann", document).await.unwrap().id
    }

    /// Every point of every series, and of the weights' path, bit by bit.
    async fn points(&self, run: RunId) -> BTreeMap<String, Vec<(u64, u64)>> {
        let all = metrics::series(&self.app.store, run, &[]).await.unwrap();
        let mut points: BTreeMap<_, Vec<_>> = all
            .into_iter()
            .map(|s| {
                (
                    s.name,
                    s.steps
                        .into_iter()
                        .zip(s.values.into_iter().map(f64::to_bits))
                        .collect(),
                )
            })
            .collect();
        let path = trajectories::points(&self.app.store, run).await.unwrap();
        let width = path.numbers.len() / path.points.len().max(1);
        for (point, numbers) in path.points.iter().zip(path.numbers.chunks(width.max(1))) {
            let scalars = [
                point.loss,
                point.gradient_norm,
                point.learning_rate,
                point.update_norm,
            ];
            let bits = scalars
                .map(|value| value.map_or(0, f64::to_bits))
                .into_iter();
            let bits = bits.chain(numbers.iter().map(|number| u64::from(number.to_bits())));
            let own = bits.map(|bits| (point.step, bits));
            points.entry("path".to_owned()).or_default().extend(own);
        }
        points
    }
}

async fn small_bench() -> Bench {
    Bench::with(
        |config| {
            config.worker.slots = 2;
            config.worker.report_interval_ms = 1; // many small reports, so that interruptions fall between them
        },
        None,
    )
    .await
}

/// What an undisturbed run of the same document leaves.
async fn undisturbed(epochs: u32) -> (Run, BTreeMap<String, Vec<(u64, u64)>>) {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let workers = bench.workers(None);
    let run = bench.train(document(&dataset.to_string(), epochs)).await;
    let row = bench.over(run).await;
    assert_eq!(row.status, Status::Succeeded, "{:?}", row.reason_message);
    let points = bench.points(run).await;
    workers.drain().await;
    (row, points)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_trains_and_its_model_goes_live() {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let workers = bench.workers(None);
    let run = bench.train(document("flowers", 20)).await;
    let row = bench.over(run).await;
    assert_eq!(
        row.status,
        Status::Succeeded,
        "{:?} {:?}",
        row.reason_message,
        row.reason_detail
    );
    assert_eq!(
        bench.states(run).await,
        ["queued", "preparing", "running", "finalizing", "succeeded"]
    );
    let model = models::find(&bench.app.store, "ann", "flowers", &Which::Latest)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (model.version, Some(model.weights), model.dataset_id),
        (1, row.weights_sha256.clone(), Some(dataset))
    );
    assert_eq!((row.epoch, row.epochs), (20, 20));
    assert_eq!(row.step, row.steps, "every step is counted");
    let points = bench.points(run).await;
    assert_eq!(
        points["loss"].len() as i64,
        row.steps,
        "every step's loss is kept"
    );
    assert_eq!(points["validation_loss"].len(), 20);
    let result: Value = row.result.unwrap().parse().unwrap();
    assert!(
        result["metrics"]["test_accuracy"].as_f64().unwrap() > 0.9,
        "{result}"
    );
    workers.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_and_resumed_run_ends_with_the_same_bits() {
    let (calm, calm_points) = undisturbed(20).await;
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    for at in [1, 7, 33] {
        let (mut gate, probe) = Gate::at(at);
        let workers = bench.workers(Some(probe));
        let run = bench.train(document(&dataset.to_string(), 20)).await;
        gate.reached().await;
        bench.app.runs.pause("ann", run).await.unwrap();
        gate.open_when_heard().await;
        bench.until(run, Status::Paused).await;
        bench.app.runs.resume("ann", run).await.unwrap();
        let row = bench.over(run).await;
        assert_eq!(
            row.weights_sha256, calm.weights_sha256,
            "paused at step {at}"
        );
        assert_eq!(bench.points(run).await, calm_points, "paused at step {at}");
        let states = bench.states(run).await;
        assert!(
            states.contains(&"pausing".to_owned()) && states.contains(&"paused".to_owned()),
            "{states:?}"
        );
        workers.drain().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_and_reopened_server_ends_with_the_same_bits() {
    let (calm, calm_points) = undisturbed(20).await;
    let mut bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let run = bench.train(document(&dataset.to_string(), 20)).await;
    for at in [5, 21, 40, 58] {
        let (mut gate, probe) = Gate::at(at);
        let workers = bench.workers(Some(probe));
        gate.reached().await;
        let draining = tokio::spawn(workers.drain());
        gate.open_when_heard().await;
        draining.await.unwrap();
        let row = bench.show("ann", run).await;
        assert_eq!(
            (row.status, row.losses),
            (Status::Queued, 0),
            "a drain is nobody's fault"
        );
        let dir = bench.close().await;
        bench = Bench::at(dir, |config| config.worker.report_interval_ms = 1, None).await;
        assert_eq!(bench.app.runs.recover().await.unwrap(), 0);
    }
    let workers = bench.workers(None);
    let row = bench.over(run).await;
    assert_eq!((row.status, row.attempts), (Status::Succeeded, 5));
    assert_eq!(row.weights_sha256, calm.weights_sha256);
    assert_eq!(bench.points(run).await, calm_points);
    workers.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_worker_is_replaced_and_the_result_is_the_same() {
    let (calm, calm_points) = undisturbed(20).await;
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let (mut gate, probe) = Gate::at(30);
    let workers = bench.workers(Some(probe));
    let run = bench.train(document(&dataset.to_string(), 20)).await;
    gate.reached().await;
    // The worker hangs in step 30 for longer than its lease; somebody else gets the run. A report that was still on its way
    // counts as a sign of life, so the lease may begin once more.
    loop {
        bench.pass_ms(bench.app.config.worker.lease_ms as i64 + 1);
        if bench.app.runs.sweep().await.unwrap() == 1 {
            break;
        }
    }
    let row = bench.over(run).await;
    assert_eq!((row.status, row.attempts), (Status::Succeeded, 2));
    gate.open.send(()).unwrap(); // the old worker wakes up and finds that nobody listens to it any more
    workers.drain().await;
    let row = bench.show("ann", run).await;
    assert_eq!(
        (row.weights_sha256, row.model_version),
        (calm.weights_sha256, Some(1))
    );
    assert_eq!(bench.points(run).await, calm_points);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_training_stops_and_leaves_no_model() {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let (mut gate, probe) = Gate::at(9);
    let workers = bench.workers(Some(probe));
    let run = bench.train(document(&dataset.to_string(), 10_000)).await;
    gate.reached().await;
    bench.app.runs.cancel("ann", run).await.unwrap();
    gate.open_when_heard().await;
    let row = bench.over(run).await;
    assert_eq!((row.status, row.model_version), (Status::Cancelled, None));
    workers.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_fails_its_run_and_nothing_else() {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let runs: Arc<std::sync::Mutex<Option<RunId>>> = Arc::default();
    let victim = runs.clone();
    let probe: Probe = Arc::new(move |run, moment| {
        assert!(
            !matches!(moment, Moment::Step(3..)) || *victim.lock().unwrap() != Some(run),
            "for this test"
        )
    });
    let bad = bench.train(document(&dataset.to_string(), 50)).await;
    *runs.lock().unwrap() = Some(bad);
    let good = bench.train(document(&dataset.to_string(), 50)).await;
    let workers = bench.workers(Some(probe));
    let row = bench.over(bad).await;
    assert_eq!(
        (row.status, row.reason_code.as_deref()),
        (Status::Failed, Some("panic"))
    );
    assert!(
        !row.reason_message.unwrap().contains(".rs"),
        "no source path is told to a user"
    );
    assert_eq!(bench.over(good).await.status, Status::Succeeded);
    workers.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_divergence_ends_the_run_and_is_not_retried_unchanged() {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let workers = bench.workers(None);
    let mut hot = document(&dataset.to_string(), 50);
    hot["optimizer"] = json!({"kind": "sgd", "learning_rate": 1e3, "momentum": 0.99});
    hot["task"] = json!({"kind": "regression", "target": "petal_width"});
    let run = bench.train(hot.clone()).await;
    let row = bench.over(run).await;
    assert_eq!(
        (row.status, row.reason_code.as_deref()),
        (Status::Failed, Some("diverged")),
        "{:?}",
        row.reason_message
    );
    let detail: Value = row.reason_detail.unwrap().parse().unwrap();
    let rate = detail["suggested_learning_rate"].as_f64().unwrap();
    assert!(rate > 0.0 && rate < 1e3, "{detail}");
    let refused = bench.app.runs.retry("ann", run, None).await;
    let refused = refused.expect_err("the same diverges again").to_string();
    let body: Value = serde_json::from_str(&refused[refused.find('{').unwrap()..]).unwrap();
    let optimizer = json!({"kind": "sgd", "learning_rate": rate});
    assert_eq!(body, json!({"spec_patch": {"optimizer": optimizer}}));
    assert!(
        bench.app.runs.reproduce("ann", run, None).await.is_err(),
        "there is nothing to compare with"
    );
    let forked = bench.app.runs.fork("ann", run, None, None, None).await;
    assert_eq!(forked.unwrap().start_sha256, None, "its weights are ruined");
    workers.drain().await;
}

/// The patch of a run that left its optimizer out keeps what the default one has beside its learning rate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_diverged_with_the_default_optimizer_keeps_its_decay_and_schedule() {
    let bench = small_bench().await;
    // Squares of outputs this large are beyond single precision.
    let rows: String = (1..=60).map(|i| format!("{i}.5e30,{}\n", i % 7)).collect();
    let csv = format!("x,y\n{rows}");
    let dataset = bench.dataset("ann", "vast", csv.as_bytes()).await;
    let workers = bench.workers(None);
    let mut asked = document(&dataset.to_string(), 5);
    asked["task"] =
        json!({"kind": "regression", "target": "y", "preprocessing": {"standardise": false}});
    let run = bench.train(asked.clone()).await;
    let optimizer_of = |row: Run| {
        let resolved: Value = row.resolved_spec.expect("it was resolved").parse().unwrap();
        (row.reason_code, resolved["optimizer"].clone())
    };
    let row = bench.over(run).await;
    let detail: Value = row.reason_detail.as_ref().unwrap().parse().unwrap();
    let (reason, mut expected) = optimizer_of(row);
    assert_eq!(reason.as_deref(), Some("diverged"));
    assert!(expected["weight_decay"].as_f64() > Some(0.0));
    assert_eq!(expected["schedule"]["kind"], "one_cycle");
    expected["learning_rate"] = detail["suggested_learning_rate"].clone();

    let refused = bench.app.runs.retry("ann", run, None).await;
    let refused = refused.expect_err("the same diverges again").to_string();
    let body: Value = serde_json::from_str(&refused[refused.find('{').unwrap()..]).unwrap();
    asked["optimizer"] = body["spec_patch"]["optimizer"].clone();
    let spec = Spec::from_value(asked).unwrap();
    let forked = bench
        .app
        .runs
        .fork("ann", run, None, Some(spec), None)
        .await;
    let forked = bench.over(forked.unwrap().id).await;
    assert_eq!(optimizer_of(forked).1, expected);
    let diagnosed = bench.events(run).await.into_iter();
    let diagnosed = diagnosed.map(|event| event.body.parse::<Value>().unwrap());
    let mut diagnosed = diagnosed.filter(|body| body["code"] == "diverged");
    assert_eq!(
        diagnosed.next().unwrap()["remedy"]["spec_patch"],
        detail["spec_patch"]
    );
    workers.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_fork_and_reproduce_know_their_parent() {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let workers = bench.workers(None);
    let parent = bench.train(document(&dataset.to_string(), 10)).await;
    let parent = bench.over(parent).await;
    let again = bench
        .app
        .runs
        .reproduce("ann", parent.id, None)
        .await
        .unwrap();
    assert_eq!(again.parent_id, Some(parent.id));
    let again = bench.over(again.id).await;
    assert_eq!(again.weights_sha256, parent.weights_sha256);
    let said = bench.events(again.id).await;
    let verdict = said
        .iter()
        .map(|e| e.body.parse::<Value>().unwrap())
        .find(|body| body["code"] == "reproduced")
        .unwrap();
    assert_eq!(verdict["equal"], true);

    let retried = bench.app.runs.retry("ann", parent.id, None).await.unwrap();
    assert_eq!(
        bench.over(retried.id).await.weights_sha256,
        parent.weights_sha256
    );

    let forked = bench
        .app
        .runs
        .fork(
            "ann",
            parent.id,
            Some(descent::runs::ForkFrom::Latest),
            None,
            None,
        )
        .await
        .unwrap();
    let forked = bench.over(forked.id).await;
    assert_eq!(
        forked.status,
        Status::Succeeded,
        "{:?}",
        forked.reason_message
    );
    assert_ne!(
        forked.weights_sha256, parent.weights_sha256,
        "it went on from trained weights"
    );
    let first_loss =
        |points: BTreeMap<String, Vec<(u64, u64)>>| f64::from_bits(points["loss"][0].1);
    assert!(first_loss(bench.points(forked.id).await) < first_loss(bench.points(parent.id).await));
    workers.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_limit_ends_with_the_best_model_so_far() {
    let bench = small_bench().await;
    let dataset = bench.dataset("ann", "flowers", &flowers()).await;
    let (mut gate, probe) = Gate::at(40);
    let workers = bench.workers(Some(probe));
    let mut long = document(&dataset.to_string(), 100_000);
    long["training"]["time_limit_s"] = json!(5);
    let run = bench.train(long).await;
    gate.reached().await;
    bench.pass_ms(5_001);
    gate.open.send(()).unwrap();
    let row = bench.over(run).await;
    assert_eq!(
        (row.status, row.reason_code.as_deref()),
        (Status::Succeeded, Some("deadline"))
    );
    assert_eq!(row.model_version, Some(1));
    workers.drain().await;
}
