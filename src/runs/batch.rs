//! Many runs in one request and one transaction.

use std::collections::HashMap;
use std::sync::Arc;

use descent_engine::spec::{Spec, Violation};

use super::submit::Origin;
use super::{Runs, RunsError};
use crate::data::Ingested;
use crate::store::datasets::Dataset;
use crate::store::idempotency::{self, Remember};
use crate::store::runs::Run;
use crate::store::{Tx, datasets};

/// Specs of one batch at most.
pub const MAX_BATCH: usize = 1_000;

/// What becomes of the others when a run of a batch cannot be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is queued.
    AllOrNothing,
    /// Each is queued or refused by itself.
    PerItem,
}

/// What somebody asks for at once.
pub struct Batch {
    /// Who.
    pub owner: String,
    /// What: specs in their order, or what is wrong with them.
    pub specs: Vec<Result<Spec, Vec<Violation>>>,
    /// What becomes of the others when one is refused.
    pub mode: Mode,
    /// How the answer is remembered for an Idempotency-Key.
    pub remember: Option<Remember<Vec<Item>>>,
}

/// What became of one spec.
type Item = Result<Run, RunsError>;

/// A dataset and its profile, read once for all specs that mean it; or why it cannot be used.
type Read = Result<Arc<(Dataset, Ingested)>, RunsError>;

impl Runs {
    /// Queues runs in one transaction and answers them in the order of their specs.
    ///
    /// # Errors
    /// [`RunsError::Batch`] when nothing was queued because some cannot be; [`RunsError::TooManyQueued`] when all of them together are
    /// too many; a full disk, or a failing record.
    pub async fn submit_batch(&self, batch: Batch) -> Result<Vec<Item>, RunsError> {
        self.check_space()?;
        let Batch {
            owner,
            specs,
            mode,
            remember,
        } = batch;
        let read = self.datasets_of(&owner, &specs).await?;
        let (room, name) = (self.clone(), owner.clone());
        // A thousand specs are checked against their data in some tenths of a second: too long for a thread that answers others.
        let drafts = tokio::task::spawn_blocking(move || room.drafts(&name, specs, &read));
        let drafts = drafts
            .await
            .map_err(|error| crate::store::StoreError::Refused(error.to_string()))?;
        if mode == Mode::AllOrNothing {
            refuse_if_any_is_refused(&drafts)?;
        }
        let room = self.clone();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move { room.queue_all(tx, &owner, drafts, mode, remember).await })
            })
            .await
    }

    /// The datasets that the specs mean, by what they call them.
    async fn datasets_of(
        &self,
        owner: &str,
        specs: &[Result<Spec, Vec<Violation>>],
    ) -> Result<HashMap<String, Read>, RunsError> {
        let mut read: HashMap<String, Read> = HashMap::new();
        for spec in specs.iter().flatten() {
            if read.contains_key(&spec.dataset) {
                continue;
            }
            let found = match datasets::named(&self.0.store, owner, &spec.dataset).await? {
                None => Err(RunsError::NoDataset(spec.dataset.clone())),
                Some(dataset) => {
                    let ingested = dataset.profile.parse()?;
                    Ok(Arc::new((dataset, ingested)))
                }
            };
            read.insert(spec.dataset.clone(), found);
        }
        Ok(read)
    }

    fn drafts(
        &self,
        owner: &str,
        specs: Vec<Result<Spec, Vec<Violation>>>,
        read: &HashMap<String, Read>,
    ) -> Vec<(Item, String)> {
        let draft = |spec: Result<Spec, Vec<Violation>>| {
            let spec = match spec {
                Ok(spec) => spec,
                Err(violations) => return (Err(RunsError::Spec(violations)), String::new()),
            };
            let item = match read.get(&spec.dataset) {
                Some(Ok(found)) => {
                    let (dataset, ingested) = &**found;
                    self.fit_profile(&spec, ingested)
                        .and_then(|_| self.row(owner.to_owned(), &spec, dataset, Origin::default()))
                }
                Some(Err(error)) => Err(error.clone()),
                None => Err(RunsError::NoDataset(spec.dataset.clone())),
            };
            (item, spec.dataset)
        };
        specs.into_iter().map(draft).collect()
    }

    /// Writes what was drafted. A refused row undoes its own statement only, so its neighbours stay.
    async fn queue_all(
        &self,
        tx: &mut Tx,
        owner: &str,
        drafts: Vec<(Item, String)>,
        mode: Mode,
        remember: Option<Remember<Vec<Item>>>,
    ) -> Result<Vec<Item>, RunsError> {
        let mut left = self.room_in_queue(tx, owner).await?;
        if mode == Mode::AllOrNothing && left < drafts.len() as u64 {
            return Err(self.too_many_queued());
        }
        let mut items = Vec::with_capacity(drafts.len());
        for (draft, dataset) in drafts {
            let item = match draft {
                Ok(_) if left == 0 => Err(self.too_many_queued()),
                Ok(run) => match self.queue_in(tx, &run, &dataset).await {
                    Ok(()) => Ok(run),
                    Err(error @ RunsError::NoDataset(_)) => Err(error),
                    Err(error) => return Err(error),
                },
                Err(error) => Err(error),
            };
            left -= u64::from(item.is_ok());
            items.push((item, dataset));
        }
        if mode == Mode::AllOrNothing {
            refuse_if_any_is_refused(&items)?;
        }
        let items: Vec<Item> = items.into_iter().map(|(item, _)| item).collect();
        // A request without an effect may be repeated: nothing is remembered of it.
        if let Some(remember) = remember.filter(|_| items.iter().any(Result::is_ok)) {
            idempotency::remember(tx, remember, &items, self.0.clock.now_ms()).await?;
        }
        Ok(items)
    }
}

fn refuse_if_any_is_refused(items: &[(Item, String)]) -> Result<(), RunsError> {
    let refused: Vec<(usize, RunsError)> = items
        .iter()
        .enumerate()
        .filter_map(|(index, (item, _))| Some((index, item.as_ref().err()?.clone())))
        .collect();
    match refused.is_empty() {
        true => Ok(()),
        false => Err(RunsError::Batch(refused)),
    }
}
