//! One slot: claim, train, finish, again. A panic fails its run and nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use descent_engine::spec::Spec;
use descent_engine::trainer::{CheckpointReport, Ending, EngineError, Trainer};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::describe::describe;
use super::finalize;
use super::prepare::{self, Prepared};
use super::signal::{Signal, Wish};
use super::watcher::{Watcher, persist, stage};
use super::{Shared, lower_priority};
use crate::runs::message::{Job, Outcome, Reason, Report};
use crate::runs::{Beat, Work};
use crate::store::events::Kind;

/// A bell may be missed; the record is looked at this often anyway.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// How an attempt ended, with what has not been reported yet.
struct Attempt {
    rest: Report,
    state: Option<CheckpointReport>,
    outcome: Outcome,
}

impl Attempt {
    fn failed(reason: Reason) -> Self {
        Self {
            rest: Report::default(),
            state: None,
            outcome: Outcome::Failed(reason),
        }
    }
}

/// The life of a slot's thread.
pub(super) fn work(shared: &Arc<Shared>) {
    lower_priority(shared.settings.nice);
    // The previous run's last write: on its way while the next run is claimed, so that both share a commit.
    let mut finishing: Option<JoinHandle<()>> = None;
    while !shared.is_stopping() {
        let Some(job) = shared.handle.block_on(next(shared)) else {
            continue;
        };
        let signal = shared.enter(Beat {
            run: job.run,
            fence: job.fence,
        });
        let attempt = catch_unwind(AssertUnwindSafe(|| train(shared, &job, &signal))).unwrap_or_else(|_| {
            tracing::error!(run = %job.run, "a training panicked; its run fails");
            Attempt::failed(Reason::new("panic", "training stopped by an internal error; the server's log has the details under this run's id"))
        });
        if let Some(earlier) = finishing.take() {
            wait_for(shared, earlier);
        }
        finishing = Some(shared.handle.spawn(finish(shared.clone(), signal, attempt)));
    }
    if let Some(last) = finishing {
        wait_for(shared, last);
    }
}

fn wait_for(shared: &Shared, task: JoinHandle<()>) {
    if shared.handle.block_on(task).is_err() {
        tracing::error!("the end of a run could not be written; its lease will run out");
    }
}

/// The next job, or `None` after a while without one.
async fn next(shared: &Shared) -> Option<Job> {
    let bell = shared.runs.work();
    match shared.runs.claim(&shared.name).await {
        Ok(Some(job)) => {
            // One bell may have stood for several runs.
            shared.runs.wake_a_worker();
            return Some(job);
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "no run could be claimed"),
    }
    if !shared.is_stopping() {
        let _ = tokio::time::timeout(LOOK_AGAIN, bell).await; // both ends mean: look again
    }
    None
}

/// Everything between a claim and its end.
fn train(shared: &Shared, job: &Job, signal: &Arc<Signal>) -> Attempt {
    let Prepared { asked, spec, ready } = match prepare::prepare(shared, job) {
        Ok(prepared) => prepared,
        Err(reason) => return Attempt::failed(reason),
    };
    let cores = shared.cores.take(spec.resources.threads as usize);
    let begun = begin(shared, job, &spec, &ready);
    let mut trainer = match begun {
        Ok(trainer) => trainer.resolved_from(&asked),
        Err(reason) => return Attempt::failed(reason),
    };
    let layout = trainer.layout().clone();
    let description = match describe(&spec, &ready, &layout) {
        Ok(description) => description,
        Err(reason) => return Attempt::failed(reason),
    };
    let mut watcher = match Watcher::new(
        shared,
        job,
        signal.clone(),
        &spec,
        ready.parts.train.len() as u64,
        (&description, &layout),
    ) {
        Ok(watcher) => watcher,
        Err(error) => return Attempt::failed(Reason::new("bad_data", error.to_string())),
    };
    if job.attempt == 1 {
        for note in &ready.notes {
            watcher.note(Kind::Log, None, json!({"level": "info", "code": note.code, "column": note.column, "message": note.message}));
        }
    }
    let began_ms = shared.clock.now_ms();
    let ending = trainer.run(&mut watcher);
    drop(cores);
    let (rest, state) = watcher.rest();
    let mut attempt = Attempt {
        rest,
        state,
        outcome: Outcome::Stopped,
    };
    match ending {
        Ending::Completed(_) | Ending::TimeLimit => {
            let state = trainer.checkpoint();
            if job.resume.is_none()
                && let Ok(cost) = spec.cost(&ready.facts)
            {
                let n_rows = f64::from(state.epoch) * ready.facts.n_train as f64;
                let work = Work {
                    steps: state.step,
                    flops: cost.flops_per_sample as f64 * n_rows,
                };
                (shared.runs).learn_pace(work, shared.clock.now_ms() - began_ms);
            }
            attempt.state = Some(state);
            attempt.outcome = finalize::model(shared, job, &spec, &ready, &trainer, &ending)
                .unwrap_or_else(Outcome::Failed);
        }
        Ending::Paused => {
            attempt.state = Some(trainer.checkpoint());
            attempt.outcome = if signal.wish() == Wish::Release {
                Outcome::Released
            } else {
                Outcome::Paused
            };
        }
        Ending::Stopped => {}
        Ending::Diverged {
            step,
            what,
            suggested_learning_rate,
            spec_patch,
        } => {
            // The weights before the bad step are worth keeping: a fork with a smaller learning rate starts from them.
            attempt.state = Some(trainer.checkpoint());
            attempt.outcome =
                Outcome::Failed(diverged(step, &what, suggested_learning_rate, spec_patch));
        }
    }
    attempt
}

/// A trainer at the right place: new, where an earlier attempt was, or with another run's weights.
fn begin(
    shared: &Shared,
    job: &Job,
    spec: &Spec,
    ready: &prepare::Ready,
) -> Result<Trainer, Reason> {
    let engine = |error: EngineError| match &error {
        EngineError::Spec(found) => prepare::violated(found),
        _ => Reason::new("bad_data", error.to_string()),
    };
    let bytes = |sha256: &str| {
        shared
            .handle
            .block_on(shared.runs.bytes(sha256))
            .map_err(|e| Reason::new("bad_data", e.to_string()))
    };
    let mut trainer =
        Trainer::new(spec, ready.dataset.clone(), ready.parts.clone()).map_err(engine)?;
    if let Some(state) = &job.resume {
        trainer.restore(&bytes(state)?).map_err(engine)?;
    } else if let Some(start) = &job.start {
        trainer.fork_from(&bytes(start)?).map_err(engine)?;
    }
    Ok(trainer)
}

fn diverged(step: u64, what: &str, suggested_learning_rate: f64, spec_patch: Value) -> Reason {
    let message = format!(
        "training diverged at step {step}: {what}; try a learning rate of {suggested_learning_rate}"
    );
    Reason {
        code: "diverged".to_owned(),
        message,
        detail: Some(
            json!({"step": step, "what": what, "suggested_learning_rate": suggested_learning_rate, "spec_patch": spec_patch}),
        ),
    }
}

async fn finish(shared: Arc<Shared>, signal: Arc<Signal>, attempt: Attempt) {
    let Attempt {
        mut rest,
        state,
        outcome,
    } = attempt;
    if signal.wish() != Wish::Drop {
        if let Some(state) = state {
            rest.checkpoint = stage(&shared.runs, &signal, state).await;
        }
        let Beat { run, fence } = signal.beat;
        persist(&signal, || {
            shared
                .runs
                .finish(run, fence, rest.clone(), outcome.clone())
        })
        .await;
    }
    shared.leave(&signal);
}
