//! What a user may do with sweeps: begin, look, change, stop, delete.

use std::time::Duration;

use super::advance::planned;
use super::{Budget, Sweeps, SweepsError, Wanted, check};
use crate::ids::{RunId, SweepId};
use crate::runs::message::Reason;
use crate::runs::{RunsError, until};
use crate::store::idempotency::{self, Remember};
use crate::store::sweeps::{self, Status, Sweep};
use crate::store::trials::{self, Seen};
use crate::store::{Json, Page, PageOf, StoreError, Tx, datasets, runs};
use descent_engine::spec::Violation;

/// What a PATCH may change.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New name; children proposed from now on are called after it.
    pub name: Option<String>,
    /// New labels (the whole object).
    pub metadata: Option<Json>,
    /// New budget; what it leaves out stays.
    pub budget: Budget,
}

/// How a stop was taken.
#[derive(Debug, Clone)]
pub enum Stopped {
    /// It begins or is done.
    Accepted(Sweep),
    /// It was asked for before; nothing changed.
    Repeated(Sweep),
}

impl Sweeps {
    /// Begins a sweep. When this answers `Ok`, it is durable and will be worked off.
    ///
    /// # Errors
    /// [`SweepsError::Invalid`] with everything that is wrong; a full disk.
    pub async fn create(
        &self,
        owner: &str,
        mut wanted: Wanted,
        remember: Option<Remember<Sweep>>,
    ) -> Result<Sweep, SweepsError> {
        self.0.runs.check_space()?;
        let found = check::parts(&wanted);
        if !found.is_empty() {
            return Err(SweepsError::Invalid(found));
        }
        let Some(called) = wanted.spec["dataset"].as_str().map(str::to_owned) else {
            return Err(SweepsError::Invalid(check::unnamed(&wanted.spec)));
        };
        let dataset = datasets::named(&self.0.store, owner, &called).await?;
        let Some(dataset) = dataset else {
            let message = RunsError::NoDataset(called.clone()).to_string();
            let violation = Violation::new("/spec/dataset", "no_such_dataset", message).got(called);
            return Err(SweepsError::Invalid(vec![violation]));
        };
        // A name may mean a newer dataset tomorrow; all children train on one.
        wanted.spec["dataset"] = dataset.id.to_string().into();
        let ingested = dataset.profile.parse()?;
        let runs = self.0.runs.clone();
        // Hundreds of specs may have to be checked: too long for a thread that answers others.
        let checking = tokio::task::spawn_blocking(move || {
            let checked = check::children(&runs, &wanted, &ingested);
            (wanted, checked)
        });
        let (wanted, checked) = checking
            .await
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        let checked = checked.map_err(SweepsError::Invalid)?;
        let row = self.row(owner, &wanted, &checked)?;
        let room = self.clone();
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    sweeps::insert(tx, &row).await?;
                    if let Some(remember) = remember {
                        idempotency::remember(tx, remember, &row, row.created_at_ms).await?;
                    }
                    let id = row.id;
                    tx.after_commit(move || room.ring(id));
                    Ok(row)
                })
            })
            .await
    }

    fn row(
        &self,
        owner: &str,
        wanted: &Wanted,
        checked: &check::Checked,
    ) -> Result<Sweep, SweepsError> {
        let now_ms = self.0.clock.now_ms();
        let slots = u32::try_from(self.0.slots).unwrap_or(u32::MAX);
        let parallel = wanted
            .budget
            .parallel
            .unwrap_or(slots.min(super::document::MAX_PARALLEL));
        Ok(Sweep {
            id: SweepId(self.0.ids.next()?),
            owner: owner.to_owned(),
            name: wanted.name.clone(),
            status: Status::Running,
            reason_code: None,
            reason_message: None,
            spec: Json::of(&wanted.spec)?,
            space: Json::of(&wanted.space)?,
            strategy: Json::of(&wanted.strategy)?,
            objective: Json::of(&checked.objective)?,
            rungs: Json::of(&checked.rungs)?,
            seed: i64::try_from(wanted.seed).unwrap_or(i64::MAX),
            max_runs: i64::from(checked.max_runs),
            max_minutes: wanted.budget.minutes.map(i64::from),
            parallel: i64::from(parallel),
            space_size: checked.space_size.and_then(|size| i64::try_from(size).ok()),
            metadata: wanted.metadata.clone(),
            version: 1,
            spent_ms: 0,
            active_since_ms: now_ms,
            created_at_ms: now_ms,
            finished_at_ms: None,
        })
    }

    /// One sweep of `owner`.
    ///
    /// # Errors
    /// [`SweepsError::Absent`] also for another owner's.
    pub async fn show(&self, owner: &str, id: SweepId) -> Result<Sweep, SweepsError> {
        sweeps::find(&self.0.store, owner, id)
            .await?
            .ok_or(SweepsError::Absent)
    }

    /// A page of an owner's sweeps.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn list(&self, owner: &str, page: &Page) -> Result<PageOf<Sweep>, SweepsError> {
        Ok(sweeps::list(&self.0.store, owner, page).await?)
    }

    /// A page of the trials of a sweep, by their numbers.
    ///
    /// # Errors
    /// [`SweepsError::Absent`].
    pub async fn results(
        &self,
        owner: &str,
        id: SweepId,
        page: &Page,
    ) -> Result<PageOf<Seen>, SweepsError> {
        let sweep = self.show(owner, id).await?;
        Ok(trials::page(&self.0.store, sweep.id, page).await?)
    }

    /// The sweep as soon as it is over, or as it stands after `patience`.
    ///
    /// # Errors
    /// [`SweepsError::Absent`] when it is not there or was deleted meanwhile.
    pub async fn wait(
        &self,
        owner: &str,
        id: SweepId,
        patience: Duration,
    ) -> Result<Sweep, SweepsError> {
        let (moved, look) = (self.0.moved.subscribe(), || self.show(owner, id));
        until(moved, id, patience, look, |sweep| {
            sweep.status.is_terminal()
        })
        .await
    }

    /// Changes name, labels or budget. A larger budget lets a completed sweep go on.
    ///
    /// # Errors
    /// [`SweepsError::Stale`] when `version` is no longer the row's; [`SweepsError::Conflict`] for the budget of a sweep that was
    /// stopped or failed.
    pub async fn change(
        &self,
        owner: &str,
        id: SweepId,
        version: Option<i64>,
        change: Change,
    ) -> Result<Sweep, SweepsError> {
        let found = check::budget(&change.budget);
        if !found.is_empty() {
            return Err(SweepsError::Invalid(found));
        }
        let (owner, room) = (owner.to_owned(), self.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let row = room.held(tx, &owner, id).await?;
                    if version.is_some_and(|wanted| wanted != row.version) {
                        return Err(SweepsError::Stale {
                            version: row.version,
                        });
                    }
                    let n_known = trials::count(tx, id).await?;
                    let changed = changed(&row, change, n_known, room.0.clock.now_ms())?;
                    sweeps::save(tx, &changed, row.status, row.version).await?;
                    tx.after_commit(move || room.ring(id));
                    Ok(changed)
                })
            })
            .await
    }

    /// Proposes no more and takes the children back that still wait; those at work go on to their end, unless `cancel` ends them too.
    /// Every result stays.
    ///
    /// # Errors
    /// [`SweepsError::Conflict`] when it is over.
    pub async fn stop(
        &self,
        owner: &str,
        id: SweepId,
        cancel: bool,
    ) -> Result<Stopped, SweepsError> {
        let (owner, room) = (owner.to_owned(), self.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let row = room.held(tx, &owner, id).await?;
                    match row.status {
                        Status::Stopped => return Ok(Stopped::Repeated(row)),
                        Status::Stopping if !cancel => return Ok(Stopped::Repeated(row)),
                        Status::Running | Status::Stopping => {}
                        status => {
                            return Err(SweepsError::Conflict {
                                status,
                                wish: "be stopped",
                            });
                        }
                    }
                    let stopping = Sweep {
                        status: Status::Stopping,
                        ..row.clone()
                    };
                    sweeps::save(tx, &stopping, row.status, row.version).await?;
                    for run in trials::open_runs(tx, id, cancel).await? {
                        let reason = Reason::new("sweep_stopped", "its sweep was stopped");
                        room.0.runs.cancel_in(tx, run, reason).await?;
                    }
                    tx.after_commit(move || room.ring(id));
                    Ok(Stopped::Accepted(stopping))
                })
            })
            .await
    }

    /// Removes a sweep that is over. Its runs stay and belong to no sweep, unless `with_runs` removes them too; models stay.
    ///
    /// # Errors
    /// [`SweepsError::Conflict`] while it is not over.
    pub async fn delete(
        &self,
        owner: &str,
        id: SweepId,
        version: Option<i64>,
        with_runs: bool,
    ) -> Result<(), SweepsError> {
        let (owner, room) = (owner.to_owned(), self.clone());
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let row = room.held(tx, &owner, id).await?;
                    if version.is_some_and(|wanted| wanted != row.version) {
                        return Err(SweepsError::Stale {
                            version: row.version,
                        });
                    }
                    if !row.status.is_terminal() {
                        return Err(SweepsError::Conflict {
                            status: row.status,
                            wish: "be deleted; stop it first",
                        });
                    }
                    let children: Vec<RunId> = match with_runs {
                        true => trials::runs_of(tx, id).await?,
                        false => Vec::new(),
                    };
                    for run in children {
                        runs::delete(tx, run).await?;
                    }
                    sweeps::delete(tx, id).await?;
                    tx.after_commit(move || room.ring(id));
                    Ok(())
                })
            })
            .await
    }

    /// The sweep as this transaction sees it.
    async fn held(&self, tx: &mut Tx, owner: &str, id: SweepId) -> Result<Sweep, SweepsError> {
        sweeps::get(tx, id, Some(owner))
            .await?
            .ok_or(SweepsError::Absent)
    }
}

