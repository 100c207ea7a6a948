//! `diverged`: a loss or gradient stopped being finite.

use serde_json::json;

use super::{Finding, Remedy, Setting, rounded};

/// Stable name of the rule.
pub const CODE: &str = "diverged";

/// What was seen of the step that was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// The step that was refused, from 1.
    pub step: u64,
    /// Learning rate of that step.
    pub learning_rate: f64,
    /// Loss of the last good step.
    pub last_loss: Option<f64>,
    /// Whether the loss itself, and not only the gradient, was not finite.
    pub loss_not_finite: bool,
}

/// Learning rate that is worth a try after a divergence: a tenth, and a hundredth when it happened at once.
#[must_use]
pub fn suggested_learning_rate(learning_rate: f64, step: u64) -> f64 {
    rounded(learning_rate * if step <= 10 { 0.01 } else { 0.1 })
}

/// Always finds something: it is asked only when a step was refused.
#[must_use]
pub fn look(seen: &Observation, setting: &Setting) -> Finding {
    let suggestion = suggested_learning_rate(setting.learning_rate, seen.step);
    let what = if seen.loss_not_finite {
        "loss"
    } else {
        "gradient"
    };
    Finding {
        code: CODE,
        evidence: json!({
            "refused_step": seen.step,
            "not_finite": what,
            "learning_rate": seen.learning_rate,
            "last_finite_loss": seen.last_loss,
        }),
        message: format!(
            "At step {} the {what} was no longer a finite number. The steps were too long: each one overshot further than the one before.",
            seen.step
        ),
        remedy: Remedy {
            text: format!(
                "Try a learning rate of {suggestion} instead of {}.",
                setting.learning_rate
            ),
            spec_patch: setting.learning_rate_patch(suggestion),
        },
    }
}
