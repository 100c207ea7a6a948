//! Datasets: the noun and its queries.

use super::codec::Json;
use super::{Order, Page, PageOf, Store, StoreError, Tx};
use crate::ids::{DatasetId, RunId};

/// An uploaded table.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Dataset {
    /// Its id.
    pub id: DatasetId,
    /// Whose it is.
    pub owner: String,
    /// For people.
    pub name: String,
    /// SHA-256 of the original bytes.
    pub sha256: String,
    /// Size of the original bytes.
    pub size_bytes: i64,
    /// JSON of the dialect (`data` knows its type).
    pub format: Json,
    /// Data rows, without the header.
    pub n_rows: i64,
    /// Columns.
    pub n_columns: i64,
    /// JSON of the column kinds.
    pub schema: Json,
    /// JSON of the profile.
    pub profile: Json,
    /// Grows with every change; the ETag.
    pub version: i64,
    /// When it was uploaded.
    pub created_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
}

/// What a PATCH may change.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// New name.
    pub name: Option<String>,
    /// New schema and the profile that belongs to it.
    pub schema: Option<(Json, Json)>,
}

/// What a change or deletion met.
#[derive(Debug, Clone)]
pub enum Changed<T> {
    /// Done.
    Done(T),
    /// No such row, or not this owner's.
    Absent,
    /// The row has moved on to this version.
    Stale(i64),
    /// Runs need it.
    Needed(Vec<RunId>),
}

/// Adds a dataset. Its blob must have been added in the same transaction or before.
pub async fn insert(tx: &mut Tx, row: &Dataset) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO datasets (id, owner, name, sha256, size_bytes, format, n_rows, n_columns, schema, profile, version, created_at_ms, updated_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(&row.owner)
    .bind(&row.name)
    .bind(&row.sha256)
    .bind(row.size_bytes)
    .bind(&row.format)
    .bind(row.n_rows)
    .bind(row.n_columns)
    .bind(&row.schema)
    .bind(&row.profile)
    .bind(row.version)
    .bind(row.created_at_ms)
    .bind(row.updated_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// One dataset of `owner`.
pub async fn find(
    store: &Store,
    owner: &str,
    id: DatasetId,
) -> Result<Option<Dataset>, StoreError> {
    Ok(
        sqlx::query_as("SELECT * FROM datasets WHERE id = ? AND owner = ?")
            .bind(id)
            .bind(owner)
            .fetch_optional(store.readers())
            .await?,
    )
}

/// The dataset a spec means by `wanted`: an id, else the newest of that name.
pub async fn named(
    store: &Store,
    owner: &str,
    wanted: &str,
) -> Result<Option<Dataset>, StoreError> {
    if let Ok(id) = wanted.parse::<DatasetId>()
        && let Some(found) = find(store, owner, id).await?
    {
        return Ok(Some(found));
    }
    Ok(sqlx::query_as(
        "SELECT * FROM datasets WHERE owner = ? AND name = ? ORDER BY id DESC LIMIT 1",
    )
    .bind(owner)
    .bind(wanted)
    .fetch_optional(store.readers())
    .await?)
}

/// A page of an owner's datasets, all or those of one name.
pub async fn list(
    store: &Store,
    owner: &str,
    name: Option<&str>,
    page: &Page,
) -> Result<PageOf<Dataset>, StoreError> {
    let sql = match page.order {
        Order::Desc => {
            "SELECT * FROM datasets WHERE owner = ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4"
        }
        Order::Asc => {
            "SELECT * FROM datasets WHERE owner = ?1 AND (?2 IS NULL OR name = ?2) AND (?3 IS NULL OR id > ?3) ORDER BY id ASC LIMIT ?4"
        }
    };
    let rows: Vec<Dataset> = sqlx::query_as(sql)
        .bind(owner)
        .bind(name)
        .bind(page.after.as_deref())
        .bind(i64::from(page.limit) + 1)
        .fetch_all(store.readers())
        .await?;
    Ok(PageOf::cut(rows, page.limit))
}

/// Changes name or schema if the row still has `version` (any, when `None`).
pub async fn update(
    tx: &mut Tx,
    owner: &str,
    id: DatasetId,
    version: Option<i64>,
    change: &Change,
    now_ms: i64,
) -> Result<Changed<Dataset>, StoreError> {
    let (schema, profile) = change.schema.clone().unzip();
    let done: Option<Dataset> = sqlx::query_as(
        "UPDATE datasets SET name = COALESCE(?4, name), schema = COALESCE(?5, schema), profile = COALESCE(?6, profile),
                version = version + 1, updated_at_ms = ?7
         WHERE id = ?1 AND owner = ?2 AND (?3 IS NULL OR version = ?3) RETURNING *",
    )
    .bind(id)
    .bind(owner)
    .bind(version)
    .bind(change.name.as_deref())
    .bind(schema)
    .bind(profile)
    .bind(now_ms)
    .fetch_optional(tx.connection())
    .await?;
    match done {
        Some(row) => Ok(Changed::Done(row)),
        None => missed(tx, owner, id).await,
    }
}

/// Deletes a dataset no run refers to. Its blob stays until collection finds nobody needs it.
pub async fn delete(
    tx: &mut Tx,
    owner: &str,
    id: DatasetId,
    version: Option<i64>,
) -> Result<Changed<()>, StoreError> {
    let needed: Vec<RunId> = sqlx::query_scalar(
        "SELECT id FROM runs WHERE dataset_id = ? AND owner = ? ORDER BY id LIMIT 100",
    )
    .bind(id)
    .bind(owner)
    .fetch_all(tx.connection())
    .await?;
    if !needed.is_empty() {
        return Ok(Changed::Needed(needed));
    }
    let done = sqlx::query(
        "DELETE FROM datasets WHERE id = ?1 AND owner = ?2 AND (?3 IS NULL OR version = ?3)",
    )
    .bind(id)
    .bind(owner)
    .bind(version)
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 {
        Ok(Changed::Done(()))
    } else {
        missed(tx, owner, id).await
    }
}

/// Why a compare-and-set found no row.
async fn missed<T>(tx: &mut Tx, owner: &str, id: DatasetId) -> Result<Changed<T>, StoreError> {
    let version: Option<i64> =
        sqlx::query_scalar("SELECT version FROM datasets WHERE id = ? AND owner = ?")
            .bind(id)
            .bind(owner)
            .fetch_optional(tx.connection())
            .await?;
    Ok(version.map_or(Changed::Absent, Changed::Stale))
}
