//! What a feed shows: one run, or all runs of an owner.

use std::sync::Arc;

use super::Result;
use crate::ids::RunId;
use crate::store::events::{self, Kind, Placed};
use crate::store::{Order, Store};

/// Whose events. A place is the number that a reader goes on from: in a run the event's own, over all runs that in the order of
/// all events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// One run.
    Run(RunId),
    /// All runs of an owner.
    Owner(Arc<str>),
}

/// A part of the record.
pub(super) struct Read {
    /// Its events, in order.
    pub(super) rows: Vec<Placed>,
    /// Up to here nothing was passed over.
    pub(super) reached: i64,
    /// Whether more may follow at once.
    pub(super) is_full: bool,
}

impl Source {
    /// At most `limit` events behind the place `after`.
    pub(super) async fn read(&self, store: &Store, after: i64, limit: u32) -> Result<Read> {
        let (rows, newest) = match self {
            Source::Run(run) => {
                let rows = events::page(store, *run, after, None, limit).await?;
                let placed = rows.into_iter().map(|event| Placed {
                    place: event.seq,
                    event,
                });
                (placed.collect::<Vec<_>>(), after)
            }
            Source::Owner(owner) => {
                // Looked up first: whatever has a place up to here is seen by the query behind it.
                let newest = events::newest_place(store).await?;
                let rows = events::of_owner(store, owner, after, None, Order::Asc, limit).await?;
                (rows, newest)
            }
        };
        let is_full = rows.len() == limit as usize;
        let last = rows.last().map_or(after, |row| row.place);
        Ok(Read {
            rows,
            // Behind a full page there may be more before the newest.
            reached: if is_full { last } else { last.max(newest) },
            is_full,
        })
    }

    /// Whether a notice about `run` may mean something new here.
    pub(super) fn concerns(&self, run: RunId) -> bool {
        match self {
            Source::Run(own) => *own == run,
            Source::Owner(_) => true,
        }
    }

    /// Whether nothing comes behind this event.
    pub(super) fn ends_with(&self, row: &Placed) -> bool {
        matches!(self, Source::Run(_)) && row.event.kind == Kind::Done
    }
}
