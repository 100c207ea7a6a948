//! What the transform promises: fitted on training rows alone, the same bits for a file and for a row, JSON and back.

use descent::data::{
    DataError, Encoding, Ingested, Prepared, RawCell, Roles, RowNoteCode, TargetEncoding,
    Transform, decode, facts, prepare, preview,
};
use descent_engine::dataset::{CategoryFeature, TargetScale, Targets};
use descent_engine::spec::{Categories, Preprocessing, Task};
use serde_json::json;

use crate::{ingest, shared};

fn task(document: serde_json::Value) -> Task {
    serde_json::from_value(document).unwrap()
}

fn prepared(bytes: &[u8], task: &Task) -> (Ingested, Prepared) {
    scaled(bytes, task, TargetScale::Standard)
}

fn scaled(bytes: &[u8], task: &Task, scale: TargetScale) -> (Ingested, Prepared) {
    let (ingested, prepared) = attempted(bytes, task, scale);
    let prepared = prepared.unwrap();
    prepared.dataset.check(&prepared.parts).unwrap();
    (ingested, prepared)
}

fn attempted(
    bytes: &[u8],
    task: &Task,
    scale: TargetScale,
) -> (Ingested, Result<Prepared, DataError>) {
    let ingested = ingest(bytes).unwrap();
    let schema = ingested.schema();
    let roles = Roles::of(task, &schema).unwrap_or_else(|violations| panic!("{violations:?}"));
    let frame = decode(
        std::io::Cursor::new(bytes),
        &ingested.format,
        &schema,
        &roles.wanted(task, &schema),
    )
    .unwrap();
    let prepared = prepare(&frame, &schema, task, scale, 7);
    (ingested, prepared)
}

#[test]
fn rows_and_files_become_the_same_bits() {
    for (file, target, kind) in [
        ("titanic/titanic.csv", "Survived", "classification"),
        ("penguins/penguins.csv", "species", "classification"),
        ("adult/adult-train.csv", "column_15", "classification"),
        ("mammography/mammography.csv", "column_7", "classification"),
        (
            "korean-seoul-cars/seoul_car_by_fuel.csv",
            "차종별",
            "classification",
        ),
        (
            "california-housing/housing.csv",
            "median_house_value",
            "regression",
        ),
        (
            "korean-daegu-weather/daegu-utf8.csv",
            "최고기온(℃)",
            "regression",
        ),
    ] {
        let Some(bytes) = shared(file) else { return };
        same_bits(file, &bytes, &task(json!({"kind": kind, "target": target})));
    }
}

#[test]
fn rows_and_files_become_the_same_bits_where_categories_are_indices() {
    for (file, target, kind) in [
        ("titanic/titanic.csv", "Survived", "classification"),
        ("penguins/penguins.csv", "species", "classification"),
        ("adult/adult-train.csv", "column_15", "classification"),
        (
            "california-housing/housing.csv",
            "median_house_value",
            "regression",
        ),
    ] {
        let Some(bytes) = shared(file) else { return };
        // So few that many names of the file have no index of their own.
        let how = json!({"categories": {"kind": "embedding"}, "max_categories": 3});
        let document = json!({"kind": kind, "target": target, "preprocessing": how});
        same_bits(file, &bytes, &task(document));
    }
}

fn same_bits(file: &str, bytes: &[u8], task: &Task) {
    let (ingested, prepared) = prepared(bytes, task);
    let text = serde_json::to_string(&prepared.transform).unwrap();
    let transform: Transform = serde_json::from_str(&text).unwrap();
    assert_eq!(
        transform, prepared.transform,
        "{file}: the document changes on its way through JSON"
    );
    let rows = preview(
        std::io::Cursor::new(bytes),
        &ingested.format,
        &ingested.schema(),
        0,
        3000,
    )
    .unwrap();
    let mut features = vec![f32::NAN; transform.n_features()];
    for (i, row) in rows.iter().enumerate() {
        let cells: Vec<_> = transform
            .inputs
            .iter()
            .map(|input| cell(row[input.column].as_deref()))
            .collect();
        transform.apply_row(&cells, &mut features, &mut Vec::new());
        let expected = prepared.dataset.features.row(i);
        let same = features
            .iter()
            .zip(expected)
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{file} row {i}: {features:?} instead of {expected}");
    }
}

