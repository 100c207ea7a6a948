//! A budget of threads: the caller and a few helpers that wait between products.
//!
//! A helper spins for some microseconds after its work, because the next product follows soon, and then sleeps. Work is
//! cut into one part per thread before it starts; nothing is stolen and nothing is allocated.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};

/// How often a helper looks again before it sleeps: about 100 microseconds, longer than what a step does on one thread.
/// Waking it takes as long.
const SPINS: u32 = 6_000;
/// How often the caller looks again before it lets others run: about a millisecond. Its helpers are at work, so they are
/// nearly done; on a busy machine, what is given away comes back only after a time slice of somebody else.
const PATIENT_SPINS: u32 = 60_000;

/// Work as the helpers see it: called with the number of the thread. The lifetime is that of one call of [`Threads::run`].
type Work = *const (dyn Fn(usize) + Sync);

/// What the caller and one helper share.
struct Seat {
    /// Odd while there is work, even while there is none; each change is one step up.
    turn: AtomicUsize,
    /// The work of an odd turn.
    work: std::cell::UnsafeCell<Option<Work>>,
    /// Whether the work of the last turn panicked.
    panicked: AtomicBool,
    /// Set once, when the helper is to end.
    closing: AtomicBool,
}

// SAFETY: `work` is written by the caller only while `turn` is even and read by the helper only while it is odd; the
// atomic changes of `turn` (release, acquire) order the two. The work itself is `Sync`.
unsafe impl Sync for Seat {}
// SAFETY: as above; the pointer is only followed while the caller waits inside `run`.
unsafe impl Send for Seat {}

/// A fixed number of threads that work together, the caller among them.
pub struct Threads {
    seats: Vec<(Arc<Seat>, JoinHandle<()>)>,
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Threads({})", self.count())
    }
}

impl Threads {
    /// `count` threads, the caller counted. Where the system refuses one, there are fewer; results do not depend on it.
    pub fn new(count: usize) -> Threads {
        let mut seats = Vec::new();
        for number in 1..count {
            let seat = Arc::new(Seat {
                turn: AtomicUsize::new(0),
                work: std::cell::UnsafeCell::new(None),
                panicked: AtomicBool::new(false),
                closing: AtomicBool::new(false),
            });
            let own = Arc::clone(&seat);
            let spawned = std::thread::Builder::new()
                .name(format!("engine-{number}"))
                .spawn(move || wait_for_work(&own, number));
            match spawned {
                Ok(handle) => seats.push((seat, handle)),
                Err(_) => break,
            }
        }
        Threads { seats }
    }

    /// Number of threads, the caller counted.
    pub fn count(&self) -> usize {
        self.seats.len() + 1
    }

    /// Calls `work(0)` here and `work(1) .. work(n - 1)` on the helpers, and returns when all have returned.
    ///
    /// Taking `&mut self` keeps two calls from overlapping. Panics when one of the calls panicked.
    fn run(&mut self, n: usize, work: &(dyn Fn(usize) + Sync)) {
        let n_helpers = n.saturating_sub(1).min(self.seats.len());
        // SAFETY: this only forgets the lifetime of `work`. Before this function returns or unwinds, `Waiting` has seen
        // every helper finish, and a helper follows the pointer only between being woken and finishing.
        let work_for_helpers: Work =
            unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Work>(work) };
        let helpers = &self.seats[..n_helpers];
        for (seat, handle) in helpers {
            // SAFETY: the turn is even here, so the helper does not look at `work`.
            unsafe { *seat.work.get() = Some(work_for_helpers) };
            seat.turn.fetch_add(1, Ordering::Release);
            handle.thread().unpark();
        }
        let waiting = Waiting { helpers };
        work(0);
        drop(waiting);
        let panicked = helpers
            .iter()
            .any(|(seat, _)| seat.panicked.swap(false, Ordering::Relaxed));
        assert!(!panicked, "a helper thread of the engine panicked");
    }

    /// Cuts `out` into parts of `part_len` elements (the last may be shorter), at most one per thread, and calls
    /// `work(part number, part, scratch of that thread)` for each, at the same time.
    pub fn for_each_part<T: Send, S: Send>(
        &mut self,
        out: &mut [T],
        part_len: usize,
        scratch: &mut [S],
        work: impl Fn(usize, &mut [T], &mut S) + Sync,
    ) {
        let n_parts = out.len().div_ceil(part_len.max(1));
        if n_parts <= 1 || n_parts > self.count() || scratch.len() < n_parts {
            for (number, part) in out.chunks_mut(part_len.max(1)).enumerate() {
                work(number, part, &mut scratch[0]);
            }
            return;
        }
        let len = out.len();
        let (out, scratch) = (Shared(out.as_mut_ptr()), Shared(scratch.as_mut_ptr()));
        self.run(n_parts, &|number| {
            let first = number * part_len;
            // SAFETY: part `number` is `first .. first + part_len` cut at `len`; parts of different numbers do not
            // overlap, each number is called once, and both slices outlive `run`. `number < n_parts`, which is at most
            // the number of scratches.
            let (part, own) = unsafe {
                let part =
                    std::slice::from_raw_parts_mut(out.get().add(first), part_len.min(len - first));
                (part, &mut *scratch.get().add(number))
            };
            work(number, part, own);
        });
    }
}

