//! Asking for a run: a new one, or one that comes from another.

use descent_engine::network::LayerOutline;
use descent_engine::spec::{Spec, Violation};
use serde_json::{Value, json};

use super::message::Submission;
use super::{Runs, RunsError};
use crate::data::{self, Ingested, Schema};
use crate::ids::{RunId, SweepId};
use crate::store::datasets::Dataset;
use crate::store::events::{Event, Kind};
use crate::store::idempotency::{self, Remember};
use crate::store::runs::{ParentKind, Run, Status};
use crate::store::{self, Json, StoreError, Tx, checkpoints, datasets, events};

/// Which checkpoint a fork starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkFrom {
    /// The newest.
    Latest,
    /// The best by the watched metric.
    Best,
    /// The one after this many steps.
    Step(i64),
    /// None: the same spec with changes, from fresh weights.
    Scratch,
}

/// Where a run comes from.
#[derive(Default)]
pub(super) struct Origin {
    parent: Option<(RunId, ParentKind)>,
    start_sha256: Option<String>,
    expected_sha256: Option<String>,
    /// Bytes and column kinds of the parent, where the very same are wanted.
    dataset: Option<(String, Json)>,
}

impl Runs {
    /// Queues a new run. When this answers `Ok`, the run is durable and will be worked off (P2).
    ///
    /// # Errors
    /// [`RunsError::NoDataset`], [`RunsError::TooManyQueued`], a full disk, or a failing record.
    pub async fn submit(&self, submission: Submission) -> Result<Run, RunsError> {
        self.add(
            submission.owner,
            submission.spec,
            Origin::default(),
            submission.remember,
        )
        .await
    }

    /// Queues the same spec once more, on the same bytes.
    ///
    /// # Errors
    /// [`RunsError::Diverged`]: what diverged once diverges again, so it is never retried unchanged.
    pub async fn retry(
        &self,
        owner: &str,
        id: RunId,
        remember: Option<Remember<Run>>,
    ) -> Result<Run, RunsError> {
        let parent = self.show(owner, id).await?;
        if !parent.status.is_terminal() {
            return Err(RunsError::NotOver {
                status: parent.status,
            });
        }
        if has_diverged(&parent) {
            return Err(RunsError::Diverged(remedy(&parent)?));
        }
        let origin = Origin {
            parent: Some((id, ParentKind::Retry)),
            start_sha256: parent.start_sha256.clone(),
            dataset: Some((parent.dataset_sha256.clone(), parent.dataset_schema.clone())),
            ..Origin::default()
        };
        self.add(
            owner.to_owned(),
            on_same_dataset(&parent, parent.spec.parse()?),
            origin,
            remember,
        )
        .await
    }

    /// Queues a run that starts from the weights of a checkpoint of another, with a spec of its own (the parent's, when `None`).
    /// By default that is the newest; one that diverged has ruined its weights, so its forks begin with fresh ones.
    ///
    /// # Errors
    /// [`RunsError::NoCheckpoint`] when the parent has none such.
    pub async fn fork(
        &self,
        owner: &str,
        id: RunId,
        from: Option<ForkFrom>,
        spec: Option<Spec>,
        remember: Option<Remember<Run>>,
    ) -> Result<Run, RunsError> {
        let parent = self.show(owner, id).await?;
        let kept = checkpoints::list(&self.0.store, id).await?;
        let by_default = || match has_diverged(&parent) {
            true => ForkFrom::Scratch,
            false => ForkFrom::Latest,
        };
        let found = match from.unwrap_or_else(by_default) {
            ForkFrom::Scratch => None,
            ForkFrom::Latest => Some(kept.first()),
            ForkFrom::Best => Some(kept.iter().find(|c| c.is_best).or(kept.first())),
            ForkFrom::Step(step) => Some(kept.iter().find(|c| c.step == step)),
        };
        let start_sha256 = match found {
            None => None,
            Some(Some(checkpoint)) => Some(checkpoint.sha256.clone()),
            Some(None) => return Err(RunsError::NoCheckpoint(id.to_string())),
        };
        let (spec, dataset) = match spec {
            Some(mut spec) => {
                if start_sha256.is_some() {
                    let schema = parent.dataset_schema.parse()?;
                    keep_split(&mut spec, &parent.spec.parse()?, &schema);
                    self.check_layers(owner, &parent, &spec).await?;
                }
                (spec, None)
            }
            None => (
                on_same_dataset(&parent, parent.spec.parse()?),
                Some((parent.dataset_sha256.clone(), parent.dataset_schema.clone())),
            ),
        };
        let origin = Origin {
            parent: Some((id, ParentKind::Fork)),
            start_sha256,
            dataset,
            ..Origin::default()
        };
        self.add(owner.to_owned(), spec, origin, remember).await
    }

