//! `?wait_s`: an answer that comes when something is over, or after that time.

use std::future::Future;
use std::time::Duration;

use super::Api;
use super::error::{Error, Result};

/// Longest wait of `?wait_s`: below the idle time that proxies commonly allow.
const MAX_WAIT_S: u64 = 60;

/// How long the caller wants to wait; `None`: not at all.
pub fn asked(wait_s: Option<u64>) -> Result<Option<Duration>> {
    match wait_s.unwrap_or(0) {
        0 => Ok(None),
        wait_s if wait_s <= MAX_WAIT_S => Ok(Some(Duration::from_secs(wait_s))),
        wait_s => Err(Error::query(
            "wait_s",
            format!("wait_s is {wait_s}; it must be 0 to {MAX_WAIT_S}"),
        )),
    }
}

/// What `wait` finds within `patience`, or what is there `now` when nobody waits.
pub async fn within<T, E, W>(
    api: &Api,
    patience: Option<Duration>,
    wait: impl FnOnce(Duration) -> W,
    now: impl Future<Output = std::result::Result<T, E>>,
) -> std::result::Result<T, E>
where
    W: Future<Output = std::result::Result<T, E>>,
{
    let Some(patience) = patience else {
        return now.await;
    };
    tokio::select! {
        found = wait(patience) => found,
        // A server that is about to end does not keep anybody waiting.
        () = api.app.stopping.cancelled() => now.await,
    }
}
