//! What can go wrong with a sweep, before anybody thinks of HTTP.

use descent_engine::spec::Violation;

use crate::clock::EntropyError;
use crate::runs::RunsError;
use crate::store::StoreError;
use crate::store::sweeps::Status;

/// An answer of this room that is not the one hoped for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SweepsError {
    /// No such sweep, or not this owner's.
    #[error("there is no such sweep")]
    Absent,
    /// The sweep is in a state where this cannot happen.
    #[error("a sweep that is {status} cannot {wish}")]
    Conflict {
        /// Where the sweep is.
        status: Status,
        /// What was wanted.
        wish: &'static str,
    },
    /// The row has moved on since the caller read it.
    #[error("the sweep was changed in the meantime; it is now at version {version}")]
    Stale {
        /// Version of the row now.
        version: i64,
    },
    /// The document cannot be a sweep; pointers into the request.
    #[error("the sweep cannot be worked off")]
    Invalid(Vec<Violation>),
    /// Its runs.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// The record failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
