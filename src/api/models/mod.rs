//! `/v1/models`: what succeeded runs left behind. Versions are immutable; aliases are movable names for them.

pub mod aliases;
pub mod export;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Bearer;
use super::error::Result;
use super::input::{Path, Query};
use super::page::{Order, Page, Window, is_number};
use super::selector::{absent, selected};
use super::time::rfc3339;
use crate::store::aliases::Alias;
use crate::store::models::{Model, Which};
use crate::store::{self, Json};

/// One version of a model.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelVersion {
    /// Always `model`.
    #[schema(pattern = "^model$")]
    pub object: &'static str,
    /// Name, shared by its versions.
    pub name: String,
    /// From 1.
    #[schema(minimum = 1)]
    pub version: i64,
    /// SHA-256 of the weights: the model's identity.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: String,
    /// Size of the weights.
    #[schema(minimum = 0)]
    pub size_bytes: i64,
    /// Aliases that point to this version.
    pub aliases: Vec<String>,
    /// The run that made it, while its record exists.
    #[schema(format = Uuid)]
    pub run: Option<String>,
    /// What it learned from; the dataset may be gone.
    #[schema(format = Uuid)]
    pub dataset: Option<String>,
    /// What the kept weights reach on each part that has rows: `train_...`, `validation_...` and `test_...`.
    #[schema(value_type = Object)]
    pub metrics: Json,
    /// When it went live.
    #[schema(format = DateTime)]
    pub created_at: String,
}

/// One version of a model with all that a prediction needs but the weights.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelDetail {
    /// The version.
    #[serde(flatten)]
    pub version: ModelVersion,
    /// The spec as it was trained, the columns, the fitted transform, the classes or targets, and the build that trained it.
    #[schema(value_type = Object)]
    pub document: Box<RawValue>,
}

impl ModelVersion {
    /// `aliases` may be those of other versions and models too.
    fn new(row: Model, aliases: &[Alias]) -> Self {
        let own = aliases
            .iter()
            .filter(|alias| alias.name == row.name && alias.version == row.version);
        ModelVersion {
            object: "model",
            aliases: own.map(|alias| alias.alias.clone()).collect(),
            name: row.name,
            version: row.version,
            sha256: row.weights,
            size_bytes: row.size_bytes,
            run: row.run_id.map(|id| id.to_string()),
            dataset: row.dataset_id.map(|id| id.to_string()),
            metrics: row.metrics,
            created_at: rfc3339(row.created_at_ms),
        }
    }
}

/// The stored document without its seal.
#[derive(Deserialize)]
struct Sealed {
    document: Box<RawValue>,
}

/// Parameters of the list of models.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Items on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Start behind this `last_id` of the page before.
    #[param(min_length = 1, max_length = 128)]
    after: Option<String>,
    /// Direction.
    #[param(inline)]
    order: Option<Order>,
}

/// Parameters of the list of versions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VersionsQuery {
    /// Items on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Start behind this `last_id` of the page before: the number of a version.
    #[param(pattern = "^[0-9]{1,18}$")]
    after: Option<String>,
    /// Direction.
    #[param(inline)]
    order: Option<Order>,
}

/// Models, by name: the newest version of each
#[utoipa::path(get, path = "", operation_id = "models_list", tag = "models", params(ListQuery), responses((status = 200, description = "A page; its ids are names", body = Page<ModelVersion>)))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    let page = Window::new(query.limit, query.after, query.order)?.for_store();
    let found = store::models::list(&api.app.store, &caller.owner, &page).await?;
    let names: Vec<&str> = found.rows.iter().map(|row| row.name.as_str()).collect();
    let aliases = store::aliases::of_models(&api.app.store, &caller.owner, &names).await?;
    let data = found
        .rows
        .into_iter()
        .map(|row| ModelVersion::new(row, &aliases))
        .collect();
    Ok(Page::of(data, found.has_more, |model: &ModelVersion| {
        model.name.clone()
    })
    .answer(&uri))
}

