//! Files of samples: what is read from sound ones, what is said of broken ones, and that a sample becomes the same bits on
//! every road.

use std::io::{Cursor, Write};

use descent::data::{
    Container, DataError, Format, Ingested, Layout, Limits, Numbers, Packer, RawCell, Reading,
    Roles, Values, Wanted, decode, facts, is_arrays, pick, prepare, preview, profile_arrays,
    with_own_split,
};
use descent_engine::dataset::TargetScale;
use descent_engine::spec::{Split, Task};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use crate::shared;

/// An IDX file of bytes.
fn idx(dims: &[u32], numbers: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    dims.iter().for_each(|dim| bytes.extend(dim.to_be_bytes()));
    bytes.extend(numbers);
    bytes
}

/// An NPY file of version 1, as NumPy writes it.
fn npy(descr: &str, fortran_order: &str, shape: &str, numbers: &[u8]) -> Vec<u8> {
    let mut text =
        format!("{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}");
    while !(11 + text.len()).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(numbers);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut packer = Packer::default();
    let mut bytes = Vec::new();
    for (name, content) in members {
        bytes.extend(packer.begin(name));
        packer.count(content);
        bytes.extend(*content);
        bytes.extend(packer.end());
    }
    bytes.extend(packer.finish());
    bytes
}

fn profile(bytes: &[u8]) -> Result<Ingested, DataError> {
    profile_arrays(Cursor::new(bytes), None, &Limits::default())
}

fn code(bytes: &[u8]) -> &'static str {
    profile(bytes).unwrap_err().code
}

/// Six images of 2 x 3 in two classes, two of them for the test.
fn small() -> Vec<u8> {
    let pixels: Vec<u8> = (0..24).collect();
    archive(&[
        ("images", &gzip(&idx(&[4, 2, 3], &pixels))),
        ("labels", &idx(&[4], &[7, 9, 7, 9])),
        ("test_images", &idx(&[2, 2, 3], &pixels[12..])),
        ("test_labels", &gzip(&idx(&[2], &[9, 7]))),
    ])
}

fn all(format: &Format) -> Vec<Wanted> {
    let n_columns = if format.arrays.as_ref().is_some_and(|a| a.parts.len() > 1) {
        3
    } else {
        2
    };
    let reading = |column| {
        if column == 0 {
            Reading::Array
        } else {
            Reading::Name
        }
    };
    (0..n_columns)
        .map(|column| Wanted {
            column,
            reading: reading(column),
        })
        .collect()
}

#[test]
fn an_idx_pair_with_a_test_pair_is_described_and_read() {
    let bytes = small();
    assert!(is_arrays(&bytes[..64]));
    let found = profile(&bytes).unwrap();
    assert_eq!(found.n_rows, 6);
    let names: Vec<_> = found.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["image", "label", "split"]);
    let image = &found.columns[0];
    assert_eq!(image.sample.as_ref().unwrap().shape, [2, 3, 1]);
    assert_eq!((image.min, image.max), (Some(0.0), Some(23.0)));
    let pixels: Vec<f64> = (0..24).chain(12..24).map(f64::from).collect();
    let mean = pixels.iter().sum::<f64>() / 36.0;
    assert!((image.mean.unwrap() - mean).abs() < 1e-12);
    assert_eq!(
        image.histogram.as_ref().unwrap().counts.iter().sum::<u64>(),
        36
    );
    let label = &found.columns[1];
    assert_eq!((label.distinct.n, label.distinct.exact), (2, true));
    assert_eq!(
        (&*label.top_values[0].value, label.top_values[0].count),
        ("7", 3)
    );
    let frame = decode(
        Cursor::new(&bytes),
        &found.format,
        &found.schema(),
        &all(&found.format),
    )
    .unwrap();
    let Some(Values::Samples(samples)) = frame.column(0) else {
        panic!("column 0 holds the samples");
    };
    let expected: Vec<u8> = (0..24).chain(12..24).collect();
    assert_eq!(samples.numbers, Numbers::Bytes(expected));
    let Some(Values::Names { codes, names }) = frame.column(1) else {
        panic!("labels of a classification are names");
    };
    assert_eq!(
        (&codes[..], &names[..]),
        (
            &[0, 1, 0, 1, 1, 0][..],
            &["7".to_owned(), "9".to_owned()][..]
        )
    );
}

