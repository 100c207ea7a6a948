//! Reading runs: one, a page, or one that is over.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::{Runs, RunsError};
use crate::ids::RunId;
use crate::store::runs::{self, Filter, Run};
use crate::store::{Page, PageOf};

impl Runs {
    /// One run of `owner`.
    ///
    /// # Errors
    /// [`RunsError::Absent`] also for another owner's run.
    pub async fn show(&self, owner: &str, id: RunId) -> Result<Run, RunsError> {
        runs::find(&self.0.store, owner, id)
            .await?
            .ok_or(RunsError::Absent)
    }

    /// A page of an owner's runs.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn list(
        &self,
        owner: &str,
        filter: &Filter,
        page: &Page,
    ) -> Result<PageOf<Run>, RunsError> {
        Ok(runs::list(&self.0.store, owner, filter, page).await?)
    }

    /// The run as soon as it is over, or as it stands after `patience`.
    ///
    /// # Errors
    /// [`RunsError::Absent`] when it is not there or was deleted meanwhile.
    pub async fn wait(&self, owner: &str, id: RunId, patience: Duration) -> Result<Run, RunsError> {
        // Listening begins before the first look, so that no notice falls between.
        let mut moved = self.subscribe();
        let watch = async {
            loop {
                let run = self.show(owner, id).await?;
                if run.status.is_terminal() {
                    return Ok(run);
                }
                loop {
                    match moved.recv().await {
                        Ok(other) if other != id => {}
                        Ok(_) | Err(RecvError::Lagged(_)) => break,
                        Err(RecvError::Closed) => return Ok(run),
                    }
                }
            }
        };
        match tokio::time::timeout(patience, watch).await {
            Ok(run) => run,
            Err(_) => self.show(owner, id).await,
        }
    }
}
