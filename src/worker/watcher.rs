//! The worker's observer: collects what a training says, reports it in batches without holding the training up, and
//! carries wishes from outside into it.

use std::sync::Arc;

use bytes::Bytes;
use descent_engine::diagnosis::Diagnosis;
use descent_engine::spec::Spec;
use descent_engine::trainer::{
    CheckpointReport, Directive, EpochReport, Observer, PathPoint, StepReport, StopReason,
};
use descent_engine::trajectory::Layout;
use serde_json::json;
use tokio::task::JoinHandle;

use super::signal::{Signal, Wish};
use super::{Moment, Shared};
use crate::runs::message::{Job, NewCheckpoint, Note, Progress, Report, Started};
use crate::runs::{Description, Path, Runs, RunsError};
use crate::store::Json;
use crate::store::events::Kind;
use crate::store::metrics::Series;
use crate::store::trajectories::Point;

/// Points collected while a report is on its way; beyond this the training waits for the record.
const MAX_PENDING_POINTS: usize = 1 << 20;

/// Series that get a point at every step, in this order.
const STEP_SERIES: [&str; 3] = ["loss", "learning_rate", "gradient_norm"];

pub(super) struct Watcher<'s> {
    shared: &'s Shared,
    job: &'s Job,
    signal: Arc<Signal>,
    pending: Report,
    path: Path,
    n_points: usize,
    state: Option<CheckpointReport>,
    in_flight: Option<JoinHandle<()>>,
    epochs: i64,
    steps: i64,
    min_interval_ms: i64,
    max_interval_ms: i64,
    last_checkpoint_ms: i64,
    deadline_ms: Option<i64>,
}

impl<'s> Watcher<'s> {
    /// Watches the training of a resolved `spec` with `n_train` rows.
    pub(super) fn new(
        shared: &'s Shared,
        job: &'s Job,
        signal: Arc<Signal>,
        spec: &Spec,
        n_train: u64,
        (description, layout): (&Description, &Layout),
    ) -> Result<Self, RunsError> {
        let now_ms = shared.clock.now_ms();
        let epochs = spec.training.epochs.map_or(0, i64::from);
        let batch = u64::from(spec.training.batch_size.unwrap_or(1)).max(1);
        let left_ms = spec
            .training
            .time_limit_s
            .map(|limit_s| i64::from(limit_s) * 1_000 - job.running_ms);
        let series = STEP_SERIES.map(|name| Series {
            name: name.to_owned(),
            ..Series::default()
        });
        let started = Some(Started {
            resolved_spec: Json::of(spec)?,
            path: Some(Json::of(description)?),
        });
        Ok(Self {
            shared,
            job,
            signal,
            pending: Report {
                started,
                series: series.into(),
                ..Report::default()
            },
            path: Path::of(layout),
            n_points: 0,
            state: None,
            in_flight: None,
            epochs,
            steps: epochs * n_train.div_ceil(batch) as i64,
            min_interval_ms: i64::from(spec.training.checkpoint.min_interval_ms),
            max_interval_ms: i64::from(spec.training.checkpoint.max_interval_ms),
            // A run that lost a worker saves at its first epoch end, so that it gets further however often that happens.
            last_checkpoint_ms: if job.attempt > 1 {
                i64::MIN / 2
            } else {
                now_ms
            },
            deadline_ms: left_ms.map(|left_ms| now_ms + left_ms),
        })
    }

    /// Adds a log line or diagnosis.
    pub(super) fn note(&mut self, kind: Kind, step: Option<i64>, body: serde_json::Value) {
        self.pending.notes.push(Note { kind, step, body });
    }

    /// What has not been reported yet, once everything before it is on record. The observer is of no further use then.
    pub(super) fn rest(mut self) -> (Report, Option<CheckpointReport>) {
        self.wait();
        self.pending.path = self.take_path(true);
        (self.pending, self.state)
    }

