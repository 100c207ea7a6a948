//! What comes in: bodies with a limit, JSON whose errors carry a pointer, query parameters, ids in paths.
//!
//! axum's own extractors answer in plain text with limits of their own; these answer with our problem document.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use bytes::{Bytes, BytesMut};
use descent_engine::spec::pointer::escaped;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::error::{Error, Kind, Result, Violation};
use super::repeated::repeated;
use super::translate::wrong;
use crate::listen::BodyStalled;

/// Largest JSON body, unless a route states another limit.
pub const JSON_LIMIT_BYTES: u64 = 1024 * 1024;

/// A JSON body of at most [`JSON_LIMIT_BYTES`].
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        let (_, bytes) = read_json(request, JSON_LIMIT_BYTES).await?;
        Ok(Json(json(&bytes)?))
    }
}

/// The media type without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(
        value
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase(),
    )
}

/// 415 unless the body comes as it is: what is packed would be read as JSON with a fault in its first byte.
pub fn require_plain(headers: &HeaderMap) -> Result<()> {
    let packed = headers
        .get_all(header::CONTENT_ENCODING)
        .into_iter()
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
    match packed {
        None => Ok(()),
        Some(coding) => Err(Error::new(
            Kind::UnsupportedMediaType,
            "unknown_coding",
            format!(
                "Content-Encoding {coding:?} is not read here; send the body unpacked, without the header or with \"identity\""
            ),
        )),
    }
}

/// 415 unless the body is declared as JSON, and not packed.
fn require_json(headers: &HeaderMap) -> Result<()> {
    require_plain(headers)?;
    // The form every client sends, without taking it apart.
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == "application/json")
    {
        return Ok(());
    }
    match media_type(headers) {
        Some(kind)
            if kind == "application/json"
                || (kind.starts_with("application/") && kind.ends_with("+json")) =>
        {
            Ok(())
        }
        other => Err(Error::unsupported_media_type(
            other.as_deref(),
            &["application/json"],
        )),
    }
}

/// 413 when the declared length is already too much, before a byte is read.
pub fn check_declared_length(headers: &HeaderMap, limit_bytes: u64) -> Result<()> {
    match declared_length(headers) {
        Some(declared) if declared > limit_bytes => {
            Err(Error::too_large("the request body", limit_bytes))
        }
        _ => Ok(()),
    }
}

/// `Content-Length`, when there is one.
pub fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Reads a whole body of at most `limit_bytes`; a body that came in one piece is not copied.
pub async fn read(headers: &HeaderMap, mut body: Body, limit_bytes: u64) -> Result<Bytes> {
    check_declared_length(headers, limit_bytes)?;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken_body(&error))?.into_data() else {
            continue;
        };
        if (first.len() + rest.len() + data.len()) as u64 > limit_bytes {
            return Err(Error::too_large("the request body", limit_bytes));
        }
        if first.is_empty() {
            first = data;
        } else {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

/// Reads a whole body of at most `limit_bytes` that is declared as JSON; what it says is looked at by [`json`].
pub async fn read_json(request: Request, limit_bytes: u64) -> Result<(Parts, Bytes)> {
    let (parts, body) = request.into_parts();
    require_json(&parts.headers)?;
    let bytes = read(&parts.headers, body, limit_bytes).await?;
    Ok((parts, bytes))
}

/// As [`read`], but a body that is too large is received to its end, so that the connection can be used again; one that is eight
/// times too large is not, and ends the connection.
pub async fn read_or_drain(headers: &HeaderMap, mut body: Body, limit_bytes: u64) -> Result<Bytes> {
    let (mut kept, mut n_bytes) = (BytesMut::new(), 0);
    while n_bytes <= limit_bytes.saturating_mul(8) {
        let Some(frame) = body.frame().await else {
            if n_bytes > limit_bytes {
                break;
            }
            return Ok(kept.freeze());
        };
        let Ok(data) = frame.map_err(|error| broken_body(&error))?.into_data() else {
            continue;
        };
        n_bytes += data.len() as u64;
        if n_bytes <= limit_bytes {
            kept.extend_from_slice(&data);
        } else {
            kept = BytesMut::new();
        }
    }
    check_declared_length(headers, limit_bytes)?;
    Err(Error::too_large("the request body", limit_bytes))
}

/// Why a body ended early: 408 when it stalled, 400 when it broke off.
pub fn broken_body(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(stalled) = current.downcast_ref::<BodyStalled>() {
            return Error::new(Kind::Timeout, "body_timeout", stalled.to_string()).header(
                header::CONNECTION,
                header::HeaderValue::from_static("close"),
            );
        }
        cause = current.source();
    }
    Error::new(
        Kind::Malformed,
        "body_incomplete",
        "the request body broke off before its end",
    )
}

