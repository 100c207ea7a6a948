//! `target_leakage`: one source column alone nearly gives the answer away.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array1, Array2};
use serde_json::json;

use super::{Finding, Remedy};
use crate::dataset::{Dataset, Targets};
use crate::sample::SampleShape;

/// Stable name of the rule.
pub const CODE: &str = "target_leakage";

/// Rows that are looked at; a leak shows in a sample.
const SAMPLE: usize = 2000;
/// Fewer rows than this agree by chance.
const FEWEST: usize = 30;
/// What one column alone must reach: balanced accuracy, or the square of the correlation.
const LIMIT: f64 = 0.995;

/// Looks at each source column alone on the training rows. Fires when a numeric feature cut into as many intervals as there are
/// classes, or the categories of a column, tell the classes apart with a balanced accuracy of 0.995, or when a feature's
/// squared correlation with a target is that high.
#[must_use]
pub fn look(dataset: &Dataset, train: &[u32]) -> Option<Finding> {
    // An image or a sequence is one column, which is meant to give the answer.
    if !matches!(dataset.sample_shape, SampleShape::Vector { .. }) {
        return None;
    }
    let step = train.len().div_ceil(SAMPLE).max(1);
    let rows: Vec<usize> = train
        .iter()
        .step_by(step)
        .map(|&row| row as usize)
        .collect();
    if rows.len() < FEWEST {
        return None;
    }
    let answers = Answers::of(dataset, &rows);
    let mut worst: Option<(f64, usize)> = None;
    for (column, features) in columns(dataset) {
        let is_index = |feature: &usize| {
            let mut categories = dataset.categories.iter();
            categories.any(|category| category.feature == *feature)
        };
        let score = features
            .iter()
            .map(|feature| match is_index(feature) {
                true => each_category(dataset, &answers, *feature),
                false => answers.told_by(|row| dataset.features[[row, *feature]]),
            })
            .fold(0.0, f64::max);
        let score = if features.len() > 1 || features.iter().any(is_index) {
            score.max(together(dataset, &rows, &features))
        } else {
            score
        };
        if score >= LIMIT && worst.is_none_or(|(best, _)| score > best) {
            worst = Some((score, column));
        }
    }
    let (score, column) = worst?;
    let name = dataset.column_names.get(column).map_or("", String::as_str);
    let measure = if matches!(dataset.targets, Targets::Classes { .. }) {
        "balanced_accuracy"
    } else {
        "squared_correlation"
    };
    Some(Finding {
        code: CODE,
        evidence: json!({"column": name, measure: score, "rows": rows.len()}),
        message: format!(
            "The column `{name}` alone nearly gives the answer ({} {score:.3}). If it is known only after the answer is, the model \
             will be useless on new rows.",
            measure.replace('_', " ")
        ),
        remedy: Remedy {
            text: format!("Leave `{name}` out unless it is really known beforehand."),
            spec_patch: json!({"task": {"features": {"exclude": [name]}}}),
        },
    })
}

/// The features made from each source column.
fn columns(dataset: &Dataset) -> BTreeMap<usize, Vec<usize>> {
    let mut columns = BTreeMap::<usize, Vec<usize>>::new();
    for (feature, &column) in dataset.feature_columns.iter().enumerate() {
        columns.entry(column as usize).or_default().push(feature);
    }
    columns
}

/// What the best category of an index alone reaches, as if it had a feature of its own. The order of indices means nothing.
fn each_category(dataset: &Dataset, answers: &Answers<'_>, feature: usize) -> f64 {
    let index = |row: usize| dataset.features[[row, feature]];
    let categories: BTreeSet<u32> = answers.rows.iter().map(|&row| index(row) as u32).collect();
    let one = |category: u32| {
        let is_it = |row| f32::from(u8::from(index(row) as u32 == category));
        answers.told_by(is_it)
    };
    categories.into_iter().map(one).fold(0.0, f64::max)
}

/// What is to be told, of the rows that are looked at.
struct Answers<'a> {
    rows: &'a [usize],
    kind: Kind<'a>,
}

enum Kind<'a> {
    Classes {
        labels: &'a [u32],
        n_classes: usize,
    },
    /// `[targets x rows]`, less the mean of each target; and the sums of their squares.
    Values {
        centred: Array2<f64>,
        squares: Vec<f64>,
    },
}

