//! The part of ZIP that is needed to read an archive's members one by one: stored and deflated, never unpacked to disk.
//! Source: PKWARE, "APPNOTE.TXT - .ZIP File Format Specification", sections 4.3 and 4.4.
//!
//! The directory at the end is bounded before it is read, the packed sizes may not add up to more than the archive (so
//! members cannot overlap), and a member may not unpack beyond the ratio. Names are shown and compared, never used as paths.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::source::failed;
use crate::data::{DataError, Limits};

/// What every archive with a member begins with.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// What an archive without a member begins with: its end record.
pub(super) const EMPTY_MAGIC: &[u8] = b"PK\x05\x06";
/// Bytes of the directory at most; 65,535 members with names of 200 bytes.
const MAX_DIRECTORY_BYTES: u64 = 16 << 20;
/// The end record and the longest comment behind it.
const MAX_END_BYTES: u64 = 22 + 65_535;
/// Bytes of a name that are shown and compared.
const MAX_NAME_BYTES: usize = 512;

/// A file in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub name: String,
    pub n_packed: u64,
    pub n_unpacked: u64,
    deflated: bool,
    crc: u32,
    /// Where its local header begins.
    offset: u64,
}

/// The directory of an archive: its regular files, in the order in which they are listed.
#[derive(Debug)]
pub(super) struct Archive {
    pub members: Vec<Member>,
    /// Where the directory begins; members lie before it.
    end: u64,
}

impl Archive {
    /// Reads the directory.
    pub(super) fn open<R: Read + Seek>(reader: &mut R) -> Result<Self, DataError> {
        let unreadable = |error| failed(error, "the archive");
        let length = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        let tail_at = length.saturating_sub(MAX_END_BYTES);
        reader.seek(SeekFrom::Start(tail_at)).map_err(unreadable)?;
        let mut tail = Vec::new();
        let read = reader.by_ref().take(MAX_END_BYTES).read_to_end(&mut tail);
        read.map_err(unreadable)?;
        let end = end_record(&tail).ok_or_else(|| {
            let message = "the archive has no directory at its end; upload it whole";
            DataError::new("truncated_archive", message)
        })?;
        let (n_members, size, offset) = (
            u16_at(&tail, end + 10),
            u64::from(u32_at(&tail, end + 12)),
            u64::from(u32_at(&tail, end + 16)),
        );
        if n_members == u16::MAX || size > MAX_DIRECTORY_BYTES {
            let message = format!(
                "an archive may have at most 65,534 members and a directory of {MAX_DIRECTORY_BYTES} bytes; upload arrays (NPZ) instead of single files"
            );
            return Err(DataError::new("too_many_members", message));
        }
        if offset.saturating_add(size) > tail_at + end as u64 {
            return Err(damaged("its directory lies outside of it"));
        }
        reader.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
        let mut directory = Vec::new();
        let read = reader.by_ref().take(size).read_to_end(&mut directory);
        read.map_err(unreadable)?;
        let mut members = Vec::with_capacity(usize::from(n_members).min(directory.len() / 46));
        let mut at = 0;
        for _ in 0..n_members {
            let (member, next) = entry(&directory, at)?;
            members.extend(member);
            at = next;
        }
        let n_packed = members.iter().try_fold(0_u64, |sum, member: &Member| {
            sum.checked_add(member.n_packed)
        });
        if n_packed.is_none_or(|n| n > offset) {
            return Err(damaged("its members overlap"));
        }
        Ok(Self {
            members,
            end: offset,
        })
    }

    /// The bytes of a member: as many as declared, with the checksum that is declared.
    pub(super) fn read<'r, R: Read + Seek>(
        &self,
        reader: &'r mut R,
        member: &Member,
        limits: &Limits,
    ) -> Result<impl Read + use<'r, R>, DataError> {
        let unreadable = |error| failed(error, &member.name);
        if member.n_unpacked > limits.unpack_slack_bytes
            && member.n_unpacked / limits.max_unpack_ratio > member.n_packed
        {
            let message = format!(
                "{} unpacks to more than {} bytes per packed byte; store it unpacked",
                member.name, limits.max_unpack_ratio
            );
            return Err(DataError::new("unpack_ratio", message));
        }
        reader
            .seek(SeekFrom::Start(member.offset))
            .map_err(unreadable)?;
        let mut local = [0; 30];
        reader.read_exact(&mut local).map_err(unreadable)?;
        let start =
            member.offset + 30 + u64::from(u16_at(&local, 26)) + u64::from(u16_at(&local, 28));
        if &local[..4] != MAGIC || start.saturating_add(member.n_packed) > self.end {
            return Err(damaged(&format!(
                "{} does not lie where it is said to",
                member.name
            )));
        }
        reader.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        let packed = BufReader::with_capacity(64 << 10, reader.take(member.n_packed));
        let bytes: Box<dyn Read + 'r> = if member.deflated {
            Box::new(flate2::bufread::DeflateDecoder::new(packed))
        } else {
            Box::new(packed)
        };
        Ok(Checked {
            bytes,
            name: member.name.clone(),
            n_left: member.n_unpacked,
            crc: flate2::Crc::new(),
            expected: member.crc,
        })
    }
}

/// Ends after as many bytes as declared, if their checksum is right.
struct Checked<'r> {
    bytes: Box<dyn Read + 'r>,
    name: String,
    n_left: u64,
    crc: flate2::Crc,
    expected: u32,
}

