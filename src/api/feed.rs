//! What the watchers of a run share: each event is read from the record and rendered once, whoever many watch.
//!
//! One task follows each watched run: it is woken by the broadcast "run X moved", reads what is new from the table, and keeps
//! the rendered frames of the last events in a ring. A watcher has a cursor. Its next frame is in the ring (shared
//! bytes, no copy), or it is older than the ring, because the watcher began in the past or reads slowly; then the
//! watcher reads a page of the table itself, a few watchers at a time, so that a crowd of slow readers does not keep
//! everybody else from the record. Memory is one ring a run and one page a reader, and no event is lost.
//!
//! An event shows at most [`EVENT_POINTS`] points of a series, and always the last one: a run that makes a hundred thousand
//! steps a second must not become megabytes a second for each of a thousand watchers. `/metrics` has every point. A
//! watcher that fell out of the ring while it followed is too slow even for that and gets [`SLOW_POINTS`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, watch};

use super::time::rfc3339;
use crate::app::App;
use crate::ids::RunId;
use crate::store::events::{self, Event, Kind};
use crate::store::metrics::{self, Series};
use crate::store::{Store, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Frames kept of a run.
const RING_EVENTS: usize = 512;
/// Bytes of frames kept of a run.
const RING_BYTES: usize = 2 << 20;
/// Events read from the table at once.
const PAGE: u32 = 128;
/// Points of a series in an event.
const EVENT_POINTS: usize = 50;
/// Points of a series in an event for a watcher that is too slow for all of them.
const SLOW_POINTS: usize = 5;
/// Watchers that read the table at the same time; the others wait for their turn without holding a connection.
const TABLE_READERS: usize = 2;

/// The runs that somebody watches.
pub struct Feeds {
    watched: Mutex<HashMap<RunId, Weak<Feed>>>,
    table: Arc<Semaphore>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self {
            watched: Mutex::default(),
            table: Arc::new(Semaphore::new(TABLE_READERS)),
        }
    }
}

impl Feeds {
    /// A cursor on the events of `run` behind `after`.
    pub fn follow(&self, app: &App, run: RunId, after: i64) -> Cursor {
        let mut feeds = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = feeds.get(&run).and_then(Weak::upgrade).unwrap_or_else(|| {
            let feed = Arc::new(Feed {
                run,
                store: app.store.clone(),
                table: Arc::clone(&self.table),
                state: watch::Sender::new(Ring::behind(after)),
            });
            feeds.insert(run, Arc::downgrade(&feed));
            // Listening begins before the first look, so that no notice falls between.
            tokio::spawn(keep_up(Arc::downgrade(&feed), app.runs.subscribe(), run));
            feed
        });
        Cursor {
            seen: feed.state.subscribe(),
            feed,
            last: after,
            followed: false,
            done: false,
        }
    }
}

/// One watched run.
struct Feed {
    run: RunId,
    store: Store,
    table: Arc<Semaphore>,
    state: watch::Sender<Ring>,
}

/// The last frames, in order.
struct Ring {
    /// Sequence number of the first frame kept; frames behind it are dense.
    first: i64,
    frames: VecDeque<Bytes>,
    n_bytes: usize,
    /// Sequence number of `done`, once it is there.
    done: Option<i64>,
    /// The run was deleted, or the record cannot be read any more.
    gone: bool,
}

impl Ring {
    fn behind(after: i64) -> Self {
        Ring {
            first: after + 1,
            frames: VecDeque::new(),
            n_bytes: 0,
            done: None,
            gone: false,
        }
    }

    /// Sequence number of the newest frame, or the one before the first.
    fn last(&self) -> i64 {
        self.first + self.frames.len() as i64 - 1
    }

    fn push(&mut self, frame: Bytes) {
        self.n_bytes += frame.len();
        self.frames.push_back(frame);
        while self.frames.len() > RING_EVENTS
            || (self.n_bytes > RING_BYTES && self.frames.len() > 1)
        {
            let oldest = self.frames.pop_front();
            self.n_bytes -= oldest.map_or(0, |frame| frame.len());
            self.first += 1;
        }
    }

