//! Rosenblatt's perceptron: one threshold unit that is corrected by every row it gets wrong.
//!
//! For a row x of class y in {0, 1} the unit answers o = 1 if w . x + b > 0, else 0, and then
//!
//! ```text
//! w <- w + (y - o) x        b <- b + (y - o)
//! ```
//!
//! (F. Rosenblatt, "The perceptron: a perceiving and recognizing automaton", 1957). If a line separates the classes, this makes
//! at most (R / margin)^2 mistakes and stops (Novikoff 1962).
//!
//! **When no line separates them**, that can be proved while training. Every correction adds one of the vectors
//! v = +-(x, 1). Were there a separating (u, c), each correction would move the weights forward along it: (u, c) . v >= 0, and the
//! sum over a stretch of corrections that contains both kinds is > 0 (a stretch of one kind alone moves the bias, so it never
//! comes back). So weights that come back to exactly what they had been show that there is none. The weights are kept in f64, where such sums are exact as long as the features have few enough
//! digits; [`Perceptron::is_exact`] holds only then, and only then is a return taken as a proof.

use crate::checkpoint::{CheckpointError, Reader, Writer};
use crate::rng::{Purpose, Stream};

/// The unit with everything its training needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Perceptron {
    /// One weight per feature, then the bias.
    weights: Vec<f64>,
    /// Corrections made.
    corrections: u64,
    /// The weights at an earlier moment, to be compared with (Brent's way of finding a return with one memory).
    earlier: Vec<f64>,
    /// Corrections made at that moment.
    earlier_corrections: u64,
    /// Corrections that cancelled out, once the weights came back.
    returned: Option<u64>,
    /// Greatest squared length of (x, 1) over the rows.
    greatest_square: f64,
    /// Smallest power of two that all numbers are multiples of.
    quantum: f64,
}

impl Perceptron {
    /// Draws small first weights, multiples of 1/64, so that they do not spoil exactness.
    pub fn new<'a>(seed: u64, n_features: usize, rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let stream = Stream::new(seed, Purpose::Initialisation(0), 0);
        let weights: Vec<f64> = (0..=n_features)
            .map(|index| (stream.below(index as u64, 65) as f64 - 32.0) / 64.0)
            .collect();
        let (mut greatest_square, mut quantum) = (1.0_f64, 1.0 / 64.0);
        for row in rows {
            let square: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
            greatest_square = greatest_square.max(square + 1.0);
            quantum = row
                .iter()
                .fold(quantum, |quantum, &x| lowest_bit(f64::from(x)).min(quantum));
        }
        Self {
            earlier: weights.clone(),
            weights,
            corrections: 0,
            earlier_corrections: 0,
            returned: None,
            greatest_square,
            quantum,
        }
    }

    /// One weight per feature, then the bias.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Corrections made so far.
    #[must_use]
    pub fn corrections(&self) -> u64 {
        self.corrections
    }

    /// Corrections in a row that cancelled out exactly: the proof that no line separates the classes.
    #[must_use]
    pub fn returned(&self) -> Option<u64> {
        self.returned
    }

    /// Begins anew from these weights, which must be as many as its own.
    pub(crate) fn start_from(&mut self, weights: &[f64]) {
        self.weights.copy_from_slice(weights);
        self.earlier.copy_from_slice(weights);
        self.quantum = weights.iter().fold(self.quantum, |quantum, &weight| {
            lowest_bit(weight).min(quantum)
        });
        (self.corrections, self.earlier_corrections, self.returned) = (0, 0, None);
    }

    pub(crate) fn save(&self, writer: &mut Writer) {
        writer.f64s(&self.weights);
        writer.f64s(&self.earlier);
        writer.f64(self.quantum);
        writer.u64(self.corrections);
        writer.u64(self.earlier_corrections);
        writer.option(self.returned, Writer::u64);
    }

    /// Reads what [`Perceptron::save`] wrote for as many features.
    pub(crate) fn load(&mut self, reader: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let (weights, earlier) = (reader.f64s()?, reader.f64s()?);
        if weights.len() != self.weights.len() || earlier.len() != weights.len() {
            return Err(CheckpointError::Foreign {
                what: "the number of features",
            });
        }
        (self.weights, self.earlier, self.quantum) = (weights, earlier, reader.f64()?);
        (self.corrections, self.earlier_corrections) = (reader.u64()?, reader.u64()?);
        self.returned = reader.option(Reader::u64)?;
        Ok(())
    }

    /// w . x + b
    #[must_use]
    pub fn activation(&self, row: &[f32]) -> f64 {
        let (bias, weights) = self
            .weights
            .split_last()
            .map_or((0.0, &[][..]), |(bias, weights)| (*bias, weights));
        weights
            .iter()
            .zip(row)
            .fold(bias, |sum, (weight, &x)| sum + weight * f64::from(x))
    }

    /// Shows one row and corrects the weights if the answer is wrong. Answers the activation before the correction.
    pub fn learn(&mut self, row: &[f32], positive: bool) -> f64 {
        let activation = self.activation(row);
        if (activation > 0.0) == positive {
            return activation;
        }
        let sign = if positive { 1.0 } else { -1.0 };
        for (weight, &x) in self.weights.iter_mut().zip(row) {
            *weight += sign * f64::from(x);
        }
        if let Some(bias) = self.weights.last_mut() {
            *bias += sign;
        }
        self.corrections += 1;
        self.look_back();
        activation
    }

    /// Compares with the earlier weights, and remembers the present ones each time the corrections have doubled.
    fn look_back(&mut self) {
        if self.returned.is_some() {
            return;
        }
        if !self.is_exact() {
            // Once a sum was rounded, no later return proves anything.
            self.quantum = 0.0;
            return;
        }
        if self.weights == self.earlier {
            self.returned = Some(self.corrections - self.earlier_corrections);
        } else if self.corrections >= 2 * self.earlier_corrections.max(1) {
            self.earlier.copy_from_slice(&self.weights);
            self.earlier_corrections = self.corrections;
        }
    }

    /// Whether every sum so far was exact: all weights are multiples of the quantum and small enough for 53 bits.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        let limit = self.quantum * (1_u64 << 52) as f64;
        self.weights.iter().all(|weight| weight.abs() < limit)
    }

    /// What any separating line's margin is below, as a part of the greatest row's length: after T corrections of a separable
    /// set with unit normal u, T margin <= u . (w - w0) <= |w - w0|, and |w - w0| <= sqrt(T) R + |w0|.
    #[must_use]
    pub fn margin_bound(&self) -> f64 {
        let first_weights = 0.5 * (self.weights.len() as f64).sqrt();
        let radius = self.greatest_square.sqrt();
        let corrections = self.corrections.max(1) as f64;
        (corrections.sqrt() * radius + 2.0 * first_weights) / corrections / radius
    }
}