    /// The points since the last report, and `with_snapshots` those that are left since they were taken last, if there are any.
    ///
    /// Snapshots are as large as a checkpoint and most are thinned out soon, so they go to the record with the next checkpoint:
    /// whoever resumes from an earlier one makes them again.
    fn take_path(&mut self, with_snapshots: bool) -> Option<Arc<Path>> {
        self.path.thin();
        let path = Path {
            points: std::mem::take(&mut self.path.points),
            snapshots: if with_snapshots {
                std::mem::take(&mut self.path.snapshots)
            } else {
                Vec::new()
            },
            ..self.path
        };
        (!path.points.points.is_empty() || !path.snapshots.is_empty()).then(|| Arc::new(path))
    }

    fn push(&mut self, index: usize, step: u64, value: f64) {
        let series = &mut self.pending.series[index];
        series.steps.push(step);
        series.values.push(value);
        self.n_points += 1;
    }

    fn push_named(&mut self, name: &str, step: u64, value: f64) {
        let known = self
            .pending
            .series
            .iter()
            .position(|series| series.name == name);
        let index = known.unwrap_or_else(|| {
            self.pending.series.push(Series {
                name: name.to_owned(),
                ..Series::default()
            });
            self.pending.series.len() - 1
        });
        self.push(index, step, value);
    }

    /// Sends what is pending, unless an earlier report is still on its way: then it joins the next one.
    fn flush(&mut self) {
        if self
            .in_flight
            .as_ref()
            .is_some_and(|task| !task.is_finished())
        {
            if self.n_points < MAX_PENDING_POINTS {
                return;
            }
            self.wait();
        }
        let names = self
            .pending
            .series
            .iter()
            .map(|series| Series {
                name: series.name.clone(),
                ..Series::default()
            })
            .collect();
        self.pending.path = self.take_path(self.state.is_some());
        let report = std::mem::replace(
            &mut self.pending,
            Report {
                series: names,
                ..Report::default()
            },
        );
        self.n_points = 0;
        let (runs, signal, state) = (
            self.shared.runs.clone(),
            self.signal.clone(),
            self.state.take(),
        );
        self.in_flight = Some(self.shared.handle.spawn(async move {
            let wish = deliver(&runs, &signal, report, state).await;
            signal.want(wish);
        }));
    }

    fn wait(&mut self) {
        if let Some(task) = self.in_flight.take() {
            // A report that panicked has undone itself; the next one says nothing of it.
            let _ = self.shared.handle.block_on(task);
        }
    }

    /// What the outside wants, and whether the time is over.
    fn answer(&mut self, timed: bool) -> Directive {
        match self.signal.wish() {
            Wish::Continue => {}
            Wish::Pause | Wish::Release => return Directive::Pause,
            Wish::Cancel | Wish::Drop => return Directive::Stop(StopReason::Asked),
        }
        if timed
            && self
                .deadline_ms
                .is_some_and(|deadline_ms| self.shared.clock.now_ms() >= deadline_ms)
        {
            return Directive::Stop(StopReason::TimeLimit);
        }
        Directive::Continue
    }

    fn checkpoint_after(&mut self, interval_ms: i64) -> Directive {
        if self.shared.clock.now_ms() - self.last_checkpoint_ms >= interval_ms {
            Directive::Checkpoint
        } else {
            Directive::Continue
        }
    }
}

