//! The one error of the HTTP edge, and the only place that knows status codes.
//!
//! Lower rooms answer with small enums of their own; each is translated here, once, into a [`Kind`] and a stable
//! `code`. The wire form is `application/problem+json` (RFC 9457). A handler only says what went wrong: the request id
//! and the bytes are added by the edge (`api/edge.rs`), so that another surface can render the same error in its own
//! protocol's form.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What went wrong, as a class. Every class is one status code; the list is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The bytes are not what the protocol asks for: broken JSON, an unknown query parameter.
    Malformed,
    /// No token, or one that is wrong, expired or revoked.
    Unauthorized,
    /// The token is good, but its scopes do not allow this; or the Host or Origin is not ours.
    Forbidden,
    /// Absent, or owned by somebody else: the two look the same on purpose.
    NotFound,
    /// The route exists, the method does not.
    MethodNotAllowed,
    /// The client took too long to send its request body.
    Timeout,
    /// The request is sound, but the state of the thing does not allow it now.
    Conflict,
    /// It existed and was purged.
    Gone,
    /// `If-Match` names an older state.
    PreconditionFailed,
    /// Above a stated limit.
    TooLarge,
    /// A body of a kind that this route does not read.
    UnsupportedMediaType,
    /// A byte range beyond the end.
    RangeNotSatisfiable,
    /// Well-formed but wrong: a column that does not exist, a layer of width zero.
    Unprocessable,
    /// A change without `If-Match` where one is required.
    PreconditionRequired,
    /// Over the rate or the quota of the moment; comes with `Retry-After`.
    TooManyRequests,
    /// Header fields above the limits.
    HeadersTooLarge,
    /// Our fault. The answer carries nothing but the request id; the cause is in the log.
    Internal,
    /// Draining or overloaded; comes with `Retry-After`.
    Unavailable,
    /// Disk quota or the free-space floor.
    InsufficientStorage,
}

impl Kind {
    /// Every kind, in order of status code: what the contract's documents are generated from.
    pub const ALL: [Kind; 19] = [
        Kind::Malformed,
        Kind::Unauthorized,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Timeout,
        Kind::Conflict,
        Kind::Gone,
        Kind::PreconditionFailed,
        Kind::TooLarge,
        Kind::UnsupportedMediaType,
        Kind::RangeNotSatisfiable,
        Kind::Unprocessable,
        Kind::PreconditionRequired,
        Kind::TooManyRequests,
        Kind::HeadersTooLarge,
        Kind::Internal,
        Kind::Unavailable,
        Kind::InsufficientStorage,
    ];

    /// The HTTP status of this class.
    pub fn status(self) -> StatusCode {
        match self {
            Kind::Malformed => StatusCode::BAD_REQUEST,
            Kind::Unauthorized => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Kind::Timeout => StatusCode::REQUEST_TIMEOUT,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Gone => StatusCode::GONE,
            Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Kind::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Kind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Kind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::InsufficientStorage => StatusCode::INSUFFICIENT_STORAGE,
        }
    }
}

/// One thing wrong with a request or a file; a request may have many and all are named at once.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct Violation {
    /// JSON Pointer (RFC 6901) into the request body; `?name` for a query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Line of an uploaded file, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub line: Option<u64>,
    /// Column name, or number from 1, in an uploaded file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Byte of an uploaded file (unpacked), from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte_offset: Option<u64>,
    /// Stable code of the violation.
    pub code: Cow<'static, str>,
    /// What is wrong and what would be right, in one sentence.
    pub message: String,
    /// What is allowed there: a list, a range, a type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Value>,
    /// What was found there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<Value>,
}

/// The body of every error answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem<'a> {
    /// `urn:descent:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:descent:problem:not_found")]
    pub kind: String,
    /// The status code in words.
    pub title: &'a str,
    /// The status code, repeated for clients that lost it.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// Stable, machine-readable; never changes its meaning.
    pub code: &'a str,
    /// What happened, and what would be right.
    pub detail: &'a str,
    /// Find this request in the log with it; also in the `X-Request-Id` header.
    pub request_id: &'a str,
    /// Each single violation; absent when there is nothing to point at.
    #[serde(skip_serializing_if = "<[Violation]>::is_empty")]
    pub errors: &'a [Violation],
}

/// An answer that is not a success. Cheap to move: one pointer.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<Violation>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only, never for the answer.
    cause: Option<String>,
}

