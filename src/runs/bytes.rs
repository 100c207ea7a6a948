//! Big bytes on their way between a worker and the record.

use bytes::Bytes;

use super::message::Job;
use super::{Runs, RunsError};
use crate::blobs::{Content, Staged};
use crate::store::{Json, datasets};

/// An original file and how to read it.
pub struct Source {
    /// JSON of the dialect found at upload.
    pub format: Json,
    /// The bytes, their hash checked.
    pub content: Content,
}

impl Runs {
    /// Makes a checkpoint's or model's bytes ready to be recorded with the next report.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub async fn stage(&self, bytes: impl Into<Bytes>) -> Result<Staged, RunsError> {
        Ok(self.0.blobs.put(bytes).await?)
    }

    /// The bytes of a checkpoint, checked.
    ///
    /// # Errors
    /// When they are absent or damaged.
    pub async fn bytes(&self, sha256: &str) -> Result<Vec<u8>, RunsError> {
        Ok(self.0.blobs.read(sha256).await?)
    }

    /// The file a job trains on.
    ///
    /// # Errors
    /// When it is absent or damaged.
    pub async fn source(&self, job: &Job) -> Result<Source, RunsError> {
        let found = datasets::find(&self.0.store, &job.owner, job.dataset).await?;
        let row = found.ok_or_else(|| RunsError::NoDataset(job.dataset.to_string()))?;
        Ok(Source {
            format: row.format,
            content: self.0.blobs.open_blob(&job.dataset_sha256).await?,
        })
    }
}