/// Who writes to which elements of a buffer: ranges for each thread, that together are the whole buffer.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    of_threads: Vec<Vec<Range<usize>>>,
    len: usize,
}

impl Shares {
    /// Shares of a buffer of `len` elements; ranges of a thread that follow each other become one.
    ///
    /// # Panics
    /// When an element belongs to no range or to two.
    pub(crate) fn new(mut of_threads: Vec<Vec<Range<usize>>>, len: usize) -> Shares {
        for ranges in &mut of_threads {
            ranges.retain(|range| !range.is_empty());
        }
        let mut all: Vec<&Range<usize>> = of_threads.iter().flatten().collect();
        all.sort_unstable_by_key(|range| range.start);
        let end = all.into_iter().fold(0, |end, range| {
            assert_eq!(range.start, end, "ranges that divide the buffer");
            range.end
        });
        assert_eq!(end, len, "ranges of the whole buffer");
        for ranges in &mut of_threads {
            ranges.dedup_by(|next, range| {
                let follows = range.end == next.start;
                if follows {
                    range.end = next.end;
                }
                follows
            });
        }
        Shares { of_threads, len }
    }
}

impl Threads {
    /// Calls `work` for each range of the shares, on the thread whose share it is, with that part of every buffer; a buffer that
    /// is empty stays so.
    ///
    /// # Panics
    /// When a buffer is neither empty nor as long as what is shared, or there are more shares than threads.
    pub(crate) fn for_each_share<T: Send, const N: usize>(
        &mut self,
        shares: &Shares,
        mut buffers: [&mut [T]; N],
        work: impl Fn(Range<usize>, [&mut [T]; N]) + Sync,
    ) {
        assert!(
            shares.of_threads.len() <= self.count(),
            "a thread for each share"
        );
        let whole = |buffer: &&mut [T]| buffer.is_empty() || buffer.len() == shares.len;
        assert!(buffers.iter().all(whole), "buffers of what is shared");
        let buffers = buffers
            .each_mut()
            .map(|buffer| (Shared(buffer.as_mut_ptr()), buffer.len()));
        self.run(shares.of_threads.len(), &|thread| {
            for range in &shares.of_threads[thread] {
                let parts = std::array::from_fn(|i| {
                    let (buffer, len) = &buffers[i];
                    let (start, len) = match len {
                        0 => (0, 0),
                        _ => (range.start, range.len()),
                    };
                    // SAFETY: `Shares` has seen that no two ranges overlap and that all lie within its length, which is the
                    // buffer's; the number of each thread is called once, and the buffers outlive `run`.
                    unsafe { std::slice::from_raw_parts_mut(buffer.get().add(start), len) }
                });
                work(range.clone(), parts);
            }
        });
    }
}

/// A pointer that may be used on several threads, each at its own place.
struct Shared<P>(*mut P);

impl<P> Shared<P> {
    fn get(&self) -> *mut P {
        self.0
    }
}

