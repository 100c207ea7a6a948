//! Independent draws: every coordinate evenly over [0, 1).

use descent_engine::rng::{Purpose, Stream};

/// The point of trial `number`: its first number from the stream of each of the `n` axes.
pub fn point(n: usize, seed: u64, number: u64) -> Vec<f64> {
    (0..n)
        .map(|axis| stream(seed, axis, number).uniform(0))
        .collect()
}

/// The random numbers of one axis of one trial. Number 0 is the independent draw.
pub(super) fn stream(seed: u64, axis: usize, number: u64) -> Stream {
    // A space has far fewer axes than a purpose has positions.
    Stream::new(seed, Purpose::Proposal(axis as u16), number)
}
