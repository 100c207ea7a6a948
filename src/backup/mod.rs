//! Copies of a data folder that can be trusted, and proof that a folder can be.
//!
//! [`backup`] copies a data folder while its server works on it: one moment of the database, and every large blob that
//! moment refers to, each compared with its hash on the way. Everything is durable before the manifest `backup.json` says
//! that the backup is finished; a folder whose manifest does not say so is refused by [`verify()`] and [`adopt()`].
//! A backup is a data folder: to restore, copy it to where the server's data shall be and start the server there.
//!
//! [`verify()`] reads a data folder or a backup without changing it and lists in words whatever breaks a rule of the record.

mod copy;
mod manifest;
mod verify;

use std::io;
use std::path::PathBuf;

pub use copy::backup;
pub use manifest::{Manifest, State, adopt};
pub use verify::{Verified, verify};

use crate::blobs::BlobError;
use crate::store::StoreError;

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to copy or verify.
    #[error("{} holds no database: it is neither a data folder nor a backup", .0.display())]
    NoDatabase(PathBuf),
    /// The target is in use.
    #[error("{} is not empty: a backup wants a folder of its own", .0.display())]
    Occupied(PathBuf),
    /// The backup was interrupted.
    #[error("the backup in {} was not finished and must not be used: delete it and make another", .0.display())]
    Unfinished(PathBuf),
    /// The manifest is not one.
    #[error("{} is not a manifest of a backup: {message}", path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A file or folder cannot be written or read.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A blob failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// For `map_err`: what was being done to which path.
fn io_error(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.into();
    move |source| BackupError::Io {
        doing,
        path,
        source,
    }
}

/// Runs what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => Err(BackupError::Store(StoreError::Io(e.to_string()))),
    }
}
