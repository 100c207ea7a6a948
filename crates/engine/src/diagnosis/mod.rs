//! What a training shows, in plain words and with a remedy.
//!
//! Every file holds one rule: when it fires, on which numbers, and what it advises. A rule is a pure function of what was
//! observed, so it is tested on constructed series as well as on real trainings. Each code is said at most once in a run.

pub mod dead_units;
pub mod diverged;
pub mod exploding_gradients;
mod history;
pub mod imbalance;
pub mod not_separable;
pub mod oscillating;
pub mod overfitting;
pub mod plateau;
pub mod saturated_units;
pub mod target_leakage;
pub mod underfitting;
pub mod vanishing_gradients;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use history::Memory;
pub use history::{GradientNorms, History};

/// Every code there is. The position of a code is part of the checkpoint format: new ones go to the end.
pub const CODES: [&str; 12] = [
    diverged::CODE,
    oscillating::CODE,
    plateau::CODE,
    overfitting::CODE,
    underfitting::CODE,
    dead_units::CODE,
    saturated_units::CODE,
    vanishing_gradients::CODE,
    exploding_gradients::CODE,
    imbalance::CODE,
    target_leakage::CODE,
    not_separable::CODE,
];

/// Something noticed in a training that its owner should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Stable name, for example `overfitting`.
    pub code: String,
    /// Steps done when it was noticed.
    pub step: u64,
    /// The numbers it rests on.
    pub evidence: Value,
    /// What they mean, in plain words.
    pub message: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about a diagnosis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// The same as a JSON merge patch (RFC 7396) on the spec; `null` where no change of the spec helps.
    pub spec_patch: Value,
}

/// What a rule found; [`Finding::at`] says when.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stable name of the rule.
    pub code: &'static str,
    /// The numbers it rests on.
    pub evidence: Value,
    /// What they mean, in plain words.
    pub message: String,
    /// What to do about it.
    pub remedy: Remedy,
}

impl Finding {
    /// The diagnosis after `step` steps.
    #[must_use]
    pub fn at(self, step: u64) -> Diagnosis {
        Diagnosis {
            code: self.code.to_owned(),
            step,
            evidence: self.evidence,
            message: self.message,
            remedy: self.remedy,
        }
    }
}

/// What the rules know of the spec, so that a remedy can be a patch on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// `kind` of the optimizer.
    pub optimizer: &'static str,
    /// Its learning rate, before the schedule.
    pub learning_rate: f64,
    /// Loss of an answer that does not look at the features.
    pub baseline_loss: f64,
    /// Whether outputs are answers by themselves, classes or numbers. Places mean something beside each other only.
    pub answers: bool,
    /// The hidden layers as in the spec.
    pub layers: Value,
    /// Whether rare classes already weigh more.
    pub class_weights: bool,
    /// Whether gradients are clipped.
    pub clipped: bool,
}

impl Setting {
    /// A patch that changes the learning rate.
    fn learning_rate_patch(&self, learning_rate: f64) -> Value {
        serde_json::json!({"optimizer": {"kind": self.optimizer, "learning_rate": learning_rate}})
    }
}

/// Two significant digits, so that a suggestion reads like one.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    format!("{value:.1e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_have_two_digits() {
        assert_eq!(rounded(0.012_345), 0.012);
        assert_eq!(rounded(0.0), 0.0);
        assert_eq!(rounded(31_234.0), 31_000.0);
    }
}