    /// Every frame behind `after` as one piece, and the number of the last of them.
    fn behind_as_bytes(&self, after: i64) -> (Bytes, i64) {
        let skip = usize::try_from(after + 1 - self.first).unwrap_or(0);
        let mut wanted = self.frames.iter().skip(skip);
        match (wanted.next(), wanted.next()) {
            (Some(only), None) => (only.clone(), self.last()),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(wanted);
                (
                    all.flat_map(|frame| frame.iter().copied()).collect(),
                    self.last(),
                )
            }
        }
    }
}

/// Reads what is new after each notice, until nobody watches any more or `done` was read.
async fn keep_up(feed: Weak<Feed>, mut moved: tokio::sync::broadcast::Receiver<RunId>, run: RunId) {
    loop {
        let Some(feed) = feed.upgrade() else { return };
        match feed.read_on().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, %run, "events cannot be read");
                feed.state.send_modify(|ring| ring.gone = true);
                return;
            }
        }
        drop(feed);
        loop {
            match moved.recv().await {
                Ok(other) if other != run => {}
                // Behind the broadcast: the table knows what was missed.
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
    }
}

impl Feed {
    /// Takes over everything new; `true` after `done`.
    async fn read_on(&self) -> Result<bool> {
        loop {
            let after = self.state.borrow().last();
            let rows = events::page(&self.store, self.run, after, None, PAGE).await?;
            let full = rows.len() == PAGE as usize;
            let mut frames = Vec::with_capacity(rows.len());
            for row in &rows {
                frames.push(frame(&self.store, row, EVENT_POINTS).await?);
            }
            let done = rows
                .iter()
                .find(|row| row.kind == Kind::Done)
                .map(|row| row.seq);
            if !frames.is_empty() {
                self.state.send_modify(|ring| {
                    frames.into_iter().for_each(|frame| ring.push(frame));
                    ring.done = ring.done.or(done);
                });
            }
            if done.is_some() || !full {
                return Ok(done.is_some());
            }
        }
    }
}

/// A watcher's place in a run's events.
pub struct Cursor {
    feed: Arc<Feed>,
    seen: watch::Receiver<Ring>,
    last: i64,
    /// Whether the watcher has reached the ring before: falling out of it again means that it reads too slowly.
    followed: bool,
    done: bool,
}

/// What comes next on a stream.
pub enum Next {
    /// Frames, one or several.
    Events(Bytes),
    /// The last frames.
    Done(Bytes),
    /// There is nothing to follow any more.
    Gone,
}

impl Cursor {
    /// Waits for events behind the last ones.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn next(&mut self) -> Result<Next> {
        loop {
            match self.ready() {
                Ready::Bytes(bytes) => return Ok(self.handed(bytes)),
                Ready::Older => return self.reread().await,
                Ready::Gone => return Ok(Next::Gone),
                Ready::Wait => {
                    if self.done || self.seen.changed().await.is_err() {
                        return Ok(Next::Gone);
                    }
                }
            }
        }
    }

    /// What is on record and was not sent, at most a page of it, for a stream that ends before its run.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn rest(&mut self) -> Result<Bytes> {
        self.followed = false; // nobody was slow
        Ok(match self.reread().await? {
            Next::Events(bytes) | Next::Done(bytes) => bytes,
            Next::Gone => Bytes::new(),
        })
    }

    fn ready(&mut self) -> Ready {
        let ring = self.seen.borrow_and_update();
        if self.last + 1 < ring.first {
            return Ready::Older;
        }
        if self.last < ring.last() {
            let (bytes, last) = ring.behind_as_bytes(self.last);
            self.last = last;
            self.followed = true;
            self.done = ring.done == Some(last);
            return Ready::Bytes(bytes);
        }
        if ring.gone { Ready::Gone } else { Ready::Wait }
    }

    fn handed(&self, bytes: Bytes) -> Next {
        if self.done {
            Next::Done(bytes)
        } else {
            Next::Events(bytes)
        }
    }

    async fn reread(&mut self) -> Result<Next> {
        // The semaphore is never closed; without a permit the read would only be less patient.
        let _turn = self.feed.table.acquire().await.ok();
        let rows = events::page(&self.feed.store, self.feed.run, self.last, None, PAGE).await?;
        let max_points = if self.followed {
            SLOW_POINTS
        } else {
            EVENT_POINTS
        };
        let mut bytes = Vec::new();
        for row in &rows {
            bytes.extend_from_slice(&frame(&self.feed.store, row, max_points).await?);
            self.last = row.seq;
            self.done |= row.kind == Kind::Done;
        }
        // Events the ring was past are gone from the table too: the run was deleted.
        Ok(if rows.is_empty() {
            Next::Gone
        } else {
            self.handed(bytes.into())
        })
    }
}

