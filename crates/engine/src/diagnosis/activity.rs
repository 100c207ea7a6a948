//! What the units of a hidden layer did on a sample of rows.

/// Outputs of one layer on a sample of rows, summed up.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Position of the layer in the spec's network, from 0.
    pub layer_idx: usize,
    /// Name of the function, as in the spec.
    pub function: &'static str,
    /// Units of the layer.
    pub n_units: usize,
    /// Units whose output is exactly zero on every row.
    pub n_dead: usize,
    /// Units whose output lies within a hundredth of a limit of the function on nineteen of twenty rows.
    pub n_saturated: usize,
    /// Rows of the sample.
    pub n_rows: usize,
}

impl Activity {
    /// Counts over `outputs`, `[n_rows x n_units]` row by row. `limits` are the values the function cannot pass, if any.
    #[must_use]
    pub fn of(
        layer_idx: usize,
        function: &'static str,
        outputs: &[f32],
        n_units: usize,
        limits: Option<(f32, f32)>,
    ) -> Self {
        let n_rows = outputs.len().checked_div(n_units).unwrap_or(0);
        let mut zeros = vec![0_usize; n_units];
        let mut near = vec![0_usize; n_units];
        for row in outputs.chunks_exact(n_units.max(1)) {
            for (unit, &output) in row.iter().enumerate() {
                zeros[unit] += usize::from(output == 0.0);
                if let Some((low, high)) = limits {
                    let margin = 0.01 * (high - low);
                    near[unit] += usize::from(output < low + margin || output > high - margin);
                }
            }
        }
        let all = |&&count: &&usize| n_rows > 0 && count == n_rows;
        let most = |&&count: &&usize| n_rows > 0 && count * 20 >= n_rows * 19;
        Self {
            layer_idx,
            function,
            n_units,
            n_dead: zeros.iter().filter(all).count(),
            n_saturated: near.iter().filter(most).count(),
            n_rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_and_saturated_units_are_counted() {
        let outputs = [0.0, 0.5, 0.999, 0.0, 0.1, 0.998];
        let activity = Activity::of(1, "sigmoid", &outputs, 3, Some((0.0, 1.0)));
        assert_eq!(
            (activity.n_rows, activity.n_dead, activity.n_saturated),
            (2, 1, 2)
        );
        assert_eq!(Activity::of(0, "relu", &[], 3, None).n_dead, 0);
    }
}
