//! The last frames of a feed, which its watchers share.

use std::collections::VecDeque;

use axum::body::Bytes;

/// Frames kept of a feed.
const RING_EVENTS: usize = 512;
/// Bytes of frames kept of a feed.
const RING_BYTES: usize = 2 << 20;

/// The last frames, in order.
pub(super) struct Ring {
    /// Every event behind this place and up to `last` is here.
    pub(super) since: i64,
    /// Up to here the record was read.
    pub(super) last: i64,
    frames: VecDeque<(i64, Bytes)>,
    n_bytes: usize,
    /// Place of `done`, once it is there.
    pub(super) done: Option<i64>,
    /// The run was deleted, or the record cannot be read any more.
    pub(super) gone: bool,
}

impl Ring {
    pub(super) fn behind(after: i64) -> Self {
        Ring {
            since: after,
            last: after,
            frames: VecDeque::new(),
            n_bytes: 0,
            done: None,
            gone: false,
        }
    }

    pub(super) fn push(&mut self, place: i64, frame: Bytes) {
        self.n_bytes += frame.len();
        self.frames.push_back((place, frame));
        self.last = place;
        while self.frames.len() > RING_EVENTS
            || (self.n_bytes > RING_BYTES && self.frames.len() > 1)
        {
            if let Some((oldest, frame)) = self.frames.pop_front() {
                self.n_bytes -= frame.len();
                self.since = oldest;
            }
        }
    }

    /// Every frame behind `after` as one piece.
    pub(super) fn behind_as_bytes(&self, after: i64) -> Bytes {
        let skip = self.frames.partition_point(|(place, _)| *place <= after);
        let mut wanted = self.frames.iter().skip(skip).map(|(_, frame)| frame);
        match (wanted.next(), wanted.next()) {
            (Some(only), None) => only.clone(),
            (first, second) => {
                let all = first.into_iter().chain(second).chain(wanted);
                all.flat_map(|frame| frame.iter().copied()).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_keeps_the_newest_and_knows_their_places() {
        let mut ring = Ring::behind(0);
        // Every second place is somebody else's.
        for i in 1..=RING_EVENTS as i64 + 3 {
            ring.push(2 * i, Bytes::from(format!("{i};")));
        }
        assert_eq!((ring.since, ring.last), (6, 2 * (RING_EVENTS as i64 + 3)));
        assert_eq!(&ring.behind_as_bytes(2 * 513)[..], b"514;515;");
        assert_eq!(&ring.behind_as_bytes(2 * 513 + 1)[..], b"514;515;");
        assert_eq!(&ring.behind_as_bytes(2 * 514)[..], b"515;");
        assert!(ring.behind_as_bytes(ring.last).is_empty());
    }
}