#[test]
fn rows_shown_can_be_predicted_with_the_same_bits() {
    let bytes = small();
    let ingested = profile(&bytes).unwrap();
    let schema = ingested.schema();
    let task: Task =
        serde_json::from_value(json!({"kind": "classification", "target": "label"})).unwrap();
    let task = with_own_split(&task, &schema);
    assert!(matches!(&task.split, Some(Split::ByColumn { column, .. }) if column == "split"));
    let known = facts(&task, 7, &ingested).unwrap();
    assert_eq!((known.n_rows, known.n_train, known.n_features()), (6, 4, 6));
    let roles = Roles::of(&task, &schema).unwrap();
    let frame = decode(
        Cursor::new(&bytes),
        &ingested.format,
        &schema,
        &roles.wanted(&task, &schema),
    )
    .unwrap();
    let prepared = prepare(&frame, &schema, &task, TargetScale::Standard, 7).unwrap();
    prepared.dataset.check(&prepared.parts).unwrap();
    assert_eq!(
        (prepared.parts.train.len(), &prepared.parts.test[..]),
        (4, &[4, 5][..])
    );
    let rows = preview(Cursor::new(&bytes), &ingested.format, &schema, 0, 10).unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(
        rows[4][1..],
        [Some("9".to_owned()), Some("test".to_owned())]
    );
    let again = pick(Cursor::new(&bytes), &ingested.format, &schema, &[1, 4]).unwrap();
    assert_eq!(again, [rows[1].clone(), rows[4].clone()]);
    for (index, row) in rows.iter().enumerate() {
        let mut features = vec![0.0; 6];
        let cell = RawCell::Text(row[0].as_deref().unwrap());
        assert_eq!(prepared.transform.encode_cell(0, cell, &mut features), None);
        assert_eq!(features, prepared.dataset.features.row(index).to_vec());
    }
}

#[test]
fn numbers_of_every_type_and_order_are_read() {
    let floats = [0.5f32, -1.0, 2.0, 4.0];
    let le: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
    let be: Vec<u8> = floats
        .iter()
        .flat_map(|x| f64::from(*x).to_be_bytes())
        .collect();
    for bytes in [
        npy("<f4", "False", "(2, 2)", &le),
        npy(">f8", "False", "(2, 2)", &be),
        gzip(&npy("<f4", "False", "(2, 2)", &le)),
    ] {
        assert!(is_arrays(&bytes[..bytes.len().min(512)]));
        let found = profile(&bytes).unwrap();
        assert_eq!(found.columns.len(), 1, "there are no labels");
        assert_eq!(found.columns[0].name, "vector");
        assert_eq!(
            (found.columns[0].min, found.columns[0].max),
            (Some(-1.0), Some(4.0))
        );
        let wanted = [Wanted {
            column: 0,
            reading: Reading::Array,
        }];
        let frame = decode(Cursor::new(&bytes), &found.format, &found.schema(), &wanted).unwrap();
        let Some(Values::Samples(samples)) = frame.column(0) else {
            panic!("column 0 holds the samples");
        };
        assert_eq!(samples.numbers, Numbers::Floats(floats.to_vec()));
    }
}

