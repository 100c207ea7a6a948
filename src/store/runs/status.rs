//! Where a run is in its life, and how it came from another. What may follow what is decided in `crate::runs` alone.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store::codec::as_text;

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for a worker.
    Queued,
    /// A worker reads its data.
    Preparing,
    /// A worker trains it.
    Running,
    /// Trained; its model is being checked and registered.
    Finalizing,
    /// Told to pause; the worker has not answered yet.
    Pausing,
    /// Waits for its user; keeps its checkpoint.
    Paused,
    /// Told to stop; the worker has not answered yet.
    Cancelling,
    /// Ended with a model.
    Succeeded,
    /// Ended with a reason.
    Failed,
    /// Ended by its user.
    Cancelled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Preparing,
        Self::Running,
        Self::Finalizing,
        Self::Pausing,
        Self::Paused,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Preparing => "preparing",
            Self::Running => "running",
            Self::Finalizing => "finalizing",
            Self::Pausing => "pausing",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing can follow.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether a worker holds the run.
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Preparing | Self::Running | Self::Finalizing | Self::Pausing | Self::Cancelling
        )
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

as_text!(Status, |status| status.as_str().to_owned(), |text| {
    Status::ALL
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("unknown status {text:?}").into())
});

/// How a run came from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParentKind {
    /// The same once more.
    Retry,
    /// Starts from a checkpoint's weights.
    Fork,
    /// The same once more, and the weights must be the same.
    Reproduce,
}

impl ParentKind {
    /// The word stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Fork => "fork",
            Self::Reproduce => "reproduce",
        }
    }
}

as_text!(ParentKind, |kind| kind.as_str().to_owned(), |text| {
    [ParentKind::Retry, ParentKind::Fork, ParentKind::Reproduce]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or_else(|| format!("unknown kind of parent {text:?}").into())
});
