//! Which rows train, validate and test. The draw depends on the seed and the rows alone.

use descent_engine::dataset::Parts;
use descent_engine::rng::{Purpose, Stream};
use descent_engine::spec::Split;

use super::{DataError, MISSING, Values};

/// Divides `rows`, the rows that have a target. `labels` are classes of all rows of the file (for `stratified`), `column`
/// the values of the column that the split names.
///
/// # Errors
/// `empty_part` when nothing is left to train on, or a part that was asked for stays empty; `missing_split_column`.
pub fn divide(
    split: &Split,
    rows: &[u32],
    labels: Option<&[u32]>,
    column: Option<&Values>,
) -> Result<Parts, DataError> {
    let parts = match split {
        Split::Stratified {
            validation,
            test,
            seed,
        } => match labels {
            Some(labels) => stratified(rows, labels, *validation, *test, seed.unwrap_or(0)),
            None => random(rows, *validation, *test, seed.unwrap_or(0)),
        },
        Split::Random {
            validation,
            test,
            seed,
        } => random(rows, *validation, *test, seed.unwrap_or(0)),
        Split::Chronological {
            column: None,
            validation,
            test,
        } => chronological(rows.to_vec(), *validation, *test),
        Split::Chronological {
            column: Some(name),
            validation,
            test,
        } => {
            let Some(Values::Numbers(times)) = column else {
                return Err(no_column(name));
            };
            chronological(in_order(rows, times), *validation, *test)
        }
        Split::ByColumn {
            column: name,
            validation,
            test,
        } => {
            let Some(Values::Names { codes, names }) = column else {
                return Err(no_column(name));
            };
            by_column(rows, codes, names, validation, test)
        }
    };
    let sizes = Sizes {
        train: parts.train.len(),
        validation: parts.validation.len(),
        test: parts.test.len(),
    };
    check(split, &sizes, rows.len(), labels.is_some())?;
    Ok(parts)
}

/// At random: the first of a random order test, the next validate, the rest train.
pub fn random(rows: &[u32], validation: f64, test: f64, seed: u64) -> Parts {
    let mut parts = Parts::default();
    let mut order = rows.to_vec();
    Stream::new(seed, Purpose::Split, 0).shuffle(&mut order);
    deal(
        &order,
        share(rows.len(), validation),
        share(rows.len(), test),
        &mut parts,
    );
    sorted(parts)
}

/// At random within each class, so that every part has the classes in the same proportion. A class of `n` rows gives
/// round(n x fraction) of them; the remainders are carried from class to class, so that the parts have the right size.
pub fn stratified(rows: &[u32], labels: &[u32], validation: f64, test: f64, seed: u64) -> Parts {
    let n_classes = rows
        .iter()
        .map(|row| labels[*row as usize] as usize + 1)
        .max()
        .unwrap_or(0);
    let mut classes: Vec<Vec<u32>> = vec![Vec::new(); n_classes];
    for &row in rows {
        classes[labels[row as usize] as usize].push(row);
    }
    let sizes: Vec<usize> = classes.iter().map(Vec::len).collect();
    let held_out = quotas(&sizes, validation, test);
    let mut parts = Parts::default();
    for (class, (members, (n_validation, n_test))) in classes.iter_mut().zip(held_out).enumerate() {
        // Step 0 belongs to the plain random draw.
        Stream::new(seed, Purpose::Split, class as u64 + 1).shuffle(members);
        deal(members, n_validation, n_test, &mut parts);
    }
    sorted(parts)
}

/// How many rows of each class validate and test, for classes of these sizes.
fn quotas(classes: &[usize], validation: f64, test: f64) -> Vec<(usize, usize)> {
    let (mut owed_validation, mut owed_test) = (0.0, 0.0);
    let of_class = |&size: &usize| {
        let n = size as f64;
        let n_test = quota(n * test, &mut owed_test, size.saturating_sub(1));
        let n_validation = quota(
            n * validation,
            &mut owed_validation,
            size.saturating_sub(n_test + 1),
        );
        (n_validation, n_test)
    };
    classes.iter().map(of_class).collect()
}

/// Rows in order of time; those without a time come first, so they train.
fn in_order(rows: &[u32], times: &[f64]) -> Vec<u32> {
    let mut order = rows.to_vec();
    let time = |row: &u32| {
        let time = times[*row as usize];
        if time.is_nan() {
            f64::NEG_INFINITY
        } else {
            time
        }
    };
    order.sort_by(|a, b| time(a).total_cmp(&time(b)));
    order
}

