//! `dead_units`: rectified units that answer zero to every row and therefore learn nothing.

use serde_json::{Value, json};

use super::{Finding, Remedy, Setting, rounded};
use crate::plan::LayerActivity;

/// Stable name of the rule.
pub const CODE: &str = "dead_units";

/// Fires when, in some layer, two fifths of the units (and at least two) are zero on every row of a batch.
#[must_use]
pub fn look(layers: &[LayerActivity], setting: &Setting) -> Option<Finding> {
    let worst = layers.iter().max_by(|a, b| a.dead.total_cmp(&b.dead))?;
    let n_dead = (worst.dead * worst.n_units as f64).round() as u64;
    if worst.dead < 0.4 || n_dead < 2 {
        return None;
    }
    let suggestion = rounded(setting.learning_rate * 0.1);
    let layers = leaky(&setting.layers, worst.layer_idx);
    Some(Finding {
        code: CODE,
        evidence: json!({
            "layer": worst.layer_idx, "dead_units": n_dead, "units": worst.n_units,
        }),
        message: format!(
            "{n_dead} of the {} units of layer {} are zero on every row: no gradient reaches them any more.",
            worst.n_units, worst.layer_idx
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
    use super::super::history::{self, tests::setting};
    use super::*;

    fn activity(dead: f64) -> LayerActivity {
        LayerActivity {
            dead,
            ..history::tests::activity()
        }
    }

    #[test]
    fn a_layer_half_dead_is_found_and_gets_a_leak() {
        let found = look(&[activity(0.5)], &setting());
        assert!(found.is_some_and(
            |found| found.remedy.spec_patch["network"][0]["activation"] == "leaky_relu"
        ));
    }

    #[test]
    fn one_dead_unit_is_not() {
        assert_eq!(look(&[activity(0.125)], &setting()), None);
        assert_eq!(look(&[], &setting()), None);
    }
}
