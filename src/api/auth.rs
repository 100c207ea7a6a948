//! Who may come in, decided before any handler runs: one layer around the whole router, with an explicit list of public
//! routes. Tokens are looked up in memory, so the hot path costs one SHA-256 of 32 bytes and no query.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use super::error::{Error, Kind, Result};
use super::rate::Bucket;
use crate::config;
use crate::tokens::{self, Right, Room, Scope, Scopes};

/// Routes that answer without a token: probes, the contract, its documentation and the front page. Nothing of anybody's
/// data is behind them. `/metrics` tells how busy the server is, so it needs a token.
const PUBLIC: [&str; 5] = ["/", "/healthz", "/readyz", "/openapi.json", "/docs"];

/// What a route asks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A token, and where stated this scope.
    Token(Option<Scope>),
}

/// What `method` at `path` asks for. An unknown path asks for a token too: a stranger learns nothing from a 404.
pub fn required(method: &Method, path: &str) -> Access {
    if PUBLIC.contains(&path) || path.starts_with("/docs/") {
        return Access::Public;
    }
    let right = if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        Right::Read
    } else {
        Right::Write
    };
    let mut segments = path.trim_start_matches('/').split('/');
    let (first, second) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
    let room = match (first, second) {
        ("v1", "datasets") => Room::Datasets,
        ("v1", "runs" | "queue") if second == "runs" || right == Right::Read => Room::Runs,
        ("v1", "models") if path.ends_with("/predict") => {
            return Access::Token(Some(Scope {
                room: Room::Predict,
                right: Right::Write,
            }));
        }
        ("v1", "models") => Room::Models,
        ("v1", "queue" | "tokens") | ("metrics", "") => Room::Admin,
        _ => return Access::Token(None),
    };
    Access::Token(Some(Scope { room, right }))
}

/// A token that let its bearer in, with what is counted per token.
pub struct Caller {
    /// Key id of the token.
    pub token_id: String,
    /// Whose objects the bearer sees.
    pub owner: String,
    /// What the bearer may do.
    pub scopes: Scopes,
    /// After this the token is void.
    expires_at_ms: Option<i64>,
    secret_sha256: [u8; 32],
    /// Predictions per second.
    pub predict: Bucket,
    /// Other requests per second.
    pub other: Bucket,
    /// Event streams that may still be opened.
    pub streams: Arc<Semaphore>,
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("token_id", &self.token_id)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Bearer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        // Set by the edge for every route that is not public; a handler of a public route has nobody to name.
        parts
            .extensions
            .get::<Bearer>()
            .cloned()
            .ok_or_else(no_token)
    }
}

/// The caller of this request, for handlers.
#[derive(Debug, Clone)]
pub struct Bearer(pub Arc<Caller>);

impl std::ops::Deref for Bearer {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

/// The tokens in force, and the memory of failed sign-ins.
pub struct Gate {
    tokens: RwLock<Arc<HashMap<String, Arc<Caller>>>>,
    rates: config::Rates,
    failures: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Gate {
    /// A gate that lets nobody in yet.
    pub fn new(rates: &config::Rates) -> Self {
        let per_minute = NonZeroU32::new(rates.failed_sign_ins_per_min).unwrap_or(NonZeroU32::MIN);
        Gate {
            tokens: RwLock::default(),
            rates: rates.clone(),
            failures: RateLimiter::keyed(Quota::per_minute(per_minute)),
            clock: DefaultClock::default(),
        }
    }

    /// Takes over the tokens of the record. A token that stays keeps its counters.
    pub fn load(&self, rows: Vec<tokens::Token>) {
        let old = self.snapshot();
        let mut new = HashMap::with_capacity(rows.len());
        for row in rows {
            let caller = match old.get(&row.id) {
                Some(known) if known.expires_at_ms == row.expires_at_ms => Arc::clone(known),
                _ => Arc::new(self.caller(row)),
            };
            new.insert(caller.token_id.clone(), caller);
        }
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        // Addresses whose failures are forgotten need no memory.
        self.failures.retain_recent();
    }

    fn caller(&self, row: tokens::Token) -> Caller {
        Caller {
            token_id: row.id,
            owner: row.owner,
            scopes: row.scopes,
            expires_at_ms: row.expires_at_ms,
            secret_sha256: row.secret_sha256,
            predict: Bucket::new("predict", self.rates.predict_per_s),
            other: Bucket::new("other", self.rates.other_per_s),
            streams: Arc::new(Semaphore::new(self.rates.sse_per_token)),
        }
    }

    fn snapshot(&self) -> Arc<HashMap<String, Arc<Caller>>> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets a request in or says why not: 401 for a bad token, 403 for a good one with too small a scope, 429 for an
    /// address that guesses.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        scope: Option<Scope>,
        peer: IpAddr,
        now_ms: i64,
    ) -> Result<Arc<Caller>> {
        let Some(text) = bearer(headers) else {
            return Err(no_token());
        };
        let Some(caller) = self.find(text, now_ms) else {
            return Err(self.refuse(peer));
        };
        match scope {
            Some(scope) if !caller.scopes.allow(scope) => Err(Error::new(
                Kind::Forbidden,
                "insufficient_scope",
                format!(
                    "this token lacks the scope {scope}; it has {}",
                    caller.scopes
                ),
            )),
            _ => Ok(caller),
        }
    }

