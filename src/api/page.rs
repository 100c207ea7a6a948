//! Lists: `?limit=&after=&order=` in, a page with `has_more` and a `Link: rel="next"` out.
//!
//! `after` is the id of the last item the client has seen, not a position, so rows that come or go in between neither
//! repeat nor hide an item.

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{Error, Result};
use crate::store;

/// Items on a page when the client does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// Most items on a page.
pub const MAX_LIMIT: u32 = 100;

/// Direction of a list by id, which is by time of creation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    #[default]
    Desc,
}

/// The window of a list after its parameters were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Items wanted, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Start behind this id.
    pub after: Option<String>,
    /// Direction.
    pub order: Order,
}

impl Window {
    /// Checks the three parameters that every list has.
    pub fn new(limit: Option<u32>, after: Option<String>, order: Option<Order>) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::query(
                "limit",
                format!("limit is {limit}; it must be 1 to {MAX_LIMIT}"),
            ));
        }
        let window = Window {
            limit,
            after,
            order: order.unwrap_or_default(),
        };
        // Of all cursors names are the longest; a letter of theirs may have several bytes.
        window.behind(|after| (1..=128).contains(&after.chars().count()))
    }

    /// Refuses a cursor that does not have the form of those of the list: behind it there is no page.
    pub fn behind(self, has_form: impl FnOnce(&str) -> bool) -> Result<Self> {
        if self.after.as_deref().is_none_or(has_form) {
            Ok(self)
        } else {
            Err(no_cursor())
        }
    }

    /// The same for a list whose ids are of the kind `I`. Behind what is none of them there is no page; the others get the one form
    /// that they have on record.
    pub fn of<I: FromStr + Display>(
        limit: Option<u32>,
        after: Option<String>,
        order: Option<Order>,
    ) -> Result<Self> {
        let mut window = Window::new(limit, after, order)?;
        if let Some(after) = &mut window.after {
            let id: I = after.parse().map_err(|_| no_cursor())?;
            *after = id.to_string();
        }
        Ok(window)
    }

    /// Whether the list runs from old to new.
    pub fn ascending(&self) -> bool {
        self.order == Order::Asc
    }

    /// As the store wants it.
    pub fn for_store(self) -> store::Page {
        let order = if self.ascending() {
            store::Order::Asc
        } else {
            store::Order::Desc
        };
        store::Page {
            limit: self.limit,
            after: self.after,
            order,
        }
    }
}

/// Whether a cursor is a number as lists that count their items have them.
pub fn is_number(after: &str) -> bool {
    (1..=18).contains(&after.len()) && after.bytes().all(|byte| byte.is_ascii_digit())
}

fn no_cursor() -> Error {
    Error::query("after", "after must be the last_id of the page before")
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// Always `list`.
    #[schema(pattern = "^list$")]
    pub object: &'static str,
    /// The items.
    pub data: Vec<T>,
    /// Id of the first item here.
    pub first_id: Option<String>,
    /// Id of the last item here: the next page's `after`.
    pub last_id: Option<String>,
    /// Whether another page follows.
    pub has_more: bool,
}

impl<T> Page<T> {
    /// Makes a page of `rows`, of which the store was asked for one more than `limit` to learn whether more follow.
    pub fn new(mut rows: Vec<T>, limit: u32, id: impl Fn(&T) -> String) -> Self {
        let has_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Page {
            object: "list",
            first_id: rows.first().map(&id),
            last_id: rows.last().map(&id),
            data: rows,
            has_more,
        }
    }
}

impl<T> Page<T> {
    /// Makes a page of `rows` that the store cut already.
    pub fn of(rows: Vec<T>, has_more: bool, id: impl Fn(&T) -> String) -> Self {
        Page {
            object: "list",
            first_id: rows.first().map(&id),
            last_id: rows.last().map(&id),
            data: rows,
            has_more,
        }
    }
}

impl<T: Serialize> Page<T> {
    /// The answer, with the link to the next page of the list at `uri`.
    pub fn answer(self, uri: &Uri) -> Response {
        let next = self
            .last_id
            .as_deref()
            .filter(|_| self.has_more)
            .and_then(|last| next_link(uri, last));
        let mut response = Json(self).into_response();
        if let Some(next) = next {
            response.headers_mut().insert(header::LINK, next);
        }
        response
    }
}

/// `</v1/runs?status=failed&after=ID>; rel="next"`: the query as it came, with another `after`.
fn next_link(uri: &Uri, last: &str) -> Option<HeaderValue> {
    let kept = uri
        .query()
        .unwrap_or("")
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("after=") && *pair != "after");
    let mut query: Vec<&str> = kept.collect();
    let after = format!("after={}", escaped(last));
    query.push(&after);
    HeaderValue::from_str(&format!(
        "<{}?{}>; rel=\"next\"",
        uri.path(),
        query.join("&")
    ))
    .ok()
}

/// Percent-encodes everything that is not unreserved in RFC 3986.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_too_many_means_more_follow() {
        let page = Page::new(vec![1, 2, 3], 2, i32::to_string);
        assert_eq!(
            (page.data.len(), page.has_more, page.last_id.as_deref()),
            (2, true, Some("2"))
        );
        let page = Page::new(vec![1, 2], 2, i32::to_string);
        assert!(!page.has_more);
    }

    #[test]
    fn the_link_keeps_the_filters() {
        let uri: Uri = "/v1/runs?status=failed&after=a&limit=2".parse().unwrap();
        assert_eq!(
            next_link(&uri, "b c").unwrap(),
            "</v1/runs?status=failed&limit=2&after=b%20c>; rel=\"next\""
        );
    }

    #[test]
    fn a_limit_has_limits() {
        assert!(Window::new(Some(0), None, None).is_err());
        assert!(Window::new(Some(101), None, None).is_err());
        assert_eq!(Window::new(None, None, None).unwrap().limit, DEFAULT_LIMIT);
    }

    #[test]
    fn a_cursor_has_the_form_of_those_of_the_list() {
        for (after, fits) in [
            ("0", true),
            ("17", true),
            ("-5", false),
            ("+5", false),
            ("", false),
        ] {
            assert_eq!(is_number(after), fits, "{after}");
        }
        let behind = |after: &str| Window::new(None, Some(after.to_owned()), None);
        assert!(
            behind(&"\u{d55c}".repeat(100)).is_ok(),
            "a long name in any script"
        );
        assert!(behind(&"x".repeat(129)).is_err());
        assert!(behind("").is_err());

        use crate::ids::RunId;
        let of = |after: &str| Window::of::<RunId>(None, Some(after.to_owned()), None);
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(of(&id.to_uppercase()).unwrap().after.as_deref(), Some(id));
        let refused = of("zzz").unwrap_err();
        assert_eq!(refused.violations()[0].pointer.as_deref(), Some("?after"));
    }
}
