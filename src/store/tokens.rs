//! Tokens at rest: the hash of the secret, never the secret.

use super::{Page, PageOf, Store, StoreError, Tx};

/// One token.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Token {
    /// Key id, the public half.
    pub id: String,
    /// Whose data the bearer sees.
    pub owner: String,
    /// For people.
    pub name: String,
    /// SHA-256 of the secret.
    pub secret_sha256: Vec<u8>,
    /// Space-separated scopes.
    pub scopes: String,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends by itself.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// Adds a token.
pub async fn insert(tx: &mut Tx, row: &Token) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (id, owner, name, secret_sha256, scopes, created_at_ms, expires_at_ms, revoked_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.id)
    .bind(&row.owner)
    .bind(&row.name)
    .bind(&row.secret_sha256)
    .bind(&row.scopes)
    .bind(row.created_at_ms)
    .bind(row.expires_at_ms)
    .bind(row.revoked_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// All tokens that may still open a door at `now_ms`: the in-memory table of the auth layer is filled from this.
pub async fn live(store: &Store, now_ms: i64) -> Result<Vec<Token>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM tokens WHERE revoked_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > ?)")
        .bind(now_ms)
        .fetch_all(store.readers())
        .await?)
}

/// Changes whenever a token is made or revoked, by this process or another: how many there are, how many of them are
/// revoked, and the last time either happened.
pub async fn generation(store: &Store) -> Result<(i64, i64, i64), StoreError> {
    Ok(sqlx::query_as(
        "SELECT COUNT(*), COUNT(revoked_at_ms), COALESCE(MAX(MAX(created_at_ms, COALESCE(revoked_at_ms, 0))), 0) FROM tokens",
    )
    .fetch_one(store.readers())
    .await?)
}

/// One token by key id.
pub async fn find(store: &Store, id: &str) -> Result<Option<Token>, StoreError> {
    Ok(sqlx::query_as("SELECT * FROM tokens WHERE id = ?")
        .bind(id)
        .fetch_optional(store.readers())
        .await?)
}

/// A page of tokens by key id: of one owner, or of all; with or without those that were revoked.
pub async fn list(
    store: &Store,
    owner: Option<&str>,
    with_revoked: bool,
    page: &Page,
) -> Result<PageOf<Token>, StoreError> {
    let rows: Vec<Token> =
        sqlx::query_as("SELECT * FROM tokens WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR id > ?2) AND (?4 OR revoked_at_ms IS NULL) ORDER BY id LIMIT ?3")
            .bind(owner)
            .bind(page.after.as_deref())
            .bind(i64::from(page.limit) + 1)
            .bind(with_revoked)
            .fetch_all(store.readers())
            .await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// Revokes a token. `false`: there is no such token, or it was revoked before.
pub async fn revoke(tx: &mut Tx, id: &str, now_ms: i64) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE tokens SET revoked_at_ms = ? WHERE id = ? AND revoked_at_ms IS NULL")
            .bind(now_ms)
            .bind(id)
            .execute(tx.connection())
            .await?;
    Ok(done.rows_affected() == 1)
}