/// The earliest rows train, later ones validate, the latest test.
pub fn chronological(ordered: Vec<u32>, validation: f64, test: f64) -> Parts {
    let n = ordered.len();
    let first_test = n - share(n, test);
    let first_validation = first_test.saturating_sub(share(n, validation));
    sorted(Parts {
        train: ordered[..first_validation].to_vec(),
        validation: ordered[first_validation..first_test].to_vec(),
        test: ordered[first_test..].to_vec(),
    })
}

/// A column of the file says it, by name; every other value, and none, trains.
pub fn by_column(
    rows: &[u32],
    codes: &[u32],
    names: &[String],
    validation: &[String],
    test: &[String],
) -> Parts {
    let means =
        |code: u32, list: &[String]| code != MISSING && list.contains(&names[code as usize]);
    let mut parts = Parts::default();
    for &row in rows {
        let code = codes[row as usize];
        if means(code, test) {
            parts.test.push(row);
        } else if means(code, validation) {
            parts.validation.push(row);
        } else {
            parts.train.push(row);
        }
    }
    parts
}

/// How many of `n` rows a fraction of them is.
pub(super) fn share(n: usize, fraction: f64) -> usize {
    ((n as f64 * fraction).round() as usize).min(n)
}

/// A whole number of rows for a fractional quota; what is rounded away is owed to the next class.
fn quota(exact: f64, owed: &mut f64, most: usize) -> usize {
    let fair = exact + *owed;
    let given = (fair.round().max(0.0) as usize).min(most);
    *owed = (fair - given as f64).clamp(-1.0, 1.0);
    given
}

fn deal(order: &[u32], n_validation: usize, n_test: usize, parts: &mut Parts) {
    let (test, rest) = order.split_at(n_test.min(order.len()));
    let (validation, train) = rest.split_at(n_validation.min(rest.len()));
    parts.test.extend(test);
    parts.validation.extend(validation);
    parts.train.extend(train);
}

fn sorted(mut parts: Parts) -> Parts {
    parts.train.sort_unstable();
    parts.validation.sort_unstable();
    parts.test.sort_unstable();
    parts
}

fn no_column(name: &str) -> DataError {
    DataError::new(
        "missing_split_column",
        format!("the split's column {name:?} was not read"),
    )
}

/// Refuses a draw by fractions as [`divide`] will, from the number of rows that have a target and, where it keeps classes in
/// proportion, of each class; without those of the classes nothing is known of it.
///
/// # Errors
/// `empty_part`.
pub(super) fn check_drawn(
    split: &Split,
    n_rows: usize,
    classes: Option<&[usize]>,
) -> Result<(), DataError> {
    let Some((validation, test)) = split.fractions() else {
        return Ok(());
    };
    let (n_validation, n_test) = match (split, classes) {
        (Split::Stratified { .. }, Some(classes)) => quotas(classes, validation, test)
            .into_iter()
            .fold((0, 0), |sum, class| (sum.0 + class.0, sum.1 + class.1)),
        (Split::Stratified { .. }, None) => return Ok(()),
        _ => {
            let n_test = share(n_rows, test);
            (share(n_rows, validation).min(n_rows - n_test), n_test)
        }
    };
    let sizes = Sizes {
        train: n_rows - n_validation - n_test,
        validation: n_validation,
        test: n_test,
    };
    check(split, &sizes, n_rows, classes.is_some())
}

/// Refuses a column that leaves none of `n_rows` to train on.
///
/// # Errors
/// `empty_part`.
pub(super) fn check_named(split: &Split, n_train: usize, n_rows: usize) -> Result<(), DataError> {
    let sizes = Sizes {
        train: n_train,
        validation: 0,
        test: 0,
    };
    check(split, &sizes, n_rows, false)
}

/// Rows of each part.
struct Sizes {
    train: usize,
    validation: usize,
    test: usize,
}

