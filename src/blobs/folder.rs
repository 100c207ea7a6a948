//! The folder of large blobs by itself, without the record: for backups and checks, which run beside a server or without
//! one and so must neither clean up nor cache.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{BlobError, check_hash, failed, hex, sync_dir};

/// File whose lock tells backups and collection apart.
const LOCK_NAME: &str = ".lock";

/// What lies in the folder, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// Hash and size of every file whose name and place are a blob's.
    pub known: Vec<(String, u64)>,
    /// Path of everything else.
    pub strange: Vec<PathBuf>,
}

/// A lock on the folder of blobs, let go when this is dropped.
#[derive(Debug)]
pub struct Hold {
    _file: File,
}

/// The files `blobs/ab/<sha256>` below a data folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// The blobs of `data_dir`. Nothing is opened or made.
    #[must_use]
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join("blobs"))
    }

    pub(super) fn at(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// Where the blob `sha256` (64 hex digits) lies.
    #[must_use]
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.0.join(&sha256[..2]).join(sha256)
    }

    /// Reads a whole blob and compares length and hash with what the record says.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] when they differ or the file is missing.
    pub fn check(&self, sha256: &str, size_bytes: i64) -> Result<(), BlobError> {
        read_into(&mut self.open(sha256)?, sha256, size_bytes, &mut io::sink())
    }

    /// Copies a blob to the same place below `target`, its hash checked on the way, and makes the file durable. The names
    /// become durable with [`Folder::sync`].
    ///
    /// # Errors
    /// [`BlobError::Damaged`] when this side's bytes are not those that were written, others when `target` fails.
    pub fn copy(&self, sha256: &str, size_bytes: i64, target: &Self) -> Result<(), BlobError> {
        let mut from = self.open(sha256)?;
        let path = target.path(sha256);
        let parent = target.0.join(&sha256[..2]);
        fs::create_dir_all(&parent).map_err(|e| failed("making a folder of the copy", &e))?;
        let mut file =
            File::create_new(&path).map_err(|e| failed("making a file of the copy", &e))?;
        read_into(&mut from, sha256, size_bytes, &mut file)?;
        file.sync_all()
            .map_err(|e| failed("making the copy durable", &e))
    }

    /// Makes the names of all files durable.
    ///
    /// # Errors
    /// When a folder cannot be read or synced.
    pub fn sync(&self) -> Result<(), BlobError> {
        for folder in read_dir(&self.0)?.filter(|entry| entry.path().is_dir()) {
            sync_dir(&folder.path())?;
        }
        sync_dir(&self.0)
    }

    /// Makes the folder itself.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> Result<(), BlobError> {
        fs::create_dir_all(&self.0).map_err(|e| failed("making the folder of blobs", &e))
    }

    /// Keeps every blob from being deleted while the answer lives, in whatever process that might happen. On a folder that
    /// cannot be written nothing is deleted anyway.
    ///
    /// # Errors
    /// When the lock cannot be had.
    pub fn hold(&self) -> Result<Option<Hold>, BlobError> {
        match self.lock_file() {
            Ok(file) => {
                file.lock_shared()
                    .map_err(|e| failed("locking the folder of blobs", &e))?;
                Ok(Some(Hold { _file: file }))
            }
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::ReadOnlyFilesystem
                        | io::ErrorKind::PermissionDenied
                        | io::ErrorKind::NotFound
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(failed("locking the folder of blobs", &e)),
        }
    }

    /// The right to delete blobs; `None` while somebody holds them.
    pub(super) fn alone(&self) -> Result<Option<Hold>, BlobError> {
        let file = self
            .lock_file()
            .map_err(|e| failed("locking the folder of blobs", &e))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Hold { _file: file })),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(e)) => Err(failed("locking the folder of blobs", &e)),
        }
    }

    fn lock_file(&self) -> io::Result<File> {
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.0.join(LOCK_NAME))
    }

    /// Hashes of the files that were made before `before_ms`.
    pub(super) fn older_than(&self, before_ms: i64) -> Result<Vec<String>, BlobError> {
        let made_before = |sha256: &str| {
            let made = fs::metadata(self.path(sha256))
                .and_then(|about| about.modified())
                .ok()?;
            let age = made.duration_since(std::time::UNIX_EPOCH).ok()?;
            i64::try_from(age.as_millis())
                .ok()
                .filter(|made_ms| *made_ms < before_ms)
        };
        Ok(self
            .files()?
            .known
            .into_iter()
            .map(|(sha256, _)| sha256)
            .filter(|sha256| made_before(sha256).is_some())
            .collect())
    }

    /// Every file there is, but those that a server at work is still writing.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn files(&self) -> Result<Files, BlobError> {
        let mut files = Files::default();
        if !self.0.is_dir() {
            return Ok(files);
        }
        for entry in read_dir(&self.0)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.path().is_dir() {
                if !name.starts_with(super::TEMP_PREFIX) && name != LOCK_NAME {
                    files.strange.push(entry.path());
                }
                continue;
            }
            for file in read_dir(&entry.path())? {
                let hash = file.file_name().to_string_lossy().into_owned();
                let is_hash = hash.len() == 64
                    && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                match file.metadata() {
                    Ok(about) if is_hash && hash.starts_with(&name) && about.is_file() => {
                        files.known.push((hash, about.len()))
                    }
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {} // collected a moment ago
                    _ => files.strange.push(file.path()),
                }
            }
        }
        files.known.sort();
        files.strange.sort();
        Ok(files)
    }

    fn open(&self, sha256: &str) -> Result<File, BlobError> {
        File::open(self.path(sha256)).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => BlobError::Damaged {
                sha256: sha256.to_owned(),
                message: "its file is missing".to_owned(),
            },
            _ => failed("opening a blob", &e),
        })
    }
}

/// Hands all bytes of `file` to `sink`, and compares their number and hash with what they shall be.
fn read_into(
    file: &mut File,
    sha256: &str,
    size_bytes: i64,
    sink: &mut dyn Write,
) -> Result<(), BlobError> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut found_bytes = 0;
    loop {
        let n_read = file
            .read(&mut buffer)
            .map_err(|e| failed("reading a blob", &e))?;
        if n_read == 0 {
            return check_hash(sha256, size_bytes, found_bytes, &hex(&hash.finalize()));
        }
        hash.update(&buffer[..n_read]);
        found_bytes += n_read as u64;
        sink.write_all(&buffer[..n_read])
            .map_err(|e| failed("writing the copy of a blob", &e))?;
    }
}

/// Entries of a folder; one that vanishes while reading is none.
fn read_dir(path: &Path) -> Result<impl Iterator<Item = fs::DirEntry>, BlobError> {
    Ok(fs::read_dir(path)
        .map_err(|e| failed("reading the folder of blobs", &e))?
        .flatten())
}
