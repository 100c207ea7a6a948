//! Big bytes by SHA-256 behind one handle.
//!
//! Up to [`INLINE_BYTES`] a blob is a row of the database and becomes durable with the commit that refers to it. Larger
//! ones are files `blobs/ab/<sha256>`, written in the order temp file, write, hash, fsync, rename, fsync of the folder; only
//! then may a row refer to them. A failed step leaves nothing behind, and a failed fsync is never tried again as if good.
//!
//! ```text
//! writer() -> write()... -> finish() -> Staged --record(tx)--> row committed     (uploads, on a blocking thread)
//! put(bytes) ---------------------------> Staged --record(tx)--> row committed     (weights, checkpoints)
//! ```

mod folder;
mod writer;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};

pub use folder::{Files, Folder, Hold};
pub use writer::BlobWriter;

use crate::clock::Clock;
use crate::store::{self, Store, StoreError, Tx};

/// Blobs up to this size live in the database: one fsync makes row and content durable together.
pub const INLINE_BYTES: usize = 64 << 10;

/// Free space is looked at again after this many written bytes.
const SPACE_CHECK_BYTES: u64 = 64 << 20;

/// What went wrong with a blob.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BlobError {
    /// The disk is full, or would be below the floor of free space.
    #[error(
        "not enough free space on the disk: {free_bytes} bytes are free and {floor_bytes} must stay free"
    )]
    NoSpace {
        /// Free now.
        free_bytes: u64,
        /// What must stay free.
        floor_bytes: u64,
    },
    /// The disk failed.
    #[error("the disk failed while {doing}: {message}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        message: String,
    },
    /// No such blob.
    #[error("there is no blob {0}")]
    Absent(String),
    /// The bytes are not those that were written; they are not handed out.
    #[error("blob {sha256} is damaged: {message}")]
    Damaged {
        /// Which.
        sha256: String,
        /// How it shows.
        message: String,
    },
    /// The record failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Steps of writing and reading that a test may let fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Io {
    /// Making the temp file or a folder.
    Create,
    /// Writing bytes.
    Write,
    /// Making a file durable.
    Sync,
    /// Giving a file its name.
    Rename,
    /// Making a name durable.
    SyncDir,
    /// Opening or reading.
    Open,
}

/// Asked before every step; an error takes the step's place.
pub type Faults = Arc<dyn Fn(Io) -> io::Result<()> + Send + Sync>;

/// Handle to all blobs; cheap to clone.
#[derive(Clone)]
pub struct Blobs(Arc<Inner>);

struct Inner {
    root: PathBuf,
    store: Store,
    clock: Clock,
    floor_bytes: u64,
    faults: Option<Faults>,
    /// Hashes between durable file and committed row, with how many writers hold each: collection leaves them alone.
    pins: Mutex<HashMap<String, usize>>,
    /// Folders whose names are durable.
    folders: Mutex<HashSet<PathBuf>>,
    /// Files whose hash was checked, with what would change if somebody touched them.
    verified: Mutex<HashMap<String, Identity>>,
}

/// Inode, length and times of a file.
type Identity = (u64, u64, i64, i64, i64, i64);

/// Durable bytes no row refers to yet.
#[derive(Debug)]
pub struct Staged {
    blob: store::blobs::Blob,
    pin: Arc<Pin>,
}

impl Staged {
    /// SHA-256 of the bytes, lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.blob.sha256
    }

    /// How many bytes.
    pub fn size_bytes(&self) -> i64 {
        self.blob.size_bytes
    }

    /// Adds the row, in the transaction of the row that refers to it.
    pub async fn record(&self, tx: &mut Tx) -> Result<(), StoreError> {
        store::blobs::insert(tx, &self.blob).await?;
        // A collection in the same commit removes its files afterwards and must still see this one pinned.
        let pin = self.pin.clone();
        tx.after_commit(move || drop(pin));
        Ok(())
    }
}

/// Keeps a hash from being collected while alive.
struct Pin(Arc<Inner>, String);

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin")
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.0.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.1);
            }
        }
    }
}

/// The bytes of a blob, checked.
#[derive(Debug)]
pub enum Content {
    /// A small one.
    Bytes(Vec<u8>),
    /// A large one: an open file at its beginning.
    File(File),
}

impl Content {
    /// A reader over the bytes.
    pub fn reader(self) -> Reader {
        match self {
            Self::Bytes(bytes) => Reader::Bytes(io::Cursor::new(bytes)),
            Self::File(file) => Reader::File(file),
        }
    }
}

/// Reads the bytes of a blob from any place.
#[derive(Debug)]
pub enum Reader {
    /// A small one.
    Bytes(io::Cursor<Vec<u8>>),
    /// A large one.
    File(File),
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => bytes.read(out),
            Self::File(file) => file.read(out),
        }
    }
}

impl io::Seek for Reader {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => bytes.seek(to),
            Self::File(file) => file.seek(to),
        }
    }
}

