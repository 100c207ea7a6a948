//! Threads that parse blocks. They start with the second block: most uploads are smaller than one.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::block::{self, Scratch};
use super::merge::Merger;
use super::part::Plan;
use crate::data::DataError;

/// A block of whole records on its way to a thread.
struct Job {
    index: u64,
    /// Of the first byte in the unpacked file.
    offset: u64,
    bytes: Vec<u8>,
}

/// What threads and the pusher share.
struct Shared {
    plan: Arc<Plan>,
    progress: Mutex<Progress>,
    merged: Condvar,
}

struct Progress {
    merger: Merger,
    n_done: u64,
    failed: bool,
    /// Emptied blocks, for their memory.
    empty: Vec<Vec<u8>>,
}

/// The parsing side of an ingest.
pub(super) struct Workers {
    shared: Arc<Shared>,
    n_threads: usize,
    n_sent: u64,
    queue: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(super) fn new(
        plan: Arc<Plan>,
        n_threads: usize,
        header_lines: u64,
        name_bytes: usize,
    ) -> Self {
        let merger = Merger::new(&plan, header_lines, name_bytes);
        let progress = Mutex::new(Progress {
            merger,
            n_done: 0,
            failed: false,
            empty: Vec::new(),
        });
        let shared = Arc::new(Shared {
            plan,
            progress,
            merged: Condvar::new(),
        });
        Self {
            shared,
            n_threads: n_threads.max(1),
            n_sent: 0,
            queue: None,
            threads: Vec::new(),
        }
    }

    /// A buffer for the next block.
    pub(super) fn empty_block(&self, capacity: usize) -> Vec<u8> {
        let reused = self.shared.lock().empty.pop();
        reused.unwrap_or_else(|| Vec::with_capacity(capacity))
    }

    /// Parses a block on some thread; waits while all are busy.
    ///
    /// # Errors
    /// What is wrong with a block before this one.
    pub(super) fn parse(&mut self, bytes: Vec<u8>, offset: u64) -> Result<(), DataError> {
        let job = Job {
            index: self.n_sent,
            offset,
            bytes,
        };
        self.n_sent += 1;
        if job.index == 0 && job.bytes.len() < 256 << 10 {
            self.shared.work_on(job, &mut Scratch::default());
        } else {
            if self.queue.is_none() {
                self.start()?;
            }
            let sent = self
                .queue
                .as_ref()
                .is_some_and(|queue| queue.send(job).is_ok());
            if !sent {
                return Err(DataError::new(
                    "unreadable",
                    "the threads that read the file are gone",
                ));
            }
        }
        self.shared.lock().check()
    }

    fn start(&mut self) -> Result<(), DataError> {
        let (queue, jobs) = sync_channel(self.n_threads);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..self.n_threads {
            let (shared, jobs) = (Arc::clone(&self.shared), Arc::clone(&jobs));
            let thread = std::thread::Builder::new().name("ingest".to_owned());
            let started = thread.spawn(move || shared.work(&jobs));
            let refused = |error| {
                DataError::new("unreadable", format!("no thread to read the file: {error}"))
            };
            self.threads.push(started.map_err(refused)?);
        }
        self.queue = Some(queue);
        Ok(())
    }

    /// Waits until every block is merged and tells how many lines they and the header have.
    ///
    /// # Errors
    /// The first thing that is wrong with them.
    pub(super) fn drain(&mut self) -> Result<u64, DataError> {
        let mut progress = self.shared.lock();
        while progress.n_done < self.n_sent && !progress.failed {
            progress = self
                .shared
                .merged
                .wait(progress)
                .unwrap_or_else(PoisonError::into_inner);
        }
        progress.check()?;
        Ok(progress.merger.lines())
    }

    /// Waits for the last block; the totals of the file.
    ///
    /// # Errors
    /// The first thing that is wrong with the file.
    pub(super) fn finish(mut self) -> Result<Merger, DataError> {
        self.drain()?;
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                return Err(DataError::new(
                    "unreadable",
                    "a thread that read the file stopped unexpectedly",
                ));
            }
        }
        let mut progress = self.shared.lock();
        let empty = Merger::new(&self.shared.plan, 0, 0);
        Ok(std::mem::replace(&mut progress.merger, empty))
    }
}

impl Shared {
    /// A thread that panicked has not merged, so what is behind the lock is whole.
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, jobs: &Mutex<Receiver<Job>>) {
        let mut scratch = Scratch::default();
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok(job) => self.work_on(job, &mut scratch),
                Err(_) => return,
            }
        }
    }

    fn work_on(&self, job: Job, scratch: &mut Scratch) {
        let Job {
            index,
            offset,
            mut bytes,
        } = job;
        // A panic must not leave the pusher waiting for this block for ever.
        let parsing =
            std::panic::AssertUnwindSafe(|| block::parse(&bytes, offset, &self.plan, scratch));
        let part = std::panic::catch_unwind(parsing);
        bytes.clear();
        let mut progress = self.lock();
        progress.failed |= match part {
            Ok(part) => progress.merger.add(&self.plan, index, offset, part),
            Err(_) => true,
        };
        progress.n_done += 1;
        progress.empty.push(bytes);
        self.merged.notify_all();
    }
}

impl Progress {
    fn check(&mut self) -> Result<(), DataError> {
        if !self.failed {
            return Ok(());
        }
        let unknown = || DataError::new("unreadable", "the file was refused before");
        Err(self.merger.take_error().unwrap_or_else(unknown))
    }
}
