//! Uploaded bytes become columns, and columns become datasets of the engine. Knows file formats; knows no HTTP and no
//! SQL.
//!
//! A file passes [`Ingest`] once, while it is being received: format, schema and a profile of every column come out.
//! Later [`decode()`] reads wanted columns into a [`Frame`], [`split`] divides the rows, and [`Transform`] is fitted on
//! the training rows and turns frames (and single raw rows at prediction) into features.

mod arrays;
mod cell;
mod decode;
mod encoding;
mod error;
mod format;
mod frame;
mod ingest;
mod limits;
mod number;
mod profile;
pub(crate) mod record;
mod roles;
mod schema;
mod sniff;
pub mod split;
mod timestamp;
mod transform;

pub use arrays::{
    ArrayFormat, ArrayPart, Container, ElementType, HEAD_BYTES, Layout, Packer, Picture, Sample,
    is_arrays, is_sample, profile_arrays, read_data_url, read_samples,
};
pub use cell::MISSING_WORDS;
pub use decode::{Rows, decode, pick, preview};
pub use error::{ColumnRef, DataError};
pub use format::{Compression, Format};
pub use frame::{Frame, MISSING, Numbers, Reading, Samples, Values, Wanted};
pub use ingest::{Ingest, SET_BY_OWNER, reprofile};
pub use limits::{Hint, Limits};
pub(crate) use number::is_single;
pub use profile::{
    BadCell, ChannelProfile, ColumnProfile, Distinct, Histogram, Ingested, TopValue,
};
pub use roles::{Note, Roles, check_scale, facts, with_own_split};
pub use schema::{Column, ColumnKind, Schema};
pub(crate) use sniff::best_delimiter;
pub use transform::{
    DAY, Encoding, Input, MAX_CLASSES, Prepared, RawCell, RowNote, RowNoteCode, TargetEncoding,
    Transform, YEAR, prepare,
};
