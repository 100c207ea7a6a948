//! A server from its first byte on disk to its last: open, recover, work, listen; then drain and close.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::app::{App, AppError};
use crate::backup::{self, BackupError};
use crate::config::Config;
use crate::listen;
use crate::router;
use crate::sweeps::sweeper;
use crate::tokens::{self, TokenError};
use crate::worker::Workers;

/// Between two looks for what nobody needs any more.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// A blob without a reference is kept this long: its row may be about to be written.
const BLOB_MIN_AGE_MS: i64 = 10 * 60 * 1_000;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data folder.
    #[error(transparent)]
    App(#[from] AppError),
    /// The data folder is an unfinished backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else the system refuses.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// A server that serves.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Text of the admin token, while its file is there.
    pub admin_token: String,
    /// The file it stands in.
    pub token_file: PathBuf,
    /// The dashboard's address with a code that signs one browser in, once; while the admin token is in force.
    pub sign_in_link: Option<String>,
    /// Whether a browser is signed in already.
    pub is_signed_in: bool,
    app: App,
    workers: Workers,
    listening: JoinHandle<()>,
    tidying: JoinHandle<()>,
}

/// Starts a server. When this returns, requests are answered and interrupted runs are being worked on again.
///
/// # Errors
/// When the data folder or the address cannot be used.
pub async fn start(config: Config) -> Result<Running, ServeError> {
    backup::adopt(&config.server.data_dir)?;
    let app = App::open(config).await?;
    let token_file = app.ensure_admin_token().await?;
    let admin_token = std::fs::read_to_string(&token_file)
        .unwrap_or_default()
        .trim()
        .to_owned();
    let n_recovered = app.runs.recover().await.map_err(AppError::from)?;
    if n_recovered > 0 {
        tracing::info!(n_recovered, "runs that were interrupted are queued again");
    }
    let wanted = app.config.server.listen;
    let listen_error = |source| ServeError::Listen {
        address: wanted,
        source,
    };
    let listener = TcpListener::bind(wanted).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let api = Api::open(app.clone()).await.map_err(AppError::from)?;
    let sign_in_link = sign_in_link(&api, address, &admin_token).map_err(AppError::from)?;
    let is_signed_in = api.gate.has_sessions();
    // Request ids of this process differ from those of the last one, which may stand in the same log.
    let edge = router::service(api.clone(), app.clock.now_ms().unsigned_abs());
    let workers = Workers::start(app.runs.clone(), app.clock.clone(), &app.config, None)?;
    let listening = tokio::spawn(listen::serve(
        listener,
        edge,
        limits(&app.config),
        app.stopping.clone(),
    ));
    let tidying = tokio::spawn(async move {
        let sweeper = sweeper::work(api.app.sweeps.clone(), api.app.stopping.clone());
        tokio::join!(tidy(api.clone()), api.follow_tokens(), sweeper);
    });
    Ok(Running {
        address,
        admin_token,
        token_file,
        sign_in_link,
        is_signed_in,
        app,
        workers,
        listening,
        tidying,
    })
}

/// The code is behind the `#`: browsers keep that part to themselves, so it stands in no log.
fn sign_in_link(
    api: &Api,
    mut address: SocketAddr,
    admin_token: &str,
) -> Result<Option<String>, TokenError> {
    let Some((token_id, _)) = tokens::read(admin_token) else {
        return Ok(None);
    };
    // A server that listens on every address is visited on this machine's own.
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let code = api.offer_sign_in(token_id)?;
    Ok(Some(format!("http://{address}/#/signin?code={code}")))
}

impl Running {
    /// Serves until the process is asked to end (SIGTERM or Ctrl-C), then stops in order.
    ///
    /// # Errors
    /// When the system tells nothing about signals.
    pub async fn wait(self) -> Result<(), ServeError> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) = (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
        );
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        self.stop().await;
        Ok(())
    }

    /// Handles of the running server, for a process that is server and client at once.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// P7: no new connections, trainings take a checkpoint and hand their runs back, watchers are told, the record is
    /// closed; at the latest after `drain_ms`, because whatever is open then survives in the record anyway.
    pub async fn stop(self) {
        tracing::info!("stopping: runs take a checkpoint and go on after the next start");
        self.app.stopping.cancel();
        self.tidying.abort();
        let limit = Duration::from_millis(self.app.config.server.drain_ms);
        let (store, quiet) = (self.app.store.clone(), self.app.quiet.clone());
        let drained = tokio::time::timeout(limit, async {
            self.workers.drain().await;
            quiet.cancel();
            if self.listening.await.is_err() {
                tracing::error!("the listener did not end cleanly");
            }
            store.close().await;
        });
        if drained.await.is_err() {
            tracing::warn!(
                limit_ms = limit.as_millis(),
                "not everything was put away in time; the record is whole all the same"
            );
        }
    }
}

/// From time to time: blobs nobody refers to, remembered answers that are old enough to be forgotten, and sessions that ended.
async fn tidy(api: Api) {
    let app = &api.app;
    let keep_ms = i64::try_from(app.config.store.idempotency_keep_ms).unwrap_or(i64::MAX);
    loop {
        if wait_or_stop(&app.stopping, TIDY_EVERY).await {
            return;
        }
        if let Err(error) = app.blobs.collect(BLOB_MIN_AGE_MS).await {
            tracing::warn!(%error, "blobs nobody needs could not be removed");
        }
        if let Err(error) = app.runs.forget_answers(keep_ms).await {
            tracing::warn!(%error, "old answers could not be forgotten");
        }
        if let Err(error) = api.forget_sessions().await {
            tracing::warn!(%error, "sessions that ended could not be removed");
        }
    }
}

async fn wait_or_stop(stopping: &CancellationToken, wait: Duration) -> bool {
    tokio::time::timeout(wait, stopping.cancelled())
        .await
        .is_ok()
}

fn limits(config: &Config) -> listen::Limits {
    let connections = &config.connections;
    listen::Limits {
        first_byte: Duration::from_millis(connections.first_byte_timeout_ms),
        headers: Duration::from_millis(connections.header_timeout_ms),
        body_progress: Duration::from_millis(connections.body_stall_timeout_ms),
        write_stall: Duration::from_millis(connections.sse_stall_timeout_ms),
        idle: Duration::from_millis(connections.idle_timeout_ms),
        connections: connections.max_connections,
        header_bytes: connections.header_bytes,
        drain: Duration::from_millis(config.server.drain_ms / 2),
    }
}
