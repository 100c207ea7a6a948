//! An upload on its way in: every piece goes, without being copied, to one thread that writes and hashes it and to one
//! that parses it. Both work over short channels, so a slow disk or a slow parser slows the sender down instead of
//! filling the memory. Dropped half way, it leaves nothing behind.
//!
//! A table is parsed as it comes. A file of arrays shows at its head; the directory of an archive stands at its end, so such
//! a file is read once more from the disk when all of it is there, before it becomes durable. Several files of a form are
//! stored as one archive of them, framed on their way.

use bytes::Bytes;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::api::error::{Error, Kind, Result, Violation};
use crate::blobs::{BlobError, Blobs, Staged};
use crate::data::{self, DataError, HEAD_BYTES, Hint, Ingest, Ingested, Layout, Limits, Packer};

/// Pieces that may wait for each thread. A piece is at most the connection's read buffer (512 KiB).
const WAITING: usize = 8;

/// A piece of the file, or its end. A channel that closes without the end belongs to an upload that broke off.
enum Piece {
    Bytes(Bytes),
    End,
    /// The end of a file of arrays, which is read before it is made durable.
    EndOfArrays,
}

/// What the parser found.
enum Parsed {
    Table(Box<Ingested>),
    Arrays,
}

/// What can be wrong with a file while it is written.
enum Unwritten {
    Disk(BlobError),
    File(DataError),
}

impl From<BlobError> for Unwritten {
    fn from(error: BlobError) -> Self {
        Self::Disk(error)
    }
}

impl From<Unwritten> for Error {
    fn from(error: Unwritten) -> Self {
        match error {
            Unwritten::Disk(error) => error.into(),
            Unwritten::File(error) => refused(&error),
        }
    }
}

/// The two threads and the way to them.
pub struct Intake {
    to_disk: Sender<Piece>,
    to_parser: Sender<Piece>,
    disk: JoinHandle<std::result::Result<(Staged, Option<Ingested>), Unwritten>>,
    parser: JoinHandle<std::result::Result<Parsed, DataError>>,
    packer: Option<Packer>,
    n_bytes: u64,
    limit_bytes: u64,
}

impl Intake {
    /// Ready for the first piece of at most `limit_bytes` altogether.
    pub fn begin(blobs: Blobs, limits: Limits, hint: Hint, limit_bytes: u64) -> Self {
        let (to_disk, pieces) = mpsc::channel(WAITING);
        let (array_limits, layout) = (limits.clone(), hint.layout);
        let disk = spawn_blocking(move || write(&blobs, pieces, &array_limits, layout));
        let (to_parser, pieces) = mpsc::channel(WAITING);
        let parser = spawn_blocking(move || parse(limits, hint, pieces));
        Intake {
            to_disk,
            to_parser,
            disk,
            parser,
            packer: None,
            n_bytes: 0,
            limit_bytes,
        }
    }

    /// Begins the next of several files that are stored as one archive.
    ///
    /// # Errors
    /// As [`Intake::push`].
    pub async fn begin_member(&mut self, name: &str) -> Result<bool> {
        let head = self.packer.get_or_insert_default().begin(name);
        self.send(head.into()).await
    }

    /// Ends it.
    ///
    /// # Errors
    /// As [`Intake::push`].
    pub async fn end_member(&mut self) -> Result<bool> {
        let tail = self.packer.get_or_insert_default().end();
        self.send(tail.into()).await
    }

    /// Takes the next piece. `false`: no more are wanted, and [`Intake::finish`] says why.
    ///
    /// # Errors
    /// 413 above the limit.
    pub async fn push(&mut self, piece: Bytes) -> Result<bool> {
        if let Some(packer) = &mut self.packer {
            packer.count(&piece);
        }
        self.send(piece).await
    }

    async fn send(&mut self, piece: Bytes) -> Result<bool> {
        self.n_bytes += piece.len() as u64;
        if self.n_bytes > self.limit_bytes {
            return Err(Error::too_large("the uploaded file", self.limit_bytes));
        }
        Ok(self.to_disk.send(Piece::Bytes(piece.clone())).await.is_ok()
            && self.to_parser.send(Piece::Bytes(piece)).await.is_ok())
    }

    /// The stored bytes and what was learned about them. Nothing is made durable before the file is known to be a table, or
    /// arrays.
    ///
    /// # Errors
    /// 422 for a file that is neither, 507 or 500 for a disk that fails.
    pub async fn finish(mut self) -> Result<(Staged, Ingested)> {
        if let Some(packer) = self.packer.take() {
            // What stops it stops the file, and is said below.
            self.send(packer.finish().into()).await?;
        }
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
        let parsed = parser
            .await
            .map_err(Error::internal)?
            .map_err(|error| refused(&error))?;
        let _ = to_disk
            .send(match &parsed {
                Parsed::Table(_) => Piece::End,
                Parsed::Arrays => Piece::EndOfArrays,
            })
            .await;
        let (staged, of_arrays) = disk.await.map_err(Error::internal)??;
        match (parsed, of_arrays) {
            (Parsed::Table(table), _) => Ok((staged, *table)),
            (Parsed::Arrays, Some(arrays)) => Ok((staged, arrays)),
            (Parsed::Arrays, None) => Err(Error::internal("an upload of arrays was not read")),
        }
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

fn write(
    blobs: &Blobs,
    mut pieces: Receiver<Piece>,
    limits: &Limits,
    layout: Option<Layout>,
) -> std::result::Result<(Staged, Option<Ingested>), Unwritten> {
    let mut writer = blobs.writer()?;
    loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => writer.write(&bytes)?,
            Some(Piece::End) => return Ok((writer.finish()?, None)),
            Some(Piece::EndOfArrays) => {
                let read = data::profile_arrays(writer.reader()?, layout, limits);
                let ingested = read.map_err(Unwritten::File)?;
                return Ok((writer.finish()?, Some(ingested)));
            }
            None => {
                return Err(Unwritten::Disk(BlobError::Io {
                    doing: "receiving an upload",
                    message: "it broke off".to_owned(),
                }));
            }
        }
    }
}

fn parse(
    limits: Limits,
    hint: Hint,
    mut pieces: Receiver<Piece>,
) -> std::result::Result<Parsed, DataError> {
    let mut head = Vec::new();
    let mut ended = loop {
        match pieces.blocking_recv() {
            Some(Piece::Bytes(bytes)) => head.extend_from_slice(&bytes),
            Some(Piece::End | Piece::EndOfArrays) => break true,
            None => return Err(broken_off()),
        }
        if head.len() >= HEAD_BYTES {
            break false;
        }
    };
    let mut table = (!data::is_arrays(&head)).then(|| Ingest::new(limits, hint));
    if let Some(table) = &mut table {
        table.push(&head)?;
    }
    drop(head);
    while !ended {
        match (pieces.blocking_recv(), &mut table) {
            (Some(Piece::Bytes(bytes)), Some(table)) => table.push(&bytes)?,
            (Some(Piece::Bytes(_)), None) => {}
            (Some(Piece::End | Piece::EndOfArrays), _) => ended = true,
            (None, _) => return Err(broken_off()),
        }
    }
    match table {
        Some(table) => Ok(Parsed::Table(Box::new(table.finish()?))),
        None => Ok(Parsed::Arrays),
    }
}

fn broken_off() -> DataError {
    DataError::new("incomplete", "the upload broke off")
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