    fn find(&self, text: &str, now_ms: i64) -> Option<Arc<Caller>> {
        let (id, secret_sha256) = tokens::read(text)?;
        let caller = self
            .tokens
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()?;
        let same: bool =
            subtle::ConstantTimeEq::ct_eq(&caller.secret_sha256[..], &secret_sha256[..]).into();
        let alive = caller.expires_at_ms.is_none_or(|expiry| now_ms < expiry);
        (same && alive).then_some(caller)
    }

    /// 401, or 429 once this address has failed too often: guessing must not be fast.
    fn refuse(&self, peer: IpAddr) -> Error {
        match self.failures.check_key(&peer) {
            Ok(()) => unauthorized("invalid_token", "this token is unknown, expired or revoked"),
            Err(denied) => {
                let wait: Duration = denied.wait_time_from(self.clock.now());
                Error::retry_later(
                    Kind::TooManyRequests,
                    "too_many_failed_sign_ins",
                    "too many failed sign-ins from this address",
                    wait,
                )
            }
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token() -> Error {
    unauthorized(
        "token_required",
        "send Authorization: Bearer with a token; `descent token create` makes one",
    )
}

fn unauthorized(code: &'static str, detail: &str) -> Error {
    Error::new(Kind::Unauthorized, code, detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// Which names this server answers to. A page that a browser loaded from elsewhere can make it send requests here under
/// another name (DNS rebinding) or with another Origin; both are refused before anything else is looked at.
pub struct Names(Vec<String>);

impl Names {
    /// Loopback names, the address listened on, and `allowed_hosts` (separated by commas).
    pub fn new(server: &config::Server) -> Self {
        let mut names: Vec<String> = ["localhost", "127.0.0.1", "[::1]"]
            .map(str::to_owned)
            .into();
        if !server.listen.ip().is_unspecified() {
            names.push(match server.listen.ip() {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            });
        }
        names.extend(
            server
                .allowed_hosts
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
                .map(str::to_ascii_lowercase),
        );
        Names(names)
    }

    /// Checks `Host`, and `Origin` where there is one.
    pub fn check(&self, headers: &HeaderMap) -> Result<()> {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        if !host.is_some_and(|host| self.knows(host)) {
            let detail = format!(
                "this server does not answer to the name {:?}; add it to server.allowed_hosts",
                host.unwrap_or("")
            );
            return Err(Error::new(Kind::Forbidden, "host_not_allowed", detail));
        }
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(());
        };
        let name = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, name)| name);
        if name.is_some_and(|name| self.knows(name)) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Forbidden,
            "origin_not_allowed",
            "requests from pages of other origins are not answered; add the host to server.allowed_hosts",
        ))
    }

    /// The name without its port.
    fn knows(&self, host: &str) -> bool {
        let name = match host.rfind(':') {
            Some(at) if !host[at..].contains(']') => &host[..at],
            _ => host,
        };
        self.0.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_and_writing_are_different_scopes() {
        let scope = |method: Method, path| match required(&method, path) {
            Access::Public => "public".to_owned(),
            Access::Token(None) => "any".to_owned(),
            Access::Token(Some(scope)) => scope.to_string(),
        };
        assert_eq!(scope(Method::GET, "/healthz"), "public");
        assert_eq!(scope(Method::GET, "/docs/swagger-ui.css"), "public");
        assert_eq!(scope(Method::GET, "/v1/datasets"), "datasets:read");
        assert_eq!(scope(Method::POST, "/v1/runs/x/cancel"), "runs:write");
        assert_eq!(scope(Method::GET, "/v1/queue"), "runs:read");
        assert_eq!(scope(Method::PATCH, "/v1/queue"), "admin:write");
        assert_eq!(
            scope(Method::POST, "/v1/models/m@live/predict"),
            "predict:write"
        );
        assert_eq!(
            scope(Method::DELETE, "/v1/models/m/versions/1"),
            "models:write"
        );
        assert_eq!(scope(Method::GET, "/metrics"), "admin:read");
        assert_eq!(scope(Method::GET, "/nowhere"), "any");
    }

    #[test]
    fn a_host_is_known_with_and_without_its_port() {
        let names = Names::new(&config::Server::default());
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:99",
            "LOCALHOST",
        ] {
            assert!(names.knows(host), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:80", "", "[::2]"] {
            assert!(!names.knows(host), "{host}");
        }
    }
}
