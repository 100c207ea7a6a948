//! What is wrong with a document, where, and what would be right.

use serde::Serialize;
use serde_json::Value;

/// One thing that is wrong with a spec.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) to the offending place, `""` for the whole document.
    pub pointer: String,
    /// Stable name of the rule that was broken.
    pub code: &'static str,
    /// What is wrong and what would be right, in one sentence.
    pub message: String,
    /// What would be allowed here: a list of values, or `{"minimum", "maximum"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Value>,
    /// What was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<Value>,
}

impl Violation {
    /// A violation with neither `allowed` nor `got`.
    pub fn new(pointer: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            message: message.into(),
            allowed: None,
            got: None,
        }
    }

    /// Says what would be allowed.
    #[must_use]
    pub fn allowed(mut self, allowed: impl Into<Value>) -> Self {
        self.allowed = Some(allowed.into());
        self
    }

    /// Says what was given.
    #[must_use]
    pub fn got(mut self, got: impl Into<Value>) -> Self {
        self.got = Some(got.into());
        self
    }
}

/// The known name nearest to `name`, if it is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| {
            *distance <= candidate.len().max(name.len()).div_ceil(2).min(5)
        })
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_nonsense_finds_none() {
        let known = ["epochs", "batch_size", "seed"];
        assert_eq!(nearest("epoch", known), Some("epochs"));
        assert_eq!(nearest("batchsize", known), Some("batch_size"));
        assert_eq!(nearest("zzzzzzzzzz", known), None);
    }
}
