//! Opened models, kept warm.
//!
//! A prediction must find its model without waiting for anybody, so the map is behind a read-write lock that writers hold only to
//! insert or remove a pointer; opening a model, which costs milliseconds, happens outside of it. How recently a model was used is
//! an atomic in its entry, so a reader never writes to the map.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::served::ServedModel;

/// Keeps opened models up to a number of bytes, the least recently used ones go first.
///
/// The key is whatever names a version for good (owner, name and version, or the id of a row): a version is immutable, so an
/// entry never goes stale. A deleted version is taken out with [`Predictor::forget`].
#[derive(Debug)]
pub struct Predictor {
    max_bytes: usize,
    models: RwLock<HashMap<Box<str>, Entry>>,
    /// Held while a model is being opened, one per key, so that a hundred requests for a cold model open it once.
    opening: Mutex<HashMap<Box<str>, Arc<Mutex<()>>>>,
    /// Counts lookups; the time of last use without a clock.
    tick: AtomicU64,
}

#[derive(Debug)]
struct Entry {
    model: Arc<ServedModel>,
    last_used: AtomicU64,
}

impl Predictor {
    /// A predictor that keeps models of together at most `max_bytes` (a model larger than that is kept alone).
    pub fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            models: RwLock::default(),
            opening: Mutex::default(),
            tick: AtomicU64::new(0),
        }
    }

    /// The model with this key, if it is warm. Costs one uncontended read lock and one hash.
    pub fn get(&self, key: &str) -> Option<Arc<ServedModel>> {
        // A panic while the lock was held cannot leave the map half changed: every change is one insert or remove.
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        let entry = models.get(key)?;
        entry
            .last_used
            .store(self.tick.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        Some(Arc::clone(&entry.model))
    }

    /// The model with this key; `open` is called when it is not warm, by one caller at a time for one key. `open` may block
    /// (it reads weights), so a cold model is opened off the threads that serve requests.
    ///
    /// # Errors
    /// Whatever `open` answers; nothing is kept then.
    pub fn get_or_open<E>(
        &self,
        key: &str,
        open: impl FnOnce() -> Result<ServedModel, E>,
    ) -> Result<Arc<ServedModel>, E> {
        if let Some(model) = self.get(key) {
            return Ok(model);
        }
        let turn = {
            let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(opening.entry(key.into()).or_default())
        };
        let held = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match self.get(key) {
            Some(model) => Ok(model),
            None => open().map(|model| self.insert(key, Arc::new(model))),
        };
        drop(held);
        let mut opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        // Two pointers are the map's and ours: nobody waits any more.
        if Arc::strong_count(&turn) <= 2 {
            opening.remove(key);
        }
        result
    }

    /// Keeps an opened model, and lets go of the least recently used ones until all fit. Requests that work with one of those
    /// finish undisturbed.
    pub fn insert(&self, key: &str, model: Arc<ServedModel>) -> Arc<ServedModel> {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let last_used = AtomicU64::new(self.tick.fetch_add(1, Ordering::Relaxed));
        models.insert(
            key.into(),
            Entry {
                model: Arc::clone(&model),
                last_used,
            },
        );
        let mut n_bytes: usize = models.values().map(|entry| entry.model.n_bytes()).sum();
        while n_bytes > self.max_bytes && models.len() > 1 {
            let oldest = models
                .iter()
                .filter(|(other, _)| &***other != key)
                .min_by_key(|(_, entry)| entry.last_used.load(Ordering::Relaxed))
                .map(|(key, _)| key.clone());
            let Some(entry) = oldest.and_then(|key| models.remove(&key)) else {
                break;
            };
            n_bytes -= entry.model.n_bytes();
        }
        model
    }

    /// Lets go of a model, because its version was deleted.
    pub fn forget(&self, key: &str) {
        self.models
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    /// How many models are warm, and how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        let models = self.models.read().unwrap_or_else(PoisonError::into_inner);
        (
            models.len(),
            models.values().map(|entry| entry.model.n_bytes()).sum(),
        )
    }
}
