//! The cookie of a signed-in browser.
//!
//! Cookies belong to a host and all of its ports, so the port is part of the name: two servers on one machine do not sign
//! each other's browsers out. `HttpOnly` keeps it from scripts, `SameSite=Strict` from requests that other sites cause.

use axum::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "descent_session";

/// The cookie's name under the host and port that were asked.
fn name(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let port = host
        .and_then(|host| host.rsplit_once(':'))
        .map(|(_, port)| port);
    match port {
        Some(port) if !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("{NAME}_{port}")
        }
        _ => NAME.to_owned(),
    }
}

/// What the cookie holds, when there is one.
pub fn of(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(header::COOKIE).into_iter().peekable();
    lines.peek()?;
    let wanted = name(headers);
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .filter(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
        .next()
}

/// `Set-Cookie` for a browser that signs in. Over TLS it is marked `Secure`; a plain address on this machine could not keep such
/// a cookie in every browser.
pub fn set(headers: &HeaderMap, secret: &str, lasts_ms: u64) -> HeaderValue {
    let origin = headers.get(header::ORIGIN);
    let is_tls = origin.is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    written(
        headers,
        secret,
        lasts_ms / 1_000,
        if is_tls { "; Secure" } else { "" },
    )
}

/// `Set-Cookie` for a browser that is signed out.
pub fn cleared(headers: &HeaderMap) -> HeaderValue {
    written(headers, "", 0, "")
}

fn written(headers: &HeaderMap, value: &str, max_age_s: u64, more: &str) -> HeaderValue {
    let name = name(headers);
    let text =
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{more}");
    // Digits and letters of our own.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_server_reads_the_cookie_of_its_own_port() {
        let cookies = "theme=dark; descent_session=a; descent_session_8080=b;descent_session_9=c";
        for (host, value) in [
            ("descent.example", "a"),
            ("127.0.0.1:8080", "b"),
            ("[::1]:9", "c"),
            ("[::1]", "a"),
        ] {
            let headers = headers(&[(header::HOST, host), (header::COOKIE, cookies)]);
            assert_eq!(of(&headers), Some(value), "{host}");
        }
        let other = headers(&[(header::HOST, "localhost:1"), (header::COOKIE, cookies)]);
        assert_eq!(of(&other), None);
        assert_eq!(of(&headers(&[(header::HOST, "localhost:1")])), None);
    }

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = headers(&[
            (header::HOST, "localhost:80"),
            (header::ORIGIN, "http://localhost:80"),
        ]);
        assert_eq!(
            set(&plain, "secret", 60_000),
            "descent_session_80=secret; Path=/; HttpOnly; SameSite=Strict; Max-Age=60"
        );
        let tls = headers(&[
            (header::HOST, "d.example"),
            (header::ORIGIN, "https://d.example"),
        ]);
        assert_eq!(
            set(&tls, "secret", 60_000),
            "descent_session=secret; Path=/; HttpOnly; SameSite=Strict; Max-Age=60; Secure"
        );
        assert_eq!(
            cleared(&plain),
            "descent_session_80=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }
}