fn cell(text: Option<&str>) -> RawCell<'_> {
    text.map_or(RawCell::Missing, RawCell::Text)
}

const SMALL: &[u8] = b"size,colour,ok,day,note,kind\n\
1,red,yes,2024-01-01,free text a,a\n\
2,blue,no,2024-03-01,free text b,b\n\
,red,yes,2024-06-01,free text c,a\n\
4,,no,,free text d,b\n\
5,red,,2024-12-01,free text e,a\n\
6,blue,yes,2024-12-31,free text f,b\n";

fn everything_trains(extra: serde_json::Value) -> Task {
    let mut document = json!({"kind": "classification", "target": "kind",
        "split": {"kind": "random", "validation": 0.0, "test": 0.0}});
    document
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    task(document)
}

#[test]
fn features_have_names_and_columns() {
    let (_, prepared) = prepared(
        SMALL,
        &everything_trains(json!({"features": {"exclude": ["note"]}})),
    );
    assert_eq!(
        prepared.transform.feature_names(),
        [
            "size",
            "size is missing",
            "colour=blue",
            "colour=red",
            "colour is missing",
            "ok",
            "ok is missing",
            "day elapsed",
            "day sine of the year",
            "day cosine of the year",
            "day is missing"
        ]
    );
    assert_eq!(
        prepared.dataset.feature_columns,
        [0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 3]
    );
    assert_eq!(
        prepared.dataset.n_features(),
        prepared.transform.n_features()
    );
}

