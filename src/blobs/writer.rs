//! Takes the bytes of one blob in pieces and makes them durable, in the order that survives a power cut.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::PoisonError;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{
    BlobError, Blobs, INLINE_BYTES, Io, Reader, SPACE_CHECK_BYTES, Staged, TEMP_PREFIX, failed,
    hex, sync_dir,
};

/// Takes the bytes of one blob. Dropped before [`BlobWriter::finish`], it leaves nothing behind.
pub struct BlobWriter {
    pub(super) blobs: Blobs,
    pub(super) hash: Sha256,
    /// Bytes so far while they may still become an inline blob.
    pub(super) head: Vec<u8>,
    pub(super) file: Option<NamedTempFile>,
    pub(super) size_bytes: u64,
    pub(super) checked_bytes: u64,
}

impl BlobWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// When the disk is full or fails; the writer is of no further use then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        if self.size_bytes - self.checked_bytes >= SPACE_CHECK_BYTES {
            self.blobs.check_space(0)?;
            self.checked_bytes = self.size_bytes;
        }
        if self.file.is_none() && self.head.len() + bytes.len() <= INLINE_BYTES {
            self.head.extend_from_slice(bytes);
            return Ok(());
        }
        let inner = self.blobs.0.clone();
        let file = match &mut self.file {
            Some(file) => file,
            empty => {
                inner.step(Io::Create, "making a temp file")?;
                let made = tempfile::Builder::new()
                    .prefix(TEMP_PREFIX)
                    .tempfile_in(&inner.root);
                let file = empty.insert(made.map_err(|e| failed("making a temp file", &e))?);
                inner.step(Io::Write, "writing a blob")?;
                file.write_all(&std::mem::take(&mut self.head))
                    .map_err(|e| failed("writing a blob", &e))?;
                file
            }
        };
        inner.step(Io::Write, "writing a blob")?;
        file.write_all(bytes)
            .map_err(|e| failed("writing a blob", &e))
    }

    /// The bytes so far, from their beginning, while more may come.
    ///
    /// # Errors
    /// When the file cannot be opened a second time.
    pub fn reader(&mut self) -> Result<Reader, BlobError> {
        match &mut self.file {
            None => Ok(Reader::Bytes(Cursor::new(self.head.clone()))),
            Some(file) => {
                let again = file.flush().and_then(|()| file.reopen());
                Ok(Reader::File(
                    again.map_err(|e| failed("reading an upload", &e))?,
                ))
            }
        }
    }

    /// Bytes so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Makes the bytes durable (or ready to be, with their row).
    ///
    /// # Errors
    /// When the disk is full or fails; nothing is left behind then.
    pub fn finish(self) -> Result<Staged, BlobError> {
        let sha256 = hex(&self.hash.finalize());
        let Some(file) = self.file else {
            return Ok(self.blobs.staged(sha256, self.size_bytes, Some(self.head)));
        };
        let inner = &self.blobs.0;
        // Pinned before the name exists, so that collection cannot take the file in between.
        let staged = self.blobs.staged(sha256.clone(), self.size_bytes, None);
        inner.step(Io::Sync, "making a blob durable")?;
        file.as_file()
            .sync_all()
            .map_err(|e| failed("making a blob durable", &e))?;
        let path = inner.path(&sha256);
        let folder = inner.root.join(&sha256[..2]);
        self.blobs.make_folder(&folder)?;
        inner.step(Io::Rename, "naming a blob")?;
        file.persist(&path)
            .map_err(|e| failed("naming a blob", &e.error))?;
        inner.step(Io::SyncDir, "making a blob's name durable")?;
        sync_dir(&folder)?;
        Ok(staged)
    }
}

impl Blobs {
    /// Makes a folder below `blobs/` and its name durable, once per process: that it exists does not say that its maker,
    /// killed before or still at it, made it durable.
    fn make_folder(&self, folder: &Path) -> Result<(), BlobError> {
        let inner = &self.0;
        let mut durable = inner.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if !durable.contains(folder) {
            inner.step(Io::Create, "making a folder of blobs")?;
            fs::create_dir_all(folder).map_err(|e| failed("making a folder of blobs", &e))?;
            inner.step(Io::SyncDir, "making a folder durable")?;
            sync_dir(&inner.root)?;
            durable.insert(folder.to_owned());
        }
        Ok(())
    }
}
