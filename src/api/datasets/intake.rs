//! An upload on its way in: every piece goes, without being copied, to one thread that writes and hashes it and to one
//! that parses it. Both work over short channels, so a slow disk or a slow parser slows the sender down instead of
//! filling the memory. Dropped half way, it leaves nothing behind.

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::api::error::{Error, Kind, Result, Violation};
use crate::blobs::{BlobError, Blobs, Staged};
use crate::data::{DataError, Hint, Ingest, Ingested, Limits};

/// Pieces that may wait for each thread. A piece is at most the connection's read buffer (512 KiB).
const WAITING: usize = 8;

/// A piece of the file, or its end. A channel that closes without the end belongs to an upload that broke off.
enum Piece {
    Bytes(Bytes),
    End,
}

/// The two threads and the way to them.
pub struct Intake {
    to_disk: Sender<Piece>,
    to_parser: Sender<Piece>,
    disk: JoinHandle<std::result::Result<Staged, BlobError>>,
    parser: JoinHandle<std::result::Result<Ingested, DataError>>,
    n_bytes: u64,
    limit_bytes: u64,
}

impl Intake {
    /// Ready for the first piece of at most `limit_bytes` altogether.
    pub fn begin(blobs: Blobs, limits: Limits, hint: Hint, limit_bytes: u64) -> Self {
        let (to_disk, pieces) = mpsc::channel(WAITING);
        let disk = spawn_blocking(move || write(&blobs, pieces));
        let (to_parser, pieces) = mpsc::channel(WAITING);
        let parser = spawn_blocking(move || parse(limits, hint, pieces));
        Intake {
            to_disk,
            to_parser,
            disk,
            parser,
            n_bytes: 0,
            limit_bytes,
        }
    }

    /// Takes the next piece. `false`: no more are wanted, and [`Intake::finish`] says why.
    ///
    /// # Errors
    /// 413 above the limit.
    pub async fn push(&mut self, piece: Bytes) -> Result<bool> {
        self.n_bytes += piece.len() as u64;
        if self.n_bytes > self.limit_bytes {
            return Err(Error::too_large("the uploaded file", self.limit_bytes));
        }
        Ok(self.to_disk.send(Piece::Bytes(piece.clone())).await.is_ok()
            && self.to_parser.send(Piece::Bytes(piece)).await.is_ok())
    }

    /// The stored bytes and what was learned about them. Nothing is made durable before the file is known to be a table.
    ///
    /// # Errors
    /// 422 for a file that is no table, 507 or 500 for a disk that fails.
    pub async fn finish(self) -> Result<(Staged, Ingested)> {
        let Intake {
            to_disk,
            to_parser,
            disk,
            parser,
            ..
        } = self;
        if disk.is_finished() {
            // It ends before its time only when the disk failed.
            disk.await.map_err(Error::internal)??;
            return Err(Error::internal(
                "the thread that writes an upload ended before it",
            ));
        }
        // A thread that has ended has its result ready; there is nobody to send the end to.
        let _ = to_parser.send(Piece::End).await;
        let ingested = parser
            .await
            .map_err(Error::internal)?
            .map_err(|error| refused(&error))?;
        let _ = to_disk.send(Piece::End).await;
        let staged = disk.await.map_err(Error::internal)??;
        Ok((staged, ingested))
    }

    /// Lets go of a broken upload, and answers when nothing of it is left.
    pub async fn abandon(self) {
        let Intake {
            to_disk,
            to_parser,
            disk,
            parser,
            ..
        } = self;
        drop((to_disk, to_parser));
        // Both end with the error of an upload without an end, which nobody needs to hear.
        let _ = tokio::join!(disk, parser);
    }
}

fn write(blobs: &Blobs, mut pieces: Receiver<Piece>) -> std::result::Result<Staged, BlobError> {
    let mut writer = blobs.writer()?;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => writer.write(&bytes)?,
            Some(Piece::End) => return writer.finish(),
            None => {
                return Err(BlobError::Io {
                    doing: "receiving an upload",
                    message: "it broke off".to_owned(),
                });
            }
        }
    }
}

fn parse(
    limits: Limits,
    hint: Hint,
    mut pieces: Receiver<Piece>,
) -> std::result::Result<Ingested, DataError> {
    let mut ingest = Ingest::new(limits, hint);
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => ingest.push(&bytes)?,
            Some(Piece::End) => return ingest.finish(),
            None => return Err(DataError::new("incomplete", "the upload broke off")),
        }
    }
}

/// A file that is no table we can read: the place is part of the answer.
pub fn refused(error: &DataError) -> Error {
    let violation = Violation {
        code: error.code.into(),
        message: error.message.clone(),
        line: error.line,
        column: error.column.as_ref().map(|column| {
            column
                .name
                .clone()
                .unwrap_or_else(|| column.number.to_string())
        }),
        byte_offset: error.byte_offset,
        ..Violation::default()
    };
    Error::new(Kind::Unprocessable, error.code, error.message.clone()).with(vec![violation])
}
