//! Trains a perceptron: row by row, epoch by epoch, until an epoch has no mistake or it is known why there never will be one.

use std::sync::Arc;

use super::evaluation::{Measured, Measures};
use super::observer::{
    CheckpointReport, Completion, Directive, Ending, EpochReport, Observer, StepReport,
};
use super::recipe::unresolved;
use super::recorder::{Left, Recorder};
use super::rows::Rows;
use super::trained::{self, Trained};
use super::{EngineError, obey};
use crate::checkpoint::{CheckpointError, Kind, Reader, Writer};
use crate::dataset::{Dataset, Parts};
use crate::diagnosis::not_separable;
use crate::isa::Cpu;
use crate::metrics::{LOSS, Part};
use crate::network::{Network, Parameters};
use crate::perceptron::Perceptron;
use crate::rng::{Purpose, Stream};
use crate::spec::Spec;
use crate::trajectory::Layout;

/// A perceptron in training. One step is one row.
pub(super) struct PerceptronTrainer {
    epochs: u32,
    seed: u64,
    network: Network,
    dataset: Arc<Dataset>,
    parts: Parts,
    cpu: Cpu,
    train: Rows,
    validation: Rows,
    fingerprint: [u8; 32],
    state: State,
    recorder: Recorder,
    /// The weights as the record has them.
    rounded: Vec<f32>,
    order: Vec<u32>,
    order_of: Option<u32>,
    measures: Measures,
    measured: Vec<Measured>,
    outputs: Vec<f32>,
    finished: Option<(Ending, Trained)>,
}

/// Everything that changes.
#[derive(Clone, Debug)]
struct State {
    step: u64,
    epoch: u32,
    unit: Perceptron,
    /// Corrections before this epoch, and before the last one that is over.
    corrections_before: u64,
    /// Whether the last epoch had no mistake.
    converged: bool,
    /// Lowest training loss so far.
    best: Option<f64>,
    is_best: bool,
}

impl PerceptronTrainer {
    pub(super) fn new(
        spec: &Spec,
        dataset: Arc<Dataset>,
        parts: Parts,
        cpu: Cpu,
        fingerprint: [u8; 32],
    ) -> Result<Self, EngineError> {
        let train = Rows::gather(&dataset, &parts.train, false);
        let rows = train.features.chunks_exact(dataset.n_features());
        let unit = Perceptron::new(spec.training.seed, dataset.n_features(), rows);
        let outcome = dataset.targets.outcome();
        let network = crate::weights::network(spec, dataset.sample_shape, outcome)?;
        Ok(Self {
            epochs: spec
                .training
                .epochs
                .ok_or_else(|| unresolved("/training/epochs"))?,
            seed: spec.training.seed,
            measures: Measures::of(network.head(), &dataset.targets),
            network,
            validation: Rows::gather(&dataset, &parts.validation, false),
            state: State {
                step: 0,
                epoch: 0,
                unit,
                corrections_before: 0,
                converged: false,
                best: None,
                is_best: false,
            },
            recorder: Recorder::new(dataset.n_features() + 1, 1),
            rounded: vec![0.0; dataset.n_features() + 1],
            order: (0..train.n_rows as u32).collect(),
            order_of: None,
            measured: Vec::with_capacity(16),
            outputs: Vec::new(),
            finished: None,
            train,
            dataset,
            parts,
            cpu,
            fingerprint,
        })
    }

