//! What a landscape answers, as it is kept.

use serde::Serialize;

use crate::ids::RunId;

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Answer {
    pub(super) surface: Surface,
    pub(super) paths: Vec<Path>,
    pub(super) minima: Vec<Minimum>,
    pub(super) barrier: Option<Barrier>,
    pub(super) n_samples: usize,
    /// Part of the path that the two directions explain, for a plane of a path.
    pub(super) explained: Option<[f64; 2]>,
    /// What x and y are.
    pub(super) axes: [String; 2],
}

/// `loss[j][i]` is that of `y[j]`, `x[i]`; `None` where it is not finite.
#[derive(Serialize)]
pub(super) struct Surface {
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    pub(super) loss: Vec<Vec<Option<f64>>>,
}

#[derive(Serialize)]
pub(super) struct Path {
    pub(super) run_id: RunId,
    pub(super) points: Vec<Point>,
}

#[derive(Serialize)]
pub(super) struct Point {
    pub(super) step: u64,
    pub(super) epoch: u64,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) loss: Option<f64>,
    pub(super) gradient_norm: Option<f64>,
    pub(super) learning_rate: Option<f64>,
    pub(super) update_norm: Option<f64>,
    /// Loss on the rows of the surface, and its slope along both axes, at most at 64 points.
    pub(super) sample_loss: Option<f64>,
    pub(super) gradient_x: Option<f64>,
    pub(super) gradient_y: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct Minimum {
    pub(super) run_id: RunId,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) loss: Option<f64>,
}

#[derive(Serialize)]
pub(super) struct Barrier {
    /// Highest loss on the straight line minus that of the higher end.
    pub(super) height: Option<f64>,
    /// The run with the lower loss; `None` when they are equal or not finite.
    pub(super) lower_run_id: Option<RunId>,
    pub(super) profile: Profile,
}

#[derive(Serialize)]
pub(super) struct Profile {
    pub(super) t: Vec<f64>,
    pub(super) loss: Vec<Option<f64>>,
}
