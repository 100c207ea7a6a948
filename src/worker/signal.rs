//! What reaches a training from outside: two atomics, so that a step costs one load.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crate::runs::Beat;
use crate::runs::message::Directive;

/// What the training is to do, weakest first: a stronger wish is never replaced by a weaker one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// Go on.
    Continue,
    /// Let go with a checkpoint: the user wants a pause.
    Pause,
    /// Let go with a checkpoint: the process is about to end.
    Release,
    /// Let go: the user wants no more of it.
    Cancel,
    /// Let go without a word: the run belongs to somebody else.
    Drop,
}

impl From<Directive> for Wish {
    fn from(directive: Directive) -> Self {
        match directive {
            Directive::Continue => Self::Continue,
            Directive::Pause => Self::Pause,
            Directive::Cancel => Self::Cancel,
            Directive::Drop => Self::Drop,
        }
    }
}

/// The line from the outside to one training.
#[derive(Debug)]
pub(super) struct Signal {
    /// Which run, and which claim of it.
    pub(super) beat: Beat,
    wish: AtomicU8,
    due: AtomicBool,
}

impl Signal {
    pub(super) fn new(beat: Beat) -> Self {
        Self {
            beat,
            wish: AtomicU8::new(Wish::Continue as u8),
            due: AtomicBool::new(false),
        }
    }

    /// Wants something of the training.
    pub(super) fn want(&self, wish: Wish) {
        self.wish.fetch_max(wish as u8, Ordering::SeqCst);
    }

    /// What is wanted.
    pub(super) fn wish(&self) -> Wish {
        match self.wish.load(Ordering::Relaxed) {
            0 => Wish::Continue,
            1 => Wish::Pause,
            2 => Wish::Release,
            3 => Wish::Cancel,
            _ => Wish::Drop,
        }
    }

    /// The time of a report has come.
    pub(super) fn tick(&self) {
        self.due.store(true, Ordering::Relaxed);
    }

    /// Whether a report is due; asking takes the answer away.
    pub(super) fn take_due(&self) -> bool {
        self.due.load(Ordering::Relaxed) && self.due.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RunId;

    #[test]
    fn a_stronger_wish_stays() {
        let signal = Signal::new(Beat {
            run: RunId(uuid::Uuid::nil()),
            fence: 1,
        });
        for (want, is) in [
            (Wish::Pause, Wish::Pause),
            (Wish::Cancel, Wish::Cancel),
            (Wish::Release, Wish::Cancel),
            (Wish::Drop, Wish::Drop),
        ] {
            signal.want(want);
            assert_eq!(signal.wish(), is);
        }
        assert!(!signal.take_due());
        signal.tick();
        assert!(signal.take_due() && !signal.take_due());
    }
}
