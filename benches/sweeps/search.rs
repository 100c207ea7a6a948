//! One sweep without a server: children are proposed as the service proposes them, trained as the worker trains them, and written down as
//! the record would.

use anyhow::{Context, anyhow};
use descent::ids::SweepId;
use descent::store::Json;
use descent::store::trials::{End, Trial};
use descent::sweeps::proposal::Search;
use descent::sweeps::strategy::asha;
use descent::sweeps::{Direction, Objective, Strategy};
use descent_engine::trainer::{Directive, EpochReport, Observer};
use serde_json::json;

use crate::cases::Case;
use crate::source::Source;
use crate::training;

/// What a sweep found.
pub struct Found {
    /// The best objective of a child's model.
    pub best: f64,
    /// Steps of all children.
    pub steps: u64,
}

/// Works a sweep off, one child after the other.
///
/// # Errors
/// A child that does not fit, or a document that cannot be read.
pub fn run(
    case: &Case,
    source: &Source,
    strategy: Strategy,
    seed: u64,
    n_runs: u64,
) -> anyhow::Result<Found> {
    let epochs = case.spec["training"]["epochs"]
        .as_u64()
        .context("the case has epochs")? as u32;
    let rungs = match strategy {
        Strategy::Asha {
            reduction,
            min_epochs,
        } => asha::rungs(min_epochs, reduction, epochs),
        _ => Vec::new(),
    };
    let search = Search {
        spec: case.spec.clone(),
        space: serde_json::from_value(case.space.clone())?,
        strategy,
        objective: Objective {
            metric: METRIC.to_owned(),
            direction: Some(Direction::Minimize),
        },
        rungs,
        parallel: 1,
        seed,
    };
    let mut trials: Vec<Trial> = Vec::new();
    for number in 0..n_runs {
        let (parameters, rungs) = search
            .next(&trials, number)?
            .context("the space has an end")?;
        let spec = search
            .child(case.name, &parameters, rungs)
            .map_err(|found| anyhow!("{found:?}"))?;
        let mut curve = Curve::default();
        // A training that diverges leaves no model, and the sweep goes on without one.
        let trained = training::train(source, serde_json::to_value(&spec)?, &mut curve).ok();
        let value = trained
            .as_ref()
            .and_then(|trained| training::metric(trained, METRIC).ok());
        let at_rungs = search
            .rungs
            .iter()
            .map_while(|epoch| curve.values.get(*epoch as usize - 1));
        trials.push(Trial {
            sweep_id: SweepId(Default::default()),
            number: number as i64,
            run_id: None,
            parameters: Json::of(&parameters)?,
            status: Some(match value {
                Some(_) => End::Succeeded,
                None => End::Failed,
            }),
            message: None,
            value,
            epoch: trained.map(|trained| i64::from(trained.best_epoch)),
            stopped_early: (curve.values.len() as u32) < epochs,
            rung_values: Json::of(&json!(at_rungs.collect::<Vec<_>>()))?,
            steps: curve.steps as i64,
        });
    }
    let values = trials.iter().filter_map(|trial| trial.value);
    Ok(Found {
        best: values
            .min_by(f64::total_cmp)
            .context("no child left a model")?,
        steps: trials.iter().map(|trial| trial.steps as u64).sum(),
    })
}

/// What every sweep here is after.
const METRIC: &str = "validation_loss";

/// The objective after every epoch.
#[derive(Default)]
struct Curve {
    values: Vec<f64>,
    steps: u64,
}

impl Observer for Curve {
    fn epoch(&mut self, report: &EpochReport<'_>) -> Directive {
        let value = (report.metrics.iter()).find(|(name, _)| *name == METRIC);
        self.values
            .push(value.map_or(f64::MAX, |(_, value)| *value));
        self.steps = report.step;
        Directive::Continue
    }
}
