//! A file passes once, while it is being received; format, schema and a profile of every column come out.
//!
//! ```text
//! push -> (gunzip) -> head: sniff delimiter, header, names -> blocks of whole records -> parse on threads -> merge in order
//! ```
//! Where blocks are cut depends on the bytes alone, and blocks are merged in order, so the profile is the same bit for bit
//! however the bytes arrived and however many threads there are. Nothing is held but a few blocks and the statistics.

mod block;
mod cut;
mod distinct;
pub(super) mod grid;
mod infer;
mod merge;
pub(super) mod moments;
mod part;
mod workers;

use std::io::{Read, Write};

use cut::Cutter;

use super::record::Broken;
use super::{Compression, DataError, Hint, Ingested, Limits};

/// What gzip data begins with.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// Reads a table while its bytes arrive.
///
/// ```
/// use descent::data::{Hint, Ingest, Limits};
/// let mut ingest = Ingest::new(Limits::default(), Hint::default());
/// ingest.push(b"length,kind\n5.1,setosa\n")?;
/// ingest.push(b"6.3,virginica\n")?;
/// let ingested = ingest.finish()?;
/// assert_eq!(ingested.n_rows, 2);
/// # Ok::<(), descent::data::DataError>(())
/// ```
pub struct Ingest {
    stream: Stream,
}

/// The way from packed bytes to the cutter.
enum Stream {
    /// The first bytes, too few to know whether they are packed.
    Unknown(Vec<u8>, Box<Cutter>),
    Plain(Box<Cutter>),
    Gzip(Box<flate2::write::MultiGzDecoder<Unpacked>>),
    /// After an error nothing more is read.
    Failed(DataError),
}

impl Ingest {
    /// Ready for the first bytes.
    pub fn new(limits: Limits, hint: Hint) -> Self {
        Self {
            stream: Stream::Unknown(Vec::new(), Box::new(Cutter::new(limits, hint))),
        }
    }

    /// Takes the next bytes of the file. Blocks while the parsing threads are behind, so call it where blocking is fine.
    ///
    /// # Errors
    /// Whatever is wrong with the file as far as it has been parsed; every later call answers the same.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        let result = self.advance(bytes);
        if let Err(error) = &result {
            self.stream = Stream::Failed(error.clone());
        }
        result
    }

    /// Says that the file is complete.
    ///
    /// # Errors
    /// The first thing that is wrong with the file.
    pub fn finish(mut self) -> Result<Ingested, DataError> {
        self.advance(&[])?;
        match self.stream {
            Stream::Unknown(head, mut cutter) => {
                cutter.push(&head)?;
                cutter.finish(Compression::None)
            }
            Stream::Plain(cutter) => cutter.finish(Compression::None),
            Stream::Gzip(mut decoder) => {
                let end = decoder.try_finish();
                let unpacked = decoder.get_mut();
                end.map_err(|error| unpacked.explain(&error, true))?;
                unpacked.take_cutter()?.finish(Compression::Gzip)
            }
            Stream::Failed(error) => Err(error),
        }
    }

    fn advance(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        match &mut self.stream {
            Stream::Unknown(head, _) => {
                head.extend_from_slice(bytes);
                if head.len() < 2 {
                    return Ok(());
                }
                self.recognise()
            }
            Stream::Plain(cutter) => cutter.push(bytes),
            Stream::Gzip(decoder) => {
                decoder.get_mut().n_packed += bytes.len() as u64;
                let written = decoder.write_all(bytes);
                written.map_err(|error| decoder.get_mut().explain(&error, false))
            }
            Stream::Failed(error) => Err(error.clone()),
        }
    }

    /// Two bytes tell whether the file is packed.
    fn recognise(&mut self) -> Result<(), DataError> {
        let nothing = Stream::Failed(DataError::new("unreadable", "the upload failed before"));
        let Stream::Unknown(head, cutter) = std::mem::replace(&mut self.stream, nothing) else {
            return Ok(());
        };
        self.stream = if head.starts_with(&GZIP_MAGIC) {
            Stream::Gzip(Box::new(flate2::write::MultiGzDecoder::new(Unpacked::new(
                cutter,
            ))))
        } else {
            Stream::Plain(cutter)
        };
        self.advance(&head)
    }
}

