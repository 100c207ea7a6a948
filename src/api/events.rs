//! `/v1/runs/{id}/events`: everything that happened to a run, as JSON pages or as a stream of server-sent events; `all` has the
//! same over all runs of a caller.
//!
//! Both show the same events in the same form. A stream replays from `Last-Event-ID` (or `?after=`), then follows; `id:`
//! is the event's sequence number, dense from 1, so a client knows that it missed nothing. After `done` the stream
//! closes, and whoever comes back with the last id gets 204. `api/feed.rs` has the sharing between watchers.

pub mod all;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::{Bearer, Session, Stay};
use super::error::{Error, Kind, Result};
use super::feed::{self, Cursor, Next, Source};
use super::input::{self, Path, Query};
use super::page::{Page, Window};
use crate::clock::Clock;
use crate::ids::RunId;
use crate::store::{events, runs::Run};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Sort of an event.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The status changed.
    State,
    /// Metrics were recorded.
    Metric,
    /// A line of text.
    Log,
    /// A checkpoint was committed.
    Checkpoint,
    /// Advice.
    Diagnosis,
    /// The last event of a run.
    Done,
}

impl EventKind {
    fn stored(self) -> events::Kind {
        match self {
            Self::State => events::Kind::State,
            Self::Metric => events::Kind::Metric,
            Self::Log => events::Kind::Log,
            Self::Checkpoint => events::Kind::Checkpoint,
            Self::Diagnosis => events::Kind::Diagnosis,
            Self::Done => events::Kind::Done,
        }
    }
}

/// One event. Further fields depend on its type.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event {
    /// Whose.
    #[schema(format = Uuid)]
    pub run_id: String,
    /// Number within the run, from 1 without gaps.
    #[schema(minimum = 1)]
    pub seq: i64,
    /// Sort.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When it was recorded.
    #[schema(format = DateTime)]
    pub ts: String,
    /// Training step it belongs to, where there is one.
    pub step: Option<i64>,
    /// What the event says: a status with its reason, series of a metric, a message, a remedy.
    #[serde(flatten)]
    pub body: serde_json::Map<String, Value>,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Events on a page (not used by a stream).
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Only events behind this sequence number.
    #[param(minimum = 0)]
    after: Option<u64>,
    /// Only events of this type (not used by a stream).
    #[serde(rename = "type")]
    kind: Option<EventKind>,
}

