//! The one table of what a status may become.

use crate::store::runs::Status;

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A worker takes it.
    Claim,
    /// Its data is read and training begins.
    Start,
    /// Training is over; the model is being checked.
    Finalize,
    /// The model is registered.
    Succeed,
    /// It ends with a reason.
    Fail,
    /// The user wants no more of it.
    Cancel,
    /// The worker has let go of a cancelled run.
    Stop,
    /// The user wants it to wait.
    Pause,
    /// The worker has let go of a pausing run.
    Park,
    /// The user wants it to go on.
    Resume,
    /// Its worker is gone: no heartbeat, or the process ended.
    Lose,
    /// Its worker hands it back because the process is about to end.
    Release,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 12] = [
        Self::Claim,
        Self::Start,
        Self::Finalize,
        Self::Succeed,
        Self::Fail,
        Self::Cancel,
        Self::Stop,
        Self::Pause,
        Self::Park,
        Self::Resume,
        Self::Lose,
        Self::Release,
    ];

    /// The word for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Start => "start",
            Self::Finalize => "finalize",
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Park => "park",
            Self::Resume => "resume",
            Self::Lose => "lose",
            Self::Release => "release",
        }
    }
}

/// What `status` becomes when `verb` happens; `None`: it cannot happen there.
///
/// A pause or cancellation that the worker has not seen yet does not undo what the worker does meanwhile: a pausing run
/// whose training ends is finished, and a cancelling run whose worker is lost is cancelled.
pub const fn next(status: Status, verb: Verb) -> Option<Status> {
    use Status as S;
    use Verb as V;
    match (status, verb) {
        (S::Queued, V::Claim) => Some(S::Preparing),
        (S::Preparing, V::Start) => Some(S::Running),
        (S::Running | S::Pausing, V::Finalize) => Some(S::Finalizing),
        (S::Finalizing, V::Succeed) => Some(S::Succeeded),
        (S::Preparing | S::Running | S::Finalizing | S::Pausing, V::Fail) => Some(S::Failed),

        (S::Queued | S::Paused, V::Cancel) => Some(S::Cancelled),
        (S::Preparing | S::Running | S::Finalizing | S::Pausing, V::Cancel) => Some(S::Cancelling),
        (S::Cancelling, V::Stop | V::Lose | V::Release) => Some(S::Cancelled),

        (S::Queued, V::Pause) => Some(S::Paused),
        (S::Preparing | S::Running, V::Pause) => Some(S::Pausing),
        (S::Pausing, V::Park | V::Lose | V::Release) => Some(S::Paused),
        (S::Paused, V::Resume) => Some(S::Queued),

        (S::Preparing | S::Running | S::Finalizing, V::Lose | V::Release) => Some(S::Queued),
        _ => None,
    }
}
