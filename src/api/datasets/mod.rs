//! `/v1/datasets`: uploaded tables and arrays. Upload in `upload.rs`, original bytes in `content.rs`, what they look like in `wire.rs`.

mod content;
mod intake;
mod upload;
mod wire;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use descent_engine::spec::pointer::join;
use serde::Deserialize;
use utoipa::ToSchema;

pub use content::*;
pub use upload::*;
pub use wire::{ColumnKind, Dataset, Profile, Rows};

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Kind, Result, Violation};
use super::etag;
use super::input::{Json, Path, Query, check_name};
use super::page::{Order, Page, Window};
use crate::data::{self, Hint, Ingested};
use crate::ids::DatasetId;
use crate::store::{self, StoreError, datasets as rows};

/// Which datasets a list shows.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    limit: Option<u32>,
    after: Option<String>,
    order: Option<Order>,
    name: Option<String>,
}

/// The caller's datasets
#[utoipa::path(get, path = "", operation_id = "datasets_list", tag = "datasets",
    params(("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Items on a page, default 20"),
        ("after" = Option<String>, Query, format = Uuid, description = "`last_id` of the page before"),
        ("order" = Option<Order>, Query, description = "By time of upload, default newest first"),
        ("name" = Option<String>, Query, description = "Only those of this name")),
    responses((status = 200, description = "A page", body = Page<Dataset>, headers(("Link" = Option<String>, description = "`rel=\"next\"` when more follow.")))))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Query(query): Query<ListQuery>,
    uri: Uri,
) -> Result<Response> {
    let window = Window::of::<DatasetId>(query.limit, query.after, query.order)?.for_store();
    let page = rows::list(
        &api.app.store,
        &caller.owner,
        query.name.as_deref(),
        &window,
    )
    .await?;
    let data = page
        .rows
        .iter()
        .map(Dataset::of)
        .collect::<Result<Vec<_>>>()?;
    Ok(Page::of(data, page.has_more, |dataset| dataset.id.clone()).answer(&uri))
}

/// One dataset
#[utoipa::path(get, path = "", operation_id = "datasets_show", tag = "datasets",
    params(("id" = String, Path, format = Uuid, description = "Id of the dataset")),
    responses((status = 200, description = "The dataset", body = Dataset, headers(("ETag" = String, description = "For PATCH and DELETE."))),
        (status = 304, description = "It is as `If-None-Match` knows it")))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let row = find(&api, &caller.owner, &id).await?;
    let tag = etag::tag(row.version);
    if etag::is_known(&headers, &tag) {
        return Ok((
            StatusCode::NOT_MODIFIED,
            [(header::ETAG, etag::value(&tag))],
        )
            .into_response());
    }
    tagged(&row)
}

/// What can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetChange {
    /// New name.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Kinds of columns, by column name, that were found out wrong.
    columns: Option<BTreeMap<String, ColumnKind>>,
}

/// Correct the kinds of columns, or the name
///
/// With other kinds the file is read again, and the profile is that of the new kinds. Runs that were submitted before
/// keep the kinds they were submitted with.
#[utoipa::path(patch, path = "", operation_id = "datasets_change", tag = "datasets", request_body = DatasetChange,
    params(("id" = String, Path, format = Uuid, description = "Id of the dataset"),
        ("If-Match" = Option<String>, Header, description = "ETag that was read; required")),
    responses((status = 200, description = "The dataset after the change", body = Dataset, headers(("ETag" = String, description = "For the next change."))),
        (status = 412, description = "It was changed in the meantime"), (status = 428, description = "`If-Match` is missing")))]
pub async fn change(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(change): Json<DatasetChange>,
) -> Result<Response> {
    let row = find(&api, &caller.owner, &id).await?;
    etag::require_match(&headers, &etag::tag(row.version))?;
    if let Some(name) = &change.name {
        check_name("/name", name)?;
    }
    let schema = match change.columns.filter(|columns| !columns.is_empty()) {
        Some(kinds) => Some(reread(&api, &row, kinds).await?),
        None => None,
    };
    let (owner, version, now_ms) = (caller.owner.clone(), row.version, api.app.clock.now_ms());
    let changes = rows::Change {
        name: change.name,
        schema,
    };
    let changed = api.app.store.write(move |tx| {
        Box::pin(
            async move { rows::update(tx, &owner, row.id, Some(version), &changes, now_ms).await },
        )
    });
    tagged(&done(changed.await?, &id)?)
}

/// Delete a dataset
///
/// Models trained on it stay. While runs refer to it, it cannot go: the answer names them.
#[utoipa::path(delete, path = "", operation_id = "datasets_delete", tag = "datasets",
    params(("id" = String, Path, format = Uuid, description = "Id of the dataset"),
        ("If-Match" = Option<String>, Header, description = "Delete only this state")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "Runs refer to it; `errors` names them"), (status = 412, description = "It was changed in the meantime")))]
