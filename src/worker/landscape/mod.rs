//! Computes surfaces: one thread, with the lowest priority there is, so that trainings and answers go first. As many cores as are
//! free help it.

mod answer;
mod directions;
mod side;
mod study;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::{Shared, lower_priority};
use crate::runs::Survey;
use crate::store::Json;
use study::Study;

/// A bell may be missed; the record is looked at this often anyway.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Below every training, which has at most this much.
const NICEST: i32 = 19;

/// The life of the thread.
pub(super) fn work(shared: &Arc<Shared>) {
    lower_priority(NICEST);
    while !shared.is_stopping() {
        let Some(survey) = shared.handle.block_on(next(shared)) else {
            continue;
        };
        let row = survey.row.clone();
        let made = catch_unwind(AssertUnwindSafe(|| answer(shared, survey)));
        let answer = match made {
            Ok(Ok(None)) => continue, // stopped or deleted: what is still on record is queued again at the next start
            Ok(Ok(Some(answer))) => Ok(answer),
            Ok(Err(why)) => Err(why),
            Err(_) => {
                tracing::error!(landscape = %row.id, "a landscape panicked");
                Err("it was stopped by an internal error; the server's log has the details under its id".to_owned())
            }
        };
        if let Err(error) = shared
            .handle
            .block_on(shared.runs.finish_landscape(&row, answer))
        {
            tracing::warn!(landscape = %row.id, %error, "a landscape could not be written; it is computed again after the next start");
        }
    }
}

/// The next surface, or `None` after a while without one.
async fn next(shared: &Shared) -> Option<Survey> {
    let bell = shared.runs.surveys();
    match shared.runs.claim_landscape().await {
        Ok(Some(survey)) => return Some(survey),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "no landscape could be claimed"),
    }
    if !shared.is_stopping() {
        let _ = tokio::time::timeout(LOOK_AGAIN, bell).await; // both ends mean: look again
    }
    None
}

/// The answer; `None` when the process ends or nobody wants it any more.
fn answer(shared: &Shared, survey: Survey) -> Result<Option<Json>, String> {
    let answer = Study::prepare(shared, survey)?.answer()?;
    let text = answer.as_ref().map(Json::of).transpose();
    text.map_err(|error| error.to_string())
}
