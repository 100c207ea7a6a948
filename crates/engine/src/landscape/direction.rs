//! Directions in the space of all trained weights, and the places of points along them.

use crate::init::Init;
use crate::network::{Network, Parameter, Role};
use crate::rng::{Purpose, Stream};
use crate::trajectory::Layout;

/// A random direction in which every filter is as long as the filter of `weights` at the same place (Li et al. 2018, section 4):
/// d_ij <- d_ij / |d_ij| |w_ij|, with normal numbers before. A filter is a column of a weight: what comes into one unit or channel.
/// Biases, and the scales of a normalisation, stay what they are, as in the authors' figures.
///
/// # Panics
/// When `weights` is shorter than the trained parameters.
pub fn filter_normalised(network: &Network, weights: &[f32], seed: u64, number: u64) -> Vec<f32> {
    let stream = Stream::new(seed, Purpose::Probe, 16 + number);
    let mut direction = vec![0.0; network.n_trained()];
    let trained = network.parameters().iter();
    for parameter in
        trained.filter(|parameter| parameter.role == Role::Weight && has_filters(parameter))
    {
        let (range, cols) = (parameter.range(), parameter.cols);
        let own = &mut direction[range.clone()];
        for (idx, number) in own.iter_mut().enumerate() {
            *number = stream.normal((range.start + idx) as u64) as f32;
        }
        let weights = &weights[range];
        for col in 0..cols {
            let length = |numbers: &[f32]| -> f64 {
                let column = numbers.iter().skip(col).step_by(cols);
                column
                    .map(|&x| f64::from(x) * f64::from(x))
                    .sum::<f64>()
                    .sqrt()
            };
            let (from, to) = (length(own), length(weights));
            let factor = if from > 0.0 { to / from } else { 0.0 };
            for number in own.iter_mut().skip(col).step_by(cols) {
                *number = (f64::from(*number) * factor) as f32;
            }
        }
    }
    direction
}

/// Whether a parameter is a weight between units: not a bias, which begins with zeros, and not a scale, which begins with ones.
fn has_filters(parameter: &Parameter) -> bool {
    parameter.rows > 1 || !matches!(parameter.init, Init::Zeros | Init::Ones)
}

/// The sum of (row - origin) times its factor, over all rows; each row has at least as many numbers as the origin.
pub fn combined<'a>(rows: impl Iterator<Item = (&'a [f32], f64)>, origin: &[f32]) -> Vec<f64> {
    let mut sum = vec![0.0; origin.len()];
    for (row, factor) in rows {
        for ((sum, &w), &o) in sum.iter_mut().zip(row).zip(origin) {
            *sum += factor * (f64::from(w) - f64::from(o));
        }
    }
    sum
}

/// The first direction with length 1, and what of the second is orthogonal to it, with length 1; `None` for one that has no length.
/// What is left of the second after rounding, a part below 1e-6 of it, is nothing.
pub fn orthonormal(first: Vec<f64>, second: Vec<f64>) -> [Option<Vec<f32>>; 2] {
    let first = unit(first, 0.0);
    let second = match &first {
        None => None,
        Some(first) => {
            let mut rest = second;
            let before = square(&rest).sqrt();
            for _ in 0..2 {
                let along: f64 = rest.iter().zip(first).map(|(a, b)| a * b).sum();
                rest.iter_mut()
                    .zip(first)
                    .for_each(|(a, b)| *a -= along * b);
            }
            unit(rest, 1e-6 * before)
        }
    };
    [first, second].map(|found| found.map(|numbers| numbers.iter().map(|&x| x as f32).collect()))
}

fn unit(mut numbers: Vec<f64>, least: f64) -> Option<Vec<f64>> {
    let length = square(&numbers).sqrt();
    (length > least && length.is_finite()).then(|| {
        numbers.iter_mut().for_each(|x| *x /= length);
        numbers
    })
}

fn square(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum()
}

/// The inner product of weights minus an origin with a direction.
pub fn along(weights: &[f32], origin: &[f32], direction: &[f32]) -> f64 {
    let terms = weights.iter().zip(origin).zip(direction);
    terms
        .map(|((&w, &o), &d)| (f64::from(w) - f64::from(o)) * f64::from(d))
        .sum()
}

/// Where points lie in the plane of two directions through an origin: the place in the plane that is nearest to each.
pub struct Frame {
    layout: Layout,
    origin: Vec<f32>,
    directions: [Vec<f32>; 2],
    /// Inner products of the directions with themselves and each other.
    gram: [f64; 3],
}

