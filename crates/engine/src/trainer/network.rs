//! Trains a network: step after step, epoch after epoch, until it ends.
//!
//! Everything that changes is in [`State`], so that a checkpoint of it at any step leads to the same bits: the order of the rows
//! is a function of seed and epoch, dropout and augmentation of seed and step, the learning rate one of the step and the plateau's memory.

use std::sync::Arc;

use super::advice::Advice;
use super::baseline;
use super::evaluation::{Evaluator, Measured};
use super::observer::{
    CheckpointReport, Completion, Directive, Ending, EpochReport, Observer, StepReport, StopReason,
};
use super::recipe::Recipe;
use super::recorder::{Left, Recorder};
use super::rows::Rows;
use super::state::State;
use super::stopping::{Ladder, Watch};
use super::trained::{self, Trained};
use super::{EngineError, obey};
use crate::augmentation::Pipeline;
use crate::dataset::{Dataset, Parts};
use crate::diagnosis::{Setting, diverged};
use crate::isa::Cpu;
use crate::metrics::Part;
use crate::network::{Network, Outcome};
use crate::op::StepKey;
use crate::plan::{PROBED_ROWS, Probe, TrainPlan};
use crate::rng::{Purpose, Stream};
use crate::spec::Spec;
use crate::trajectory::Layout;

/// A network in training.
pub(super) struct NetworkTrainer {
    recipe: Recipe,
    network: Network,
    dataset: Arc<Dataset>,
    parts: Parts,
    cpu: Cpu,
    plan: TrainPlan<f32>,
    evaluator: Evaluator,
    watch: Watch,
    ladder: Ladder,
    train: Rows,
    validation: Rows,
    fingerprint: [u8; 32],
    state: State,
    recorder: Recorder,
    advice: Advice,
    /// The order of the rows in the epoch `order_of`.
    order: Vec<u32>,
    order_of: Option<u32>,
    batch: Rows,
    /// The step whose rows the batch holds.
    gathered: Option<u64>,
    augmentation: Pipeline,
    measured: Vec<Measured>,
    finished: Option<(Ending, Trained)>,
}

impl NetworkTrainer {
    pub(super) fn new(
        spec: &Spec,
        dataset: Arc<Dataset>,
        parts: Parts,
        cpu: Cpu,
        fingerprint: [u8; 32],
    ) -> Result<Self, EngineError> {
        let binary = matches!(spec.loss, Some(crate::loss::Loss::BinaryCrossEntropy(_)));
        let train = Rows::gather(&dataset, &parts.train, binary);
        let validation = Rows::gather(&dataset, &parts.validation, binary);
        let counts = baseline::class_counts(&dataset.targets, &train.labels);
        let recipe = Recipe::of(spec, &counts, train.n_rows)?;
        let network =
            crate::weights::network(spec, dataset.sample_shape, dataset.targets.outcome())?;
        let plan = TrainPlan::compile(
            &network,
            &recipe.loss,
            &recipe.optimizer,
            recipe.batch_size,
            cpu.with_precision(spec.training.precision),
        )?;
        let most_rows = train.n_rows.max(validation.n_rows);
        let evaluator = Evaluator::new(&network, &recipe.loss, &dataset.targets, most_rows, cpu)?;
        let watch = Watch::new(
            spec.training.early_stopping.as_ref(),
            spec.task.kind,
            &train,
            &validation,
        )?;
        let ladder = Ladder::new(&spec.training.rungs, spec.task.kind, &validation)?;
        let setting = Setting {
            optimizer: serde_json::to_value(&spec.optimizer).unwrap_or_default(),
            optimizer_by_default: false,
            learning_rate: recipe.optimizer.learning_rate(),
            baseline_loss: baseline::loss(&network, &recipe.loss, &dataset.targets, &train, cpu)?,
            answers: network.head().outcome != Outcome::Places,
            layers: serde_json::to_value(&spec.network).unwrap_or_default(),
            class_weights: recipe.weighs_classes,
            clipped: recipe.clip_norm.is_some(),
        };
        let state = State::new(&network, recipe.seed, &recipe.optimizer);
        Ok(Self {
            batch: train.room(recipe.batch_size),
            recorder: Recorder::new(network.n_trained(), recipe.batch_size),
            gathered: None,
            augmentation: Pipeline::new(&spec.training.augmentation, dataset.sample_shape),
            order: (0..train.n_rows as u32).collect(),
            order_of: None,
            measured: Vec::with_capacity(16),
            advice: Advice::new(setting),
            finished: None,
            recipe,
            network,
            dataset,
            parts,
            cpu,
            plan,
            evaluator,
            watch,
            ladder,
            train,
            validation,
            fingerprint,
            state,
        })
    }

