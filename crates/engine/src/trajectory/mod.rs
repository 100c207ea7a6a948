//! The path of the weights through their space while a network trains: which steps are recorded, what is kept of each, and the
//! plane in which the path is seen.
//!
//! What is kept costs at most 16 MiB a run, however long it is and however large its network:
//!
//! - **Points**, at most 256: of up to 16,384 trained numbers all, of more 8,192. Those are whole lines of the cache, one drawn
//!   from each of 512 equal stretches, so a sum over them, each weighted by the length of its stretch, is an unbiased estimate of
//!   the sum over all (Horvitz, Thompson 1952; stratified): inner products, and with them the plane, are estimates then.
//! - **Snapshots**, where a point is not complete and at least four fit into 8 MiB: all trained numbers rounded to bfloat16. The
//!   directions of a plane in the full space are made of them.
//!
//! Which steps are recorded is a function of the step alone ([`Thinning`]), so a run that was interrupted records the same ones.

pub mod eigen;
pub mod plane;
mod thinning;

pub use plane::{Plane, complete_plane, plane};
pub use thinning::Thinning;

use crate::rng::{Purpose, Stream};

/// Most points of a path.
const POINTS: u64 = 256;
/// Most snapshots of a path.
const SNAPSHOTS: u64 = 256;
/// Numbers up to which a point is complete: 256 points of them take 16 MiB.
pub const COMPLETE: usize = 1 << 14;
/// Bytes of all snapshots; points that are not complete take another 8 MiB.
const SNAPSHOT_BYTES: u64 = 8 << 20;
/// Fewer snapshots than these say little about a path.
const FEWEST_SNAPSHOTS: u64 = 4;
/// Numbers that lie in one line of the cache.
const LINE: usize = 16;
/// Lines of a point that is not complete.
const LINES: usize = 512;

/// What is kept of the weights of one network, and at which steps. A function of two numbers, so that a record need not say more.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    n_trained: usize,
    batch_rows: usize,
    /// Number of each line, and how many lines it stands for; empty where a point is complete.
    lines: Vec<(usize, u32)>,
    points: Thinning,
    snapshots: Option<Thinning>,
}

impl Layout {
    /// The layout for `n_trained` numbers that are trained in batches of `batch_rows`. Steps between the first points are as many
    /// as keep the points below about 1 % of the training and the snapshots below another, by an estimate of each from the numbers
    /// it touches.
    pub fn new(n_trained: usize, batch_rows: usize) -> Layout {
        let complete = n_trained <= COMPLETE;
        let lines = if complete {
            Vec::new()
        } else {
            drawn(n_trained)
        };
        let n_numbers = if complete { n_trained } else { LINES * LINE };
        // Nanoseconds: a step touches every number about six times per row, at some 600 a nanosecond where two threads do.
        let step_ns = 1_000.0 + 6.0 * n_trained as f64 * batch_rows as f64 / 600.0;
        // A short training shall have a path too: however dear a point, every so many steps have one.
        let first_stride = |pass_ns: f64, most: f64| {
            let wanted = (100.0 * pass_ns / step_ns).ceil().clamp(1.0, most);
            (wanted as u64).next_power_of_two()
        };
        // What another core has just updated comes by lines: an eighth of a microsecond each where they are drawn from all over, less where
        // they come in a row. A complete point of a small network is in the core's own cache.
        let point_ns = if complete {
            30.0 + n_numbers as f64 / 4.0
        } else {
            8.0 * n_numbers as f64
        };
        // A snapshot is part of a point, so it is not more frequent.
        let snapshot_ns = point_ns.max(n_trained as f64);
        let n_snapshots = (SNAPSHOT_BYTES / (2 * n_trained.max(1) as u64)).min(SNAPSHOTS);
        Layout {
            n_trained,
            batch_rows,
            lines,
            points: Thinning::new(POINTS, first_stride(point_ns, 16.0)),
            snapshots: (!complete && n_snapshots >= FEWEST_SNAPSHOTS)
                .then(|| Thinning::new(n_snapshots, first_stride(snapshot_ns, 64.0))),
        }
    }

    /// Numbers that are trained.
    pub fn n_trained(&self) -> usize {
        self.n_trained
    }

    /// Rows of a batch.
    pub fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    /// Whether a point has all of them.
    pub fn is_complete(&self) -> bool {
        self.lines.is_empty()
    }

    /// Numbers of a point.
    pub fn n_numbers(&self) -> usize {
        if self.is_complete() {
            self.n_trained
        } else {
            LINES * LINE
        }
    }

    /// Numbers of a snapshot; 0 where there are none.
    pub fn n_halves(&self) -> usize {
        self.snapshots.map_or(0, |_| self.n_trained)
    }

    /// Bytes of what is held while a network trains: a point, a snapshot, and the snapshots that wait for a checkpoint.
    pub fn n_bytes(&self) -> u64 {
        let n_snapshots = 1 + self.snapshots.map_or(0, |thinning| thinning.capacity());
        let n_halves = n_snapshots * self.n_halves() as u64;
        size_of::<f32>() as u64 * self.n_numbers() as u64 + size_of::<u16>() as u64 * n_halves
    }

    /// Which steps have a point.
    pub fn points(&self) -> Thinning {
        self.points
    }

    /// Which steps have a snapshot, if any has.
    pub fn snapshots(&self) -> Option<Thinning> {
        self.snapshots
    }

