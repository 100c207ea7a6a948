//! Metrics of a classification, from logits.

use super::ranking::{Curve, curve, rank};
use super::{ACCURACY, AVERAGE_PRECISION, BALANCED_ACCURACY, MACRO_F1, Metric, ROC_AUC};
use crate::element::Real;

/// How well one class is told from the others.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassCurve {
    /// The class.
    pub class: usize,
    /// The exact area under its receiver operating characteristic.
    pub roc_auc: f64,
    /// The characteristic.
    pub curve: Curve,
}

/// Collects a part's logits and labels and says how well they agree.
#[derive(Clone, Debug)]
pub struct ClassificationMetrics {
    n_classes: usize,
    /// `counts[true * n_classes + predicted]`
    counts: Vec<u64>,
    labels: Vec<u32>,
    /// `[n_rows x n_scores]`: one score for two classes (how much the second is preferred), else one per class.
    scores: Vec<f32>,
    keys: Vec<u64>,
}

impl ClassificationMetrics {
    /// Nothing measured yet, for at least two classes.
    #[must_use]
    pub fn new(n_classes: usize) -> Self {
        Self {
            n_classes,
            counts: vec![0; n_classes * n_classes],
            labels: Vec::new(),
            scores: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Forgets what was measured and keeps the buffers.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        self.labels.clear();
        self.scores.clear();
    }

    /// Adds rows: `labels` is the true class of each and `logits` is `[rows x n_classes]` row by row, or `[rows x 1]` for two
    /// classes told apart by one number (above 0 is the second class).
    ///
    /// # Panics
    /// When a label is no class.
    pub fn add(&mut self, logits: &[f32], labels: &[u32]) {
        let n_outputs = logits.len().checked_div(labels.len()).unwrap_or(0).max(1);
        for (logits, &label) in logits.chunks_exact(n_outputs).zip(labels) {
            let predicted = self.score(logits);
            self.counts[label as usize * self.n_classes + predicted] += 1;
            self.labels.push(label);
        }
    }

    /// Keeps the scores of one row and answers its class: the greatest logit, the first of equals.
    fn score(&mut self, logits: &[f32]) -> usize {
        if self.n_classes == 2 {
            let preferred = if let [first, second] = logits {
                second - first
            } else {
                logits[0]
            };
            self.scores.push(preferred);
            return usize::from(preferred > 0.0);
        }
        let mut predicted = 0;
        for class in 1..self.n_classes {
            if logits[class] > logits[predicted] {
                predicted = class;
            }
        }
        let top = logits[predicted];
        let first = self.scores.len();
        self.scores
            .extend(logits.iter().map(|logit| Real::exp(logit - top)));
        let sum: f32 = self.scores[first..].iter().sum();
        self.scores[first..]
            .iter_mut()
            .for_each(|score| *score /= sum);
        predicted
    }

    /// `counts[true][predicted]`, row by row.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The receiver operating characteristic of the second of two classes, or of each of more (one against the rest): of at most
    /// `most_curves`, those of the classes with the most rows, and with at most `most_points` together. A class for which it is not
    /// defined is left out.
    #[must_use]
    pub fn curves(&self, most_curves: usize, most_points: usize) -> Vec<ClassCurve> {
        let mut classes: Vec<usize> = if self.n_classes == 2 {
            vec![1]
        } else {
            (0..self.n_classes).collect()
        };
        let n_rows = |class: &usize| -> u64 {
            self.counts[class * self.n_classes..][..self.n_classes]
                .iter()
                .sum()
        };
        classes.sort_by_key(|class| std::cmp::Reverse(n_rows(class)));
        classes.truncate(most_curves);
        classes.sort_unstable();
        let most_points = most_points / classes.len().max(1);
        let curves = classes.into_iter().filter_map(|class| {
            let ranking = rank(self.one_against_the_rest(class), &mut Vec::new())?;
            Some(ClassCurve {
                class,
                roc_auc: ranking.roc_auc,
                curve: curve(self.one_against_the_rest(class), most_points)?,
            })
        });
        curves.collect()
    }

    /// Score of each row for `class`, and whether it is of that class.
    fn one_against_the_rest(&self, class: usize) -> impl Iterator<Item = (f32, bool)> + '_ {
        let (column, n_scores) = if self.n_classes == 2 {
            (0, 1)
        } else {
            (class, self.n_classes)
        };
        let scores = self.scores.iter().skip(column).step_by(n_scores);
        scores
            .zip(&self.labels)
            .map(move |(&score, &label)| (score, label as usize == class))
    }

    /// Every metric that is defined on what was added, in the order of [`super::of`], without the loss.
    pub fn report(&mut self, mut push: impl FnMut(Metric, f64)) {
        if self.labels.is_empty() {
            return;
        }
        let (accuracy, balanced, f1) = self.counted();
        push(ACCURACY, accuracy);
        push(BALANCED_ACCURACY, balanced);
        push(MACRO_F1, f1);
        if let Some((roc_auc, average_precision)) = self.ranked() {
            push(ROC_AUC, roc_auc);
            push(AVERAGE_PRECISION, average_precision);
        }
    }

    /// Accuracy, mean recall over the classes that occur, mean F1 over the classes that occur or were predicted.
    fn counted(&self) -> (f64, f64, f64) {
        let k = self.n_classes;
        let at = |row: usize, column: usize| self.counts[row * k + column] as f64;
        let (mut hits, mut recalls, mut n_true, mut f1s, mut n_seen) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for class in 0..k {
            let hit = at(class, class);
            let truly: f64 = (0..k).map(|other| at(class, other)).sum();
            let predicted: f64 = (0..k).map(|other| at(other, class)).sum();
            hits += hit;
            if truly > 0.0 {
                recalls += hit / truly;
                n_true += 1.0;
            }
            if truly + predicted > 0.0 {
                f1s += 2.0 * hit / (truly + predicted);
                n_seen += 1.0;
            }
        }
        (
            hits / self.labels.len() as f64,
            recalls / n_true,
            f1s / n_seen,
        )
    }

    /// ROC AUC and average precision: of the second class for two classes, else the mean over the classes for which they are
    /// defined (one against the rest).
    fn ranked(&mut self) -> Option<(f64, f64)> {
        let n_scores = if self.n_classes == 2 {
            1
        } else {
            self.n_classes
        };
        let (mut auc, mut precision, mut defined) = (0.0, 0.0, 0.0);
        for score in 0..n_scores {
            let positive = if self.n_classes == 2 { 1 } else { score as u32 };
            let column = self.scores.iter().skip(score).step_by(n_scores);
            let rows = column
                .zip(&self.labels)
                .map(|(&score, &label)| (score, label == positive));
            if let Some(ranking) = rank(rows, &mut self.keys) {
                auc += ranking.roc_auc;
                precision += ranking.average_precision;
                defined += 1.0;
            }
        }
        (defined > 0.0).then(|| (auc / defined, precision / defined))
    }
}
