//! Who may come in, decided before any handler runs: one layer around the whole router, with an explicit list of public
//! routes. Tokens and sessions are looked up in memory, so the hot path costs one SHA-256 of 32 bytes and no query.

pub mod cookie;
mod names;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{Semaphore, watch};

pub use names::Names;

use super::error::{Error, Kind, Result};
use super::rate::Bucket;
use crate::config;
use crate::tokens::{self, Right, Room, Scope, Scopes};

/// Routes that answer without a token: probes, the contract, its documentation and the dashboard's files. Nothing of anybody's
/// data is behind them. `/metrics` tells how busy the server is, so it needs a token.
const PUBLIC: [&str; 8] = [
    "/",
    "/icon.svg",
    "/healthz",
    "/readyz",
    "/v2/health/live",
    "/v2/health/ready",
    "/openapi.json",
    "/docs",
];

/// Folders of files that answer without a token.
const PUBLIC_FOLDERS: [&str; 2] = ["/docs/", "/assets/"];

/// Looks at the record for tokens that nobody here knows; a flood of invented ones has no more, and one address leaves some to others.
const LOOKS_PER_S: NonZeroU32 = NonZeroU32::new(10).unwrap();
const LOOKS_OF_ONE_PER_S: NonZeroU32 = NonZeroU32::new(2).unwrap();

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
    let is_public = PUBLIC.contains(&path)
        || PUBLIC_FOLDERS.iter().any(|folder| path.starts_with(folder))
        // Signing in, where what is sent is looked at as closely as a token, and the methods that are not there.
        || (path == "/v1/session"
            && !matches!(*method, Method::GET | Method::HEAD | Method::DELETE));
    if is_public {
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
        ("v1", "runs" | "runs:batch" | "sweeps") => Room::Runs,
        ("v1", "queue" | "events") if right == Right::Read => Room::Runs,
        ("v1", "models") if path.ends_with("/predict") => {
            return Access::Token(Some(Scope {
                room: Room::Predict,
                right: Right::Write,
            }));
        }
        // The whole surface is for who predicts; that its lists are asked for by POST is the protocol's way.
        ("v2", _) => Room::Predict,
        ("v1", "models") => Room::Models,
        ("v1", "queue" | "tokens") | ("metrics", "") => Room::Admin,
        _ => return Access::Token(None),
    };
    Access::Token(Some(Scope { room, right }))
}

/// The code of a sign-in link that a start printed.
pub struct Link {
    /// SHA-256 of the code.
    pub code_sha256: [u8; 32],
    /// Whose rights whoever follows it gets.
    pub token_id: String,
    /// After this it is void.
    pub expires_at_ms: i64,
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

impl Caller {
    fn is_alive(&self, now_ms: i64) -> bool {
        self.expires_at_ms.is_none_or(|expiry| now_ms < expiry)
    }
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

/// The session that a request came with, by the hash of its cookie; `None` when it came with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session(pub Option<Signed>);

/// A signed-in browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed {
    /// SHA-256 of what its cookie holds.
    pub id_sha256: [u8; 32],
    /// When it is signed out.
    pub expires_at_ms: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        Ok(Session(parts.extensions.get::<Signed>().copied()))
    }
}

/// Where a request came from; known to handlers of public routes.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        let peer = parts.extensions.get::<Peer>().copied();
        peer.ok_or_else(|| Error::internal("the edge did not say where a request came from"))
    }
}

/// Who was let in, and how.
pub struct Admitted {
    /// By whose rights.
    pub caller: Arc<Caller>,
    /// The session, when it was by a cookie.
    pub signed: Option<Signed>,
}

/// Whether somebody who was let in would be let in again: answers that last, as event streams do, ask before each piece, because
/// a token that is revoked or over must not be heard on by whoever came in with it before.
pub struct Stay {
    gate: Arc<Gate>,
    token_id: String,
    signed: Option<Signed>,
    moved: watch::Receiver<()>,
}

impl Stay {
    /// How long it goes on from `now_ms` if nobody ends it; `None` when it is over.
    pub fn left(&self, now_ms: i64) -> Option<Duration> {
        let caller = self.gate.alive(&self.token_id, now_ms)?;
        let mut ends_at_ms = caller.expires_at_ms.unwrap_or(i64::MAX);
        if let Some(signed) = self.signed {
            ends_at_ms = ends_at_ms.min(self.gate.session_end(&signed.id_sha256, now_ms)?);
        }
        Some(Duration::from_millis(ends_at_ms.abs_diff(now_ms)))
    }

