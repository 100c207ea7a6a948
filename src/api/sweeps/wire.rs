//! A sweep and its results, as they are sent.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::time::rfc3339;
use crate::store::Json;
use crate::store::sweeps as rows;
use crate::store::trials::{End, Seen};
use crate::sweeps::Summary;

/// Where a sweep is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SweepStatus {
    /// It proposes children.
    Running,
    /// It proposes no more; the last children end.
    Stopping,
    /// Its budget is used up, or its space.
    Completed,
    /// Ended by its user.
    Stopped,
    /// It cannot go on.
    Failed,
}

impl From<rows::Status> for SweepStatus {
    fn from(status: rows::Status) -> Self {
        match status {
            rows::Status::Running => Self::Running,
            rows::Status::Stopping => Self::Stopping,
            rows::Status::Completed => Self::Completed,
            rows::Status::Stopped => Self::Stopped,
            rows::Status::Failed => Self::Failed,
        }
    }
}

/// One sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sweep {
    /// Its id.
    #[schema(format = Uuid)]
    pub id: String,
    /// Always `sweep`.
    #[schema(pattern = "^sweep$")]
    pub object: &'static str,
    /// For people; the children are called after it.
    pub name: String,
    /// Where it is in its life.
    pub status: SweepStatus,
    /// Whether nothing follows by itself. A larger budget lets a completed sweep go on.
    pub terminal: bool,
    /// Why it is where it is, when there is a reason.
    pub status_reason: Option<SweepReason>,
    /// The spec of the children before a value is set; its dataset is an id.
    #[schema(value_type = Object)]
    pub spec: Json,
    /// JSON Pointer into the spec -> what may stand there.
    #[schema(value_type = Object)]
    pub space: Json,
    /// How values are chosen.
    #[schema(value_type = Object)]
    pub strategy: Json,
    /// How much it may use.
    pub budget: SweepBudget,
    /// What it is after: metric and direction.
    #[schema(value_type = Object)]
    pub objective: Json,
    /// Everything random in the proposals follows from it.
    #[schema(minimum = 0)]
    pub seed: i64,
    /// How far it is.
    pub progress: SweepProgress,
    /// The best child so far.
    pub best: Option<BestChild>,
    /// How much of the objective follows from each parameter, the most important first; empty for fewer than eight results.
    pub importance: Vec<Importance>,
    /// The user's own labels.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    pub metadata: Json,
    /// When it began.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it was over.
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
}

/// Why a sweep is where it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepReason {
    /// Stable code: `budget_runs`, `budget_minutes`, `space_exhausted`, `user`, `no_such_dataset`.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// How much a sweep may use.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepBudget {
    /// Children in all.
    #[schema(minimum = 1)]
    pub runs: i64,
    /// Minutes at work after which no child begins; null: no limit.
    pub minutes: Option<i64>,
    /// Children at the same time.
    #[schema(minimum = 1)]
    pub parallel: i64,
}

/// How far a sweep is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepProgress {
    /// Children in all, by budget and space.
    pub planned: u64,
    /// Children proposed so far.
    pub submitted: i64,
    /// Of them over.
    pub finished: i64,
    /// Of the others, those in work.
    pub running: i64,
}

/// The best child of a sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct BestChild {
    /// Its run; null when that was deleted since.
    #[schema(format = Uuid)]
    pub run_id: Option<String>,
    /// Its place in the sequence of children, from 0.
    #[schema(minimum = 0)]
    pub number: i64,
    /// Its objective.
    pub value: f64,
    /// JSON Pointer -> value.
    #[schema(value_type = Object)]
    pub parameters: std::collections::BTreeMap<String, serde_json::Value>,
}

/// How much of the objective follows from one parameter.
#[derive(Debug, Serialize, ToSchema)]
pub struct Importance {
    /// JSON Pointer into the spec.
    pub parameter: String,
    /// Share of the variance of the objective's ranks that the parameter alone explains, corrected for chance (epsilon squared).
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub importance: f64,
}

/// One child in the results of a sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct SweepResult {
    /// Its place in the sequence, from 0; the cursor of the list.
    #[schema(minimum = 0)]
    pub number: i64,
    /// Its run; null when it was refused, or deleted since.
    #[schema(format = Uuid)]
    pub run_id: Option<String>,
    /// The status of its run; `refused` when there was none, because its spec does not fit, and `deleted` when it went before it ended.
    pub status: &'static str,
    /// Why it has no value, or why it ended early.
    pub message: Option<String>,
    /// The objective of the model it left; null without one.
    pub value: Option<f64>,
    /// JSON Pointer -> value.
    #[schema(value_type = Object)]
    pub parameters: Json,
    /// The epoch whose weights the model has.
    pub epoch: Option<i64>,
    /// Steps trained; 0 until it is over.
    pub steps: i64,
    /// Whether it ended at a rung of `asha`.
    pub stopped_early: bool,
}

impl Sweep {
    /// A row with what it has found so far.
    pub fn of(row: &rows::Sweep, summary: Summary) -> Self {
        let reason = row.reason_code.clone().zip(row.reason_message.clone());
        Sweep {
            id: row.id.to_string(),
            object: "sweep",
            name: row.name.clone(),
            status: row.status.into(),
            terminal: row.status.is_terminal(),
            status_reason: reason.map(|(code, message)| SweepReason { code, message }),
            spec: row.spec.clone(),
            space: row.space.clone(),
            strategy: row.strategy.clone(),
            budget: SweepBudget {
                runs: row.max_runs,
                minutes: row.max_minutes,
                parallel: row.parallel,
            },
            objective: row.objective.clone(),
            seed: row.seed,
            progress: SweepProgress {
                planned: summary.planned,
                submitted: summary.counts.submitted,
                finished: summary.counts.finished,
                running: summary.counts.running,
            },
            best: summary.best.map(|best| BestChild {
                run_id: best.run.map(|id| id.to_string()),
                number: best.number,
                value: best.value,
                parameters: best.parameters,
            }),
            importance: summary
                .importance
                .into_iter()
                .map(|(parameter, importance)| Importance {
                    parameter,
                    importance,
                })
                .collect(),
            metadata: row.metadata.clone(),
            created_at: rfc3339(row.created_at_ms),
            finished_at: row.finished_at_ms.map(rfc3339),
        }
    }

    /// A row that has just begun.
    pub fn begun(row: &rows::Sweep) -> Self {
        Self::of(row, Summary::before_the_first(row))
    }
}

impl From<Seen> for SweepResult {
    fn from(Seen { trial, run_status }: Seen) -> Self {
        let status = match (trial.status, run_status) {
            (Some(End::Refused), _) => End::Refused.as_str(),
            // What its run is now; a run that was deleted is remembered by how it ended.
            (_, Some(status)) => status.as_str(),
            (Some(end), None) => end.as_str(),
            (None, None) => End::Deleted.as_str(),
        };
        SweepResult {
            number: trial.number,
            run_id: trial.run_id.map(|id| id.to_string()),
            status,
            message: trial.message,
            value: trial.value,
            parameters: trial.parameters,
            epoch: trial.epoch,
            steps: trial.steps,
            stopped_early: trial.stopped_early,
        }
    }
}