#[test]
fn channels_first_becomes_channels_last() {
    let bytes = npy(
        "|u1",
        "False",
        "(1, 3, 2, 2)",
        &[1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24],
    );
    let found = profile_arrays(
        Cursor::new(&bytes),
        Some(Layout::ChannelsFirst),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(found.columns[0].sample.as_ref().unwrap().shape, [2, 2, 3]);
    assert_eq!(found.columns[0].channels.as_ref().unwrap()[1].min, 11.0);
    let frame = decode(
        Cursor::new(&bytes),
        &found.format,
        &found.schema(),
        &all(&found.format)[..1],
    )
    .unwrap();
    let Some(Values::Samples(samples)) = frame.column(0) else {
        panic!("column 0 holds the samples");
    };
    let expected = vec![1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24];
    assert_eq!(samples.numbers, Numbers::Bytes(expected));
}

#[test]
fn what_is_wrong_is_named() {
    let pair = |images: &[u8], labels: &[u8]| archive(&[("images", images), ("labels", labels)]);
    let labels = idx(&[2], &[0, 1]);
    let images = idx(&[2, 1, 2], &[1, 2, 3, 4]);
    assert!(profile(&pair(&images, &labels)).is_ok());
    assert!(is_arrays(&archive(&[])), "it is no table");
    for (bytes, expected) in [
        (
            pair(&images[..images.len() - 1], &labels),
            "truncated_array",
        ),
        (
            pair(&gzip(&images[..images.len() - 1]), &labels),
            "truncated_array",
        ),
        (
            pair(&[&images[..], &[9]].concat(), &labels),
            "trailing_bytes",
        ),
        (
            pair(&gzip(&[&images[..], &[9]].concat()), &labels),
            "trailing_bytes",
        ),
        (pair(&images, &idx(&[3], &[0, 1, 0])), "label_count"),
        (
            pair(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[]), &labels),
            "array_too_large",
        ),
        (
            pair(&idx(&[u32::MAX, 1, 1], &[]), &labels),
            "array_too_large",
        ),
        (pair(&idx(&[0, 28, 28], &[]), &labels), "empty_array"),
        (npy("<f4", "True", "(2, 2)", &[0; 16]), "fortran_order"),
        (npy("|O", "False", "(2, 2)", &[0; 16]), "unsupported_type"),
        (
            npy("<f4", "False", "(2, 2)", &f32::NAN.to_le_bytes().repeat(4)),
            "not_finite",
        ),
        (npy("<f4", "False", "(2, 2)", &[0; 15]), "truncated_array"),
        (archive(&[("README.md", b"nothing")]), "empty_archive"),
        (archive(&[]), "empty_archive"),
        (
            archive(&[("x.npy", &images), ("x.npy", &labels)]),
            "duplicate_member",
        ),
    ] {
        match profile(&bytes) {
            Ok(_) => panic!("{expected} was not found"),
            Err(error) => assert_eq!(error.code, expected, "{error}"),
        }
    }
    let whole = small();
    for n in 4..whole.len() {
        assert!(profile(&whole[..n]).is_err(), "cut at {n}");
    }
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    let limits = Limits {
        unpack_slack_bytes: 1 << 20,
        ..Limits::default()
    };
    let zeros = vec![0; 8 << 20];
    let bomb = gzip(&idx(&[8 << 10, 32, 32], &zeros));
    assert!(bomb.len() < 64 << 10);
    let error = profile_arrays(Cursor::new(&bomb), None, &limits).unwrap_err();
    assert_eq!(error.code, "unpack_ratio");
}

