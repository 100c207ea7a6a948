//! The rows of one part, gathered so that they lie one after another.

use crate::dataset::{Dataset, Targets as DatasetTargets};
use crate::plan::Targets;
use crate::threads::Threads;

/// Numbers whose copy is worth another thread.
const WORTH: usize = 1 << 15;
/// With more threads than these, one gathers alone.
const MOST_THREADS: usize = 64;

/// Features and targets of one part, row-major.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) n_rows: usize,
    pub(crate) n_features: usize,
    pub(crate) n_targets: usize,
    /// `[n_rows x n_features]`
    pub(crate) features: Vec<f32>,
    /// Class of each row; empty for a regression.
    pub(crate) labels: Vec<u32>,
    /// `[n_rows x n_targets]`: standardised targets, or 1 and 0 for the second and first class; empty for other classes.
    pub(crate) values: Vec<f32>,
}

impl Rows {
    /// Gathers `rows`. With `binary`, the class of a row also becomes a value, which is what binary cross entropy reads.
    pub(crate) fn gather(dataset: &Dataset, rows: &[u32], binary: bool) -> Self {
        let n_features = dataset.n_features();
        let mut features = Vec::with_capacity(rows.len() * n_features);
        rows.iter()
            .for_each(|&row| features.extend(dataset.features.row(row as usize)));
        let (mut labels, mut values, mut n_targets) = (Vec::new(), Vec::new(), 0);
        match &dataset.targets {
            DatasetTargets::Classes { labels: all, .. } => {
                labels.extend(rows.iter().map(|&row| all[row as usize]));
                if binary {
                    n_targets = 1;
                    values.extend(labels.iter().map(|&label| label as f32));
                }
            }
            DatasetTargets::Values { values: all, .. } => {
                n_targets = all.ncols();
                rows.iter()
                    .for_each(|&row| values.extend(all.row(row as usize)));
            }
        }
        Self {
            n_rows: rows.len(),
            n_features,
            n_targets,
            features,
            labels,
            values,
        }
    }

    /// Room for `n_rows` rows like these.
    pub(crate) fn room(&self, n_rows: usize) -> Self {
        Self {
            n_rows: 0,
            features: Vec::with_capacity(n_rows * self.n_features),
            labels: Vec::with_capacity(if self.labels.is_empty() { 0 } else { n_rows }),
            values: Vec::with_capacity(n_rows * self.n_targets),
            ..*self
        }
    }

    /// Becomes the rows of `all` at `positions`, which the threads divide as they divide the samples of a batch. Allocates
    /// nothing once there was room for so many.
    pub(crate) fn pick(&mut self, all: &Self, positions: &[u32], threads: &mut Threads) {
        self.n_rows = positions.len();
        gather(
            &mut self.features,
            &all.features,
            all.n_features,
            positions,
            threads,
        );
        gather(
            &mut self.values,
            &all.values,
            all.n_targets,
            positions,
            threads,
        );
        self.labels.clear();
        if !all.labels.is_empty() {
            let label = |&position: &u32| all.labels[position as usize];
            self.labels.extend(positions.iter().map(label));
        }
    }

    /// The targets as a plan reads them.
    pub(crate) fn targets(&self) -> Targets<'_, f32> {
        if self.n_targets > 0 {
            Targets::Values(&self.values)
        } else {
            Targets::Labels(&self.labels)
        }
    }

    /// The first rows, at most `n_rows`.
    pub(crate) fn head(&self, n_rows: usize) -> Self {
        let mut head = self.room(n_rows);
        let positions: Vec<u32> = (0..n_rows.min(self.n_rows) as u32).collect();
        head.pick(self, &positions, &mut Threads::new(1));
        head
    }
}

/// Makes `out` the lines of `all`, each of `n_columns` numbers, at `positions`.
fn gather(
    out: &mut Vec<f32>,
    all: &[f32],
    n_columns: usize,
    positions: &[u32],
    threads: &mut Threads,
) {
    let len = positions.len() * n_columns;
    out.resize(len, 0.0);
    let n_parts = if len < WORTH { 1 } else { threads.count() };
    let n_own = positions.len().div_ceil(n_parts);
    let scratch = &mut [(); MOST_THREADS];
    threads.for_each_part(out, n_own * n_columns, scratch, |part, lines, ()| {
        let lines = lines.chunks_exact_mut(n_columns);
        for (line, &position) in lines.zip(&positions[part * n_own..]) {
            line.copy_from_slice(&all[position as usize * n_columns..][..n_columns]);
        }
    });
}
