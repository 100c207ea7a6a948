//! Metrics against values computed by hand and by scikit-learn 1.9.1 on the same numbers.

use descent_engine::metrics::{ClassificationMetrics, RegressionMetrics, rank};
use ndarray::Array2;

/// The numbers that the scikit-learn values below were computed on: a 64-bit congruential generator, 24 bits each.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }
}

struct Samples {
    labels3: Vec<u32>,
    logits3: Array2<f32>,
    labels2: Vec<u32>,
    logits2: Array2<f32>,
    targets: Array2<f32>,
    predictions: Array2<f32>,
}

fn samples() -> Samples {
    const N: usize = 60;
    let mut numbers = Numbers(42);
    let labels3: Vec<u32> = (0..N).map(|_| (numbers.next() * 3.0) as u32).collect();
    let logits3 = Array2::from_shape_fn((N, 3), |(row, class)| {
        (numbers.next() * 4.0 - 2.0
            + if class as u32 == labels3[row] {
                1.2
            } else {
                0.0
            }) as f32
    });
    let labels2: Vec<u32> = (0..N).map(|_| (numbers.next() * 1.4) as u32).collect();
    let mut logits2 = Array2::zeros((N, 2));
    for row in 0..N {
        let score = (numbers.next() * 4.0 - 2.0 + f64::from(labels2[row])) * 4.0;
        logits2[[row, 1]] = (score.round_ties_even() / 4.0) as f32;
    }
    let exact = Array2::from_shape_fn((N, 2), |(_, target)| {
        let number = numbers.next();
        if target == 0 {
            number * 4.0 - 2.0
        } else {
            number * 2.0 - 1.0
        }
    });
    let predictions = exact.map(|target| (target + numbers.next() - 0.5) as f32);
    Samples {
        labels3,
        logits3,
        labels2,
        logits2,
        targets: exact.map(|&target| target as f32),
        predictions,
    }
}

/// The numbers of a table, row by row.
fn numbers(table: &Array2<f32>) -> Vec<f32> {
    table.iter().copied().collect()
}

fn values(metrics: &mut ClassificationMetrics) -> Vec<(&'static str, f64)> {
    let mut values = Vec::new();
    metrics.report(|metric, value| values.push((metric.name, value)));
    values
}

fn agrees(got: &[(&'static str, f64)], expected: &[(&'static str, f64)]) {
    assert_eq!(
        got.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        expected.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    for ((name, got), (_, expected)) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() < 1e-6,
            "{name}: {got} where scikit-learn says {expected}"
        );
    }
}

#[test]
fn three_classes_agree_with_scikit_learn() {
    let samples = samples();
    let mut metrics = ClassificationMetrics::new(3);
    // In two batches, which must make no difference.
    metrics.add(&numbers(&samples.logits3)[..51], &samples.labels3[..17]);
    metrics.add(&numbers(&samples.logits3)[51..], &samples.labels3[17..]);
    let expected = [
        ("accuracy", 0.65),
        ("balanced_accuracy", 0.681_157_284_605_560_6),
        ("macro_f1", 0.647_432_306_255_835_7),
        ("roc_auc", 0.859_996_941_115_441_7),
        ("average_precision", 0.740_184_225_305_235_2),
    ];
    agrees(&values(&mut metrics), &expected);
    assert_eq!(metrics.counts(), [11, 4, 3, 4, 17, 8, 1, 1, 11]);
    metrics.clear();
    assert!(values(&mut metrics).is_empty());
}

#[test]
fn two_classes_with_ties_agree_with_scikit_learn() {
    let samples = samples();
    let mut metrics = ClassificationMetrics::new(2);
    metrics.add(&numbers(&samples.logits2), &samples.labels2);
    let expected = [
        ("accuracy", 0.5),
        ("balanced_accuracy", 0.544_459_644_322_845_4),
        ("macro_f1", 0.490_950_226_244_343_9),
        ("roc_auc", 0.729_138_166_894_664_9),
        ("average_precision", 0.665_552_622_609_661_9),
    ];
    agrees(&values(&mut metrics), &expected);
    // One output instead of two: the same decisions, the same ranking.
    let single = samples.logits2.slice(ndarray::s![.., 1..]).to_owned();
    let mut metrics = ClassificationMetrics::new(2);
    metrics.add(&numbers(&single), &samples.labels2);
    agrees(&values(&mut metrics), &expected);
}

#[test]
fn regression_agrees_with_scikit_learn_in_original_units() {
    let samples = samples();
    let mut metrics = RegressionMetrics::new(&[3.0, 0.5]);
    metrics.add(&numbers(&samples.predictions), &numbers(&samples.targets));
    let mut values = Vec::new();
    metrics.report(|metric, value| values.push((metric.name, value)));
    let expected = [
        ("rmse", 0.501_399_178_687_234_3),
        ("mae", 0.438_958_624_253_670_6),
        ("r2", 0.831_677_173_726_430_8),
    ];
    agrees(&values, &expected);
}

#[test]
fn a_constant_target_has_no_r2() {
    let mut metrics = RegressionMetrics::new(&[2.0]);
    metrics.add(&[0.1, 0.3], &[0.7, 0.7]);
    let mut names = Vec::new();
    metrics.report(|metric, _| names.push(metric.name));
    assert_eq!(names, ["rmse", "mae"]);
}

/// Scores 0.9 0.8 0.7 0.6 for + - + -: of the four pairs three are in order; precision is 1 at the first hit, 2/3 at the second.
#[test]
fn areas_by_hand() {
    let rows = [(0.9, true), (0.8, false), (0.7, true), (0.6, false)];
    let ranking = rank(rows.into_iter(), &mut Vec::new()).expect("both classes occur");
    assert!((ranking.roc_auc - 0.75).abs() < 1e-12);
    assert!((ranking.average_precision - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
    let tied =
        rank([(0.5, true), (0.5, false)].into_iter(), &mut Vec::new()).expect("both classes occur");
    assert!((tied.roc_auc - 0.5).abs() < 1e-12);
}

#[test]
fn a_class_that_does_not_occur_counts_nowhere() {
    let mut metrics = ClassificationMetrics::new(3);
    metrics.add(&[2.0, 0.0, 0.0, 0.0, 1.0, 0.0], &[0, 1]);
    assert_eq!(
        values(&mut metrics)[..3],
        [
            ("accuracy", 1.0),
            ("balanced_accuracy", 1.0),
            ("macro_f1", 1.0)
        ]
    );
}
