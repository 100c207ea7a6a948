//! Entity tags: `If-Match` guards a change against a change in between, `If-None-Match` saves sending what is known.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use super::error::{Error, Kind, Result};

/// The entity tag of something with a version number or a hash.
pub fn tag(version: impl std::fmt::Display) -> String {
    format!("\"{version}\"")
}

/// As a header value; versions and hashes are always visible ASCII.
pub fn value(tag: &str) -> HeaderValue {
    HeaderValue::from_str(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// 428 without `If-Match`, 412 when none of its tags is `current` (strong comparison, RFC 9110 13.1.1).
pub fn require_match(headers: &HeaderMap, current: &str) -> Result<()> {
    let mut tags = tags(headers, &header::IF_MATCH).peekable();
    if tags.peek().is_none() {
        return Err(Error::new(
            Kind::PreconditionRequired,
            "if_match_required",
            "send If-Match with the ETag that you read, so that nobody's change is lost",
        ));
    }
    if tags.any(|tag| tag == "*" || tag == current) {
        return Ok(());
    }
    Err(Error::new(
        Kind::PreconditionFailed,
        "stale_etag",
        format!("it has changed since you read it; its ETag is {current} now"),
    ))
}

/// Like [`require_match`] for tags `"version.progress"`: only the version must be current, so that somebody who renames a
/// run need not be faster than its training.
pub fn require_version(headers: &HeaderMap, version: i64, current: &str) -> Result<()> {
    let same = format!("\"{version}.");
    if tags(headers, &header::IF_MATCH).any(|tag| tag.starts_with(&same)) {
        return Ok(());
    }
    require_match(headers, current)
}

/// Whether the client already holds `current` (weak comparison, RFC 9110 13.1.2).
pub fn is_known(headers: &HeaderMap, current: &str) -> bool {
    tags(headers, &header::IF_NONE_MATCH)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == current)
}

/// Every tag of every line of the header.
fn tags<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_change_wants_the_tag_that_was_read() {
        assert_eq!(
            require_match(&HeaderMap::new(), "\"1\"")
                .unwrap_err()
                .kind(),
            Kind::PreconditionRequired
        );
        assert_eq!(
            require_match(&headers(header::IF_MATCH, "\"1\""), "\"2\"")
                .unwrap_err()
                .kind(),
            Kind::PreconditionFailed
        );
        assert!(require_match(&headers(header::IF_MATCH, "\"1\", \"2\""), "\"2\"").is_ok());
        assert!(require_match(&headers(header::IF_MATCH, "*"), "\"2\"").is_ok());
        // A weak tag never guards a change.
        assert!(require_match(&headers(header::IF_MATCH, "W/\"2\""), "\"2\"").is_err());
    }

    #[test]
    fn what_is_known_is_not_sent() {
        assert!(is_known(
            &headers(header::IF_NONE_MATCH, "W/\"2\""),
            "\"2\""
        ));
        assert!(!is_known(&headers(header::IF_NONE_MATCH, "\"1\""), "\"2\""));
        assert!(!is_known(&HeaderMap::new(), "\"1\""));
    }
}
