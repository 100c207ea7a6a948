//! The record: SQLite in WAL mode with `synchronous=FULL`, one file per table. The only room that names sqlx.
//!
//! Reads go to a pool of read-only connections. Every write goes through [`Store::write`] to the one writer, which runs
//! the writes waiting at the same time in one transaction (each under its own savepoint, so that one refused write does
//! not touch its neighbours) and answers after the shared commit: one fsync for many writers.

pub mod aliases;
pub mod audit;
pub mod blobs;
pub mod checkpoints;
pub mod codec;
pub mod datasets;
mod error;
pub mod events;
pub mod idempotency;
pub mod landscapes;
pub mod metrics;
pub mod models;
pub mod page;
pub mod rules;
pub mod runs;
pub mod sessions;
pub mod snapshot;
pub mod sweeps;
pub mod tokens;
pub mod trajectories;
pub mod trials;
pub mod usage;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use codec::Json;
pub use error::StoreError;
pub use page::{Order, Page, PageOf};
pub use writer::Tx;

use crate::config;

/// Name of the database file in the data folder.
pub const DATABASE: &str = "descent.db";

/// The schema, embedded in the binary. A committed migration is never edited: its checksum is compared at every start.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// SQLite's page size, which this database never changes.
const PAGE_BYTES: u64 = 4_096;

/// Handle to the record; cheap to clone.
#[derive(Clone)]
pub struct Store {
    readers: SqlitePool,
    writer: writer::Writer,
    models_changed: Arc<AtomicU64>,
}

impl Store {
    /// Opens or creates the database `descent.db` in `data_dir`, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// When the file cannot be opened, is not a database, or was written by a newer Descent.
    pub async fn open(data_dir: &Path, settings: &config::Store) -> Result<Self, StoreError> {
        let path = data_dir.join(DATABASE);
        let mut options = options(&path).create_if_missing(true);
        if settings.max_database_bytes > 0 {
            options = options.pragma(
                "max_page_count",
                (settings.max_database_bytes / PAGE_BYTES)
                    .max(1)
                    .to_string(),
            );
        }
        let mut first = options.connect().await?;
        MIGRATIONS
            .run(&mut first)
            .await
            .map_err(|e| StoreError::Migration(e.to_string()))?;
        let models_changed = Arc::new(AtomicU64::new(0));
        let writer = writer::Writer::start(
            first,
            options.clone(),
            settings,
            Arc::clone(&models_changed),
        );
        // No idle timeout and no lifetime: a reader costs little, and reconnecting in the middle of a burst costs much.
        let readers = SqlitePoolOptions::new()
            .max_connections(settings.readers)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        Ok(Self {
            readers,
            writer,
            models_changed,
        })
    }

    /// Runs `op` in the writer and answers after the commit that contains it. An error undoes this op alone.
    ///
    /// The op runs even when the caller stops waiting: a client that hangs up does not leave half an effect behind.
    ///
    /// # Errors
    /// What `op` answered, or [`StoreError`] when the queue stayed full or the commit failed.
    pub async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        self.writer.write(op).await
    }

    /// A number that grows with every committed change of a model or an alias. What a name stands for may be remembered
    /// together with the number read before looking, and used for as long as the number stays.
    pub fn models_generation(&self) -> u64 {
        self.models_changed.load(Ordering::Acquire)
    }

    /// Whether the record answers: one look by a reader, and one empty turn of the writer.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn probe(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        self.write(|_| Box::pin(async { Ok(()) })).await
    }

    /// Stops the writer after the writes already queued, then folds the write-ahead log into the database.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// For the queries of this room.
    pub(in crate::store) fn readers(&self) -> &SqlitePool {
        &self.readers
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", "-16000") // 16 MB per connection at most
        .pragma("wal_autocheckpoint", "4000") // 16 MB of log between foldings: fewer fsyncs in a burst
        .statement_cache_capacity(200)
        .disable_statement_logging()
}