#[test]
fn fashion_mnist_is_what_its_source_says() {
    let files = [
        "train-images-idx3",
        "train-labels-idx1",
        "t10k-images-idx3",
        "t10k-labels-idx1",
    ];
    let mut members = Vec::new();
    for file in files {
        let Some(bytes) = shared(&format!("fashion-mnist/{file}-ubyte.gz")) else {
            return;
        };
        members.push((format!("{file}-ubyte.gz"), bytes));
    }
    let members: Vec<(&str, &[u8])> = members.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    let found = profile(&archive(&members)).unwrap();
    assert_eq!(found.n_rows, 70_000);
    assert_eq!(
        found.format.arrays.as_ref().unwrap().container,
        Container::Archive
    );
    assert_eq!(found.columns[0].sample.as_ref().unwrap().shape, [28, 28, 1]);
    // The mean and deviation that everybody uses for it, 0.2860 and 0.3530 of the training images, over all images.
    assert!((found.columns[0].mean.unwrap() / 255.0 - 0.2861).abs() < 5e-4);
    assert!((found.columns[0].std.unwrap() / 255.0 - 0.3530).abs() < 5e-4);
    assert!(
        found.columns[1]
            .top_values
            .iter()
            .all(|top| top.count == 7_000)
    );
    assert_eq!(found.columns[2].top_values[1].count, 10_000);
}

#[test]
fn cifar10_small_is_read_from_its_folders() {
    let Some(bytes) = shared("cifar10-small/cifar10-small.zip") else {
        return;
    };
    let found = profile(&bytes).unwrap();
    assert_eq!(found.n_rows, 4_000);
    assert_eq!(
        found.format.arrays.as_ref().unwrap().container,
        Container::Pictures
    );
    assert_eq!(found.columns[0].sample.as_ref().unwrap().shape, [32, 32, 3]);
    assert_eq!(found.columns[1].distinct.n, 10);
    assert!(
        found.columns[1]
            .top_values
            .iter()
            .all(|top| top.count == 400)
    );
    let splits: Vec<_> = found.columns[2]
        .top_values
        .iter()
        .map(|t| (&*t.value, t.count))
        .collect();
    assert_eq!(splits, [("train", 3_000), ("test", 1_000)]);
    let frame = decode(
        Cursor::new(&bytes),
        &found.format,
        &found.schema(),
        &all(&found.format)[..1],
    )
    .unwrap();
    let Some(Values::Samples(samples)) = frame.column(0) else {
        panic!("column 0 holds the samples");
    };
    assert_eq!(samples.numbers.n_bytes(), 4_000 * 3_072);
}

#[test]
fn pictures_of_another_size_are_refused() {
    let rows = |height: usize| {
        let bytes = npy(
            "|u1",
            "False",
            &format!("(1, {height}, 4)"),
            &vec![5; height * 4],
        );
        let found = profile(&bytes).unwrap();
        preview(Cursor::new(&bytes), &found.format, &found.schema(), 0, 1).unwrap()
    };
    let picture = |height: usize| {
        use base64::Engine;
        let cell = rows(height)[0][0].clone().unwrap();
        base64::prelude::BASE64_STANDARD
            .decode(cell.rsplit(',').next().unwrap())
            .unwrap()
    };
    let (small, large) = (picture(4), picture(5));
    assert_eq!(
        code(&archive(&[("cat/1.png", &small), ("dog/1.png", &large)])),
        "picture_size"
    );
    assert_eq!(
        code(&archive(&[("cat/1.png", &small), ("2.png", &small)])),
        "no_labels"
    );
    assert_eq!(
        code(&archive(&[("cat/1.png", &small[..small.len() - 30])])),
        "damaged_picture"
    );
    let found = profile(&archive(&[
        ("cat/1.png", &small),
        ("__MACOSX/cat/._1.png", b"x"),
        ("dog/2.png", &small),
    ]));
    assert_eq!(found.unwrap().n_rows, 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is done to a sound file, the reader answers; it neither panics nor takes memory that the file does not back.
    #[test]
    fn damage_anywhere_is_answered(place: prop::sample::Index, byte: u8, cut: prop::sample::Index, which in 0usize..4) {
        let mut bytes = match which {
            0 => small(),
            1 => npy("<f4", "False", "(2, 2)", &[0; 16]),
            2 => gzip(&idx(&[2, 2, 2], &[1; 8])),
            _ => idx(&[2, 2, 2], &[1; 8]),
        };
        let at = place.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(found) = profile(&bytes) {
            prop_assert!(found.n_rows > 0);
        }
    }
}
