//! The path of a run's weights: written with the reports of its worker, read as points in the plane of its two main directions.

use std::sync::Arc;

use descent_engine::isa::Isa;
use descent_engine::trajectory::{self, Layout, Plane, Thinning};
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::{Runs, RunsError};
use crate::ids::RunId;
use crate::store::trajectories::{self, Points};
use crate::store::{Json, StoreError, Tx};

/// What is known of a path when training begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Version of this document.
    pub format: u32,
    /// Numbers that are trained. With `batch_rows` they determine the layout of a point.
    pub n_trained: usize,
    /// Numbers that a layer keeps beside them, such as running means.
    pub n_statistics: usize,
    /// Rows of a batch.
    pub batch_rows: usize,
    /// Operations of a step, per row: forward and backward.
    #[serde(default)]
    pub flops_per_sample: u64,
    /// What the features of a row are made of.
    pub inputs: Vec<InputScale>,
    /// How outputs come from features, where that is nothing but dense layers and functions.
    pub layers: Option<Vec<LayerShape>>,
    /// Name of every output.
    pub outputs: Vec<String>,
}

/// How a value becomes a feature: `(value - mean) / scale`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputScale {
    /// Name of the feature.
    pub name: String,
    /// Subtracted.
    pub mean: f64,
    /// Divided by.
    pub scale: f64,
}

/// A layer that a client can evaluate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerShape {
    /// `dense`, or `activation` for a function alone.
    pub kind: String,
    /// Numbers that come in.
    pub n_inputs: usize,
    /// Numbers that go out.
    pub n_outputs: usize,
    /// Where the weight begins among the weights of a point, `[n_inputs x n_outputs]` row by row.
    pub weight_offset: Option<usize>,
    /// Where the bias begins.
    pub bias_offset: Option<usize>,
    /// The function of each output.
    pub activation: Option<String>,
    /// Slope of a leaky_relu, limit of an elu.
    pub constant: Option<f64>,
}

impl Description {
    /// The version that this build writes.
    pub const FORMAT: u32 = 1;

    /// What is kept of the weights.
    pub fn layout(&self) -> Layout {
        Layout::new(self.n_trained, self.batch_rows)
    }
}

/// Points that a worker has to say.
#[derive(Debug, Clone)]
pub struct Path {
    /// Which points are kept.
    pub thinning: Thinning,
    /// Which snapshots.
    pub snapshots_thinning: Option<Thinning>,
    /// The points.
    pub points: Points,
    /// Step and bfloat16 bits of every trained number. They may come later than the points of their steps.
    pub snapshots: Vec<(u64, Vec<u16>)>,
}

impl Path {
    /// Nothing yet, of a layout.
    pub fn of(layout: &Layout) -> Self {
        Self {
            thinning: layout.points(),
            snapshots_thinning: layout.snapshots(),
            points: Points::default(),
            snapshots: Vec::new(),
        }
    }

    /// Drops what is too close to others by now, so that what waits for the record does not grow beyond what the record keeps.
    pub fn thin(&mut self) {
        let Some(last) = self.points.points.last().map(|point| point.step) else {
            return;
        };
        let thinning = self.thinning;
        self.points
            .retain(|point| point.is_last || thinning.keeps(point.step, last));
        if let Some(thinning) = self.snapshots_thinning {
            self.snapshots
                .retain(|(step, _)| thinning.keeps(*step, last));
        }
    }
}

/// A path as it is read.
#[derive(Debug, Clone)]
pub struct Trajectory {
    /// Whose.
    pub run: RunId,
    /// What its numbers are; `None` before training begins, and for runs of a version that recorded no paths.
    pub description: Option<Description>,
    /// Steps between two points.
    pub stride: u64,
    /// The points.
    pub points: Points,
    /// Where they lie.
    pub plane: Plane,
}

impl Runs {
    /// The path of a run as far as it is on record, in the plane of its two main directions.
    ///
    /// # Errors
    /// [`RunsError::Absent`], or when the record fails.
    pub async fn trajectory(&self, owner: &str, id: RunId) -> Result<Arc<Trajectory>, RunsError> {
        let run = self.show(owner, id).await?.id;
        let document = trajectories::document(&self.0.store, run).await?;
        let description: Option<Description> = document.map(|json| json.parse()).transpose()?;
        let points = trajectories::points(&self.0.store, run).await?;
        let made = tokio::task::spawn_blocking(move || seen(run, description, points));
        let made = made
            .await
            .map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Arc::new(made))
    }

    /// Says what a path's numbers are.
    pub(super) async fn begin_path(
        &self,
        tx: &mut Tx,
        change: &Change,
        document: &Json,
    ) -> Result<(), RunsError> {
        Ok(trajectories::begin(tx, change.run.id, document).await?)
    }

    /// Appends what is not on record yet, and drops what is too close to others by now.
    pub(super) async fn write_path(
        &self,
        tx: &mut Tx,
        change: &Change,
        path: &Path,
    ) -> Result<(), RunsError> {
        let run = change.run.id;
        let before = trajectories::last_step(tx, run).await?;
        let mut fresh = path.points.clone();
        // A resumed run says the same again from its checkpoint on.
        fresh.retain(|point| before.is_none_or(|before| point.step > before));
        let Some(last) = fresh.points.last().map(|point| point.step).or(before) else {
            return Ok(());
        };
        if !fresh.points.is_empty() {
            trajectories::append(tx, run, &fresh).await?;
        }
        if let Some(thinning) = path.snapshots_thinning {
            let kept = path.snapshots.iter();
            for (step, halves) in kept.filter(|(step, _)| thinning.keeps(*step, last)) {
                trajectories::snapshot(tx, run, *step, halves).await?;
            }
        }
        let Some(before) = before else {
            return Ok(());
        };
        let grown = |thinning: Thinning| {
            let stride = thinning.stride(last);
            (stride > thinning.stride(before)).then_some(stride)
        };
        if let Some(stride) = grown(path.thinning) {
            trajectories::thin(tx, run, stride).await?;
        }
        if let Some(stride) = path.snapshots_thinning.and_then(grown) {
            trajectories::thin_snapshots(tx, run, stride).await?;
        }
        Ok(())
    }
}

fn seen(run: RunId, description: Option<Description>, points: Points) -> Trajectory {
    let nothing = Plane {
        points: Vec::new(),
        explained: [0.0; 2],
        factors: [Vec::new(), Vec::new()],
    };
    let (stride, plane) = match (&description, points.points.last()) {
        (Some(description), Some(last)) => {
            let layout = description.layout();
            let end = &points.numbers[points.numbers.len() - layout.n_numbers()..];
            let plane = trajectory::plane(&layout, &points.numbers, end, Isa::detect());
            (layout.points().stride(last.step), plane)
        }
        (Some(description), None) => (description.layout().points().stride(0), nothing),
        (None, _) => (1, nothing),
    };
    Trajectory {
        run,
        description,
        stride,
        points,
        plane,
    }
}
