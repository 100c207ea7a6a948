//! A random orthogonal matrix: normal numbers whose shorter side is made orthonormal (Saxe, McClelland, Ganguli 2014).

use crate::element::Real;
use crate::isa::{Isa, kernel};
use crate::reduce::join;
use crate::rng::Stream;

/// Fills `weights` (`n_in` x `n_out`, row-major) so that its columns are orthonormal, or its rows where they are fewer.
///
/// Computed in f64 with the portable instructions, so that a seed gives the same matrix on every machine.
pub(super) fn fill<T: Real>(weights: &mut [T], n_in: usize, n_out: usize, stream: Stream) {
    let (long, short) = (n_in.max(n_out), n_in.min(n_out));
    let mut vectors: Vec<f64> = (0..(long * short) as u64)
        .map(|index| stream.normal(index))
        .collect();
    orthonormalise(Isa::PORTABLE, &mut vectors, long);
    for (row, line) in weights.chunks_exact_mut(n_out.max(1)).enumerate() {
        for (col, weight) in line.iter_mut().enumerate() {
            let value = match n_in < n_out {
                true => vectors[row * long + col],
                false => vectors[col * long + row],
            };
            *weight = T::from_f64(value);
        }
    }
}

/// The scalar product, in sixteen partial sums.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 16];
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        for ((lane, &a), &b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    join(lanes)
}

kernel! {
    /// Gram-Schmidt on vectors of `length` numbers, one after another. Each is freed of the earlier ones twice: once leaves
    /// what rounding put in, twice is enough (Giraud et al. 2005).
    fn orthonormalise[](vectors: &mut [f64], length: usize) {
        for end in (length..=vectors.len()).step_by(length.max(1)) {
            let (earlier, rest) = vectors.split_at_mut(end - length);
            let vector = &mut rest[..length];
            for _ in 0..2 {
                for other in earlier.chunks_exact(length) {
                    let part = dot(vector, other);
                    for (x, &y) in vector.iter_mut().zip(other) {
                        *x -= part * y;
                    }
                }
                let norm = dot(vector, vector).sqrt();
                for x in vector.iter_mut() {
                    *x /= norm;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn the_shorter_side_is_orthonormal() {
        for (n_in, n_out) in [(1, 1), (7, 3), (3, 7), (20, 20), (65, 40)] {
            let mut weights = vec![0.0_f64; n_in * n_out];
            let stream = Stream::new(3, Purpose::Initialisation(0), 0);
            fill(&mut weights, n_in, n_out, stream);
            let at = |row: usize, col: usize| weights[row * n_out + col];
            let short = n_in.min(n_out);
            for (i, j) in (0..short * short).map(|pair| (pair / short, pair % short)) {
                let product: f64 = match n_in < n_out {
                    true => (0..n_out).map(|col| at(i, col) * at(j, col)).sum(),
                    false => (0..n_in).map(|row| at(row, i) * at(row, j)).sum(),
                };
                let expected = f64::from(u8::from(i == j));
                assert!(
                    (product - expected).abs() < 1e-12,
                    "{n_in} x {n_out}: vectors {i} and {j} have product {product}"
                );
            }
        }
    }
}
