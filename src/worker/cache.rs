//! Decoded tables and encoded datasets, kept for the next run that wants the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries kept at most, however small.
const MAX_ENTRIES: usize = 256;

/// Values by key, the least recently used dropped when they grow beyond a number of bytes.
pub(super) struct Cache<V> {
    entries: Mutex<Entries<V>>,
    max_bytes: usize,
}

/// Locked while its value is made, so that two who want the same make it once.
type Slot<V> = Arc<Mutex<Option<(Arc<V>, usize)>>>;

struct Entries<V> {
    slots: HashMap<String, (u64, Slot<V>)>,
    uses: u64,
}

impl<V> Cache<V> {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            entries: Mutex::new(Entries {
                slots: HashMap::new(),
                uses: 0,
            }),
            max_bytes,
        }
    }

    /// The value for `key`, made by `make` (value and its bytes) when it is not there. A failure is not kept.
    pub(super) fn get<E>(
        &self,
        key: &str,
        make: impl FnOnce() -> Result<(V, usize), E>,
    ) -> Result<Arc<V>, E> {
        let slot = self.slot(key);
        let value = {
            let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match &*held {
                Some((known, _)) => return Ok(known.clone()),
                None => {
                    let (value, n_bytes) = make()?;
                    let value = Arc::new(value);
                    *held = Some((value.clone(), n_bytes));
                    value
                }
            }
        };
        self.shrink();
        Ok(value)
    }

    fn slot(&self, key: &str) -> Slot<V> {
        let mut entries = self.lock();
        entries.uses += 1;
        let now = entries.uses;
        let (used, slot) = entries.slots.entry(key.to_owned()).or_default();
        *used = now;
        slot.clone()
    }

    fn shrink(&self) {
        let mut entries = self.lock();
        // A slot that is locked is being filled; it is weighed when it is done.
        let size = |slot: &Slot<V>| {
            slot.try_lock()
                .ok()
                .and_then(|held| held.as_ref().map(|(_, n_bytes)| *n_bytes))
                .unwrap_or(0)
        };
        let mut n_bytes: usize = entries.slots.values().map(|(_, slot)| size(slot)).sum();
        // The newest stays even when it alone is too large: its run needs it anyway.
        while entries.slots.len() > 1
            && (n_bytes > self.max_bytes || entries.slots.len() > MAX_ENTRIES)
        {
            let oldest = entries
                .slots
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| key.clone());
            let Some((_, slot)) = oldest.and_then(|key| entries.slots.remove(&key)) else {
                break;
            };
            n_bytes -= size(&slot);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries<V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_failures_are_not_kept() {
        let cache: Cache<u32> = Cache::new(30);
        let make = |value| move || Ok::<_, ()>((value, 10));
        for key in ["a", "b", "c"] {
            cache.get(key, make(1)).unwrap();
        }
        cache
            .get("a", || -> Result<_, ()> { panic!("a is there") })
            .unwrap();
        cache.get("d", make(2)).unwrap();
        assert_eq!(*cache.get("a", make(9)).unwrap(), 1);
        assert_eq!(
            *cache.get("b", make(9)).unwrap(),
            9,
            "b was the least recently used"
        );
        assert!(cache.get("e", || Err(())).is_err());
        assert_eq!(*cache.get("e", make(5)).unwrap(), 5);
    }
}