/// What happened to a run
///
/// JSON by default, oldest first; with `Accept: text/event-stream` a stream that ends after `done`.
#[utoipa::path(get, path = "", operation_id = "runs_events", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid), EventsQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "Sequence number of the last event seen; wins over `after`.")),
    responses((status = 200, description = "A page of events, or the stream", content((Page<Event> = "application/json"), (String = "text/event-stream"))),
        (status = 204, description = "The run is over and every event was seen: do not reconnect")))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    session: Session,
    headers: HeaderMap,
    uri: Uri,
    Path(id): Path<RunId>,
    Query(query): Query<EventsQuery>,
) -> Result<Response> {
    let run = api.app.runs.show(&caller.owner, id).await?;
    let last_seen: Option<u64> = input::header(&headers, &LAST_EVENT_ID)?.or(query.after);
    let after = i64::try_from(last_seen.unwrap_or(0)).unwrap_or(i64::MAX);
    if wants_stream(&headers) {
        return stream_of(&api, &caller, session, &run, after);
    }
    let limit = Window::new(query.limit, None, None)?.limit;
    let kind = query.kind.map(EventKind::stored);
    let rows = events::page(&api.app.store, id, after, kind, limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    let mut data = Vec::with_capacity(rows.len());
    for event in rows.into_iter().take(limit as usize) {
        let row = events::Placed {
            place: event.seq,
            event,
        };
        data.push(feed::value(&api.app.store, &Source::Run(id), &row).await?);
    }
    Ok(Page::of(data, has_more, |event| event["seq"].to_string()).answer(&uri))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

fn stream_of(
    api: &Api,
    caller: &Bearer,
    session: Session,
    run: &Run,
    after: i64,
) -> Result<Response> {
    if run.status.is_terminal() && after >= run.last_seq {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    // A number that is not there yet would make the feed, which others share, begin in the future.
    let after = after.min(run.last_seq);
    let source = Source::Run(run.id);
    let follow = || api.feeds.follow(&api.app, source, after, after);
    open(api, caller, session, follow, None)
}

/// Opens a stream on the cursor that `follow` makes, with `first` before everything else.
fn open(
    api: &Api,
    caller: &Bearer,
    session: Session,
    follow: impl FnOnce() -> Cursor,
    first: Option<Bytes>,
) -> Result<Response> {
    let places = places(api, caller)?;
    let watcher = Watcher {
        cursor: follow(),
        first,
        stay: api.gate.stay(caller, session),
        clock: api.app.clock.clone(),
        quiet: api.app.quiet.clone(),
        heartbeat: Duration::from_millis(api.app.config.connections.sse_heartbeat_ms),
        over: false,
        _places: places,
    };
    let body = Body::from_stream(stream::unfold(watcher, |mut watcher| async move {
        let bytes = watcher.next().await?;
        Some((Ok::<_, std::io::Error>(bytes), watcher))
    }));
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies that collect answers before they pass them on would hold events back.
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    Ok((headers, body).into_response())
}

/// A place among the streams of this token and one among all streams; both are free again when the stream ends.
fn places(api: &Api, caller: &Bearer) -> Result<[OwnedSemaphorePermit; 2]> {
    let full = |what: &str| {
        let detail = format!("as many event streams are open as {what} allows; close one first");
        Error::retry_later(
            Kind::TooManyRequests,
            "too_many_streams",
            detail,
            Duration::from_secs(5),
        )
    };
    let own = Arc::clone(&caller.streams)
        .try_acquire_owned()
        .map_err(|_| full("this token"))?;
    let all = Arc::clone(&api.streams)
        .try_acquire_owned()
        .map_err(|_| full("this server"))?;
    Ok([own, all])
}

/// One open stream.
struct Watcher {
    cursor: Cursor,
    /// To be sent before the first event.
    first: Option<Bytes>,
    /// Of the token or session it was opened with.
    stay: Stay,
    clock: Clock,
    quiet: tokio_util::sync::CancellationToken,
    heartbeat: Duration,
    over: bool,
    _places: [OwnedSemaphorePermit; 2],
}

impl Watcher {
    /// The next bytes to send; `None` ends the stream. The body is polled only when the socket takes more, so a slow
    /// reader holds back nobody but itself.
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let bytes = self.wait().await?;
        // What came while it waited is not for somebody whose token or session has ended since.
        self.left().map(|_| bytes)
    }

    /// What there is to say next; `None` when there is nothing more, or nobody who may hear it.
    async fn wait(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        // Begun once, because tokens that others make must not put it off.
        let heartbeat = tokio::time::sleep(self.heartbeat);
        tokio::pin!(heartbeat);
        loop {
            let left = self.left()?;
            tokio::select! {
                biased;
                () = self.stay.moved() => {}
                next = self.cursor.next() => return match next {
                    Ok(Next::Events(bytes)) => Some(bytes),
                    Ok(Next::Done(bytes)) => {
                        self.over = true;
                        Some(bytes)
                    }
                    Ok(Next::Gone) => None,
                    Err(error) => {
                        tracing::warn!(%error, "an event stream ended early");
                        None
                    }
                },
                () = self.quiet.cancelled() => {
                    self.over = true;
                    let mut bytes = self.cursor.rest().await.unwrap_or_default().to_vec();
                    bytes.extend_from_slice(b": the server is stopping; come back with Last-Event-ID\nretry: 1000\n\n");
                    return Some(bytes.into());
                }
                () = &mut heartbeat => return Some(Bytes::from_static(b": still here\n\n")),
                // No longer than the heartbeat, because the clock of the day may be set.
                () = tokio::time::sleep(left.min(self.heartbeat)) => {}
            }
        }
    }

    /// How long the stream may go on; `None` when whoever opened it would not be let in any more.
    fn left(&self) -> Option<Duration> {
        self.stay.left(self.clock.now_ms())
    }
}
