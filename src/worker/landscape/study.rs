//! One surface from its question to its answer: weights from the record, directions, cells, paths.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use descent_engine::isa::Isa;
use descent_engine::landscape::{self, Cells, Ground, barrier, places};

use super::answer::{Answer, Barrier, Minimum, Path, Point, Profile, Surface};
use super::directions::Directions;
use super::side::{Side, job, side};
use crate::ids::RunId;
use crate::runs::{Kind, LandscapeRequest, Survey};
use crate::store::landscapes::Landscape;
use crate::store::runs::Run;
use crate::worker::{Shared, prepare};

/// Points of a path at which the slope of the surface is computed, at most.
const SLOPES: usize = 64;
/// Writes of the progress while a surface is computed.
const PROGRESS_STEPS: usize = 20;

/// Everything that a surface needs.
pub(super) struct Study<'s> {
    shared: &'s Shared,
    row: Landscape,
    pub(super) request: LandscapeRequest,
    pub(super) ground: Ground,
    pub(super) own: Side,
    pub(super) other: Option<Side>,
    pub(super) n_threads: usize,
    begun: AtomicUsize,
    n_cells: usize,
}

impl<'s> Study<'s> {
    /// Reads all that the surface is made of.
    pub(super) fn prepare(shared: &'s Shared, survey: Survey) -> Result<Self, String> {
        let request: LandscapeRequest = survey.row.request.parse().map_err(said)?;
        let ground = ground(shared, &survey, &request)?;
        let own = side(shared, &ground, survey.own)?;
        let other = survey
            .other
            .map(|other| side(shared, &ground, other))
            .transpose()?;
        let n_lines = 2 * request.resolution as usize;
        let n_cells = if request.kind.is_plane() {
            (request.resolution as usize).pow(2) + n_lines
        } else {
            n_lines
        };
        Ok(Self {
            shared,
            row: survey.row,
            request,
            ground,
            own,
            other,
            n_threads: std::thread::available_parallelism().map_or(1, usize::from),
            begun: AtomicUsize::new(0),
            n_cells,
        })
    }

    /// Computes it; `None` when the process ends or nobody wants it any more.
    pub(super) fn answer(&self) -> Result<Option<Answer>, String> {
        let directions = self.directions()?;
        let Directions { origin, both, .. } = &directions;
        let frames: Vec<(&Side, Vec<[f64; 2]>)> = self
            .sides()
            .map(|side| (side, side.places(origin, both)))
            .collect();
        let minima: Vec<[f64; 2]> = self
            .sides()
            .map(|side| side.minimum(origin, both))
            .collect();
        let [x, y] = self.axes(&frames, &minima, both);
        let cells: Vec<[f64; 2]> = y
            .iter()
            .flat_map(|&y| x.iter().map(move |&x| [x, y]))
            .collect();
        let Some(losses) = self.losses(origin, both, &cells)? else {
            return Ok(None);
        };
        let Some(at_minima) = self.losses_of_kept()? else {
            return Ok(None);
        };
        let profile = match &self.other {
            None => None,
            Some(_) => match self.profile()? {
                Some(profile) => Some(profile),
                None => return Ok(None),
            },
        };
        let minima = self.sides().zip(&minima).zip(&at_minima);
        let minima: Vec<Minimum> = minima
            .map(|((side, [x, y]), loss)| Minimum {
                run_id: side.run,
                x: *x,
                y: *y,
                loss: finite(*loss),
            })
            .collect();
        let mut paths = Vec::new();
        for (side, places) in &frames {
            let Some(points) = self.path(side, places, both)? else {
                return Ok(None);
            };
            paths.push(Path {
                run_id: side.run,
                points,
            });
        }
        Ok(Some(Answer {
            surface: Surface {
                loss: losses
                    .chunks(x.len())
                    .map(|row| row.iter().copied().map(finite).collect())
                    .collect(),
                x,
                y,
            },
            paths,
            barrier: profile.map(|losses| self.wall(losses, &at_minima)),
            minima,
            n_samples: self.ground.n_samples(),
            explained: directions.explained,
            axes: directions.axes,
        }))
    }

