//! The thread budget: runs together use no more cores than there are, served in the order they ask.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Cores to be shared.
pub(super) struct Cores {
    state: Mutex<State>,
    freed: Condvar,
    n_cores: usize,
}

struct State {
    free: usize,
    /// Ticket of the next one to be served, and of the next one to ask: a wide run is not passed by narrow ones for ever.
    serving: u64,
    next: u64,
}

/// Cores held; given back when dropped.
pub(super) struct Held<'c> {
    cores: &'c Cores,
    n_held: usize,
}

impl Cores {
    pub(super) fn new(n_cores: usize) -> Self {
        let state = State {
            free: n_cores,
            serving: 0,
            next: 0,
        };
        Self {
            state: Mutex::new(state),
            freed: Condvar::new(),
            n_cores,
        }
    }

    /// Waits until `wanted` cores (at most all) are free, and takes them.
    pub(super) fn take(&self, wanted: usize) -> Held<'_> {
        let n_held = wanted.clamp(1, self.n_cores);
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        while state.serving != ticket || state.free < n_held {
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.serving += 1;
        state.free -= n_held;
        self.freed.notify_all();
        Held {
            cores: self,
            n_held,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.cores.lock().free += self.n_held;
        self.cores.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_there_are_and_a_wide_one_gets_its_turn() {
        let cores = Cores::new(2);
        let used = Mutex::new((0, 0));
        std::thread::scope(|scope| {
            for wanted in [1, 2, 1, 9, 1, 2, 1, 1] {
                let (cores, used) = (&cores, &used);
                scope.spawn(move || {
                    let held = cores.take(wanted);
                    let mut seen = used.lock().unwrap();
                    seen.0 += held.n_held;
                    seen.1 = seen.1.max(seen.0);
                    drop(seen);
                    std::thread::yield_now();
                    used.lock().unwrap().0 -= held.n_held;
                });
            }
        });
        let (left, most) = *used.lock().unwrap();
        assert!(left == 0 && most <= 2, "{most} cores were used at once");
    }
}
