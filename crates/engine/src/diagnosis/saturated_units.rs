//! `saturated_units`: sigmoid or tanh units that stand at their limits, where their derivative is next to nothing.

use serde_json::json;

use super::{Finding, Remedy, Setting, rounded};
use crate::plan::LayerActivity;

/// Stable name of the rule.
pub const CODE: &str = "saturated_units";

/// Fires when, in some layer, nine tenths of all outputs on a batch of rows stand at a limit.
#[must_use]
pub fn look(layers: &[LayerActivity], setting: &Setting) -> Option<Finding> {
    let worst = layers
        .iter()
        .max_by(|a, b| a.saturated.total_cmp(&b.saturated))?;
    if worst.saturated < 0.9 {
        return None;
    }
    let suggestion = rounded(setting.learning_rate * 0.1);
    let mut spec_patch = setting.learning_rate_patch(suggestion);
    spec_patch["task"] = json!({"preprocessing": {"standardise": true}});
    Some(Finding {
        code: CODE,
        evidence: json!({"layer": worst.layer_idx, "saturated_part": worst.saturated, "units": worst.n_units}),
        message: format!(
            "{:.0} % of the outputs of layer {} stand at a limit of its function, where the slope is next to nothing: its units hardly \
             learn any more.",
            100.0 * worst.saturated,
            worst.layer_idx
        ),
        remedy: Remedy {
            text: format!(
                "Standardise the features, lower the learning rate from {} to about {suggestion}, or use relu.",
                setting.learning_rate
            ),
            spec_patch,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::history::{self, tests::setting};
    use super::*;

    #[test]
    fn a_layer_at_its_limits_is_found_and_some_outputs_there_are_not() {
        let at = |saturated| {
            [LayerActivity {
                saturated,
                ..history::tests::activity()
            }]
        };
        assert!(look(&at(0.95), &setting()).is_some());
        assert_eq!(look(&at(0.5), &setting()), None);
    }
}
