//! `/v1/models/{name}/aliases`: `production` today is version 3, tomorrow version 4, and never nothing in between: moving an
//! alias is one statement.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Which, absent, find};
use crate::api::Api;
use crate::api::auth::Bearer;
use crate::api::error::{Error, Kind, Result, Violation};
use crate::api::etag;
use crate::api::input::{Json, Path};
use crate::api::page::{Page, escaped};
use crate::api::time::rfc3339;
use crate::store::{self, aliases};

/// Longest alias.
const MAX_ALIAS_CHARS: usize = 64;

/// A movable name for a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct Alias {
    /// Always `alias`.
    #[schema(pattern = "^alias$")]
    pub object: &'static str,
    /// Name of the model.
    pub model: String,
    /// The alias: predict with `model@alias`.
    pub alias: String,
    /// The version it points to.
    #[schema(minimum = 1)]
    pub version: i64,
    /// When it was last moved.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

impl From<aliases::Alias> for Alias {
    fn from(row: aliases::Alias) -> Self {
        Alias {
            object: "alias",
            model: row.name,
            alias: row.alias,
            version: row.version,
            updated_at: rfc3339(row.updated_at_ms),
        }
    }
}

impl Alias {
    /// With its entity tag: the version it points to.
    fn answer(self, status: StatusCode) -> Response {
        let tag = etag::value(&etag::tag(self.version));
        let mut response = (status, axum::Json(self)).into_response();
        response.headers_mut().insert(header::ETAG, tag);
        response
    }
}

/// Where an alias is to point.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasTarget {
    /// A version of this model.
    #[schema(minimum = 1)]
    pub version: i64,
}

/// The aliases of a model
#[utoipa::path(get, path = "", operation_id = "aliases_list", tag = "models", params(("name" = String, Path, description = "Name of the model")),
    responses((status = 200, description = "All of them, by name", body = Page<Alias>)))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
) -> Result<axum::Json<Page<Alias>>> {
    find(&api, &caller.owner, &name, &Which::Latest).await?;
    let rows = aliases::list(&api.app.store, &caller.owner, &name).await?;
    let data = rows.into_iter().map(Alias::from).collect();
    Ok(axum::Json(Page::of(data, false, |alias: &Alias| {
        alias.alias.clone()
    })))
}

/// One alias
#[utoipa::path(get, path = "", operation_id = "aliases_show", tag = "models",
    params(("name" = String, Path, description = "Name of the model"), ("alias" = String, Path, description = "The alias")),
    responses((status = 200, description = "The alias", body = Alias, headers(("ETag" = String, description = "The version it points to.")))))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, alias)): Path<(String, String)>,
) -> Result<Response> {
    let row = aliases::find(&api.app.store, &caller.owner, &name, &alias).await?;
    let row = row.ok_or_else(|| absent(&name, &Which::Alias(alias)))?;
    Ok(Alias::from(row).answer(StatusCode::OK))
}

/// Point an alias to a version
///
/// Requests that begin after the answer use the new version. With `If-Match` it moves only from the version you saw.
#[utoipa::path(put, path = "", operation_id = "aliases_put", tag = "models", request_body = AliasTarget,
    params(("name" = String, Path, description = "Name of the model"),
        ("alias" = String, Path, description = "Begins with a letter; letters, digits, `.`, `_`, `-`", min_length = 1, max_length = 64, pattern = "^[A-Za-z][A-Za-z0-9._-]*$"),
        ("If-Match" = Option<String>, Header, description = "ETag that was read")),
    responses(
        (status = 200, description = "It was moved, or was there already", body = Alias, headers(("ETag" = String, description = "The version it points to."))),
        (status = 201, description = "It is new", body = Alias, headers(("ETag" = String, description = "The version it points to."), ("Location" = String, description = "Where it is."))),
        (status = 412, description = "It points to another version than `If-Match` says")))]