    pub(super) fn run(&mut self, observer: &mut dyn Observer) -> Ending {
        if let Some((ending, _)) = &self.finished {
            return ending.clone();
        }
        if self.state.step == 0 {
            let counts = baseline::class_counts(&self.dataset.targets, &self.train.labels);
            self.advice
                .before(&self.dataset, &self.parts.train, &counts, observer);
        }
        loop {
            let over = if let Some(completion) = self.completion() {
                Some(Ending::Completed(completion))
            } else {
                let directive = if self.at_epoch_end() {
                    self.end_epoch(observer)
                } else {
                    self.step(observer)
                };
                directive.map_or_else(Some, |directive| {
                    obey(directive, observer, || self.checkpoint())
                })
            };
            match over {
                Some(ending) if ending.has_model() => return self.finish(ending, observer),
                Some(ending) => return ending,
                None => {}
            }
        }
    }

    /// Why training is over by itself, if it is.
    fn completion(&mut self) -> Option<Completion> {
        let (epoch, progress) = (self.state.epoch, &self.state.progress);
        if self.watch.patience_left(progress) == Some(0) {
            // Where the metric never was a number no epoch is the best, and the last weights are kept.
            let best_epoch = progress.best.map_or(epoch, |_| progress.best_epoch);
            return Some(Completion::EarlyStopped { epoch, best_epoch });
        }
        if epoch >= self.recipe.epochs {
            return Some(Completion::EpochsDone);
        }
        self.short_of_rung()
    }

    /// The rung of the epoch just done, if it is not passed.
    fn short_of_rung(&mut self) -> Option<Completion> {
        let epoch = self.state.epoch;
        if !self.ladder.has(epoch) || !self.at_epoch_start() {
            return None;
        }
        // A checkpoint of this moment has the weights and not what was measured with them; they measure the same again.
        if self.measured.is_empty() {
            self.measure();
        }
        let (metric, value) = self.ladder.falls_short(epoch, &self.measured)?;
        Some(Completion::StoppedAtRung {
            epoch,
            metric,
            value,
        })
    }

    /// Measures the present weights on both parts; answers the losses.
    fn measure(&mut self) -> (f64, f64) {
        self.measured.clear();
        let parameters = &self.state.parameters;
        let train_loss =
            self.evaluator
                .measure(parameters, &self.train, Part::Train, &mut self.measured);
        let validation_loss = self.evaluator.measure(
            parameters,
            &self.validation,
            Part::Validation,
            &mut self.measured,
        );
        (train_loss, validation_loss)
    }

    /// Whether every row of the epoch was seen, so that it is time to measure.
    fn at_epoch_end(&self) -> bool {
        self.state.step == (u64::from(self.state.epoch) + 1) * self.recipe.steps_per_epoch
    }

    /// One optimizer step; the ending instead when it was refused.
    fn step(&mut self, observer: &mut dyn Observer) -> Result<Directive, Ending> {
        if self.gathered != Some(self.state.step) {
            self.pick_batch();
        }
        let state = &mut self.state;
        let learning_rate = self.recipe.learning_rate(state.step, state.plateau.reduced);
        self.recorder.before(state.step, &state.parameters.values);
        let result = self.plan.step(
            &mut state.parameters,
            &mut state.optimizer,
            &self.batch.features,
            self.batch.targets(),
            learning_rate,
            self.recipe.clip_norm,
            StepKey {
                seed: self.recipe.seed,
                step: state.step,
            },
        );
        if !result.finite {
            return Err(self.diverge(learning_rate, !result.loss.is_finite(), observer));
        }
        let left = Left {
            step: state.step,
            epoch: state.epoch + 1,
            loss: result.loss,
            gradient_norm: result.gradient_norm,
            learning_rate,
        };
        self.recorder
            .after(left, &state.parameters.values, observer);
        state.step += 1;
        state.last_loss = Some(result.loss);
        // Ahead of its step, while the threads are awake.
        if !self.at_epoch_end() {
            self.pick_batch();
        }
        self.advice
            .step(self.state.step, result.gradient_norm, observer);
        Ok(observer.step(&StepReport {
            step: self.state.step,
            epoch: self.state.epoch + 1,
            loss: result.loss,
            learning_rate,
            gradient_norm: result.gradient_norm,
        }))
    }

