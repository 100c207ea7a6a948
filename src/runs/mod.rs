//! The life of a run. The only room that changes a run's status: one transition table, compare-and-set, an event in the
//! same transaction, then a bell. A bell only wakes; what is true stands in the record.
//!
//! ```text
//! submit -> queued -> claim -> preparing -> report(started) -> running -> report... -> finish -> succeeded
//! ```

mod batch;
mod bytes;
mod change;
mod claim;
mod control;
mod error;
mod finish;
mod landscape;
pub mod message;
mod pace;
mod plan;
mod queue;
mod recover;
mod report;
mod submit;
mod trajectory;
pub mod transition;
mod watch;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, broadcast};

pub use batch::{Batch, MAX_BATCH, Mode};
pub use bytes::Source;
pub use claim::Beat;
pub use control::Acted;
pub use error::RunsError;
pub use landscape::{Kind, LandscapeRequest, Material, Survey};
pub use pace::Work;
pub use plan::Plan;
pub use queue::{Queue, Queued};
pub use submit::ForkFrom;
pub use trajectory::{Description, InputScale, LayerShape, Path, Trajectory};
pub use transition::Verb;
pub use watch::until;

use crate::blobs::Blobs;
use crate::clock::{Clock, Ids};
use crate::config::{self, Config};
use crate::ids::RunId;
use crate::store::Store;
use crate::store::runs::Status;

/// Notices a follower may be behind before it has to look the record up again.
const NOTICES: usize = 4_096;

/// Handle to the life of runs; cheap to clone.
#[derive(Clone)]
pub struct Runs(Arc<Inner>);

struct Inner {
    store: Store,
    blobs: Blobs,
    clock: Clock,
    ids: Ids,
    worker: config::Worker,
    quota: config::Quota,
    run_memory_bytes: u64,
    slots: usize,
    landscape_flops: u64,
    /// How long trainings take on this machine.
    pace: Mutex<pace::Pace>,
    /// Wakes workers that found the queue empty.
    work: Notify,
    /// Wakes whoever computes landscapes.
    surveys: Notify,
    /// Wakes whoever renews leases: a run was paused or cancelled.
    attention: Notify,
    /// Wakes whoever looks after sweeps: a run is over or may have left the queue.
    vacancy: Notify,
    /// "Run X moved", nothing more.
    moved: broadcast::Sender<RunId>,
    /// What resumed runs have on record already, until their attempt ends.
    recorded: Mutex<HashMap<RunId, Recorded>>,
    /// While set, no run is given out.
    draining: AtomicBool,
    /// Training steps of all runs that were reported since the process began.
    trained_steps: AtomicU64,
}

/// What a run reported in earlier attempts, and in this one.
#[derive(Debug, Clone, Default)]
struct Recorded {
    fence: i64,
    last_steps: HashMap<String, u64>,
    diagnoses: HashSet<String>,
}

impl Runs {
    /// The life of the runs in `store`.
    pub fn new(store: Store, blobs: Blobs, clock: Clock, ids: Ids, config: &Config) -> Self {
        Self(Arc::new(Inner {
            store,
            blobs,
            clock,
            ids,
            worker: config.worker.clone(),
            quota: config.quota.clone(),
            run_memory_bytes: config.specs.run_memory_bytes,
            slots: config.slots(),
            landscape_flops: config.specs.landscape_flops,
            pace: Mutex::default(),
            work: Notify::new(),
            surveys: Notify::new(),
            attention: Notify::new(),
            vacancy: Notify::new(),
            moved: broadcast::channel(NOTICES).0,
            recorded: Mutex::default(),
            draining: AtomicBool::new(false),
            trained_steps: AtomicU64::new(0),
        }))
    }

    /// Stops or resumes giving runs to workers; queued runs stay queued. Not kept over a restart.
    pub fn set_draining(&self, draining: bool) {
        self.0.draining.store(draining, Ordering::SeqCst);
        self.0.work.notify_waiters();
    }

    /// Training steps of all runs that were reported since this process began: their growth is the speed of training.
    pub fn trained_steps(&self) -> u64 {
        self.0.trained_steps.load(Ordering::Relaxed)
    }

    /// Whether no run is given out.
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Ends when a run may be waiting for a worker. Enable it before looking, so that no bell falls between.
    pub fn work(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.work.notified()
    }

    /// Wakes one worker that found the queue empty, to look again.
    pub fn wake_a_worker(&self) {
        self.0.work.notify_one();
    }

    /// Wakes every waiting worker, to look again.
    pub fn wake_workers(&self) {
        self.0.work.notify_waiters();
    }

    /// Ends when a run in work was paused or cancelled.
    pub fn attention(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.attention.notified()
    }

    /// Ends when there may be a place for another run, because one is over or may have left the queue since the last call. For one listener.
    pub async fn vacancy(&self) {
        self.0.vacancy.notified().await;
    }

    /// Notices "run X moved"; whoever falls behind reads the record again.
    pub fn subscribe(&self) -> broadcast::Receiver<RunId> {
        self.0.moved.subscribe()
    }

    /// After a commit: tells followers, and whoever acts on the new status.
    fn ring(&self, run: RunId, to: Option<Status>) {
        match to {
            Some(Status::Queued) => self.0.work.notify_one(),
            Some(Status::Pausing | Status::Cancelling) => self.0.attention.notify_one(),
            // An owner at the limit of running runs may be served again.
            Some(status) if !status.is_active() => self.0.work.notify_one(),
            _ => {}
        }
        // A pause may have taken it out of the queue too.
        if to.is_some_and(|to| to.is_terminal() || matches!(to, Status::Preparing | Status::Paused))
        {
            self.0.vacancy.notify_one();
        }
        let _ = self.0.moved.send(run); // nobody may be watching
    }

    fn recorded(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Recorded>> {
        self.0
            .recorded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
