//! `underfitting`: at the end the network is hardly better than an answer that ignores the features.

use serde_json::{Value, json};

use super::{Finding, History, Remedy, Setting};

/// Stable name of the rule.
pub const CODE: &str = "underfitting";

/// Asked when training is over. Fires when the lowest of the last five training losses is above nine tenths of the baseline; not for
/// places, whose loss depends on the margin more than on what was learned.
#[must_use]
pub fn look(history: &History, setting: &Setting) -> Option<Finding> {
    let lowest = history
        .recent
        .iter()
        .rev()
        .take(5)
        .map(|losses| losses.train)
        .fold(f64::INFINITY, f64::min);
    if !setting.answers || !lowest.is_finite() || lowest < 0.9 * setting.baseline_loss {
        return None;
    }
    Some(Finding {
        code: CODE,
        evidence: json!({"train_loss": lowest, "baseline_loss": setting.baseline_loss, "epochs": history.n_epochs}),
        message: format!(
            "After {} epochs the training loss is {lowest:.4}, and an answer that ignores the features has {:.4}: the network has \
             learned next to nothing.",
            history.n_epochs, setting.baseline_loss
        ),
        remedy: Remedy {
            text: "Give the network more units or more epochs, and check that the features say anything about the target.".into(),
            spec_patch: json!({"network": wider(&setting.layers)}),
        },
    })
}

/// The hidden layers with twice the units, or one layer where there was none.
fn wider(layers: &Value) -> Value {
    let Some(layers) = layers.as_array().filter(|layers| !layers.is_empty()) else {
        return json!([{"kind": "dense", "units": 64, "activation": "relu"}]);
    };
    let widened = layers.iter().cloned().map(|mut layer| {
        if let Some(units) = layer.get("units").and_then(Value::as_u64) {
            layer["units"] = json!((units * 2).min(65_536));
        }
        layer
    });
    Value::Array(widened.collect())
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::{history, setting};
    use super::*;

    #[test]
    fn a_loss_at_the_baseline_is_found_and_widens_the_network() {
        let stuck = history((0..12).map(|_| (0.99, None)));
        let found = look(&stuck, &setting());
        assert!(found.is_some_and(|found| found.remedy.spec_patch["network"][0]["units"] == 16));
    }

    #[test]
    fn the_loss_of_places_says_nothing() {
        let stuck = history((0..12).map(|_| (0.99, None)));
        let places = Setting {
            answers: false,
            ..setting()
        };
        assert_eq!(look(&stuck, &places), None);
    }

    #[test]
    fn a_loss_below_the_baseline_is_not() {
        assert_eq!(
            look(&history((0..12).map(|_| (0.5, None))), &setting()),
            None
        );
        assert_eq!(look(&History::default(), &setting()), None);
    }
}
