//! The manifest of a backup: the first file written, and the last.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BackupError, io_error};

const NAME: &str = "backup.json";
/// What the manifest becomes when a server takes the folder over: from then on the database moves away from it.
const ADOPTED: &str = "restored-from.json";

/// How far a backup came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Begun; whatever else lies in the folder may be half of something.
    Unfinished,
    /// Complete and durable.
    Finished,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// How far it came.
    pub state: State,
    /// Version of the program that made it.
    pub descent_version: String,
    /// When it was begun, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// SHA-256 of `descent.db`, lower-case hex; empty while unfinished.
    pub database_sha256: String,
    /// Size of `descent.db`.
    pub database_bytes: u64,
    /// Blobs that are files of their own; smaller ones are in the database.
    pub n_files: u64,
    /// Size of these files together.
    pub file_bytes: u64,
}

impl Manifest {
    pub(super) fn begun(now_ms: i64) -> Self {
        Self {
            state: State::Unfinished,
            descent_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at_ms: now_ms,
            database_sha256: String::new(),
            database_bytes: 0,
            n_files: 0,
            file_bytes: 0,
        }
    }

    /// The manifest of `folder`; `None` when it has none, as a data folder.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, BackupError> {
        let path = folder.join(NAME);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(BackupError::Io {
                    doing: "reading",
                    path,
                    source,
                });
            }
        };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|e| BackupError::Manifest {
            path,
            message: e.to_string(),
        })?;
        match manifest.state {
            State::Finished => Ok(Some(manifest)),
            State::Unfinished => Err(BackupError::Unfinished(folder.to_owned())),
        }
    }

    /// Replaces the manifest of `folder` in one step, durably.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(NAME);
        let failed = |e| io_error("writing", &path)(e);
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        let mut text = serde_json::to_vec_pretty(self).map_err(|e| failed(e.into()))?;
        text.push(b'\n');
        file.write_all(&text).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|e| failed(e.error))?;
        sync_folder(folder)
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("making durable", folder))
}

/// Before a server opens a data folder: refuses one that is an unfinished backup, and turns a finished one into an
/// ordinary data folder, whose database may change from now on. Any other folder is left as it is.
///
/// # Errors
/// [`BackupError::Unfinished`], or when the manifest can be neither read nor renamed.
pub fn adopt(data_dir: &Path) -> Result<(), BackupError> {
    if Manifest::read(data_dir)?.is_some() {
        fs::rename(data_dir.join(NAME), data_dir.join(ADOPTED))
            .map_err(io_error("renaming the manifest in", data_dir))?;
        sync_folder(data_dir)?;
    }
    Ok(())
}