    pub(super) fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.own).chain(&self.other)
    }

    /// The places along both axes.
    fn axes(
        &self,
        frames: &[(&Side, Vec<[f64; 2]>)],
        minima: &[[f64; 2]],
        both: &[Vec<f32>; 2],
    ) -> [Vec<f64>; 2] {
        let n = self.request.resolution as usize;
        let seen = || frames.iter().flat_map(|(_, places)| places).chain(minima);
        let bound = |axis: usize| {
            let own = seen().map(|place| place[axis]).filter(|x| x.is_finite());
            own.fold((0.0_f64, 0.0_f64), |(low, high), x| {
                (low.min(x), high.max(x))
            })
        };
        let bounds = [bound(0), bound(1)];
        let widest = bounds
            .iter()
            .map(|(low, high)| high - low)
            .fold(0.0, f64::max);
        let about = |range: f64| places(-range, range, n);
        let has_second = both[1].iter().any(|x| *x != 0.0);
        let axis = |number: usize| {
            let (low, high) = bounds[number];
            let margin = 0.25 * (high - low).max(0.2 * widest);
            match (self.request.kind, self.request.range) {
                (Kind::Between, range) => {
                    let beyond = range.unwrap_or(0.25);
                    let step = (1.0 + 2.0 * beyond) / (n - 1) as f64;
                    (0..n).map(|k| k as f64 * step - beyond).collect()
                }
                (_, Some(range)) => about(range),
                (Kind::Random, None) => about(1.0),
                (Kind::Gradient, None) => about(self.own.length()),
                _ if margin > 0.0 => places(low - margin, high + margin, n),
                _ => about(1.0),
            }
        };
        [axis(0), if has_second { axis(1) } else { vec![0.0] }]
    }

    fn losses(
        &self,
        origin: &[f32],
        both: &[Vec<f32>; 2],
        cells: &[[f64; 2]],
    ) -> Result<Option<Vec<f64>>, String> {
        let cells = Cells {
            origin,
            directions: both,
            places: cells,
        };
        self.ground
            .losses(cells, self.n_threads, &|_| self.goes_on())
            .map_err(said)
    }

    /// The losses of the weights that the runs keep, each with its own statistics.
    fn losses_of_kept(&self) -> Result<Option<Vec<f64>>, String> {
        let zeros = [vec![0.0; 0], vec![0.0; 0]];
        let mut found = Vec::new();
        for side in self.sides() {
            match self.losses(&side.kept, &zeros, &[[0.0; 2]])? {
                Some(losses) => found.extend(losses),
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// The loss on the straight line to the other run, both ends included.
    fn profile(&self) -> Result<Option<Vec<f64>>, String> {
        let way: Vec<f32> = self.to_other().iter().map(|&x| x as f32).collect();
        let nothing = vec![0.0; way.len()];
        let cells: Vec<[f64; 2]> = self.parts_of_the_way().map(|t| [t, 0.0]).collect();
        self.losses(&self.own.kept, &[way, nothing], &cells)
    }

    /// From 0 to 1.
    fn parts_of_the_way(&self) -> impl Iterator<Item = f64> {
        let last = self.request.resolution - 1;
        (0..=last).map(move |k| f64::from(k) / f64::from(last))
    }

    fn wall(&self, losses: Vec<f64>, at_minima: &[f64]) -> Barrier {
        let runs: Vec<RunId> = self.sides().map(|side| side.run).collect();
        let lower = match at_minima {
            [a, b] if a < b => Some(runs[0]),
            [a, b] if b < a => Some(runs[1]),
            _ => None,
        };
        Barrier {
            height: barrier(&losses),
            lower_run_id: lower,
            profile: Profile {
                t: self.parts_of_the_way().collect(),
                loss: losses.into_iter().map(finite).collect(),
            },
        }
    }

    /// The points of a path with the slope of the surface at some of them.
    fn path(
        &self,
        side: &Side,
        places: &[[f64; 2]],
        both: &[Vec<f32>; 2],
    ) -> Result<Option<Vec<Point>>, String> {
        let n_chosen = side.whole.len().min(SLOPES);
        let chosen: Vec<&(usize, Vec<f32>)> = (0..n_chosen)
            .map(|k| &side.whole[k * (side.whole.len() - 1) / (n_chosen - 1).max(1)])
            .collect();
        let mut slopes = vec![None; places.len()];
        // One after another, so that the end of the process is heard between them.
        for (idx, weights) in chosen {
            if !self.goes_on() {
                return Ok(None);
            }
            let parameters = side.with(weights);
            let take = |slope: landscape::Slope| {
                slopes[*idx] = Some([slope.loss, slope.along(&both[0]), slope.along(&both[1])]);
            };
            self.ground
                .slopes(std::iter::once(&parameters[..]), self.n_threads, take)
                .map_err(said)?;
        }
        let points = side.points.points.iter().zip(places).zip(slopes);
        let points = points.map(|((point, [x, y]), slope)| Point {
            step: point.step,
            epoch: point.epoch,
            x: *x,
            y: *y,
            loss: point.loss,
            gradient_norm: point.gradient_norm,
            learning_rate: point.learning_rate,
            update_norm: point.update_norm,
            sample_loss: slope.and_then(|[loss, ..]| finite(loss)),
            gradient_x: slope.and_then(|[_, x, _]| finite(x)),
            gradient_y: slope.and_then(|[_, _, y]| finite(y)),
        });
        Ok(Some(points.collect()))
    }

    /// Notes another cell, says how far it is from time to time, and answers whether to go on.
    fn goes_on(&self) -> bool {
        let begun = self.begun.fetch_add(1, Ordering::Relaxed);
        if self.shared.is_stopping() {
            return false;
        }
        if !begun.is_multiple_of((self.n_cells / PROGRESS_STEPS).max(1)) {
            return true;
        }
        let part = (begun as f64 / self.n_cells as f64).min(0.99);
        let said = self.shared.runs.landscape_progress(&self.row, part);
        match self.shared.handle.block_on(said) {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::warn!(landscape = %self.row.id, %error, "progress could not be written");
                true
            }
        }
    }
}

/// The rows that the loss is a mean over, as the network reads them. For two runs: rows that both were trained on, as the older
/// one reads them, so that neither is judged by rows it has not seen and the answer is the same whichever run is asked.
fn ground(shared: &Shared, survey: &Survey, request: &LandscapeRequest) -> Result<Ground, String> {
    let read = |run: &Run| prepare::prepare(shared, &job(run)).map_err(|reason| reason.message);
    let (older, younger) = match &survey.other {
        Some(other) if other.id < survey.own.id => (other, Some(&survey.own)),
        other => (&survey.own, other.as_ref()),
    };
    let prepared = read(older)?;
    let mut rows = prepared.ready.parts.train.clone();
    if let Some(younger) = younger {
        let seen: HashSet<u32> = read(younger)?.ready.parts.train.iter().copied().collect();
        rows.retain(|row| seen.contains(row));
        if rows.is_empty() {
            return Err("the two runs have no training row in common to be compared on".to_owned());
        }
    }
    Ground::new(
        &prepared.spec,
        &prepared.ready.dataset,
        &rows,
        request.samples as usize,
        request.seed,
        Isa::detect(),
    )
    .map_err(said)
}

fn finite(loss: f64) -> Option<f64> {
    Some(loss).filter(|loss| loss.is_finite())
}

pub(super) fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
