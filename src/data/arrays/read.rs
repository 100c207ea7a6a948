//! A stored file of samples, opened: its rows one after another, its labels, its parts.

use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use super::archive::{self, Archive};
use super::element::{Element, ElementType};
use super::folders::{self, Entry};
use super::format::{ArrayFormat, ArrayPart, Container, Layout, Sample};
use super::header::Header;
use super::picture::Picture;
use super::plan::plan;
use super::source::{Array, Source, failed};
use super::{idx, npy};
use crate::data::{Compression, DataError, Limits, Values};

/// What a file that is one array is called in messages.
const THE_FILE: &str = "the file";

/// What stands in a file of samples.
pub(super) struct Stored<'r, R> {
    reader: &'r mut R,
    limits: &'r Limits,
    n_bytes: u64,
    archive: Option<Archive>,
    /// Empty unless the archive is one of pictures.
    entries: Vec<Entry>,
    pub format: ArrayFormat,
    pub sample: Sample,
    pub element: Element,
    pub n_rows: u64,
}

/// What is said of the rows.
pub(super) enum Labels {
    Numbers(ElementType, Vec<f64>),
    Names(Values),
}

/// What a visitor of rows answers.
pub(super) type Visit<'v> = dyn FnMut(u64, &[u8]) -> Result<ControlFlow<()>, DataError> + 'v;

impl<'r, R: Read + Seek> Stored<'r, R> {
    /// Finds out what the file holds, from its headers alone.
    pub(super) fn open(
        reader: &'r mut R,
        layout: Layout,
        limits: &'r Limits,
    ) -> Result<Self, DataError> {
        let unreadable = |error| failed(error, THE_FILE);
        let n_bytes = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        reader.rewind().map_err(unreadable)?;
        let mut head = Vec::new();
        let read = reader.by_ref().take(4).read_to_end(&mut head);
        read.map_err(unreadable)?;
        if head != archive::MAGIC && head != archive::EMPTY_MAGIC {
            return Self::one_array(reader, n_bytes, layout, limits);
        }
        let archive = Archive::open(reader)?;
        if archive.members.is_empty() {
            let message =
                "the ZIP archive holds no file; pack arrays (NPY, IDX) or pictures into it";
            return Err(DataError::new("empty_archive", message));
        }
        let entries = folders::entries(&archive);
        if entries.is_empty() {
            Self::arrays(reader, n_bytes, archive, layout, limits)
        } else {
            Self::pictures(reader, n_bytes, archive, entries, limits)
        }
    }

    fn one_array(
        reader: &'r mut R,
        n_bytes: u64,
        layout: Layout,
        limits: &'r Limits,
    ) -> Result<Self, DataError> {
        let array = array(reader, n_bytes, None, THE_FILE, limits)?;
        let container = if array.is_npy {
            Container::Npy
        } else {
            Container::Idx
        };
        let (header, compression) = (array.header.clone(), array.compression);
        drop(array);
        let mut planned = plan(&[(THE_FILE.to_owned(), header)], layout)?;
        planned
            .parts
            .iter_mut()
            .for_each(|part| part.samples.clear());
        let format = ArrayFormat {
            container,
            compression,
            layout,
            parts: planned.parts,
        };
        Ok(Self {
            reader,
            limits,
            n_bytes,
            archive: None,
            entries: Vec::new(),
            n_rows: format.parts.iter().map(|part| part.n_rows).sum(),
            format,
            sample: Sample {
                shape: planned.shape,
                element: planned.element.kind,
            },
            element: planned.element,
        })
    }