/// Parses a JSON object; a syntax error is 400 with line and column, a wrong shape or a member that stands twice 422 with a pointer.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    distinct(bytes, envelope(bytes))
}

/// As [`json`], for a document whose reader has a contract of its own, which says of every shape what is wrong with it.
pub fn document(bytes: &[u8]) -> Result<serde_json::Value> {
    distinct(bytes, parse(bytes))
}

fn distinct<T>(bytes: &[u8], parsed: Result<T>) -> Result<T> {
    if let Err(error) = &parsed
        && error.kind() == Kind::Malformed
    {
        return parsed;
    }
    // Also where the shape is wrong: a type with fixed members takes a second one for that.
    let found = repeated(bytes);
    if found.is_empty() {
        return parsed;
    }
    Err(wrong("invalid_body", "body", found))
}

/// The same without a look for members that stand twice, for a body whose parts are looked at one by one.
pub fn envelope<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // No such body is a list, and serde would read one as the members of an object in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(list_error(bytes));
    }
    parse(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    // The path is only tracked when something is wrong: tracking it costs more than parsing.
    serde_json::from_slice(bytes).map_err(|error| json_error::<T>(bytes, &error))
}

/// What is not JSON is malformed, even where its beginning has the wrong shape already.
fn broken(bytes: &[u8]) -> Option<serde_json::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).err()
}

fn list_error(bytes: &[u8]) -> Error {
    match broken(bytes) {
        Some(error) => malformed(bytes, &error),
        None => misshapen(
            String::new(),
            "a list where an object is expected".to_owned(),
        ),
    }
}

fn json_error<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Error {
    let broken = broken(bytes);
    let error = broken.as_ref().unwrap_or(error);
    if error.classify() != Category::Data {
        return malformed(bytes, error);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let pointer = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(located) => pointer(located.path()),
        Ok(_) => String::new(),
    };
    misshapen(pointer, without_place(&error.to_string()))
}

/// 400: not JSON.
fn malformed(bytes: &[u8], error: &serde_json::Error) -> Error {
    let place = format!("line {}, column {}", error.line(), error.column());
    let detail = if bytes.is_empty() {
        "the request body is empty; JSON is needed".to_owned()
    } else {
        format!("not JSON: {error}")
    };
    let violation = Violation {
        code: "invalid_json".into(),
        message: format!("{error} ({place})"),
        ..Violation::default()
    };
    Error::new(Kind::Malformed, "invalid_json", detail).with(vec![violation])
}

/// 422: JSON of another shape.
fn misshapen(pointer: String, message: String) -> Error {
    let detail = if pointer.is_empty() {
        message.clone()
    } else {
        format!("{pointer}: {message}")
    };
    let violation = Violation {
        pointer: Some(pointer),
        code: "invalid".into(),
        message,
        ..Violation::default()
    };
    Error::new(Kind::Unprocessable, "invalid_body", detail).with(vec![violation])
}

/// serde_json appends " at line 1 column 7"; a pointer says it better.
fn without_place(message: &str) -> String {
    message
        .rfind(" at line ")
        .map_or(message, |at| &message[..at])
        .to_owned()
}

/// A serde path as a JSON Pointer: `/network/3/units`.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                out.push('/');
                out.push_str(&escaped(key));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    out
}

