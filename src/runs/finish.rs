//! The end of an attempt: the last report, the model and the status, in one transaction (P2: exactly once).

use serde_json::json;

use super::change::Change;
use super::message::{NewModel, Outcome, Reason, Report};
use super::transition::Verb;
use super::{Runs, RunsError};
use crate::ids::RunId;
use crate::store::Tx;
use crate::store::events::Kind;
use crate::store::models::{self, Model};
use crate::store::runs::{Run, Status};

impl Runs {
    /// Writes the last report of an attempt and its outcome.
    ///
    /// # Errors
    /// [`RunsError::Fenced`] when the run was given to somebody else: nothing is kept, and no model appears.
    pub async fn finish(
        &self,
        run: RunId,
        fence: i64,
        last: Report,
        outcome: Outcome,
    ) -> Result<Run, RunsError> {
        let room = self.clone();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let mut change = room.held(tx, run, fence).await?;
                    room.write_report(tx, &mut change, last).await?;
                    room.conclude(tx, &mut change, outcome).await?;
                    let bells = room.clone();
                    tx.after_commit(move || {
                        bells.recorded().remove(&run);
                    });
                    change.commit(tx, &room).await
                })
            })
            .await
    }

    async fn conclude(
        &self,
        tx: &mut Tx,
        change: &mut Change,
        outcome: Outcome,
    ) -> Result<(), RunsError> {
        // Whatever the worker came to, a run that its user cancelled is cancelled, for the reason given then.
        if change.run.status == Status::Cancelling {
            let run = &change.run;
            let reason = run.reason_code.clone().zip(run.reason_message.clone());
            let reason = reason.map_or_else(
                || Reason::new("user", "cancelled by its user"),
                |(code, message)| Reason::new(&code, message),
            );
            return change.go(Verb::Stop, Some(reason));
        }
        match outcome {
            Outcome::Trained(model, reason) => {
                if change.run.status == Status::Preparing {
                    change.go(Verb::Start, None)?;
                }
                if change.run.status != Status::Finalizing {
                    change.go(Verb::Finalize, None)?;
                }
                self.register(tx, change, *model).await?;
                change.go(Verb::Succeed, reason)
            }
            Outcome::Paused if change.run.status == Status::Pausing => {
                change.go(Verb::Park, Some(Reason::new("user", "paused by its user")))
            }
            // A pause nobody asked for any more: the run goes on from its checkpoint.
            Outcome::Paused | Outcome::Stopped | Outcome::Released => change.go(
                Verb::Release,
                Some(Reason::new(
                    "server_restart",
                    "the server was stopped; the run goes on from its last checkpoint",
                )),
            ),
            Outcome::Failed(reason) => change.go(Verb::Fail, Some(reason)),
        }
    }

    /// Makes the model a version, and says whether a reproduction came out the same.
    async fn register(
        &self,
        tx: &mut Tx,
        change: &mut Change,
        model: NewModel,
    ) -> Result<(), RunsError> {
        model.weights.record(tx).await?;
        let run = &mut change.run;
        let name = model_name(&run.name);
        let row = Model {
            owner: run.owner.clone(),
            name: name.clone(),
            version: 0,
            run_id: Some(run.id),
            weights: model.weights.sha256().to_owned(),
            size_bytes: model.weights.size_bytes(),
            document: model.document,
            metrics: model.metrics,
            dataset_id: Some(run.dataset_id),
            created_at_ms: self.0.clock.now_ms(),
        };
        run.model_version = Some(models::insert(tx, &row).await?);
        run.model_name = Some(name);
        run.result = Some(model.result);
        run.weights_sha256 = Some(row.weights.clone());
        if let Some(expected) = run.expected_sha256.clone() {
            let same = expected == row.weights;
            let message = if same {
                "the weights have the same hash as the original's"
            } else {
                "the weights differ from the original's"
            };
            let body = json!({"code": "reproduced", "message": message, "expected": expected, "got": row.weights, "equal": same});
            change.event(Kind::Log, None, &body)?;
        }
        Ok(())
    }
}

/// A run's name as a model's, fit for a URL: letters and digits of any script, `-`, `_` and `.`; at most 100 characters.
/// A name is never a number alone, because URLs have versions there.
pub fn model_name(run_name: &str) -> String {
    let kept: String = run_name
        .trim()
        .chars()
        .map(|c| {
            if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '-'
            }
        })
        .take(100)
        .collect();
    let kept = kept.trim_matches(|c| matches!(c, '-' | '.'));
    match kept {
        "" => "model".to_owned(),
        name if name.chars().all(|c| c.is_ascii_digit()) => format!("model-{name}"),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::model_name;

    #[test]
    fn model_names_fit_into_a_url() {
        for (run, model) in [
            ("titanic-1", "titanic-1"),
            ("중고차 가격", "중고차-가격"),
            (" ../x ", "x"),
            ("7", "model-7"),
            ("@", "model"),
        ] {
            assert_eq!(model_name(run), model);
        }
    }
}
