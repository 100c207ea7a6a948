//! The task that takes the steps of all sweeps: when a run is over or has left the queue, when somebody changed a sweep, and from time to
//! time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Sweeps, SweepsError};
use crate::store::sweeps;

/// A bell may be missed, a disk may have been full: the record is looked at this often anyway.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Takes steps until the process is to end.
pub async fn work(sweeps: Sweeps, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        if let Err(error) = sweeps.step_all().await {
            tracing::warn!(%error, "the sweeps on record could not be looked at");
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = sweeps.0.runs.vacancy() => {}
            () = sweeps.0.work.notified() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

impl Sweeps {
    /// Takes the steps that can be taken now. One sweep that cannot go on does not hold up the others.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn step_all(&self) -> Result<(), SweepsError> {
        let at_work = sweeps::at_work(&self.0.store).await?;
        let has_space = at_work.is_empty() || self.has_space();
        for row in at_work {
            let id = row.id;
            if let Err(error) = self.advance(row, has_space).await {
                tracing::warn!(sweep = %id, %error, "a sweep could not go on; trying again");
            }
        }
        Ok(())
    }

    /// Whether children may be queued now. Below the floor of free space the sweeps wait as new runs do, which is said once until there is
    /// space again.
    fn has_space(&self) -> bool {
        let space = self.0.runs.check_space();
        let has_space = space.is_ok();
        let waited = self.0.waits.swap(!has_space, Ordering::Relaxed);
        match space {
            Err(error) if !waited => {
                tracing::warn!(%error, "no sweep proposes further runs until there is space");
            }
            Ok(()) if waited => tracing::info!("there is space again, and the sweeps go on"),
            _ => {}
        }
        has_space
    }
}
