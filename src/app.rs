//! The handles that all rooms share.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::blobs::{BlobError, Blobs, Faults};
use crate::clock::{Clock, Entropy, Ids};
use crate::config::Config;
use crate::runs::{Runs, RunsError};
use crate::store::{Store, StoreError};
use crate::sweeps::Sweeps;
use crate::tokens::{self, ADMIN, NewToken, Scopes, Token, TokenError};

/// Why the application cannot open.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data folder cannot be used.
    #[error("the data folder {path} cannot be used: {source}")]
    DataDir {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("the data folder {0} is in use by another descent process")]
    InUse(PathBuf),
    /// The record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Big bytes.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The life of runs.
    #[error(transparent)]
    Runs(#[from] RunsError),
    /// Tokens.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// The handles; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Every setting.
    pub config: Arc<Config>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// New ids.
    pub ids: Ids,
    /// The record.
    pub store: Store,
    /// Big bytes.
    pub blobs: Blobs,
    /// The life of runs.
    pub runs: Runs,
    /// Searches over the settings of a spec.
    pub sweeps: Sweeps,
    /// Cancelled when the process is to end: nothing new begins, workers let go.
    pub stopping: CancellationToken,
    /// Cancelled after that, when the workers have said their last: event streams pass it on and close.
    pub quiet: CancellationToken,
    /// Keeps the data folder ours while any handle lives.
    _lock: Arc<fs::File>,
}

impl App {
    /// Opens the data folder with the machine's clock and randomness.
    ///
    /// # Errors
    /// When the folder is in use, unwritable, damaged, or of a newer version.
    pub async fn open(config: Config) -> Result<Self, AppError> {
        Self::open_with(config, Clock::system(), Entropy::system(), None).await
    }

    /// Opens the data folder with time, randomness and disk faults handed in.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn open_with(
        config: Config,
        clock: Clock,
        entropy: Entropy,
        faults: Option<Faults>,
    ) -> Result<Self, AppError> {
        let data_dir = config.server.data_dir.clone();
        let lock = Arc::new(lock(&data_dir)?);
        let store = Store::open(&data_dir, &config.store).await?;
        let blobs = Blobs::open(
            &data_dir,
            store.clone(),
            clock.clone(),
            config.quota.free_space_floor_bytes,
            faults,
        )?;
        let ids = Ids::new(clock.clone(), entropy.clone());
        let runs = Runs::new(
            store.clone(),
            blobs.clone(),
            clock.clone(),
            ids.clone(),
            &config,
        );
        let sweeps = Sweeps::new(
            store.clone(),
            runs.clone(),
            clock.clone(),
            ids.clone(),
            config.slots(),
        );
        let stopping = CancellationToken::new();
        Ok(Self {
            config: Arc::new(config),
            clock,
            entropy,
            ids,
            store,
            blobs,
            runs,
            sweeps,
            stopping,
            quiet: CancellationToken::new(),
            _lock: lock,
        })
    }

    /// Makes a token and answers its row and the text that is shown once.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn create_token(
        &self,
        wanted: NewToken,
        actor: &str,
    ) -> Result<(Token, String), TokenError> {
        tokens::create(
            &self.store,
            &self.entropy,
            self.clock.now_ms(),
            wanted,
            actor,
        )
        .await
    }

    /// Revokes a token. `false`: there is none such, or it was revoked before.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn revoke_token(&self, id: &str, actor: &str) -> Result<bool, TokenError> {
        tokens::revoke(&self.store, id, self.clock.now_ms(), actor).await
    }

    /// The tokens that may open a door now.
    ///
    /// # Errors
    /// When the record fails.
    pub async fn live_tokens(&self) -> Result<Vec<Token>, TokenError> {
        tokens::live(&self.store, self.clock.now_ms()).await
    }

    /// On the first start: writes an admin token to `<data-dir>/admin.token`, readable by this user alone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn ensure_admin_token(&self) -> Result<PathBuf, AppError> {
        let path = self.config.server.data_dir.join("admin.token");
        if path.exists() {
            return Ok(path);
        }
        let wanted = NewToken {
            owner: ADMIN.to_owned(),
            name: "first start".to_owned(),
            scopes: Scopes::admin(),
            expires_at_ms: None,
        };
        let (_, text) = self.create_token(wanted, "server").await?;
        let write = || {
            let mut options = fs::OpenOptions::new();
            // Under another name first: a killed start leaves no half token that the next start would take for good.
            let half = path.with_extension("token.half");
            let mut file = options
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&half)?;
            file.write_all(format!("{text}\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&half, &path)
        };
        write().map_err(|source| AppError::DataDir {
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}

/// Makes the folder and takes its lock: two servers on one folder would each believe the other's runs lost.
fn lock(data_dir: &Path) -> Result<fs::File, AppError> {
    let failed = |source| AppError::DataDir {
        path: data_dir.to_owned(),
        source,
    };
    fs::create_dir_all(data_dir).map_err(failed)?;
    let file = fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(data_dir.join("lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(AppError::InUse(data_dir.to_owned())),
        Err(fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}
