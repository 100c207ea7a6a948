//! The end of a training: its weights and everything a prediction needs become a model, and the model must give back what
//! the trainer said before it goes live.

use descent_engine::isa::Isa;
use descent_engine::spec::Spec;
use descent_engine::trainer::{Completion, Ending, Golden, Trained, Trainer};
use serde_json::{Map, Value, json};

use super::Shared;
use super::prepare::{self, Ready};
use crate::predictor::{
    EngineBuild, FORMAT, GoldenRow, ModelDocument, ServedModel, Version, check_golden, mean_row,
};
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
    let trained = trainer.trained().map_err(broken)?;
    let document = ModelDocument {
        format: FORMAT,
        spec: spec.clone(),
        transform: ready.transform.clone(),
        baseline: mean_row(&ready.dataset, &ready.parts),
        engine: EngineBuild {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instruction_set: Isa::detect().name().to_owned(),
        },
        dataset_sha256: job.dataset_sha256.clone(),
        weights_sha256: trained.sha256.clone(),
    };
    let sealed = document.seal().map_err(broken)?;
    prove(shared, job, ready, trained, sealed.get())?;
    let weights = shared
        .handle
        .block_on(shared.runs.stage(trained.weights.clone()))
        .map_err(broken)?;
    if weights.sha256() != trained.sha256 {
        return Err(broken("its weights changed on the way to the disk"));
    }
    let metrics: Map<String, Value> = trained
        .metrics
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect();
    let result = json!({
        "metrics": metrics,
        "confusion": trained.confusion,
        "roc": trained.roc,
        "residuals": trained.residuals,
        "epochs": trained.epochs,
        "steps": trained.steps,
        "best_epoch": trained.best_epoch,
        "ending": ended(ending),
    });
    let model = NewModel {
        weights: weights.into(),
        document: Json::of(&sealed).map_err(broken)?,
        metrics: Json::of(&metrics).map_err(broken)?,
        result: Json::of(&result).map_err(broken)?,
    };
    let reason = matches!(ending, Ending::TimeLimit).then(|| {
        Reason::new(
            "deadline",
            "the time limit was reached; the model is the best of the epochs done where early stopping keeps it, else the newest",
        )
    });
    Ok(Outcome::Trained(Box::new(model), reason))
}

fn broken(error: impl std::fmt::Display) -> Reason {
    Reason::new(
        "bad_model",
        format!("the trained model cannot go live: {error}"),
    )
}

/// Opens the model as the predictor will, and sends rows of the file through it: bytes in, bytes out, the same bits.
fn prove(
    shared: &Shared,
    job: &Job,
    ready: &Ready,
    trained: &Trained,
    sealed: &str,
) -> Result<(), Reason> {
    let Golden { rows, answers } = &trained.golden;
    if rows.is_empty() {
        return Ok(());
    }
    let version = Version {
        name: job.name.clone(),
        version: 0,
    };
    let served = ServedModel::open(version, sealed, &trained.weights).map_err(broken)?;
    let cells = prepare::cells(shared, job, ready, rows)?;
    let n_outputs = answers.len() / rows.len();
    let golden: Vec<GoldenRow> = cells
        .into_iter()
        .zip(answers.chunks_exact(n_outputs))
        .map(|(cells, answers)| GoldenRow {
            cells,
            answers: answers.to_vec(),
        })
        .collect();
    check_golden(&served, &golden).map_err(broken)
}

/// Why training was over, for the run's `result`.
fn ended(ending: &Ending) -> Value {
    match ending {
        Ending::Completed(Completion::EpochsDone) => json!({"kind": "epochs_done"}),
        Ending::Completed(Completion::EarlyStopped { epoch, best_epoch }) => {
            json!({"kind": "early_stopped", "epoch": epoch, "best_epoch": best_epoch})
        }
        Ending::Completed(Completion::StoppedAtRung {
            epoch,
            metric,
            value,
        }) => {
            json!({"kind": "stopped_at_rung", "epoch": epoch, "metric": metric, "value": value})
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
