//! Time, randomness and ids are handed in, so that a test decides what they are.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// Milliseconds since the Unix epoch, from the system or from a test.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The machine's wall clock.
    pub fn system() -> Self {
        Self(Arc::new(|| chrono::Utc::now().timestamp_millis()))
    }

    /// A clock that stands at `start_ms` until the returned hand is moved.
    pub fn manual(start_ms: i64) -> (Self, Arc<AtomicI64>) {
        let hand = Arc::new(AtomicI64::new(start_ms));
        let read = hand.clone();
        (Self(Arc::new(move || read.load(Ordering::SeqCst))), hand)
    }

    /// Now, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

type Fill = dyn Fn(&mut [u8]) -> Result<(), EntropyError> + Send + Sync;

/// Random bytes, from the operating system or from a test.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

/// The operating system gave no random bytes.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct EntropyError(String);

impl Entropy {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(Arc::new(|bytes| {
            getrandom::fill(bytes).map_err(|e| EntropyError(e.to_string()))
        }))
    }

    /// A predictable sequence (SplitMix64 from `seed`), for tests only.
    pub fn seeded(seed: u64) -> Self {
        let state = Mutex::new(seed);
        Self(Arc::new(move |bytes| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            for chunk in bytes.chunks_mut(8) {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
            }
            Ok(())
        }))
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        (self.0)(bytes)
    }
}

/// Makes UUIDv7s that never go backwards within this process, even when the wall clock does.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    entropy: Entropy,
    last: Arc<Mutex<(i64, u16)>>,
}

impl Ids {
    /// Ids whose time is `clock`'s and whose random part is `entropy`'s.
    pub fn new(clock: Clock, entropy: Entropy) -> Self {
        Self {
            clock,
            entropy,
            last: Arc::new(Mutex::new((0, 0))),
        }
    }

    /// The next id: 48 bits of milliseconds, a 12-bit counter within the millisecond, 62 random bits.
    pub fn next(&self) -> Result<Uuid, EntropyError> {
        let (ms, count) = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.clock.now_ms();
            *last = if now > last.0 {
                (now, 0)
            } else if last.1 < 0x0fff {
                (last.0, last.1 + 1)
            } else {
                (last.0 + 1, 0)
            };
            *last
        };
        let mut random = [0u8; 10];
        self.entropy.fill(&mut random[2..])?;
        random[..2].copy_from_slice(&count.to_be_bytes());
        Ok(uuid::Builder::from_unix_timestamp_millis(ms.max(0) as u64, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ordered_within_and_across_milliseconds() {
        let (clock, hand) = Clock::manual(1_700_000_000_000);
        let ids = Ids::new(clock, Entropy::seeded(1));
        let mut all = Vec::new();
        for i in 0..10_000 {
            if i == 5_000 {
                hand.store(1_699_999_999_000, Ordering::SeqCst); // the clock goes back; the ids do not
            }
            all.push(ids.next().unwrap());
        }
        assert!(all.windows(2).all(|w| w[0] < w[1]));
        assert!(all.iter().all(|id| id.get_version_num() == 7));
    }
}
