//! The edge: what happens to every request before and after its handler, in this order: request id, Host and Origin,
//! token or session and scope, rate, handler, problem document, headers. It is one service around the whole router, not a stack of
//! layers inside it, because each axum layer would cost an allocation per request.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use axum::response::IntoResponse;
use futures_util::FutureExt;
use tower::Service;

use super::Api;
use super::auth::{Access, Admitted, Bearer, Caller, Names, Peer, bearer, required};
use super::error::{Dialect, Error, render};
use super::traffic::RouteNames;
use crate::listen::Answer;

/// The request id, in answers and in the log.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything around the router; cheap to clone.
#[derive(Clone)]
pub struct Edge {
    router: Router,
    api: Api,
    shared: Arc<Shared>,
}

struct Shared {
    names: Names,
    routes: RouteNames,
    request_ids: RequestIds,
}

impl Edge {
    /// Wraps `router`, whose templates are `routes`. `boot` makes the request ids of this process different from those of the last one.
    pub fn new(router: Router, api: Api, routes: RouteNames, boot: u64) -> Self {
        let names = Names::new(&api.app.config.server);
        Edge {
            router,
            api,
            shared: Arc::new(Shared {
                names,
                routes,
                request_ids: RequestIds {
                    boot,
                    next: AtomicU64::new(1),
                },
            }),
        }
    }

    /// Answers one request; never fails and never panics.
    pub async fn handle(&self, mut request: Request<Body>, peer: IpAddr) -> Response<Body> {
        let traffic = &self.api.traffic;
        let (method, route) = (
            request.method().clone(),
            self.shared.routes.of(request.uri().path()),
        );
        let predicts = route.ends_with("/predict") || route.ends_with("/infer");
        let dialect = Dialect::of(request.uri().path());
        let started = traffic.start();
        let id = self.shared.request_ids.of(request.headers());
        request.extensions_mut().insert(RequestId(id.clone()));
        let admitted = self.admit(&mut request, peer, predicts).await;
        let (mut response, allowance) = match admitted {
            Ok(allowance) => (self.run(request).await, allowance),
            Err(error) => (error.into_response(), None),
        };
        render(&mut response, id.to_str().unwrap_or(""), dialect);
        let headers = response.headers_mut();
        if let Some((caller, remaining)) = allowance {
            bucket(&caller, predicts).annotate(headers, remaining);
        }
        headers.insert(REQUEST_ID, id);
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        traffic.finish(started, &method, route, response.status());
        response
    }

    /// Host, token, scope and rate. The caller goes into the request for handlers and comes back for the headers.
    #[allow(clippy::type_complexity)]
    async fn admit(
        &self,
        request: &mut Request<Body>,
        peer: IpAddr,
        predicts: bool,
    ) -> Result<Option<(Arc<Caller>, u32)>, Error> {
        self.shared.names.check(request.headers())?;
        let Access::Token(scope) = required(request.method(), request.uri().path()) else {
            request.extensions_mut().insert(Peer(peer));
            return Ok(None);
        };
        if let Some(token) = bearer(request.headers()) {
            self.api.look_up(token, peer).await;
        }
        let Admitted { caller, signed } =
            self.api
                .gate
                .admit(request.headers(), scope, peer, self.api.app.clock.now_ms())?;
        if let Some(signed) = signed {
            if !request.method().is_safe() {
                self.shared.names.same_origin(request.headers())?;
            }
            request.extensions_mut().insert(signed);
        }
        let remaining = bucket(&caller, predicts).take()?;
        request.extensions_mut().insert(Bearer(Arc::clone(&caller)));
        Ok(Some((caller, remaining)))
    }

    /// Runs the router; a panic in a handler ends that request with a 500, not the connection.
    async fn run(&self, request: Request<Body>) -> Response<Body> {
        let mut router = self.router.clone();
        // A handler that panicked leaves nothing behind that another request reads: shared state lives behind locks
        // that are recovered and in a database with transactions.
        let answered = AssertUnwindSafe(Service::call(&mut router, request))
            .catch_unwind()
            .await;
        match answered {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => Error::internal(format!("a handler panicked: {}", panic_text(&*panic)))
                .into_response(),
        }
    }
}

impl Answer for Edge {
    async fn answer(&self, request: Request<Body>, peer: IpAddr) -> Response<Body> {
        self.handle(request, peer).await
    }
}

/// As a tower service, for tests and tools that drive the edge without a socket: the peer is this machine.
impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = futures_util::future::BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let edge = self.clone();
        async move { Ok(edge.handle(request, IpAddr::V4(Ipv4Addr::LOCALHOST)).await) }.boxed()
    }
}

fn bucket(caller: &Caller, predicts: bool) -> &super::rate::Bucket {
    if predicts {
        &caller.predict
    } else {
        &caller.other
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// The id of this request, for handlers that log or record it.
#[derive(Debug, Clone)]
pub struct RequestId(pub HeaderValue);

/// Request ids: unique in this process by a counter, between processes by their random start.
struct RequestIds {
    boot: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// The client's own id when it is harmless (so that it can follow a request through a proxy), else a new one.
    fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(&REQUEST_ID) {
            Some(given) if harmless(given.as_bytes()) => given.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let text = format!(
            "{:016x}-{:x}",
            self.boot,
            self.next.fetch_add(1, Ordering::Relaxed)
        );
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

fn harmless(id: &[u8]) -> bool {
    (1..=64).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