    fn arrays(
        reader: &'r mut R,
        n_bytes: u64,
        archive: Archive,
        layout: Layout,
        limits: &'r Limits,
    ) -> Result<Self, DataError> {
        let mut found: Vec<(String, Header)> = Vec::new();
        let mut passed_over = None;
        for member in &archive.members {
            let bytes = archive.read(reader, member, limits)?;
            let mut source = Source::new(bytes, member.n_unpacked, &member.name, limits)?;
            let head = source.head(&member.name)?;
            if head == npy::MAGIC || idx::is_idx(&head) {
                let array = Array::open(&member.name, source, limits)?;
                if found.iter().any(|(name, _)| *name == member.name) {
                    let message = format!("the archive holds two arrays called {}", member.name);
                    return Err(DataError::new("duplicate_member", message));
                }
                found.push((member.name.clone(), array.header));
            } else {
                passed_over.get_or_insert(&member.name);
            }
            if found.len() > MAX_ARRAYS {
                let message = format!("the archive holds more than {MAX_ARRAYS} arrays");
                return Err(DataError::new("too_many_arrays", message));
            }
        }
        let planned = plan(&found, layout).map_err(|error| match passed_over {
            // What is missing may be there, in a form that is not read.
            Some(name) => {
                let message = format!("{}; {name} is neither NPY nor IDX", error.message);
                DataError::new(error.code, message)
            }
            None => error,
        })?;
        Ok(Self {
            reader,
            limits,
            n_bytes,
            archive: Some(archive),
            entries: Vec::new(),
            n_rows: planned.parts.iter().map(|part| part.n_rows).sum(),
            format: ArrayFormat {
                container: Container::Archive,
                compression: Compression::None,
                layout,
                parts: planned.parts,
            },
            sample: Sample {
                shape: planned.shape,
                element: planned.element.kind,
            },
            element: planned.element,
        })
    }

    fn pictures(
        reader: &'r mut R,
        n_bytes: u64,
        archive: Archive,
        entries: Vec<Entry>,
        limits: &'r Limits,
    ) -> Result<Self, DataError> {
        let first = picture(reader, &archive, &entries[0], None, limits)?;
        let n_rows = entries.len() as u64;
        let n_numbers = first.pixels.len() as u64;
        if n_numbers
            .checked_mul(n_rows)
            .is_none_or(|n| n > limits.max_unpacked_bytes)
        {
            let message = format!(
                "{n_rows} pictures of {n_numbers} bytes are more than {} bytes",
                limits.max_unpacked_bytes
            );
            return Err(DataError::new("array_too_large", message));
        }
        let kind = ElementType::UInt8;
        Ok(Self {
            reader,
            limits,
            n_bytes,
            archive: Some(archive),
            entries,
            n_rows,
            format: ArrayFormat {
                container: Container::Pictures,
                compression: Compression::None,
                layout: Layout::ChannelsLast,
                parts: Vec::new(),
            },
            sample: Sample {
                shape: vec![first.height, first.width, first.channels],
                element: kind,
            },
            element: Element {
                kind,
                big_endian: false,
            },
        })
    }

    /// Calls `visit` with the bytes of every wanted row, in order and with channels last, until it says to stop.
    pub(super) fn samples(
        &mut self,
        wanted: &dyn Fn(u64) -> bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), DataError> {
        if self.format.container == Container::Pictures {
            return self.pixels(wanted, visit);
        }
        let (mut index, mut row) = (0, Vec::new());
        let (layout, element) = (self.format.layout, self.element.kind.n_bytes());
        let shape = self.sample.shape.clone();
        for part in self.format.parts.clone() {
            let mut array = self.array(&part.samples)?;
            while array.next(&mut row)? {
                if wanted(index) {
                    layout.arrange(&shape, element, &mut row);
                    if visit(index, &row)?.is_break() {
                        return Ok(());
                    }
                }
                index += 1;
            }
        }
        Ok(())
    }

