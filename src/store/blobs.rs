//! The rows of blobs; their files belong to `crate::blobs`.

use super::{Store, StoreError, Tx};

/// What the record says about a blob.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Blob {
    /// SHA-256 of the content, lower-case hex.
    pub sha256: String,
    /// Length of the content.
    pub size_bytes: i64,
    /// The content itself when small; `None`: a file.
    pub bytes: Option<Vec<u8>>,
    /// When it was first added.
    pub created_at_ms: i64,
}

/// Everything that keeps a blob alive. A new table that refers to blobs is added here.
const UNREFERENCED: &str = "NOT EXISTS (SELECT 1 FROM datasets WHERE sha256 = b.sha256)
    AND NOT EXISTS (SELECT 1 FROM checkpoints WHERE sha256 = b.sha256)
    AND NOT EXISTS (SELECT 1 FROM models WHERE weights = b.sha256)
    AND NOT EXISTS (SELECT 1 FROM runs WHERE start_sha256 = b.sha256)";

/// Adds a blob whose bytes are durable; the same content a second time changes nothing.
pub async fn insert(tx: &mut Tx, blob: &Blob) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO blobs (sha256, size_bytes, bytes, created_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT (sha256) DO NOTHING")
        .bind(&blob.sha256)
        .bind(blob.size_bytes)
        .bind(blob.bytes.as_deref())
        .bind(blob.created_at_ms)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// One blob.
pub async fn find(store: &Store, sha256: &str) -> Result<Option<Blob>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM blobs WHERE sha256 = ?")
        .bind(sha256)
        .fetch_optional(store.readers())
        .await?)
}

/// The next blobs by hash after `after`, without their bytes, for a walk over all of them.
pub async fn walk(store: &Store, after: &str, limit: u32) -> Result<Vec<Blob>, StoreError> {
    Ok(sqlx::query_as("SELECT sha256, size_bytes, NULL AS bytes, created_at_ms FROM blobs WHERE sha256 > ? ORDER BY sha256 LIMIT ?")
        .bind(after)
        .bind(limit)
        .fetch_all(store.readers())
        .await?)
}

/// Removes rows nobody refers to that were added before `before_ms` and are not `pinned`; answers the hashes whose files
/// may go now.
pub async fn collect(
    tx: &mut Tx,
    before_ms: i64,
    pinned: &[String],
) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "DELETE FROM blobs AS b WHERE created_at_ms < ?1 AND sha256 NOT IN (SELECT value FROM json_each(?2)) AND {UNREFERENCED}
         RETURNING sha256"
    );
    let pinned = serde_json::to_string(pinned).map_err(|e| StoreError::Damaged(e.to_string()))?;
    // The text is put together from constants of this file alone.
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .bind(before_ms)
        .bind(pinned)
        .fetch_all(tx.connection())
        .await?)
}

/// Those of `hashes` that have no row.
pub async fn without_row(tx: &mut Tx, hashes: &[String]) -> Result<Vec<String>, StoreError> {
    let hashes = serde_json::to_string(hashes).map_err(|e| StoreError::Damaged(e.to_string()))?;
    Ok(sqlx::query_scalar(
        "SELECT value FROM json_each(?) WHERE value NOT IN (SELECT sha256 FROM blobs)",
    )
    .bind(hashes)
    .fetch_all(tx.connection())
    .await?)
}
