//! `dead_units`: rectified units that answer zero to every row and therefore learn nothing.

use serde_json::{Value, json};

use super::{Activity, Finding, Remedy, Setting, rounded};

/// Stable name of the rule.
pub const CODE: &str = "dead_units";

/// Fires when, in some layer, two fifths of the units (and at least two) are zero on every row of the sample.
#[must_use]
pub fn look(activities: &[Activity], setting: &Setting) -> Option<Finding> {
    let share = |activity: &Activity| activity.n_dead as f64 / activity.n_units.max(1) as f64;
    let worst = activities
        .iter()
        .max_by(|a, b| share(a).total_cmp(&share(b)))?;
    if share(worst) < 0.4 || worst.n_dead < 2 {
        return None;
    }
    let suggestion = rounded(setting.learning_rate * 0.1);
    let layers = leaky(&setting.layers, worst.layer_idx);
    Some(Finding {
        code: CODE,
        evidence: json!({
            "layer": worst.layer_idx, "function": worst.function, "dead_units": worst.n_dead, "units": worst.n_units,
            "rows": worst.n_rows,
        }),
        message: format!(
            "{} of the {} units of layer {} are zero on every one of {} rows: no gradient reaches them any more.",
            worst.n_dead, worst.n_units, worst.layer_idx, worst.n_rows
        ),
        remedy: Remedy {
            text: format!(
                "Use leaky_relu in that layer, or lower the learning rate from {} to about {suggestion}.",
                setting.learning_rate
            ),
            spec_patch: json!({"network": layers}),
        },
    })
}

/// The layers with `leaky_relu` in place of the function of one.
fn leaky(layers: &Value, layer_idx: usize) -> Value {
    let mut layers = layers.clone();
    if let Some(layer) = layers.get_mut(layer_idx) {
        for field in ["activation", "function"] {
            if layer.get(field).is_some() {
                layer[field] = json!("leaky_relu");
            }
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::setting;
    use super::*;

    fn activity(n_dead: usize) -> Activity {
        Activity {
            layer_idx: 0,
            function: "relu",
            n_units: 8,
            n_dead,
            n_saturated: 0,
            n_rows: 100,
        }
    }

    #[test]
    fn a_layer_half_dead_is_found_and_gets_a_leak() {
        let found = look(&[activity(4)], &setting());
        assert!(found.is_some_and(
            |found| found.remedy.spec_patch["network"][0]["activation"] == "leaky_relu"
        ));
    }

    #[test]
    fn one_dead_unit_is_not() {
        assert_eq!(look(&[activity(1)], &setting()), None);
        assert_eq!(look(&[], &setting()), None);
    }
}
