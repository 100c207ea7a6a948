//! The plane through the end of a path in which most of it is seen.
//!
//! With the points w_0 ... w_n, of which w_n is the end, M has the rows w_i - w_n, and the plane is spanned by the first two right
//! singular vectors of M: principal components (Lorch 2016; Li et al. 2018, section 7). They are found through the Gram matrix
//! G = M M': with G v = l v, the coordinate of point i along the direction is sqrt(l) v_i. So the directions themselves, which are
//! as long as all weights, are not needed.
//!
//! The rows are not centred a second time: the plane that is drawn passes through the end, and this is the one for which the sum of
//! the squared distances of all points from it is smallest. What it explains is its share of the sum of squared distances from the end.

use super::Layout;
use super::eigen;
use crate::gemm::{Panels, Product};
use crate::isa::Isa;

/// Below this part of the first, a second eigenvalue is rounding: the path is a line.
pub const LINE: f64 = 1e-12;

/// Columns of M that are multiplied at once.
const PIECE: usize = 1024;

/// Where the points of a path lie in its plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Coordinates of each point; the end is (0, 0).
    pub points: Vec<[f64; 2]>,
    /// What each direction explains, from 0 to 1; both 0 for a path that does not move.
    pub explained: [f64; 2],
    /// For each direction, the factors with which the rows w_i - w_n add up to it (a vector of length 1); empty for a direction
    /// that the path does not have.
    pub factors: [Vec<f64>; 2],
}

/// The plane of a path. `points` holds the numbers of each point one after another, as [`Layout::gather`] made them; `end` those of
/// the point where the plane's origin is to be, usually the last.
///
/// Signs are chosen so that the first point has x >= 0, and the point farthest from the x axis has y > 0.
///
/// # Panics
/// When the slices do not have the lengths of the layout.
pub fn plane(layout: &Layout, points: &[f32], end: &[f32], isa: Isa) -> Plane {
    assert_eq!(end.len(), layout.n_numbers(), "a point of the layout");
    principal(points, end, &|idx| layout.weight(idx), isa)
}

/// As [`plane`], for points that have all numbers.
///
/// # Panics
/// When the points are not as long as the end.
pub fn complete_plane(points: &[f32], end: &[f32], isa: Isa) -> Plane {
    principal(points, end, &|_| 1.0, isa)
}

fn principal(points: &[f32], end: &[f32], weight: &dyn Fn(usize) -> f64, isa: Isa) -> Plane {
    assert_eq!(points.len() % end.len(), 0, "points as long as the end");
    let n = points.len() / end.len();
    let gram = gram(points, end, weight, isa);
    let total: f64 = (0..n).map(|i| gram[i * n + i]).sum();
    let mut plane = Plane {
        points: vec![[0.0; 2]; n],
        explained: [0.0; 2],
        factors: [Vec::new(), Vec::new()],
    };
    if !(total > 0.0 && total.is_finite()) {
        return plane;
    }
    let pairs = eigen::largest(&gram, n, 2);
    let first = pairs.first().map_or(0.0, |pair| pair.value);
    for (axis, pair) in pairs.iter().enumerate() {
        if pair.value <= LINE * first {
            continue;
        }
        let length = pair.value.sqrt();
        let along: Vec<f64> = pair.vector.iter().map(|v| length * v).collect();
        let sign = if axis == 0 {
            along[0]
        } else {
            let farther = |a: &f64, b: &f64| if b.abs() > a.abs() { *b } else { *a };
            along
                .iter()
                .copied()
                .reduce(|a, b| farther(&a, &b))
                .unwrap_or(0.0)
        };
        let sign = if sign < 0.0 { -1.0 } else { 1.0 };
        for (point, x) in plane.points.iter_mut().zip(&along) {
            point[axis] = sign * x;
        }
        plane.explained[axis] = (pair.value / total).min(1.0);
        plane.factors[axis] = pair.vector.iter().map(|v| sign * v / length).collect();
    }
    plane
}