    /// Waits until tokens or sessions were read again, which is when it may be over before its time.
    pub async fn moved(&mut self) {
        // The gate has the other end and lives as long as this.
        let _ = self.moved.changed().await;
    }
}

/// The tokens in force, the browsers that are signed in, and the memory of failed sign-ins.
pub struct Gate {
    tokens: RwLock<Arc<HashMap<String, Arc<Caller>>>>,
    sessions: RwLock<HashMap<[u8; 32], tokens::session::Session>>,
    /// Told after either was replaced.
    moved: watch::Sender<()>,
    link: Mutex<Option<Link>>,
    rates: config::Rates,
    failures: DefaultKeyedRateLimiter<IpAddr>,
    looks: DefaultDirectRateLimiter,
    looks_of_one: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Gate {
    /// A gate that lets nobody in yet.
    pub fn new(rates: &config::Rates) -> Self {
        let per_minute = NonZeroU32::new(rates.failed_sign_ins_per_min).unwrap_or(NonZeroU32::MIN);
        Gate {
            tokens: RwLock::default(),
            sessions: RwLock::default(),
            moved: watch::Sender::new(()),
            link: Mutex::default(),
            rates: rates.clone(),
            failures: RateLimiter::keyed(Quota::per_minute(per_minute)),
            looks: RateLimiter::direct(Quota::per_second(LOOKS_PER_S)),
            looks_of_one: RateLimiter::keyed(Quota::per_second(LOOKS_OF_ONE_PER_S)),
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
        self.moved.send_replace(());
        // Addresses whose failures are forgotten need no memory.
        self.failures.retain_recent();
        self.looks_of_one.retain_recent();
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

    /// Takes over the sessions of the record.
    pub fn load_sessions(&self, sessions: Vec<tokens::session::Session>) {
        let sessions = sessions
            .into_iter()
            .map(|session| (session.id_sha256, session));
        *self
            .sessions
            .write()
            .unwrap_or_else(PoisonError::into_inner) = sessions.collect();
        self.moved.send_replace(());
    }

    /// The stay of somebody who was let in, by a token or by a session of it.
    pub fn stay(self: &Arc<Self>, caller: &Caller, session: Session) -> Stay {
        Stay {
            gate: Arc::clone(self),
            token_id: caller.token_id.clone(),
            signed: session.0,
            moved: self.moved.subscribe(),
        }
    }

    /// When the session ends by itself; `None` when it is over.
    fn session_end(&self, id_sha256: &[u8; 32], now_ms: i64) -> Option<i64> {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let ends_at_ms = sessions.get(id_sha256)?.expires_at_ms;
        (now_ms < ends_at_ms).then_some(ends_at_ms)
    }

    /// Whether any browser is signed in.
    pub fn has_sessions(&self) -> bool {
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        !sessions.is_empty()
    }

    /// Takes a look at the record for a text, if it is a token that nobody here knows and there is one left.
    pub fn takes_look(&self, text: &str, peer: IpAddr) -> bool {
        // Every request comes by here, and what is known is not hashed twice.
        let is_known = |id: &str| {
            let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
            tokens.contains_key(id)
        };
        tokens::key_id(text).is_some_and(|id| !is_known(id))
            && tokens::read(text).is_some()
            && self.looks_of_one.check_key(&peer).is_ok()
            && self.looks.check().is_ok()
    }

    /// Lets a request in or says why not: 401 for a bad token or session, 403 for a good one with too small a scope, 429 for
    /// an address that guesses. A token goes before a cookie.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        scope: Option<Scope>,
        peer: IpAddr,
        now_ms: i64,
    ) -> Result<Admitted> {
        let admitted = match (bearer(headers), cookie::of(headers)) {
            (Some(text), _) => Admitted {
                caller: self.find(text, now_ms).ok_or_else(|| self.refuse(peer))?,
                signed: None,
            },
            (None, Some(text)) => self
                .signed_in(text, now_ms)
                // A browser forgets a cookie that opens nothing, so that it does not fail again and again.
                .ok_or_else(|| {
                    self.refuse(peer)
                        .header(header::SET_COOKIE, cookie::cleared(headers))
                })?,
            (None, None) => return Err(no_token()),
        };
        match scope {
            Some(scope) if !admitted.caller.scopes.allow(scope) => Err(Error::new(
                Kind::Forbidden,
                "insufficient_scope",
                format!(
                    "this token lacks the scope {scope}; it has {}",
                    admitted.caller.scopes
                ),
            )),
            _ => Ok(admitted),
        }
    }

    /// Whose token this is, for a browser that signs in with it; fails as a request with it would.
    pub fn sign_in_with_token(&self, text: &str, peer: IpAddr, now_ms: i64) -> Result<Arc<Caller>> {
        self.find(text.trim(), now_ms)
            .ok_or_else(|| self.refuse(peer))
    }

    /// Whose link this code is from. A code works once, and only in its time.
    pub fn sign_in_with_code(&self, code: &str, peer: IpAddr, now_ms: i64) -> Result<Arc<Caller>> {
        let presented = tokens::session::hash(code.trim());
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let right = link.take_if(|link| {
            now_ms < link.expires_at_ms && tokens::same_secret(&link.code_sha256, &presented)
        });
        let caller = right.and_then(|link| self.alive(&link.token_id, now_ms));
        caller.ok_or_else(|| self.refuse(peer))
    }

    /// From now on this link signs in, and no earlier one.
    pub fn offer(&self, link: Link) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Some(link);
    }

    fn signed_in(&self, text: &str, now_ms: i64) -> Option<Admitted> {
        let id_sha256 = tokens::session::hash(text);
        let sessions = self.sessions.read().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get(&id_sha256)?;
        let signed = Signed {
            id_sha256,
            expires_at_ms: session.expires_at_ms,
        };
        // The token decides at every request, so that a revoked one ends its sessions at once.
        let caller = self.alive(&session.token_id, now_ms)?;
        (now_ms < signed.expires_at_ms).then_some(Admitted {
            caller,
            signed: Some(signed),
        })
    }

    /// The token of this id, if it is in force.
    fn alive(&self, id: &str, now_ms: i64) -> Option<Arc<Caller>> {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let caller = tokens.get(id)?;
        caller.is_alive(now_ms).then(|| Arc::clone(caller))
    }

    fn find(&self, text: &str, now_ms: i64) -> Option<Arc<Caller>> {
        let (id, secret_sha256) = tokens::read(text)?;
        let caller = self.alive(id, now_ms)?;
        tokens::same_secret(&caller.secret_sha256, &secret_sha256).then_some(caller)
    }

    /// 401, or 429 once this address has failed too often: guessing must not be fast.
    fn refuse(&self, peer: IpAddr) -> Error {
        match self.failures.check_key(&peer) {
            Ok(()) => unauthorized(
                "invalid_token",
                "this token, code or session is unknown, over or revoked",
            ),
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

/// The token that a request comes with.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn no_token() -> Error {
    unauthorized(
        "token_required",
        "send Authorization: Bearer with a token (`descent token create` makes one), or sign in with POST /v1/session",
    )
}

fn unauthorized(code: &'static str, detail: &str) -> Error {
    Error::new(Kind::Unauthorized, code, detail)
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::clock::Entropy;

    #[test]
    fn a_flood_of_invented_tokens_asks_the_record_a_few_times() {
        let gate = Gate::new(&config::Rates::default());
        let invented = tokens::mint(&Entropy::seeded(3)).unwrap().text;
        let looks = |n: u128, of: &dyn Fn(u128) -> u128| {
            let peer = |i| IpAddr::from(Ipv6Addr::from(of(i)));
            (0..n)
                .filter(|&i| gate.takes_look(&invented, peer(i)))
                .count()
        };
        // So many at once, and more in every second that these loops may take.
        let of_one = looks(1_000, &|_| 0);
        assert!((2..20).contains(&of_one), "{of_one}");
        let of_all = looks(1_000, &|i| i + 1);
        assert!((8..100).contains(&of_all), "{of_all}");
        let gate = Gate::new(&config::Rates::default());
        let (mistyped, _) = invented.split_at(invented.len() - 1);
        let peer = IpAddr::from(Ipv6Addr::LOCALHOST);
        assert!(!gate.takes_look(mistyped, peer) && !gate.takes_look("dsc_", peer));
    }

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
        assert_eq!(scope(Method::POST, "/v1/runs:batch"), "runs:write");
        assert_eq!(scope(Method::GET, "/v1/sweeps/x/results"), "runs:read");
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
        assert_eq!(scope(Method::GET, "/v2/health/live"), "public");
        assert_eq!(scope(Method::GET, "/v2"), "predict:read");
        assert_eq!(scope(Method::POST, "/v2/models/m/infer"), "predict:write");
        assert_eq!(scope(Method::GET, "/metrics"), "admin:read");
        assert_eq!(scope(Method::GET, "/nowhere"), "any");
        assert_eq!(scope(Method::GET, "/v1/session"), "any");
        assert_eq!(scope(Method::DELETE, "/v1/session"), "any");
        assert_eq!(scope(Method::POST, "/v1/session"), "public");
    }
}
