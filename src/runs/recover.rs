//! Runs whose worker is gone, and what else has to be done from time to time.

use super::change::Change;
use super::message::Reason;
use super::transition::Verb;
use super::{Runs, RunsError};
use crate::store::runs::{self, Status};
use crate::store::{idempotency, landscapes};

impl Runs {
    /// At start: no worker of the process before is alive, so every run in work is queued again (P6). Answers how many.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn recover(&self) -> Result<usize, RunsError> {
        let reason = Reason::new(
            "server_restart",
            "the server was restarted; the run goes on from its last checkpoint",
        );
        self.0
            .store
            .write(|tx| Box::pin(async move { landscapes::requeue(tx).await }))
            .await?;
        self.lose(None, reason).await
    }

    /// Takes back runs whose worker was silent for longer than its lease. Answers how many.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn sweep(&self) -> Result<usize, RunsError> {
        let reason = Reason::new(
            "worker_lost",
            "its worker was not heard of any more; the run goes on from its last checkpoint",
        );
        self.lose(Some(self.0.clock.now_ms()), reason).await
    }

    async fn lose(&self, before_ms: Option<i64>, reason: Reason) -> Result<usize, RunsError> {
        let room = self.clone();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let lost = runs::lost(tx, before_ms).await?;
                    let n_lost = lost.len();
                    for run in lost {
                        let mut change = Change::of(run, room.0.clock.now_ms());
                        change.run.losses += 1;
                        let poisoned = change.run.losses >= i64::from(room.0.worker.poison_losses);
                        if poisoned && change.run.status != Status::Cancelling {
                            change.go(Verb::Fail, Some(poison(change.run.losses)))?;
                        } else {
                            change.go(Verb::Lose, Some(reason.clone()))?;
                        }
                        change.commit(tx, &room).await?;
                    }
                    Ok(n_lost)
                })
            })
            .await
    }

    /// Forgets remembered answers that are older than they are kept.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn forget_answers(&self, keep_ms: i64) -> Result<(), RunsError> {
        let before_ms = self.0.clock.now_ms() - keep_ms;
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move { Ok(idempotency::forget(tx, before_ms).await.map(drop)?) })
            })
            .await
    }
}

fn poison(losses: i64) -> Reason {
    let message = format!(
        "{losses} workers in a row were lost with this run before it reached a further checkpoint; it is not tried again"
    );
    Reason::new("poison", message)
}