/// What handlers return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of `kind` with its stable `code` and a sentence for people.
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            code: code.into(),
            detail: detail.into(),
            errors: Vec::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// 404: `what` is the noun ("run"), `name` what the client called it.
    pub fn not_found(what: &str, name: &str) -> Self {
        Error::new(
            Kind::NotFound,
            "not_found",
            format!("there is no {what} {name:?}"),
        )
    }

    /// 409 with its own code.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Error::new(Kind::Conflict, code, detail)
    }

    /// 400 for one query parameter.
    pub fn query(name: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let violation = Violation {
            pointer: Some(format!("?{name}")),
            code: "invalid".into(),
            message: detail.clone(),
            ..Violation::default()
        };
        Error::new(Kind::Malformed, "invalid_query", detail).with(vec![violation])
    }

    /// 413 naming the limit, so that a client can split its work.
    pub fn too_large(what: &str, limit_bytes: u64) -> Self {
        let detail = format!("{what} is larger than the limit of {limit_bytes} bytes");
        let violation = Violation {
            code: "too_large".into(),
            message: detail.clone(),
            allowed: Some(serde_json::json!({ "max_bytes": limit_bytes })),
            ..Violation::default()
        };
        Error::new(Kind::TooLarge, "too_large", detail).with(vec![violation])
    }

    /// 415 naming what this route reads.
    pub fn unsupported_media_type(got: Option<&str>, allowed: &[&str]) -> Self {
        let list = allowed.join(", ");
        let detail = match got {
            Some(got) => format!("Content-Type {got:?} is not read here; send one of {list}"),
            None => format!("a Content-Type is needed; send one of {list}"),
        };
        Error::new(Kind::UnsupportedMediaType, "unsupported_media_type", detail)
    }

    /// 429 or 503 after which the client should wait: `Retry-After` in whole seconds, at least one.
    pub fn retry_later(
        kind: Kind,
        code: &'static str,
        detail: impl Into<String>,
        wait: Duration,
    ) -> Self {
        let seconds = wait.as_secs_f64().ceil().clamp(1.0, 86_400.0) as u64;
        Error::new(kind, code, detail).header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 500. `cause` goes to the log with the request id, never to the client.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut error = Error::new(
            Kind::Internal,
            "internal",
            "something went wrong on our side; the request id finds it in the log",
        );
        error.0.cause = Some(cause.to_string());
        error
    }

    /// Adds the single violations.
    pub fn with(mut self, errors: Vec<Violation>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Adds a header to the answer.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The class of this error.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The single violations.
    pub fn violations(&self) -> &[Violation] {
        &self.0.errors
    }

    /// What only the log may know.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The document for the client.
    pub fn problem(&self, request_id: &str) -> Vec<u8> {
        let status = self.0.kind.status();
        let problem = Problem {
            kind: format!("urn:descent:problem:{}", self.0.code),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: &self.0.code,
            detail: &self.0.detail,
            request_id,
            errors: &self.0.errors,
        };
        // Strings, numbers and JSON values always serialise; an empty body would still carry the right status.
        serde_json::to_vec(&problem).unwrap_or_default()
    }
}

impl IntoResponse for Error {
    /// Status and headers now, the document later: only the edge knows the request id (see [`render`]).
    fn into_response(self) -> Response {
        let mut response = self.0.kind.status().into_response();
        for (name, value) in &self.0.headers {
            response.headers_mut().append(name.clone(), value.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The form of errors, which the protocol of a path prescribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Our own: a problem document.
    Problem,
    /// The Open Inference Protocol: `{"error": "..."}`, and 400 for whatever is wrong with a request.
    Inference,
}

impl Dialect {
    /// The dialect of a path.
    pub fn of(path: &str) -> Self {
        match path.strip_prefix("/v2") {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => Dialect::Inference,
            _ => Dialect::Problem,
        }
    }
}

/// Writes the document of a response made from an [`Error`]; any other response passes untouched.
pub fn render(response: &mut Response, request_id: &str, dialect: Dialect) {
    let Some(error) = response.extensions_mut().remove::<Error>() else {
        return;
    };
    if let Some(cause) = error.cause() {
        tracing::error!(request_id, code = error.code(), cause, "request failed");
    }
    let media_type = match dialect {
        Dialect::Problem => {
            *response.body_mut() = error.problem(request_id).into();
            "application/problem+json"
        }
        Dialect::Inference => {
            if error.kind() == Kind::Unprocessable {
                *response.status_mut() = Kind::Malformed.status();
            }
            let detail = match error.kind() {
                Kind::Internal => format!("{} ({request_id})", error.detail()),
                _ => error.detail().to_owned(),
            };
            *response.body_mut() = serde_json::json!({"error": detail}).to_string().into();
            // Clients compare it letter by letter.
            "application/json"
        }
    };
    // The router has counted the empty body that stood here; hyper counts the one that is sent.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
}

/// What the router answers for a path that is not on its page.
pub async fn no_such_route(uri: axum::http::Uri) -> Error {
    Error::new(
        Kind::NotFound,
        "no_such_route",
        format!(
            "there is nothing at {:?}; GET /openapi.json lists every route",
            uri.path()
        ),
    )
}

/// What the router answers for a method that a path does not have; the router adds `Allow`.
pub async fn no_such_method(method: Method, uri: axum::http::Uri) -> Error {
    Error::new(
        Kind::MethodNotAllowed,
        "method_not_allowed",
        format!(
            "{method} is not possible at {:?}; the Allow header lists what is",
            uri.path()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_code_and_hides_its_cause() {
        let error = Error::internal("disk on fire at sector 7");
        let document: Value = serde_json::from_slice(&error.problem("r-1")).unwrap();
        assert_eq!(document["status"], 500);
        assert_eq!(document["request_id"], "r-1");
        assert!(!document.to_string().contains("sector"));
    }

    #[test]
    fn a_wait_is_whole_seconds_and_never_zero() {
        let error = Error::retry_later(
            Kind::TooManyRequests,
            "rate_limited",
            "slow down",
            Duration::from_millis(3),
        );
        assert_eq!(error.into_response().headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn every_kind_has_its_own_status() {
        let mut seen: Vec<u16> = Kind::ALL
            .iter()
            .map(|kind| kind.status().as_u16())
            .collect();
        assert!(seen.is_sorted(), "{seen:?}");
        seen.dedup();
        assert_eq!(seen.len(), Kind::ALL.len());
    }
}
