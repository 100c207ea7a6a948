//! The weights of one run, as path and newest checkpoint have them.

use descent_engine::landscape::{Frame, Ground};
use descent_engine::precision::from_bf16;
use descent_engine::trajectory::Layout;

use super::study::said;
use crate::ids::RunId;
use crate::runs::message::Job;
use crate::store::runs::Run;
use crate::store::trajectories;
use crate::worker::Shared;

/// Weights of one run.
pub(super) struct Side {
    pub(super) run: RunId,
    pub(super) layout: Layout,
    pub(super) points: trajectories::Points,
    /// Position among the points, and all trained numbers there.
    pub(super) whole: Vec<(usize, Vec<f32>)>,
    /// All parameters that the run keeps, or has now.
    pub(super) kept: Vec<f32>,
}

impl Side {
    /// All parameters with other trained ones; statistics are those of the kept weights.
    pub(super) fn with(&self, trained: &[f32]) -> Vec<f32> {
        let mut parameters = self.kept.clone();
        parameters[..trained.len()].copy_from_slice(trained);
        parameters
    }

    /// Where the points of the path lie.
    pub(super) fn places(&self, origin: &[f32], both: &[Vec<f32>; 2]) -> Vec<[f64; 2]> {
        let n = self.layout.n_trained();
        let trained = both
            .each_ref()
            .map(|direction| direction[..n.min(direction.len())].to_vec());
        let frame = Frame::new(&self.layout, &origin[..n], &trained);
        let width = self.layout.n_numbers().max(1);
        self.points
            .numbers
            .chunks(width)
            .map(|point| frame.place(point))
            .collect()
    }

    /// Where the kept weights lie.
    pub(super) fn minimum(&self, origin: &[f32], both: &[Vec<f32>; 2]) -> [f64; 2] {
        let mut numbers = vec![0.0; self.layout.n_numbers()];
        self.layout.gather(&self.kept, &mut numbers);
        let n = self.layout.n_trained();
        if self.kept[..n] == origin[..n] {
            return [0.0; 2];
        }
        let trained = both
            .each_ref()
            .map(|direction| direction[..n.min(direction.len())].to_vec());
        Frame::new(&self.layout, &origin[..n], &trained).place(&numbers)
    }

    /// The distance between the two ends of the path, 1 for a path that does not move.
    pub(super) fn length(&self) -> f64 {
        let first = self.points.numbers.get(..self.layout.n_numbers());
        let distance = first.map_or(0.0, |first| {
            self.layout.squared_distance(first, &self.kept).sqrt()
        });
        if distance > 0.0 { distance } else { 1.0 }
    }
}

/// What a worker is told of a run that it is to read the data of.
pub(super) fn job(run: &Run) -> Job {
    Job {
        run: run.id,
        fence: run.fence,
        owner: run.owner.clone(),
        name: run.name.clone(),
        dataset: run.dataset_id,
        dataset_sha256: run.dataset_sha256.clone(),
        dataset_schema: run.dataset_schema.clone(),
        spec: run.spec.clone(),
        resume: None,
        start: None,
        running_ms: 0,
        attempt: run.attempts,
    }
}

/// The weights of a run. Those that it keeps stand in its newest checkpoint; while it trains, the last point of its path is newer.
pub(super) fn side(shared: &Shared, ground: &Ground, run: Run) -> Result<Side, String> {
    let is_over = run.status.is_terminal();
    let id = run.id;
    let material = shared
        .handle
        .block_on(shared.runs.material(run))
        .map_err(said)?;
    let layout = material.description.layout();
    let (n_trained, n_parameters) = (layout.n_trained(), ground.network().n_parameters());
    if n_trained != ground.network().n_trained() {
        return Err("its network is not the one that was recorded".to_owned());
    }
    let points = material.points;
    let position = |step: u64| {
        points
            .points
            .binary_search_by_key(&step, |point| point.step)
            .ok()
    };
    let whole: Vec<(usize, Vec<f32>)> = if layout.is_complete() {
        points
            .numbers
            .chunks(n_trained.max(1))
            .map(<[f32]>::to_vec)
            .enumerate()
            .collect()
    } else {
        let snapshots = material.snapshots.iter();
        snapshots
            .filter_map(|(step, halves)| {
                Some((
                    position(*step)?,
                    halves.iter().copied().map(from_bf16).collect(),
                ))
            })
            .collect()
    };
    let newest = whole
        .last()
        .filter(|_| n_trained == n_parameters)
        .map(|(_, weights)| weights.clone());
    let kept = match (&material.checkpoint, newest) {
        (_, Some(newest)) if !is_over => newest,
        (Some(checkpoint), _) => {
            let bytes = shared
                .handle
                .block_on(shared.runs.bytes(checkpoint))
                .map_err(said)?;
            ground.parameters(&bytes).map_err(said)?
        }
        (None, Some(newest)) => newest,
        (None, None) => return Err("none of its weights are on record".to_owned()),
    };
    Ok(Side {
        run: id,
        layout,
        points,
        whole,
        kept,
    })
}
