//! From a job to what the engine trains on.

use std::sync::Arc;

use descent_engine::dataset::{DataFacts, Dataset, Parts};
use descent_engine::spec::{Spec, Violation};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Shared;
use super::cache::Cache;
use crate::blobs::{Reader, hex};
use crate::data::{self, Format, Frame, Note, Rows, Schema, Transform};
use crate::runs::message::{Job, Reason};

/// Rows from the top of a file that are kept word for word, for golden batches.
const HEAD_ROWS: usize = 256;

/// A decoded table.
pub(super) struct Table {
    frame: Frame,
    head: Rows,
}

/// What decoding and encoding left for the next run.
pub(super) struct Caches {
    tables: Cache<Table>,
    ready: Cache<Ready>,
}

/// A dataset as the engine wants it, with what the model needs to know about it.
pub(super) struct Ready {
    pub(super) dataset: Arc<Dataset>,
    pub(super) parts: Parts,
    pub(super) transform: Transform,
    pub(super) notes: Vec<Note>,
    pub(super) facts: DataFacts,
    table: Arc<Table>,
    schema: Schema,
}

/// A job ready to be trained: the spec as it was asked for, and with everything filled in.
pub(super) struct Prepared {
    pub(super) asked: Spec,
    pub(super) spec: Spec,
    pub(super) ready: Arc<Ready>,
}

impl Caches {
    pub(super) fn new(max_bytes: u64) -> Self {
        let half = usize::try_from(max_bytes / 2).unwrap_or(usize::MAX);
        Self {
            tables: Cache::new(half),
            ready: Cache::new(half),
        }
    }
}

/// Reads the job's data and fills in its spec.
pub(super) fn prepare(shared: &Shared, job: &Job) -> Result<Prepared, Reason> {
    let mut asked: Spec = job
        .spec
        .parse()
        .map_err(|e| Reason::new("bad_data", format!("the stored spec cannot be read: {e}")))?;
    let schema: Schema = job
        .dataset_schema
        .parse()
        .map_err(|e| Reason::new("bad_data", format!("the stored schema cannot be read: {e}")))?;
    asked.task = data::with_own_split(&asked.task, &schema);
    let ready = ready(shared, job, &asked, schema)?;
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
    Ok(Prepared { asked, spec, ready })
}

fn ready(shared: &Shared, job: &Job, spec: &Spec, schema: Schema) -> Result<Arc<Ready>, Reason> {
    let task = serde_json::to_string(&spec.task).unwrap_or_default();
    let seed = spec.training.seed;
    let key = key(&[
        &job.dataset_sha256,
        job.dataset_schema.get(),
        &task,
        &format!("{:?}", spec.target_scale()),
        &seed.to_string(),
    ]);
    shared.caches.ready.get(&key, || {
        let table = table(shared, job, spec, &schema)?;
        let made = data::prepare(&table.frame, &schema, &spec.task, spec.target_scale(), seed)
            .map_err(bad_data)?;
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
                table,
                schema,
            },
            n_bytes,
        ))
    })
}

fn table(shared: &Shared, job: &Job, spec: &Spec, schema: &Schema) -> Result<Arc<Table>, Reason> {
    let roles = data::Roles::of(&spec.task, schema).map_err(|found| violated(&found))?;
    let wanted = roles.wanted(&spec.task, schema);
    let columns: String = wanted
        .iter()
        .map(|want| format!("{}:{:?},", want.column, want.reading))
        .collect();
    let key = key(&[&job.dataset_sha256, job.dataset_schema.get(), &columns]);
    shared.caches.tables.get(&key, || {
        let (format, reader) = open(shared, job)?;
        let frame = data::decode(reader, &format, schema, &wanted).map_err(bad_data)?;
        let (format, reader) = open(shared, job)?;
        let head = data::preview(reader, &format, schema, 0, HEAD_ROWS).map_err(bad_data)?;
        let n_bytes = frame.n_bytes();
        Ok((Table { frame, head }, n_bytes))
    })
}

/// Rows of the file word for word; `numbers` ascend.
pub(super) fn cells(
    shared: &Shared,
    job: &Job,
    ready: &Ready,
    numbers: &[u32],
) -> Result<Rows, Reason> {
    let kept = numbers
        .iter()
        .map(|number| ready.table.head.get(*number as usize).cloned())
        .collect();
    match kept {
        Some(rows) => Ok(rows),
        None => {
            let (format, reader) = open(shared, job)?;
            data::pick(reader, &format, &ready.schema, numbers).map_err(bad_data)
        }
    }
}

fn open(shared: &Shared, job: &Job) -> Result<(Format, Reader), Reason> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Reason::new("bad_data", format!("the dataset cannot be read: {error}"))
    };
    let source = shared
        .handle
        .block_on(shared.runs.source(job))
        .map_err(|e| unreadable(&e))?;
    let format = source.format.parse().map_err(|e| unreadable(&e))?;
    Ok((format, source.content.reader()))
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
