//! A histogram whose range is not known beforehand: cells of width 2^e, e growing with the range.
//!
//! Cell k holds the values in [k 2^e, (k+1) 2^e). Making cells twice as wide merges neighbours exactly
//! (floor(floor(x / 2^a) / 2^b) = floor(x / 2^(a+b))), so the counts depend on the values alone, not on their order and
//! not on how they were cut into blocks.

use crate::data::Histogram;

/// Bins of the histogram that is shown.
const BINS: usize = 20;
/// Smallest cell width is 2 to this power.
const MIN_EXPONENT: i32 = -1000;

/// Counts of values over cells of equal width.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Grid {
    exponent: i32,
    /// Index of the first cell.
    base: i64,
    counts: Vec<u64>,
}

impl Grid {
    /// Counts `values`, all within `min..=max`, on at most `max_cells` cells.
    pub(super) fn of(values: &[f64], min: f64, max: f64, max_cells: usize) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let mut exponent = finest_exponent(min, max, max_cells);
        while cell(max, exponent) - cell(min, exponent) >= max_cells as i64 {
            exponent += 1;
        }
        let base = cell(min, exponent);
        let mut counts = vec![0u32; (cell(max, exponent) - base + 1) as usize];
        let scale = power_of_two(-exponent);
        for value in values {
            let index = (value * scale).floor() as i64 - base;
            if let Some(count) = counts.get_mut(index as usize) {
                *count += 1;
            }
        }
        Self {
            exponent,
            base,
            counts: counts.into_iter().map(u64::from).collect(),
        }
    }

    /// Adds the counts of another grid.
    pub(super) fn merge(&mut self, other: &Self, max_cells: usize) {
        if other.counts.is_empty() {
            return;
        }
        if self.counts.is_empty() {
            self.clone_from(other);
            return;
        }
        let mut exponent = self.exponent.max(other.exponent);
        let (first, last) = loop {
            let (a, b) = (self.span(exponent), other.span(exponent));
            let span = (a.0.min(b.0), a.1.max(b.1));
            if span.1 - span.0 < max_cells as i64 {
                break span;
            }
            exponent += 1;
        };
        if (exponent, first) != (self.exponent, self.base)
            || last >= self.base + self.counts.len() as i64
        {
            let mut counts = vec![0; (last - first + 1) as usize];
            self.pour_into(&mut counts, exponent, first);
            *self = Self {
                exponent,
                base: first,
                counts,
            };
        }
        other.pour_into(&mut self.counts, exponent, first);
    }

    /// First and last cell at a coarser exponent.
    fn span(&self, exponent: i32) -> (i64, i64) {
        let shift = (exponent - self.exponent).min(63);
        (
            self.base >> shift,
            (self.base + self.counts.len() as i64 - 1) >> shift,
        )
    }

    fn pour_into(&self, counts: &mut [u64], exponent: i32, first: i64) {
        let shift = (exponent - self.exponent).min(63);
        for (i, count) in self.counts.iter().enumerate() {
            let index = ((self.base + i as i64) >> shift) - first;
            counts[index as usize] += count;
        }
    }

    /// Twenty bins between `min` and `max`; each cell goes to the bin that holds its middle.
    pub(super) fn histogram(&self, min: f64, max: f64) -> Histogram {
        let width = power_of_two(self.exponent);
        let cells = self.counts.iter().enumerate();
        let middles =
            cells.map(|(i, count)| (((self.base + i as i64) as f64 + 0.5) * width, *count));
        histogram(middles, min, max, false)
    }
}

/// Twenty bins of equal width over values and their counts.
pub(in crate::data) fn histogram(
    values: impl Iterator<Item = (f64, u64)>,
    min: f64,
    max: f64,
    exact: bool,
) -> Histogram {
    let mut counts = vec![0; BINS];
    let range = max - min;
    for (value, count) in values {
        let position = if range > 0.0 {
            (value - min) / range * BINS as f64
        } else {
            0.0
        };
        counts[(position.max(0.0) as usize).min(BINS - 1)] += count;
    }
    Histogram {
        min,
        max,
        counts,
        exact,
    }
}

/// An exponent at which the range spans about `max_cells` cells and every index fits an i64 with room.
fn finest_exponent(min: f64, max: f64, max_cells: usize) -> i32 {
    let for_range = exponent_of((max - min) / max_cells as f64);
    let for_size = exponent_of(min.abs().max(max.abs())) - 51;
    for_range.max(for_size).max(MIN_EXPONENT)
}

/// floor(log2 x) for normal x, the smallest exponent for zero and subnormal ones.
fn exponent_of(x: f64) -> i32 {
    ((x.to_bits() >> 52) & 0x7FF) as i32 - 1023
}

fn power_of_two(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

fn cell(value: f64, exponent: i32) -> i64 {
    (value * power_of_two(-exponent)).floor() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grid_of(values: &[f64], cells: usize) -> Grid {
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Grid::of(values, min, max, cells)
    }

    proptest! {
        #[test]
        fn blocks_merge_to_one_grid_in_any_cut(values in prop::collection::vec(-1e6..1e6f64, 1..400), cut in 1usize..400) {
            let mut merged = Grid::default();
            for part in values.chunks(cut) {
                merged.merge(&grid_of(part, 64), 64);
            }
            let total: u64 = merged.counts.iter().sum();
            prop_assert_eq!(total, values.len() as u64);
            prop_assert!(merged.counts.len() <= 64);
            let whole = grid_of(&values, 64);
            prop_assert_eq!(merged.exponent, whole.exponent);
            prop_assert_eq!(&merged.counts, &whole.counts);
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for values in [
            [-1.7e308, 1.7e308],
            [0.0, 5e-324],
            [1e15, 1e15 + 0.25],
            [-3.0, -3.0],
        ] {
            let grid = grid_of(&values, 1024);
            assert_eq!(grid.counts.iter().sum::<u64>(), 2, "{values:?}");
        }
        let mut grid = grid_of(&[1e-300, 2e-300], 256);
        grid.merge(&grid_of(&[-1e300, 1e300], 256), 256);
        assert_eq!(grid.counts.iter().sum::<u64>(), 4);
    }

    #[test]
    fn uniform_values_fill_the_bins_evenly() {
        let values: Vec<f64> = (0..20_000).map(|i| f64::from(i) / 20_000.0).collect();
        let histogram = grid_of(&values, 1024).histogram(0.0, values[values.len() - 1]);
        assert!(
            histogram
                .counts
                .iter()
                .all(|count| (960..=1040).contains(count)),
            "{:?}",
            histogram.counts
        );
    }
}
