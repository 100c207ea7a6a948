//! How well an embedding brings rows of one class together.

use super::{Metric, RECALL_AT_1};

/// Rows of a part that are compared with each other, at most: the work grows with their square.
pub const MOST_COMPARED: usize = 2_000;

/// Says how often the nearest other row is of the same class.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingMetrics {
    n_dimensions: usize,
}

impl EmbeddingMetrics {
    /// For embeddings of so many numbers, at least 1.
    #[must_use]
    pub fn new(n_dimensions: usize) -> Self {
        Self {
            n_dimensions: n_dimensions.max(1),
        }
    }

    /// Recall at 1 (Jegou, Douze, Schmid 2011, with the other rows of the part as what is searched): the part of the rows whose
    /// nearest other row, by Euclidean distance and the first of several, is of their class. Of more than [`MOST_COMPARED`] rows
    /// so many are taken at even distances. A row that has no other of its class among them cannot be found, and is not counted.
    /// `embeddings` are `[rows x n_dimensions]`. Absent where no two rows are of one class, and where an embedding is not finite.
    pub fn report(&self, embeddings: &[f32], labels: &[u32], mut push: impl FnMut(Metric, f64)) {
        let n_compared = labels.len().min(MOST_COMPARED);
        if embeddings.iter().any(|number| !number.is_finite()) {
            return;
        }
        let row_of = |nth: usize| nth * labels.len() / n_compared;
        let mut of_class = vec![0_u32; labels.iter().max().map_or(0, |&most| most as usize + 1)];
        (0..n_compared).for_each(|nth| of_class[labels[row_of(nth)] as usize] += 1);
        let can_be_found = |nth: &usize| of_class[labels[row_of(*nth)] as usize] > 1;
        let is_found = |nth: &usize| {
            let own = row_of(*nth);
            let others = (0..n_compared).filter(|other| other != nth).map(row_of);
            let nearest = others
                .map(|other| (self.squared_distance(embeddings, own, other), other))
                .reduce(|best, next| if next.0 < best.0 { next } else { best });
            nearest.is_some_and(|(_, other)| labels[other] == labels[own])
        };
        let n_asked = (0..n_compared).filter(can_be_found).count();
        let n_found = (0..n_compared)
            .filter(can_be_found)
            .filter(is_found)
            .count();
        if n_asked > 0 {
            push(RECALL_AT_1, n_found as f64 / n_asked as f64);
        }
    }

    fn squared_distance(&self, embeddings: &[f32], a: usize, b: usize) -> f64 {
        let row = |row: usize| &embeddings[row * self.n_dimensions..(row + 1) * self.n_dimensions];
        let pairs = row(a).iter().zip(row(b));
        pairs
            .map(|(a, b)| f64::from(a - b) * f64::from(a - b))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(n_dimensions: usize, embeddings: &[f32], labels: &[u32]) -> Option<f64> {
        let mut told = None;
        EmbeddingMetrics::new(n_dimensions).report(embeddings, labels, |metric, value| {
            assert_eq!(metric, RECALL_AT_1);
            told = Some(value);
        });
        told
    }

    #[test]
    fn a_row_is_found_by_its_nearest() {
        let places = [0.0, 0.0, 0.0, 1.0, 5.0, 5.0, 5.0, 4.0, 0.0, 2.5];
        assert_eq!(recall(2, &places, &[0, 0, 1, 1, 0]), Some(1.0));
        // The last lies nearest to the second, and nothing lies nearer to the second than the first.
        assert_eq!(recall(2, &places, &[0, 0, 1, 1, 1]), Some(0.8));
        // The first of two at the same distance counts.
        assert_eq!(recall(1, &[0.0, 1.0, -1.0], &[0, 0, 0]), Some(1.0));
        // A row that is alone in its class is in the way of others, but nobody asks for it.
        assert_eq!(recall(1, &[0.0, 1.0, -0.5], &[0, 0, 1]), Some(0.5));
        assert_eq!(recall(1, &[0.0, 1.0], &[0, 1]), None);
        assert_eq!(recall(1, &[0.0], &[0]), None);
        assert_eq!(recall(1, &[0.0, f32::NAN], &[0, 0]), None);
    }

    #[test]
    fn of_many_rows_those_of_every_class_are_compared() {
        // A file that is sorted by class: the first rows alone would say 1.
        let n = 3 * MOST_COMPARED;
        let labels: Vec<u32> = (0..n as u32)
            .map(|row| u32::from(row >= n as u32 / 2))
            .collect();
        let apart: Vec<f32> = (0..n)
            .map(|row| if row < n / 2 { row as f32 } else { -9.0 })
            .collect();
        assert_eq!(recall(1, &apart, &labels), Some(1.0));
        let mixed: Vec<f32> = (0..n).map(|row| (row % (n / 2)) as f32).collect();
        // Every row of one class lies on one of the other.
        assert_eq!(recall(1, &mixed, &labels), Some(0.0));
    }
}
