//! `exploding_gradients`: gradients become very much longer than they usually are.

use serde_json::json;

use super::{Finding, GradientNorms, Remedy, Setting};

/// Stable name of the rule.
pub const CODE: &str = "exploding_gradients";

/// How far above the usual a norm must lie.
const FACTOR: f64 = 100.0;
/// Norms below this do no harm, however small the usual is.
const HARMLESS: f64 = 10.0;

/// Looks at the norm of one more gradient before it joins the others. Fires at the second in a row that is a hundred times the
/// median of the last fifty and above 10: one alone may come from a strange row.
pub fn look(norms: &mut GradientNorms, norm: f64, setting: &Setting) -> Option<Finding> {
    let usual = if norm > HARMLESS { median(norms) } else { None };
    let far = usual.is_some_and(|usual| norm > FACTOR * usual);
    norms.outbreaks = if far { norms.outbreaks + 1 } else { 0 };
    if !far {
        norms.push(norm);
    }
    let usual = usual.filter(|_| norms.outbreaks == 2)?;
    let clip = super::rounded(usual * 5.0);
    Some(Finding {
        code: CODE,
        evidence: json!({"gradient_norm": norm, "usual_gradient_norm": usual, "clipped": setting.clipped}),
        message: format!(
            "The gradient is {norm:.3e} long, where {usual:.3e} was usual: one such step can undo everything learned so far."
        ),
        remedy: Remedy {
            text: format!(
                "Clip the gradient to a norm of {clip}; a lower learning rate helps as well."
            ),
            spec_patch: setting.optimizer_patch("clip_norm", clip),
        },
    })
}

/// Median of the remembered norms, once there are enough of them.
fn median(norms: &GradientNorms) -> Option<f64> {
    const ENOUGH: usize = 20;
    if norms.recent.len() < ENOUGH {
        return None;
    }
    let mut sorted = [0.0; GradientNorms::WINDOW];
    let sorted = &mut sorted[..norms.recent.len()];
    sorted
        .iter_mut()
        .zip(&norms.recent)
        .for_each(|(to, from)| *to = *from);
    sorted.sort_unstable_by(f64::total_cmp);
    Some(sorted[sorted.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::setting;
    use super::*;

    fn usual() -> GradientNorms {
        let mut norms = GradientNorms::default();
        (0..40).for_each(|step| norms.push(0.5 + 0.01 * f64::from(step % 7)));
        norms
    }

    #[test]
    fn two_outbreaks_in_a_row_are_found() {
        let mut norms = usual();
        assert_eq!(look(&mut norms, 400.0, &setting()), None);
        assert!(look(&mut norms, 900.0, &setting()).is_some());
    }

    #[test]
    fn one_strange_row_and_small_numbers_are_not() {
        let mut norms = usual();
        assert_eq!(look(&mut norms, 400.0, &setting()), None);
        assert_eq!(look(&mut norms, 0.5, &setting()), None);
        assert_eq!(look(&mut norms, 400.0, &setting()), None);
        let mut tiny = GradientNorms::default();
        (0..40).for_each(|_| tiny.push(1e-6));
        assert_eq!(
            (
                look(&mut tiny, 0.1, &setting()),
                look(&mut tiny, 0.1, &setting())
            ),
            (None, None)
        );
    }
}
