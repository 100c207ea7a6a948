//! Works runs off: claim, train, finish; one thread of its own per slot, at lower priority, never on the async pool, so
//! that probes and predictions answer while every core trains.
//!
//! Speaks to [`crate::runs`] in plain messages and knows neither HTTP nor SQL: a worker on another machine is the same
//! code with longer arms.

mod cache;
mod cores;
mod describe;
mod finalize;
mod landscape;
mod prepare;
mod pulse;
mod signal;
mod slot;
mod watcher;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::ids::RunId;
use crate::runs::{Beat, Runs};
use cores::Cores;
use prepare::Caches;
use signal::{Signal, Wish};

/// A moment in a training that a test may want to know of, or to be in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This many steps are done. The training goes on when the probe returns.
    Step(u64),
    /// A pause, a cancellation or the end of the process has reached the training's thread: it will answer at its next step.
    Heard,
}

/// Called at every [`Moment`] of every training. Tests let it panic, count or wait.
pub type Probe = Arc<dyn Fn(RunId, Moment) + Send + Sync>;

/// The workers of this process.
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
    pulse: JoinHandle<()>,
}

struct Shared {
    name: String,
    runs: Runs,
    clock: Clock,
    settings: config::Worker,
    run_memory_bytes: u64,
    handle: Handle,
    caches: Caches,
    cores: Cores,
    active: Mutex<HashMap<RunId, Arc<Signal>>>,
    /// Rings when `active` gets its first run, or the end has come.
    woken: Notify,
    stopping: AtomicBool,
    probe: Option<Probe>,
}

impl Workers {
    /// Starts a thread per slot and the pulse that renews leases. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(
        runs: Runs,
        clock: Clock,
        config: &Config,
        probe: Option<Probe>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            name: format!("{}", std::process::id()),
            runs,
            clock,
            settings: config.worker.clone(),
            run_memory_bytes: config.specs.run_memory_bytes,
            handle: Handle::current(),
            caches: Caches::new(config.worker.dataset_cache_bytes),
            cores: Cores::new(
                thread::available_parallelism()
                    .map_or(1, usize::from)
                    .max(config.slots()),
            ),
            active: Mutex::default(),
            woken: Notify::new(),
            stopping: AtomicBool::new(false),
            probe,
        });
        let pulse = tokio::spawn(pulse::beat(shared.clone()));
        let mut threads = Vec::new();
        for slot in 0..config.slots() {
            let shared = shared.clone();
            threads.push(
                thread::Builder::new()
                    .name(format!("train-{slot}"))
                    .spawn(move || slot::work(&shared))?,
            );
        }
        let surveyor = shared.clone();
        threads.push(
            thread::Builder::new()
                .name("landscape".to_owned())
                .spawn(move || landscape::work(&surveyor))?,
        );
        Ok(Self {
            shared,
            threads,
            pulse,
        })
    }

    /// Lets every training take a checkpoint and hand its run back, and ends the threads. The runs go on after the next
    /// start as if nothing had happened.
    pub async fn drain(self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for signal in self.shared.actives() {
            self.shared.pass_on(&signal, Wish::Release);
        }
        self.shared.woken.notify_one();
        self.shared.runs.wake_workers();
        self.shared.runs.wake_survey();
        let threads = self.threads;
        let joined = tokio::task::spawn_blocking(move || {
            threads.into_iter().for_each(|thread| drop(thread.join()))
        });
        if joined.await.is_err() {
            tracing::error!("a training thread did not end cleanly");
        }
        self.pulse.abort();
    }
}

impl Shared {
    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Tells a training what is wanted of it.
    fn pass_on(&self, signal: &Signal, wish: Wish) {
        signal.want(wish);
        if let Some(probe) = self.probe.as_ref().filter(|_| wish != Wish::Continue) {
            probe(signal.beat.run, Moment::Heard);
        }
    }

    fn actives(&self) -> Vec<Arc<Signal>> {
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Opens the line to a run that was just claimed.
    fn enter(&self, beat: Beat) -> Arc<Signal> {
        let signal = Arc::new(Signal::new(beat));
        self.active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(beat.run, signal.clone());
        self.woken.notify_one();
        if self.is_stopping() {
            signal.want(Wish::Release); // the drain may have looked just before this run came in
        }
        signal
    }

    fn leave(&self, signal: &Arc<Signal>) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if active
            .get(&signal.beat.run)
            .is_some_and(|current| Arc::ptr_eq(current, signal))
        {
            active.remove(&signal.beat.run);
        }
    }
}

/// Probes and predictions go first. Without the right to change it, training runs at normal priority.
fn lower_priority(nice: i32) {
    // On Linux a nice value belongs to the thread: `None` is the calling one, and threads it makes inherit it.
    if let Err(error) = rustix::process::setpriority_process(None, nice) {
        tracing::warn!(%error, "training threads keep the normal priority");
    }
}
