//! `oscillating`: the training loss jumps up and down and gets nowhere, because the learning rate is too high.

use serde_json::json;

use super::{Finding, History, Remedy, Setting, rounded};

/// Stable name of the rule.
pub const CODE: &str = "oscillating";

/// Epochs that are looked at.
const EPOCHS: usize = 10;

/// Fires when, over the last ten epochs, the training loss rose at least three times, moved by a fifth of its mean from one
/// epoch to the next, and the lowest of the second half is not a tenth below that of the first. A loss that is already small beside the
/// baseline may jitter: then steps are noise around a minimum and not a fault.
#[must_use]
pub fn look(history: &History, setting: &Setting) -> Option<Finding> {
    let losses: Vec<f64> = history.train(EPOCHS)?.collect();
    let mean = losses.iter().sum::<f64>() / EPOCHS as f64;
    let changes: Vec<f64> = losses.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rises = changes
        .iter()
        .filter(|&&change| change > 0.1 * mean)
        .count();
    let jump = changes.iter().map(|change| change.abs()).sum::<f64>() / changes.len() as f64;
    let (early, late) = losses.split_at(EPOCHS / 2);
    let lowest = |part: &[f64]| part.iter().copied().fold(f64::INFINITY, f64::min);
    let progress = 1.0 - lowest(late) / lowest(early);
    if rises < 3 || jump < 0.2 * mean || progress > 0.1 || mean < 0.1 * setting.baseline_loss {
        return None;
    }
    let suggestion = rounded(setting.learning_rate * 0.2);
    Some(Finding {
        code: CODE,
        evidence: json!({
            "epochs": EPOCHS, "rises": rises, "mean_loss": mean, "mean_jump": jump, "progress": progress,
            "learning_rate": setting.learning_rate,
        }),
        message: format!(
            "In the last {EPOCHS} epochs the training loss rose {rises} times and moved by {:.0} % of its mean from one epoch to the \
             next without getting lower: the steps jump across the valley instead of going down into it.",
            100.0 * jump / mean
        ),
        remedy: Remedy {
            text: format!(
                "Lower the learning rate from {} to about {suggestion}.",
                setting.learning_rate
            ),
            spec_patch: setting.learning_rate_patch(suggestion),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{history, setting};
    use super::*;

    #[test]
    fn jumps_without_progress_are_found() {
        let jumping = history((0..12).map(|epoch| (if epoch % 2 == 0 { 2.0 } else { 0.8 }, None)));
        assert!(look(&jumping, &setting()).is_some());
    }

    #[test]
    fn descent_noise_and_jitter_around_a_minimum_are_not() {
        let falling = history((0..12).map(|epoch| (0.9_f64.powi(epoch), None)));
        assert_eq!(look(&falling, &setting()), None);
        let noisy =
            history((0..12).map(|epoch| (0.5 + if epoch % 2 == 0 { 0.02 } else { 0.0 }, None)));
        assert_eq!(look(&noisy, &setting()), None);
        let small = history((0..12).map(|epoch| (if epoch % 2 == 0 { 0.02 } else { 0.008 }, None)));
        assert_eq!(look(&small, &setting()), None);
    }
}
