//! Eigenvalues and eigenvectors of symmetric matrices in double precision, for the few dozen to few hundred points of a path.

/// An eigenvalue and its eigenvector of length 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Eigenvalue.
    pub value: f64,
    /// Eigenvector.
    pub vector: Vec<f64>,
}

/// Size up to which every eigenvector is computed.
const SMALL: usize = 32;
/// Vectors that are followed in a larger matrix: more than are asked for, because convergence goes by the first that is not.
const BLOCK: usize = 16;
const MOST_SWEEPS: usize = 60;
const MOST_ROUNDS: usize = 300;

/// The `n_pairs` (at most 8) largest eigenvalues of a positive semi-definite matrix, row-major `[n x n]`, largest first; fewer
/// where the matrix is smaller.
///
/// Small matrices are turned by Jacobi's rotations (Golub, Van Loan, "Matrix Computations", 8.5); of larger ones a block of
/// vectors is multiplied by the matrix and made orthogonal again until its Ritz values stand still (8.2.4 and 8.3).
///
/// # Panics
/// When the slice is no such matrix.
pub fn largest(matrix: &[f64], n: usize, n_pairs: usize) -> Vec<Pair> {
    assert_eq!(matrix.len(), n * n, "a square matrix");
    let mut pairs = if n <= SMALL {
        jacobi(matrix, n)
    } else {
        subspace(matrix, n, n_pairs.min(BLOCK / 2))
    };
    pairs.truncate(n_pairs);
    pairs
}

/// Every eigenvalue, largest first: plane rotations that make one pair of elements zero, over all pairs, until all are.
fn jacobi(matrix: &[f64], n: usize) -> Vec<Pair> {
    let mut a = matrix.to_vec();
    let mut vectors = vec![0.0; n * n];
    (0..n).for_each(|i| vectors[i * n + i] = 1.0);
    let scale: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..MOST_SWEEPS {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * n + j] * a[i * n + j])
            .sum();
        if off <= 1e-30 * scale {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, n, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| a[j * n + j].total_cmp(&a[i * n + i]));
    let pair = |i: usize| Pair {
        value: a[i * n + i],
        vector: (0..n).map(|row| vectors[row * n + i]).collect(),
    };
    order.into_iter().map(pair).collect()
}

/// Turns the plane of axes p and q by the angle that makes element (p, q) zero.
fn rotate(a: &mut [f64], vectors: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let tau = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = tau.signum() / (tau.abs() + (1.0 + tau * tau).sqrt());
    let t = if tau == 0.0 { 1.0 } else { t };
    let c = 1.0 / (1.0 + t * t).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (a[p * n + k], a[q * n + k]);
        (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
    }
    for k in 0..n {
        let (x, y) = (vectors[k * n + p], vectors[k * n + q]);
        (vectors[k * n + p], vectors[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
}

/// The largest eigenvalues by orthogonal iteration with Rayleigh and Ritz's step.
fn subspace(matrix: &[f64], n: usize, n_pairs: usize) -> Vec<Pair> {
    // The columns of largest length span much of what is wanted, and are the same on every machine.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| {
        matrix[j * n + j]
            .total_cmp(&matrix[i * n + i])
            .then(i.cmp(&j))
    });
    let spread = |k: usize| order[k * (n - 1) / (BLOCK - 1)];
    let mut block: Vec<Vec<f64>> = (0..BLOCK)
        .map(|k| matrix[spread(k) * n..][..n].to_vec())
        .collect();
    let mut before = vec![0.0; n_pairs];
    let mut pairs = Vec::new();
    for _ in 0..MOST_ROUNDS {
        orthonormalise(&mut block);
        let images: Vec<Vec<f64>> = block.iter().map(|v| times(matrix, v)).collect();
        let m = block.len();
        let mut small = vec![0.0; m * m];
        for (i, v) in block.iter().enumerate() {
            for (j, image) in images.iter().enumerate() {
                small[i * m + j] = dot(v, image);
            }
        }
        let ritz = jacobi(&small, m);
        let combined = |vectors: &[Vec<f64>], by: &[f64]| {
            let mut sum = vec![0.0; n];
            for (vector, &factor) in vectors.iter().zip(by) {
                sum.iter_mut()
                    .zip(vector)
                    .for_each(|(sum, x)| *sum += factor * x);
            }
            sum
        };
        pairs = ritz
            .iter()
            .take(n_pairs)
            .map(|pair| Pair {
                value: pair.value,
                vector: combined(&block, &pair.vector),
            })
            .collect();
        let largest = ritz.first().map_or(0.0, |pair| pair.value);
        let stands = |(pair, before): (&Pair, &f64)| (pair.value - before).abs() <= 1e-14 * largest;
        let done = pairs.iter().zip(&before).all(stands);
        before.clear();
        before.extend(pairs.iter().map(|pair| pair.value));
        if done {
            break;
        }
        block = ritz
            .iter()
            .map(|pair| combined(&images, &pair.vector))
            .collect();
    }
    pairs
}

/// Makes vectors orthogonal and of length 1, one after another, twice each (Gram, Schmidt); those that add nothing go.
fn orthonormalise(block: &mut Vec<Vec<f64>>) {
    let mut kept: Vec<Vec<f64>> = Vec::with_capacity(block.len());
    for mut vector in std::mem::take(block) {
        let before = dot(&vector, &vector).sqrt();
        for _ in 0..2 {
            for other in &kept {
                let along = dot(&vector, other);
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(x, y)| *x -= along * y);
            }
        }
        let length = dot(&vector, &vector).sqrt();
        if length > 1e-13 * before && length > 0.0 {
            vector.iter_mut().for_each(|x| *x /= length);
            kept.push(vector);
        }
    }
    *block = kept;
}

