//! Metrics of a regression, in the units of the training file.

use super::{MAE, Metric, R2, RMSE};

/// Collects a part's standardised predictions and targets and says how far apart they are.
#[derive(Clone, Debug)]
pub struct RegressionMetrics {
    /// Standard deviation of each target: what a standardised error is multiplied with.
    std: Vec<f64>,
    sums: Vec<Sums>,
    n_rows: u64,
}

/// Sums over the rows of one target, standardised.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    squared_error: f64,
    absolute_error: f64,
    target: f64,
    squared_target: f64,
}

impl RegressionMetrics {
    /// Nothing measured yet. `std` is each target's standard deviation in its own unit.
    #[must_use]
    pub fn new(std: &[f32]) -> Self {
        Self {
            std: std.iter().map(|&std| f64::from(std)).collect(),
            sums: vec![Sums::default(); std.len()],
            n_rows: 0,
        }
    }

    /// Forgets what was measured and keeps the buffers.
    pub fn clear(&mut self) {
        self.sums.fill(Sums::default());
        self.n_rows = 0;
    }

    /// Adds rows: both are `[rows x n_targets]` row by row, and standardised.
    pub fn add(&mut self, predictions: &[f32], targets: &[f32]) {
        let n_targets = self.sums.len().max(1);
        for (predictions, targets) in predictions
            .chunks_exact(n_targets)
            .zip(targets.chunks_exact(n_targets))
        {
            self.n_rows += 1;
            for ((&prediction, &target), sums) in
                predictions.iter().zip(targets).zip(&mut self.sums)
            {
                let (prediction, target) = (f64::from(prediction), f64::from(target));
                let error = prediction - target;
                sums.squared_error += error * error;
                sums.absolute_error += error.abs();
                sums.target += target;
                sums.squared_target += target * target;
            }
        }
    }

    /// RMSE, MAE and R2, each the mean over the targets. R2 is absent when a target is constant on these rows.
    pub fn report(&self, mut push: impl FnMut(Metric, f64)) {
        if self.n_rows == 0 || self.sums.is_empty() {
            return;
        }
        let (n, n_targets) = (self.n_rows as f64, self.sums.len() as f64);
        let mean = |of: &dyn Fn(&Sums, f64) -> f64| {
            self.sums
                .iter()
                .zip(&self.std)
                .map(|(sums, &std)| of(sums, std))
                .sum::<f64>()
                / n_targets
        };
        push(
            RMSE,
            mean(&|sums, std| (sums.squared_error / n).sqrt() * std),
        );
        push(MAE, mean(&|sums, std| sums.absolute_error / n * std));
        let variation = |sums: &Sums| sums.squared_target - sums.target * sums.target / n;
        // Rounding leaves a little variation in a constant target; it must not pass for a real one.
        if self
            .sums
            .iter()
            .all(|sums| variation(sums) > 1e-9 * sums.squared_target.max(1e-30))
        {
            push(
                R2,
                mean(&|sums, _| 1.0 - sums.squared_error / variation(sums)),
            );
        }
    }
}
