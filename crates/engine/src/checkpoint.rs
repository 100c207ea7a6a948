//! The complete state of a training as bytes.
//!
//! ```text
//! "DSCK"  version u32  kind u8  fingerprint [32]  body ...  SHA-256 of everything before [32]
//! ```
//!
//! All numbers are little endian and floats are their bits, so that a state read is the state written. The fingerprint ties a
//! checkpoint to the training it belongs to. A checkpoint is checked as a whole before anything of it is used.

use sha2::{Digest, Sha256};

const MAGIC: &[u8; 4] = b"DSCK";
const VERSION: u32 = 1;
const DIGEST: usize = 32;

/// Why bytes are not a checkpoint that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Too short or not ours.
    #[error("these bytes are not a checkpoint")]
    NotACheckpoint,
    /// Written by another version of the engine.
    #[error("the checkpoint has format version {got} and this engine reads {VERSION}")]
    Version {
        /// The version found.
        got: u32,
    },
    /// The digest does not agree.
    #[error("the checkpoint is damaged: its digest does not agree with its bytes")]
    Damaged,
    /// It is whole, but of another training.
    #[error("the checkpoint belongs to another training: {what} differs")]
    Foreign {
        /// What differs.
        what: &'static str,
    },
}

/// What is trained, which decides what the body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Network = 0,
    Perceptron = 1,
}

/// Writes a body.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new(kind: Kind, fingerprint: &[u8; 32], capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + 128);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.push(kind as u8);
        bytes.extend_from_slice(fingerprint);
        Self { bytes }
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) {
        self.u64(values.len() as u64);
        for value in values {
            self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }

    pub(crate) fn f64s(&mut self, values: &[f64]) {
        self.u64(values.len() as u64);
        values.iter().for_each(|&value| self.f64(value));
    }

    pub(crate) fn u64s(&mut self, values: &[u64]) {
        self.u64(values.len() as u64);
        values.iter().for_each(|&value| self.u64(value));
    }

    /// Writes whether there is a value, then the value.
    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u32(u32::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    /// The checkpoint with its digest.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let digest = Sha256::digest(&self.bytes);
        self.bytes.extend_from_slice(&digest);
        self.bytes
    }
}

/// Reads a body in the order it was written.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    fingerprint: [u8; 32],
}

impl<'a> Reader<'a> {
    /// Checks magic, version, digest and kind.
    pub(crate) fn open(bytes: &'a [u8], kind: Kind) -> Result<Self, CheckpointError> {
        let body = bytes
            .strip_prefix(MAGIC)
            .ok_or(CheckpointError::NotACheckpoint)?;
        let mut reader = Self {
            rest: body,
            fingerprint: [0; 32],
        };
        let got = reader.u32().map_err(|_| CheckpointError::NotACheckpoint)?;
        if got != VERSION {
            return Err(CheckpointError::Version { got });
        }
        let (whole, digest) = bytes
            .split_last_chunk::<DIGEST>()
            .ok_or(CheckpointError::NotACheckpoint)?;
        if Sha256::digest(whole).as_slice() != digest {
            return Err(CheckpointError::Damaged);
        }
        reader.rest = reader
            .rest
            .strip_suffix(digest)
            .ok_or(CheckpointError::Damaged)?;
        if reader.take(1)? != [kind as u8] {
            return Err(CheckpointError::Foreign {
                what: "the kind of network",
            });
        }
        reader.fingerprint = *reader
            .take(32)?
            .first_chunk()
            .ok_or(CheckpointError::Damaged)?;
        Ok(reader)
    }

    /// Refuses the checkpoint of another training.
    pub(crate) fn belongs_to(&self, fingerprint: &[u8; 32]) -> Result<(), CheckpointError> {
        if self.fingerprint == *fingerprint {
            Ok(())
        } else {
            Err(CheckpointError::Foreign {
                what: "the spec or the data",
            })
        }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], CheckpointError> {
        let (head, rest) = self
            .rest
            .split_at_checked(n)
            .ok_or(CheckpointError::Damaged)?;
        self.rest = rest;
        Ok(head)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], CheckpointError> {
        self.take(N)?
            .first_chunk()
            .copied()
            .ok_or(CheckpointError::Damaged)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, CheckpointError> {
        self.chunk().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, CheckpointError> {
        self.chunk().map(u64::from_le_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, CheckpointError> {
        self.u64().map(f64::from_bits)
    }

    /// A length, refused before anything is allocated when that many elements cannot follow.
    fn length(&mut self, element_bytes: usize) -> Result<usize, CheckpointError> {
        let length = usize::try_from(self.u64()?).map_err(|_| CheckpointError::Damaged)?;
        let fits = length
            .checked_mul(element_bytes)
            .is_some_and(|bytes| bytes <= self.rest.len());
        if fits {
            Ok(length)
        } else {
            Err(CheckpointError::Damaged)
        }
    }

    pub(crate) fn f32s(&mut self) -> Result<Vec<f32>, CheckpointError> {
        let length = self.length(4)?;
        (0..length)
            .map(|_| self.u32().map(f32::from_bits))
            .collect()
    }

    pub(crate) fn f64s(&mut self) -> Result<Vec<f64>, CheckpointError> {
        let length = self.length(8)?;
        (0..length).map(|_| self.f64()).collect()
    }

    pub(crate) fn u64s(&mut self) -> Result<Vec<u64>, CheckpointError> {
        let length = self.length(8)?;
        (0..length).map(|_| self.u64()).collect()
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, CheckpointError>,
    ) -> Result<Option<T>, CheckpointError> {
        if self.u32()? == 0 {
            Ok(None)
        } else {
            read(self).map(Some)
        }
    }

    /// Like [`Reader::f32s`], refusing any other length than `expected`.
    pub(crate) fn exactly(
        &mut self,
        expected: usize,
        what: &'static str,
    ) -> Result<Vec<f32>, CheckpointError> {
        let values = self.f32s()?;
        if values.len() == expected {
            Ok(values)
        } else {
            Err(CheckpointError::Foreign { what })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Kind::Network, &[7; 32], 0);
        writer.u64(41);
        writer.f64(-0.0);
        writer.f32s(&[1.5, f32::MIN_POSITIVE]);
        writer.option(None::<f64>, Writer::f64);
        writer.finish()
    }

    #[test]
    fn what_is_written_is_read() -> Result<(), CheckpointError> {
        let bytes = written();
        let mut reader = Reader::open(&bytes, Kind::Network)?;
        reader.belongs_to(&[7; 32])?;
        assert_eq!(reader.u64()?, 41);
        assert_eq!(reader.f64()?.to_bits(), (-0.0_f64).to_bits());
        assert_eq!(reader.f32s()?, [1.5, f32::MIN_POSITIVE]);
        assert_eq!(reader.option(Reader::f64)?, None);
        assert_eq!(reader.u32(), Err(CheckpointError::Damaged));
        Ok(())
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let bytes = written();
        for position in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1;
            assert!(
                Reader::open(&damaged, Kind::Network).is_err(),
                "byte {position}"
            );
            assert!(
                Reader::open(&bytes[..position], Kind::Network).is_err(),
                "cut at {position}"
            );
        }
    }

    #[test]
    fn another_trainings_checkpoint_is_refused() {
        let bytes = written();
        let other = Reader::open(&bytes, Kind::Perceptron).err();
        assert_eq!(
            other,
            Some(CheckpointError::Foreign {
                what: "the kind of network"
            })
        );
        let reader = Reader::open(&bytes, Kind::Network);
        assert!(reader.is_ok_and(|reader| reader.belongs_to(&[8; 32]).is_err()));
    }
}