impl Blobs {
    /// Opens `data_dir/blobs`, and removes what a killed process left half written there.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(
        data_dir: &Path,
        store: Store,
        clock: Clock,
        floor_bytes: u64,
        faults: Option<Faults>,
    ) -> Result<Self, BlobError> {
        let root = data_dir.join("blobs");
        fs::create_dir_all(&root).map_err(|e| failed("making the folder of blobs", &e))?;
        for entry in fs::read_dir(&root)
            .map_err(|e| failed("reading the folder of blobs", &e))?
            .flatten()
        {
            if entry.file_name().to_string_lossy().starts_with(TEMP_PREFIX) {
                let _ = fs::remove_file(entry.path()); // tried again at the next start
            }
        }
        let inner = Inner {
            root,
            store,
            clock,
            floor_bytes,
            faults,
            pins: Mutex::default(),
            folders: Mutex::default(),
            verified: Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Whether the disk has room for `more_bytes` above the floor.
    ///
    /// # Errors
    /// [`BlobError::NoSpace`] when it has not.
    pub fn check_space(&self, more_bytes: u64) -> Result<(), BlobError> {
        let free = rustix::fs::statvfs(&self.0.root)
            .map_err(|e| failed("asking for free space", &e.into()))?;
        let free_bytes = free.f_bavail.saturating_mul(free.f_frsize);
        if free_bytes < self.0.floor_bytes.saturating_add(more_bytes) {
            return Err(BlobError::NoSpace {
                free_bytes,
                floor_bytes: self.0.floor_bytes,
            });
        }
        Ok(())
    }

    /// Begins a blob whose bytes come in pieces. Blocks on the disk: for a blocking thread.
    ///
    /// # Errors
    /// [`BlobError::NoSpace`] when the disk is below the floor.
    pub fn writer(&self) -> Result<BlobWriter, BlobError> {
        self.check_space(0)?;
        Ok(BlobWriter {
            blobs: self.clone(),
            hash: Sha256::new(),
            head: Vec::new(),
            file: None,
            size_bytes: 0,
            checked_bytes: 0,
        })
    }

    /// Makes `bytes` durable, or ready to become so with their row when small.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub async fn put(&self, bytes: impl Into<Bytes>) -> Result<Staged, BlobError> {
        let bytes = bytes.into();
        if bytes.len() <= INLINE_BYTES {
            let sha256 = hex(&Sha256::digest(&bytes));
            return Ok(self.staged(sha256, bytes.len() as u64, Some(bytes.into())));
        }
        let blobs = self.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut writer = blobs.writer()?;
            writer.write(&bytes)?;
            writer.finish()
        });
        written.await.unwrap_or_else(|e| {
            Err(BlobError::Io {
                doing: "writing a blob",
                message: e.to_string(),
            })
        })
    }

    /// The bytes of a blob, their hash checked (once per process for an untouched file).
    ///
    /// # Errors
    /// [`BlobError::Absent`] and [`BlobError::Damaged`] among others.
    pub async fn open_blob(&self, sha256: &str) -> Result<Content, BlobError> {
        let row = store::blobs::find(&self.0.store, sha256)
            .await?
            .ok_or_else(|| BlobError::Absent(sha256.to_owned()))?;
        let blobs = self.clone();
        let opened = tokio::task::spawn_blocking(move || match row.bytes {
            Some(bytes) => {
                check_hash(
                    &row.sha256,
                    row.size_bytes,
                    bytes.len() as u64,
                    &hex(&Sha256::digest(&bytes)),
                )?;
                Ok(Content::Bytes(bytes))
            }
            None => blobs
                .open_file(&row.sha256, row.size_bytes)
                .map(Content::File),
        });
        opened.await.unwrap_or_else(|e| {
            Err(BlobError::Io {
                doing: "reading a blob",
                message: e.to_string(),
            })
        })
    }

    /// The whole content of a blob, checked: for weights and checkpoints.
    ///
    /// # Errors
    /// As [`Blobs::open_blob`].
    pub async fn read(&self, sha256: &str) -> Result<Vec<u8>, BlobError> {
        match self.open_blob(sha256).await? {
            Content::Bytes(bytes) => Ok(bytes),
            Content::File(mut file) => {
                let read = tokio::task::spawn_blocking(move || {
                    let mut bytes = Vec::new();
                    file.read_to_end(&mut bytes)
                        .map(|_| bytes)
                        .map_err(|e| failed("reading a blob", &e))
                });
                read.await.unwrap_or_else(|e| {
                    Err(BlobError::Io {
                        doing: "reading a blob",
                        message: e.to_string(),
                    })
                })
            }
        }
    }

    /// Forgets blobs nobody refers to that are older than `min_age_ms`, and files of that age without a row, which a killed
    /// process left behind. Answers how many went: none while a backup copies them.
    ///
    /// # Errors
    /// When the record or the folder fails.
    pub async fn collect(&self, min_age_ms: i64) -> Result<usize, BlobError> {
        let before_ms = self.0.clock.now_ms() - min_age_ms;
        let folder = Folder::at(&self.0.root);
        let looked = tokio::task::spawn_blocking(move || match folder.alone()? {
            None => Ok(None),
            Some(alone) => Ok(Some((alone, folder.older_than(before_ms)?))),
        });
        let looked = looked.await.unwrap_or_else(|e| {
            Err(BlobError::Io {
                doing: "looking for old blobs",
                message: e.to_string(),
            })
        })?;
        let Some((alone, old_files)) = looked else {
            return Ok(0);
        };
        let blobs = self.clone();
        // Inside the writer, so that no row can be added for a hash between the look and the removal.
        self.0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let pinned: Vec<String> = blobs.pins().keys().cloned().collect();
                    let mut gone = store::blobs::collect(tx, before_ms, &pinned).await?;
                    let n_gone = gone.len();
                    gone.extend(store::blobs::without_row(tx, &old_files).await?);
                    gone.sort();
                    gone.dedup();
                    tx.after_commit(move || {
                        blobs.remove_files(&gone);
                        drop(alone);
                    });
                    Ok(n_gone)
                })
            })
            .await
    }

    fn remove_files(&self, gone: &[String]) {
        // Holding the pins keeps a writer of the same content from relying on a file that is about to go.
        let pins = self.pins();
        for sha256 in gone.iter().filter(|sha256| !pins.contains_key(*sha256)) {
            let _ = fs::remove_file(self.0.path(sha256)); // an inline blob has none; a file that stays is found by verify
        }
    }

    fn pins(&self) -> std::sync::MutexGuard<'_, HashMap<String, usize>> {
        self.0.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn staged(&self, sha256: String, size_bytes: u64, bytes: Option<Vec<u8>>) -> Staged {
        *self.pins().entry(sha256.clone()).or_insert(0) += 1;
        let pin = Arc::new(Pin(self.0.clone(), sha256.clone()));
        let blob = store::blobs::Blob {
            sha256,
            size_bytes: size_bytes as i64,
            bytes,
            created_at_ms: self.0.clock.now_ms(),
        };
        Staged { blob, pin }
    }

    fn open_file(&self, sha256: &str, size_bytes: i64) -> Result<File, BlobError> {
        self.0.step(Io::Open, "opening a blob")?;
        let damaged = |message: String| BlobError::Damaged {
            sha256: sha256.to_owned(),
            message,
        };
        let mut file = match File::open(self.0.path(sha256)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(damaged("its file is missing".to_owned()));
            }
            Err(e) => return Err(failed("opening a blob", &e)),
        };
        let about = file.metadata().map_err(|e| failed("opening a blob", &e))?;
        let identity = (
            about.ino(),
            about.len(),
            about.mtime(),
            about.mtime_nsec(),
            about.ctime(),
            about.ctime_nsec(),
        );
        let known = self
            .0
            .verified
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(sha256)
            == Some(&identity);
        if !known {
            let mut hash = Sha256::new();
            io::copy(&mut file, &mut HashInto(&mut hash))
                .map_err(|e| failed("reading a blob", &e))?;
            check_hash(sha256, size_bytes, about.len(), &hex(&hash.finalize()))?;
            io::Seek::rewind(&mut file).map_err(|e| failed("reading a blob", &e))?;
            self.0
                .verified
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(sha256.to_owned(), identity);
        }
        Ok(file)
    }
}