/// Reads a stored file again with kinds that its owner set; everything else is found out anew.
///
/// # Errors
/// What [`Ingest`] answers; `unreadable` when `reader` fails.
pub fn reprofile(mut reader: impl Read, limits: Limits, hint: Hint) -> Result<Ingested, DataError> {
    let mut ingest = Ingest::new(limits, hint);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return ingest.finish(),
            Ok(n) => ingest.push(&buffer[..n])?,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(DataError::new(
                    "unreadable",
                    format!("the stored file cannot be read: {error}"),
                ));
            }
        }
    }
}

/// Why a column is of the kind that its owner set.
pub const SET_BY_OWNER: &str = "set by the owner of the dataset";

pub(in crate::data) use infer::check_varies;

/// Where unpacked bytes go, counted against the bytes they came from.
struct Unpacked {
    cutter: Option<Box<Cutter>>,
    /// The first two bytes, as far as they are there.
    head: Vec<u8>,
    n_packed: u64,
    n_unpacked: u64,
    error: Option<DataError>,
}

impl Unpacked {
    fn new(cutter: Box<Cutter>) -> Self {
        Self {
            cutter: Some(cutter),
            head: Vec::new(),
            n_packed: 0,
            n_unpacked: 0,
            error: None,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        let Some(cutter) = &mut self.cutter else {
            return Ok(());
        };
        let lacking = GZIP_MAGIC.len() - self.head.len();
        self.head.extend(bytes.iter().take(lacking));
        if self.head == GZIP_MAGIC {
            let message =
                "the file is gzip data within gzip data; unpack it once before it is uploaded";
            return Err(DataError::new("nested_gzip", message));
        }
        self.n_unpacked += bytes.len() as u64;
        let limits = cutter.limits();
        let ratio = limits.max_unpack_ratio;
        if self.n_unpacked > limits.unpack_slack_bytes && self.n_unpacked / ratio > self.n_packed {
            let message = format!(
                "the file unpacks to more than {ratio} bytes per packed byte; upload it unpacked"
            );
            return Err(DataError::new("unpack_ratio", message));
        }
        cutter.push(bytes)
    }

    fn take_cutter(&mut self) -> Result<Box<Cutter>, DataError> {
        self.cutter
            .take()
            .ok_or_else(|| DataError::new("unreadable", "the upload was finished twice"))
    }

    /// The error of the table, or else that of the packing. What shows only `at_end` is an end that is not there: a
    /// missing checksum cannot be told from a cut one.
    fn explain(&mut self, error: &std::io::Error, at_end: bool) -> DataError {
        if let Some(error) = self.error.take() {
            return error;
        }
        let n = self.n_packed;
        if at_end {
            let message = format!(
                "the gzip data ends too early, after {n} bytes, or its last bytes are damaged; upload it whole"
            );
            return DataError::new("truncated_gzip", message);
        }
        DataError::new(
            "damaged_gzip",
            format!("the gzip data is damaged within its first {n} bytes: {error}"),
        )
    }
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.take(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.error = Some(error);
                Err(std::io::Error::other("the table is wrong"))
            }
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The error of a field whose quotes are wrong; `number` is counted from 1.
pub(super) fn broken_field(
    broken: Broken,
    line: u64,
    number: usize,
    name: Option<&str>,
) -> DataError {
    let column = super::ColumnRef {
        number,
        name: name.map(str::to_owned),
    };
    let error = match broken {
        Broken::Unterminated => DataError::new(
            "unterminated_quote",
            format!("line {line}, {column}: the quote that opens this field is never closed"),
        ),
        Broken::AfterQuote(_) => DataError::new(
            "text_after_quote",
            format!(
                "line {line}, {column}: text follows the closing quote; a quote inside a quoted field is written twice"
            ),
        ),
    };
    error.at_line(line).at_column(number, name)
}

/// The error of a field that is too long; `number` is counted from 1.
pub(super) fn long_field(line: u64, number: usize, name: Option<&str>, max: usize) -> DataError {
    let column = super::ColumnRef {
        number,
        name: name.map(str::to_owned),
    };
    let message = format!(
        "line {line}, {column}: the field is longer than {max} bytes; if it should not be, a quote is missing"
    );
    DataError::new("field_too_long", message)
        .at_line(line)
        .at_column(number, name)
}