/// A new name of a dataset, run or sweep is as one in a spec.
pub fn check_name(pointer: &str, name: &str) -> Result<()> {
    match descent_engine::spec::check_name(name, pointer) {
        None => Ok(()),
        Some(violation) => Err(wrong("invalid_name", "name", vec![violation])),
    }
}

/// New labels of a run or sweep are as those in a spec.
pub fn check_labels(labels: &BTreeMap<String, String>) -> Result<()> {
    let found = descent_engine::spec::check_labels(labels, "/metadata");
    if found.is_empty() {
        return Ok(());
    }
    Err(wrong("invalid_body", "metadata", found))
}

/// Query parameters as a struct. Unknown and repeated names were refused before, by the router, from the contract.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> Query<T> {
    /// The parameters of `uri`.
    ///
    /// # Errors
    /// 400 naming what cannot be read.
    pub fn of(uri: &Uri) -> Result<Self> {
        match axum::extract::Query::<T>::try_from_uri(uri) {
            Ok(query) => Ok(Query(query.0)),
            Err(rejection) => Err(unread(&rejection)),
        }
    }
}

/// The parameter that cannot be read, by its name. What parsed it stands at the root of the rejection.
fn unread(rejection: &QueryRejection) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(rejection);
    while let Some(current) = cause {
        if let Some(located) =
            current.downcast_ref::<serde_path_to_error::Error<serde::de::value::Error>>()
        {
            let name = located.path().to_string();
            let reason = located.inner().to_string();
            let wanted = match reason.as_str() {
                "invalid digit found in string" | "cannot parse integer from empty string" => {
                    "it must be a whole number that is not negative"
                }
                "number too large to fit in target type" => "the number is too large",
                "provided string was not `true` or `false`" => "it must be `true` or `false`",
                other => other,
            };
            return Error::query(
                &name,
                format!("the query parameter {name:?} cannot be read: {wanted}"),
            );
        }
        cause = current.source();
    }
    Error::new(Kind::Malformed, "invalid_query", rejection.body_text())
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        Query::of(&parts.uri)
    }
}

/// Segments of the path. What cannot be an id is simply not there: 404, never 400.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Path(path.0)),
            Err(_) => Err(Error::new(
                Kind::NotFound,
                "not_found",
                format!("there is nothing at {:?}", parts.uri.path()),
            )),
        }
    }
}

