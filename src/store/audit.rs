//! Who did what that matters for security.

use super::codec::Json;
use super::{Store, StoreError, Tx};

/// One line of the audit.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Entry {
    /// Number, never reused.
    pub id: i64,
    /// When.
    pub ts_ms: i64,
    /// Token id, or `server`.
    pub actor: String,
    /// Whose data was touched.
    pub owner: String,
    /// What, e.g. `token.create`.
    pub action: String,
    /// Id of what was acted on.
    pub subject: String,
    /// JSON, never a secret.
    pub detail: Json,
}

impl Entry {
    /// A line to be appended in the transaction of what it tells.
    ///
    /// # Errors
    /// Never for a `detail` made of texts and numbers.
    pub fn new(
        ts_ms: i64,
        actor: &str,
        owner: &str,
        action: &str,
        subject: &str,
        detail: &serde_json::Value,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            id: 0,
            ts_ms,
            actor: actor.to_owned(),
            owner: owner.to_owned(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: Json::of(detail)?,
        })
    }
}

/// Appends a line about something that has no row of its own.
pub async fn record(store: &Store, entry: Entry) -> Result<(), StoreError> {
    store
        .write(move |tx| Box::pin(async move { append(tx, &entry).await }))
        .await
}

/// Appends a line; `entry.id` is ignored.
pub async fn append(tx: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO audit (ts_ms, actor, owner, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(entry.ts_ms)
        .bind(&entry.actor)
        .bind(&entry.owner)
        .bind(&entry.action)
        .bind(&entry.subject)
        .bind(&entry.detail)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Lines after `after_id`, oldest first.
pub async fn list(store: &Store, after_id: i64, limit: u32) -> Result<Vec<Entry>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?")
            .bind(after_id)
            .bind(limit)
            .fetch_all(store.readers())
            .await?,
    )
}
