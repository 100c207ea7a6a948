//! A worker takes a run and keeps it.

use std::collections::{HashMap, HashSet};

use serde_json::json;

use super::message::{Directive, Job};
use super::{Recorded, Runs, RunsError};
use crate::ids::RunId;
use crate::store::events::{Event, Kind};
use crate::store::runs::{Run, Status};
use crate::store::{self, Json, StoreError, Tx, checkpoints, events, metrics};

/// A run a worker says it still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Which.
    pub run: RunId,
    /// Its claim.
    pub fence: i64,
}

impl Runs {
    /// Gives the first run of the queue to `worker`; `None` when there is none it may have.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn claim(&self, worker: &str) -> Result<Option<Job>, RunsError> {
        if self.is_draining() {
            return Ok(None);
        }
        let (worker, room) = (worker.to_owned(), self.clone());
        self.0
            .store
            .write(move |tx| Box::pin(async move { room.claim_in(tx, &worker).await }))
            .await
    }

    async fn claim_in(&self, tx: &mut Tx, worker: &str) -> Result<Option<Job>, RunsError> {
        let now_ms = self.0.clock.now_ms();
        let limit = i64::try_from(self.0.quota.owner_running_runs).unwrap_or(i64::MAX);
        let Some(run) = store::runs::claim(
            tx,
            worker,
            limit,
            now_ms,
            now_ms + self.0.worker.lease_ms as i64,
        )
        .await?
        else {
            return Ok(None);
        };
        store::runs::take_turn(tx, &run.owner).await?;
        let body = json!({"status": Status::Preparing, "previous": Status::Queued, "attempt": run.attempts, "reason": null});
        let event = Event {
            run_id: run.id,
            seq: run.last_seq,
            kind: Kind::State,
            ts_ms: now_ms,
            step: None,
            body: Json::of(&body)?,
        };
        events::append(tx, &[event]).await?;
        let resume = if run.attempts > 1 {
            self.recall(tx, &run).await?
        } else {
            None
        };
        let (room, id) = (self.clone(), run.id);
        tx.after_commit(move || room.ring(id, Some(Status::Preparing)));
        Ok(Some(Job {
            run: run.id,
            fence: run.fence,
            owner: run.owner,
            name: run.name,
            dataset: run.dataset_id,
            dataset_sha256: run.dataset_sha256,
            dataset_schema: run.dataset_schema,
            spec: run.spec,
            resume,
            start: run.start_sha256,
            running_ms: run.running_ms,
            attempt: run.attempts,
        }))
    }

    /// For a run that was worked on before: remembers what is on record, and answers the checkpoint to go on from.
    async fn recall(&self, tx: &mut Tx, run: &Run) -> Result<Option<String>, StoreError> {
        let last_steps: HashMap<String, u64> = metrics::last_steps(tx, run.id).await?;
        let diagnoses: HashSet<String> = events::diagnosis_codes(tx, run.id)
            .await?
            .into_iter()
            .collect();
        let recorded = Recorded {
            fence: run.fence,
            last_steps,
            diagnoses,
        };
        let (room, id) = (self.clone(), run.id);
        tx.after_commit(move || {
            room.recorded().insert(id, recorded);
        });
        Ok(checkpoints::latest(tx, run.id)
            .await?
            .map(|checkpoint| checkpoint.sha256))
    }

    /// Renews the leases of the runs a worker holds, and says what is to become of each.
    ///
    /// # Errors
    /// When the record fails; the leases then run on until their end.
    pub async fn heartbeat(&self, beats: Vec<Beat>) -> Result<Vec<(Beat, Directive)>, RunsError> {
        if beats.is_empty() {
            return Ok(Vec::new());
        }
        let lease_until_ms = self.0.clock.now_ms() + self.0.worker.lease_ms as i64;
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut answers = Vec::with_capacity(beats.len());
                    for beat in beats {
                        let status =
                            store::runs::renew(tx, beat.run, beat.fence, lease_until_ms).await?;
                        answers.push((beat, directive(status)));
                    }
                    Ok(answers)
                })
            })
            .await
    }
}

/// What a worker that holds a run in this status is to do; `None`: it does not hold the run.
pub(super) fn directive(status: Option<Status>) -> Directive {
    match status {
        Some(Status::Pausing) => Directive::Pause,
        Some(Status::Cancelling) => Directive::Cancel,
        Some(_) => Directive::Continue,
        None => Directive::Drop,
    }
}