impl<'a> Answers<'a> {
    fn of(dataset: &'a Dataset, rows: &'a [usize]) -> Answers<'a> {
        let kind = match &dataset.targets {
            Targets::Classes { labels, names } => Kind::Classes {
                labels,
                n_classes: names.len(),
            },
            Targets::Values { values, .. } => {
                let mut centred =
                    Array2::from_shape_fn((values.ncols(), rows.len()), |(target, row)| {
                        f64::from(values[[rows[row], target]])
                    });
                let mut squares = Vec::with_capacity(values.ncols());
                for mut target in centred.rows_mut() {
                    target -= target.sum() / rows.len() as f64;
                    squares.push(target.dot(&target));
                }
                Kind::Values { centred, squares }
            }
        };
        Answers { rows, kind }
    }

    /// What one feature alone tells of them; `value` answers it for a row.
    fn told_by(&self, value: impl Fn(usize) -> f32) -> f64 {
        let rows = self.rows;
        match &self.kind {
            Kind::Classes { labels, n_classes } => {
                let pairs = rows.iter().map(|&row| (value(row), labels[row] as usize));
                intervals(pairs.collect(), *n_classes)
            }
            Kind::Values { centred, squares } => {
                let mut feature: Array1<f64> =
                    rows.iter().map(|&row| f64::from(value(row))).collect();
                feature -= feature.sum() / rows.len() as f64;
                squared_correlation(&feature, centred, squares)
            }
        }
    }
}

/// Balanced accuracy of the best cut of a line into one interval per class, in the order of the class means.
fn intervals(mut pairs: Vec<(f32, usize)>, n_classes: usize) -> f64 {
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut counts, mut sums) = (vec![0_usize; n_classes], vec![0.0; n_classes]);
    for &(value, class) in &pairs {
        counts[class] += 1;
        sums[class] += f64::from(value);
    }
    let mut order: Vec<usize> = (0..n_classes).filter(|&class| counts[class] > 0).collect();
    if order.len() < 2 {
        return 0.0;
    }
    order.sort_by(|&a, &b| (sums[a] / counts[a] as f64).total_cmp(&(sums[b] / counts[b] as f64)));
    let mut place_of = vec![0; n_classes];
    for (place, &class) in order.iter().enumerate() {
        place_of[class] = place;
    }
    // best[i]: the most that the first i + 1 intervals of the order can collect up to here, one row counting 1 / its class; it
    // never falls from one i to the next. A cut may only lie between different values.
    let mut best = vec![0.0_f64; order.len()];
    for tied in pairs.chunk_by(|a, b| a.0 == b.0) {
        let (mut first, mut last) = (best.len(), 0);
        for &(_, class) in tied {
            let place = place_of[class];
            best[place] += 1.0 / counts[class] as f64;
            (first, last) = (first.min(place), last.max(place));
        }
        for place in first + 1..best.len() {
            if best[place] < best[place - 1] {
                best[place] = best[place - 1];
            } else if place > last {
                break;
            }
        }
    }
    best[best.len() - 1] / order.len() as f64
}

/// Balanced accuracy of answering, for each combination of a column's features, its most frequent class (each row counting
/// 1 / its class). A column with nearly as many combinations as rows says nothing that way.
fn together(dataset: &Dataset, rows: &[usize], features: &[usize]) -> f64 {
    let Targets::Classes { labels, names } = &dataset.targets else {
        return 0.0;
    };
    let mut totals = vec![0_usize; names.len()];
    let mut groups = BTreeMap::<Vec<u32>, Vec<usize>>::new();
    for &row in rows {
        let key = features
            .iter()
            .map(|&feature| dataset.features[[row, feature]].to_bits())
            .collect();
        let class = labels[row] as usize;
        totals[class] += 1;
        groups.entry(key).or_insert_with(|| vec![0; names.len()])[class] += 1;
    }
    if groups.len() * 10 > rows.len() {
        return 0.0;
    }
    let mut hits = vec![0_usize; names.len()];
    for counts in groups.values() {
        let share = |class: usize| counts[class] as f64 / totals[class].max(1) as f64;
        if let Some(class) = (0..names.len()).max_by(|&a, &b| share(a).total_cmp(&share(b))) {
            hits[class] += counts[class];
        }
    }
    let occurring = totals.iter().filter(|&&total| total > 0).count();
    if occurring < 2 {
        return 0.0;
    }
    hits.iter()
        .zip(&totals)
        .filter(|(_, total)| **total > 0)
        .map(|(&hit, &total)| hit as f64 / total as f64)
        .sum::<f64>()
        / occurring as f64
}

