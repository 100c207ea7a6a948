//! `plateau`: the loss goes down steadily but hardly at all, because the learning rate is too low.

use serde_json::json;

use super::{Finding, History, Remedy, Setting, rounded};

/// Stable name of the rule.
pub const CODE: &str = "plateau";

/// Epochs that are looked at.
const EPOCHS: usize = 10;

/// Fires when, ten epochs long, the training loss fell in at least nine, never by more than a hundredth of itself, and still
/// stands above four fifths of the baseline. A training that has learned all there is does not fall so steadily, and one
/// that is near its minimum stands lower.
#[must_use]
pub fn look(history: &History, setting: &Setting) -> Option<Finding> {
    let losses: Vec<f64> = history.train(EPOCHS + 1)?.collect();
    let falls: Vec<f64> = losses
        .windows(2)
        .map(|pair| 1.0 - pair[1] / pair[0])
        .collect();
    let falling = falls.iter().filter(|&&fall| fall > 0.0).count();
    let fastest = falls.iter().copied().fold(0.0, f64::max);
    let (before, now) = (losses[0], losses[EPOCHS]);
    if !setting.answers
        || falling + 1 < EPOCHS
        || fastest > 0.01
        || now < 0.8 * setting.baseline_loss
    {
        return None;
    }
    let suggestion = rounded(setting.learning_rate * if fastest < 0.001 { 100.0 } else { 10.0 });
    Some(Finding {
        code: CODE,
        evidence: json!({
            "epochs": EPOCHS, "loss_before": before, "loss_now": now, "baseline_loss": setting.baseline_loss,
            "fastest_fall_per_epoch": fastest, "learning_rate": setting.learning_rate,
        }),
        message: format!(
            "For {EPOCHS} epochs the training loss has crept from {before:.4} to {now:.4}, and an answer that ignores the features \
             has {:.4}: the direction is right but the steps are too short.",
            setting.baseline_loss
        ),
        remedy: Remedy {
            text: format!(
                "Raise the learning rate from {} to about {suggestion}.",
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
    fn a_crawl_is_found() {
        let crawling = history((0..12).map(|epoch| (1.1 - 0.001 * f64::from(epoch), None)));
        let found = look(&crawling, &setting());
        assert!(
            found.is_some_and(|found| found.remedy.spec_patch["optimizer"]["learning_rate"] == 1.0)
        );
    }

    #[test]
    fn a_descent_and_a_learned_set_are_not() {
        let falling = history((0..12).map(|epoch| (0.9_f64.powi(epoch), None)));
        assert_eq!(look(&falling, &setting()), None);
        let learned = history((0..12).map(|epoch| (0.3 - 0.0001 * f64::from(epoch), None)));
        assert_eq!(look(&learned, &setting()), None);
        let stuck =
            history((0..12).map(|epoch| (1.0 + if epoch % 2 == 0 { 0.001 } else { -0.001 }, None)));
        assert_eq!(look(&stuck, &setting()), None);
    }
}
