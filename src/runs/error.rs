//! What can go wrong with a run, before anybody thinks of HTTP.

use descent_engine::spec::Violation;

use super::Verb;
use crate::blobs::BlobError;
use crate::clock::EntropyError;
use crate::store::StoreError;
use crate::store::runs::Status;

/// An answer of this room that is not the one hoped for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunsError {
    /// No such run, or not this owner's.
    #[error("there is no such run")]
    Absent,
    /// The run is in a state where this cannot happen.
    #[error("a run that is {status} cannot {}", verb.as_str())]
    Conflict {
        /// Where the run is.
        status: Status,
        /// What was wanted.
        verb: Verb,
    },
    /// Only a run that is over can be deleted or tried again.
    #[error("the run is {status}; this needs a run that is over: cancel it first")]
    NotOver {
        /// Where the run is.
        status: Status,
    },
    /// The row has moved on since the caller read it.
    #[error("the run was changed in the meantime; it is now at version {version}")]
    Stale {
        /// Version of the row now.
        version: i64,
    },
    /// The worker that writes no longer holds the run.
    #[error("the run was given to another worker: fence {fence} is old")]
    Fenced {
        /// The refused fence.
        fence: i64,
    },
    /// The owner holds as much as the quota allows.
    #[error("{limit} runs of this owner are queued already, which is the limit")]
    TooManyQueued {
        /// The limit.
        limit: u64,
    },
    /// The spec names a dataset that does not exist.
    #[error("there is no dataset {0:?}")]
    NoDataset(String),
    /// The spec does not fit the data.
    #[error("the spec does not fit the dataset")]
    Spec(Vec<Violation>),
    /// Some specs of a batch cannot be queued, so none was; by their places in the batch.
    #[error("{} of the runs cannot be queued, so none was", .0.len())]
    Batch(Vec<(usize, RunsError)>),
    /// No such checkpoint of the parent.
    #[error("run {0} has no such checkpoint")]
    NoCheckpoint(String),
    /// A divergence is never retried unchanged.
    #[error("this run diverged: the same spec diverges again. Fork it, for example with {0}")]
    Diverged(String),
    /// Only a run that succeeded has weights to compare with.
    #[error("only a succeeded run can be reproduced")]
    NothingToReproduce,
    /// There cannot be such a landscape, or not yet.
    #[error("{0}")]
    NoLandscape(String),
    /// Two runs cannot be laid into one space.
    #[error("the other run cannot be compared with this one: {0}")]
    NotComparable(String),
    /// A landscape would take too long.
    #[error(
        "this landscape takes {flops} floating-point operations, and one may take {limit}: ask for a lower resolution or fewer samples"
    )]
    LandscapeTooLarge {
        /// What it takes.
        flops: u64,
        /// The limit.
        limit: u64,
    },
    /// The owner waits for as many landscapes as it may.
    #[error("{limit} landscapes of this owner are waiting already, which is the limit")]
    TooManyLandscapes {
        /// The limit.
        limit: i64,
    },
    /// The record failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Big bytes failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl RunsError {
    /// Whether the same may work later without anybody changing anything: a full disk, a failing one, too much to do.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Store(
                StoreError::DiskFull
                    | StoreError::Io(_)
                    | StoreError::Overloaded
                    | StoreError::Refused(_)
            ) | Self::Blob(BlobError::NoSpace { .. } | BlobError::Io { .. })
        )
    }
}