#[test]
fn gaps_are_filled_and_shown() {
    let how = json!({"preprocessing": {"impute": "median", "standardise": false}, "features": {"include": ["size", "colour"]}});
    let (_, prepared) = prepared(SMALL, &everything_trains(how));
    let features = &prepared.dataset.features;
    assert_eq!(
        features.column(0).to_vec(),
        [1.0, 2.0, 4.0, 4.0, 5.0, 6.0],
        "the median of 1 2 4 5 6 is 4"
    );
    assert_eq!(features.column(1).to_vec(), [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(
        features.row(3).to_vec(),
        [4.0, 0.0, 0.0, 1.0, 1.0],
        "a missing colour is the most frequent, red"
    );
}

#[test]
fn unknown_and_unreadable_values_are_noted() {
    let (_, prepared) = prepared(
        SMALL,
        &everything_trains(json!({"features": {"include": ["size", "colour", "ok"]}})),
    );
    let transform = &prepared.transform;
    let mut features = vec![0.0; transform.n_features()];
    let mut notes = Vec::new();
    let row = [
        RawCell::Text("big"),
        RawCell::Text("green"),
        RawCell::Missing,
    ];
    transform.apply_row(&row, &mut features, &mut notes);
    let codes: Vec<_> = notes.iter().map(|note| (note.input, note.code)).collect();
    assert_eq!(
        codes,
        [
            (0, RowNoteCode::UnreadableImputed),
            (1, RowNoteCode::UnknownCategory),
            (2, RowNoteCode::MissingImputed)
        ]
    );
    assert_eq!(
        features[2..5],
        [0.0, 0.0, 0.0],
        "an unknown colour is no colour that was seen"
    );
    let mut as_number = features.clone();
    let mut as_text = features.clone();
    transform.encode_cell(0, RawCell::Number(4.5), &mut as_number);
    transform.encode_cell(0, RawCell::Text(" 4.5 "), &mut as_text);
    assert_eq!(as_number, as_text);
}

#[test]
fn nothing_is_learned_from_rows_that_do_not_train() {
    let mut text = String::from("x,c,part,y\n");
    for i in 0..40 {
        let (x, c, part) = if i < 30 {
            (i, "seen", "train")
        } else {
            (1_000_000, "unseen", "test")
        };
        text += &format!("{x},{c},{part},{}\n", i % 2);
    }
    let by_column = task(
        json!({"kind": "classification", "target": "y", "split": {"kind": "by_column", "column": "part"}}),
    );
    let (_, prepared) = prepared(text.as_bytes(), &by_column);
    assert_eq!(
        (prepared.parts.train.len(), prepared.parts.test.len()),
        (30, 10)
    );
    let Encoding::Number { shift, .. } = &prepared.transform.inputs[0].encoding else {
        panic!("x is a number")
    };
    assert_eq!(*shift, 14.5);
    assert_eq!(
        prepared.transform.feature_names(),
        ["x", "c=seen"],
        "the column that divides the rows is no feature"
    );
}

#[test]
fn rare_categories_share_a_feature_with_unknown_ones() {
    let mut text = String::from("c,y\n");
    for i in 0..200 {
        let name = match i {
            0..10 => format!("rare{i}"),
            10..14 => "four".to_owned(),
            _ => format!("common{}", i % 3),
        };
        text += &format!("{name},{}\n", i % 2);
    }
    let all = json!({"kind": "classification", "target": "y", "split": {"kind": "random", "validation": 0.0, "test": 0.0}});
    let (_, usual) = prepared(text.as_bytes(), &task(all.clone()));
    assert_eq!(
        usual.transform.feature_names(),
        ["c=common0", "c=common1", "c=common2", "c=four", "c=(other)"]
    );
    let mut few = all;
    few["preprocessing"] = json!({"max_categories": 3});
    let (_, few) = prepared(text.as_bytes(), &task(few));
    assert_eq!(
        few.transform.feature_names(),
        ["c=common0", "c=common1", "c=common2", "c=(other)"]
    );
    let mut features = vec![0.0; 4];
    let note = few
        .transform
        .encode_cell(0, RawCell::Text("never seen"), &mut features);
    assert_eq!(
        (note, &features[..]),
        (
            Some(RowNoteCode::UnknownCategory),
            &[0.0, 0.0, 0.0, 1.0][..]
        )
    );
}

#[test]
fn embedded_categories_are_one_index_and_0_is_what_is_rare_or_unknown() {
    let how = json!({"features": {"include": ["size", "colour"]}, "preprocessing": {"categories": {"kind": "embedding"}}});
    let (_, small) = prepared(SMALL, &everything_trains(how.clone()));
    assert_eq!(
        small.transform.feature_names(),
        ["size", "size is missing", "colour", "colour is missing"]
    );
    let column = |feature: usize| small.dataset.features.column(feature).to_vec();
    // Blue is 1 and red 2; a missing colour is the most frequent, red.
    assert_eq!(column(2), [2.0, 1.0, 2.0, 2.0, 2.0, 1.0]);
    assert_eq!(column(3), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let categories = [(2, 3)].map(|(feature, vocabulary)| CategoryFeature {
        feature,
        vocabulary,
    });
    assert_eq!(small.dataset.categories, categories);
    let mut features = vec![9.0; 4];
    for (value, note, index) in [
        (RawCell::Text("blue"), None, 1.0),
        (
            RawCell::Text("green"),
            Some(RowNoteCode::UnknownCategory),
            0.0,
        ),
        (RawCell::Missing, Some(RowNoteCode::MissingImputed), 2.0),
    ] {
        let got = small.transform.encode_cell(1, value, &mut features);
        assert_eq!((got, features[2]), (note, index), "{value:?}");
    }
    // Names beyond the most frequent share index 0.
    let mut few = how;
    few["preprocessing"]["max_categories"] = json!(1);
    let (_, few) = prepared(SMALL, &everything_trains(few));
    assert_eq!(
        few.dataset.features.column(2).to_vec(),
        [1.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    );
}

#[test]
fn what_has_no_categories_cannot_embed_them() {
    let ingested = ingest(SMALL).unwrap();
    let task = everything_trains(json!({
        "features": {"include": ["size", "ok", "day"]}, "preprocessing": {"categories": {"kind": "embedding"}}
    }));
    let found = Roles::of(&task, &ingested.schema()).unwrap_err();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].pointer.as_str(), found[0].code),
        ("/task/preprocessing/categories/kind", "contradiction")
    );
    assert!(
        found[0].message.contains("nothing to embed"),
        "{}",
        found[0].message
    );
}

#[test]
fn classes_are_in_natural_order_and_rows_without_one_are_left_out() {
    let text = "x,y\n1,10\n2,9\n3,10\n4,\n5,9\n6,-1\n7,-1\n";
    let split = json!({"kind": "classification", "target": "y", "split": {"kind": "random", "validation": 0.0, "test": 0.0}});
    let (_, prepared) = prepared(text.as_bytes(), &task(split));
    let TargetEncoding::Classes { classes, .. } = &prepared.transform.target else {
        panic!("classes are expected")
    };
    assert_eq!(classes, &["-1", "9", "10"]);
    assert_eq!(prepared.parts.train, [0, 1, 2, 4, 5, 6]);
    assert!(
        prepared
            .notes
            .iter()
            .any(|note| note.code == "rows_without_target"),
        "{:?}",
        prepared.notes
    );
    let Targets::Classes { labels, .. } = &prepared.dataset.targets else {
        panic!("classes are expected")
    };
    assert_eq!(labels, &[2, 1, 2, 0, 1, 0, 0]);
}

#[test]
fn several_numbers_are_standardised_and_mapped_back() {
    let text = "x,a,b\n1,10,1000\n2,20,1000.5\n3,30,1001\n";
    let both = json!({"kind": "regression", "target": ["b", "a"], "split": {"kind": "random", "validation": 0.0, "test": 0.0}});
    let (_, prepared) = prepared(text.as_bytes(), &task(both));
    let Targets::Values { values, names, .. } = &prepared.dataset.targets else {
        panic!("values are expected")
    };
    assert_eq!(names, &["b", "a"]);
    assert!(values.column(1).sum().abs() < 1e-6);
    assert!((prepared.transform.target.restore(1, values[[2, 1]]) - 30.0).abs() < 1e-4);
    assert!((prepared.transform.target.restore(0, values[[0, 0]]) - 1000.0).abs() < 1e-3);
}

#[test]
fn a_constant_column_is_only_shifted() {
    for constant in ["5", "0.1", "123456.789", "2024", "-1e300"] {
        let rows = (0..300).map(|row| format!("{constant},{}\n", row % 50));
        let csv = format!("k,y\n{}", rows.collect::<String>());
        let task = task(json!({"kind": "regression", "target": "y"}));
        let (_, prepared) = prepared(csv.as_bytes(), &task);
        let Encoding::Number { scale, .. } = prepared.transform.inputs[0].encoding else {
            panic!("a number, not {:?}", prepared.transform.inputs[0]);
        };
        assert_eq!(scale, 1.0, "{constant}");
    }
}

#[test]
fn a_target_beyond_singles_is_refused_for_that() {
    let rows = (0..30).map(|row| format!("{row},{row}e300\n"));
    let csv = format!("a,b\n{}", rows.collect::<String>()).into_bytes();
    let task = task(json!({"kind": "regression", "target": "b"}));
    let (_, prepared) = attempted(&csv, &task, TargetScale::Standard);
    let error = prepared.unwrap_err();
    assert!(error.to_string().contains("up to 3.4e38"), "{error}");
}

#[test]
fn what_does_not_fit_the_dataset_is_said_all_at_once() {
    let ingested = ingest(SMALL).unwrap();
    let wrong = task(
        json!({"kind": "regression", "target": "kind", "features": {"include": ["note", "syze"]},
        "split": {"kind": "by_column", "column": "part"}}),
    );
    let violations = facts(&wrong, 0, &ingested).unwrap_err();
    let found: Vec<_> = violations
        .iter()
        .map(|v| (v.pointer.as_str(), v.code))
        .collect();
    assert_eq!(
        found,
        [
            ("/task/target", "target_kind"),
            ("/task/split/column", "unknown_column"),
            ("/task/features/include/0", "text_feature"),
            ("/task/features/include/1", "unknown_column"),
        ]
    );
    assert!(
        violations[3].message.contains("\"size\""),
        "{}",
        violations[3].message
    );
}

#[test]
fn facts_are_known_before_the_file_is_decoded() {
    for (file, target) in [
        ("titanic/titanic.csv", "Survived"),
        ("penguins/penguins.csv", "species"),
    ] {
        let Some(bytes) = shared(file) else { return };
        let task = task(json!({"kind": "classification", "target": target}));
        let (ingested, prepared) = prepared(&bytes, &task);
        let facts = facts(&task, 7, &ingested).unwrap();
        let real = prepared.dataset.facts(prepared.parts.train.len());
        assert_eq!(
            (facts.n_rows, facts.outcome),
            (real.n_rows, real.outcome),
            "{file}"
        );
        assert!(
            facts.n_features() >= real.n_features(),
            "{file}: {} < {}",
            facts.n_features(),
            real.n_features()
        );
        assert!(
            facts.n_train.abs_diff(real.n_train) <= 3,
            "{file}: {} and {}",
            facts.n_train,
            real.n_train
        );
        let embedded = Task {
            preprocessing: Preprocessing {
                categories: Categories::Embedding { dimensions: None },
                ..task.preprocessing.clone()
            },
            ..task
        };
        let (ingested, prepared) = self::prepared(&bytes, &embedded);
        let facts = self::facts(&embedded, 7, &ingested).unwrap();
        let real = prepared.dataset.categories;
        assert!(!real.is_empty() && real.len() == facts.categories.len());
        for (real, known) in real.iter().zip(&facts.categories) {
            assert!(
                real.feature <= known.feature && real.vocabulary <= known.vocabulary,
                "{file}: {real:?} where {known:?} was known"
            );
        }
    }
}

/// What the run would say when it has read the file is said before.
#[test]
fn a_split_that_leaves_a_part_empty_is_refused_before_the_file_is_decoded() {
    let gate: &[u8] = include_bytes!("../../examples/and.csv");
    let parts: &[u8] = b"a,part,out\n1,test,0\n2,test,1\n3,dev,0\n4,dev,1\n";
    let steps: &[u8] = b"a,out\n1,1.5\n2,2.5\n3,3.5\n4,4.5\n";
    let holes: &[u8] = b"a,out\n1,0.5\n2,0.7\n3,\n4,\n5,\n";
    let by_column = |test: &str| json!({"kind": "by_column", "column": "part", "test": [test]});
    let random = json!({"kind": "random", "validation": 0.0, "test": 0.5});
    let most = json!({"kind": "random", "validation": 0.0, "test": 0.9});
    for (bytes, kind, split, fits) in [
        (gate, "classification", json!(null), false),
        (
            &include_bytes!("../../examples/xor.csv")[..],
            "classification",
            json!(null),
            false,
        ),
        (gate, "classification", random.clone(), true),
        (
            gate,
            "classification",
            json!({"kind": "stratified", "validation": 0.0, "test": 0.0}),
            true,
        ),
        (steps, "regression", json!(null), true),
        (parts, "classification", by_column("test"), false),
        (parts, "classification", by_column("tset"), true),
        (holes, "regression", most, false),
    ] {
        let task = task(json!({"kind": kind, "target": "out", "split": split}));
        let (ingested, prepared) = attempted(bytes, &task, TargetScale::Standard);
        match (facts(&task, 7, &ingested), prepared) {
            (Ok(_), Ok(_)) => assert!(fits, "{task:?}"),
            (Err(said), Err(error)) => {
                assert!(!fits, "{task:?}");
                assert_eq!(
                    (said[0].pointer.as_str(), said[0].code, &said[0].message),
                    ("/task/split", "empty_part", &error.message)
                );
            }
            (said, prepared) => panic!("{said:?} and {:?}", prepared.err()),
        }
    }
}

#[test]
fn counts_and_shares_are_not_shifted() {
    let bytes = b"x,a,b\n1,2,0.25\n2,0,0.5\n3,4,0\n4,6,1\n";
    let document = json!({
        "kind": "regression", "target": ["a", "b"],
        "split": {"kind": "random", "validation": 0.0, "test": 0.0}
    });
    for (scale, units) in [
        (TargetScale::Mean, [3.0, 0.4375]),
        (TargetScale::Own, [1.0, 1.0]),
    ] {
        let (_, prepared) = scaled(bytes, &task(document.clone()), scale);
        let Targets::Values {
            values, mean, std, ..
        } = &prepared.dataset.targets
        else {
            panic!("a regression has values");
        };
        assert_eq!((&mean[..], &std[..]), (&[0.0, 0.0][..], &units[..]));
        assert_eq!(values[[3, 0]], 6.0 / units[0]);
        assert_eq!(prepared.transform.target.restore(0, 2.0), 2.0 * units[0]);
    }
}
