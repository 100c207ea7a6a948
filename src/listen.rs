//! The connection loop: hyper's HTTP/1 with the timers that a plain `axum::serve` does not have.
//!
//! A client that sends nothing, sends its headers a byte at a time, stops in the middle of its body or no longer reads
//! its answer is let go after a stated time: [`Patience`] waits for requests (first byte, headers, idle), [`Paced`] for the
//! bytes of a body, [`Watched`] for the client to read. Timers are lazy: moving a deadline is a store, and only a timer that
//! rings is set again, so the fast path costs one clock reading.

mod timers;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use timers::{Finishing, Paced, Patience, Turn, Watched};

/// What one connection may cost. All of it is configurable (`config.rs`) and shown by `GET /v1/limits`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the connection to its first byte.
    pub first_byte: Duration,
    /// From the first byte of a request to the end of its headers.
    pub headers: Duration,
    /// Longest wait for the next [`PROGRESS_BYTES`] of a request body.
    pub body_progress: Duration,
    /// Longest wait for a client to take more of its answer.
    pub write_stall: Duration,
    /// How long a kept-alive connection may rest between two requests.
    pub idle: Duration,
    /// Connections at once; one more is answered 503 and closed.
    pub connections: usize,
    /// Request line and header fields together.
    pub header_bytes: usize,
    /// After a shutdown was asked for: how long answers in progress may take.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            first_byte: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            body_progress: Duration::from_secs(30),
            write_stall: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            connections: 4096,
            header_bytes: 16 * 1024,
            drain: Duration::from_secs(5),
        }
    }
}

/// A body must bring this much within `body_progress`, so that one byte every 29 s is not progress.
pub const PROGRESS_BYTES: u64 = 1024;

/// Largest piece of a request body that is read at once; an upload is hashed and parsed in pieces of this size.
const READ_BUFFER_BYTES: usize = 512 * 1024;

/// Refusals at the connection limit that may be in flight; above it the connection is closed without a word.
const REFUSALS: usize = 64;

/// Something that turns requests into answers: the edge of the API, or a test's stand-in.
pub trait Answer: Clone + Send + Sync + 'static {
    /// Answers one request from `peer`.
    fn answer(
        &self,
        request: Request<Body>,
        peer: IpAddr,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// The request body stopped flowing; carried inside the body's error so that the edge can answer 408.
#[derive(Debug, thiserror::Error)]
#[error("the request body stopped for {} s", .0.as_secs())]
pub struct BodyStalled(pub Duration);

/// Accepts until `shutdown`, then lets the open answers finish for at most `limits.drain`.
pub async fn serve<A: Answer>(
    listener: TcpListener,
    answer: A,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let limits = Arc::new(limits);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let (tracker, kill) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a connection reset before it was taken: the listener itself is fine, and a
                // short pause keeps a full descriptor table from becoming a busy loop.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
                tokio::spawn(async move {
                    refuse(stream).await;
                    drop(permit);
                });
            }
            continue;
        };
        // Answers are small and latency counts: never wait for more bytes to fill a packet.
        let _ = stream.set_nodelay(true);
        let (answer, limits) = (answer.clone(), Arc::clone(&limits));
        let (shutdown, kill) = (shutdown.clone(), kill.clone());
        tracker.spawn(async move {
            tokio::select! {
                () = connection(stream, peer, answer, limits, shutdown) => {}
                () = kill.cancelled() => {}
            }
            drop(slot);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(limits.drain, tracker.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            open = tracker.len(),
            "connections cut at the end of the drain"
        );
        kill.cancel();
        tracker.wait().await;
    }
}

