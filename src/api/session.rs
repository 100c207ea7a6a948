//! `/v1/session`: how a browser signs in. A token, or the code of the link that a start of the server printed, becomes a
//! cookie that scripts cannot read; with it the browser may do what its token may.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::Api;
use super::auth::{self, Bearer, Caller, Peer, cookie};
use super::error::{Error, Kind, Result};
use super::input::Json;
use super::time::rfc3339;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// Always `session`.
    #[schema(pattern = "^session$")]
    pub object: &'static str,
    /// Whose data is seen.
    pub owner: String,
    /// What may be done, as `room:right`.
    #[schema(example = json!(["admin:write"]))]
    pub scopes: Vec<String>,
    /// Key id of the token that was signed in with.
    pub token_id: String,
    /// When the browser is signed out by itself; `null` when this request came with a token instead of a cookie.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

impl Session {
    fn of(caller: &Caller, expires_at_ms: Option<i64>) -> Self {
        Session {
            object: "session",
            owner: caller.owner.clone(),
            scopes: caller
                .scopes
                .iter()
                .map(|scope| scope.to_string())
                .collect(),
            token_id: caller.token_id.clone(),
            expires_at: expires_at_ms.map(rfc3339),
        }
    }
}

/// What to sign in with: a token, or the code of a sign-in link.
#[derive(Debug)]
pub enum SignIn {
    /// Text of a token.
    Token(String),
    /// Code of a link.
    Code(String),
}

/// Longest text taken for a token or a code.
const MAX_SECRET_CHARS: usize = 200;

impl<'de> Deserialize<'de> for SignIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Given {
            token: Option<String>,
            code: Option<String>,
        }
        let given = Given::deserialize(deserializer)?;

        let secret = match (given.token, given.code) {
            (Some(token), None) => SignIn::Token(token),
            (None, Some(code)) => SignIn::Code(code),
            _ => return Err(serde::de::Error::custom("send either `token` or `code`")),
        };
        let (SignIn::Token(text) | SignIn::Code(text)) = &secret;
        if !(1..=MAX_SECRET_CHARS).contains(&text.chars().count()) {
            return Err(serde::de::Error::custom(format!(
                "a token or code has 1 to {MAX_SECRET_CHARS} characters"
            )));
        }
        Ok(secret)
    }
}

impl PartialSchema for SignIn {
    fn schema() -> RefOr<Schema> {
        let one = |name: &str, about: &str| {
            json!({
                "type": "object",
                "properties": { name: { "type": "string", "minLength": 1, "maxLength": MAX_SECRET_CHARS, "description": about } },
                "required": [name],
                "additionalProperties": false,
            })
        };
        let schema = json!({
            "description": "What to sign in with.",
            "oneOf": [
                one("token", "Text of a token."),
                one("code", "Code of the sign-in link that the server printed at its start; it works once."),
            ],
        });
        // Our own words in the form that OpenAPI wants.
        serde_json::from_value(schema).unwrap_or_default()
    }
}

impl ToSchema for SignIn {}

/// Sign a browser in
///
/// The answer sets a cookie that scripts cannot read; requests with it may do what the token may, and end with the token.
/// Those that change something must come from this server's own pages (`Origin`).
#[utoipa::path(post, path = "", operation_id = "session_create", tag = "session", request_body = SignIn, responses(
    (status = 200, description = "Signed in", body = Session, headers(("Set-Cookie" = String, description = "The session."))),
    (status = 401, description = "`invalid_token`: unknown, over, revoked, or a code that was used"),
    (status = 429, description = "`too_many_failed_sign_ins` from this address")))]
pub async fn create(
    State(api): State<Api>,
    Peer(peer): Peer,
    headers: HeaderMap,
    Json(wanted): Json<SignIn>,
) -> Result<Response> {
    let now_ms = api.app.clock.now_ms();
    let caller = match &wanted {
        SignIn::Token(token) => {
            api.look_up(token.trim(), peer).await;
            api.gate.sign_in_with_token(token, peer, now_ms)?
        }
        SignIn::Code(code) => api.gate.sign_in_with_code(code, peer, now_ms)?,
    };
    let (session, secret) = api.open_session(&caller).await?;
    let lasts_ms = api.app.config.server.session_ms;
    let answer = [
        (header::SET_COOKIE, cookie::set(&headers, &secret, lasts_ms)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let document = Session::of(&caller, Some(session.expires_at_ms));
    Ok((answer, axum::Json(document)).into_response())
}

/// Who is signed in
#[utoipa::path(get, path = "", operation_id = "session_show", tag = "session", responses((status = 200, description = "The session, or the token of this request", body = Session)))]
pub async fn show(caller: Bearer, auth::Session(signed): auth::Session) -> Response {
    let document = Session::of(&caller, signed.map(|signed| signed.expires_at_ms));
    let private = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (private, axum::Json(document)).into_response()
}

/// Sign this browser out
#[utoipa::path(delete, path = "", operation_id = "session_delete", tag = "session", responses(
    (status = 204, description = "Signed out; the cookie is taken back"), (status = 404, description = "`not_found`: this request came with a token, not with a session's cookie")))]
pub async fn delete(
    State(api): State<Api>,
    auth::Session(signed): auth::Session,
    headers: HeaderMap,
) -> Result<Response> {
    let Some(signed) = signed else {
        return Err(Error::new(
            Kind::NotFound,
            "not_found",
            "this request came with a token, not with a session's cookie",
        ));
    };
    api.close_session(signed.id_sha256).await?;
    let cleared = [(header::SET_COOKIE, cookie::cleared(&headers))];
    Ok((StatusCode::NO_CONTENT, cleared).into_response())
}
