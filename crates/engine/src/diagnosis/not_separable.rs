//! `not_linearly_separable`: a perceptron keeps making mistakes, and it is known why.

use serde_json::json;

use super::{Finding, Remedy};

/// Stable name of the rule.
pub const CODE: &str = "not_linearly_separable";

/// Why a perceptron has not come to an end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// After these corrections, counted from a moment before, the weights were exactly what they had been: a proof.
    Returned {
        /// Corrections that cancelled out.
        corrections: u64,
    },
    /// No proof, but whatever separates the classes does so by very little.
    Bounded {
        /// Corrections made in all.
        corrections: u64,
        /// What the margin of any separating line is below, as a part of the largest row's length.
        margin: f64,
    },
}

/// What is said at the end of a perceptron that made mistakes in every epoch.
#[must_use]
pub fn look(evidence: &Evidence) -> Finding {
    let (evidence, message) = match *evidence {
        Evidence::Returned { corrections } => (
            json!({"proved": true, "corrections_that_cancel": corrections}),
            format!(
                "The classes are not linearly separable. {corrections} corrections in a row cancelled out exactly, so the weights came \
                 back to where they had been; if a line separated the classes, every correction would move the weights further along \
                 it and they could never come back."
            ),
        ),
        Evidence::Bounded {
            corrections,
            margin,
        } => (
            json!({"proved": false, "corrections": corrections, "margin_below": margin}),
            format!(
                "After {corrections} corrections there was still no epoch without a mistake. By the perceptron convergence theorem any \
                 line that separates the classes leaves a margin below {margin:.2e} of the largest row, so there is most likely none."
            ),
        ),
    };
    Finding {
        code: CODE,
        evidence,
        message,
        remedy: Remedy {
            text: "Use a network with a hidden layer: it bends the line.".into(),
            spec_patch: json!({"network": [{"kind": "dense", "units": 8, "activation": "tanh"}]}),
        },
    }
}
