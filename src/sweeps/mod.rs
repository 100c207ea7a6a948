//! Sweeps: searches over the settings of a spec. A sweep proposes runs, watches how they end, and proposes the next; its children are
//! ordinary runs, and what a status of theirs becomes is decided in `crate::runs` alone.
//!
//! ```text
//! create -> running -> propose... -> (budget used) -> completed -> enlarge -> running ...
//!              \-> stop -> stopping -> (the last children end) -> stopped
//! ```

mod advance;
mod check;
mod control;
mod document;
mod error;
pub mod importance;
pub mod proposal;
pub mod space;
pub mod strategy;
mod summary;
pub mod sweeper;
pub mod trial;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Notify, broadcast};

pub use check::MAX_RUNS;
pub use control::{Change, Stopped};
pub use document::{Budget, Direction, Objective, Wanted};
pub use error::SweepsError;
pub use space::{Domain, MAX_PARAMETERS, MAX_VALUES};
pub use strategy::Strategy;
pub use summary::{Best, Summary};

use crate::clock::{Clock, Ids};
use crate::ids::SweepId;
use crate::runs::Runs;
use crate::store::Store;

/// Notices a follower may be behind before it has to look the record up again.
const NOTICES: usize = 1_024;

/// Handle to the sweeps; cheap to clone.
#[derive(Clone)]
pub struct Sweeps(Arc<Inner>);

struct Inner {
    store: Store,
    runs: Runs,
    clock: Clock,
    ids: Ids,
    /// Children at the same time when a budget does not say.
    slots: usize,
    /// Wakes the sweeper.
    work: Notify,
    /// Whether the disk was below the floor of free space at the last look.
    waits: AtomicBool,
    /// "Sweep X moved", nothing more.
    moved: broadcast::Sender<SweepId>,
}

impl Sweeps {
    /// The sweeps in `store`, whose children are queued by `runs`.
    pub fn new(store: Store, runs: Runs, clock: Clock, ids: Ids, slots: usize) -> Self {
        Self(Arc::new(Inner {
            store,
            runs,
            clock,
            ids,
            slots,
            work: Notify::new(),
            waits: AtomicBool::new(false),
            moved: broadcast::channel(NOTICES).0,
        }))
    }

    /// Notices "sweep X moved"; whoever falls behind reads the record again.
    pub fn subscribe(&self) -> broadcast::Receiver<SweepId> {
        self.0.moved.subscribe()
    }

    /// After a commit: the sweeper looks, and so does whoever waits.
    fn ring(&self, sweep: SweepId) {
        self.0.work.notify_one();
        let _ = self.0.moved.send(sweep); // nobody may be waiting
    }
}
