//! From a job to what the engine trains on.

use std::sync::Arc;

use descent_engine::dataset::{DataFacts, Dataset, Parts};
use descent_engine::spec::{Spec, Violation};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Shared;
use super::cache::Cache;
use crate::blobs::hex;
use crate::data::{self, Frame, Note, Schema, Transform};
use crate::runs::message::{Job, Reason};

/// What decoding and encoding left for the next run.
pub(super) struct Caches {
    frames: Cache<Frame>,
    ready: Cache<Ready>,
}

/// A dataset as the engine wants it, with what the model needs to know about it.
pub(super) struct Ready {
    pub(super) dataset: Arc<Dataset>,
    pub(super) parts: Parts,
    pub(super) transform: Transform,
    pub(super) notes: Vec<Note>,
    pub(super) facts: DataFacts,
}

/// A job ready to be trained.
pub(super) struct Prepared {
    pub(super) spec: Spec,
    pub(super) ready: Arc<Ready>,
}

impl Caches {
    pub(super) fn new(max_bytes: u64) -> Self {
        let half = usize::try_from(max_bytes / 2).unwrap_or(usize::MAX);
        Self {
            frames: Cache::new(half),
            ready: Cache::new(half),
        }
    }
}

/// Reads the job's data and fills in its spec.
pub(super) fn prepare(shared: &Shared, job: &Job) -> Result<Prepared, Reason> {
    let asked: Spec = job
        .spec
        .parse()
        .map_err(|e| Reason::new("bad_data", format!("the stored spec cannot be read: {e}")))?;
    let ready = ready(shared, job, &asked)?;
    let spec = asked
        .resolve(&ready.facts)
        .map_err(|found| violated(&found))?;
    let cost = spec.cost(&ready.facts).map_err(|found| violated(&found))?;
    cost.within(shared.run_memory_bytes)
        .map_err(|violation| Reason {
            code: "out_of_memory".to_owned(),
            message: violation.message.clone(),
            detail: Some(json!({"errors": [violation]})),
        })?;
    Ok(Prepared { spec, ready })
}

fn ready(shared: &Shared, job: &Job, spec: &Spec) -> Result<Arc<Ready>, Reason> {
    let schema: Schema = job
        .dataset_schema
        .parse()
        .map_err(|e| Reason::new("bad_data", format!("the stored schema cannot be read: {e}")))?;
    let task = serde_json::to_string(&spec.task).unwrap_or_default();
    let seed = spec.training.seed;
    let key = key(&[
        &job.dataset_sha256,
        job.dataset_schema.get(),
        &task,
        &seed.to_string(),
    ]);
    shared.caches.ready.get(&key, || {
        let frame = frame(shared, job, spec, &schema)?;
        let made = data::prepare(&frame, &schema, &spec.task, seed).map_err(bad_data)?;
        let facts = made.dataset.facts(made.parts.train.len());
        let n_bytes = made.dataset.features.len() * 4 + facts.n_rows as usize * 16 + 4_096;
        let dataset = Arc::new(made.dataset);
        Ok((
            Ready {
                dataset,
                parts: made.parts,
                transform: made.transform,
                notes: made.notes,
                facts,
            },
            n_bytes,
        ))
    })
}

fn frame(shared: &Shared, job: &Job, spec: &Spec, schema: &Schema) -> Result<Arc<Frame>, Reason> {
    let roles = data::Roles::of(&spec.task, schema).map_err(|found| violated(&found))?;
    let wanted = roles.wanted(&spec.task, schema);
    let columns: String = wanted
        .iter()
        .map(|want| format!("{}:{:?},", want.column, want.reading))
        .collect();
    let key = key(&[&job.dataset_sha256, job.dataset_schema.get(), &columns]);
    shared.caches.frames.get(&key, || {
        let source = shared
            .handle
            .block_on(shared.runs.source(job))
            .map_err(|e| Reason::new("bad_data", e.to_string()))?;
        let format = source.format.parse().map_err(|e| {
            Reason::new("bad_data", format!("the stored format cannot be read: {e}"))
        })?;
        let frame =
            data::decode(source.content.reader(), &format, schema, &wanted).map_err(bad_data)?;
        let n_bytes = frame.n_bytes();
        Ok((frame, n_bytes))
    })
}

fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

fn bad_data(error: data::DataError) -> Reason {
    Reason {
        code: "bad_data".to_owned(),
        message: error.to_string(),
        detail: Some(json!({"code": error.code})),
    }
}

/// A spec that the data refuses after all: what could be seen before was refused at submission.
pub(super) fn violated(found: &[Violation]) -> Reason {
    let message = found
        .iter()
        .map(|violation| violation.message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    Reason {
        code: "bad_data".to_owned(),
        message,
        detail: Some(json!({"errors": found})),
    }
}
