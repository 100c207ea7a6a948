//! Aliases: movable names for model versions.

use super::{Json, Store, StoreError, Tx};

/// A movable name.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Alias {
    /// Whose.
    pub owner: String,
    /// Model name.
    pub name: String,
    /// The alias, e.g. `production`.
    pub alias: String,
    /// Version it points to.
    pub version: i64,
    /// When it was last moved.
    pub updated_at_ms: i64,
}

/// Creates or moves an alias in one statement. `false`: there is no such version.
pub async fn put(tx: &mut Tx, row: &Alias) -> Result<bool, StoreError> {
    tx.models_change();
    let done = sqlx::query(
        "INSERT INTO aliases (owner, name, alias, version, updated_at_ms)
         SELECT owner, name, ?3, version, ?5 FROM models WHERE owner = ?1 AND name = ?2 AND version = ?4
         ON CONFLICT (owner, name, alias) DO UPDATE SET version = excluded.version, updated_at_ms = excluded.updated_at_ms",
    )
    .bind(&row.owner)
    .bind(&row.name)
    .bind(&row.alias)
    .bind(row.version)
    .bind(row.updated_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// One alias.
pub async fn find(
    store: &Store,
    owner: &str,
    name: &str,
    alias: &str,
) -> Result<Option<Alias>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM aliases WHERE owner = ? AND name = ? AND alias = ?")
            .bind(owner)
            .bind(name)
            .bind(alias)
            .fetch_optional(store.readers())
            .await?,
    )
}

/// One alias as this transaction sees it.
pub async fn get(
    tx: &mut Tx,
    owner: &str,
    name: &str,
    alias: &str,
) -> Result<Option<Alias>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM aliases WHERE owner = ? AND name = ? AND alias = ?")
            .bind(owner)
            .bind(name)
            .bind(alias)
            .fetch_optional(tx.connection())
            .await?,
    )
}

/// The aliases of several models of an owner, by model and name.
pub async fn of_models(
    store: &Store,
    owner: &str,
    names: &[&str],
) -> Result<Vec<Alias>, StoreError> {
    let names = Json::of(names)?;
    Ok(sqlx::query_as(
        "SELECT * FROM aliases WHERE owner = ? AND name IN (SELECT value FROM json_each(?)) ORDER BY name, alias",
    )
    .bind(owner)
    .bind(names)
    .fetch_all(store.readers())
    .await?)
}

/// All aliases of a model, by name.
pub async fn list(store: &Store, owner: &str, name: &str) -> Result<Vec<Alias>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM aliases WHERE owner = ? AND name = ? ORDER BY alias")
            .bind(owner)
            .bind(name)
            .fetch_all(store.readers())
            .await?,
    )
}

/// Removes an alias. `false`: there was none.
pub async fn delete(tx: &mut Tx, owner: &str, name: &str, alias: &str) -> Result<bool, StoreError> {
    tx.models_change();
    let done = sqlx::query("DELETE FROM aliases WHERE owner = ? AND name = ? AND alias = ?")
        .bind(owner)
        .bind(name)
        .bind(alias)
        .execute(tx.connection())
        .await?;
    Ok(done.rows_affected() == 1)
}