/// The inner products of all (w_i - end), in double precision.
fn gram(points: &[f32], end: &[f32], weight: &dyn Fn(usize) -> f64, isa: Isa) -> Vec<f64> {
    let n_numbers = end.len();
    let n = points.len() / n_numbers;
    let mut gram = vec![0.0; n * n];
    let mut sum = vec![0.0; n * n];
    let piece = PIECE.min(n_numbers.max(1));
    let mut rows = vec![0.0; n * piece];
    let product = |k: usize| Product {
        m: n,
        n,
        k,
        transpose_a: false,
        transpose_b: true,
    };
    let mut panels = Panels::new(isa, [product(piece)]);
    for first in (0..n_numbers).step_by(piece) {
        let width = piece.min(n_numbers - first);
        let weights: Vec<f64> = (first..first + width)
            .map(|idx| weight(idx).sqrt())
            .collect();
        let differences = rows[..n * width].chunks_exact_mut(width);
        for (row, point) in differences.zip(points.chunks_exact(n_numbers)) {
            for (k, out) in row.iter_mut().enumerate() {
                *out = (f64::from(point[first + k]) - f64::from(end[first + k])) * weights[k];
            }
        }
        let rows = &rows[..n * width];
        product(width).run_rows(isa, rows, rows, &mut sum, 0, &mut panels);
        gram.iter_mut().zip(&sum).for_each(|(all, sum)| *all += sum);
    }
    gram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    fn direction(n: usize, seed: u64) -> Vec<f64> {
        let stream = Stream::new(seed, Purpose::Probe, 0);
        let v: Vec<f64> = (0..n as u64).map(|i| stream.normal(i)).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.into_iter().map(|x| x / length).collect()
    }

    /// A path in the plane of two orthogonal directions, far from the origin.
    fn planar(n: usize, places: &[[f64; 2]]) -> (Vec<f32>, Vec<f64>, Vec<f64>) {
        let (u, mut v, far) = (direction(n, 1), direction(n, 2), direction(n, 3));
        let along: f64 = u.iter().zip(&v).map(|(u, v)| u * v).sum();
        v.iter_mut().zip(&u).for_each(|(v, u)| *v -= along * u);
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v.iter_mut().for_each(|x| *x /= length);
        let points = places
            .iter()
            .flat_map(|[x, y]| {
                (0..n)
                    .map(|i| (30.0 * far[i] + x * u[i] + y * v[i]) as f32)
                    .collect::<Vec<f32>>()
            })
            .collect();
        (points, u, v)
    }

    #[test]
    fn a_path_in_a_known_plane_is_found_there_whole() {
        let n = 700;
        // The sums of squares along the axes are 100 + 25 and 4 + 1, and of the products zero.
        let places = [[10.0, 1.0], [5.0, -2.0], [0.0, 0.0]];
        let (points, ..) = planar(n, &places);
        let layout = Layout::new(n, 8);
        let found = plane(&layout, &points, &points[2 * n..], Isa::detect());
        assert!((found.explained[0] - 125.0 / 130.0).abs() < 1e-5);
        assert!(
            (found.explained[0] + found.explained[1] - 1.0).abs() < 1e-7,
            "a planar path is explained whole"
        );
        for (point, [x, y]) in found.points.iter().zip(places) {
            // The farthest from the x axis, at y = -2, is turned to y > 0.
            assert!(
                (point[0] - x).abs() < 1e-4 && (point[1] + y).abs() < 1e-4,
                "{point:?}"
            );
        }
    }

    #[test]
    fn the_factors_give_directions_of_length_one() {
        let n = 300;
        let (points, u, v) = planar(n, &[[8.0, 0.5], [4.0, -1.0], [0.0, 0.0]]);
        let found = plane(&Layout::new(n, 8), &points, &points[2 * n..], Isa::detect());
        for (factors, wanted) in found.factors.iter().zip([u, v]) {
            let along: f64 = (0..n)
                .map(|i| {
                    let sum: f64 = (0..3)
                        .map(|row| {
                            factors[row]
                                * (f64::from(points[row * n + i]) - f64::from(points[2 * n + i]))
                        })
                        .sum();
                    sum * wanted[i]
                })
                .sum();
            assert!((along.abs() - 1.0).abs() < 1e-4, "{along}");
        }
    }

    #[test]
    fn a_part_of_the_numbers_finds_nearly_the_same_plane() {
        let n = 100_000;
        let places: Vec<[f64; 2]> = (0..60)
            .map(|i| f64::from(59 - i))
            .map(|t| [t, 4.0 * (t / 9.4).sin()])
            .collect();
        let (points, ..) = planar(n, &places);
        let layout = Layout::new(n, 128);
        assert!(!layout.is_complete());
        let mut parts = vec![0.0; 60 * layout.n_numbers()];
        for (part, point) in parts
            .chunks_exact_mut(layout.n_numbers())
            .zip(points.chunks_exact(n))
        {
            layout.gather(point, part);
        }
        let found = plane(
            &layout,
            &parts,
            &parts[59 * layout.n_numbers()..],
            Isa::detect(),
        );
        assert!(found.explained[0] + found.explained[1] > 0.999);
        let spread: f64 = places.iter().map(|[x, y]| x * x + y * y).sum();
        let seen: f64 = found.points.iter().map(|[x, y]| x * x + y * y).sum();
        assert!((seen / spread - 1.0).abs() < 0.1, "{seen} of {spread}");
    }

    #[test]
    fn a_line_has_one_direction_and_a_point_none() {
        let layout = Layout::new(3, 1);
        let line = [0.0, 2.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        let found = plane(&layout, &line, &line[6..], Isa::detect());
        assert_eq!(found.explained, [1.0, 0.0]);
        assert_eq!(found.points, [[2.0, 0.0], [1.0, 0.0], [0.0, 0.0]]);
        assert!(found.factors[1].is_empty());
        let still = plane(&layout, &line[6..], &line[6..], Isa::detect());
        assert_eq!(
            (still.explained, still.points),
            ([0.0, 0.0], vec![[0.0, 0.0]])
        );
    }
}