/// One header as text, parsed.
pub fn header<T: FromStr>(headers: &HeaderMap, name: &header::HeaderName) -> Result<Option<T>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let parsed = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    parsed.map(Some).ok_or_else(|| {
        Error::new(
            Kind::Malformed,
            "invalid_header",
            format!("the {name} header cannot be read"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Doc {
        layers: Vec<Layer>,
    }
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Layer {
        units: u32,
    }

    #[test]
    fn a_wrong_type_is_pointed_at() {
        let error = json::<Doc>(br#"{"layers": [{"units": 3}, {"units": "x"}]}"#).unwrap_err();
        assert_eq!(error.kind(), Kind::Unprocessable);
        assert_eq!(
            error.violations()[0].pointer.as_deref(),
            Some("/layers/1/units")
        );
        assert!(!error.detail().contains("line"), "{}", error.detail());
    }

    #[test]
    fn a_member_that_stands_twice_is_pointed_at() {
        let error = document(br#"{"a": {"b": 1, "b": 2}}"#).unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (Kind::Unprocessable, "invalid_body")
        );
        assert_eq!(error.violations()[0].pointer.as_deref(), Some("/a/b"));
        // A type with fixed members stops at the second by itself.
        #[derive(Debug, Deserialize)]
        #[allow(dead_code)]
        struct Named {
            name: String,
        }
        let error = json::<Named>(br#"{"name": "a", "name": "b"}"#).unwrap_err();
        assert_eq!(error.violations()[0].code, "duplicate_field");
        assert_eq!(error.violations()[0].pointer.as_deref(), Some("/name"));
        assert_eq!(
            json::<Named>(br#"{"name": "a", "name": "b""#)
                .unwrap_err()
                .kind(),
            Kind::Malformed
        );
    }

    #[test]
    fn a_list_is_no_object_read_by_position() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code)]
        struct Change {
            draining: bool,
        }
        for text in ["[false]", " \n[]", "[\"x\"]", "[{\"draining\": true}]"] {
            let error = json::<Change>(text.as_bytes()).unwrap_err();
            assert_eq!(
                (error.kind(), error.code(), error.detail()),
                (
                    Kind::Unprocessable,
                    "invalid_body",
                    "a list where an object is expected"
                ),
                "{text:?}"
            );
            assert_eq!(error.violations()[0].pointer.as_deref(), Some(""));
        }
        json::<Change>(b" {\"draining\": true}").unwrap();
        // What is read by a contract of its own is told there what it should be.
        assert!(document(b"[false]").unwrap().is_array());
    }

    #[test]
    fn broken_json_is_malformed() {
        for text in [
            "",
            "{",
            "[false",
            "[] []",
            "{\"layers\": [NaN]}",
            "{} {}",
            "\u{feff}{}",
        ] {
            assert_eq!(
                json::<Doc>(text.as_bytes()).unwrap_err().kind(),
                Kind::Malformed,
                "{text:?}"
            );
        }
        assert_eq!(
            json::<Doc>(b"{\"layers\": \"\xff\"}").unwrap_err().kind(),
            Kind::Malformed
        );
    }

    #[test]
    fn a_query_parameter_of_a_wrong_type_is_named() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code)]
        struct Asked {
            limit: Option<u32>,
            order: Option<crate::api::page::Order>,
            follow: Option<bool>,
        }
        for (query, name, wanted) in [
            ("limit=x", "?limit", "a whole number"),
            ("limit=", "?limit", "a whole number"),
            ("limit=99999999999", "?limit", "too large"),
            ("order=up", "?order", "`asc` or `desc`"),
            ("limit=3&follow=1", "?follow", "`true` or `false`"),
        ] {
            let uri: Uri = format!("/v1/runs?{query}").parse().unwrap();
            let error = Query::<Asked>::of(&uri).map(|_| ()).unwrap_err();
            assert_eq!(
                (error.kind(), error.code()),
                (Kind::Malformed, "invalid_query")
            );
            let violation = &error.violations()[0];
            assert_eq!(violation.pointer.as_deref(), Some(name), "{query}");
            assert!(violation.message.contains(wanted), "{}", violation.message);
        }
    }

    #[test]
    fn json_is_recognised_by_its_type() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                header::HeaderValue::from_static(value),
            )])
        };
        assert!(require_json(&with("application/json; charset=utf-8")).is_ok());
        assert!(require_json(&with("application/merge-patch+json")).is_ok());
        assert_eq!(
            require_json(&with("text/plain")).unwrap_err().kind(),
            Kind::UnsupportedMediaType
        );
        assert_eq!(
            require_json(&HeaderMap::new()).unwrap_err().kind(),
            Kind::UnsupportedMediaType
        );
        let packed = |coding: &'static str| {
            let mut headers = with("application/json");
            let coding = header::HeaderValue::from_static(coding);
            headers.insert(header::CONTENT_ENCODING, coding);
            require_json(&headers)
        };
        assert!(packed("identity").is_ok());
        for coding in ["gzip", "identity, br"] {
            let error = packed(coding).unwrap_err();
            assert_eq!(error.kind(), Kind::UnsupportedMediaType);
            assert!(
                error.detail().contains("\"identity\""),
                "{}",
                error.detail()
            );
        }
    }

    #[tokio::test]
    async fn a_body_is_counted_while_it_is_read() {
        let body = Body::from(vec![0; 11]);
        assert_eq!(
            read(&HeaderMap::new(), body, 10).await.unwrap_err().kind(),
            Kind::TooLarge
        );
        let body = Body::from(vec![0; 10]);
        assert_eq!(read(&HeaderMap::new(), body, 10).await.unwrap().len(), 10);
    }
}
