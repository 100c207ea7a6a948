//! `/v1/events`: what happened to all runs of the caller, in one order, so that a page that shows many runs needs one stream.
//!
//! The payloads are those of a run's own stream, with an `id`: the number of the event in the order of all events. It grows,
//! with gaps where events are other owners', and is what a reader goes on from, also after a restart of the server.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::{Event, EventKind, LAST_EVENT_ID, open, wants_stream};
use crate::api::Api;
use crate::api::auth::{Bearer, Session};
use crate::api::error::Result;
use crate::api::feed::{self, Source};
use crate::api::input::{self, Query};
use crate::api::page::{Order, Page, Window};
use crate::api::time::rfc3339;
use crate::store::events;

/// An event of any run.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventOfAll {
    /// Number in the order of all events: grows, with gaps.
    #[schema(minimum = 1)]
    pub id: i64,
    /// What it says.
    #[serde(flatten)]
    pub event: Event,
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AllEventsQuery {
    /// Events on a page (not used by a stream).
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<u32>,
    /// Only events behind this `id`. A stream without it begins now, with an event of type `start` that says where that is.
    #[param(minimum = 0)]
    after: Option<u64>,
    /// Direction of a page (a stream runs from old to new).
    order: Option<Order>,
    /// Only events of this type (not used by a stream).
    #[serde(rename = "type")]
    kind: Option<EventKind>,
}

/// What happened to all runs
///
/// JSON by default; with `Accept: text/event-stream` a stream that does not end. `id:` is the event's `id`, so a reader that comes
/// back with the last one, also to a server that was started again, misses nothing and sees nothing twice.
#[utoipa::path(get, path = "", operation_id = "events_list", tag = "runs",
    params(AllEventsQuery, ("Last-Event-ID" = Option<u64>, Header, description = "`id` of the last event seen; wins over `after`.")),
    responses((status = 200, description = "A page of events, or the stream", content((Page<EventOfAll> = "application/json"), (String = "text/event-stream")))))]
pub async fn list(
    State(api): State<Api>,
    caller: Bearer,
    session: Session,
    headers: HeaderMap,
    uri: Uri,
    Query(query): Query<AllEventsQuery>,
) -> Result<Response> {
    let last_seen: Option<u64> = input::header(&headers, &LAST_EVENT_ID)?.or(query.after);
    let after = last_seen.map(|seen| i64::try_from(seen).unwrap_or(i64::MAX));
    if wants_stream(&headers) {
        return stream_of(&api, &caller, session, after).await;
    }
    let window = Window::new(query.limit, None, query.order)?;
    let (limit, order) = (window.limit, window.for_store().order);
    let ends = match order {
        crate::store::Order::Asc => 0,
        crate::store::Order::Desc => i64::MAX,
    };
    let kind = query.kind.map(EventKind::stored);
    let (store, from) = (&api.app.store, after.unwrap_or(ends));
    let rows = events::of_owner(store, &caller.owner, from, kind, order, limit + 1).await?;
    let has_more = rows.len() > limit as usize;
    let source = Source::Owner(caller.owner.as_str().into());
    let mut data = Vec::with_capacity(rows.len());
    for row in rows.iter().take(limit as usize) {
        data.push(feed::value(store, &source, row).await?);
    }
    Ok(Page::of(data, has_more, |event| event["id"].to_string()).answer(&uri))
}

async fn stream_of(
    api: &Api,
    caller: &Bearer,
    session: Session,
    after: Option<i64>,
) -> Result<Response> {
    let newest = events::newest_place(&api.app.store).await?;
    let first = after.is_none().then(|| {
        let data = json!({"id": newest, "type": "start", "ts": rfc3339(api.app.clock.now_ms())});
        Bytes::from(format!("id: {newest}\nevent: start\ndata: {data}\n\n"))
    });
    // A number that is not there yet would hide what is to come.
    let after = after.unwrap_or(newest).min(newest);
    let source = Source::Owner(caller.owner.as_str().into());
    // The feed begins now, whoever is the first to watch: what is older each reader reads on its own.
    let follow = || api.feeds.follow(&api.app, source, after, newest);
    open(api, caller, session, follow, first)
}
