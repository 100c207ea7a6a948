//! How well a score ranks the rows of one class above the others.

/// Areas under the two curves of a ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    /// Area under the receiver operating characteristic: `P(score of a positive > score of a negative)`, ties count half.
    pub roc_auc: f64,
    /// `sum over thresholds of (recall_n - recall_(n-1)) * precision_n`.
    pub average_precision: f64,
}

/// The receiver operating characteristic of a ranking, from `(0, 0)` to `(1, 1)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Part of the negatives above each threshold, from the highest threshold down.
    pub false_positive_rate: Vec<f64>,
    /// Part of the positives above the same threshold.
    pub true_positive_rate: Vec<f64>,
}

/// Ranks rows by `(score, is positive)`. `buffer` is scratch that a caller keeps between calls.
///
/// `None` when there is no positive or no negative row: then neither area is defined. Takes `n log n`.
pub fn rank(scores: impl Iterator<Item = (f32, bool)>, buffer: &mut Vec<u64>) -> Option<Ranking> {
    let (n_positive, n_negative) = sort(scores, buffer)?;
    // From the highest score down; rows of one score pass the threshold together.
    let (mut positives, mut negatives, mut area, mut precision) = (0.0, 0.0, 0.0, 0.0);
    for tied in buffer.chunk_by(|a, b| a >> 1 == b >> 1).rev() {
        let here = tied.iter().filter(|key| *key & 1 == 1).count() as f64;
        let others = tied.len() as f64 - here;
        area += others * (positives + here / 2.0);
        positives += here;
        negatives += others;
        precision += here * positives / (positives + negatives);
    }
    Some(Ranking {
        roc_auc: area / (n_positive * n_negative),
        average_precision: precision / n_positive,
    })
}

/// The curve of rows by `(score, is positive)`, of at most `most_points` (at least two) points. Those left out lie between points that
/// are as far apart along the curve as the rest, so that its shape stays. `None` when there is no positive or no negative row.
pub fn curve(scores: impl Iterator<Item = (f32, bool)>, most_points: usize) -> Option<Curve> {
    let mut buffer = Vec::new();
    let (n_positive, n_negative) = sort(scores, &mut buffer)?;
    let (mut positives, mut negatives) = (0.0, 0.0);
    let mut corners = vec![(0.0, 0.0)];
    for tied in buffer.chunk_by(|a, b| a >> 1 == b >> 1).rev() {
        let here = tied.iter().filter(|key| *key & 1 == 1).count() as f64;
        positives += here;
        negatives += tied.len() as f64 - here;
        let point = (negatives / n_negative, positives / n_positive);
        // A point on the straight way from the one before says nothing.
        if let [.., (x, y), (middle_x, middle_y)] = corners[..]
            && ((middle_x == x && point.0 == x) || (middle_y == y && point.1 == y))
        {
            corners.pop();
        }
        corners.push(point);
    }
    let kept = spread(&corners, most_points.max(2));
    Some(Curve {
        false_positive_rate: kept.iter().map(|point| point.0).collect(),
        true_positive_rate: kept.iter().map(|point| point.1).collect(),
    })
}

/// At most `most` of the points of a path that climbs from `(0, 0)` to `(1, 1)`, evenly along `x + y`; its ends are kept.
fn spread(path: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if path.len() <= most {
        return path.to_vec();
    }
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(most);
    for idx in 0..most {
        let wanted = 2.0 * idx as f64 / (most - 1) as f64;
        let at = path.partition_point(|(x, y)| x + y < wanted);
        let point = path[at.min(path.len() - 1)];
        if kept.last() != Some(&point) {
            kept.push(point);
        }
    }
    kept
}

/// Sorts rows by score into `buffer`, whether they are positive in the lowest bit; answers how many are and are not.
fn sort(scores: impl Iterator<Item = (f32, bool)>, buffer: &mut Vec<u64>) -> Option<(f64, f64)> {
    buffer.clear();
    buffer.extend(
        scores.map(|(score, positive)| u64::from(ordered(score)) << 1 | u64::from(positive)),
    );
    buffer.sort_unstable();
    let n_positive = buffer.iter().filter(|key| *key & 1 == 1).count() as f64;
    let n_negative = buffer.len() as f64 - n_positive;
    (n_positive > 0.0 && n_negative > 0.0).then_some((n_positive, n_negative))
}

/// The bits of a float in an order that agrees with `<`; both zeros are one.
fn ordered(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 1 << 31
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_ordered_like_numbers() {
        let numbers = [
            f32::NEG_INFINITY,
            -2.0,
            -1e-30,
            0.0,
            1e-30,
            0.5,
            3.0,
            f32::INFINITY,
        ];
        assert!(
            numbers
                .windows(2)
                .all(|pair| ordered(pair[0]) < ordered(pair[1]))
        );
        assert_eq!(ordered(-0.0), ordered(0.0));
    }

    /// The area under a curve by trapezoids.
    fn area(curve: &Curve) -> f64 {
        let points = curve
            .false_positive_rate
            .iter()
            .zip(&curve.true_positive_rate);
        let points: Vec<_> = points.collect();
        points
            .windows(2)
            .map(|pair| (pair[1].0 - pair[0].0) * (pair[1].1 + pair[0].1) / 2.0)
            .sum()
    }

    #[test]
    fn a_curve_has_the_area_of_its_ranking() {
        // scikit-learn's `roc_curve([0, 0, 1, 1, 1, 0], [0.1, 0.4, 0.35, 0.8, 0.4, 0.4])`, without its collinear points.
        let rows = [
            (0.1, false),
            (0.4, false),
            (0.35, true),
            (0.8, true),
            (0.4, true),
            (0.4, false),
        ];
        let exact = curve(rows.into_iter(), 200).unwrap();
        assert_eq!(
            exact.false_positive_rate,
            [0.0, 0.0, 2.0 / 3.0, 2.0 / 3.0, 1.0]
        );
        assert_eq!(
            exact.true_positive_rate,
            [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0, 1.0]
        );
        let ranking = rank(rows.into_iter(), &mut Vec::new()).unwrap();
        assert!((area(&exact) - ranking.roc_auc).abs() < 1e-12);
        assert_eq!(curve([(0.3, true)].into_iter(), 200), None);
    }

    #[test]
    fn a_thinned_curve_keeps_its_ends_and_its_shape() {
        // Positives lie higher, but not always: a curve of thousands of corners.
        let rows = (0..20_000u64).map(|i| {
            let noise = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / (1 << 24) as f32;
            let positive = i % 3 == 0;
            (noise + if positive { 0.3 } else { 0.0 }, positive)
        });
        let ranking = rank(rows.clone(), &mut Vec::new()).unwrap();
        let thinned = curve(rows, 200).unwrap();
        let n_points = thinned.false_positive_rate.len();
        assert!((100..=200).contains(&n_points), "{n_points}");
        for rates in [&thinned.false_positive_rate, &thinned.true_positive_rate] {
            assert!(rates.is_sorted());
            assert_eq!((rates[0], rates[n_points - 1]), (0.0, 1.0));
        }
        assert!(
            (area(&thinned) - ranking.roc_auc).abs() < 2e-3,
            "{} {}",
            area(&thinned),
            ranking.roc_auc
        );
    }

    #[test]
    fn one_class_alone_has_no_ranking() {
        assert_eq!(
            rank([(0.3, true), (0.4, true)].into_iter(), &mut Vec::new()),
            None
        );
        assert_eq!(rank(std::iter::empty(), &mut Vec::new()), None);
    }
}