/// Serves one connection until it ends, times out, or finishes its answer after `shutdown`.
pub async fn connection<IO, A>(
    io: IO,
    peer: SocketAddr,
    answer: A,
    limits: Arc<Limits>,
    shutdown: CancellationToken,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Answer,
{
    let turn = Arc::new(Turn::default());
    let watched = Watched::new(io, Arc::clone(&turn), limits.write_stall);
    let watching = Arc::clone(&turn);
    let (body_progress, ip) = (limits.body_progress, peer.ip());
    let service = service_fn(move |request: Request<Incoming>| {
        turn.request();
        let (turn, answer) = (Arc::clone(&turn), answer.clone());
        async move {
            let request = request.map(|body| {
                if body.is_end_stream() {
                    Body::empty()
                } else {
                    Body::new(Paced::new(body, body_progress))
                }
            });
            let response = answer.answer(request, ip).await;
            Ok::<_, Infallible>(response.map(|body| Finishing::new(body, turn)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes)
        .max_buf_size(READ_BUFFER_BYTES)
        .half_close(false)
        .serve_connection(TokioIo::new(watched), service);
    let mut connection = pin!(connection);
    let (mut patience, mut ending) = (Patience::new(), pin!(shutdown.cancelled()));
    let mut told = false;
    let ended = poll_fn(|cx| {
        if !told && ending.as_mut().poll(cx).is_ready() {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(ended.map_err(|error| error.to_string()));
        }
        ready!(patience.poll(cx, &watching, &limits));
        Poll::Ready(Err("no request came in time".to_owned()))
    });
    if let Err(error) = ended.await {
        tracing::debug!(%peer, error, "connection ended early");
    }
}

/// Says 503 to a connection above the limit; what the client sent is read for a moment so that the answer is not lost
/// to a reset.
async fn refuse(mut stream: TcpStream) {
    const PROBLEM: &str = r#"{"type":"urn:descent:problem:too_many_connections","title":"Service Unavailable","status":503,"code":"too_many_connections","detail":"every connection is taken; try again","request_id":"none"}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{PROBLEM}",
        PROBLEM.len()
    );
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};
    use tokio::time::Instant;

    /// Reads the whole body and answers its length; a body that breaks off is answered with its error.
    #[derive(Clone)]
    struct Echo;

    impl Answer for Echo {
        async fn answer(&self, request: Request<Body>, _: IpAddr) -> Response<Body> {
            if request.uri().path() == "/endless" {
                let chunk = || Ok::<_, Infallible>(Bytes::from(vec![b'x'; 64 * 1024]));
                return Response::new(Body::from_stream(futures_util::stream::repeat_with(chunk)));
            }
            if request.uri().path() == "/never" {
                std::future::pending::<()>().await;
            }
            match to_bytes(request.into_body(), usize::MAX).await {
                Ok(bytes) => Response::new(Body::from(bytes.len().to_string())),
                Err(error) => {
                    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
                    let stalled = std::iter::from_fn(|| {
                        let current = cause?;
                        cause = current.source();
                        Some(current.is::<BodyStalled>())
                    })
                    .any(|found| found);
                    Response::new(Body::from(format!("stalled: {stalled}")))
                }
            }
        }
    }

    fn open(limits: Limits) -> (DuplexStream, tokio::task::JoinHandle<()>, CancellationToken) {
        let (client, server) = duplex(256 * 1024);
        let shutdown = CancellationToken::new();
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let served = tokio::spawn(connection(
            server,
            peer,
            Echo,
            Arc::new(limits),
            shutdown.clone(),
        ));
        (client, served, shutdown)
    }

    /// Virtual seconds until the server lets go of the connection.
    async fn seconds_until_end(served: tokio::task::JoinHandle<()>) -> u64 {
        let start = Instant::now();
        served.await.unwrap();
        start.elapsed().as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_is_let_go() {
        let (_client, served, _) = open(Limits::default());
        assert_eq!(seconds_until_end(served).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_of_headers_is_let_go() {
        let (mut client, served, _) = open(Limits::default());
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(seconds_until_end(served).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resting_connection_may_rest_longer() {
        let (mut client, served, _) = open(Limits::default());
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut seen = vec![0; 4096];
        let n = client.read(&mut seen).await.unwrap();
        assert!(String::from_utf8_lossy(&seen[..n]).starts_with("HTTP/1.1 200"));
        assert_eq!(seconds_until_end(served).await, 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_an_error_after_its_time() {
        let (mut client, served, _) = open(Limits::default());
        client
            .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
            .await
            .unwrap();
        let start = Instant::now();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 30);
        assert!(seen.ends_with("stalled: true"), "{seen}");
        served.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_byte_in_a_while_is_no_progress() {
        let (mut client, _served, _) = open(Limits::default());
        client
            .write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n")
            .await
            .unwrap();
        let start = Instant::now();
        let mut seen = vec![0; 4096];
        let answered = async {
            let (mut reader, mut writer) = tokio::io::split(client);
            let mut ticks = tokio::time::interval(Duration::from_secs(9));
            loop {
                tokio::select! {
                    n = reader.read(&mut seen) => break n.unwrap(),
                    _ = ticks.tick() => writer.write_all(b"x").await.unwrap(),
                }
            }
        };
        assert!(answered.await > 0);
        assert_eq!(start.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_is_let_go() {
        let (mut client, served, _) = open(Limits::default());
        client
            .write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(seconds_until_end(served).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_not_a_slow_client() {
        let (mut client, served, _) = open(Limits::default());
        client
            .write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(600), served).await;
        assert!(waited.is_err(), "the connection must still be open");
    }

    #[tokio::test(start_paused = true)]
    async fn headers_have_a_limit() {
        let (mut client, _served, _) = open(Limits::default());
        let head = format!(
            "GET / HTTP/1.1\r\nhost: x\r\nx-big: {}\r\n\r\n",
            "a".repeat(17 * 1024)
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.starts_with("HTTP/1.1 431"), "{seen}");
        let (mut client, _served, _) = open(Limits::default());
        let head = format!(
            "GET / HTTP/1.1\r\nhost: x\r\n{}\r\n",
            "x-f: 1\r\n".repeat(101)
        );
        client.write_all(head.as_bytes()).await.unwrap();
        let mut seen = String::new();
        client.read_to_string(&mut seen).await.unwrap();
        assert!(seen.starts_with("HTTP/1.1 431"), "{seen}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_ends_a_resting_connection_at_once() {
        let (mut client, served, shutdown) = open(Limits::default());
        client
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut seen = vec![0; 4096];
        assert!(client.read(&mut seen).await.unwrap() > 0);
        shutdown.cancel();
        assert_eq!(seconds_until_end(served).await, 0);
    }

    #[tokio::test]
    async fn one_connection_too_many_is_told_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let limits = Limits {
            connections: 1,
            ..Limits::default()
        };
        let served = tokio::spawn(serve(listener, Echo, limits, shutdown.clone()));
        let mut first = TcpStream::connect(address).await.unwrap();
        first
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut seen = vec![0; 4096];
        assert!(first.read(&mut seen).await.unwrap() > 0);
        let mut second = TcpStream::connect(address).await.unwrap();
        let mut refusal = String::new();
        second.read_to_string(&mut refusal).await.unwrap();
        assert!(
            refusal.starts_with("HTTP/1.1 503") && refusal.contains("retry-after: 1"),
            "{refusal}"
        );
        drop((first, second));
        shutdown.cancel();
        served.await.unwrap();
    }
}
