//! Hands the weights of chosen steps to the observer. All memory is taken at the start, and the training does not change by a bit.

use super::observer::{Observer, PathPoint};
use crate::precision::to_bf16;
use crate::trajectory::Layout;

/// Records the path of one training.
pub(crate) struct Recorder {
    layout: Layout,
    /// The next steps that are wanted.
    next_point: u64,
    next_snapshot: Option<u64>,
    /// Of the step that is being done: the numbers before it.
    point: Vec<f32>,
    snapshot: Vec<u16>,
    has_point: bool,
    has_snapshot: bool,
    is_off: bool,
}

/// What is known of the step that leaves a point.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    /// Steps done before it.
    pub(crate) step: u64,
    /// Its epoch, from 1.
    pub(crate) epoch: u32,
    pub(crate) loss: f64,
    pub(crate) gradient_norm: f64,
    pub(crate) learning_rate: f64,
}

impl Recorder {
    pub(crate) fn new(n_trained: usize, batch_rows: usize) -> Self {
        let layout = Layout::new(n_trained, batch_rows);
        let mut recorder = Self {
            point: vec![0.0; layout.n_numbers()],
            snapshot: vec![0; layout.n_halves()],
            layout,
            next_point: 0,
            next_snapshot: None,
            has_point: false,
            has_snapshot: false,
            is_off: false,
        };
        recorder.seek(0);
        recorder
    }

    /// What is kept of the weights, and at which steps.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Nothing is recorded from now on.
    pub(crate) fn turn_off(&mut self) {
        self.is_off = true;
        self.next_point = u64::MAX;
    }

    /// Goes on from here: `step` steps are done.
    pub(crate) fn seek(&mut self, step: u64) {
        if self.is_off {
            return;
        }
        self.next_point = self.layout.points().from(step);
        self.next_snapshot = self.layout.snapshots().map(|thinning| thinning.from(step));
    }

    /// Whether the weights are wanted that this step is going to change.
    #[inline]
    pub(crate) fn wants(&self, step: u64) -> bool {
        step == self.next_point
    }

    /// Before a step: keeps the weights that it is going to change, where they are wanted.
    #[inline]
    pub(crate) fn before(&mut self, step: u64, weights: &[f32]) {
        self.has_point = self.wants(step);
        if self.has_point {
            self.keep(step, weights);
        }
    }

    fn keep(&mut self, step: u64, weights: &[f32]) {
        // Snapshots are never closer than points, so each comes with one.
        self.has_snapshot = Some(step) == self.next_snapshot;
        self.layout.gather(weights, &mut self.point);
        self.next_point = self.layout.points().from(step + 1);
        if self.has_snapshot {
            self.next_snapshot = self
                .layout
                .snapshots()
                .map(|thinning| thinning.from(step + 1));
            for (half, &weight) in self.snapshot.iter_mut().zip(weights) {
                *half = to_bf16(weight);
            }
        }
    }

    /// After a step: says what was kept before it.
    #[inline]
    pub(crate) fn after(&mut self, left: Left, weights: &[f32], observer: &mut dyn Observer) {
        if self.has_point {
            observer.point(&PathPoint {
                step: left.step,
                epoch: left.epoch,
                loss: Some(left.loss),
                gradient_norm: Some(left.gradient_norm),
                learning_rate: Some(left.learning_rate),
                update_norm: Some(self.layout.squared_distance(&self.point, weights).sqrt()),
                is_last: false,
                numbers: &self.point,
                snapshot: self.has_snapshot.then_some(&self.snapshot),
            });
        }
    }

    /// The end of the path: no step leaves it. Weights that a training has blown up to infinity are no place on it.
    pub(crate) fn end(
        &mut self,
        step: u64,
        epoch: u32,
        loss: Option<f64>,
        weights: &[f32],
        observer: &mut dyn Observer,
    ) {
        self.layout.gather(weights, &mut self.point);
        if self.is_off || !self.point.iter().all(|number| number.is_finite()) {
            return;
        }
        observer.point(&PathPoint {
            step,
            epoch,
            loss,
            gradient_norm: None,
            learning_rate: None,
            update_norm: None,
            is_last: true,
            numbers: &self.point,
            snapshot: None,
        });
    }
}
