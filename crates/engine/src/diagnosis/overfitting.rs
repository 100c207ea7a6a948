//! `overfitting`: the training loss still falls while the validation loss has turned upwards.

use serde_json::json;

use super::{Finding, History, Remedy, Setting};

/// Stable name of the rule.
pub const CODE: &str = "overfitting";

/// Epochs since the best one before the rule looks.
const EPOCHS: u32 = 5;

/// Fires when the best validation loss lies at least five epochs back, the last three epochs all lie a fifth above it (and by
/// more than a twentieth of the baseline), and the training loss has fallen by a tenth since then.
#[must_use]
pub fn look(history: &History, setting: &Setting) -> Option<Finding> {
    if history.best_epoch == 0 || history.n_epochs - history.best_epoch < EPOCHS {
        return None;
    }
    let best = history.best;
    let lowest = history
        .recent
        .iter()
        .rev()
        .take(3)
        .map(|losses| losses.validation)
        .fold(f64::INFINITY, f64::min);
    let now = history.recent.back()?;
    let risen =
        lowest > 1.2 * best.validation && lowest - best.validation > 0.05 * setting.baseline_loss;
    if !risen || now.train > 0.9 * best.train {
        return None;
    }
    Some(Finding {
        code: CODE,
        evidence: json!({
            "best_epoch": history.best_epoch, "epoch": history.n_epochs,
            "validation_loss_best": best.validation, "validation_loss_now": now.validation,
            "train_loss_then": best.train, "train_loss_now": now.train,
        }),
        message: format!(
            "Since epoch {} the validation loss has risen from {:.4} to {:.4} while the training loss fell from {:.4} to {:.4}: \
             the network learns the training rows by heart.",
            history.best_epoch, best.validation, now.validation, best.train, now.train
        ),
        remedy: Remedy {
            text: "Stop early and keep the best weights; more rows, dropout, weight decay or fewer units help as well.".into(),
            spec_patch: json!({"training": {"early_stopping": {"metric": "validation_loss", "patience": 10}}}),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{history, setting};
    use super::*;

    #[test]
    fn a_validation_loss_that_turns_is_found() {
        let turning = history((0..14).map(|epoch| {
            let validation = if epoch < 6 {
                1.0 - 0.1 * f64::from(epoch)
            } else {
                0.5 + 0.05 * f64::from(epoch - 5)
            };
            (0.85_f64.powi(epoch), Some(validation))
        }));
        let found = look(&turning, &setting());
        assert!(found.is_some_and(|found| found.evidence["best_epoch"] == 6));
    }

    #[test]
    fn parallel_descent_and_a_small_rise_are_not() {
        let together =
            history((0..14).map(|epoch| (0.9_f64.powi(epoch), Some(0.9_f64.powi(epoch) + 0.05))));
        assert_eq!(look(&together, &setting()), None);
        let flat = history(
            (0..14).map(|epoch| (0.9_f64.powi(epoch), Some(0.5 + 0.003 * f64::from(epoch)))),
        );
        assert_eq!(look(&flat, &setting()), None);
        let no_validation = history((0..14).map(|epoch| (0.9_f64.powi(epoch), None)));
        assert_eq!(look(&no_validation, &setting()), None);
    }
}
