//! `imbalance`: one class is so rare that accuracy says nothing.

use serde_json::json;

use super::{Finding, Remedy, Setting};

/// Stable name of the rule.
pub const CODE: &str = "imbalance";

/// Looks at the training rows of each class. Fires when the rarest class has less than a tenth of what it would have if all
/// classes were equal, or less than a twentieth of all rows where there are two, rare classes do not already weigh more, and the
/// outputs answer with a class.
#[must_use]
pub fn look(names: &[String], counts: &[u64], setting: &Setting) -> Option<Finding> {
    let total: u64 = counts.iter().sum();
    let (rarest, &fewest) = counts.iter().enumerate().min_by_key(|(_, count)| **count)?;
    let most = *counts.iter().max()?;
    let fair = total as f64 / counts.len() as f64;
    if !setting.answers || setting.class_weights || total == 0 || fewest as f64 > 0.1 * fair {
        return None;
    }
    let majority = most as f64 / total as f64;
    let name = names.get(rarest).map_or("", String::as_str);
    Some(Finding {
        code: CODE,
        evidence: json!({
            "rarest_class": name, "rows_of_rarest": fewest, "rows": total,
            "accuracy_of_always_the_most_frequent": majority,
        }),
        message: format!(
            "Only {fewest} of {total} training rows are of the class `{name}`. Always answering the most frequent class is right in \
             {:.1} % of them, so accuracy says little here: look at average precision and balanced accuracy.",
            100.0 * majority
        ),
        remedy: Remedy {
            text: "Let rare classes weigh more in the loss, and stop by a metric that sees them."
                .into(),
            spec_patch: json!({"loss": {"kind": "cross_entropy", "class_weights": "balanced"}}),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::setting;
    use super::*;

    fn names() -> Vec<String> {
        vec!["no".into(), "yes".into()]
    }

    #[test]
    fn a_rare_class_is_found_unless_it_weighs_more_already() {
        let found = look(&names(), &[977, 23], &setting());
        assert!(found.is_some_and(|found| found.evidence["rarest_class"] == "yes"));
        assert_eq!(
            look(
                &names(),
                &[977, 23],
                &Setting {
                    class_weights: true,
                    ..setting()
                }
            ),
            None
        );
    }

    #[test]
    fn ordinary_proportions_are_not() {
        assert_eq!(look(&names(), &[549, 342], &setting()), None);
        assert_eq!(look(&names(), &[900, 100], &setting()), None);
        assert_eq!(look(&[], &[], &setting()), None);
    }
}