    /// Refuses a spec whose network is not the parent's, because weights are handed on number by number. Both are laid out on the
    /// child's dataset; when the parent's spec does not fit that one, the worker decides.
    async fn check_layers(&self, owner: &str, parent: &Run, spec: &Spec) -> Result<(), RunsError> {
        let ingested = self.dataset_of(owner, spec).await?.profile.parse()?;
        let own = self.trained_layers(spec, &ingested)?;
        let Ok(theirs) = self.trained_layers(&parent.spec.parse()?, &ingested) else {
            return Ok(());
        };
        let n_layers = own.len().max(theirs.len());
        let Some(idx) = (0..n_layers).find(|&idx| own.get(idx) != theirs.get(idx)) else {
            return Ok(());
        };
        let said = |layer: Option<&LayerOutline>| match layer {
            Some(layer) => format!(
                "{} to {} with {} parameters",
                layer.kind, layer.output, layer.n_parameters
            ),
            None => "missing".to_owned(),
        };
        let message = format!(
            "a fork starts from the weights of its parent, so it has the same layers; of those with weights, number {} is {}, and in run {} \
             it is {}: keep the layers, or set \"checkpoint\" to \"scratch\"",
            idx + 1,
            said(own.get(idx)),
            parent.id,
            said(theirs.get(idx))
        );
        let violation = Violation::new("/network", "other_layers", message);
        Err(RunsError::Spec(vec![violation]))
    }

    /// The layers of a spec that have weights.
    fn trained_layers(
        &self,
        spec: &Spec,
        ingested: &Ingested,
    ) -> Result<Vec<LayerOutline>, RunsError> {
        let (resolved, facts, _) = self.fit_profile(spec, ingested)?;
        let mut layers = resolved.outline(&facts).map_err(RunsError::Spec)?;
        layers.retain(|layer| layer.n_parameters > 0);
        Ok(layers)
    }

    /// Queues the same training once more; at the end its weights must have the parent's hash.
    ///
    /// # Errors
    /// [`RunsError::NothingToReproduce`] when the parent has no model.
    pub async fn reproduce(
        &self,
        owner: &str,
        id: RunId,
        remember: Option<Remember<Run>>,
    ) -> Result<Run, RunsError> {
        let parent = self.show(owner, id).await?;
        let (Some(weights), Some(resolved)) = (&parent.weights_sha256, &parent.resolved_spec)
        else {
            return Err(RunsError::NothingToReproduce);
        };
        let origin = Origin {
            parent: Some((id, ParentKind::Reproduce)),
            start_sha256: parent.start_sha256.clone(),
            expected_sha256: Some(weights.clone()),
            dataset: Some((parent.dataset_sha256.clone(), parent.dataset_schema.clone())),
        };
        self.add(
            owner.to_owned(),
            on_same_dataset(&parent, resolved.parse()?),
            origin,
            remember,
        )
        .await
    }

    /// The dataset a spec means.
    ///
    /// # Errors
    /// [`RunsError::NoDataset`].
    pub async fn dataset_of(&self, owner: &str, spec: &Spec) -> Result<Dataset, RunsError> {
        let found = datasets::named(&self.0.store, owner, &spec.dataset).await?;
        found.ok_or_else(|| RunsError::NoDataset(spec.dataset.clone()))
    }

    /// Whether the disk has room for more.
    ///
    /// # Errors
    /// [`RunsError::Blob`] when it is below the floor.
    pub fn check_space(&self) -> Result<(), RunsError> {
        Ok(self.0.blobs.check_space(0)?)
    }