fn times(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    matrix
        .chunks_exact(vector.len())
        .map(|row| dot(row, vector))
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut()
            .zip(a.iter().zip(b))
            .for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    /// Q diag(values) Q' with the reflections of random vectors as Q.
    fn matrix(values: &[f64], seed: u64) -> (Vec<f64>, Vec<Vec<f64>>) {
        let n = values.len();
        let stream = Stream::new(seed, Purpose::Probe, 0);
        let mut columns: Vec<Vec<f64>> = (0..n)
            .map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect())
            .collect();
        for reflection in 0..3 {
            let v: Vec<f64> = (0..n)
                .map(|i| stream.normal((reflection * n + i) as u64))
                .collect();
            let square = dot(&v, &v);
            for column in &mut columns {
                let along = 2.0 * dot(column, &v) / square;
                column.iter_mut().zip(&v).for_each(|(x, v)| *x -= along * v);
            }
        }
        let element = |i: usize, j: usize| {
            columns
                .iter()
                .zip(values)
                .map(|(q, value)| value * q[i] * q[j])
                .sum()
        };
        let all = (0..n * n).map(|at| element(at / n, at % n)).collect();
        (all, columns)
    }

    #[test]
    fn known_eigenvalues_and_vectors_are_found_in_small_and_large_matrices() {
        for n in [1, 2, 5, 32, 33, 120, 256] {
            let values: Vec<f64> = (1..=n).map(|k| 10.0 / (k * k) as f64).collect();
            let (matrix, columns) = matrix(&values, n as u64);
            let found = largest(&matrix, n, 2);
            assert_eq!(found.len(), n.min(2));
            for (k, pair) in found.iter().enumerate() {
                assert!(
                    (pair.value - values[k]).abs() < 1e-11,
                    "{n}: {} {}",
                    pair.value,
                    values[k]
                );
                assert!((dot(&pair.vector, &columns[k]).abs() - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn what_has_no_second_direction_has_a_second_eigenvalue_of_zero() {
        for n in [3, 40] {
            let v: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let matrix: Vec<f64> = (0..n * n).map(|at| v[at / n] * v[at % n]).collect();
            let found = largest(&matrix, n, 2);
            assert!((found[0].value / dot(&v, &v) - 1.0).abs() < 1e-12);
            assert!(
                found
                    .get(1)
                    .is_none_or(|pair| pair.value.abs() < 1e-10 * found[0].value)
            );
        }
        assert!(
            largest(&[0.0; 36 * 36], 36, 2)
                .iter()
                .all(|pair| pair.value == 0.0)
        );
    }
}