pub async fn delete(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode> {
    let row = find(&api, &caller.owner, &id).await?;
    let mut version = None;
    if headers.contains_key(header::IF_MATCH) {
        etag::require_match(&headers, &etag::tag(row.version))?;
        version = Some(row.version);
    }
    let entry = api.audit_entry(&caller, "dataset.delete", &id, &serde_json::json!({}))?;
    let owner = caller.owner.clone();
    let deleted = api.app.store.write(move |tx| {
        Box::pin(async move {
            let deleted = rows::delete(tx, &owner, row.id, version).await?;
            if matches!(deleted, rows::Changed::Done(())) {
                store::audit::append(tx, &entry).await?;
            }
            Ok::<_, StoreError>(deleted)
        })
    });
    done(deleted.await?, &id)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The row of one of the caller's datasets; what cannot be an id is not there.
async fn find(api: &Api, owner: &str, id: &str) -> Result<rows::Dataset> {
    let absent = || Error::not_found("dataset", id);
    let parsed: DatasetId = id.parse().map_err(|_| absent())?;
    rows::find(&api.app.store, owner, parsed)
        .await?
        .ok_or_else(absent)
}

fn tagged(row: &rows::Dataset) -> Result<Response> {
    let tag = etag::value(&etag::tag(row.version));
    Ok(([(header::ETAG, tag)], axum::Json(Dataset::of(row)?)).into_response())
}

fn done<T>(changed: rows::Changed<T>, id: &str) -> Result<T> {
    match changed {
        rows::Changed::Done(value) => Ok(value),
        rows::Changed::Absent => Err(Error::not_found("dataset", id)),
        rows::Changed::Stale(version) => {
            let detail = format!(
                "it has changed since you read it; its ETag is {} now",
                etag::tag(version)
            );
            Err(Error::new(Kind::PreconditionFailed, "stale_etag", detail))
        }
        rows::Changed::Needed(runs) => {
            let name = |run: &crate::ids::RunId| Violation {
                code: "run".into(),
                message: format!("run {run} refers to it"),
                got: Some(run.to_string().into()),
                ..Violation::default()
            };
            let detail = format!(
                "{} runs refer to this dataset; delete them first",
                runs.len()
            );
            Err(Error::conflict("dataset_in_use", detail).with(runs.iter().map(name).collect()))
        }
    }
}

/// A kind that the column of that name cannot have.
fn wrong_kind(column: &str, code: &'static str, detail: String) -> Error {
    let violation = Violation {
        pointer: Some(join("/columns", column)),
        code: code.into(),
        message: detail.clone(),
        ..Violation::default()
    };
    Error::new(Kind::Unprocessable, code, detail).with(vec![violation])
}

/// Reads the stored file again with kinds set by the owner; kinds that were set before stay set.
async fn reread(
    api: &Api,
    row: &rows::Dataset,
    kinds: BTreeMap<String, ColumnKind>,
) -> Result<(store::Json, store::Json)> {
    let known: Ingested = row.profile.parse()?;
    if known.format.arrays.is_some() {
        let detail =
            "the columns of arrays have the kinds of their numbers, which cannot be corrected";
        let violation = Violation {
            pointer: Some("/columns".into()),
            code: "array_kinds".into(),
            message: detail.into(),
            ..Violation::default()
        };
        return Err(Error::new(Kind::Unprocessable, "array_kinds", detail).with(vec![violation]));
    }
    if let Some(name) = kinds
        .keys()
        .find(|name| !known.columns.iter().any(|column| column.name == **name))
    {
        let error = known
            .schema()
            .find(name)
            .err()
            .map_or_else(|| "unknown column".to_owned(), |error| error.message);
        return Err(wrong_kind(name, "unknown_column", error));
    }
    if let Some((name, _)) = kinds.iter().find(|(_, kind)| **kind == ColumnKind::Array) {
        let detail = format!(
            "{name:?} is a column of a table, whose cells hold one value each; arrays are uploaded as arrays"
        );
        return Err(wrong_kind(name, "array_kinds", detail));
    }
    let set_before = known
        .columns
        .iter()
        .filter(|column| column.why == data::SET_BY_OWNER && !kinds.contains_key(&column.name));
    let mut hinted: Vec<_> = set_before
        .map(|column| (column.name.clone(), column.kind))
        .collect();
    hinted.extend(kinds.into_iter().map(|(name, kind)| (name, kind.into())));
    let hint = Hint {
        delimiter: Some(known.format.delimiter_byte()),
        header: Some(known.format.header),
        kinds: hinted,
        ..Hint::default()
    };
    let content = api.app.blobs.open_blob(&row.sha256).await?;
    let limits = limits(api);
    let read = tokio::task::spawn_blocking(move || data::reprofile(content.reader(), limits, hint));
    let mut ingested = read
        .await
        .map_err(Error::internal)?
        .map_err(|error| intake::refused(&error))?;
    // How the file is written down was found out at upload, with its reason.
    ingested.format = known.format;
    Ok((
        store::Json::of(&ingested.schema())?,
        store::Json::of(&ingested)?,
    ))
}
