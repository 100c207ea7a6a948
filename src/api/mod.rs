//! The HTTP API: one file per resource with its wire types, handlers and OpenAPI text; beside them what all of them share.

pub mod auth;
pub mod checkpoints;
pub mod dashboard;
pub mod datasets;
pub mod diagnoses;
pub mod docs;
pub mod edge;
pub mod error;
pub mod etag;
pub mod events;
pub mod families;
pub mod feed;
pub mod idempotency;
pub mod inference;
pub mod input;
pub mod landscapes;
pub mod limits;
pub mod logs;
pub mod metrics;
pub mod metrics_page;
pub mod models;
pub mod numbers;
mod object;
pub mod openapi;
pub mod page;
pub mod patience;
pub mod predict;
pub mod probes;
pub mod queue;
pub mod rate;
mod repeated;
pub mod runs;
mod selector;
pub mod session;
pub mod sweeps;
pub mod tfevents;
pub mod time;
pub mod tokens;
pub mod traffic;
pub mod trajectory;
mod translate;
pub mod usage;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use self::auth::{Caller, Gate, Link};
use self::feed::Feeds;
use self::idempotency::Running;
use self::traffic::Traffic;
use crate::app::App;
use crate::predictor::Directory;
use crate::store::audit::Entry;
use crate::store::{self, StoreError};
use crate::tokens::{TokenError, session as signed};

/// How soon a token that the command line revoked is refused.
const TOKEN_LOOK: Duration = Duration::from_millis(500);

/// The link that a start prints signs in for this long.
const LINK_LASTS_MS: i64 = 60 * 60 * 1_000;

/// What every handler can reach; cheap to clone.
#[derive(Clone)]
pub struct Api(Arc<Shared>);

/// The handles behind [`Api`].
pub struct Shared {
    /// The rooms below.
    pub app: App,
    /// Who may come in.
    pub gate: Arc<Gate>,
    /// What is counted for `/metrics`.
    pub traffic: Traffic,
    /// The runs that somebody watches.
    pub feeds: Feeds,
    /// Event streams that may still be opened, by anybody.
    pub streams: Arc<tokio::sync::Semaphore>,
    /// Models, opened when they are asked for.
    pub models: Directory,
    /// Requests with an Idempotency-Key that are being worked on.
    pub running: Running,
    /// The OpenAPI document, once the router is built.
    pub contract: OnceLock<Bytes>,
    /// Held while tokens or sessions are read from the record, so that an older list never replaces a newer one.
    reloading: tokio::sync::Mutex<()>,
    /// What the record's tokens were at the last look at all of them.
    looked_at: tokio::sync::Mutex<Option<(i64, i64, i64)>>,
}

impl std::ops::Deref for Api {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Api {
    /// The API of `app`, with the tokens on record.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn open(app: App) -> Result<Self, TokenError> {
        let max_bytes = usize::try_from(app.config.worker.model_cache_bytes).unwrap_or(usize::MAX);
        let models = Directory::new(app.store.clone(), app.blobs.clone(), max_bytes);
        let gate = Arc::new(Gate::new(&app.config.rates));
        let streams = Arc::new(tokio::sync::Semaphore::new(app.config.rates.sse_total));
        let api = Api(Arc::new(Shared {
            app,
            gate,
            traffic: Traffic::new(),
            feeds: Feeds::default(),
            streams,
            models,
            running: Running::default(),
            contract: OnceLock::new(),
            reloading: tokio::sync::Mutex::new(()),
            looked_at: tokio::sync::Mutex::default(),
        }));
        api.reload_tokens().await?;
        api.reload_sessions().await?;
        Ok(api)
    }

    /// Takes over the tokens of the record, after one was made or revoked.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn reload_tokens(&self) -> Result<(), TokenError> {
        let _turn = self.reloading.lock().await;
        self.gate.load(self.app.live_tokens().await?);
        Ok(())
    }

    /// Takes over the sessions of the record, after one began or ended; answers how many there are.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn reload_sessions(&self) -> Result<usize, TokenError> {
        let _turn = self.reloading.lock().await;
        let sessions = signed::live(&self.app.store, self.app.clock.now_ms()).await?;
        let n_sessions = sessions.len();
        self.gate.load_sessions(sessions);
        Ok(n_sessions)
    }

    /// Signs a browser in with the rights of `caller`; answers the session and what its cookie is to hold.
    async fn open_session(&self, caller: &Caller) -> Result<(signed::Session, String), TokenError> {
        let lasts_ms = i64::try_from(self.app.config.server.session_ms).unwrap_or(i64::MAX);
        let whose = (caller.token_id.as_str(), caller.owner.as_str());
        let (store, entropy) = (&self.app.store, &self.app.entropy);
        let now_ms = self.app.clock.now_ms();
        let opened = signed::open(store, entropy, now_ms, lasts_ms, whose).await?;
        self.reload_sessions().await?;
        Ok(opened)
    }

    /// Signs a browser out.
    async fn close_session(&self, id_sha256: [u8; 32]) -> Result<(), TokenError> {
        signed::close(&self.app.store, id_sha256).await?;
        self.reload_sessions().await?;
        Ok(())
    }

    /// Removes what is left of sessions that ended.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn forget_sessions(&self) -> Result<(), TokenError> {
        let now_ms = self.app.clock.now_ms();
        if signed::forget(&self.app.store, now_ms).await? > 0 {
            self.reload_sessions().await?;
        }
        Ok(())
    }

    /// A code that signs a browser in once, with the rights of the token `token_id`; it replaces an earlier one.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn offer_sign_in(&self, token_id: &str) -> Result<String, TokenError> {
        let (code, code_sha256) = signed::secret(&self.app.entropy)?;
        self.gate.offer(Link {
            code_sha256,
            token_id: token_id.to_owned(),
            expires_at_ms: self.app.clock.now_ms() + LINK_LASTS_MS,
        });
        Ok(code)
    }

    /// Takes over tokens that the command line made or revoked while the server runs, until the server ends.
    pub async fn follow_tokens(self) {
        let stopping = self.app.stopping.clone();
        while tokio::time::timeout(TOKEN_LOOK, stopping.cancelled())
            .await
            .is_err()
        {
            if let Err(error) = self.look_for_tokens().await {
                tracing::warn!(%error, "the tokens on record could not be looked at");
            }
        }
    }

    /// Looks for a token that the command line may have made just now, so that its first use is no failed sign-in.
    async fn look_up(&self, token: &str, peer: IpAddr) {
        if !self.gate.takes_look(token, peer) {
            return;
        }
        // Nobody waits for a database that is busy to hear that a token is unknown.
        match tokio::time::timeout(TOKEN_LOOK, self.look_for_tokens()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the tokens on record could not be looked at");
            }
        }
    }

    /// One look: reads the tokens again when something about them changed since the last.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn look_for_tokens(&self) -> Result<(), TokenError> {
        let mut known = self.looked_at.lock().await;
        let now = store::tokens::generation(&self.app.store).await?;
        if *known != Some(now) {
            self.reload_tokens().await?;
            *known = Some(now);
        }
        Ok(())
    }

    /// A line for the audit: `caller` does `action` to `subject`.
    fn audit_entry(
        &self,
        caller: &Caller,
        action: &str,
        subject: &str,
        detail: &Value,
    ) -> Result<Entry, StoreError> {
        Entry::new(
            self.app.clock.now_ms(),
            &caller.token_id,
            &caller.owner,
            action,
            subject,
            detail,
        )
    }
}
