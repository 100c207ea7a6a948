//! The errors of the rooms below, each said once in the words of the edge.

use std::time::Duration;

use super::error::{Error, Kind, Violation};
use crate::blobs::BlobError;
use crate::clock::EntropyError;
use crate::runs::RunsError;
use crate::store::StoreError;
use crate::sweeps::SweepsError;
use crate::tokens::TokenError;

/// After this long an overloaded writer has worked off what waits.
const OVERLOAD_WAIT: Duration = Duration::from_secs(1);
/// A place in the queue becomes free when a run ends; asking more often than this is of no use.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => {
                Error::new(Kind::InsufficientStorage, "disk_full", error.to_string())
            }
            StoreError::Overloaded => Error::retry_later(
                Kind::Unavailable,
                "overloaded",
                "too much is being written; try again",
                OVERLOAD_WAIT,
            ),
            StoreError::Closed => Error::retry_later(
                Kind::Unavailable,
                "draining",
                "the server is about to end",
                OVERLOAD_WAIT,
            ),
            other => Error::internal(other),
        }
    }
}

impl From<BlobError> for Error {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoSpace { .. } => {
                Error::new(Kind::InsufficientStorage, "disk_full", error.to_string())
            }
            BlobError::Store(error) => error.into(),
            other => Error::internal(other),
        }
    }
}

impl From<EntropyError> for Error {
    fn from(error: EntropyError) -> Self {
        Error::internal(error)
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Entropy(error) => error.into(),
            TokenError::Store(error) => error.into(),
        }
    }
}

impl From<RunsError> for Error {
    fn from(error: RunsError) -> Self {
        let said = error.to_string();
        match error {
            RunsError::Absent => Error::new(Kind::NotFound, "not_found", said),
            RunsError::NoCheckpoint(_) => Error::new(Kind::NotFound, "no_such_checkpoint", said),
            RunsError::Conflict { .. } | RunsError::NotOver { .. } => {
                Error::conflict("run_state_conflict", said)
            }
            RunsError::Diverged(_) => Error::conflict("diverged", said),
            RunsError::NothingToReproduce => Error::conflict("nothing_to_reproduce", said),
            RunsError::NoLandscape(_) => Error::conflict("no_landscape", said),
            RunsError::NotComparable(_) => Error::conflict("not_comparable", said),
            RunsError::LandscapeTooLarge { .. } => Error::conflict("landscape_too_large", said),
            RunsError::TooManyLandscapes { .. } => Error::retry_later(
                Kind::TooManyRequests,
                "too_many_landscapes",
                said,
                QUEUE_WAIT,
            ),
            RunsError::Stale { .. } => Error::new(Kind::PreconditionFailed, "stale_etag", said),
            RunsError::TooManyQueued { .. } => Error::retry_later(
                Kind::TooManyRequests,
                "too_many_queued_runs",
                said,
                QUEUE_WAIT,
            ),
            RunsError::NoDataset(ref name) => {
                let violation = Violation {
                    pointer: Some("/dataset".into()),
                    code: "no_such_dataset".into(),
                    message: said.clone(),
                    got: Some(name.as_str().into()),
                    ..Violation::default()
                };
                Error::new(Kind::Unprocessable, "invalid_spec", said).with(vec![violation])
            }
            RunsError::Spec(violations) => Error::from(violations),
            RunsError::Batch(refused) => {
                let errors = refused
                    .into_iter()
                    .flat_map(|(index, error)| Error::at(index, error).violations().to_vec());
                Error::new(Kind::Unprocessable, "invalid_batch", said).with(errors.collect())
            }
            RunsError::Store(error) => error.into(),
            RunsError::Blob(error) => error.into(),
            RunsError::Entropy(error) => error.into(),
            // Only a worker writes with a fence; no client can cause this.
            RunsError::Fenced { .. } => Error::internal(said),
        }
    }
}

impl From<SweepsError> for Error {
    fn from(error: SweepsError) -> Self {
        let said = error.to_string();
        match error {
            SweepsError::Absent => Error::new(Kind::NotFound, "not_found", said),
            SweepsError::Conflict { .. } => Error::conflict("sweep_state_conflict", said),
            SweepsError::Stale { .. } => Error::new(Kind::PreconditionFailed, "stale_etag", said),
            SweepsError::Invalid(violations) => wrong("invalid_sweep", "sweep", violations),
            SweepsError::Runs(error) => error.into(),
            SweepsError::Store(error) => error.into(),
            SweepsError::Entropy(error) => error.into(),
        }
    }
}

impl Error {
    /// What is wrong with the spec at a place of a batch: every pointer begins with that place.
    pub fn at(index: usize, error: RunsError) -> Self {
        let error = Error::from(error);
        let place = format!("/runs/{index}");
        let mut found = error.violations().to_vec();
        if found.is_empty() {
            found.push(Violation {
                pointer: Some(String::new()),
                code: error.code().to_owned().into(),
                message: error.detail().to_owned(),
                ..Violation::default()
            });
        }
        for violation in &mut found {
            let inner = violation.pointer.as_deref().unwrap_or("");
            violation.pointer = Some(format!("{place}{inner}"));
        }
        error.with(found)
    }
}

impl From<Vec<descent_engine::spec::Violation>> for Error {
    /// Everything that is wrong with a spec, at once.
    fn from(violations: Vec<descent_engine::spec::Violation>) -> Self {
        wrong("invalid_spec", "spec", violations)
    }
}

/// Everything that is wrong with a document, at once.
pub(super) fn wrong(
    code: &'static str,
    what: &str,
    violations: Vec<descent_engine::spec::Violation>,
) -> Error {
    let detail = match violations.as_slice() {
        [only] => format!("{}: {}", only.pointer, only.message),
        several => format!("the {what} has {} errors", several.len()),
    };
    let errors = violations.into_iter().map(|violation| Violation {
        pointer: Some(violation.pointer),
        code: violation.code.into(),
        message: violation.message,
        allowed: violation.allowed,
        got: violation.got,
        ..Violation::default()
    });
    Error::new(Kind::Unprocessable, code, detail).with(errors.collect())
}
