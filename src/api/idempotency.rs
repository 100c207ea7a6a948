//! `Idempotency-Key`: a repeated request has one effect and gets the answer of the first.
//!
//! The answer is stored in the transaction of the effect (`store/idempotency.rs`), so a crash leaves both or neither. What
//! is still running is known in memory only: a request that a crash interrupted had no effect and may be sent again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use sha2::{Digest, Sha256};

use super::error::{Error, Kind, Result};
use crate::store::idempotency::{self, Answer, Remember};
use crate::store::{Store, StoreError};

/// The request header.
pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is an old one.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Longest key.
const MAX_KEY_BYTES: usize = 255;

/// An answer as it is stored: status, `Location` and JSON body.
pub type Stored = (StatusCode, Option<String>, Vec<u8>);

/// Owners and keys of the requests that are being worked on.
#[derive(Default)]
pub struct Running(Arc<Mutex<HashSet<(String, String)>>>);

/// One request with a key; while it lives, another one with the same key is told to wait.
pub struct Once {
    owner: String,
    key: String,
    running: Arc<Mutex<HashSet<(String, String)>>>,
}

impl Drop for Once {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.remove(&(
            std::mem::take(&mut self.owner),
            std::mem::take(&mut self.key),
        ));
    }
}

impl Running {
    /// Takes the request's key, if it has one.
    ///
    /// # Errors
    /// 400 for a key that cannot be one, 409 while the same key is being worked on.
    pub fn begin(&self, owner: &str, headers: &HeaderMap) -> Result<Option<Once>> {
        let Some(value) = headers.get(&KEY) else {
            return Ok(None);
        };
        let fits = (1..=MAX_KEY_BYTES).contains(&value.len());
        let visible = value.as_bytes().iter().all(u8::is_ascii_graphic);
        let Some(key) = value.to_str().ok().filter(|_| fits && visible) else {
            let detail =
                format!("an Idempotency-Key has 1 to {MAX_KEY_BYTES} visible ASCII characters");
            return Err(Error::new(
                Kind::Malformed,
                "invalid_idempotency_key",
                detail,
            ));
        };
        let entry = (owner.to_owned(), key.to_owned());
        if !self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(entry.clone())
        {
            return Err(Error::conflict(
                "idempotency_in_progress",
                "a request with this Idempotency-Key is still being worked on",
            ));
        }
        Ok(Some(Once {
            owner: entry.0,
            key: entry.1,
            running: Arc::clone(&self.0),
        }))
    }
}

impl Once {
    /// The answer given before under this key.
    ///
    /// # Errors
    /// 422 when it was given to another request.
    pub async fn replay(
        &self,
        store: &Store,
        fingerprint: &[u8; 32],
    ) -> Result<Option<Response<Body>>> {
        match idempotency::find(store, &self.owner, &self.key).await? {
            None => Ok(None),
            Some(answer) if answer.fingerprint == fingerprint => Ok(Some(again(answer)?)),
            Some(_) => Err(Error::new(
                Kind::Unprocessable,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request; a new request needs a new key",
            )),
        }
    }

    /// How the effect is to remember its answer.
    pub fn remember<T>(
        &self,
        fingerprint: [u8; 32],
        render: impl FnOnce(&T) -> Stored + Send + 'static,
    ) -> Remember<T> {
        let render = move |effect: &T| {
            let (status, location, body) = render(effect);
            (status.as_u16(), location, body)
        };
        Remember {
            owner: self.owner.clone(),
            key: self.key.clone(),
            fingerprint: fingerprint.to_vec(),
            render: Box::new(render),
        }
    }
}

/// What tells one request from another: method, path with query, and body (or its hash).
pub fn fingerprint(method: &Method, uri: &axum::http::Uri, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [
        method.as_str().as_bytes(),
        uri.path().as_bytes(),
        uri.query().unwrap_or("").as_bytes(),
        body,
    ] {
        // Lengths first, so that no two requests spell the same bytes.
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The first answer to a request.
pub fn answer((status, location, body): Stored) -> Result<Response<Body>> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(location) = location {
        headers.insert(
            header::LOCATION,
            HeaderValue::try_from(location).map_err(Error::internal)?,
        );
    }
    Ok(response)
}

fn again(stored: Answer) -> Result<Response<Body>> {
    let status = u16::try_from(stored.status)
        .ok()
        .and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or_else(|| {
        StoreError::Damaged(format!("a stored answer has status {}", stored.status))
    })?;
    let mut response = answer((status, stored.location, stored.body))?;
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_key(key: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(KEY, HeaderValue::from_static(key))])
    }

    #[test]
    fn a_key_in_work_is_taken_until_its_request_ends() {
        let running = Running::default();
        let first = running.begin("ann", &with_key("k")).unwrap();
        assert_eq!(
            running.begin("ann", &with_key("k")).err().unwrap().kind(),
            Kind::Conflict
        );
        assert!(running.begin("bob", &with_key("k")).unwrap().is_some());
        drop(first);
        assert!(running.begin("ann", &with_key("k")).is_ok());
        assert!(running.begin("ann", &HeaderMap::new()).unwrap().is_none());
        assert_eq!(
            running.begin("ann", &with_key("")).err().unwrap().kind(),
            Kind::Malformed
        );
    }

    #[test]
    fn a_fingerprint_knows_where_one_part_ends() {
        let of = |uri: &str, body: &str| {
            fingerprint(&Method::POST, &uri.parse().unwrap(), body.as_bytes())
        };
        assert_ne!(of("/a?b", "c"), of("/a", "bc"));
        assert_eq!(of("/a?b", "c"), of("/a?b", "c"));
    }
}
