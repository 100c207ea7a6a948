//! What the watchers of a run, or of all runs of an owner, share: each event is read from the record and rendered once, whoever many watch.
//!
//! One task follows each watched source: it is woken by the broadcast "run X moved", reads what is new from the table, and keeps
//! the rendered frames of the last events in a ring. A watcher has a cursor. Its next frame is in the ring (shared
//! bytes, no copy), or it is older than the ring, because the watcher began in the past or reads slowly; then the
//! watcher reads a page of the table itself, a few watchers at a time, so that a crowd of slow readers does not keep
//! everybody else from the record. Memory is one ring a source and one page a reader, and no event is lost.
//!
//! An event shows at most [`EVENT_POINTS`] points of a series, and always the last one: a run that makes a hundred thousand
//! steps a second must not become megabytes a second for each of a thousand watchers. `/metrics` has every point. A
//! watcher that fell out of the ring while it followed is too slow even for that and gets [`SLOW_POINTS`].

mod frame;
mod ring;
mod source;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, broadcast, watch};

pub use frame::value;
pub use source::Source;

use self::frame::{EVENT_POINTS, SLOW_POINTS, frame};
use self::ring::Ring;
use crate::app::App;
use crate::ids::RunId;
use crate::store::{Store, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// Events read from the table at once.
const PAGE: u32 = 128;
/// Watchers that read the table at the same time; the others wait for their turn without holding a connection.
const TABLE_READERS: usize = 2;

/// The sources that somebody watches.
pub struct Feeds {
    watched: Mutex<HashMap<Source, Weak<Feed>>>,
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
    /// A cursor on the events of `source` behind the place `after`. A feed that is not watched yet begins at the place `begin`.
    pub fn follow(&self, app: &App, source: Source, after: i64, begin: i64) -> Cursor {
        let mut feeds = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = feeds.get(&source).and_then(Weak::upgrade);
        let feed = feed.unwrap_or_else(|| {
            let feed = Arc::new(Feed {
                source: source.clone(),
                store: app.store.clone(),
                table: Arc::clone(&self.table),
                state: watch::Sender::new(Ring::behind(begin)),
            });
            feeds.insert(source, Arc::downgrade(&feed));
            // Listening begins before the first look, so that no notice falls between.
            tokio::spawn(keep_up(Arc::downgrade(&feed), app.runs.subscribe()));
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

/// One watched source.
struct Feed {
    source: Source,
    store: Store,
    table: Arc<Semaphore>,
    state: watch::Sender<Ring>,
}

/// Reads what is new after each notice, until nobody watches any more or the end was read.
async fn keep_up(feed: Weak<Feed>, mut moved: broadcast::Receiver<RunId>) {
    loop {
        let Some(feed) = feed.upgrade() else { return };
        match feed.read_on().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, source = ?feed.source, "events cannot be read");
                feed.state.send_modify(|ring| ring.gone = true);
                return;
            }
        }
        let source = feed.source.clone();
        drop(feed);
        loop {
            match moved.recv().await {
                Ok(run) if !source.concerns(run) => {}
                // Behind the broadcast: the table knows what was missed.
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return,
            }
        }
        // One look answers every notice that is here already.
        while moved.try_recv().is_ok() {}
    }
}

impl Feed {
    /// Takes over everything new; `true` after the end.
    async fn read_on(&self) -> Result<bool> {
        loop {
            let after = self.state.borrow().last;
            let read = self.source.read(&self.store, after, PAGE).await?;
            let mut frames = Vec::with_capacity(read.rows.len());
            for row in &read.rows {
                let frame = frame(&self.store, &self.source, row, EVENT_POINTS).await?;
                frames.push((row.place, frame));
            }
            let done = read.rows.iter().find(|row| self.source.ends_with(row));
            let done = done.map(|row| row.place);
            if read.reached > after {
                // Nobody is woken when others' events were passed over.
                let is_new = !frames.is_empty();
                self.state.send_if_modified(|ring| {
                    frames
                        .into_iter()
                        .for_each(|(place, frame)| ring.push(place, frame));
                    ring.last = read.reached;
                    ring.done = ring.done.or(done);
                    is_new
                });
            }
            if done.is_some() || !read.is_full {
                return Ok(done.is_some());
            }
        }
    }
}

/// A watcher's place in the events of a source.
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
                Ready::Older => match self.reread().await? {
                    // Between here and the ring everything was somebody else's.
                    Next::Events(bytes) if bytes.is_empty() => {}
                    next => return Ok(next),
                },
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
        if self.last < ring.since {
            return Ready::Older;
        }
        if self.last < ring.last {
            let bytes = ring.behind_as_bytes(self.last);
            self.last = ring.last;
            self.followed = true;
            self.done = ring.done == Some(ring.last);
            if !bytes.is_empty() {
                return Ready::Bytes(bytes);
            }
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
        let (source, store) = (&self.feed.source, &self.feed.store);
        let read = source.read(store, self.last, PAGE).await?;
        let max_points = if self.followed {
            SLOW_POINTS
        } else {
            EVENT_POINTS
        };
        let mut bytes = Vec::new();
        for row in &read.rows {
            bytes.extend_from_slice(&frame(store, source, row, max_points).await?);
            self.done |= source.ends_with(row);
        }
        // Events the ring was past are gone from the table too: the run was deleted.
        let is_gone = read.rows.is_empty() && matches!(source, Source::Run(_));
        self.last = read.reached;
        Ok(if is_gone {
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
