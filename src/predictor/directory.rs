//! From a name to an opened model: `iris`, version 3 of `iris`, whatever `iris@production` points to.
//!
//! A prediction must not ask the database what a name stands for, so the answer is remembered together with the number of
//! changes that models and aliases had seen before the question ([`Store::models_generation`]). As soon as one of them
//! changes, the name is looked up again; a moved alias is in force for every request that begins after its commit.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{OpenError, Predictor, ServedModel, Version};
use crate::blobs::{BlobError, Blobs};
use crate::store::models::{self, Model, Which};
use crate::store::{Store, StoreError};

/// Names remembered at most. Beyond, all are forgotten and found again as they are asked for.
const MAX_NAMES: usize = 100_000;

/// Why a name leads to no model.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No such model, version or alias of this owner.
    #[error("there is no such model")]
    Absent,
    /// It is there, but cannot be served.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The record failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its weights cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The process is ending.
    #[error("the server is ending")]
    Ending,
}

/// Every model on record, opened when it is asked for; cheap to clone.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    store: Store,
    blobs: Blobs,
    warm: Predictor,
    names: RwLock<HashMap<Box<str>, Known>>,
}

/// What a name stood for.
struct Known {
    /// The store's count of changes before the question.
    generation: u64,
    /// Key of the version in the predictor.
    key: Box<str>,
}

impl Directory {
    /// The models of `store`, of which opened ones may take `max_bytes` of memory together.
    pub fn new(store: Store, blobs: Blobs, max_bytes: usize) -> Self {
        Self(Arc::new(Inner {
            store,
            blobs,
            warm: Predictor::new(max_bytes),
            names: RwLock::default(),
        }))
    }

    /// The opened model that `which` of `name` stands for. Warm, it costs two look-ups in memory.
    ///
    /// # Errors
    /// [`FindError::Absent`] also for another owner's model.
    pub async fn find(
        &self,
        owner: &str,
        name: &str,
        which: &Which,
    ) -> Result<Arc<ServedModel>, FindError> {
        let asked = asked(owner, name, which);
        if let Some(model) = self.remembered(&asked) {
            return Ok(model);
        }
        // Before the look, so that a change in between is not taken for seen.
        let generation = self.0.store.models_generation();
        let row = models::find(&self.0.store, owner, name, which)
            .await?
            .ok_or(FindError::Absent)?;
        let key = format!("{owner}\0{name}\0{}", row.version).into_boxed_str();
        let model = match self.0.warm.get(&key) {
            Some(model) => model,
            None => self.open(key.clone(), row).await?,
        };
        let mut names = self.0.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_NAMES {
            names.clear();
        }
        names.insert(asked, Known { generation, key });
        Ok(model)
    }

    fn remembered(&self, asked: &str) -> Option<Arc<ServedModel>> {
        // A panic while the lock was held cannot leave the map half changed: every change is one insert or a clear.
        let names = self.0.names.read().unwrap_or_else(PoisonError::into_inner);
        let known = names.get(asked)?;
        (known.generation == self.0.store.models_generation())
            .then(|| self.0.warm.get(&known.key))?
    }

    /// Opens a version off the threads that serve requests; a hundred requests for a cold model open it once.
    async fn open(&self, key: Box<str>, row: Model) -> Result<Arc<ServedModel>, FindError> {
        let directory = self.clone();
        let runtime = tokio::runtime::Handle::current();
        let opened = tokio::task::spawn_blocking(move || {
            directory.0.warm.get_or_open(&key, || {
                let weights = runtime.block_on(directory.0.blobs.read(&row.weights))?;
                let version = Version {
                    name: row.name,
                    version: row.version,
                };
                Ok(ServedModel::open(version, row.document.get(), &weights)?)
            })
        });
        opened.await.unwrap_or(Err(FindError::Ending))
    }

    /// Lets go of a version that was deleted.
    pub fn forget(&self, owner: &str, name: &str, version: i64) {
        self.0.warm.forget(&format!("{owner}\0{name}\0{version}"));
    }

    /// How many models are open, and how many bytes they take.
    pub fn size(&self) -> (usize, usize) {
        self.0.warm.size()
    }
}

/// Owner, name and version as one key. Owners and stored names have no NUL, so what a client sends cannot be taken for
/// something else that is on record.
fn asked(owner: &str, name: &str, which: &Which) -> Box<str> {
    use std::fmt::Write;
    let mut key = String::with_capacity(owner.len() + name.len() + 24);
    key.extend([owner, "\0", name, "\0"]);
    match which {
        Which::Latest => {}
        Which::Alias(alias) => key.extend(["@", alias]),
        Which::Version(version) => {
            let _ = write!(key, "{version}"); // writing to memory cannot fail
        }
    }
    key.into_boxed_str()
}