const TEMP_PREFIX: &str = ".writing-";

impl Inner {
    fn path(&self, sha256: &str) -> PathBuf {
        self.root.join(&sha256[..2]).join(sha256)
    }

    /// Asks the test's hook, if there is one, whether this step fails.
    fn step(&self, io: Io, doing: &'static str) -> Result<(), BlobError> {
        match &self.faults {
            None => Ok(()),
            Some(faults) => faults(io).map_err(|e| failed(doing, &e)),
        }
    }
}

fn sync_dir(path: &Path) -> Result<(), BlobError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| failed("making a folder durable", &e))
}

fn check_hash(
    sha256: &str,
    said_bytes: i64,
    found_bytes: u64,
    found: &str,
) -> Result<(), BlobError> {
    let message = if u64::try_from(said_bytes) != Ok(found_bytes) {
        format!("it has {found_bytes} bytes instead of {said_bytes}")
    } else if found != sha256 {
        format!("its bytes have the SHA-256 {found}")
    } else {
        return Ok(());
    };
    Err(BlobError::Damaged {
        sha256: sha256.to_owned(),
        message,
    })
}

fn failed(doing: &'static str, error: &io::Error) -> BlobError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => BlobError::NoSpace {
            free_bytes: 0,
            floor_bytes: 0,
        },
        _ => BlobError::Io {
            doing,
            message: error.to_string(),
        },
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

/// A sink that only hashes.
struct HashInto<'h>(&'h mut Sha256);

impl Write for HashInto<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
