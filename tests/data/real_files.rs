//! Every CSV of the shared data sets, with what one pass must find in it.

use descent::data::ColumnKind::{self, Boolean, Categorical, Integer, Numeric, Text, Timestamp};

use crate::{ingest, shared};

struct Expected {
    file: &'static str,
    n_rows: u64,
    header: bool,
    /// Kinds in runs: so many columns of a kind.
    kinds: &'static [(usize, ColumnKind)],
    /// Missing cells of the columns that have any, by number from 1.
    missing: &'static [(usize, u64)],
}

const FILES: &[Expected] = &[
    Expected {
        file: "adult/adult-train.csv",
        n_rows: 32_561,
        header: false,
        kinds: &[
            (1, Integer),
            (1, Categorical),
            (1, Integer),
            (1, Categorical),
            (1, Integer),
            (5, Categorical),
            (3, Integer),
            (2, Categorical),
        ],
        missing: &[(2, 1836), (7, 1843), (14, 583)],
    },
    Expected {
        file: "adult/adult-test.csv",
        n_rows: 16_281,
        header: false,
        kinds: &[
            (1, Integer),
            (1, Categorical),
            (1, Integer),
            (1, Categorical),
            (1, Integer),
            (5, Categorical),
            (3, Integer),
            (2, Categorical),
        ],
        missing: &[(2, 963), (7, 966), (14, 274)],
    },
    Expected {
        file: "airline-passengers/airline-passengers.csv",
        n_rows: 144,
        header: true,
        kinds: &[(1, Timestamp), (1, Integer)],
        missing: &[],
    },
    Expected {
        file: "breast-cancer/breast_cancer.csv",
        n_rows: 569,
        header: true,
        kinds: &[(30, Numeric), (1, Categorical)],
        missing: &[],
    },
    Expected {
        file: "california-housing/housing.csv",
        n_rows: 20_640,
        header: true,
        kinds: &[(9, Numeric), (1, Categorical)],
        missing: &[(5, 207)],
    },
    Expected {
        file: "daily-min-temperatures/daily-min-temperatures.csv",
        n_rows: 3650,
        header: true,
        kinds: &[(1, Timestamp), (1, Numeric)],
        missing: &[],
    },
    Expected {
        file: "diabetes/diabetes.csv",
        n_rows: 442,
        header: true,
        kinds: &[(11, Numeric)],
        missing: &[],
    },
    Expected {
        file: "iris/iris.csv",
        n_rows: 150,
        header: true,
        kinds: &[(4, Numeric), (1, Categorical)],
        missing: &[],
    },
    Expected {
        file: "korean-daegu-weather/daegu-utf8.csv",
        n_rows: 42_704,
        header: true,
        kinds: &[(1, Timestamp), (1, Integer), (3, Numeric)],
        missing: &[(3, 703), (4, 629), (5, 630)],
    },
    Expected {
        file: "korean-seoul-cars/seoul_car_by_fuel.csv",
        n_rows: 260,
        header: true,
        kinds: &[(1, Timestamp), (1, Categorical), (8, Integer)],
        missing: &[],
    },
    Expected {
        file: "mammography/mammography.csv",
        n_rows: 11_183,
        header: false,
        kinds: &[(6, Numeric), (1, Categorical)],
        missing: &[],
    },
    Expected {
        file: "penguins/penguins.csv",
        n_rows: 344,
        header: true,
        kinds: &[
            (2, Categorical),
            (2, Numeric),
            (2, Integer),
            (1, Categorical),
            (1, Integer),
        ],
        missing: &[(3, 2), (4, 2), (5, 2), (6, 2), (7, 11)],
    },
    Expected {
        file: "titanic/titanic.csv",
        n_rows: 891,
        header: true,
        kinds: &[
            (1, Integer),
            (1, Boolean),
            (1, Integer),
            (1, Text),
            (1, Categorical),
            (1, Numeric),
            (2, Integer),
            (1, Text),
            (1, Numeric),
            (1, Text),
            (1, Categorical),
        ],
        missing: &[(6, 177), (11, 687), (12, 2)],
    },
    Expected {
        file: "wine/wine.csv",
        n_rows: 178,
        header: true,
        kinds: &[(13, Numeric), (1, Categorical)],
        missing: &[],
    },
];