    pub(super) fn run(&mut self, observer: &mut dyn Observer) -> Ending {
        if let Some((ending, _)) = &self.finished {
            return ending.clone();
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
                obey(directive, observer, || self.checkpoint())
            };
            match over {
                Some(ending) if ending.has_model() => return self.finish(ending, observer),
                Some(ending) => return ending,
                None => {}
            }
        }
    }

    fn completion(&self) -> Option<Completion> {
        let epoch = self.state.epoch;
        if self.state.converged {
            return Some(Completion::Converged { epoch });
        }
        // An epoch is always finished first, so that its metrics are reported.
        if let Some(corrections) = self.state.unit.returned().filter(|_| self.at_epoch_start()) {
            let message =
                not_separable::look(&not_separable::Evidence::Returned { corrections }).message;
            return Some(Completion::NotLinearlySeparable { epoch, message });
        }
        (epoch >= self.epochs).then_some(Completion::EpochsDone)
    }

    fn at_epoch_start(&self) -> bool {
        self.state.step == u64::from(self.state.epoch) * self.train.n_rows as u64
    }

    fn at_epoch_end(&self) -> bool {
        self.state.step == (u64::from(self.state.epoch) + 1) * self.train.n_rows as u64
    }

    /// Shows one row.
    fn step(&mut self, observer: &mut dyn Observer) -> Directive {
        let (epoch, n_rows) = (self.state.epoch, self.train.n_rows);
        if self.order_of != Some(epoch) {
            self.order
                .iter_mut()
                .zip(0..)
                .for_each(|(row, number)| *row = number);
            Stream::new(self.seed, Purpose::Shuffle, u64::from(epoch)).shuffle(&mut self.order);
            self.order_of = Some(epoch);
        }
        let row = self.order[(self.state.step % n_rows as u64) as usize] as usize;
        let is_recorded = self.recorder.wants(self.state.step);
        if is_recorded {
            self.round();
        }
        self.recorder.before(self.state.step, &self.rounded);
        let features =
            &self.train.features[row * self.train.n_features..(row + 1) * self.train.n_features];
        let positive = self.train.labels[row] == 1;
        let corrections = self.state.unit.corrections();
        let activation = self.state.unit.learn(features, positive);
        let corrected = self.state.unit.corrections() > corrections;
        let square: f64 = features.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let left = Left {
            step: self.state.step,
            epoch: epoch + 1,
            loss: criterion(activation, positive),
            gradient_norm: if corrected {
                (square + 1.0).sqrt()
            } else {
                0.0
            },
            learning_rate: 1.0,
        };
        self.state.step += 1;
        if is_recorded {
            self.round();
            self.recorder.after(left, &self.rounded, observer);
        }
        observer.step(&StepReport {
            step: self.state.step,
            epoch: left.epoch,
            loss: left.loss,
            learning_rate: left.learning_rate,
            gradient_norm: left.gradient_norm,
        })
    }

    /// Rounds the weights as the record has them.
    fn round(&mut self) {
        let weights = self.state.unit.weights().iter();
        for (rounded, &weight) in self.rounded.iter_mut().zip(weights) {
            *rounded = weight as f32;
        }
    }

    fn end_epoch(&mut self, observer: &mut dyn Observer) -> Directive {
        self.measured.clear();
        let mut measured = std::mem::take(&mut self.measured);
        let loss = self.measure(Part::Train, &mut measured);
        self.measure(Part::Validation, &mut measured);
        self.measured = measured;
        let state = &mut self.state;
        state.epoch += 1;
        state.converged = state.unit.corrections() == state.corrections_before;
        state.corrections_before = state.unit.corrections();
        state.is_best = state.best.is_none_or(|best| loss < best);
        if state.is_best {
            state.best = Some(loss);
        }
        observer.epoch(&EpochReport {
            epoch: state.epoch,
            epochs: self.epochs,
            step: state.step,
            metrics: &self.measured,
            best: state.best,
            patience_left: None,
            is_best: state.is_best,
        })
    }

    /// Appends loss and metrics of a part and answers the loss.
    fn measure(&mut self, part: Part, into: &mut Vec<Measured>) -> f64 {
        let test;
        let rows = match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => {
                test = Rows::gather(&self.dataset, &self.parts.test, false);
                &test
            }
        };
        if rows.n_rows == 0 {
            return f64::NAN;
        }
        self.outputs.clear();
        let mut total = 0.0;
        for (features, &label) in rows
            .features
            .chunks_exact(rows.n_features)
            .zip(&rows.labels)
        {
            let activation = self.state.unit.activation(features);
            total += criterion(activation, label == 1);
            self.outputs.push(activation as f32);
        }
        let loss = total / rows.n_rows as f64;
        into.push((LOSS.on(part), loss));
        self.measures.report(&self.outputs, rows, part, into);
        loss
    }

    fn finish(&mut self, ending: Ending, observer: &mut dyn Observer) -> Ending {
        let unit = &self.state.unit;
        let evidence = match (&ending, unit.returned()) {
            (Ending::Completed(Completion::Converged { .. }), _) => None,
            (_, Some(corrections)) => Some(not_separable::Evidence::Returned { corrections }),
            (Ending::Completed(_), None) => Some(not_separable::Evidence::Bounded {
                corrections: unit.corrections(),
                margin: unit.margin_bound(),
            }),
            _ => None,
        };
        if let Some(evidence) = evidence {
            observer.diagnosis(&not_separable::look(&evidence).at(self.state.step));
        }
        let mut measured = Vec::with_capacity(18);
        for part in [Part::Train, Part::Validation, Part::Test] {
            self.measure(part, &mut measured);
        }
        self.round();
        let (step, epoch) = (self.state.step, self.state.epoch);
        let loss = measured.first().map(|(_, loss)| *loss);
        self.recorder
            .end(step, epoch, loss, &self.rounded, observer);
        let parameters = Parameters {
            values: self.rounded[..].into(),
        };
        let made = trained::Making {
            network: &self.network,
            parameters: &parameters,
            dataset: &self.dataset,
            parts: &self.parts,
            cpu: self.cpu,
        };
        let trained = made.trained(measured, (&self.measures, &[]), epoch, step, epoch);
        self.finished = Some((ending.clone(), trained));
        ending
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
        let state = &self.state;
        let mut writer = Writer::new(
            Kind::Perceptron,
            &self.fingerprint,
            32 * self.train.n_features + 256,
        );
        state.unit.save(&mut writer);
        writer.u64(state.step);
        writer.u32(state.epoch);
        writer.u64(state.corrections_before);
        writer.u32(u32::from(state.converged));
        writer.option(state.best, Writer::f64);
        writer.u32(u32::from(state.is_best));
        CheckpointReport {
            bytes: writer.finish(),
            step: state.step,
            epoch: state.epoch,
            is_best: self.at_epoch_start() && state.is_best,
        }
    }

    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut reader = Reader::open(bytes, Kind::Perceptron)?;
        reader.belongs_to(&self.fingerprint)?;
        let mut unit = self.state.unit.clone();
        unit.load(&mut reader)?;
        self.state = State {
            unit,
            step: reader.u64()?,
            epoch: reader.u32()?,
            corrections_before: reader.u64()?,
            converged: reader.u32()? != 0,
            best: reader.option(Reader::f64)?,
            is_best: reader.u32()? != 0,
        };
        self.recorder.seek(self.state.step);
        self.finished = None;
        Ok(())
    }

    /// Starts from the weights of another perceptron; its corrections prove nothing here and are forgotten.
    pub(super) fn fork_from(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut reader = Reader::open(bytes, Kind::Perceptron)?;
        let mut other = self.state.unit.clone();
        other.load(&mut reader)?;
        self.state.unit.start_from(other.weights());
        Ok(())
    }
}

/// What a perceptron makes small, as Rosenblatt's rule is its gradient: max(0, -activation) for a row of the second class,
/// max(0, activation) for one of the first.
fn criterion(activation: f64, positive: bool) -> f64 {
    (if positive { -activation } else { activation }).max(0.0)
}

impl From<CheckpointError> for EngineError {
    fn from(error: CheckpointError) -> Self {
        Self::Checkpoint(error.to_string())
    }
}