/// A part that was asked for must have rows.
fn check(split: &Split, sizes: &Sizes, n_rows: usize, has_classes: bool) -> Result<(), DataError> {
    let empty = |part: &str, advice: &str| {
        let message = format!(
            "the {} split of {n_rows} rows with a target leaves no rows for {part}; {advice}",
            split.name()
        );
        Err(DataError::new("empty_part", message))
    };
    let held_back = match split {
        Split::Stratified { .. } if has_classes => {
            "each class keeps a row to train on: upload more rows of each, set its fraction to 0, or split at random"
        }
        _ => "upload more rows, or set its fraction to 0",
    };
    let (wants_validation, wants_test) = match split.fractions() {
        Some((validation, test)) => (validation > 0.0, test > 0.0),
        None => (false, false),
    };
    if sizes.train == 0 {
        let advice = match split {
            Split::ByColumn { .. } => {
                "rows train whose value stands neither under `validation` nor under `test`"
            }
            _ => "upload more rows or hold back less",
        };
        empty("training", advice)
    } else if wants_validation && sizes.validation == 0 {
        empty("validation", held_back)
    } else if wants_test && sizes.test == 0 {
        empty("testing", held_back)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(parts: &Parts) -> Vec<u32> {
        let mut rows = [&parts.train[..], &parts.validation, &parts.test].concat();
        rows.sort_unstable();
        rows
    }

    proptest! {
        #[test]
        fn every_row_has_one_part_and_classes_keep_their_share(
            labels in prop::collection::vec(0u32..4, 40..400), validation in 0.0..0.4f64, test in 0.0..0.4f64, seed: u64,
        ) {
            let rows: Vec<u32> = (0..labels.len() as u32).collect();
            let parts = stratified(&rows, &labels, validation, test, seed);
            prop_assert_eq!(all(&parts), rows.clone());
            prop_assert_eq!(&parts, &stratified(&rows, &labels, validation, test, seed));
            for class in 0..4 {
                let of_class = |rows: &[u32]| rows.iter().filter(|row| labels[**row as usize] == class).count() as f64;
                let n = of_class(&rows);
                prop_assert!((of_class(&parts.test) - n * test).abs() <= 2.0);
                prop_assert!((of_class(&parts.validation) - n * validation).abs() <= 2.0);
                prop_assert!(n == 0.0 || of_class(&parts.train) >= 1.0);
            }
            prop_assert_eq!(all(&random(&rows, validation, test, seed)), rows);
        }
    }

    #[test]
    fn iris_is_divided_evenly() {
        let labels: Vec<u32> = (0..150).map(|i| i / 50).collect();
        let rows: Vec<u32> = (0..150).collect();
        let parts = stratified(&rows, &labels, 0.15, 0.15, 7);
        assert_eq!(
            (parts.train.len(), parts.validation.len(), parts.test.len()),
            (104, 23, 23)
        );
        assert_ne!(parts, stratified(&rows, &labels, 0.15, 0.15, 8));
    }

    #[test]
    fn time_runs_from_training_to_testing() {
        let times = Values::Numbers(vec![5.0, 1.0, f64::NAN, 4.0, 2.0, 3.0]);
        let split = Split::Chronological {
            column: Some("when".into()),
            validation: 1.0 / 6.0,
            test: 2.0 / 6.0,
        };
        let parts = divide(&split, &[0, 1, 2, 3, 4, 5], None, Some(&times)).unwrap();
        assert_eq!(
            (parts.train, parts.validation, parts.test),
            (vec![1, 2, 4], vec![5], vec![0, 3])
        );
    }

    #[test]
    fn a_column_can_say_it() {
        let names = vec!["train".to_owned(), "test".to_owned(), "dev".to_owned()];
        let column = Values::Names {
            codes: vec![0, 1, 2, MISSING, 0],
            names,
        };
        let split = Split::ByColumn {
            column: "part".into(),
            validation: vec!["dev".into()],
            test: vec!["test".into()],
        };
        let parts = divide(&split, &[0, 1, 2, 3, 4], None, Some(&column)).unwrap();
        assert_eq!(
            (parts.train, parts.validation, parts.test),
            (vec![0, 3, 4], vec![2], vec![1])
        );
    }

    #[test]
    fn a_part_without_rows_is_refused() {
        let split = Split::Random {
            validation: 0.15,
            test: 0.15,
            seed: Some(1),
        };
        let error = divide(&split, &[0, 1], None, None).unwrap_err();
        assert_eq!(error.code, "empty_part");
        let stratified = Split::Stratified {
            validation: 0.15,
            test: 0.15,
            seed: Some(1),
        };
        let one_each: Vec<u32> = (0..40).collect();
        let error = divide(&stratified, &one_each, Some(&one_each), None).unwrap_err();
        assert!(
            error.message.contains("each class keeps a row to train on"),
            "{}",
            error.message
        );
        assert!(
            divide(
                &Split::Random {
                    validation: 0.0,
                    test: 0.0,
                    seed: None
                },
                &[0, 1],
                None,
                None
            )
            .is_ok()
        );
    }
}
