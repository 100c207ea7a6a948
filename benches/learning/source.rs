//! Files of `../shared/data` and of the examples, and sequences made here, read as uploads are.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use descent::data::{
    Frame, Hint, Ingest, Ingested, Layout, Limits, Packer, Roles, Schema, decode, profile_arrays,
    with_own_split,
};
use descent_engine::rng::{Purpose, Stream};
use descent_engine::spec::Spec;
use serde_json::{Value, json};

/// A dataset as it lies in memory before a task splits and scales it.
pub struct Source {
    pub frame: Frame,
    pub schema: Schema,
}

fn shared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data")
}

/// The bytes of a shared file; `None` where the folder is not there.
fn bytes(name: &str) -> anyhow::Result<Option<Vec<u8>>> {
    if !shared().exists() {
        return Ok(None);
    }
    Ok(Some(std::fs::read(shared().join(name))?))
}

/// Reads arrays or pictures from the bytes of an upload.
fn arrays(bytes: &[u8], layout: Layout) -> anyhow::Result<Source> {
    let ingested = profile_arrays(Cursor::new(bytes), Some(layout), &Limits::default())?;
    let task = json!({"kind": "classification", "target": "label"});
    read(bytes, &ingested, &task)
}

/// Reads the columns that the task wants.
fn read(bytes: &[u8], ingested: &Ingested, task: &Value) -> anyhow::Result<Source> {
    let schema = ingested.schema();
    let task = Spec::from_value(json!({"dataset": "read", "task": task}))
        .map_err(|found| anyhow!("{found:?}"))?
        .task;
    let task = with_own_split(&task, &schema);
    let roles = Roles::of(&task, &schema).map_err(|found| anyhow!("{found:?}"))?;
    let wanted = roles.wanted(&task, &schema);
    let frame = decode(Cursor::new(bytes), &ingested.format, &schema, &wanted)?;
    Ok(Source { frame, schema })
}

/// A shared table, of which the task says the columns.
pub fn table(name: &str, task: &Value) -> anyhow::Result<Option<Source>> {
    let Some(content) = bytes(name)? else {
        return Ok(None);
    };
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(&content)?;
    read(&content, &ingest.finish()?, task).map(Some)
}

/// Several files as the one that an upload of them makes.
fn packed(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut packer, mut bytes) = (Packer::default(), Vec::new());
    for (name, content) in members {
        bytes.extend(packer.begin(name));
        packer.count(content);
        bytes.extend(content);
        bytes.extend(packer.end());
    }
    bytes.extend(packer.finish());
    bytes
}

/// 60,000 and 10,000 images of 28 x 28 in ten classes.
pub fn fashion_mnist() -> anyhow::Result<Option<Source>> {
    if !shared().exists() {
        return Ok(None);
    }
    fashion(&shared().join("fashion-mnist")).map(Some)
}

/// The first 600 and 200 of these images, which are among the examples.
pub fn fashion_sample() -> anyhow::Result<Option<Source>> {
    fashion(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fashion-mnist")).map(Some)
}

fn fashion(folder: &Path) -> anyhow::Result<Source> {
    let mut members = Vec::new();
    for (name, file) in [
        ("images", "train-images-idx3"),
        ("labels", "train-labels-idx1"),
        ("test_images", "t10k-images-idx3"),
        ("test_labels", "t10k-labels-idx1"),
    ] {
        members.push((
            name,
            std::fs::read(folder.join(format!("{file}-ubyte.gz")))?,
        ));
    }
    arrays(&packed(&members), Layout::ChannelsLast)
}

/// 3,000 and 1,000 colour images of 32 x 32 in ten classes.
pub fn cifar10_small() -> anyhow::Result<Option<Source>> {
    match bytes("cifar10-small/cifar10-small.zip")? {
        Some(content) => arrays(&content, Layout::ChannelsLast).map(Some),
        None => Ok(None),
    }
}

/// 1,797 digits of 8 x 8 in ten classes: the columns of a table, which become the pixels of images. The task splits them.
pub fn digits() -> anyhow::Result<Option<Source>> {
    let Some(content) = bytes("digits/digits.csv")? else {
        return Ok(None);
    };
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in std::str::from_utf8(&content)?.lines().skip(1) {
        let row = line
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<f32>, _>>()?;
        let (label, image) = row.split_last().context("a row of numbers")?;
        pixels.extend(image);
        labels.push(*label);
    }
    let members = [
        ("images", npy(&pixels, &[labels.len(), 8, 8])),
        ("labels", npy(&labels, &[labels.len()])),
    ];
    arrays(&packed(&members), Layout::ChannelsLast).map(Some)
}

/// Steps of a sequence.
const STEPS: usize = 100;

/// Sequences that train, and those that test.
const TRAIN: usize = 8_000;
const TEST: usize = 2_000;

/// Sequences of 100 numbers in [-1, 1), whose class says whether their sum is above 0.
pub fn signs() -> anyhow::Result<Option<Source>> {
    let (train, test) = (sequences(0, TRAIN), sequences(TRAIN, TEST));
    let members = [
        ("images", npy(&train.0, &[TRAIN, STEPS, 1])),
        ("labels", npy(&train.1, &[TRAIN])),
        ("test_images", npy(&test.0, &[TEST, STEPS, 1])),
        ("test_labels", npy(&test.1, &[TEST])),
    ];
    arrays(&packed(&members), Layout::Sequence).map(Some)
}

/// Numbers and classes of `n` sequences from number `first`.
fn sequences(first: usize, n: usize) -> (Vec<f32>, Vec<f32>) {
    let noise = Stream::new(7, Purpose::Probe, 0);
    let numbers: Vec<f32> = (first * STEPS..(first + n) * STEPS)
        .map(|index| 2.0 * noise.uniform_f32(index as u64) - 1.0)
        .collect();
    let sign = |steps: &[f32]| f32::from(u8::from(steps.iter().sum::<f32>() > 0.0));
    let classes = numbers.chunks_exact(STEPS).map(sign).collect();
    (numbers, classes)
}

/// An NPY file of version 1.
fn npy(numbers: &[f32], shape: &[usize]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    while !(11 + header.len()).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    bytes
}
