//! A database file as it is at one moment, read without touching it: for backups and for checking one. Works on the file
//! of a stopped server, of a killed one, of one at work, and on a backup.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::{MIGRATIONS, StoreError};

/// One moment of a database file. Everything read from it belongs to the same commit.
pub struct Snapshot {
    connection: SqliteConnection,
}

/// How much a database holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    /// Uploaded datasets.
    pub datasets: i64,
    /// Runs, in whatever state.
    pub runs: i64,
    /// Events of all runs.
    pub events: i64,
    /// Registered model versions.
    pub models: i64,
}

impl Snapshot {
    /// Opens `database`, which must exist, for reading. A schema of another version is not touched.
    ///
    /// # Errors
    /// When the file is absent, unreadable or no database.
    pub async fn open(database: &Path) -> Result<Self, StoreError> {
        let mut connection = read_only(database).await?;
        sqlx::query("BEGIN").execute(&mut connection).await?;
        // A deferred transaction takes its moment with its first read.
        sqlx::query("SELECT COUNT(*) FROM sqlite_schema")
            .execute(&mut connection)
            .await?;
        Ok(Self { connection })
    }

    /// For the queries of this room.
    pub(in crate::store) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// What SQLite itself finds wrong: damaged pages, and rows whose reference is missing. Empty when sound.
    ///
    /// # Errors
    /// When the checks cannot run at all.
    pub async fn integrity(&mut self) -> Result<Vec<String>, StoreError> {
        let mut wrong: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(100)")
            .fetch_all(&mut self.connection)
            .await?;
        wrong.retain(|line| line != "ok");
        let dangling: Vec<(String, Option<i64>, String, i64)> =
            sqlx::query_as("PRAGMA foreign_key_check")
                .fetch_all(&mut self.connection)
                .await?;
        wrong.extend(dangling.into_iter().map(|(table, row, parent, _)| {
            let row = row.map_or_else(|| "a row".to_owned(), |row| format!("row {row}"));
            format!("{row} of table {table} refers to a missing row of {parent}")
        }));
        Ok(wrong)
    }

    /// How the schema differs from the one this program knows. Empty when it is the same.
    ///
    /// # Errors
    /// When the list of migrations cannot be read.
    pub async fn schema_faults(&mut self) -> Result<Vec<String>, StoreError> {
        let listed: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'",
        )
        .fetch_one(&mut self.connection)
        .await?;
        if listed == 0 {
            return Ok(vec![
                "the database was not made by Descent: it lists no migrations".to_owned(),
            ]);
        }
        let applied: Vec<(i64, bool, Vec<u8>)> = sqlx::query_as(
            "SELECT version, success, checksum FROM _sqlx_migrations ORDER BY version",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let mut wrong = Vec::new();
        for (version, success, checksum) in &applied {
            match MIGRATIONS.iter().find(|known| known.version == *version) {
                None => wrong.push(format!(
                    "migration {version} is unknown to this program: a newer Descent wrote the database"
                )),
                Some(_) if !success => wrong.push(format!("migration {version} was begun and not finished")),
                Some(known) if known.checksum.as_ref() != checksum.as_slice() => wrong.push(format!(
                    "migration {version} was applied with other text than this program's"
                )),
                Some(_) => {}
            }
        }
        let missing = MIGRATIONS.iter().filter(|known| {
            !applied
                .iter()
                .any(|(version, ..)| *version == known.version)
        });
        wrong.extend(missing.map(|known| {
            format!(
                "migration {} is not applied yet: start the server of this version on the folder once, then verify again",
                known.version
            )
        }));
        Ok(wrong)
    }

    /// Hash and size of every blob that is a file of its own, by hash.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn files(&mut self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(sqlx::query_as(
            "SELECT sha256, size_bytes FROM blobs WHERE bytes IS NULL ORDER BY sha256",
        )
        .fetch_all(&mut self.connection)
        .await?)
    }

    /// The next small blobs by hash after `after`, with their bytes.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn small_blobs(
        &mut self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        Ok(sqlx::query_as("SELECT sha256, bytes FROM blobs WHERE bytes IS NOT NULL AND sha256 > ? ORDER BY sha256 LIMIT ?")
            .bind(after)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?)
    }

    /// Whether there is a blob of this hash.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn has_blob(&mut self, sha256: &str) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM blobs WHERE sha256 = ?")
            .bind(sha256)
            .fetch_optional(&mut self.connection)
            .await?;
        Ok(found.is_some())
    }

    /// How much there is.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub async fn counts(&mut self) -> Result<Counts, StoreError> {
        Ok(sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM datasets) AS datasets, (SELECT COUNT(*) FROM runs) AS runs,
                    (SELECT COUNT(*) FROM events) AS events, (SELECT COUNT(*) FROM models) AS models",
        )
        .fetch_one(&mut self.connection)
        .await?)
    }

    /// Lets the moment and the file go.
    ///
    /// # Errors
    /// When the file does not close cleanly.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

/// Writes the present moment of `database` to `target`, which must not exist, while others go on reading and writing.
/// The copy is compact and needs no write-ahead log beside it. Making it durable is the caller's.
///
/// # Errors
/// When `database` cannot be read, or `target` exists or cannot be written.
pub async fn copy(database: &Path, target: &Path) -> Result<(), StoreError> {
    let path = target
        .to_str()
        .ok_or_else(|| StoreError::Io(format!("{} is not UTF-8", target.display())))?;
    let mut connection = read_only(database).await?;
    sqlx::query("VACUUM INTO ?")
        .bind(path)
        .execute(&mut connection)
        .await?;
    Ok(connection.close().await?)
}

async fn read_only(database: &Path) -> Result<SqliteConnection, StoreError> {
    Ok(SqliteConnectOptions::new()
        .filename(database)
        .read_only(true)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging()
        .connect()
        .await?)
}
