//! `saturated_units`: sigmoid or tanh units that stand at their limits, where their derivative is next to nothing.

use serde_json::json;

use super::{Activity, Finding, Remedy, Setting, rounded};

/// Stable name of the rule.
pub const CODE: &str = "saturated_units";

/// Fires when, in some layer, half of the units (and at least two) stand at a limit on nineteen of twenty rows.
#[must_use]
pub fn look(activities: &[Activity], setting: &Setting) -> Option<Finding> {
    let share = |activity: &Activity| activity.n_saturated as f64 / activity.n_units.max(1) as f64;
    let worst = activities
        .iter()
        .max_by(|a, b| share(a).total_cmp(&share(b)))?;
    if share(worst) < 0.5 || worst.n_saturated < 2 {
        return None;
    }
    let suggestion = rounded(setting.learning_rate * 0.1);
    Some(Finding {
        code: CODE,
        evidence: json!({
            "layer": worst.layer_idx, "function": worst.function, "saturated_units": worst.n_saturated, "units": worst.n_units,
            "rows": worst.n_rows,
        }),
        message: format!(
            "{} of the {} units of layer {} stand at a limit of {} on nearly every row, where its slope is next to nothing: they hardly \
             learn any more.",
            worst.n_saturated, worst.n_units, worst.layer_idx, worst.function
        ),
        remedy: Remedy {
            text: format!(
                "Standardise the features, lower the learning rate from {} to about {suggestion}, or use relu.",
                setting.learning_rate
            ),
            spec_patch: json!({
                "task": {"preprocessing": {"standardise": true}},
                "optimizer": {"kind": setting.optimizer, "learning_rate": suggestion},
            }),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::setting;
    use super::*;

    fn activity(n_saturated: usize) -> Activity {
        Activity {
            layer_idx: 0,
            function: "tanh",
            n_units: 8,
            n_dead: 0,
            n_saturated,
            n_rows: 100,
        }
    }

    #[test]
    fn a_layer_at_its_limits_is_found_and_a_few_units_are_not() {
        assert!(look(&[activity(6)], &setting()).is_some());
        assert_eq!(look(&[activity(2)], &setting()), None);
    }
}
