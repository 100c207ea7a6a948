//! `/v1/tokens`: who may come in. For tokens with the scope `admin`.
//!
//! A token belongs to an owner, and whoever holds it sees that owner's data. An admin of one owner makes and revokes
//! tokens of that owner alone; the owner `admin` (of the first token) does so for everybody. Nobody hands on more than they
//! hold. The text of a token is in the answer that makes it and nowhere else, which is why that answer is never replayed
//! for an `Idempotency-Key`.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::{Bearer, Caller};
use super::error::{Error, Kind, Result, Violation};
use super::input::{Json, Path, Query};
use super::page::{Order, Page, Window};
use super::time::rfc3339;
use crate::store;
use crate::tokens::{self, ADMIN, Fault, Scope, Scopes};

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    /// Always `token`.
    #[schema(pattern = "^token$")]
    pub object: &'static str,
    /// Key id: the public half, as in the token's text.
    pub id: String,
    /// Whose data its bearer sees.
    pub owner: String,
    /// For people.
    pub name: String,
    /// What its bearer may do.
    pub scopes: Vec<ScopeName>,
    /// When it was made.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it ends by itself.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// A new token with its text.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewToken {
    /// The text for `Authorization: Bearer`. It is shown this once.
    #[schema(pattern = "^dsc_")]
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub kept: Token,
}

/// What is wanted of a new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// For people: where it will be used. No control characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What its bearer may do. A room alone means write, and write includes read.
    #[schema(min_items = 1, max_items = 15)]
    pub scopes: Vec<ScopeName>,
    /// Whose data its bearer sees; the caller's own owner when absent. Only the owner `admin` may name another.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = "^[A-Za-z0-9][A-Za-z0-9._-]*$"
    )]
    pub owner: Option<String>,
    /// When it ends by itself; never when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// `room`, `room:read` or `room:write`; rooms are datasets, runs, models, predict and admin.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = String, pattern = "^(datasets|runs|models|predict|admin)(:(read|write))?$", example = "runs:read")]
pub struct ScopeName(#[allow(dead_code)] Scope);

impl Serialize for ScopeName {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ScopeName {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map(ScopeName)
            .map_err(serde::de::Error::custom)
    }
}

/// Parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Items on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Start behind this id.
    #[param(pattern = "^[0-9a-f]{16}$")]
    after: Option<String>,
}

/// Tokens, by key id
#[utoipa::path(get, path = "", operation_id = "tokens_list", tag = "tokens", params(ListQuery), responses((status = 200, description = "A page", body = Page<Token>)))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response> {
    let window = Window::new(query.limit, query.after, Some(Order::Asc))?;
    let page = window.behind(tokens::is_key_id)?.for_store();
    let owner = (caller.owner != ADMIN).then_some(caller.owner.as_str());
    let rows = store::tokens::list(&api.app.store, owner, false, &page).await?;
    let data = rows
        .rows
        .into_iter()
        .map(Token::try_from)
        .collect::<Result<_>>()?;
    Ok(Page::of(data, rows.has_more, |token: &Token| token.id.clone()).answer(&uri))
}

/// Make a token
#[utoipa::path(post, path = "", operation_id = "tokens_create", tag = "tokens", request_body = TokenRequest, responses(
    (status = 201, description = "The token; its text is shown this once", body = NewToken, headers(("Location" = String, description = "Where it is listed."))),
    (status = 403, description = "`scope_not_held` or `owner_not_yours`")))]
pub async fn create(
    State(api): State<Api>,
    caller: Bearer,
    Json(wanted): Json<TokenRequest>,
) -> Result<Response> {
    let scopes: Scopes = wanted.scopes.iter().map(|scope| scope.0).collect();
    let owner = wanted.owner.clone().unwrap_or_else(|| caller.owner.clone());
    let expires_at_ms = wanted.expires_at.map(|at| at.timestamp_millis());
    let wanted = tokens::NewToken {
        owner,
        name: wanted.name,
        scopes,
        expires_at_ms,
    };
    check(&wanted, api.app.clock.now_ms())?;
    permit(&caller, &wanted.owner, &wanted.scopes)?;
    let (token, text) = api.app.create_token(wanted, &caller.token_id).await?;
    api.reload_tokens().await?;
    let location = format!("/v1/tokens/{}", token.id);
    let answer = NewToken {
        token: text,
        kept: Token::try_from(store::tokens::Token::from(token))?,
    };
    let mut response = (StatusCode::CREATED, axum::Json(answer)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::LOCATION,
        HeaderValue::try_from(location).map_err(Error::internal)?,
    );
    Ok(response)
}

