//! One child as the strategies see it: how it ended, and what later ones may know of it.

use descent_engine::spec::Rung;
use serde::Deserialize;

use super::document::{Direction, Objective};
use super::space::{self, Space};
use super::strategy::{Observation, asha};
use crate::store::metrics::Series;
use crate::store::runs::{Run, Status};
use crate::store::trials::{End, Trial};
use crate::store::{Json, StoreError};

/// Trials before the `number`-th whose end it may not know: as many as can be at work beside it, twice over, so that one slow child does
/// not hold up the others at once. With one child at a time it knows all.
pub fn lag(parallel: u64) -> u64 {
    2 * parallel.max(1) - 1
}

/// Whether trial `number` may know how trial `earlier` ended. It is the same whatever ended first, so a sweep does not depend on time.
pub fn may_know(number: u64, earlier: u64, parallel: u64) -> bool {
    earlier + lag(parallel) <= number
}

/// The part of a run's `result` that is read here.
#[derive(Deserialize, Default)]
struct Ended {
    #[serde(default)]
    metrics: std::collections::HashMap<String, Option<f64>>,
    best_epoch: Option<i64>,
    ending: Option<Ending>,
}

#[derive(Deserialize)]
struct Ending {
    kind: String,
}

/// Writes into a trial how its run ended. `series` is the objective's metric, a point per epoch.
///
/// # Errors
/// When the run's result was written by something else.
pub fn settle(
    trial: &mut Trial,
    run: &Run,
    series: Option<&Series>,
    objective: &Objective,
    rungs: &[u32],
) -> Result<(), StoreError> {
    trial.steps = run.step;
    trial.status = Some(match run.status {
        Status::Succeeded => End::Succeeded,
        Status::Cancelled => End::Cancelled,
        _ => End::Failed,
    });
    trial.message = run.reason_message.clone();
    if let Some(result) = &run.result {
        let result: Ended = result.parse()?;
        trial.value = result.metrics.get(&objective.metric).copied().flatten();
        trial.epoch = result.best_epoch;
        trial.stopped_early = result
            .ending
            .is_some_and(|ending| ending.kind == "stopped_at_rung");
        if trial.value.is_none() {
            let message = format!(
                "`{}` is not defined on the rows of this run",
                objective.metric
            );
            trial.message = Some(message);
        }
    }
    trial.rung_values = Json::of(&at_rungs(run, series, rungs))?;
    Ok(())
}

/// The metric after the epochs of the rungs, as far as the run came.
fn at_rungs(run: &Run, series: Option<&Series>, rungs: &[u32]) -> Vec<f64> {
    let Some(series) = series.filter(|_| run.epochs > 0) else {
        return Vec::new();
    };
    let steps_per_epoch = (run.steps / run.epochs) as u64;
    let at = |epoch: &u32| {
        let step = u64::from(*epoch) * steps_per_epoch;
        let index = series.steps.binary_search(&step).ok()?;
        Some(series.values[index])
    };
    rungs.iter().map_while(at).collect()
}

/// What trial `number` may know of the trials before it.
///
/// # Errors
/// When a row was written by something else.
pub fn history(
    trials: &[Trial],
    number: u64,
    parallel: u64,
    space: &Space,
    direction: Direction,
) -> Result<Vec<Observation>, StoreError> {
    let mut history = Vec::with_capacity(trials.len());
    for trial in trials {
        let parameters: space::Parameters = trial.parameters.parse()?;
        let Some(point) = space::point(space, &parameters) else {
            continue;
        };
        let known = may_know(number, trial.number as u64, parallel);
        history.push(Observation {
            point,
            value: trial
                .value
                .filter(|_| known)
                .map(|value| direction.turned(value)),
        });
    }
    Ok(history)
}

/// The rungs of trial `number`, each with the worst value that goes on.
///
/// # Errors
/// When a row was written by something else.
pub fn rungs(
    trials: &[Trial],
    number: u64,
    parallel: u64,
    epochs: &[u32],
    reduction: u32,
    objective: &Objective,
) -> Result<Vec<Rung>, StoreError> {
    let direction = objective.direction();
    let mut seen: Vec<Vec<f64>> = vec![Vec::new(); epochs.len()];
    for trial in trials
        .iter()
        .filter(|trial| may_know(number, trial.number as u64, parallel))
    {
        let values: Vec<f64> = trial.rung_values.parse()?;
        for (rung, value) in seen.iter_mut().zip(values) {
            rung.push(direction.turned(value));
        }
    }
    let rung = |(epoch, seen): (&u32, Vec<f64>)| {
        Some(Rung {
            epoch: *epoch,
            metric: objective.metric.clone(),
            bound: direction.turned(asha::bound(seen, reduction)?),
        })
    };
    Ok(epochs.iter().zip(seen).filter_map(rung).collect())
}