// SAFETY: used only in this file, where every thread makes references to parts that no other thread touches.
unsafe impl<P: Send> Sync for Shared<P> {}

/// Waits for the helpers when it is dropped, also when the caller's own part panics.
struct Waiting<'a> {
    helpers: &'a [(Arc<Seat>, JoinHandle<()>)],
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        for (seat, _) in self.helpers {
            let mut spins = 0;
            while !seat.turn.load(Ordering::Acquire).is_multiple_of(2) {
                spins += 1;
                if spins < PATIENT_SPINS {
                    std::hint::spin_loop()
                } else {
                    std::thread::yield_now()
                }
            }
        }
    }
}

/// The life of a helper: wait for an odd turn, work, make the turn even.
fn wait_for_work(seat: &Seat, number: usize) {
    loop {
        let mut spins = 0;
        while seat.turn.load(Ordering::Acquire).is_multiple_of(2) {
            if seat.closing.load(Ordering::Acquire) {
                return;
            }
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop()
            } else {
                std::thread::park()
            }
        }
        // SAFETY: the turn is odd, so the caller has written `work` and waits until the turn is even again.
        let outcome = unsafe {
            let work = *seat.work.get();
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                if let Some(work) = work {
                    (*work)(number);
                }
            }))
        };
        seat.panicked.store(outcome.is_err(), Ordering::Relaxed);
        seat.turn.fetch_add(1, Ordering::Release);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        for (seat, handle) in &self.seats {
            seat.closing.store(true, Ordering::Release);
            let thread: &Thread = handle.thread();
            thread.unpark();
        }
        for (_, handle) in self.seats.drain(..) {
            // A helper catches panics of its work, so it has none of its own to report.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_worked_on_once() {
        let mut threads = Threads::new(4);
        for len in [1_usize, 3, 4, 5, 1000] {
            for _ in 0..50 {
                let mut out = vec![0_u32; len];
                let mut scratch = [0_usize; 4];
                threads.for_each_part(
                    &mut out,
                    len.div_ceil(4),
                    &mut scratch,
                    |number, part, seen| {
                        *seen += part.len();
                        part.iter_mut().for_each(|x| *x += 1 + number as u32);
                    },
                );
                assert_eq!(scratch.iter().sum::<usize>(), len);
                assert!(
                    out.iter()
                        .enumerate()
                        .all(|(i, &x)| x == 1 + (i / len.div_ceil(4)) as u32)
                );
            }
        }
    }

    #[test]
    fn every_element_of_a_share_is_worked_on_by_its_thread() {
        let mut threads = Threads::new(3);
        let shares = Shares::new(vec![vec![0..2, 2..4, 9..12], vec![4..9, 4..4], vec![]], 12);
        assert_eq!(shares.of_threads[0], [0..4, 9..12]);
        let mut values = vec![0; 12];
        threads.for_each_share(&shares, [&mut values, &mut []], |range, [values, none]| {
            assert!(none.is_empty());
            for (value, at) in values.iter_mut().zip(range) {
                *value += at;
            }
        });
        assert!(values.into_iter().eq(0..12));
    }

    #[test]
    #[should_panic(expected = "ranges that divide the buffer")]
    fn nobody_shares_an_element() {
        Shares::new(vec![vec![0..3], vec![2..4]], 4);
    }

    #[test]
    #[should_panic(expected = "ranges of the whole buffer")]
    fn every_element_is_in_a_share() {
        Shares::new(vec![vec![0..2], vec![2..3]], 4);
    }

    #[test]
    fn a_panic_of_a_part_reaches_the_caller_and_the_threads_stay_usable() {
        let mut threads = Threads::new(2);
        for panicking in [0, 1] {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                threads.for_each_part(&mut [0_u8; 2], 1, &mut [(), ()], |number, _, _| {
                    assert_ne!(number, panicking, "asked for")
                });
            }));
            assert!(outcome.is_err());
            let mut out = [0_u8; 2];
            threads.for_each_part(&mut out, 1, &mut [(), ()], |_, part, _| part[0] = 1);
            assert_eq!(out, [1, 1]);
        }
    }
}
