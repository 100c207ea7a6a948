//! One change of one run: the row, its events and the bell, in one transaction.

use serde_json::{Value, json};

use super::message::Reason;
use super::transition::{self, Verb};
use super::{Runs, RunsError};
use crate::store::events::{self, Event, Kind};
use crate::store::runs::{self, Run, Status};
use crate::store::{Json, Tx};

/// A row as it was read and what becomes of it.
pub(super) struct Change {
    pub(super) run: Run,
    was: Status,
    fence: i64,
    events: Vec<Event>,
    now_ms: i64,
}

impl Change {
    pub(super) fn of(run: Run, now_ms: i64) -> Self {
        Self {
            was: run.status,
            fence: run.fence,
            run,
            events: Vec::new(),
            now_ms,
        }
    }

    /// Moves the run along the table, with its event.
    pub(super) fn go(&mut self, verb: Verb, reason: Option<Reason>) -> Result<(), RunsError> {
        let from = self.run.status;
        let to = transition::next(from, verb).ok_or(RunsError::Conflict { status: from, verb })?;
        self.close_phase(from);
        self.run.status = to;
        if from.is_active() && !to.is_active() {
            self.run.worker = None;
            self.run.lease_until_ms = None;
            // From here on the worker that held the run is a stranger, whatever it still has to say.
            self.run.fence += 1;
        }
        if verb == Verb::Resume {
            self.run.queued_at_ms = self.now_ms;
        }
        match &reason {
            Some(reason) => {
                self.run.reason_code = Some(reason.code.clone());
                self.run.reason_message = Some(reason.message.clone());
                self.run.reason_detail = reason.detail.as_ref().map(Json::of).transpose()?;
            }
            None => {
                self.run.reason_code = None;
                self.run.reason_message = None;
                self.run.reason_detail = None;
            }
        }
        let body =
            json!({"status": to, "previous": from, "attempt": self.run.attempts, "reason": reason});
        self.event(Kind::State, None, &body)?;
        if to.is_terminal() {
            self.run.finished_at_ms = Some(self.now_ms);
            self.event(Kind::Done, None, &json!({"status": to, "reason": reason}))?;
        }
        Ok(())
    }

    /// Appends an event and answers its number.
    pub(super) fn event(
        &mut self,
        kind: Kind,
        step: Option<i64>,
        body: &Value,
    ) -> Result<i64, RunsError> {
        self.run.last_seq += 1;
        let seq = self.run.last_seq;
        self.events.push(Event {
            run_id: self.run.id,
            seq,
            kind,
            ts_ms: self.now_ms,
            step,
            body: Json::of(body)?,
        });
        Ok(seq)
    }

    /// Writes it all and rings the bells once it is committed.
    pub(super) async fn commit(self, tx: &mut Tx, runs: &Runs) -> Result<Run, RunsError> {
        if !runs::save(tx, &self.run, self.was, self.fence).await? {
            // The row was read in this very transaction, so only a worker's old fence can bring us here.
            return Err(RunsError::Fenced { fence: self.fence });
        }
        events::append(tx, &self.events).await?;
        let (bells, run, to) = (runs.clone(), self.run.id, self.run.status);
        let moved = self.was != to;
        tx.after_commit(move || bells.ring(run, moved.then_some(to)));
        Ok(self.run)
    }

    /// Adds the time since the last phase began to the phase's sum.
    fn close_phase(&mut self, from: Status) {
        let spent = (self.now_ms - self.run.phase_since_ms).max(0);
        match from {
            Status::Queued => self.run.queued_ms += spent,
            Status::Paused => self.run.paused_ms += spent,
            _ => self.run.running_ms += spent,
        }
        self.run.phase_since_ms = self.now_ms;
    }
}