#[test]
fn every_file_has_the_expected_columns() {
    for expected in FILES {
        let Some(bytes) = shared(expected.file) else {
            return;
        };
        let ingested = ingest(&bytes).unwrap_or_else(|error| panic!("{}: {error}", expected.file));
        let kinds: Vec<_> = expected
            .kinds
            .iter()
            .flat_map(|(n, kind)| std::iter::repeat_n(*kind, *n))
            .collect();
        let found: Vec<_> = ingested.columns.iter().map(|column| column.kind).collect();
        let whys: Vec<_> = ingested
            .columns
            .iter()
            .map(|c| format!("{}: {} ({})", c.name, c.kind, c.why))
            .collect();
        assert_eq!(found, kinds, "{}: {whys:#?}", expected.file);
        assert_eq!(ingested.n_rows, expected.n_rows, "{}", expected.file);
        assert_eq!(
            ingested.format.header, expected.header,
            "{}: {}",
            expected.file, ingested.format.header_why
        );
        assert_eq!(ingested.format.delimiter, ',', "{}", expected.file);
        let with_missing = ingested
            .columns
            .iter()
            .filter(|column| column.n_missing > 0);
        let missing: Vec<_> = with_missing
            .map(|column| (column.number, column.n_missing))
            .collect();
        assert_eq!(missing, expected.missing, "{}", expected.file);
        assert!(
            ingested
                .columns
                .iter()
                .all(|column| column.n_bad == 0 && column.bad_cells.is_empty())
        );
    }
}

#[test]
fn digits_are_whole_numbers_or_blank_pixels() {
    let Some(bytes) = shared("digits/digits.csv") else {
        return;
    };
    let ingested = ingest(&bytes).unwrap();
    assert_eq!((ingested.n_rows, ingested.columns.len()), (1797, 65));
    assert!(
        ingested
            .columns
            .iter()
            .all(|c| matches!(c.kind, Integer | Numeric | Boolean)),
        "{:#?}",
        ingested.columns
    );
    let target = &ingested.columns[64];
    assert_eq!(
        (target.name.as_str(), target.kind, target.distinct.n),
        ("target", Integer, 10)
    );
}

#[test]
fn names_and_labels_in_korean_come_through() {
    let Some(bytes) = shared("korean-seoul-cars/seoul_car_by_fuel.csv") else {
        return;
    };
    let ingested = ingest(&bytes).unwrap();
    assert_eq!(ingested.columns[1].name, "차종별");
    let mut labels: Vec<_> = ingested.columns[1]
        .top_values
        .iter()
        .map(|top| top.value.as_str())
        .collect();
    labels.sort_unstable();
    assert_eq!(labels, ["승용차", "승합차", "특수차", "화물차"]);
    assert_eq!(
        ingested.columns[0].earliest.as_deref(),
        Some("2015-01-01T00:00:00Z")
    );

    let Some(bytes) = shared("korean-daegu-weather/daegu-utf8.csv") else {
        return;
    };
    let weather = ingest(&bytes).unwrap();
    assert!(weather.format.byte_order_mark);
    assert_eq!(weather.columns[0].name, "날짜");
    assert_eq!(weather.columns[4].name, "최고기온(℃)");
}

#[test]
fn numbers_of_iris_are_those_of_its_literature() {
    let Some(bytes) = shared("iris/iris.csv") else {
        return;
    };
    let ingested = ingest(&bytes).unwrap();
    let sepal = &ingested.columns[0];
    assert_eq!((sepal.min, sepal.max), (Some(4.3), Some(7.9)));
    assert!((sepal.mean.unwrap() - 5.843_333).abs() < 1e-6);
    assert!((sepal.std.unwrap() - 0.828_066).abs() < 1e-6);
    assert_eq!(sepal.distinct.n, 35);
    let histogram = sepal.histogram.as_ref().unwrap();
    assert_eq!(
        (
            histogram.counts.len(),
            histogram.counts.iter().sum::<u64>(),
            histogram.exact
        ),
        (20, 150, true)
    );
    let species: Vec<_> = ingested.columns[4]
        .top_values
        .iter()
        .map(|top| (top.value.as_str(), top.count))
        .collect();
    assert_eq!(
        species,
        [("setosa", 50), ("versicolor", 50), ("virginica", 50)]
    );
}

#[test]
fn labels_in_single_quotes_lose_them() {
    let Some(bytes) = shared("mammography/mammography.csv") else {
        return;
    };
    let ingested = ingest(&bytes).unwrap();
    let label = &ingested.columns[6];
    let counts: Vec<_> = label
        .top_values
        .iter()
        .map(|top| (top.value.as_str(), top.count))
        .collect();
    assert_eq!(counts, [("-1", 10_923), ("1", 260)]);
    assert!(label.why.contains("single quotes"), "{}", label.why);
}

#[test]
fn packed_and_plain_have_the_same_profile() {
    use std::io::Write;
    let Some(bytes) = shared("adult/adult-train.csv") else {
        return;
    };
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let packed = ingest(&packer.finish().unwrap()).unwrap();
    let plain = ingest(&bytes).unwrap();
    assert_eq!(packed.format.compression, descent::data::Compression::Gzip);
    let columns =
        |ingested: &descent::data::Ingested| serde_json::to_string(&ingested.columns).unwrap();
    assert_eq!(columns(&packed), columns(&plain));
    assert_eq!(packed.unpacked_bytes, bytes.len() as u64);
}