/// The value of the lowest bit that is set in a float, infinity for zero. Every f32 is a normal f64; a subnormal f64 counts as
/// too fine for anything.
fn lowest_bit(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY;
    }
    let bits = x.to_bits();
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1075 + mantissa.trailing_zeros() as i32;
    f64::from_bits(((exponent + 1023).max(0) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORNERS: [[f32; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

    /// Epochs until one has no mistake, in a shuffled order.
    fn epochs_to_converge(seed: u64, truth: [bool; 4], most: u64) -> (Option<u64>, Perceptron) {
        let mut unit = Perceptron::new(seed, 2, CORNERS.iter().map(<[f32; 2]>::as_slice));
        for epoch in 0..most {
            let before = unit.corrections;
            for row in Stream::new(seed, Purpose::Shuffle, epoch).permutation(4) {
                unit.learn(&CORNERS[row as usize], truth[row as usize]);
            }
            if unit.corrections == before {
                return (Some(epoch + 1), unit);
            }
        }
        (None, unit)
    }

    #[test]
    fn gates_converge_within_twenty_epochs_and_never_return() {
        for truth in [
            [false, false, false, true],
            [false, true, true, true],
            [true, true, true, false],
        ] {
            for seed in 0..100 {
                let (epochs, unit) = epochs_to_converge(seed, truth, 20);
                assert!(epochs.is_some(), "seed {seed}, {truth:?}");
                assert_eq!(unit.returned, None);
            }
        }
    }

    #[test]
    fn the_exclusive_or_returns_and_never_converges() {
        for seed in 0..100 {
            let (epochs, unit) = epochs_to_converge(seed, [false, true, true, false], 100);
            assert_eq!(epochs, None);
            assert!(
                unit.returned.is_some_and(|corrections| corrections >= 2),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn the_lowest_bit_of_a_float_is_its_quantum() {
        assert_eq!(lowest_bit(0.75), 0.25);
        assert_eq!(lowest_bit(-6.0), 2.0);
        assert_eq!(lowest_bit(f64::from(f32::from_bits(1))), 2.0_f64.powi(-149));
        assert_eq!(lowest_bit(0.0), f64::INFINITY);
    }

    /// Features with digits too fine for exact sums claim no proof.
    #[test]
    fn without_exact_sums_a_return_is_no_proof() {
        let rows = [[1e-30_f32, 1.0], [1.0, 1.0]];
        let mut unit = Perceptron::new(0, 2, rows.iter().map(<[f32; 2]>::as_slice));
        for _ in 0..50 {
            unit.learn(&rows[0], true);
            unit.learn(&rows[0], false);
        }
        assert!(!unit.is_exact());
        assert_eq!(unit.returned, None);
        assert!(unit.margin_bound() < 0.5);
    }
}
