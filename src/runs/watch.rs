//! Reading runs: one, a page, or one that is over.

use std::future::Future;
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};

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
        let look = || self.show(owner, id);
        until(self.subscribe(), id, patience, look, |run| {
            run.status.is_terminal()
        })
        .await
    }
}

/// What `look` finds as soon as it is `over`, or as it stands after `patience`; it looks again whenever `moved` names `id`. The subscription
/// is older than the first look, so no notice falls between.
pub async fn until<K, T, E, F>(
    mut moved: Receiver<K>,
    id: K,
    patience: Duration,
    look: impl Fn() -> F,
    over: impl Fn(&T) -> bool,
) -> Result<T, E>
where
    K: Clone + PartialEq,
    F: Future<Output = Result<T, E>>,
{
    let watch = async {
        loop {
            let found = look().await?;
            if over(&found) {
                return Ok(found);
            }
            loop {
                match moved.recv().await {
                    Ok(other) if other != id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return Ok(found),
                }
            }
        }
    };
    match tokio::time::timeout(patience, watch).await {
        Ok(found) => found,
        Err(_) => look().await,
    }
}
