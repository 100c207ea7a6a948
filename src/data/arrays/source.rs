//! One array on its way in: unpacked, bounded, and row by row, so that no more than a row is held.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use super::header::{Header, shape};
use super::{idx, npy};
use crate::data::{Compression, DataError, Limits};

/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// Packed or plain bytes, with how many there are where that is known.
pub(super) struct Source<'r> {
    bytes: Box<dyn Read + 'r>,
    n_bytes: Option<u64>,
    pub compression: Compression,
}

impl<'r> Source<'r> {
    /// `packed` has `n_bytes`; whether they are a gzip file shows in the first two.
    pub(super) fn new(
        mut packed: impl Read + 'r,
        n_bytes: u64,
        name: &str,
        limits: &Limits,
    ) -> Result<Self, DataError> {
        let mut head = Vec::with_capacity(2);
        let read = packed.by_ref().take(2).read_to_end(&mut head);
        read.map_err(|error| failed(error, name))?;
        let is_gzip = head == [0x1F, 0x8B];
        let whole = Cursor::new(head).chain(packed);
        if !is_gzip {
            return Ok(Self {
                bytes: Box::new(BufReader::with_capacity(BLOCK_BYTES, whole)),
                n_bytes: Some(n_bytes),
                compression: Compression::None,
            });
        }
        let n_packed = Rc::new(Cell::new(0));
        let counted = Counted {
            inner: BufReader::with_capacity(BLOCK_BYTES, whole),
            n: n_packed.clone(),
        };
        let guarded = Guarded {
            inner: flate2::read::MultiGzDecoder::new(counted),
            n_packed,
            n_unpacked: 0,
            ratio: limits.max_unpack_ratio,
            slack_bytes: limits.unpack_slack_bytes,
        };
        Ok(Self {
            bytes: Box::new(BufReader::with_capacity(BLOCK_BYTES, guarded)),
            n_bytes: None,
            compression: Compression::Gzip,
        })
    }

    /// The first bytes after unpacking; they are read again afterwards.
    pub(super) fn head(&mut self, name: &str) -> Result<Vec<u8>, DataError> {
        let mut head = Vec::with_capacity(npy::MAGIC.len());
        let first = self
            .bytes
            .by_ref()
            .take(npy::MAGIC.len() as u64)
            .read_to_end(&mut head);
        first.map_err(|error| failed(error, name))?;
        let rest = std::mem::replace(&mut self.bytes, Box::new(io::empty()));
        self.bytes = Box::new(Cursor::new(head.clone()).chain(rest));
        Ok(head)
    }
}

/// Counts what is taken.
struct Counted<R> {
    inner: R,
    n: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.n.set(self.n.get() + n as u64);
        Ok(n)
    }
}

/// Stops a file that unpacks to too many times its size.
struct Guarded<R> {
    inner: R,
    n_packed: Rc<Cell<u64>>,
    n_unpacked: u64,
    ratio: u64,
    slack_bytes: u64,
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.n_unpacked += n as u64;
        if self.n_unpacked > self.slack_bytes && self.n_unpacked / self.ratio > self.n_packed.get()
        {
            let message = format!(
                "the file unpacks to more than {} bytes per packed byte; upload it unpacked",
                self.ratio
            );
            return Err(io::Error::other(DataError::new("unpack_ratio", message)));
        }
        Ok(n)
    }
}

/// An error while reading: one of ours in a wrapping, damaged packing, or the disk.
pub(super) fn failed(error: io::Error, name: &str) -> DataError {
    match error.downcast::<DataError>() {
        Ok(ours) => ours,
        Err(error) => match error.kind() {
            io::ErrorKind::UnexpectedEof => DataError::new(
                "truncated_gzip",
                format!("the packed bytes of {name} end too early; upload the file whole"),
            ),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DataError::new(
                "damaged_gzip",
                format!("the packed bytes of {name} are damaged: {error}"),
            ),
            _ => DataError::new("unreadable", format!("{name} cannot be read: {error}")),
        },
    }
}

/// An array whose header has been read and believed: its rows come one by one.
pub(super) struct Array<'r> {
    pub name: String,
    pub header: Header,
    pub compression: Compression,
    pub is_npy: bool,
    bytes: Box<dyn Read + 'r>,
    row_bytes: usize,
    next_row: u64,
}

impl<'r> Array<'r> {
    /// Reads the header and compares what it declares with the limits and, where it is known, with the size of the file.
    pub(super) fn open(
        name: &str,
        mut source: Source<'r>,
        limits: &Limits,
    ) -> Result<Self, DataError> {
        let is_npy = source.head(name)? == npy::MAGIC;
        let Source {
            mut bytes,
            n_bytes,
            compression,
        } = source;
        let header = if is_npy {
            npy::header(&mut bytes, name)?
        } else {
            idx::header(&mut bytes, name)?
        };
        let (row_bytes, all_bytes) = header.sizes(name, limits)?;
        if let Some(n_bytes) = n_bytes
            && n_bytes != header.n_bytes + all_bytes
        {
            return Err(wrong_size(name, &header, all_bytes, n_bytes));
        }
        Ok(Self {
            name: name.to_owned(),
            header,
            compression,
            is_npy,
            bytes,
            row_bytes,
            next_row: 0,
        })
    }

    /// The bytes of the next row, or `false` after the last, when nothing may follow.
    pub(super) fn next(&mut self, row: &mut Vec<u8>) -> Result<bool, DataError> {
        row.clear();
        if self.next_row == self.header.n_rows() {
            let more = self.bytes.by_ref().take(1).read_to_end(row);
            more.map_err(|error| failed(error, &self.name))?;
            if row.is_empty() {
                return Ok(false);
            }
            let message = format!(
                "bytes follow the {} rows that the header of {} declares",
                self.header.n_rows(),
                self.name
            );
            return Err(DataError::new("trailing_bytes", message));
        }
        let read = self.bytes.by_ref().take(self.row_bytes as u64);
        let n = { read }
            .read_to_end(row)
            .map_err(|error| failed(error, &self.name))?;
        if n < self.row_bytes {
            let message = format!(
                "{} ends in row {} of the {} that its header declares ({})",
                self.name,
                self.next_row + 1,
                self.header.n_rows(),
                shape(&self.header.dims)
            );
            let offset = self.header.n_bytes + self.next_row * self.row_bytes as u64 + n as u64;
            return Err(DataError::new("truncated_array", message).at_byte(offset));
        }
        self.next_row += 1;
        Ok(true)
    }
}

fn wrong_size(name: &str, header: &Header, all_bytes: u64, n_bytes: u64) -> DataError {
    let follow = n_bytes.saturating_sub(header.n_bytes);
    let message = format!(
        "{name} declares {} of {}, which is {all_bytes} bytes, and {follow} bytes follow its header",
        shape(&header.dims),
        header.element.kind
    );
    let code = if follow < all_bytes {
        "truncated_array"
    } else {
        "trailing_bytes"
    };
    DataError::new(code, message).at_byte(n_bytes.min(header.n_bytes + all_bytes))
}