/// The row after a change.
fn changed(row: &Sweep, change: Change, n_known: i64, now_ms: i64) -> Result<Sweep, SweepsError> {
    let mut changed = row.clone();
    changed.version += 1;
    changed.name = change.name.unwrap_or(changed.name);
    changed.metadata = change.metadata.unwrap_or(changed.metadata);
    let budget = change.budget;
    if budget == Budget::default() {
        return Ok(changed);
    }
    if matches!(
        row.status,
        Status::Stopping | Status::Stopped | Status::Failed
    ) {
        return Err(SweepsError::Conflict {
            status: row.status,
            wish: "be given another budget",
        });
    }
    let kept = |new: Option<u32>, old: i64| new.map_or(old, i64::from);
    // What is there already stays, so no less can be planned.
    changed.max_runs = kept(budget.runs, changed.max_runs).max(n_known);
    changed.parallel = kept(budget.parallel, changed.parallel);
    changed.max_minutes = budget.minutes.map(i64::from).or(changed.max_minutes);
    let has_time = changed
        .max_minutes
        .is_none_or(|minutes| changed.spent_ms < minutes.saturating_mul(60_000));
    if row.status == Status::Completed && has_time && (n_known as u64) < planned(&changed) {
        changed.status = Status::Running;
        changed.reason_code = None;
        changed.reason_message = None;
        changed.active_since_ms = now_ms;
        changed.finished_at_ms = None;
    }
    Ok(changed)
}
