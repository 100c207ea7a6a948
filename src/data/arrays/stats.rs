//! What is known of the numbers of all samples after one pass: range, mean and spread, over all and by channel.

use super::element::{Element, ElementType};
use crate::data::ingest::grid;
use crate::data::ingest::moments::Moments;
use crate::data::number::is_single;
use crate::data::{ChannelProfile, DataError, Histogram};

/// Samples with more channels than this are described as a whole.
const MAX_CHANNELS: usize = 16;

/// Gathers the numbers of the samples.
pub(super) struct Stats {
    element: Element,
    n_channels: usize,
    gathered: Gathered,
    numbers: Vec<f64>,
}

enum Gathered {
    /// How often each byte occurs in each channel: everything follows exactly.
    Bytes(Vec<[u64; 256]>),
    Numbers(Vec<Moments>),
}

impl Stats {
    pub(super) fn new(element: Element, n_channels: usize) -> Self {
        let n_channels = if n_channels <= MAX_CHANNELS {
            n_channels
        } else {
            1
        };
        let gathered = if element.kind == ElementType::UInt8 {
            Gathered::Bytes(vec![[0; 256]; n_channels])
        } else {
            Gathered::Numbers(vec![Moments::default(); n_channels])
        };
        Self {
            element,
            n_channels,
            gathered,
            numbers: Vec::new(),
        }
    }

    /// Takes the bytes of row `index`.
    pub(super) fn take(&mut self, index: u64, row: &[u8]) -> Result<(), DataError> {
        match &mut self.gathered {
            Gathered::Bytes(counts) => {
                for pixel in row.chunks_exact(self.n_channels) {
                    for (count, byte) in counts.iter_mut().zip(pixel) {
                        count[usize::from(*byte)] += 1;
                    }
                }
            }
            Gathered::Numbers(moments) => {
                self.numbers.clear();
                self.element.read(row, &mut self.numbers);
                if let Some(at) = self.numbers.iter().position(|x| !is_single(*x)) {
                    let message = format!(
                        "number {at} of row {index} is {:e}; only finite numbers up to 3.4e38 can be learned from",
                        self.numbers[at]
                    );
                    return Err(DataError::new("not_finite", message));
                }
                let n_channels = self.n_channels;
                for (channel, moments) in moments.iter_mut().enumerate() {
                    if n_channels == 1 {
                        moments.merge(&Moments::of(&self.numbers));
                        continue;
                    }
                    let own: Vec<f64> = self
                        .numbers
                        .iter()
                        .skip(channel)
                        .step_by(n_channels)
                        .copied()
                        .collect();
                    moments.merge(&Moments::of(&own));
                }
            }
        }
        Ok(())
    }

    /// Over all numbers, and by channel.
    pub(super) fn channels(&self) -> (ChannelProfile, Vec<ChannelProfile>) {
        let by_channel: Vec<Moments> = match &self.gathered {
            Gathered::Bytes(counts) => counts.iter().map(of_bytes).collect(),
            Gathered::Numbers(moments) => moments.clone(),
        };
        let mut all = Moments::default();
        by_channel.iter().for_each(|moments| all.merge(moments));
        (profile(&all), by_channel.iter().map(profile).collect())
    }

    /// Twenty bins over the range; only bytes are counted one by one.
    pub(super) fn histogram(&self) -> Option<Histogram> {
        let Gathered::Bytes(counts) = &self.gathered else {
            return None;
        };
        let of = |byte: usize| counts.iter().map(|channel| channel[byte]).sum::<u64>();
        let first = (0..256).find(|byte| of(*byte) > 0)? as f64;
        let last = (0..256).rev().find(|byte| of(*byte) > 0)? as f64;
        let counted = (0..256).map(|byte| (byte as f64, of(byte)));
        let present = counted.filter(|(_, count)| *count > 0);
        Some(grid::histogram(present, first, last, true))
    }
}

fn of_bytes(counts: &[u64; 256]) -> Moments {
    let n: u64 = counts.iter().sum();
    if n == 0 {
        return Moments::default();
    }
    let sum: u64 = (0..).zip(counts).map(|(byte, count)| byte * count).sum();
    let mean = sum as f64 / n as f64;
    let squared = |byte: usize| (byte as f64 - mean) * (byte as f64 - mean);
    let occurs = |byte: &usize| counts[*byte] > 0;
    Moments {
        n,
        mean,
        m2: (0..256)
            .map(|byte| squared(byte) * counts[byte] as f64)
            .sum(),
        min: (0..256).find(occurs).unwrap_or(0) as f64,
        max: (0..256).rev().find(occurs).unwrap_or(0) as f64,
    }
}

fn profile(moments: &Moments) -> ChannelProfile {
    ChannelProfile {
        min: moments.min,
        max: moments.max,
        mean: moments.mean,
        std: moments.std().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_floats_say_the_same() {
        let bytes: Vec<u8> = (0..60).map(|i| (i * 37 % 251) as u8).collect();
        let of = |kind: ElementType, rows: &[Vec<u8>]| {
            let element = Element {
                kind,
                big_endian: false,
            };
            let mut stats = Stats::new(element, 3);
            for (index, row) in (0..).zip(rows) {
                stats.take(index, row).unwrap();
            }
            stats.channels()
        };
        let floats = |row: &[u8]| -> Vec<u8> {
            row.iter()
                .flat_map(|byte| f32::from(*byte).to_le_bytes())
                .collect()
        };
        let rows: Vec<Vec<u8>> = bytes.chunks(12).map(<[u8]>::to_vec).collect();
        let wide: Vec<Vec<u8>> = rows.iter().map(|row| floats(row)).collect();
        let (exact, by_channel) = of(ElementType::UInt8, &rows);
        let (other, _) = of(ElementType::Float32, &wide);
        assert_eq!((exact.min, exact.max), (other.min, other.max));
        assert!((exact.mean - other.mean).abs() < 1e-12 && (exact.std - other.std).abs() < 1e-9);
        assert_eq!(by_channel.len(), 3);
        assert!(exact.max <= 250.0 && exact.mean > 50.0);
    }

    #[test]
    fn infinity_is_refused_with_its_row() {
        let element = Element {
            kind: ElementType::Float32,
            big_endian: true,
        };
        let mut stats = Stats::new(element, 1);
        let error = stats.take(7, &f32::INFINITY.to_be_bytes()).unwrap_err();
        assert_eq!(error.code, "not_finite");
        assert!(error.message.contains("row 7"), "{error}");
    }

    #[test]
    fn what_only_a_double_holds_is_refused() {
        let element = Element {
            kind: ElementType::Float64,
            big_endian: false,
        };
        let mut stats = Stats::new(element, 1);
        let greatest = f64::from(f32::MAX);
        stats.take(0, &greatest.to_le_bytes()).unwrap();
        let error = stats.take(1, &1e39_f64.to_le_bytes()).unwrap_err();
        assert_eq!(error.code, "not_finite");
        assert!(error.message.contains("1e39"), "{error}");
    }
}
