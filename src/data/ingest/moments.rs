//! Count, mean, spread and range of numbers, gathered block by block.

/// Moments of some numbers; two of them merge into the moments of all (Chan, Golub, LeVeque 1979).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::data) struct Moments {
    pub n: u64,
    pub mean: f64,
    /// Sum of squared distances from the mean.
    pub m2: f64,
    pub min: f64,
    pub max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            n: 0,
            mean: 0.0,
            m2: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

/// Independent partial sums, so that additions overlap; the order of summation depends on the length alone.
const LANES: usize = 8;

impl Moments {
    /// Two passes over the values: first the mean, then the distances from it.
    pub(in crate::data) fn of(values: &[f64]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let (chunks, rest) = values.as_chunks::<LANES>();
        let (mut sums, mut mins, mut maxs) = (
            [0.0; LANES],
            [f64::INFINITY; LANES],
            [f64::NEG_INFINITY; LANES],
        );
        for chunk in chunks {
            for i in 0..LANES {
                sums[i] += chunk[i];
                mins[i] = if chunk[i] < mins[i] {
                    chunk[i]
                } else {
                    mins[i]
                };
                maxs[i] = if chunk[i] > maxs[i] {
                    chunk[i]
                } else {
                    maxs[i]
                };
            }
        }
        let sum: f64 = sums.iter().sum::<f64>() + rest.iter().sum::<f64>();
        let mean = sum / values.len() as f64;
        let mut squares = [0.0; LANES];
        for chunk in chunks {
            for i in 0..LANES {
                let distance = chunk[i] - mean;
                squares[i] += distance * distance;
            }
        }
        let m2 =
            squares.iter().sum::<f64>() + rest.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        let smaller = |a: f64, b: &f64| a.min(*b);
        let larger = |a: f64, b: &f64| a.max(*b);
        Self {
            n: values.len() as u64,
            mean,
            m2,
            min: rest
                .iter()
                .fold(mins.iter().fold(f64::INFINITY, smaller), smaller),
            max: rest
                .iter()
                .fold(maxs.iter().fold(f64::NEG_INFINITY, larger), larger),
        }
    }

    /// Adds the moments of the values that come after.
    pub(in crate::data) fn merge(&mut self, later: &Self) {
        if later.n == 0 {
            return;
        }
        if self.n == 0 {
            *self = *later;
            return;
        }
        let (a, b) = (self.n as f64, later.n as f64);
        let delta = later.mean - self.mean;
        self.mean += delta * (b / (a + b));
        self.m2 += later.m2 + delta * delta * (a * b / (a + b));
        self.n += later.n;
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
    }

    /// Sample standard deviation, divisor n - 1.
    pub(in crate::data) fn std(&self) -> Option<f64> {
        (self.n > 1)
            .then(|| (self.m2 / (self.n - 1) as f64).sqrt())
            .filter(|std| std.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_merge_into_the_whole() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i * i % 97) - 20.0).collect();
        let whole = Moments::of(&values);
        let mut merged = Moments::default();
        for part in values.chunks(33) {
            merged.merge(&Moments::of(part));
        }
        assert_eq!(
            (merged.n, merged.min, merged.max),
            (whole.n, whole.min, whole.max)
        );
        assert!((merged.mean - whole.mean).abs() < 1e-12);
        assert!((merged.m2 - whole.m2).abs() < 1e-9 * whole.m2);
    }

    #[test]
    fn known_values() {
        let moments = Moments::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(
            (moments.mean, moments.m2, moments.min, moments.max),
            (5.0, 32.0, 2.0, 9.0)
        );
        assert_eq!(moments.std(), Some((32.0f64 / 7.0).sqrt()));
    }
}