impl Read for Checked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.n_left == 0 || out.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.n_left).map_or(out.len(), |left| left.min(out.len()));
        let n = self.bytes.read(&mut out[..most])?;
        let wrong = |what: &str| io::Error::other(damaged(&format!("{} {what}", self.name)));
        if n == 0 {
            return Err(wrong("ends before it has as many bytes as declared"));
        }
        self.crc.update(&out[..n]);
        self.n_left -= n as u64;
        if self.n_left == 0 && self.crc.sum() != self.expected {
            return Err(wrong("has another checksum than declared"));
        }
        Ok(n)
    }
}

/// Where the end record begins: the last place that looks like one and whose comment ends with the file.
fn end_record(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(22)?;
    (0..=last).rev().find(|&at| {
        tail[at..].starts_with(EMPTY_MAGIC)
            && at + 22 + usize::from(u16_at(tail, at + 20)) == tail.len()
    })
}

/// One entry of the directory, and where the next begins. What is no regular file is passed over.
fn entry(directory: &[u8], at: usize) -> Result<(Option<Member>, usize), DataError> {
    let cut = || damaged("its directory ends too early");
    let fixed = directory.get(at..at + 46).ok_or_else(cut)?;
    if !fixed.starts_with(b"PK\x01\x02") {
        return Err(damaged("its directory has an unknown entry"));
    }
    let (flags, method) = (u16_at(fixed, 8), u16_at(fixed, 10));
    let (n_name, n_extra, n_comment) = (
        usize::from(u16_at(fixed, 28)),
        usize::from(u16_at(fixed, 30)),
        usize::from(u16_at(fixed, 32)),
    );
    let names = at + 46;
    let extras = names + n_name;
    let next = extras + n_extra + n_comment;
    let raw = directory.get(names..extras).ok_or_else(cut)?;
    let extra = directory.get(extras..extras + n_extra).ok_or_else(cut)?;
    let name = String::from_utf8_lossy(&raw[..raw.len().min(MAX_NAME_BYTES)]).into_owned();
    // The upper half of the attributes is the Unix mode, where the archive was made on one; 0o120000 is a link.
    let is_link = fixed[5] == 3 && u16_at(fixed, 40) & 0o170_000 == 0o120_000;
    if name.ends_with('/') || is_link {
        return Ok((None, next));
    }
    if flags & 1 != 0 {
        let message = format!("{name} is encrypted; make the archive without a password");
        return Err(DataError::new("encrypted_archive", message));
    }
    if method != 0 && method != 8 {
        let message = format!("{name} is packed by method {method}; store it or use deflate");
        return Err(DataError::new("unsupported_compression", message));
    }
    let mut large = Large(zip64(extra));
    let n_unpacked = large.or(u32_at(fixed, 24));
    let n_packed = large.or(u32_at(fixed, 20));
    let offset = large.or(u32_at(fixed, 42));
    if method == 0 && n_packed != n_unpacked {
        return Err(damaged(&format!(
            "{name} is stored in another size than its own"
        )));
    }
    let member = Member {
        name,
        n_packed,
        n_unpacked,
        deflated: method == 8,
        crc: u32_at(fixed, 16),
        offset,
    };
    Ok((Some(member), next))
}

/// The extra field with sizes of 64 bits: those stand there whose place says `FFFFFFFF`, in the order of the fields.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let n = usize::from(u16_at(extra, 2));
        let Some(body) = extra.get(4..4 + n) else {
            return &[];
        };
        if u16_at(extra, 0) == 1 {
            return body;
        }
        extra = &extra[4 + n..];
    }
    &[]
}

struct Large<'x>(&'x [u8]);

impl Large<'_> {
    fn or(&mut self, small: u32) -> u64 {
        if small == u32::MAX
            && let Some((wide, rest)) = self.0.split_first_chunk::<8>()
        {
            self.0 = rest;
            return u64::from_le_bytes(*wide);
        }
        u64::from(small)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn damaged(how: &str) -> DataError {
    DataError::new("damaged_archive", format!("the archive is damaged: {how}"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::data::arrays::pack::Packer;

    fn two_members() -> Vec<u8> {
        let mut packer = Packer::default();
        let mut bytes = Vec::new();
        for (name, content) in [("a.txt", &b"first"[..]), ("b/c.txt", b"")] {
            bytes.extend(packer.begin(name));
            packer.count(content);
            bytes.extend(content);
            bytes.extend(packer.end());
        }
        bytes.extend(packer.finish());
        bytes
    }

    fn content(bytes: &[u8], idx: usize) -> Result<Vec<u8>, DataError> {
        let mut reader = Cursor::new(bytes);
        let archive = Archive::open(&mut reader)?;
        let member = &archive.members[idx];
        let mut out = Vec::new();
        let read = archive
            .read(&mut reader, member, &Limits::default())?
            .read_to_end(&mut out);
        read.map_err(|error| failed(error, &member.name))?;
        Ok(out)
    }

    #[test]
    fn what_was_packed_is_read() {
        let bytes = two_members();
        let archive = Archive::open(&mut Cursor::new(&bytes)).unwrap();
        let names: Vec<_> = archive.members.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["a.txt", "b/c.txt"]);
        assert_eq!(content(&bytes, 0).unwrap(), b"first");
        assert_eq!(content(&bytes, 1).unwrap(), b"");
    }

    #[test]
    fn damage_is_found() {
        let bytes = two_members();
        let mut other = bytes.clone();
        let at = other.windows(5).position(|w| w == b"first").unwrap();
        other[at] = b'F';
        assert_eq!(content(&other, 0).unwrap_err().code, "damaged_archive");
        for n in 0..bytes.len() {
            assert!(content(&bytes[..n], 0).is_err(), "cut at {n}");
        }
    }
}