/// One token, without its text
#[utoipa::path(get, path = "", operation_id = "tokens_show", tag = "tokens", params(("id" = String, Path, description = "Key id")),
    responses((status = 200, description = "The token", body = Token)))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<axum::Json<Token>> {
    Ok(axum::Json(Token::try_from(
        find(&api, &caller, &id).await?,
    )?))
}

/// Revoke a token
///
/// The next request with it is refused, and event streams that were opened with it end. A token does not revoke itself, so that
/// nobody locks themselves out by a slip; another admin's does, and `descent token revoke` on the server's machine.
#[utoipa::path(delete, path = "", operation_id = "tokens_revoke", tag = "tokens", params(("id" = String, Path, description = "Key id")),
    responses((status = 204, description = "It is revoked"), (status = 409, description = "`own_token`: it is the one this request came with")))]
pub async fn revoke(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let row = find(&api, &caller, &id).await?;
    if row.id == caller.token_id {
        return Err(Error::conflict(
            "own_token",
            "a token does not revoke itself; use another admin token, or `descent token revoke`",
        ));
    }
    api.app.revoke_token(&row.id, &caller.token_id).await?;
    api.reload_tokens().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token the caller may see. Another owner's, and one that was revoked, is as absent as one that never was.
async fn find(api: &Api, caller: &Caller, id: &str) -> Result<store::tokens::Token> {
    let row = store::tokens::find(&api.app.store, id).await?;
    row.filter(|row| row.revoked_at_ms.is_none())
        .filter(|row| caller.owner == ADMIN || row.owner == caller.owner)
        .ok_or_else(|| Error::not_found("token", id))
}

fn check(wanted: &tokens::NewToken, now_ms: i64) -> Result<()> {
    let faults = wanted.faults(now_ms);
    if faults.is_empty() {
        return Ok(());
    }
    let wrong: Vec<Violation> = faults.into_iter().map(violation).collect();
    let detail = wrong
        .iter()
        .map(|violation| violation.message.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    Err(Error::new(Kind::Unprocessable, "invalid_body", detail).with(wrong))
}

fn violation(fault: Fault) -> Violation {
    let (pointer, code) = match fault {
        Fault::NameLength => ("/name", "wrong_length"),
        Fault::NameControl => ("/name", "invalid_name"),
        Fault::Owner => ("/owner", "invalid"),
        Fault::NoScopes => ("/scopes", "empty"),
        Fault::Over => ("/expires_at", "in_the_past"),
    };
    Violation {
        pointer: Some(pointer.to_owned()),
        code: code.into(),
        message: fault.to_string(),
        ..Violation::default()
    }
}

fn permit(caller: &Caller, owner: &str, scopes: &Scopes) -> Result<()> {
    if owner != caller.owner && caller.owner != ADMIN {
        return Err(Error::new(
            Kind::Forbidden,
            "owner_not_yours",
            format!("this token makes tokens of {:?} alone", caller.owner),
        ));
    }
    if !caller.scopes.cover(scopes) {
        let detail = format!(
            "nobody hands on more than they hold; this token has {}",
            caller.scopes
        );
        return Err(Error::new(Kind::Forbidden, "scope_not_held", detail));
    }
    Ok(())
}

impl TryFrom<store::tokens::Token> for Token {
    type Error = Error;

    fn try_from(row: store::tokens::Token) -> Result<Self> {
        let scopes: Scopes = row.scopes.parse().map_err(Error::internal)?;
        Ok(Token {
            object: "token",
            id: row.id,
            owner: row.owner,
            name: row.name,
            scopes: scopes.iter().map(ScopeName).collect(),
            created_at: rfc3339(row.created_at_ms),
            expires_at: row.expires_at_ms.map(rfc3339),
        })
    }
}
