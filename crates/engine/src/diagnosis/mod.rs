//! What training curves say, in plain words and with a remedy.
//!
//! Every file holds one rule: its code, when it fires, and what it advises. A rule is a pure function of what was observed, so
//! it is tested on constructed series as well as on real trainings. Each code is said at most once in a run.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something noticed in a training that its owner should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Stable name, for example `overfitting`.
    pub code: String,
    /// Steps done when it was noticed.
    pub step: u64,
    /// The numbers it rests on.
    pub evidence: Value,
    /// What they mean, in plain words.
    pub message: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about a diagnosis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    /// In words.
    pub text: String,
    /// The same as a JSON merge patch (RFC 7396) on the spec; `null` where no change of the spec helps.
    pub spec_patch: Value,
}
