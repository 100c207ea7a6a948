//! The end of a training: its weights and everything a prediction needs become a model.

use descent_engine::spec::Spec;
use descent_engine::trainer::{Completion, Ending, Trainer};
use serde_json::{Map, Value, json};

use super::Shared;
use super::prepare::Ready;
use crate::runs::message::{Job, NewModel, Outcome, Reason};
use crate::store::Json;

/// The model of a finished training, ready to be registered.
pub(super) fn model(
    shared: &Shared,
    job: &Job,
    spec: &Spec,
    ready: &Ready,
    trainer: &Trainer,
    ending: &Ending,
) -> Result<Outcome, Reason> {
    let broken = |error: String| {
        Reason::new(
            "bad_model",
            format!("the trained model cannot be kept: {error}"),
        )
    };
    let trained = trainer.trained().map_err(|e| broken(e.to_string()))?;
    let metrics: Map<String, Value> = trained
        .metrics
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    let result = json!({
        "metrics": metrics,
        "confusion": trained.confusion,
        "epochs": trained.epochs,
        "steps": trained.steps,
        "best_epoch": trained.best_epoch,
        "ending": ended(ending),
    });
    let document = json!({"spec": spec, "transform": ready.transform, "dataset_sha256": job.dataset_sha256, "weights_sha256": trained.sha256});
    let weights = shared
        .handle
        .block_on(shared.runs.stage(trained.weights))
        .map_err(|e| broken(e.to_string()))?;
    if weights.sha256() != trained.sha256 {
        return Err(broken(
            "its weights changed on the way to the disk".to_owned(),
        ));
    }
    let json = |value: &Value| Json::of(value).map_err(|e| broken(e.to_string()));
    let model = NewModel {
        weights: weights.into(),
        document: json(&document)?,
        metrics: json(&Value::Object(metrics))?,
        result: json(&result)?,
    };
    let reason = matches!(ending, Ending::TimeLimit).then(|| {
        Reason::new(
            "deadline",
            "the time limit was reached; the model is the best of the epochs done",
        )
    });
    Ok(Outcome::Trained(Box::new(model), reason))
}

/// Why training was over, for the run's `result`.
fn ended(ending: &Ending) -> Value {
    match ending {
        Ending::Completed(Completion::EpochsDone) => json!({"kind": "epochs_done"}),
        Ending::Completed(Completion::EarlyStopped { epoch, best_epoch }) => {
            json!({"kind": "early_stopped", "epoch": epoch, "best_epoch": best_epoch})
        }
        Ending::Completed(Completion::Converged { epoch }) => {
            json!({"kind": "converged", "epoch": epoch})
        }
        Ending::Completed(Completion::NotLinearlySeparable { epoch, message }) => {
            json!({"kind": "not_linearly_separable", "epoch": epoch, "message": message})
        }
        Ending::TimeLimit => json!({"kind": "time_limit"}),
        Ending::Paused | Ending::Stopped | Ending::Diverged { .. } => Value::Null,
    }
}
