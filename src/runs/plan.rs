//! What a spec would become, before anything is queued: the `dry_run` plan, and the check that every submission passes.

use std::sync::{MutexGuard, PoisonError};

use descent_engine::dataset::DataFacts;
use descent_engine::network::LayerOutline;
use descent_engine::spec::{Cost, Spec};

use super::pace::{Pace, Work};
use super::queue::order;
use super::{Runs, RunsError};
use crate::data::{self, Ingested};
use crate::ids::RunId;
use crate::store::datasets::Dataset;
use crate::store::runs::{self, OwnerTurn, Waiting};

/// Reading data and registering the model, beside the training itself.
const OVERHEAD_MS: f64 = 5.0;

/// What a spec would become.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The dataset it means.
    pub dataset: Dataset,
    /// Everything filled in. Feature counts are upper bounds until the data is read.
    pub resolved_spec: Spec,
    /// What is known of the data.
    pub facts: DataFacts,
    /// Parameters, memory and operations.
    pub cost: Cost,
    /// Its layers, the one that makes the outputs last.
    pub layers: Vec<LayerOutline>,
    /// Steps at most.
    pub steps: u64,
    /// Estimated time of training, from steps and operations and how long others took.
    pub running_ms: f64,
    /// Where in the queue it would stand, from 1.
    pub queue_position: usize,
    /// Estimated wait.
    pub waiting_ms: f64,
}

impl Runs {
    /// Checks a spec against its dataset and says what it would cost. Nothing is queued.
    ///
    /// # Errors
    /// [`RunsError::NoDataset`], or [`RunsError::Spec`] with every violation.
    pub async fn plan(&self, owner: &str, spec: &Spec) -> Result<Plan, RunsError> {
        let dataset = self.dataset_of(owner, spec).await?;
        let (resolved_spec, facts, cost) = self.fit(spec, &dataset)?;
        let epochs = u64::from(resolved_spec.training.epochs.unwrap_or(1));
        let steps = epochs.saturating_mul(
            facts
                .n_train
                .div_ceil(u64::from(resolved_spec.training.batch_size.unwrap_or(1)).max(1)),
        );
        let work = Work {
            steps,
            flops: cost.flops_per_sample as f64 * facts.n_train as f64 * epochs as f64,
        };
        let training_s = self.pace().expected_s(work);
        let (queue_position, mean_ms) = self.place(owner, spec.priority.into()).await?;
        let waves = (queue_position - 1) / self.0.slots.max(1);
        let layers = resolved_spec.outline(&facts).map_err(RunsError::Spec)?;
        Ok(Plan {
            layers,
            running_ms: OVERHEAD_MS + training_s * 1e3,
            waiting_ms: waves as f64 * mean_ms.unwrap_or(0.0),
            dataset,
            resolved_spec,
            facts,
            cost,
            steps,
            queue_position,
        })
    }

    /// The spec filled in, if it fits the dataset and the memory of a run.
    pub(super) fn fit(
        &self,
        spec: &Spec,
        dataset: &Dataset,
    ) -> Result<(Spec, DataFacts, Cost), RunsError> {
        self.fit_profile(spec, &dataset.profile.parse()?)
    }

    /// The same for a profile that was read before: many specs on one dataset need it once.
    ///
    /// # Errors
    /// [`RunsError::Spec`] with every violation.
    pub fn fit_profile(
        &self,
        spec: &Spec,
        ingested: &Ingested,
    ) -> Result<(Spec, DataFacts, Cost), RunsError> {
        let mut spec = spec.clone();
        spec.task = data::with_own_split(&spec.task, &ingested.schema());
        let facts =
            data::facts(&spec.task, spec.training.seed, ingested).map_err(RunsError::Spec)?;
        data::check_scale(&spec.task, spec.target_scale(), ingested).map_err(RunsError::Spec)?;
        let misfit = |found| RunsError::Spec(spec.at_own_places(found));
        let resolved = spec.resolve(&facts).map_err(misfit)?;
        let cost = resolved.cost(&facts).map_err(misfit)?;
        cost.within(self.0.run_memory_bytes)
            .map_err(|violation| RunsError::Spec(vec![*violation]))?;
        Ok((resolved, facts, cost))
    }

    /// Where a run of `owner` with `priority` would stand if it were queued now.
    async fn place(&self, owner: &str, priority: i64) -> Result<(usize, Option<f64>), RunsError> {
        let (mut waiting, mut owners) = runs::waiting(&self.0.store, super::queue::SHOWN).await?;
        let id = RunId(self.0.ids.next()?);
        let one = Waiting {
            id,
            owner: owner.to_owned(),
            name: String::new(),
            priority,
            queued_at_ms: self.0.clock.now_ms(),
        };
        let index = waiting.partition_point(|other| other.priority >= priority);
        waiting.insert(index, one);
        if !owners.iter().any(|known| known.owner == owner) {
            owners.push(OwnerTurn {
                owner: owner.to_owned(),
                n_active: 0,
                turn: 0,
            });
        }
        let ordered = order(waiting, owners);
        let position = ordered
            .iter()
            .find(|queued| queued.run.id == id)
            .map_or(1, |queued| queued.position);
        Ok((position, runs::mean_running_ms(&self.0.store).await?))
    }

    /// Learns from a finished training how long they take on this machine.
    pub fn learn_pace(&self, work: Work, took_ms: i64) {
        self.pace().learn(work, took_ms as f64 / 1e3);
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        (self.0.pace.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}