    /// Gathers the rows of the next step; at the start of an epoch (or after a restore) their order is drawn first.
    fn pick_batch(&mut self) {
        let (epoch, size) = (self.state.epoch, self.recipe.batch_size);
        if self.order_of != Some(epoch) {
            self.order
                .iter_mut()
                .zip(0..)
                .for_each(|(row, number)| *row = number);
            Stream::new(self.recipe.seed, Purpose::Shuffle, u64::from(epoch))
                .shuffle(&mut self.order);
            self.order_of = Some(epoch);
        }
        let first = (self.state.step % self.recipe.steps_per_epoch) as usize * size;
        let last = (first + size).min(self.order.len());
        let (rows, threads) = (&self.order[first..last], self.plan.threads());
        self.batch.pick(&self.train, rows, threads);
        let key = StepKey {
            seed: self.recipe.seed,
            step: self.state.step,
        };
        self.augmentation.apply(&mut self.batch.features, key);
        self.gathered = Some(self.state.step);
    }

    fn diverge(
        &mut self,
        learning_rate: f64,
        loss_not_finite: bool,
        observer: &mut dyn Observer,
    ) -> Ending {
        let step = self.state.step + 1;
        let seen = diverged::Observation {
            step,
            learning_rate,
            last_loss: self.state.last_loss,
            loss_not_finite,
        };
        self.advice.diverged(&seen, observer);
        self.end_path(None, observer);
        let setting = &self.advice.setting;
        let suggested_learning_rate =
            diverged::suggested_learning_rate(setting.learning_rate, step);
        Ending::Diverged {
            step,
            what: if loss_not_finite {
                "loss".into()
            } else {
                "gradient".into()
            },
            suggested_learning_rate,
            spec_patch: setting.learning_rate_patch(suggested_learning_rate),
        }
    }

    /// Measures both parts, moves the plateau and the watch on, and asks for advice.
    fn end_epoch(&mut self, observer: &mut dyn Observer) -> Result<Directive, Ending> {
        let (train_loss, validation_loss) = self.measure();
        let validation_loss = Some(validation_loss).filter(|loss| loss.is_finite());
        if !train_loss.is_finite() {
            // A finite gradient times a huge learning rate can still leave weights that are not finite.
            return Err(self.diverge(
                self.recipe
                    .learning_rate(self.state.step - 1, self.state.plateau.reduced),
                true,
                observer,
            ));
        }
        let state = &mut self.state;
        state.epoch += 1;
        state
            .plateau
            .epoch(&self.recipe.schedule, validation_loss.unwrap_or(train_loss));
        let is_best = self
            .watch
            .epoch(state.epoch, &self.measured, &mut state.progress);
        state.is_best = is_best;
        if is_best && self.watch.restores() {
            state.keep_best();
        }
        let (epoch, step) = (state.epoch, state.step);
        self.advice
            .epoch(step, train_loss, validation_loss, observer);
        if is_power_of_four(epoch) || epoch == self.recipe.epochs {
            self.look_inside(observer);
        }
        Ok(observer.epoch(&EpochReport {
            epoch,
            epochs: self.recipe.epochs,
            step,
            metrics: &self.measured,
            best: self.state.progress.best,
            patience_left: self.watch.patience_left(&self.state.progress),
            is_best,
        }))
    }

