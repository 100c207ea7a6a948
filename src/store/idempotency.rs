//! Answers already given, so that a repeated request has one effect. Written in the transaction of the effect.

use super::{Store, StoreError, Tx};

/// A remembered answer.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Answer {
    /// Who asked.
    pub owner: String,
    /// Their Idempotency-Key.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: Vec<u8>,
    /// HTTP status answered.
    pub status: i64,
    /// Location header answered.
    pub location: Option<String>,
    /// Body answered.
    pub body: Vec<u8>,
    /// When.
    pub created_at_ms: i64,
}

/// Makes status, Location and body of the answer to an effect.
pub type Render<T> = Box<dyn FnOnce(&T) -> (u16, Option<String>, Vec<u8>) + Send>;

/// How an effect remembers its answer: rendered inside the transaction, so that answer and effect are one.
pub struct Remember<T> {
    /// Who asks.
    pub owner: String,
    /// Their Idempotency-Key.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: Vec<u8>,
    /// Status, Location and body for the effect.
    pub render: Render<T>,
}

/// The answer remembered for a key.
pub async fn find(store: &Store, owner: &str, key: &str) -> Result<Option<Answer>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM idempotency WHERE owner = ? AND key = ?")
            .bind(owner)
            .bind(key)
            .fetch_optional(store.readers())
            .await?,
    )
}

/// Remembers the answer to `effect`.
///
/// # Errors
/// [`StoreError::Constraint`] when the key was used in the meantime: the whole effect must then be undone, which
/// returning the error from the op does.
pub async fn remember<T>(
    tx: &mut Tx,
    remember: Remember<T>,
    effect: &T,
    now_ms: i64,
) -> Result<(), StoreError> {
    let (status, location, body) = (remember.render)(effect);
    sqlx::query("INSERT INTO idempotency (owner, key, fingerprint, status, location, body, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(remember.owner)
        .bind(remember.key)
        .bind(remember.fingerprint)
        .bind(i64::from(status))
        .bind(location)
        .bind(body)
        .bind(now_ms)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Forgets answers older than `before_ms`.
pub async fn forget(tx: &mut Tx, before_ms: i64) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM idempotency WHERE created_at_ms < ?")
        .bind(before_ms)
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected())
}
