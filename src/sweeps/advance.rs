//! One step of a sweep: what ended is written down, what is next is proposed, and both are one transaction. Everything follows from the
//! rows of the sweep and its trials, so that a step that a crash undid is taken again as it was.

use super::proposal::Search;
use super::{Sweeps, SweepsError, trial};
use crate::data::Ingested;
use crate::runs::RunsError;
use crate::store::datasets::Dataset;
use crate::store::runs::Run;
use crate::store::sweeps::{self, Status, Sweep};
use crate::store::trials::{self, End, Trial};
use crate::store::{Json, StoreError, Tx, datasets, metrics};

/// A sweep's row with its documents read.
pub(super) fn search_of(row: &Sweep) -> Result<Search, StoreError> {
    Ok(Search {
        spec: row.spec.parse()?,
        space: row.space.parse()?,
        strategy: row.strategy.parse()?,
        objective: row.objective.parse()?,
        rungs: row.rungs.parse()?,
        parallel: row.parallel.max(1) as u64,
        seed: row.seed as u64,
    })
}

/// Children in all: the budget, or all that there can be.
pub(super) fn planned(row: &Sweep) -> u64 {
    let by_space = row.space_size.unwrap_or(i64::MAX);
    row.max_runs.min(by_space).max(0) as u64
}

/// Why no further child is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Enough {
    status: Status,
    code: &'static str,
    message: String,
}

/// What one step writes.
struct Step {
    sweep: Sweep,
    was: Status,
    settled: Vec<Trial>,
    proposed: Vec<(Trial, Option<Run>)>,
    dataset: String,
}