    /// Looks at what every layer does. A network that cannot be probed is not worth failing a training for.
    fn look_inside(&mut self, observer: &mut dyn Observer) {
        let rows = self.train.head(PROBED_ROWS);
        // No more at once than a step takes, so that a look takes about as much memory as a step.
        let batch_rows = rows.n_rows.min(self.recipe.batch_size);
        let Ok(mut probe) = Probe::compile(&self.network, &self.recipe.loss, batch_rows, self.cpu)
        else {
            return;
        };
        let key = StepKey {
            seed: self.recipe.seed,
            step: self.state.step,
        };
        let layers = probe.look(&self.state.parameters, &rows.features, rows.targets(), key);
        self.advice.layers(self.state.step, &layers, observer);
    }

    /// Restores the best weights, tests them and makes the model.
    fn finish(&mut self, ending: Ending, observer: &mut dyn Observer) -> Ending {
        self.advice.after(self.state.step, observer);
        // Where other weights are restored, nothing measures these again.
        if self.watch.restores() {
            let loss = self.evaluator.loss(&self.state.parameters, &self.train);
            self.end_path(Some(loss), observer);
        }
        let best_epoch = if self.watch.restores() && self.state.restore_best() {
            self.state.progress.best_epoch
        } else {
            self.state.epoch
        };
        let binary = self.train.n_targets == 1 && !self.train.labels.is_empty();
        let test = Rows::gather(&self.dataset, &self.parts.test, binary);
        let mut measured = Vec::with_capacity(18);
        for (rows, part) in [
            (&self.train, Part::Train),
            (&self.validation, Part::Validation),
            (&test, Part::Test),
        ] {
            let loss = self
                .evaluator
                .measure(&self.state.parameters, rows, part, &mut measured);
            if part == Part::Train && !self.watch.restores() {
                self.recorder.end(
                    self.state.step,
                    self.state.epoch,
                    Some(loss),
                    &self.state.parameters.values,
                    observer,
                );
            }
        }
        let made = trained::Making {
            network: &self.network,
            parameters: &self.state.parameters,
            dataset: &self.dataset,
            parts: &self.parts,
            cpu: self.cpu,
        };
        let trained = made.trained(
            measured,
            (&self.evaluator.measures, self.evaluator.outputs()),
            self.state.epoch,
            self.state.step,
            best_epoch,
        );
        self.finished = Some((ending.clone(), trained));
        ending
    }

    /// Says where the path ends.
    fn end_path(&mut self, loss: Option<f64>, observer: &mut dyn Observer) {
        let state = &self.state;
        let weights = &state.parameters.values;
        self.recorder
            .end(state.step, state.epoch, loss, weights, observer);
    }

    pub(super) fn default_optimizer(&mut self) {
        self.advice.setting.optimizer_by_default = true;
    }

    pub(super) fn turn_path_off(&mut self) {
        self.recorder.turn_off();
    }

    pub(super) fn layout(&self) -> &Layout {
        self.recorder.layout()
    }

    pub(super) fn trained(&self) -> Option<&Trained> {
        self.finished.as_ref().map(|(_, trained)| trained)
    }

    pub(super) fn checkpoint(&self) -> CheckpointReport {
        CheckpointReport {
            bytes: self.state.save(&self.fingerprint, &self.advice),
            step: self.state.step,
            epoch: self.state.epoch,
            is_best: self.at_epoch_start() && self.state.is_best,
        }
    }

    /// Whether the weights are still those that the last epoch was measured with.
    fn at_epoch_start(&self) -> bool {
        self.state.step == u64::from(self.state.epoch) * self.recipe.steps_per_epoch
    }

    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut advice = self.advice.clone();
        let state = self.state.load(bytes, &self.fingerprint, &mut advice)?;
        self.recorder.seek(state.step);
        self.state = state;
        self.gathered = None;
        self.advice = advice;
        self.finished = None;
        self.measured.clear();
        Ok(())
    }

    pub(super) fn fork_from(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        self.state.parameters = self.state.load_parameters(bytes)?;
        Ok(())
    }
}

fn is_power_of_four(n: u32) -> bool {
    n.is_power_of_two() && n.trailing_zeros().is_multiple_of(2)
}

impl From<StopReason> for Ending {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Asked => Self::Stopped,
            StopReason::TimeLimit => Self::TimeLimit,
        }
    }
}
