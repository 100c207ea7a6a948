//! What a worker says while it trains.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::change::Change;
use super::claim::directive;
use super::message::{Directive, NewCheckpoint, Note, Report};
use super::transition::Verb;
use super::{Recorded, Runs, RunsError};
use crate::ids::RunId;
use crate::store::Tx;
use crate::store::checkpoints::{self, Checkpoint};
use crate::store::events::Kind;
use crate::store::metrics::{self, Series};
use crate::store::runs::{self, Run, Status};

impl Runs {
    /// Writes a worker's report, and says what it is to do next.
    ///
    /// # Errors
    /// [`RunsError::Fenced`] when the run was given to somebody else: nothing of the report is kept.
    pub async fn report(
        &self,
        run: RunId,
        fence: i64,
        report: Report,
    ) -> Result<Directive, RunsError> {
        let room = self.clone();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut change = room.held(tx, run, fence).await?;
                    room.write_report(tx, &mut change, report).await?;
                    let run = change.commit(tx, &room).await?;
                    Ok(directive(Some(run.status)))
                })
            })
            .await
    }

    /// The run, if `fence` still holds it; its lease is renewed.
    pub(super) async fn held(
        &self,
        tx: &mut Tx,
        id: RunId,
        fence: i64,
    ) -> Result<Change, RunsError> {
        let now_ms = self.0.clock.now_ms();
        let mut run = runs::get(tx, id, None).await?.ok_or(RunsError::Absent)?;
        if run.fence != fence || !run.status.is_active() {
            return Err(RunsError::Fenced { fence });
        }
        run.lease_until_ms = Some(now_ms + self.0.worker.lease_ms as i64);
        Ok(Change::of(run, now_ms))
    }

    /// Everything of a report but the row itself, which the caller commits.
    pub(super) async fn write_report(
        &self,
        tx: &mut Tx,
        change: &mut Change,
        report: Report,
    ) -> Result<(), RunsError> {
        if let Some(started) = report.started {
            change.run.resolved_spec = Some(started.resolved_spec);
            if let Some(document) = &started.path {
                self.begin_path(tx, change, document).await?;
            }
            // A pause or cancellation may have come before the first report; then the status stays what it is.
            if change.run.status == Status::Preparing {
                change.go(Verb::Start, None)?;
            }
        }
        if let Some(progress) = report.progress {
            let before = change.run.step;
            progress_of(&mut change.run, progress);
            let (room, more) = (self.clone(), change.run.step.saturating_sub(before));
            tx.after_commit(move || room.count_steps(more));
        }
        let recorded = self.recorded().get(&change.run.id).cloned();
        let fresh = match &recorded {
            Some(recorded) => unrecorded(report.series, recorded),
            None => report.series,
        };
        self.write_series(tx, change, fresh, recorded.is_some())
            .await?;
        if let Some(path) = &report.path {
            self.write_path(tx, change, path).await?;
        }
        for note in report.notes {
            write_note(change, note, recorded.as_ref())?;
        }
        if let Some(checkpoint) = report.checkpoint {
            write_checkpoint(tx, change, &checkpoint, self.0.clock.now_ms()).await?;
        }
        if report.finalizing && matches!(change.run.status, Status::Running | Status::Pausing) {
            change.go(Verb::Finalize, None)?;
        }
        Ok(())
    }

    async fn write_series(
        &self,
        tx: &mut Tx,
        change: &mut Change,
        fresh: Vec<Series>,
        resumed: bool,
    ) -> Result<(), RunsError> {
        let last_step = fresh
            .iter()
            .filter_map(|series| series.steps.last().copied())
            .max();
        let Some(last_step) = last_step else {
            return Ok(());
        };
        let names: Vec<&str> = fresh
            .iter()
            .filter(|s| !s.steps.is_empty())
            .map(|s| s.name.as_str())
            .collect();
        let n_points: usize = fresh.iter().map(|series| series.steps.len()).sum();
        let first_step = fresh
            .iter()
            .filter_map(|series| series.steps.first().copied())
            .min();
        let body = json!({"series": names, "n_points": n_points, "first_step": first_step, "last_step": last_step, "epoch": change.run.epoch});
        let seq = change.event(Kind::Metric, Some(last_step as i64), &body)?;
        metrics::append(tx, change.run.id, seq, &fresh).await?;
        if resumed {
            let (room, id, fence) = (self.clone(), change.run.id, change.run.fence);
            tx.after_commit(move || room.remember_steps(id, fence, &fresh));
        }
        Ok(())
    }

    fn remember_steps(&self, run: RunId, fence: i64, series: &[Series]) {
        if let Some(recorded) = self
            .recorded()
            .get_mut(&run)
            .filter(|recorded| recorded.fence == fence)
        {
            for one in series {
                if let Some(last) = one.steps.last() {
                    recorded.last_steps.insert(one.name.clone(), *last);
                }
            }
        }
    }
}

impl Runs {
    fn count_steps(&self, more: i64) {
        let more = u64::try_from(more).unwrap_or(0);
        self.0.trained_steps.fetch_add(more, Ordering::Relaxed);
    }
}

fn progress_of(run: &mut Run, progress: super::message::Progress) {
    // After a resume the worker counts up again from its checkpoint; what was reached once stays shown.
    run.epoch = run.epoch.max(progress.epoch);
    run.step = run.step.max(progress.step);
    run.epochs = progress.epochs;
    run.steps = progress.steps;
    if progress.best.is_some() {
        run.best = progress.best;
    }
    if progress.metrics.is_some() {
        run.latest_metrics = progress.metrics;
    }
}

/// The points behind those on record: a resumed run computes the same bits again, and the record is never rewritten.
fn unrecorded(series: Vec<Series>, recorded: &Recorded) -> Vec<Series> {
    series
        .into_iter()
        .map(|mut one| {
            if let Some(last) = recorded.last_steps.get(&one.name) {
                let known = one.steps.partition_point(|step| step <= last);
                one.steps.drain(..known);
                one.values.drain(..known);
            }
            one
        })
        .collect()
}

fn write_note(
    change: &mut Change,
    note: Note,
    recorded: Option<&Recorded>,
) -> Result<(), RunsError> {
    let code = note.body.get("code").and_then(|code| code.as_str());
    let said = note.kind == Kind::Diagnosis
        && recorded
            .zip(code)
            .is_some_and(|(r, code)| r.diagnoses.contains(code));
    if !said {
        change.event(note.kind, note.step, &note.body)?;
    }
    Ok(())
}

async fn write_checkpoint(
    tx: &mut Tx,
    change: &mut Change,
    new: &NewCheckpoint,
    now_ms: i64,
) -> Result<(), RunsError> {
    new.staged.record(tx).await?;
    let row = Checkpoint {
        run_id: change.run.id,
        step: new.step,
        epoch: new.epoch,
        sha256: new.staged.sha256().to_owned(),
        size_bytes: new.staged.size_bytes(),
        is_best: new.is_best,
        created_at_ms: now_ms,
    };
    checkpoints::insert(tx, &row).await?;
    // The run got further than when it last lost a worker: it is not what kills them.
    change.run.losses = 0;
    let body = json!({"epoch": row.epoch, "sha256": row.sha256, "size_bytes": row.size_bytes, "is_best": row.is_best});
    change.event(Kind::Checkpoint, Some(row.step), &body)?;
    Ok(())
}
