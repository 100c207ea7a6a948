//! Everything that changes while a network trains, and its form in a checkpoint.

use super::advice::Advice;
use super::stopping::Progress;
use crate::checkpoint::{CheckpointError, Kind, Reader, Writer};
use crate::network::{Network, Parameters};
use crate::optimizer::{Optimizer, OptimizerState};
use crate::schedule::Plateau;

/// What changes from step to step and from epoch to epoch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    /// Steps done.
    pub(crate) step: u64,
    /// Epochs done and measured.
    pub(crate) epoch: u32,
    pub(crate) parameters: Parameters<f32>,
    pub(crate) optimizer: OptimizerState<f32>,
    pub(crate) plateau: Plateau,
    pub(crate) progress: Progress,
    /// Whether the last epoch measured was the best.
    pub(crate) is_best: bool,
    /// Loss of the last step.
    pub(crate) last_loss: Option<f64>,
    /// Weights of the best epoch, where they are to be restored.
    best: Option<Vec<f32>>,
}

impl State {
    pub(crate) fn new(network: &Network, seed: u64, optimizer: &Optimizer) -> Self {
        Self {
            step: 0,
            epoch: 0,
            optimizer: OptimizerState::new(optimizer, network.n_trained()),
            parameters: network.initialise(seed),
            plateau: Plateau::default(),
            progress: Progress::default(),
            is_best: false,
            last_loss: None,
            best: None,
        }
    }

    /// Remembers the present weights as the best.
    pub(crate) fn keep_best(&mut self) {
        match &mut self.best {
            Some(best) => best.copy_from_slice(&self.parameters.values),
            None => self.best = Some(self.parameters.values.to_vec()),
        }
    }

    /// Goes back to the best weights; `false` when there are none yet.
    pub(crate) fn restore_best(&mut self) -> bool {
        if let Some(best) = &self.best {
            self.parameters.values.copy_from_slice(best);
        }
        self.best.is_some()
    }

    pub(crate) fn save(&self, fingerprint: &[u8; 32], advice: &Advice) -> Vec<u8> {
        let n_numbers = self.parameters.values.len() * 2 + self.optimizer.values.len();
        let mut writer = Writer::new(Kind::Network, fingerprint, 4 * n_numbers + 1024);
        // The parameters come first, so that a fork can read them and nothing else.
        writer.f32s(&self.parameters.values);
        writer.u64(self.step);
        writer.u32(self.epoch);
        writer.f32s(&self.optimizer.values);
        writer.u64(self.optimizer.n_updates);
        writer.option(self.plateau.best, Writer::f64);
        writer.u32(self.plateau.bad_epochs);
        writer.u32(self.plateau.cooldown_left);
        writer.f64(self.plateau.reduced);
        writer.option(self.progress.best, Writer::f64);
        writer.u32(self.progress.best_epoch);
        writer.u32(self.progress.bad_epochs);
        writer.u32(u32::from(self.is_best));
        writer.option(self.last_loss, Writer::f64);
        writer.option(self.best.as_deref(), Writer::f32s);
        advice.save(&mut writer);
        writer.finish()
    }

    /// Reads a state of the same shape as this one.
    pub(crate) fn load(
        &self,
        bytes: &[u8],
        fingerprint: &[u8; 32],
        advice: &mut Advice,
    ) -> Result<Self, CheckpointError> {
        let mut reader = Reader::open(bytes, Kind::Network)?;
        reader.belongs_to(fingerprint)?;
        let values = self.parameters_of(&mut reader)?;
        let state = Self {
            parameters: Parameters {
                values: values.into(),
            },
            step: reader.u64()?,
            epoch: reader.u32()?,
            optimizer: OptimizerState {
                values: reader
                    .exactly(self.optimizer.values.len(), "the optimizer")?
                    .into(),
                n_updates: reader.u64()?,
            },
            plateau: Plateau {
                best: reader.option(Reader::f64)?,
                bad_epochs: reader.u32()?,
                cooldown_left: reader.u32()?,
                reduced: reader.f64()?,
            },
            progress: Progress {
                best: reader.option(Reader::f64)?,
                best_epoch: reader.u32()?,
                bad_epochs: reader.u32()?,
            },
            is_best: reader.u32()? != 0,
            last_loss: reader.option(Reader::f64)?,
            best: reader.option(|reader| self.parameters_of(reader))?,
        };
        advice.load(&mut reader)?;
        Ok(state)
    }

    /// Reads the parameters of any checkpoint of the same network.
    pub(crate) fn load_parameters(&self, bytes: &[u8]) -> Result<Parameters<f32>, CheckpointError> {
        let mut reader = Reader::open(bytes, Kind::Network)?;
        Ok(Parameters {
            values: self.parameters_of(&mut reader)?.into(),
        })
    }

    fn parameters_of(&self, reader: &mut Reader<'_>) -> Result<Vec<f32>, CheckpointError> {
        reader.exactly(self.parameters.values.len(), "the network")
    }
}