impl Frame {
    /// The frame of a plane for points of a layout. A direction of zeros is one that there is not.
    ///
    /// # Panics
    /// When a slice is shorter than the trained parameters.
    pub fn new(layout: &Layout, origin: &[f32], directions: &[Vec<f32>; 2]) -> Frame {
        let kept = |weights: &[f32]| {
            let mut numbers = vec![0.0; layout.n_numbers()];
            layout.gather(weights, &mut numbers);
            numbers
        };
        let [d1, d2] = directions;
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            a.iter()
                .zip(b)
                .map(|(&a, &b)| f64::from(a) * f64::from(b))
                .sum()
        };
        Frame {
            gram: [dot(d1, d1), dot(d1, d2), dot(d2, d2)],
            origin: kept(origin),
            directions: [kept(d1), kept(d2)],
            layout: layout.clone(),
        }
    }

    /// The place of a point, an unbiased estimate where points are not complete.
    pub fn place(&self, point: &[f32]) -> [f64; 2] {
        let inner = |direction: &[f32]| -> f64 {
            let terms = point.iter().zip(&self.origin).zip(direction).enumerate();
            terms
                .map(|(idx, ((&w, &o), &d))| {
                    self.layout.weight(idx) * (f64::from(w) - f64::from(o)) * f64::from(d)
                })
                .sum()
        };
        let [a, b] = [inner(&self.directions[0]), inner(&self.directions[1])];
        let [g11, g12, g22] = self.gram;
        let determinant = g11 * g22 - g12 * g12;
        if determinant > 1e-12 * g11 * g22 {
            return [
                (a * g22 - b * g12) / determinant,
                (b * g11 - a * g12) / determinant,
            ];
        }
        [if g11 > 0.0 { a / g11 } else { 0.0 }, 0.0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Dense, Layer};
    use crate::network::{Head, Outcome};

    #[test]
    fn every_filter_is_as_long_as_that_of_the_weights_and_biases_stay() {
        let head = Head {
            n_outputs: 3,
            outcome: Outcome::Classes,
        };
        let network = Network::build(&[Layer::Dense(Dense::new(5))], 4, head).expect("it fits");
        let mut weights = network.initialise::<f32>(3).values.to_vec();
        weights.iter_mut().for_each(|w| *w += 0.5);
        let direction = filter_normalised(&network, &weights, 1, 0);
        assert_ne!(direction, filter_normalised(&network, &weights, 1, 1));
        for parameter in network.parameters() {
            let (d, w) = (&direction[parameter.range()], &weights[parameter.range()]);
            if parameter.name.ends_with("bias") {
                assert!(d.iter().all(|x| *x == 0.0));
                continue;
            }
            for col in 0..parameter.cols {
                let length = |x: &[f32]| {
                    x.iter()
                        .skip(col)
                        .step_by(parameter.cols)
                        .map(|x| x * x)
                        .sum::<f32>()
                        .sqrt()
                };
                assert!(
                    (length(d) / length(w) - 1.0).abs() < 1e-5,
                    "{} {col}",
                    parameter.name
                );
            }
        }
    }

    #[test]
    fn directions_become_orthogonal_and_places_are_found_again() {
        let (first, second) = (vec![3.0, 4.0, 0.0], vec![1.0, 1.0, 2.0]);
        let [Some(u), Some(v)] = orthonormal(first, second) else {
            panic!("both have length");
        };
        assert!(along(&u, &[0.0; 3], &v).abs() < 1e-6);
        let layout = Layout::new(3, 1);
        let origin = [1.0_f32, -2.0, 0.5];
        let point: Vec<f32> = (0..3)
            .map(|i| origin[i] + 2.0 * u[i] - 3.0 * v[i])
            .collect();
        let [x, y] = Frame::new(&layout, &origin, &[u.clone(), v.clone()]).place(&point);
        assert!((x - 2.0).abs() < 1e-5 && (y + 3.0).abs() < 1e-5);
        // Directions that are not orthogonal have the same point at other places.
        let skew: Vec<f32> = u.iter().zip(&v).map(|(u, v)| u + v).collect();
        let [x, y] = Frame::new(&layout, &origin, &[u, skew]).place(&point);
        assert!((x - 5.0).abs() < 1e-5 && (y + 3.0).abs() < 1e-5);
        assert_eq!(orthonormal(vec![1.0, 0.0], vec![2.0, 0.0])[1], None);
        assert_eq!(orthonormal(vec![0.0; 2], vec![2.0, 0.0]), [None, None]);
    }
}
