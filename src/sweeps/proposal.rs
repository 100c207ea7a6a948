//! What a sweep tries next, as a function of its documents and its trials so far. The service and the bench ask the same.

use descent_engine::spec::{Rung, Spec, Violation};
use serde_json::{Value, json};

use super::document::Objective;
use super::space::{self, Parameters, Space};
use super::strategy::{Strategy, seeds};
use super::trial;
use crate::store::StoreError;
use crate::store::trials::Trial;

/// The parts of a sweep that decide what is tried.
#[derive(Debug, Clone)]
pub struct Search {
    /// The spec of the children before a value is set.
    pub spec: Value,
    /// What may change.
    pub space: Space,
    /// How values are chosen.
    pub strategy: Strategy,
    /// What it is after.
    pub objective: Objective,
    /// Epochs after which bad children stop.
    pub rungs: Vec<u32>,
    /// Children at the same time.
    pub parallel: u64,
    /// Everything random follows from it.
    pub seed: u64,
}

impl Search {
    /// Whether everything that trial `number` may know is known.
    pub fn is_ready(&self, known: &[Trial], number: u64) -> bool {
        !self.strategy.looks_back()
            || known
                .iter()
                .filter(|one| trial::may_know(number, one.number as u64, self.parallel))
                .all(|one| one.status.is_some())
    }

    /// Values and rungs of trial `number`; `None` when there is nothing more to try.
    ///
    /// # Errors
    /// When a trial was written by something else.
    pub fn next(
        &self,
        known: &[Trial],
        number: u64,
    ) -> Result<Option<(Parameters, Vec<Rung>)>, StoreError> {
        if self.strategy == (Strategy::Seeds {}) {
            return Ok(Some((self.next_seed(number), Vec::new())));
        }
        let history = match self.strategy {
            Strategy::Tpe { .. } => trial::history(
                known,
                number,
                self.parallel,
                &self.space,
                self.objective.direction(),
            )?,
            _ => Vec::new(),
        };
        let rungs = match self.strategy {
            Strategy::Asha { reduction, .. } => trial::rungs(
                known,
                number,
                self.parallel,
                &self.rungs,
                reduction,
                &self.objective,
            )?,
            _ => Vec::new(),
        };
        let point = self
            .strategy
            .propose(&self.space, self.seed, number, &history);
        Ok(point.map(|point| (space::values(&self.space, &point), rungs)))
    }

    fn next_seed(&self, number: u64) -> Parameters {
        let first = self.spec.pointer("/training/seed").and_then(Value::as_u64);
        let seed = seeds::seed(first.unwrap_or(0), number);
        Parameters::from([("/training/seed".to_owned(), json!(seed))])
    }

    /// The spec of a child with these values.
    ///
    /// # Errors
    /// Every violation; for a combination that nobody could know to be wrong before.
    pub fn child(
        &self,
        name: &str,
        parameters: &Parameters,
        rungs: Vec<Rung>,
    ) -> Result<Spec, Vec<Violation>> {
        let mut document = self.spec.clone();
        for (pointer, value) in parameters {
            space::set(&mut document, pointer, value.clone())
                .map_err(|why| vec![Violation::new(pointer, "no_such_place", why)])?;
        }
        let mut spec = Spec::from_record(document)?;
        spec.name = Some(name.to_owned());
        spec.training.rungs = rungs;
        Ok(spec)
    }
}
