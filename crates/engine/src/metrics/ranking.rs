//! How well a score ranks the rows of one class above the others.

/// Areas under the two curves of a ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    /// Area under the receiver operating characteristic: `P(score of a positive > score of a negative)`, ties count half.
    pub roc_auc: f64,
    /// `sum over thresholds of (recall_n - recall_(n-1)) * precision_n`.
    pub average_precision: f64,
}

/// Ranks rows by `(score, is positive)`. `buffer` is scratch that a caller keeps between calls.
///
/// `None` when there is no positive or no negative row: then neither area is defined. Takes `n log n`.
pub fn rank(scores: impl Iterator<Item = (f32, bool)>, buffer: &mut Vec<u64>) -> Option<Ranking> {
    buffer.clear();
    buffer.extend(
        scores.map(|(score, positive)| u64::from(ordered(score)) << 1 | u64::from(positive)),
    );
    buffer.sort_unstable();
    let n_positive = buffer.iter().filter(|key| *key & 1 == 1).count() as f64;
    let n_negative = buffer.len() as f64 - n_positive;
    if n_positive == 0.0 || n_negative == 0.0 {
        return None;
    }
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

    #[test]
    fn one_class_alone_has_no_ranking() {
        assert_eq!(
            rank([(0.3, true), (0.4, true)].into_iter(), &mut Vec::new()),
            None
        );
        assert_eq!(rank(std::iter::empty(), &mut Vec::new()), None);
    }
}
