//! Making a backup.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::manifest::{Manifest, State, sync_folder};
use super::{BackupError, blocking, io_error};
use crate::blobs::{Folder, hex};
use crate::clock::Clock;
use crate::store::DATABASE;
use crate::store::snapshot::{self, Snapshot};

/// Copies `data_dir` to `target`, an absent or empty folder, while a server may go on working. Answers what was copied.
///
/// While it copies, no blob is deleted. So the database is copied first and then the blobs it refers to: each of them is
/// still there.
///
/// # Errors
/// [`BackupError::Occupied`], a damaged blob, a full disk; the target then holds an unfinished backup that says so.
pub async fn backup(
    data_dir: &Path,
    target: &Path,
    clock: &Clock,
) -> Result<Manifest, BackupError> {
    let source = data_dir.join(DATABASE);
    if !source.is_file() {
        return Err(BackupError::NoDatabase(data_dir.to_owned()));
    }
    Manifest::read(data_dir)?; // an unfinished backup is no source either
    make_empty(target)?;
    let mut manifest = Manifest::begun(clock.now_ms());
    manifest.write(target)?;

    let (from, to) = (Folder::of(data_dir), Folder::of(target));
    to.make()?;
    let held = from.hold()?;
    let database = target.join(DATABASE);
    snapshot::copy(&source, &database).await?;
    (manifest.n_files, manifest.file_bytes) = copy_blobs(&database, from, to).await?;
    drop(held);
    (manifest.database_sha256, manifest.database_bytes) = seal(&database)?;
    sync_folder(target)?;
    manifest.state = State::Finished;
    manifest.write(target)?;
    Ok(manifest)
}

/// Makes `target`, readable by its owner alone, or takes an empty folder that is there.
fn make_empty(target: &Path) -> Result<(), BackupError> {
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(BackupError::Occupied(target.to_owned())),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let parent = target
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            fs::create_dir_all(parent).map_err(io_error("making", parent))?;
            fs::DirBuilder::new()
                .mode(0o700)
                .create(target)
                .map_err(io_error("making", target))?;
            sync_folder(parent)
        }
        Err(e) => Err(io_error("reading", target)(e)),
    }
}

/// Copies the blobs that are files and that `database` knows, durably. Answers their count and bytes.
async fn copy_blobs(database: &Path, from: Folder, to: Folder) -> Result<(u64, u64), BackupError> {
    let mut snapshot = Snapshot::open(database).await?;
    let wanted = snapshot.files().await?;
    snapshot.close().await?;
    blocking(move || {
        for (sha256, size_bytes) in &wanted {
            from.copy(sha256, *size_bytes, &to)?;
        }
        to.sync()?;
        let file_bytes = wanted
            .iter()
            .map(|(_, size_bytes)| u64::try_from(*size_bytes).unwrap_or(0))
            .sum();
        Ok((wanted.len() as u64, file_bytes))
    })
    .await
}

/// Makes the copied database durable; answers its hash and size.
fn seal(database: &Path) -> Result<(String, u64), BackupError> {
    let mut file = File::open(database).map_err(io_error("opening", database))?;
    file.sync_all()
        .map_err(io_error("making durable", database))?;
    digest(&mut file, database)
}

/// SHA-256 and size of a file.
pub(super) fn digest(file: &mut File, path: &Path) -> Result<(String, u64), BackupError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut size_bytes = 0;
    loop {
        match file.read(&mut buffer).map_err(io_error("reading", path))? {
            0 => return Ok((hex(&hash.finalize()), size_bytes)),
            n_read => {
                hash.update(&buffer[..n_read]);
                size_bytes += n_read as u64;
            }
        }
    }
}
