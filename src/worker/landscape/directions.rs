//! The directions of a surface: two vectors as long as the trained weights, and what they are.

use descent_engine::isa::Isa;
use descent_engine::landscape::{along, combined, filter_normalised, orthonormal};
use descent_engine::trajectory::complete_plane;

use super::study::{Study, said};
use crate::runs::Kind;

/// Two directions through an origin, and what they are.
pub(super) struct Directions {
    pub(super) origin: Vec<f32>,
    pub(super) both: [Vec<f32>; 2],
    pub(super) explained: Option<[f64; 2]>,
    pub(super) axes: [String; 2],
}

impl Study<'_> {
    /// What the axes are.
    pub(super) fn directions(&self) -> Result<Directions, String> {
        let n_trained = self.own.layout.n_trained();
        let origin = self.own.kept.clone();
        let zeros = vec![0.0; n_trained];
        let made = |both, explained, axes: [&str; 2]| Directions {
            origin: origin.clone(),
            both,
            explained,
            axes: axes.map(str::to_owned),
        };
        Ok(match self.request.kind {
            Kind::Plane => {
                let (both, explained) = self.main_directions();
                made(
                    both,
                    Some(explained),
                    [
                        "first main direction of the path",
                        "second main direction of the path",
                    ],
                )
            }
            Kind::Random => {
                let direction = |number| {
                    filter_normalised(self.ground.network(), &origin, self.request.seed, number)
                };
                made(
                    [direction(0), direction(1)],
                    None,
                    [
                        "random direction, filter-normalised",
                        "another random direction, filter-normalised",
                    ],
                )
            }
            Kind::Gradient => {
                let origin = self.at_step()?;
                let mut gradient = Vec::new();
                self.ground
                    .slopes(std::iter::once(&origin[..]), self.n_threads, |slope| {
                        gradient = slope.gradient
                    })
                    .map_err(said)?;
                let [direction, _] = orthonormal(gradient, Vec::new());
                let direction =
                    direction.ok_or("the gradient is zero there: it has no direction")?;
                Directions {
                    origin,
                    both: [direction, zeros],
                    explained: None,
                    axes: [
                        "distance along the gradient, uphill".to_owned(),
                        "nothing".to_owned(),
                    ],
                }
            }
            Kind::Between => {
                let to_other: Vec<f32> = self.to_other().iter().map(|&x| x as f32).collect();
                let nothing = vec![0.0; to_other.len()];
                made(
                    [to_other, nothing],
                    None,
                    ["part of the way to the other run", "nothing"],
                )
            }
            Kind::Shared => made(
                self.shared_directions()?,
                None,
                [
                    "distance towards the other run",
                    "main direction of both paths across that",
                ],
            ),
        })
    }

    /// The main directions of the run's own path about its kept weights. A path on a line is given a random second one.
    fn main_directions(&self) -> ([Vec<f32>; 2], [f64; 2]) {
        let side = &self.own;
        let n_trained = side.layout.n_trained();
        let origin = &side.kept[..n_trained];
        let rows: Vec<f32> = side
            .whole
            .iter()
            .flat_map(|(_, row)| row)
            .copied()
            .collect();
        let plane = complete_plane(&rows, origin, Isa::detect());
        let [first, second] = plane.factors.each_ref().map(|factors| {
            let rows = side.whole.iter().map(|(_, row)| &row[..]);
            combined(rows.zip(factors.iter().copied()), origin)
        });
        (self.completed(first, second), plane.explained)
    }

    /// Two orthogonal directions of length 1, a missing one replaced by a random one where the space has room for it.
    fn completed(&self, first: Vec<f64>, second: Vec<f64>) -> [Vec<f32>; 2] {
        let random = |number| -> Vec<f64> {
            let weights = vec![1.0; self.ground.network().n_parameters()];
            let drawn =
                filter_normalised(self.ground.network(), &weights, self.request.seed, number);
            drawn.iter().map(|&x| f64::from(x)).collect()
        };
        let is_zero = |numbers: &[f64]| numbers.iter().all(|x| *x == 0.0);
        let first = if is_zero(&first) { random(2) } else { first };
        let found = orthonormal(first.clone(), second);
        let found = match found {
            [first_unit, None] => {
                let [_, random] = orthonormal(first, random(3));
                [first_unit, random]
            }
            both => both,
        };
        found.map(|direction| direction.unwrap_or_else(|| vec![0.0; self.own.layout.n_trained()]))
    }

    /// From the weights of this run to those of the other: all parameters, so that statistics go the way as well.
    pub(super) fn to_other(&self) -> Vec<f64> {
        let other = self.other.as_ref().map_or(&self.own, |other| other);
        combined(std::iter::once((&other.kept[..], 1.0)), &self.own.kept)
    }

    /// Towards the other run, and the main direction of both paths across that.
    fn shared_directions(&self) -> Result<[Vec<f32>; 2], String> {
        let n_trained = self.own.layout.n_trained();
        let origin = &self.own.kept[..n_trained];
        let mut first = self.to_other();
        first.truncate(n_trained);
        let [unit, _] = orthonormal(first.clone(), Vec::new());
        let unit = unit.ok_or("both runs have the same weights: there is no way between them")?;
        let rows: Vec<Vec<f32>> = self
            .sides()
            .flat_map(|side| &side.whole)
            .map(|(_, row)| {
                let distance = along(row, origin, &unit);
                let across = row.iter().zip(origin).zip(&unit);
                across
                    .map(|((&w, &o), &u)| {
                        (f64::from(w) - f64::from(o) - distance * f64::from(u)) as f32
                    })
                    .collect()
            })
            .collect();
        let zeros = vec![0.0; n_trained];
        let plane = complete_plane(&rows.concat(), &zeros, Isa::detect());
        let rows = rows.iter().map(|row| &row[..]);
        let second = combined(rows.zip(plane.factors[0].iter().copied()), &zeros);
        Ok(self.completed(first, second))
    }

    /// The weights whose gradient is followed: the kept ones, or those of the last point not after the step.
    fn at_step(&self) -> Result<Vec<f32>, String> {
        let Some(step) = self.request.step else {
            return Ok(self.own.kept.clone());
        };
        let points = &self.own.points.points;
        let before = |(idx, _): &&(usize, Vec<f32>)| points[*idx].step <= step;
        let found = self.own.whole.iter().rev().find(before);
        let (_, weights) =
            found.ok_or("the record has no whole weights of that step or one before it")?;
        Ok(self.own.with(weights))
    }
}