    /// The numbers of a point from all trained ones (and more behind them, which are not looked at). A line beyond the end of the
    /// weights is filled up with zeros.
    ///
    /// # Panics
    /// When a slice is too short.
    pub fn gather(&self, weights: &[f32], point: &mut [f32]) {
        let weights = &weights[..self.n_trained];
        if self.is_complete() {
            point.copy_from_slice(weights);
            return;
        }
        for ((line, _), out) in self.lines.iter().zip(point.chunks_exact_mut(LINE)) {
            let there = &weights[line * LINE..self.n_trained.min((line + 1) * LINE)];
            out[..there.len()].copy_from_slice(there);
            out[there.len()..].fill(0.0);
        }
    }

    /// How many numbers each number of a point stands for: 1 where a point is complete.
    pub fn weight(&self, idx: usize) -> f64 {
        self.lines
            .get(idx / LINE)
            .map_or(1.0, |(_, stands_for)| f64::from(*stands_for))
    }

    /// Estimate of the squared distance between the weights of a point and these.
    pub fn squared_distance(&self, point: &[f32], weights: &[f32]) -> f64 {
        let square = |a: &[f32], b: &[f32]| -> f64 {
            // Eight sums, so that no addition waits for the one before it.
            let mut sums = [0.0_f64; 8];
            let mut add = |a: &[f32], b: &[f32]| {
                for (sum, (&a, &b)) in sums.iter_mut().zip(a.iter().zip(b)) {
                    let difference = f64::from(a) - f64::from(b);
                    *sum += difference * difference;
                }
            };
            a.chunks(8).zip(b.chunks(8)).for_each(|(a, b)| add(a, b));
            sums.iter().sum()
        };
        if self.is_complete() {
            return square(point, &weights[..self.n_trained]);
        }
        let lines = self.lines.iter().zip(point.chunks_exact(LINE));
        lines
            .map(|(&(line, stands_for), point)| {
                let there = &weights[line * LINE..self.n_trained.min((line + 1) * LINE)];
                f64::from(stands_for) * square(point, there)
            })
            .sum()
    }
}

/// One line from each stretch. The draw depends on the size alone, so runs of one network have the same.
fn drawn(n_trained: usize) -> Vec<(usize, u32)> {
    let n_lines = n_trained.div_ceil(LINE);
    let stream = Stream::new(n_trained as u64, Purpose::Probe, 0);
    let bound = |stretch: usize| stretch * n_lines / LINES;
    (0..LINES)
        .map(|stretch| {
            let (first, end) = (bound(stretch), bound(stretch + 1));
            let chosen = stream.below(stretch as u64, (end - first) as u64) as usize;
            (first + chosen, (end - first) as u32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u64) -> Vec<f32> {
        let stream = Stream::new(seed, Purpose::Probe, 1);
        (0..n as u64).map(|i| stream.normal(i) as f32).collect()
    }

    #[test]
    fn no_network_takes_more_than_16_mib() {
        for exponent in 0..30 {
            for n_trained in [(1 << exponent) - 1, 1 << exponent, (1 << exponent) + 1] {
                let layout = Layout::new(n_trained, 32);
                let snapshots = layout.snapshots().map_or(0, |thinning| thinning.capacity());
                let n_bytes = layout.points().capacity() as usize * layout.n_numbers() * 4
                    + snapshots as usize * n_trained * 2;
                assert!(n_bytes <= 16 << 20, "{n_trained}: {n_bytes}");
            }
        }
    }

    #[test]
    fn every_snapshot_comes_with_a_point() {
        for (n_trained, batch_rows) in [(20_000, 1), (100_000, 32), (535_818, 128), (1_000_000, 7)]
        {
            let layout = Layout::new(n_trained, batch_rows);
            let snapshots = layout.snapshots().expect("four of them fit");
            let recorded = |thinning: Thinning, step| thinning.from(step) == step;
            for step in 0..100_000 {
                assert!(
                    !recorded(snapshots, step) || recorded(layout.points(), step),
                    "{step}"
                );
            }
        }
    }

    #[test]
    fn a_part_of_the_numbers_estimates_distances_of_all() {
        let n = 535_818;
        let (a, b) = (noise(n, 1), noise(n, 2));
        let layout = Layout::new(n, 128);
        let mut point = vec![9.0; layout.n_numbers()];
        layout.gather(&a, &mut point);
        let all: f64 = a
            .iter()
            .zip(&b)
            .map(|(a, b)| f64::from(a - b).powi(2))
            .sum();
        let estimate = layout.squared_distance(&point, &b);
        assert!((estimate / all - 1.0).abs() < 0.05, "{estimate} of {all}");
        let stands_for: f64 = (0..layout.n_numbers()).map(|idx| layout.weight(idx)).sum();
        assert_eq!(stands_for, (n.div_ceil(LINE) * LINE) as f64);
    }

    #[test]
    fn a_complete_point_is_exact() {
        let layout = Layout::new(10, 4);
        let (a, b) = (noise(12, 1), noise(12, 2));
        let mut point = vec![0.0; 10];
        layout.gather(&a, &mut point);
        assert_eq!(point, a[..10]);
        let all: f64 = (0..10)
            .map(|i| (f64::from(a[i]) - f64::from(b[i])).powi(2))
            .sum();
        assert!((layout.squared_distance(&point, &b) - all).abs() < 1e-12);
    }
}
