//! Browsers that are signed in: the hash of what a cookie holds, never the cookie itself.

use super::{Store, StoreError, Tx};

/// One signed-in browser.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Session {
    /// SHA-256 of what the cookie holds.
    pub id_sha256: Vec<u8>,
    /// Whose rights it has.
    pub token_id: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends by itself.
    pub expires_at_ms: i64,
}

/// Adds a session, and ends the oldest of the same token beyond `keep`.
pub async fn insert(tx: &mut Tx, row: &Session, keep: u32) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO sessions (id_sha256, token_id, created_at_ms, expires_at_ms) VALUES (?, ?, ?, ?)")
        .bind(&row.id_sha256)
        .bind(&row.token_id)
        .bind(row.created_at_ms)
        .bind(row.expires_at_ms)
        .execute(tx.connection())
        .await?;
    sqlx::query(
        "DELETE FROM sessions WHERE id_sha256 IN
         (SELECT id_sha256 FROM sessions WHERE token_id = ? ORDER BY created_at_ms DESC, id_sha256 = ? DESC LIMIT -1 OFFSET ?)",
    )
    .bind(&row.token_id)
    .bind(&row.id_sha256)
    .bind(keep)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// All sessions that have not ended at `now_ms`; whether their tokens are still in force is the gate's to know.
pub async fn live(store: &Store, now_ms: i64) -> Result<Vec<Session>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM sessions WHERE expires_at_ms > ?")
            .bind(now_ms)
            .fetch_all(store.readers())
            .await?,
    )
}

/// Ends a session. `false`: there is none such.
pub async fn delete(tx: &mut Tx, id_sha256: &[u8; 32]) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM sessions WHERE id_sha256 = ?")
        .bind(&id_sha256[..])
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes what ended before `now_ms`, by time or with its token; answers how many.
pub async fn forget(tx: &mut Tx, now_ms: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "DELETE FROM sessions WHERE expires_at_ms <= ?1 OR token_id IN
         (SELECT id FROM tokens WHERE revoked_at_ms IS NOT NULL OR expires_at_ms <= ?1)",
    )
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
