//! Model versions: immutable once written.

use super::codec::Json;
use super::{Order, Page, PageOf, Store, StoreError, Tx};
use crate::ids::{DatasetId, RunId};

/// One version of a model.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Model {
    /// Whose.
    pub owner: String,
    /// Name, shared by its versions.
    pub name: String,
    /// From 1.
    pub version: i64,
    /// The run that made it, while its record exists.
    pub run_id: Option<RunId>,
    /// Blob of the weights (safetensors); also the model's identity.
    pub weights: String,
    /// Size of that blob.
    pub size_bytes: i64,
    /// JSON: network, transform, schema, labels.
    pub document: Json,
    /// JSON: test metrics.
    pub metrics: Json,
    /// What it learned from.
    pub dataset_id: Option<DatasetId>,
    /// When it went live.
    pub created_at_ms: i64,
}

/// Which version of a name is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest.
    Latest,
    /// This one.
    Version(i64),
    /// The one an alias points to.
    Alias(String),
}

/// Adds the next version of `row.name` (`row.version` is ignored) and answers its number. The number of a deleted version
/// is not given again.
pub async fn insert(tx: &mut Tx, row: &Model) -> Result<i64, StoreError> {
    tx.models_change();
    let version: i64 = sqlx::query_scalar(
        "INSERT INTO model_versions (owner, name, last_version) VALUES (?, ?, 1)
         ON CONFLICT (owner, name) DO UPDATE SET last_version = last_version + 1 RETURNING last_version",
    )
    .bind(&row.owner)
    .bind(&row.name)
    .fetch_one(tx.connection())
    .await?;
    sqlx::query(
        "INSERT INTO models (owner, name, version, run_id, weights, size_bytes, document, metrics, dataset_id, created_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&row.owner)
    .bind(&row.name)
    .bind(version)
    .bind(row.run_id)
    .bind(&row.weights)
    .bind(row.size_bytes)
    .bind(&row.document)
    .bind(&row.metrics)
    .bind(row.dataset_id)
    .bind(row.created_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(version)
}

/// One version.
pub async fn find(
    store: &Store,
    owner: &str,
    name: &str,
    which: &Which,
) -> Result<Option<Model>, StoreError> {
    let (sql, version, alias) = match which {
        Which::Latest => (
            "SELECT * FROM models WHERE owner = ?1 AND name = ?2 ORDER BY version DESC LIMIT 1",
            None,
            None,
        ),
        Which::Version(version) => (
            "SELECT * FROM models WHERE owner = ?1 AND name = ?2 AND version = ?3",
            Some(*version),
            None,
        ),
        Which::Alias(alias) => (
            "SELECT m.* FROM models m JOIN aliases a USING (owner, name, version) WHERE a.owner = ?1 AND a.name = ?2 AND a.alias = ?4",
            None,
            Some(alias.as_str()),
        ),
    };
    Ok(sqlx::query_as(sql)
        .bind(owner)
        .bind(name)
        .bind(version)
        .bind(alias)
        .fetch_optional(store.readers())
        .await?)
}

/// The newest version of every name of an owner, by name; `page.after` is a name.
pub async fn list(store: &Store, owner: &str, page: &Page) -> Result<PageOf<Model>, StoreError> {
    let sql = match page.order {
        Order::Asc => {
            "SELECT * FROM models m WHERE owner = ?1 AND (?2 IS NULL OR name > ?2)
             AND version = (SELECT MAX(version) FROM models WHERE owner = m.owner AND name = m.name) ORDER BY name ASC LIMIT ?3"
        }
        Order::Desc => {
            "SELECT * FROM models m WHERE owner = ?1 AND (?2 IS NULL OR name < ?2)
             AND version = (SELECT MAX(version) FROM models WHERE owner = m.owner AND name = m.name) ORDER BY name DESC LIMIT ?3"
        }
    };
    let rows: Vec<Model> = sqlx::query_as(sql)
        .bind(owner)
        .bind(page.after.as_deref())
        .bind(i64::from(page.limit) + 1)
        .fetch_all(store.readers())
        .await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// The versions of one name; `page.after` is a version number.
pub async fn versions(
    store: &Store,
    owner: &str,
    name: &str,
    page: &Page,
) -> Result<PageOf<Model>, StoreError> {
    let after: Option<i64> = page.after.as_deref().and_then(|text| text.parse().ok());
    let sql = match page.order {
        Order::Desc => {
            "SELECT * FROM models WHERE owner = ?1 AND name = ?2 AND (?3 IS NULL OR version < ?3) ORDER BY version DESC LIMIT ?4"
        }
        Order::Asc => {
            "SELECT * FROM models WHERE owner = ?1 AND name = ?2 AND (?3 IS NULL OR version > ?3) ORDER BY version ASC LIMIT ?4"
        }
    };
    let rows: Vec<Model> = sqlx::query_as(sql)
        .bind(owner)
        .bind(name)
        .bind(after)
        .bind(i64::from(page.limit) + 1)
        .fetch_all(store.readers())
        .await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// Name and number of every version of every model of an owner, by name and then by number.
pub async fn versions_of_all(store: &Store, owner: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "SELECT name, version FROM models WHERE owner = ? ORDER BY name, version";
    Ok(sqlx::query_as(sql)
        .bind(owner)
        .fetch_all(store.readers())
        .await?)
}

/// The numbers of the versions of one name, ascending.
pub async fn version_numbers(
    store: &Store,
    owner: &str,
    name: &str,
) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT version FROM models WHERE owner = ? AND name = ? ORDER BY version";
    Ok(sqlx::query_scalar(sql)
        .bind(owner)
        .bind(name)
        .fetch_all(store.readers())
        .await?)
}

/// Deletes one version, or all of a name; aliases that point there go with them. Answers how many versions went.
pub async fn delete(
    tx: &mut Tx,
    owner: &str,
    name: &str,
    version: Option<i64>,
) -> Result<u64, StoreError> {
    tx.models_change();
    for sql in [
        "DELETE FROM aliases WHERE owner = ?1 AND name = ?2 AND (?3 IS NULL OR version = ?3)",
        "DELETE FROM models WHERE owner = ?1 AND name = ?2 AND (?3 IS NULL OR version = ?3)",
    ] {
        let done = sqlx::query(sql)
            .bind(owner)
            .bind(name)
            .bind(version)
            .execute(tx.connection())
            .await?;
        if sql.starts_with("DELETE FROM models") {
            return Ok(done.rows_affected());
        }
    }
    Ok(0)
}
