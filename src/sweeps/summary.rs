//! What a sweep has found so far.

use super::advance::{planned, search_of};
use super::space::Parameters;
use super::{Sweeps, SweepsError, importance};
use crate::ids::RunId;
use crate::store::sweeps::Sweep;
use crate::store::trials::{self, Counts, Trial};

/// The child with the best objective.
#[derive(Debug, Clone)]
pub struct Best {
    /// Its place in the sequence.
    pub number: i64,
    /// Its run; `None` when that was deleted since.
    pub run: Option<RunId>,
    /// Its objective.
    pub value: f64,
    /// Its values.
    pub parameters: Parameters,
}

/// A sweep at a glance.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Children in all, as far as it is planned.
    pub planned: u64,
    /// How far it is.
    pub counts: Counts,
    /// The best child so far.
    pub best: Option<Best>,
    /// How much of the objective follows from each parameter; the most important first. Empty until that can be told.
    pub importance: Vec<(String, f64)>,
}

impl Summary {
    /// What is known of a sweep that has no child yet.
    pub fn before_the_first(row: &Sweep) -> Self {
        Self {
            planned: planned(row),
            counts: Counts::default(),
            best: None,
            importance: Vec::new(),
        }
    }
}

impl Sweeps {
    /// What a sweep has found so far.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn summary(&self, row: &Sweep) -> Result<Summary, SweepsError> {
        let search = search_of(row)?;
        let all = trials::all(&self.0.store, row.id).await?;
        let direction = search.objective.direction();
        let mut measured: Vec<(&Trial, f64, Parameters)> = Vec::new();
        for one in &all {
            if let Some(value) = one.value {
                measured.push((one, value, one.parameters.parse()?));
            }
        }
        let best = measured
            .iter()
            .min_by(|a, b| direction.turned(a.1).total_cmp(&direction.turned(b.1)))
            .map(|(one, value, parameters)| Best {
                number: one.number,
                run: one.run_id,
                value: *value,
                parameters: parameters.clone(),
            });
        let points: Vec<(&Parameters, f64)> = measured
            .iter()
            .map(|(_, value, parameters)| (parameters, direction.turned(*value)))
            .collect();
        Ok(Summary {
            planned: planned(row),
            counts: trials::counts(&self.0.store, row.id).await?,
            best,
            importance: importance::of(&search.space, &points),
        })
    }
}
