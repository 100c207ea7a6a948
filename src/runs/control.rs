//! What a user may do to a run: cancel, pause, resume, change, delete.

use super::change::Change;
use super::message::Reason;
use super::transition::Verb;
use super::{Runs, RunsError};
use crate::ids::RunId;
use crate::store::Tx;
use crate::store::runs::{self, Run, Status};

/// How an action was taken.
#[derive(Debug, Clone)]
pub enum Acted {
    /// It begins or is done.
    Accepted(Run),
    /// It was asked for before; nothing changed.
    Repeated(Run),
}

impl Acted {
    /// The run after the action.
    pub fn run(self) -> Run {
        match self {
            Self::Accepted(run) | Self::Repeated(run) => run,
        }
    }
}

impl Runs {
    /// Ends a run for its user.
    ///
    /// # Errors
    /// [`RunsError::Conflict`] when it ended otherwise before.
    pub async fn cancel(&self, owner: &str, id: RunId) -> Result<Acted, RunsError> {
        self.act(
            owner,
            id,
            Verb::Cancel,
            &[Status::Cancelling, Status::Cancelled],
        )
        .await
    }

    /// Lets a run wait with its checkpoint.
    ///
    /// # Errors
    /// [`RunsError::Conflict`] when it is over, or about to be.
    pub async fn pause(&self, owner: &str, id: RunId) -> Result<Acted, RunsError> {
        self.act(owner, id, Verb::Pause, &[Status::Pausing, Status::Paused])
            .await
    }

    /// Queues a paused run again; it goes on from its checkpoint, bit by bit.
    ///
    /// # Errors
    /// [`RunsError::Conflict`] when it is not paused.
    pub async fn resume(&self, owner: &str, id: RunId) -> Result<Acted, RunsError> {
        self.act(
            owner,
            id,
            Verb::Resume,
            &[Status::Queued, Status::Preparing, Status::Running],
        )
        .await
    }

    /// Ends a run in the transaction of whoever it belongs to. A run that is over, or about to be cancelled, stays as it is.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn cancel_in(&self, tx: &mut Tx, id: RunId, reason: Reason) -> Result<(), RunsError> {
        let run = runs::get(tx, id, None).await?.ok_or(RunsError::Absent)?;
        if run.status.is_terminal() || run.status == Status::Cancelling {
            return Ok(());
        }
        let mut change = Change::of(run, self.0.clock.now_ms());
        change.go(Verb::Cancel, Some(reason))?;
        change.commit(tx, self).await.map(drop)
    }

    async fn act(
        &self,
        owner: &str,
        id: RunId,
        verb: Verb,
        repeated: &'static [Status],
    ) -> Result<Acted, RunsError> {
        let (owner, room) = (owner.to_owned(), self.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let run = runs::get(tx, id, Some(&owner))
                        .await?
                        .ok_or(RunsError::Absent)?;
                    // A run that was never paused is not "resumed again".
                    let again = repeated.contains(&run.status)
                        && (verb != Verb::Resume || run.paused_ms > 0);
                    if again {
                        return Ok(Acted::Repeated(run));
                    }
                    let reason = match verb {
                        Verb::Cancel => Some(Reason::new("user", "cancelled by its user")),
                        Verb::Pause => Some(Reason::new("user", "paused by its user")),
                        _ => None,
                    };
                    let mut change = Change::of(run, room.0.clock.now_ms());
                    change.go(verb, reason)?;
                    Ok(Acted::Accepted(change.commit(tx, &room).await?))
                })
            })
            .await
    }

    /// Changes name, labels or priority.
    ///
    /// # Errors
    /// [`RunsError::Stale`] when `version` is no longer the row's.
    pub async fn change(
        &self,
        owner: &str,
        id: RunId,
        version: Option<i64>,
        change: runs::Change,
    ) -> Result<Run, RunsError> {
        let (owner, room) = (owner.to_owned(), self.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    if let Some(run) = runs::update(tx, &owner, id, version, &change).await? {
                        tx.after_commit(move || room.ring(id, None));
                        return Ok(run);
                    }
                    match runs::get(tx, id, Some(&owner)).await? {
                        Some(run) => Err(RunsError::Stale {
                            version: run.version,
                        }),
                        None => Err(RunsError::Absent),
                    }
                })
            })
            .await
    }

    /// Removes a run that is over, with its events, metrics and checkpoints. Its model stays.
    ///
    /// # Errors
    /// [`RunsError::Conflict`] while it is not over.
    pub async fn delete(
        &self,
        owner: &str,
        id: RunId,
        version: Option<i64>,
    ) -> Result<(), RunsError> {
        let owner = owner.to_owned();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let run = runs::get(tx, id, Some(&owner))
                        .await?
                        .ok_or(RunsError::Absent)?;
                    if version.is_some_and(|wanted| wanted != run.version) {
                        return Err(RunsError::Stale {
                            version: run.version,
                        });
                    }
                    if !run.status.is_terminal() {
                        return Err(RunsError::NotOver { status: run.status });
                    }
                    runs::delete(tx, id).await?;
                    Ok(())
                })
            })
            .await
    }
}
