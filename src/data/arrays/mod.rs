//! Files of samples: IDX (the format of MNIST), NPY and NPZ arrays, and archives of pictures, as datasets of an array column,
//! a label column and a split column.
//!
//! ```text
//! stored file -> headers: sizes against limits and bytes -> plan: samples, labels, parts -> rows one by one
//!             -> profile (at upload) | decode (for training) | rows as data URLs (preview, golden rows)
//! ```
//! What a header declares is compared with the bytes that are there, and with the limits, before memory is taken; no more
//! than a row is held at upload.

mod archive;
mod decode;
mod element;
mod folders;
mod format;
mod header;
mod idx;
mod npy;
mod pack;
mod picture;
mod plan;
mod profile;
mod read;
mod request;
mod rows;
mod source;
mod stats;

use std::io::Read;

pub(super) use decode::decode;
pub use element::ElementType;
pub use format::{ArrayFormat, ArrayPart, Container, Layout, Sample};
pub use pack::Packer;
pub use picture::Picture;
pub use profile::profile_arrays;
pub use request::{is_sample, read_data_url, read_samples};
pub(super) use rows::{pick, preview};

/// Bytes of a file's start that tell arrays from a table, if the file has so many.
pub const HEAD_BYTES: usize = 512;

/// Whether a file that begins so holds arrays or pictures: NPY, IDX (both also gzip) or ZIP.
pub fn is_arrays(head: &[u8]) -> bool {
    let unpacked = |head: &[u8]| head.starts_with(npy::MAGIC) || idx::is_idx(head);
    if head.starts_with(&[0x1F, 0x8B]) {
        let mut first = [0; 8];
        let mut decoder = flate2::read::GzDecoder::new(head);
        // A head that cannot be unpacked is no array here; the table's reader says what is wrong with it.
        return decoder.read_exact(&mut first).is_ok() && unpacked(&first);
    }
    unpacked(head) || head.starts_with(archive::MAGIC) || head.starts_with(archive::EMPTY_MAGIC)
}
