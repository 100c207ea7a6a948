//! `vanishing_gradients`: on the way back through the layers the gradient becomes too short to teach the first ones.

use serde_json::{Value, json};

use super::{Finding, Remedy, Setting};
use crate::plan::LayerActivity;

/// Stable name of the rule.
pub const CODE: &str = "vanishing_gradients";

/// Fires when the gradient of the first layer with weights is ten thousand times shorter than that of the last, in a network of
/// at least three such layers.
#[must_use]
pub fn look(layers: &[LayerActivity], setting: &Setting) -> Option<Finding> {
    let norms: Vec<f64> = layers
        .iter()
        .filter(|layer| layer.parameter_norm > 0.0)
        .map(|layer| layer.gradient_norm)
        .collect();
    let (first, last) = (*norms.first()?, *norms.last()?);
    if norms.len() < 3 || last <= 0.0 || first > 1e-4 * last {
        return None;
    }
    let ratio = first / last;
    Some(Finding {
        code: CODE,
        evidence: json!({"gradient_norm_by_layer": norms, "first_over_last": ratio}),
        message: format!(
            "The gradient of the first layer is {ratio:.1e} times that of the last one: the first layers learn next to nothing.",
        ),
        remedy: Remedy {
            text: "Use relu in the hidden layers, or fewer of them.".into(),
            spec_patch: json!({"network": rectified(&setting.layers)}),
        },
    })
}

/// The layers with `relu` in place of functions whose slope is small.
fn rectified(layers: &Value) -> Value {
    let mut layers = layers.clone();
    for layer in layers.as_array_mut().into_iter().flatten() {
        for field in ["activation", "function"] {
            if matches!(
                layer.get(field).and_then(Value::as_str),
                Some("sigmoid" | "tanh" | "softplus")
            ) {
                layer[field] = json!("relu");
            }
        }
        // An initialiser chosen for the old function would be wrong for the new one.
        if let Some(layer) = layer.as_object_mut() {
            layer.shift_remove("init");
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::super::history::{self, tests::setting};
    use super::*;

    fn layers(norms: &[f64]) -> Vec<LayerActivity> {
        norms
            .iter()
            .map(|&gradient_norm| LayerActivity {
                gradient_norm,
                ..history::tests::activity()
            })
            .collect()
    }

    #[test]
    fn a_gradient_that_fades_is_found() {
        let setting = Setting {
            layers: json!([{"kind": "dense", "units": 8, "activation": "sigmoid"}]),
            ..setting()
        };
        let found = look(&layers(&[1e-8, 1e-5, 1e-2]), &setting);
        assert!(
            found
                .is_some_and(|found| found.remedy.spec_patch["network"][0]["activation"] == "relu")
        );
    }

    #[test]
    fn ordinary_ratios_and_shallow_networks_are_not() {
        assert_eq!(look(&layers(&[1e-3, 1e-2, 1e-2]), &setting()), None);
        assert_eq!(look(&layers(&[1e-8, 1e-2]), &setting()), None);
    }
}