/// The largest square of Pearson's correlation between a feature and a target, both less their means; 0 where one side does not vary.
fn squared_correlation(feature: &Array1<f64>, targets: &Array2<f64>, squares: &[f64]) -> f64 {
    let own = feature.dot(feature);
    let products = targets.dot(feature);
    let of_target = |(product, square): (&f64, &f64)| {
        if own > 0.0 && *square > 0.0 {
            product * product / (own * square)
        } else {
            0.0
        }
    };
    products
        .iter()
        .zip(squares)
        .map(of_target)
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::CategoryFeature;

    fn dataset(value: impl Fn(usize) -> f32) -> Dataset {
        Dataset {
            sample_shape: 1.into(),
            categories: Vec::new(),
            features: Array2::from_shape_fn((60, 1), |(row, _)| value(row)),
            feature_names: vec!["x".into()],
            feature_columns: vec![0],
            column_names: vec!["x".into(), "y".into()],
            targets: Targets::Classes {
                labels: (0..60).map(|row| row % 3).collect(),
                names: vec!["a".into(), "b".into(), "c".into()],
            },
        }
    }

    #[test]
    fn a_feature_in_the_order_of_the_classes_is_found() {
        let rows: Vec<u32> = (0..60).collect();
        let found = look(
            &dataset(|row| (row % 3) as f32 * -10.0 + row as f32 * 0.1),
            &rows,
        );
        assert!(found.is_some_and(|found| found.evidence["column"] == "x"));
    }

    #[test]
    fn an_index_is_no_number_but_its_categories_may_give_the_answer_away() {
        let rows: Vec<u32> = (0..60).collect();
        let indices = |value: fn(usize) -> f32| Dataset {
            categories: vec![CategoryFeature {
                feature: 0,
                vocabulary: 4,
            }],
            ..dataset(value)
        };
        // Three of four categories belong to a class, in another order than the classes.
        assert!(look(&indices(|row| [3.0, 0.0, 1.0][row % 3]), &rows).is_some());
        assert_eq!(look(&indices(|row| (row % 4) as f32), &rows), None);
        // As a number such an index would rise with the target.
        let mut numbers = indices(|row| (row / 15) as f32);
        numbers.targets = Targets::Values {
            values: Array2::from_shape_fn((60, 1), |(row, _)| (row / 15) as f32),
            names: vec!["y".into()],
            mean: vec![0.0],
            std: vec![1.0],
        };
        assert_eq!(look(&numbers, &rows), None);
        numbers.categories.clear();
        assert!(look(&numbers, &rows).is_some());
    }

    /// Every way to cut four values, with ties, into intervals of three classes in the order of their means.
    #[test]
    fn the_best_cut_is_the_best_of_all() {
        for case in 0..2000_u32 {
            let pairs: Vec<(f32, usize)> = (0..6)
                .map(|row| {
                    let draw = (case * 6 + row).wrapping_mul(2_654_435_761) >> 16;
                    ((draw % 4) as f32, draw as usize / 4 % 3)
                })
                .collect();
            let of = |class| pairs.iter().filter(move |pair| pair.1 == class);
            let mut order: Vec<usize> = (0..3).filter(|&class| of(class).count() > 0).collect();
            if order.len() < 2 {
                continue;
            }
            let mean = |class: usize| {
                of(class).map(|pair| f64::from(pair.0)).sum::<f64>() / of(class).count() as f64
            };
            order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
            let mut best = 0.0_f64;
            for cuts in (0..=4).flat_map(|low| (low..=4).map(move |high| [low, high])) {
                let interval = |value: f32| cuts.iter().filter(|&&cut| value >= cut as f32).count();
                let share = |(place, &class): (usize, &usize)| {
                    let hits = of(class).filter(|pair| interval(pair.0) == place).count();
                    hits as f64 / of(class).count() as f64
                };
                best = best.max(order.iter().enumerate().map(share).sum());
            }
            let found = intervals(pairs.clone(), 3);
            assert!(
                (found - best / order.len() as f64).abs() < 1e-9,
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn telling_one_class_of_three_apart_is_no_leak() {
        let rows: Vec<u32> = (0..60).collect();
        assert_eq!(
            look(
                &dataset(|row| if row % 3 == 0 {
                    5.0
                } else {
                    (row % 7) as f32 * 0.1
                }),
                &rows
            ),
            None
        );
        assert_eq!(look(&dataset(|row| (row % 3) as f32), &rows[..20]), None);
    }
}
