//! Asks the rules of [`crate::diagnosis`] at the right moments and says each finding once.

use super::Observer;
use crate::checkpoint::{CheckpointError, Reader, Writer};
use crate::dataset::{Dataset, Targets};
use crate::diagnosis::{
    self, CODES, Finding, GradientNorms, History, Setting, dead_units, diverged,
    exploding_gradients, imbalance, oscillating, overfitting, plateau, saturated_units,
    target_leakage, underfitting, vanishing_gradients,
};
use crate::plan::LayerActivity;

/// The rules with what they remember.
#[derive(Clone, Debug)]
pub(crate) struct Advice {
    pub(crate) setting: Setting,
    pub(crate) history: History,
    norms: GradientNorms,
    /// One bit per code of [`CODES`].
    said: u32,
}

impl Advice {
    pub(crate) fn new(setting: Setting) -> Self {
        Self {
            setting,
            history: History::default(),
            norms: GradientNorms::default(),
            said: 0,
        }
    }

    /// Asks a rule that has not spoken yet.
    fn ask(
        &mut self,
        code: &str,
        step: u64,
        observer: &mut dyn Observer,
        look: impl FnOnce(&mut Self) -> Option<Finding>,
    ) {
        let bit = CODES
            .iter()
            .position(|known| *known == code)
            .map_or(0, |position| 1 << position);
        if self.said & bit == 0
            && let Some(finding) = look(self)
        {
            self.said |= bit;
            observer.diagnosis(&finding.at(step));
        }
    }

    /// Before the first step: what the data alone shows.
    pub(crate) fn before(
        &mut self,
        dataset: &Dataset,
        train: &[u32],
        counts: &[u64],
        observer: &mut dyn Observer,
    ) {
        if let Targets::Classes { names, .. } = &dataset.targets {
            self.ask(imbalance::CODE, 0, observer, |own| {
                imbalance::look(names, counts, &own.setting)
            });
        }
        self.ask(target_leakage::CODE, 0, observer, |_| {
            target_leakage::look(dataset, train)
        });
    }

    /// After a step.
    pub(crate) fn step(&mut self, step: u64, gradient_norm: f64, observer: &mut dyn Observer) {
        self.ask(exploding_gradients::CODE, step, observer, |own| {
            exploding_gradients::look(&mut own.norms, gradient_norm, &own.setting)
        });
    }

    /// After an epoch.
    pub(crate) fn epoch(
        &mut self,
        step: u64,
        train_loss: f64,
        validation_loss: Option<f64>,
        observer: &mut dyn Observer,
    ) {
        self.history.push(train_loss, validation_loss);
        self.ask(oscillating::CODE, step, observer, |own| {
            oscillating::look(&own.history, &own.setting)
        });
        self.ask(plateau::CODE, step, observer, |own| {
            plateau::look(&own.history, &own.setting)
        });
        self.ask(overfitting::CODE, step, observer, |own| {
            overfitting::look(&own.history, &own.setting)
        });
    }

    /// After an epoch in which the layers were looked at.
    pub(crate) fn layers(
        &mut self,
        step: u64,
        layers: &[LayerActivity],
        observer: &mut dyn Observer,
    ) {
        self.ask(dead_units::CODE, step, observer, |own| {
            dead_units::look(layers, &own.setting)
        });
        self.ask(saturated_units::CODE, step, observer, |own| {
            saturated_units::look(layers, &own.setting)
        });
        self.ask(vanishing_gradients::CODE, step, observer, |own| {
            vanishing_gradients::look(layers, &own.setting)
        });
    }

    /// When training is over.
    pub(crate) fn after(&mut self, step: u64, observer: &mut dyn Observer) {
        self.ask(underfitting::CODE, step, observer, |own| {
            underfitting::look(&own.history, &own.setting)
        });
    }

    /// When a step was refused.
    pub(crate) fn diverged(&mut self, seen: &diverged::Observation, observer: &mut dyn Observer) {
        let finding = |own: &mut Self| Some(diverged::look(seen, &own.setting));
        self.ask(diverged::CODE, seen.step, observer, finding);
    }

    pub(crate) fn save(&self, writer: &mut Writer) {
        let diagnosis::Memory { losses, counts } = self.history.memory();
        writer.f64s(&losses);
        writer.u64s(&counts);
        writer.f64s(&self.norms.recent.iter().copied().collect::<Vec<_>>());
        writer.u32(self.norms.outbreaks);
        writer.u32(self.said);
    }

    pub(crate) fn load(&mut self, reader: &mut Reader<'_>) -> Result<(), CheckpointError> {
        let memory = diagnosis::Memory {
            losses: reader.f64s()?,
            counts: reader.u64s()?,
        };
        self.history = History::recall(&memory).ok_or(CheckpointError::Damaged)?;
        self.norms = GradientNorms {
            recent: reader.f64s()?.into(),
            outbreaks: reader.u32()?,
        };
        self.said = reader.u32()?;
        Ok(())
    }
}