impl Sweeps {
    /// Takes one step of a sweep, if there is one.
    ///
    /// Without space for children, on the disk or in the queue, what ended is written down, and nothing new is proposed.
    pub(super) async fn advance(&self, row: Sweep, has_space: bool) -> Result<(), SweepsError> {
        let ended = trials::over(&self.0.store, row.id).await?;
        // Most of the time everything is at work: nobody need read what was tried so far.
        let at_work = trials::n_open(&self.0.store, row.id).await?;
        if ended.0.is_empty() && ended.1.is_empty() && at_work >= row.parallel {
            return Ok(());
        }
        let search = search_of(&row)?;
        let mut known = trials::all(&self.0.store, row.id).await?;
        let settled = self.settle(&search, ended, &mut known).await?;
        let room = match has_space {
            true => self.0.runs.room_by_now(&row.owner).await?,
            false => 0,
        };
        let (proposed, enough) = self.proposals(&row, &search, &known, room).await?;
        let mut sweep = row.clone();
        let n_open = known.iter().filter(|one| one.status.is_none()).count()
            + proposed.iter().filter(|(_, run)| run.is_some()).count();
        if let Some(enough) = enough.filter(|_| n_open == 0) {
            let now_ms = self.0.clock.now_ms();
            sweep.status = enough.status;
            sweep.reason_code = Some(enough.code.to_owned());
            sweep.reason_message = Some(enough.message);
            sweep.spent_ms += (now_ms - sweep.active_since_ms).max(0);
            sweep.finished_at_ms = Some(now_ms);
        }
        if settled.is_empty() && proposed.is_empty() && sweep.status == row.status {
            return Ok(());
        }
        let step = Step {
            was: row.status,
            sweep,
            settled,
            proposed,
            dataset: search.spec["dataset"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        let own = self.clone();
        self.0
            .store
            .write(move |tx| Box::pin(async move { own.write_step(tx, step).await }))
            .await
    }

    /// Takes over how runs ended; answers the trials that changed.
    async fn settle(
        &self,
        search: &Search,
        (ended, gone): (Vec<(i64, Run)>, Vec<i64>),
        known: &mut [Trial],
    ) -> Result<Vec<Trial>, SweepsError> {
        let mut settled = Vec::with_capacity(ended.len() + gone.len());
        for (number, run) in ended {
            let names = [search.objective.metric.clone()];
            let series = metrics::series(&self.0.store, run.id, &names).await?;
            if let Some(one) = known.get_mut(number as usize) {
                trial::settle(one, &run, series.first(), &search.objective, &search.rungs)?;
                settled.push(one.clone());
            }
        }
        for number in gone {
            if let Some(one) = known.get_mut(number as usize) {
                one.status = Some(End::Deleted);
                one.message = Some("its run was deleted".to_owned());
                settled.push(one.clone());
            }
        }
        Ok(settled)
    }

    /// The trials to be added now, each with its run unless it is refused, while there is room for another run; and why there will be no
    /// more, if so.
    async fn proposals(
        &self,
        row: &Sweep,
        search: &Search,
        known: &[Trial],
        mut room: u64,
    ) -> Result<(Vec<(Trial, Option<Run>)>, Option<Enough>), SweepsError> {
        let mut proposed = Vec::new();
        if row.status == Status::Stopping {
            return Ok((proposed, Some(by_user())));
        }
        let mut all = known.to_vec();
        let mut data: Option<(Dataset, Ingested)> = None;
        loop {
            let number = all.len() as u64;
            if let Some(enough) = self.enough(row, number) {
                return Ok((proposed, Some(enough)));
            }
            let n_open = all.iter().filter(|one| one.status.is_none()).count() as u64;
            if n_open >= search.parallel || !search.is_ready(&all, number) {
                return Ok((proposed, None));
            }
            if data.is_none() {
                data = self.data(row, search).await?;
            }
            let Some((dataset, ingested)) = &data else {
                return Ok((proposed, Some(without_data())));
            };
            if room == 0 {
                return Ok((proposed, None));
            }
            let (trial, run) = self.propose(row, search, &all, number, dataset, ingested)?;
            all.push(trial.clone());
            room -= u64::from(run.is_some());
            proposed.push((trial, run));
        }
    }

    fn enough(&self, row: &Sweep, number: u64) -> Option<Enough> {
        let completed = |code, message| Enough {
            status: Status::Completed,
            code,
            message,
        };
        if number >= planned(row) {
            let message = format!("all {number} runs are over");
            let code = match row.space_size {
                Some(size) if size as u64 <= number => "space_exhausted",
                _ => "budget_runs",
            };
            return Some(completed(code, message));
        }
        let minutes = row.max_minutes?;
        let spent_ms = row.spent_ms + (self.0.clock.now_ms() - row.active_since_ms).max(0);
        (spent_ms >= minutes.saturating_mul(60_000)).then(|| {
            let message = format!("its {minutes} minutes are over");
            completed("budget_minutes", message)
        })
    }

    /// The dataset of the children and its profile; `None` when it was deleted.
    async fn data(
        &self,
        row: &Sweep,
        search: &Search,
    ) -> Result<Option<(Dataset, Ingested)>, SweepsError> {
        let wanted = search.spec["dataset"].as_str().unwrap_or_default();
        let found = datasets::named(&self.0.store, &row.owner, wanted).await?;
        Ok(match found {
            None => None,
            Some(dataset) => {
                let ingested = dataset.profile.parse()?;
                Some((dataset, ingested))
            }
        })
    }

    fn propose(
        &self,
        row: &Sweep,
        search: &Search,
        known: &[Trial],
        number: u64,
        dataset: &Dataset,
        ingested: &Ingested,
    ) -> Result<(Trial, Option<Run>), SweepsError> {
        let next = search.next(known, number)?;
        let (parameters, rungs) = next.ok_or_else(|| {
            StoreError::Damaged(format!("sweep {} has no trial {number}", row.id))
        })?;
        let mut trial = Trial {
            sweep_id: row.id,
            number: number as i64,
            run_id: None,
            parameters: Json::of(&parameters)?,
            status: None,
            message: None,
            value: None,
            epoch: None,
            stopped_early: false,
            rung_values: Json::of(&Vec::<f64>::new())?,
            steps: 0,
        };
        let name = format!("{}-{number}", row.name);
        let drafted = search
            .child(&name, &parameters, rungs)
            .map_err(RunsError::Spec)
            .and_then(|spec| {
                self.0
                    .runs
                    .child(&row.owner, &spec, dataset, ingested, row.id)
            });
        match drafted {
            Ok(run) => {
                trial.run_id = Some(run.id);
                Ok((trial, Some(run)))
            }
            Err(RunsError::Spec(violations)) => {
                trial.status = Some(End::Refused);
                let said = violations
                    .iter()
                    .map(|violation| format!("{}: {}", violation.pointer, violation.message));
                trial.message = Some(said.collect::<Vec<_>>().join("; "));
                Ok((trial, None))
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn write_step(&self, tx: &mut Tx, mut step: Step) -> Result<(), SweepsError> {
        let id = step.sweep.id;
        // Somebody changed or stopped the sweep since it was read; their bell has the step taken again from what is true now.
        if !sweeps::save(tx, &step.sweep, step.was, step.sweep.version).await? {
            return Ok(());
        }
        for trial in &step.settled {
            trials::settle(tx, trial).await?;
        }
        let n_known = trials::count(tx, id).await?;
        if step
            .proposed
            .first()
            .is_some_and(|(trial, _)| trial.number != n_known)
        {
            return Err(StoreError::Refused(format!("sweep {id} has {n_known} trials")).into());
        }
        let mut room = self.0.runs.room_in_queue(tx, &step.sweep.owner).await?;
        for (trial, run) in step.proposed.drain(..) {
            if let Some(run) = run {
                // Somebody else was faster; the rest is proposed again when the owner's queue is shorter.
                if room == 0 {
                    break;
                }
                room -= 1;
                self.0.runs.queue_in(tx, &run, &step.dataset).await?;
            }
            trials::insert(tx, &trial).await?;
        }
        let bells = self.clone();
        tx.after_commit(move || bells.ring(id));
        Ok(())
    }
}

fn by_user() -> Enough {
    Enough {
        status: Status::Stopped,
        code: "user",
        message: "stopped by its user".to_owned(),
    }
}

fn without_data() -> Enough {
    Enough {
        status: Status::Failed,
        code: "no_such_dataset",
        message: "its dataset was deleted".to_owned(),
    }
}