enum Ready {
    Bytes(Bytes),
    Older,
    Wait,
    Gone,
}

/// One event as it goes over the wire.
async fn frame(store: &Store, event: &Event, max_points: usize) -> Result<Bytes> {
    let data = document(store, event, max_points).await?;
    Ok(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq, event.kind).into())
}

/// One event as a JSON document; that of a metric carries its series.
///
/// # Errors
/// When the record cannot be read.
pub async fn value(store: &Store, event: &Event) -> Result<Value> {
    document(store, event, EVENT_POINTS).await
}

async fn document(store: &Store, event: &Event, max_points: usize) -> Result<Value> {
    let mut fields = serde_json::Map::new();
    fields.insert("run_id".into(), json!(event.run_id));
    fields.insert("seq".into(), json!(event.seq));
    fields.insert("type".into(), json!(event.kind));
    fields.insert("ts".into(), json!(rfc3339(event.ts_ms)));
    fields.insert("step".into(), json!(event.step));
    fields.extend(event.body.parse::<serde_json::Map<String, Value>>()?);
    if event.kind == Kind::Metric {
        let series = metrics::of_event(store, event.run_id, event.seq).await?;
        let thinned = series.iter().any(|one| one.steps.len() > max_points);
        fields.insert(
            "series".into(),
            series.iter().map(|one| points(one, max_points)).collect(),
        );
        if thinned {
            fields.insert("thinned".into(), json!(true));
        }
    }
    Ok(Value::Object(fields))
}

/// Steps and values of one series; every so-manieth point, and always the last one, when there are more than wanted.
fn points(series: &Series, max_points: usize) -> Value {
    let n = series.steps.len();
    let stride = n.div_ceil(max_points.max(1)).max(1);
    let kept: Vec<usize> = (0..n)
        .filter(|i| (n - 1 - i).is_multiple_of(stride))
        .collect();
    let steps: Vec<u64> = kept.iter().map(|&i| series.steps[i]).collect();
    let values: Vec<Value> = kept
        .iter()
        .map(|&i| super::numbers::number(series.values[i]))
        .collect();
    let mut one = json!({"name": series.name, "steps": steps, "values": values});
    let nonfinite = super::numbers::nonfinite(kept.iter().map(|&i| series.values[i]));
    if !nonfinite.is_empty() {
        one["nonfinite"] = json!(nonfinite);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_the_newest_and_knows_their_numbers() {
        let mut ring = Ring::behind(0);
        for i in 1..=RING_EVENTS + 3 {
            ring.push(Bytes::from(format!("{i};")));
        }
        assert_eq!((ring.first, ring.last()), (4, RING_EVENTS as i64 + 3));
        let (bytes, last) = ring.behind_as_bytes(RING_EVENTS as i64 + 1);
        assert_eq!((&bytes[..], last), (&b"514;515;"[..], 515));
    }

    #[test]
    fn thinning_keeps_the_last_point() {
        let series = Series {
            name: "loss".into(),
            steps: (1..=101).collect(),
            values: (1..=101).map(f64::from).collect(),
        };
        let thinned = points(&series, 50);
        let steps = thinned["steps"].as_array().unwrap();
        assert!(steps.len() <= 50, "{}", steps.len());
        assert_eq!(steps.last().unwrap(), 101);
        assert_eq!(
            points(&series, 1000)["steps"].as_array().unwrap().len(),
            101
        );
    }
}