    async fn add(
        &self,
        owner: String,
        spec: Spec,
        origin: Origin,
        remember: Option<Remember<Run>>,
    ) -> Result<Run, RunsError> {
        self.check_space()?;
        let dataset = self.dataset_of(&owner, &spec).await?;
        // A child on its parent's bytes fitted them before; the profile may have been corrected since, its columns have not.
        if origin.dataset.is_none() {
            self.fit(&spec, &dataset)?;
        }
        let run = self.row(owner, &spec, &dataset, origin)?;
        let runs = self.clone();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    if runs.room_in_queue(tx, &run.owner).await? == 0 {
                        return Err(runs.too_many_queued());
                    }
                    runs.queue_in(tx, &run, &spec.dataset).await?;
                    if let Some(remember) = remember {
                        idempotency::remember(tx, remember, &run, run.created_at_ms).await?;
                    }
                    Ok(run)
                })
            })
            .await
    }

    /// A child of a sweep, checked and not yet on record. Its dataset is given by its profile too, which was read once for all children.
    ///
    /// # Errors
    /// [`RunsError::Spec`] with every violation.
    pub fn child(
        &self,
        owner: &str,
        spec: &Spec,
        dataset: &Dataset,
        ingested: &Ingested,
        sweep: SweepId,
    ) -> Result<Run, RunsError> {
        self.fit_profile(spec, ingested)?;
        let mut run = self.row(owner.to_owned(), spec, dataset, Origin::default())?;
        run.sweep_id = Some(sweep);
        Ok(run)
    }

    /// Queued runs that `owner` may still add, as this transaction sees it.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn room_in_queue(&self, tx: &mut Tx, owner: &str) -> Result<u64, RunsError> {
        Ok(self.room_beside(store::runs::count_queued(tx, owner).await?))
    }

    /// The same at this moment, for whoever asks before there is something to write.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn room_by_now(&self, owner: &str) -> Result<u64, RunsError> {
        Ok(self.room_beside(store::runs::n_queued(&self.0.store, owner).await?))
    }

    fn room_beside(&self, n_queued: i64) -> u64 {
        let n_queued = u64::try_from(n_queued).unwrap_or(0);
        self.0.quota.owner_queued_runs.saturating_sub(n_queued)
    }

    pub(super) fn too_many_queued(&self) -> RunsError {
        let limit = self.0.quota.owner_queued_runs;
        RunsError::TooManyQueued { limit }
    }

    /// Puts a run on record with its first event, and rings once that is committed. `dataset` is what the spec calls its dataset.
    ///
    /// # Errors
    /// [`RunsError::NoDataset`] when the dataset was deleted between the look and this write.
    pub async fn queue_in(&self, tx: &mut Tx, run: &Run, dataset: &str) -> Result<(), RunsError> {
        add_row(tx, run).await.map_err(|error| match error {
            StoreError::Constraint(rule) if rule.contains("FOREIGN KEY") => {
                RunsError::NoDataset(dataset.to_owned())
            }
            other => other.into(),
        })?;
        let (bells, id) = (self.clone(), run.id);
        tx.after_commit(move || bells.ring(id, Some(Status::Queued)));
        Ok(())
    }

    pub(super) fn row(
        &self,
        owner: String,
        spec: &Spec,
        dataset: &Dataset,
        origin: Origin,
    ) -> Result<Run, RunsError> {
        let now_ms = self.0.clock.now_ms();
        let (dataset_sha256, dataset_schema) = origin
            .dataset
            .unwrap_or_else(|| (dataset.sha256.clone(), dataset.schema.clone()));
        let (parent_id, parent_kind) = origin.parent.unzip();
        Ok(Run {
            id: RunId(self.0.ids.next()?),
            owner,
            name: spec.name.clone().unwrap_or_else(|| dataset.name.clone()),
            status: Status::Queued,
            reason_code: None,
            reason_message: None,
            reason_detail: None,
            priority: i64::from(spec.priority),
            family: spec.family().name().to_owned(),
            dataset_id: dataset.id,
            dataset_sha256,
            dataset_schema,
            spec: Json::of(spec)?,
            resolved_spec: None,
            metadata: Json::of(&spec.metadata)?,
            parent_id,
            parent_kind,
            start_sha256: origin.start_sha256,
            expected_sha256: origin.expected_sha256,
            attempts: 0,
            losses: 0,
            fence: 0,
            worker: None,
            lease_until_ms: None,
            epoch: 0,
            epochs: spec.training.epochs.map_or(0, i64::from),
            step: 0,
            steps: 0,
            best: None,
            latest_metrics: None,
            result: None,
            model_name: None,
            model_version: None,
            weights_sha256: None,
            last_seq: 1,
            version: 1,
            queued_ms: 0,
            running_ms: 0,
            paused_ms: 0,
            phase_since_ms: now_ms,
            created_at_ms: now_ms,
            queued_at_ms: now_ms,
            started_at_ms: None,
            finished_at_ms: None,
            sweep_id: None,
        })
    }
}

/// The row and its first event: one transaction.
async fn add_row(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    store::runs::insert(tx, run).await?;
    let body = json!({"status": Status::Queued, "previous": Value::Null, "attempt": 0, "reason": Value::Null});
    let first = Event {
        run_id: run.id,
        seq: 1,
        kind: Kind::State,
        ts_ms: run.created_at_ms,
        step: None,
        body: Json::of(&body)?,
    };
    events::append(tx, &[first]).await
}

/// The rows that a fork tests on must be none that its weights were trained on. A random draw without a seed of its own follows the
/// training's, so that of the parent is written down; a split that the dataset brings follows no seed, and one that the fork changed is the
/// user's wish.
fn keep_split(spec: &mut Spec, parent: &Spec, schema: &Schema) {
    let task = data::with_own_split(&spec.task, schema);
    let kept = task.split(parent.training.seed);
    if spec.task.split == parent.task.split && task.split(spec.training.seed) != kept {
        spec.task.split = Some(kept);
    }
}

fn has_diverged(run: &Run) -> bool {
    run.reason_code.as_deref() == Some("diverged")
}

/// What a fork of a run that diverged may change, as the body of a request.
fn remedy(diverged: &Run) -> Result<String, StoreError> {
    let detail: Option<Value> = diverged
        .reason_detail
        .as_ref()
        .map(Json::parse)
        .transpose()?;
    let patch = detail.as_ref().and_then(|detail| detail.get("spec_patch"));
    Ok(match patch {
        Some(patch) => json!({"spec_patch": patch}).to_string(),
        None => "a smaller learning rate".to_owned(),
    })
}

/// A name in the parent's spec may mean a newer dataset by now; its id does not.
fn on_same_dataset(parent: &Run, mut spec: Spec) -> Spec {
    spec.dataset = parent.dataset_id.to_string();
    spec
}