    fn pixels(
        &mut self,
        wanted: &dyn Fn(u64) -> bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), DataError> {
        let Some(archive) = &self.archive else {
            return Ok(());
        };
        let channels = self.sample.shape.last().copied();
        for (index, entry) in (0..).zip(&self.entries) {
            if !wanted(index) {
                continue;
            }
            let found = picture(self.reader, archive, entry, channels, self.limits)?;
            let expected = &self.sample.shape;
            if [found.height, found.width, found.channels][..] != expected[..] {
                let message = format!(
                    "{} has {} x {} pixels and {} has {} x {}; all pictures of a dataset have one size",
                    entry.member.name,
                    found.width,
                    found.height,
                    self.entries[0].member.name,
                    expected[1],
                    expected[0]
                );
                return Err(DataError::new("picture_size", message));
            }
            if visit(index, &found.pixels)?.is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The label of every row, if the file has labels.
    pub(super) fn labels(&mut self) -> Result<Option<Labels>, DataError> {
        if self.format.container == Container::Pictures {
            return Ok(folders::classes(&self.entries)?.map(Labels::Names));
        }
        let mut kind = None;
        let mut numbers = Vec::new();
        for part in self.format.parts.clone() {
            let ArrayPart {
                labels: Some(name), ..
            } = part
            else {
                return Ok(None);
            };
            let mut array = self.array(&name)?;
            let element = array.header.element;
            kind = Some(element.kind);
            let mut row = Vec::new();
            while array.next(&mut row)? {
                element.read(&row, &mut numbers);
                if let Some(label) = numbers.last()
                    && !label.is_finite()
                {
                    let message = format!(
                        "label {} of {name} is {label}, which is no number",
                        numbers.len()
                    );
                    return Err(DataError::new("not_finite", message));
                }
            }
        }
        Ok(kind.map(|kind| Labels::Numbers(kind, numbers)))
    }

    /// The part of every row, if the file has several parts.
    pub(super) fn splits(&self) -> Option<Values> {
        if self.format.container == Container::Pictures {
            return folders::splits(&self.entries);
        }
        let several = self.format.parts.iter().any(|part| part.split.is_some());
        let rows = self.format.parts.iter().flat_map(|part| {
            std::iter::repeat_n(
                Some(part.split.as_deref().unwrap_or("train")),
                part.n_rows as usize,
            )
        });
        several.then(|| folders::names(rows))
    }

    fn array(&mut self, name: &str) -> Result<Array<'_>, DataError> {
        array(
            self.reader,
            self.n_bytes,
            self.archive.as_ref(),
            name,
            self.limits,
        )
    }
}

/// Arrays in an archive at most: samples and labels of three parts, and some that are too many to be told.
const MAX_ARRAYS: usize = 32;

fn array<'a, R: Read + Seek>(
    reader: &'a mut R,
    n_bytes: u64,
    archive: Option<&Archive>,
    name: &str,
    limits: &Limits,
) -> Result<Array<'a>, DataError> {
    let Some(archive) = archive else {
        reader.rewind().map_err(|error| failed(error, THE_FILE))?;
        let source = Source::new(reader, n_bytes, THE_FILE, limits)?;
        return Array::open(THE_FILE, source, limits);
    };
    let member = archive
        .members
        .iter()
        .find(|member| member.name == name)
        .ok_or_else(|| {
            DataError::new("changed_file", format!("the archive has no member {name}"))
        })?;
    let bytes = archive.read(reader, member, limits)?;
    Array::open(
        name,
        Source::new(bytes, member.n_unpacked, name, limits)?,
        limits,
    )
}

fn picture<R: Read + Seek>(
    reader: &mut R,
    archive: &Archive,
    entry: &Entry,
    channels: Option<u32>,
    limits: &Limits,
) -> Result<Picture, DataError> {
    let member = &entry.member;
    if member.n_unpacked > limits.max_picture_bytes {
        let message = format!(
            "{} has {} bytes; a picture may have at most {}",
            member.name, member.n_unpacked, limits.max_picture_bytes
        );
        return Err(DataError::new("picture_too_large", message));
    }
    let mut bytes = Vec::with_capacity(member.n_unpacked as usize);
    let read = archive
        .read(reader, member, limits)?
        .read_to_end(&mut bytes);
    read.map_err(|error| failed(error, &member.name))?;
    Picture::decode(&bytes, &member.name, channels, limits)
}
