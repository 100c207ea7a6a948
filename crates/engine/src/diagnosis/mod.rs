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
use serde_json::{Value, json};

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
    /// The optimizer as in the spec.
    pub optimizer: Value,
    /// Whether that is the default one, of which the spec that a patch is for says nothing.
    pub optimizer_by_default: bool,
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
    /// A patch that changes one field of the optimizer. Who names an optimizer has all of it as they name it, so where the spec left it
    /// out the patch gives the default one whole: its decay and schedule would be lost otherwise.
    fn optimizer_patch(&self, field: &str, value: f64) -> Value {
        let mut optimizer = if self.optimizer_by_default {
            self.optimizer.clone()
        } else {
            json!({"kind": self.optimizer["kind"]})
        };
        optimizer[field] = value.into();
        json!({ "optimizer": optimizer })
    }

    /// A patch that changes the learning rate.
    pub(crate) fn learning_rate_patch(&self, learning_rate: f64) -> Value {
        self.optimizer_patch("learning_rate", learning_rate)
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

    #[test]
    fn a_default_optimizer_is_patched_whole_and_another_where_it_changes() {
        let mut setting = history::tests::setting();
        assert_eq!(
            setting.learning_rate_patch(0.5),
            json!({"optimizer": {"kind": "adamw", "learning_rate": 0.5}})
        );
        setting.optimizer_by_default = true;
        let whole =
            json!({"kind": "adamw", "learning_rate": 0.01, "weight_decay": 0.3, "clip_norm": 2.0});
        assert_eq!(
            setting.optimizer_patch("clip_norm", 2.0),
            json!({ "optimizer": whole })
        );
    }
}