pub async fn put(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, alias)): Path<(String, String)>,
    headers: HeaderMap,
    Json(target): Json<AliasTarget>,
) -> Result<Response> {
    check_name(&alias)?;
    if target.version < 1 {
        return Err(no_version(&name, target.version));
    }
    find(&api, &caller.owner, &name, &Which::Latest).await?;
    let detail = serde_json::json!({ "version": target.version });
    let entry = api.audit_entry(&caller, "alias.put", &format!("{name}@{alias}"), &detail)?;
    let row = aliases::Alias {
        owner: caller.owner.clone(),
        name,
        alias,
        version: target.version,
        updated_at_ms: api.app.clock.now_ms(),
    };
    let put = row.clone();
    let existed = api.app.store.write(move |tx| {
        Box::pin(async move {
            let before = aliases::get(tx, &put.owner, &put.name, &put.alias).await?;
            if headers.contains_key(header::IF_MATCH) {
                // The tag of an alias that does not exist matches nothing, not even `*`.
                let current = before.as_ref().ok_or_else(|| {
                    Error::new(
                        Kind::PreconditionFailed,
                        "stale_etag",
                        "there is no such alias yet",
                    )
                })?;
                etag::require_match(&headers, &etag::tag(current.version))?;
            }
            if !aliases::put(tx, &put).await? {
                return Err(no_version(&put.name, put.version));
            }
            store::audit::append(tx, &entry).await?;
            Ok(before.is_some())
        })
    });
    let existed = existed.await?;
    let location = format!(
        "/v1/models/{}/aliases/{}",
        escaped(&row.name),
        escaped(&row.alias)
    );
    if existed {
        return Ok(Alias::from(row).answer(StatusCode::OK));
    }
    let mut response = Alias::from(row).answer(StatusCode::CREATED);
    response.headers_mut().insert(
        header::LOCATION,
        HeaderValue::try_from(location).map_err(Error::internal)?,
    );
    Ok(response)
}

/// Remove an alias; the version stays
#[utoipa::path(delete, path = "", operation_id = "aliases_delete", tag = "models",
    params(("name" = String, Path, description = "Name of the model"), ("alias" = String, Path, description = "The alias")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, alias)): Path<(String, String)>,
) -> Result<StatusCode> {
    let entry = api.audit_entry(
        &caller,
        "alias.delete",
        &format!("{name}@{alias}"),
        &serde_json::json!({}),
    )?;
    let (owner, of, gone) = (caller.owner.clone(), name.clone(), alias.clone());
    let removed = api.app.store.write(move |tx| {
        Box::pin(async move {
            let removed = aliases::delete(tx, &owner, &of, &gone).await?;
            if removed {
                store::audit::append(tx, &entry).await?;
            }
            Ok::<_, store::StoreError>(removed)
        })
    });
    if removed.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(absent(&name, &Which::Alias(alias)))
    }
}

/// An alias begins with a letter, so that `model@3` is always version 3.
fn check_name(alias: &str) -> Result<()> {
    let fits = alias.len() <= MAX_ALIAS_CHARS
        && alias.starts_with(|c: char| c.is_ascii_alphabetic())
        && alias
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if fits {
        return Ok(());
    }
    let detail = format!(
        "{alias:?} cannot be an alias: it begins with a letter and has at most {MAX_ALIAS_CHARS} letters, digits, '.', '_' or '-'"
    );
    Err(Error::new(Kind::Unprocessable, "invalid_alias", detail))
}

fn no_version(name: &str, version: i64) -> Error {
    let detail = format!("model {name:?} has no version {version}");
    let violation = Violation {
        pointer: Some("/version".into()),
        code: "no_such_version".into(),
        message: detail.clone(),
        got: Some(version.into()),
        ..Violation::default()
    };
    Error::new(Kind::Unprocessable, "invalid_body", detail).with(vec![violation])
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn an_alias_is_never_a_number() {
        for alias in ["production", "a", "canary-2", "v1.2_x"] {
            assert!(check_name(alias).is_ok(), "{alias}");
        }
        for alias in ["", "3", "-a", "a b", "a@b", "운영", &"x".repeat(65)] {
            assert!(check_name(alias).is_err(), "{alias}");
        }
    }
}
