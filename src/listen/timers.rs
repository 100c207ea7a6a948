//! The timers of one connection, where its bytes are seen.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::{BodyStalled, Limits, PROGRESS_BYTES};

/// Whose turn it is on a connection: even while a request is awaited, odd while one is answered.
#[derive(Default)]
pub(super) struct Turn {
    number: AtomicU32,
    /// Whether bytes came since the last answer.
    begun: AtomicBool,
}

impl Turn {
    /// A request has come.
    pub(super) fn request(&self) {
        self.number.fetch_or(1, Ordering::Relaxed);
        self.begun.store(false, Ordering::Relaxed);
    }
    fn answered(&self) {
        self.number.fetch_add(1, Ordering::Relaxed);
    }
    fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }
    fn is_awaiting(&self) -> bool {
        self.number().is_multiple_of(2)
    }
}

/// The timer of a connection while a request is awaited. hyper does not read again when it knows that nothing came, so
/// the timer cannot live in the socket; it is looked at whenever the connection has nothing more to do.
pub(super) struct Patience {
    armed: Option<(u32, bool)>,
    deadline: Deadline,
}

impl Patience {
    pub(super) fn new() -> Self {
        Patience {
            armed: None,
            deadline: Deadline::new(Instant::now()),
        }
    }

    /// Ready when the client had its time.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, turn: &Turn, limits: &Limits) -> Poll<()> {
        if !turn.is_awaiting() {
            return Poll::Pending;
        }
        let now = (turn.number(), turn.begun.load(Ordering::Relaxed));
        if self.armed != Some(now) {
            self.armed = Some(now);
            self.deadline.at = Instant::now()
                + match now {
                    (_, true) => limits.headers,
                    (0, false) => limits.first_byte,
                    (_, false) => limits.idle,
                };
        }
        self.deadline.poll(cx)
    }
}

/// A response body that passes the turn back to the client with its last frame, or when hyper lets go of it: hyper may
/// keep a finished body until the next request, and would wait for that request without a timer.
pub(super) struct Finishing {
    body: Body,
    turn: Option<Arc<Turn>>,
}

impl Finishing {
    pub(super) fn new(body: Body, turn: Arc<Turn>) -> Self {
        let mut finishing = Finishing {
            body,
            turn: Some(turn),
        };
        finishing.look();
        finishing
    }

    fn look(&mut self) {
        if self.body.is_end_stream() {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if let Some(turn) = self.turn.take() {
            turn.answered();
        }
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        self.finish();
    }
}

impl HttpBody for Finishing {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(_))) => self.look(),
            Poll::Ready(_) => self.finish(),
            Poll::Pending => {}
        }
        frame
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A deadline that is moved often and reached seldom: moving it is a store, the timer is set again only when it rings.
struct Deadline {
    at: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    fn new(at: Instant) -> Self {
        Deadline { at, timer: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= at {
                return Poll::Ready(());
            }
            timer.as_mut().reset(at);
        }
        Poll::Pending
    }
}

/// The socket: says when a request begins, and gives up on a client that no longer reads.
pub(super) struct Watched<IO> {
    io: IO,
    turn: Arc<Turn>,
    write_stall: Duration,
    write: Deadline,
    writing_stalled: bool,
}

impl<IO> Watched<IO> {
    pub(super) fn new(io: IO, turn: Arc<Turn>, write_stall: Duration) -> Self {
        Watched {
            io,
            turn,
            write_stall,
            write: Deadline::new(Instant::now()),
            writing_stalled: false,
        }
    }

    fn after_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing_stalled = false;
            return written;
        }
        if !self.writing_stalled {
            self.writing_stalled = true;
            self.write.at = Instant::now() + self.write_stall;
        }
        ready!(self.write.poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client stopped reading",
        )))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Watched<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before && self.turn.is_awaiting() {
            self.turn.begun.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Watched<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.after_write(cx, written)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.after_write(cx, written)
    }
    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.after_write(cx, flushed)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.io).poll_shutdown(cx);
        self.after_write(cx, closed)
    }
}

/// A request body that must keep flowing.
pub(super) struct Paced {
    body: Incoming,
    allowance: Duration,
    since_progress: u64,
    waiting: bool,
    deadline: Deadline,
}

impl Paced {
    pub(super) fn new(body: Incoming, allowance: Duration) -> Self {
        Paced {
            body,
            allowance,
            since_progress: 0,
            waiting: false,
            deadline: Deadline::new(Instant::now()),
        }
    }
}

impl HttpBody for Paced {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.since_progress += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.since_progress >= PROGRESS_BYTES {
                    (this.since_progress, this.waiting) = (0, false);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => {
                if !this.waiting {
                    this.waiting = true;
                    this.deadline.at = Instant::now() + this.allowance;
                }
                ready!(this.deadline.poll(cx));
                Poll::Ready(Some(Err(Box::new(BodyStalled(this.allowance)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