/// The newest version of a model, or the one an alias points to
#[utoipa::path(get, path = "", operation_id = "models_show", tag = "models",
    params(("name" = String, Path, description = "Name of the model, `name@alias` or `name@version`")),
    responses((status = 200, description = "The version", body = ModelDetail)))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
) -> Result<axum::Json<ModelDetail>> {
    let (name, which) = selected(&name);
    detail(&api, &caller.owner, name, &which).await
}

/// The versions of a model
#[utoipa::path(get, path = "", operation_id = "models_versions", tag = "models", params(("name" = String, Path, description = "Name of the model"), VersionsQuery),
    responses((status = 200, description = "A page; its ids are version numbers", body = Page<ModelVersion>)))]
pub async fn versions(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
    uri: Uri,
    Query(query): Query<VersionsQuery>,
) -> Result<Response> {
    let window = Window::new(query.limit, query.after, query.order)?;
    let page = window.behind(is_number)?.for_store();
    find(&api, &caller.owner, &name, &Which::Latest).await?;
    let found = store::models::versions(&api.app.store, &caller.owner, &name, &page).await?;
    let aliases = store::aliases::list(&api.app.store, &caller.owner, &name).await?;
    let data = found
        .rows
        .into_iter()
        .map(|row| ModelVersion::new(row, &aliases))
        .collect();
    Ok(Page::of(data, found.has_more, |model: &ModelVersion| {
        model.version.to_string()
    })
    .answer(&uri))
}

/// One version of a model
#[utoipa::path(get, path = "", operation_id = "models_version", tag = "models",
    params(("name" = String, Path, description = "Name of the model"), ("version" = i64, Path, minimum = 1, description = "Number of the version")),
    responses((status = 200, description = "The version", body = ModelDetail)))]
pub async fn show_version(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, version)): Path<(String, i64)>,
) -> Result<axum::Json<ModelDetail>> {
    detail(&api, &caller.owner, &name, &Which::Version(version)).await
}

/// Delete a model with all its versions and aliases
#[utoipa::path(delete, path = "", operation_id = "models_delete", tag = "models", params(("name" = String, Path, description = "Name of the model")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    remove(&api, &caller, name, None).await
}

/// Delete one version
///
/// Aliases that point to it go with it. Its number is not used again while a newer version exists.
#[utoipa::path(delete, path = "", operation_id = "models_delete_version", tag = "models",
    params(("name" = String, Path, description = "Name of the model"), ("version" = i64, Path, minimum = 1, description = "Number of the version")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete_version(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, version)): Path<(String, i64)>,
) -> Result<StatusCode> {
    remove(&api, &caller, name, Some(version)).await
}

async fn remove(
    api: &Api,
    caller: &Bearer,
    name: String,
    version: Option<i64>,
) -> Result<StatusCode> {
    let which = version.map_or(Which::Latest, Which::Version);
    let subject = version.map_or_else(|| name.clone(), |version| format!("{name}@{version}"));
    let entry = api.audit_entry(caller, "model.delete", &subject, &serde_json::json!({}))?;
    let (owner, gone) = (caller.owner.clone(), name.clone());
    let n_gone = api.app.store.write(move |tx| {
        Box::pin(async move {
            let n_gone = store::models::delete(tx, &owner, &gone, version).await?;
            if n_gone > 0 {
                store::audit::append(tx, &entry).await?;
            }
            Ok::<_, store::StoreError>(n_gone)
        })
    });
    if n_gone.await? == 0 {
        return Err(absent(&name, &which));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn detail(
    api: &Api,
    owner: &str,
    name: &str,
    which: &Which,
) -> Result<axum::Json<ModelDetail>> {
    let row = find(api, owner, name, which).await?;
    let aliases = store::aliases::list(&api.app.store, owner, name).await?;
    let document = row.document.parse::<Sealed>()?.document;
    Ok(axum::Json(ModelDetail {
        version: ModelVersion::new(row, &aliases),
        document,
    }))
}

async fn find(api: &Api, owner: &str, name: &str, which: &Which) -> Result<Model> {
    store::models::find(&api.app.store, owner, name, which)
        .await?
        .ok_or_else(|| absent(name, which))
}
