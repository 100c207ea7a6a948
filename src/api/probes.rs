//! `/healthz` and `/readyz`, for whatever keeps the process alive and whatever sends it traffic.
//!
//! They are different questions. A process that is alive but cannot reach its disk must not be restarted in a circle, but
//! it must not get requests either. Draining the *queue* (`PATCH /v1/queue`) is no reason to be unready: uploads,
//! submissions and predictions go on, and the request that ends the draining must still get here.

use std::time::Duration;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::error::{Error, Kind, Result};

/// A record that takes longer than this to answer is as good as one that does not.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answer of a probe.
#[derive(Debug, Serialize, ToSchema)]
pub struct Probe {
    /// `ok` or `ready`.
    #[schema(pattern = "^(ok|ready)$")]
    pub status: &'static str,
    /// Version of the server.
    pub version: &'static str,
}

const fn probe(status: &'static str) -> Probe {
    Probe {
        status,
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// Whether the process is alive
#[utoipa::path(get, path = "", operation_id = "health", tag = "server", responses((status = 200, description = "It is", body = Probe)))]
pub async fn health() -> axum::Json<Probe> {
    axum::Json(probe("ok"))
}

/// Whether requests should be sent here
///
/// Not while the process is about to end, and not when its record does not answer a look and a write within a second.
#[utoipa::path(get, path = "", operation_id = "ready", tag = "server", responses(
    (status = 200, description = "Yes", body = Probe),
    (status = 503, description = "No; `code` is `draining` or `store_unavailable`",
        headers(("Retry-After" = u32, description = "Whole seconds to wait.")))))]
pub async fn ready(State(api): State<Api>) -> Result<axum::Json<Probe>> {
    api.check_ready().await?;
    Ok(axum::Json(probe("ready")))
}

impl Api {
    /// Whether requests should be sent here, or why not.
    pub async fn check_ready(&self) -> Result<()> {
        let unready = |code, detail: &str| {
            Err(Error::retry_later(
                Kind::Unavailable,
                code,
                detail,
                PATIENCE,
            ))
        };
        if self.app.stopping.is_cancelled() {
            return unready("draining", "the server is about to end");
        }
        match tokio::time::timeout(PATIENCE, self.app.store.probe()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: the record failed");
                unready("store_unavailable", "the record cannot be read or written")
            }
            Err(_) => unready(
                "store_unavailable",
                "the record did not answer within a second",
            ),
        }
    }
}