impl Observer for Watcher<'_> {
    fn step(&mut self, report: &StepReport) -> Directive {
        for (index, value) in [report.loss, report.learning_rate, report.gradient_norm]
            .into_iter()
            .enumerate()
        {
            self.push(index, report.step, value);
        }
        if let Some(probe) = &self.shared.probe {
            probe(self.job.run, Moment::Step(report.step));
        }
        if !self.signal.take_due() {
            return self.answer(false);
        }
        let progress = self.pending.progress.get_or_insert_with(|| Progress {
            epoch: i64::from(report.epoch) - 1,
            epochs: self.epochs,
            step: 0,
            steps: self.steps,
            best: None,
            metrics: None,
        });
        progress.step = report.step as i64;
        self.flush();
        match self.answer(true) {
            Directive::Continue => self.checkpoint_after(self.max_interval_ms),
            other => other,
        }
    }

    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        for (name, value) in report.metrics {
            self.push_named(name, report.step, *value);
        }
        let best = json!({"value": report.best, "patience_left": report.patience_left, "is_best": report.is_best});
        let metrics: serde_json::Map<_, _> = report
            .metrics
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        self.pending.progress = Some(Progress {
            epoch: i64::from(report.epoch),
            epochs: i64::from(report.epochs),
            step: report.step as i64,
            steps: self.steps,
            best: Json::of(&best).ok(),
            metrics: Json::of(&metrics).ok(),
        });
        match self.answer(true) {
            Directive::Continue => self.checkpoint_after(self.min_interval_ms),
            other => other,
        }
    }

    fn point(&mut self, point: &PathPoint<'_>) {
        let points = &mut self.path.points;
        points.points.push(Point {
            step: point.step,
            epoch: u64::from(point.epoch),
            is_last: point.is_last,
            loss: point.loss,
            gradient_norm: point.gradient_norm,
            learning_rate: point.learning_rate,
            update_norm: point.update_norm,
        });
        points.numbers.extend_from_slice(point.numbers);
        if let Some(halves) = point.snapshot {
            self.path.snapshots.push((point.step, halves.to_vec()));
        }
        // While a report is on its way, what waits is thinned as the record would be.
        if self.path.points.points.len() as u64 > self.path.thinning.capacity() {
            self.path.thin();
        }
    }

    fn diagnosis(&mut self, diagnosis: &Diagnosis) {
        let body = serde_json::to_value(diagnosis)
            .unwrap_or_else(|_| json!({"code": diagnosis.code, "message": diagnosis.message}));
        self.note(Kind::Diagnosis, Some(diagnosis.step as i64), body);
    }

    fn checkpoint(&mut self, checkpoint: CheckpointReport) {
        self.last_checkpoint_ms = self.shared.clock.now_ms();
        self.state = Some(checkpoint);
        self.flush();
    }
}

/// Writes a report, with its checkpoint, until the record has it. A full disk is waited out: what the training said is
/// kept until it can be written, and the training itself goes on meanwhile.
async fn deliver(
    runs: &Runs,
    signal: &Signal,
    mut report: Report,
    state: Option<CheckpointReport>,
) -> Wish {
    if let Some(state) = state {
        report.checkpoint = stage(runs, signal, state).await;
    }
    let answer = persist(signal, || {
        runs.report(signal.beat.run, signal.beat.fence, report.clone())
    })
    .await;
    answer.map_or(Wish::Drop, Wish::from)
}

/// Makes a checkpoint's bytes durable; `None` when the run is no longer ours.
pub(super) async fn stage(
    runs: &Runs,
    signal: &Signal,
    state: CheckpointReport,
) -> Option<Arc<NewCheckpoint>> {
    // Shared by every try: a checkpoint may be as large as everything that is trained.
    let bytes = Bytes::from(state.bytes);
    let staged = persist(signal, || runs.stage(bytes.clone())).await?;
    let (step, epoch) = (state.step as i64, i64::from(state.epoch));
    Some(Arc::new(NewCheckpoint {
        staged,
        step,
        epoch,
        is_best: state.is_best,
    }))
}

/// Tries until it works; `None` when it never can, because the run is somebody else's or the process ends.
pub(super) async fn persist<T, F: Future<Output = Result<T, RunsError>>>(
    signal: &Signal,
    mut attempt: impl FnMut() -> F,
) -> Option<T> {
    /// Between two tries: long enough not to burden a sick disk, short enough to go on soon after it is well again.
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(500);
    loop {
        match attempt().await {
            Ok(done) => return Some(done),
            Err(error) if error.is_passing() && signal.wish() != Wish::Drop => {
                tracing::warn!(run = %signal.beat.run, %error, "the record cannot take a worker's report; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => {
                tracing::warn!(run = %signal.beat.run, %error, "a worker lets go of its run");
                return None;
            }
        }
    }
}
