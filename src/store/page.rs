//! Lists: a page after a cursor, stable under inserts because the cursor is an id, never a position.

/// Which way a list goes. Ids grow with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first.
    #[default]
    Desc,
    /// Oldest first.
    Asc,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows at most.
    pub limit: u32,
    /// Begin behind this id.
    pub after: Option<String>,
    /// Direction.
    pub order: Order,
}

impl Default for Page {
    fn default() -> Self {
        Self {
            limit: 20,
            after: None,
            order: Order::Desc,
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct PageOf<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Whether more follow.
    pub has_more: bool,
}

impl<T> PageOf<T> {
    /// From a query that asked for one row more than the page holds.
    pub(super) fn cut<R: Into<T>>(mut rows: Vec<R>, limit: u32) -> Self {
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Self {
            rows: rows.into_iter().map(Into::into).collect(),
            has_more,
        }
    }
}
