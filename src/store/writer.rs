//! The one writer: a task that owns the only writing connection and commits in groups.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::StoreError;
use crate::config;

/// The transaction an op writes in.
pub struct Tx {
    connection: SqliteConnection,
    after: Vec<Box<dyn FnOnce() + Send>>,
    models_changed: Arc<AtomicU64>,
}

impl Tx {
    /// The connection, for the queries of this room.
    pub(in crate::store) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Does `act` once this op is committed, and never when it is undone. For bells, not for effects.
    pub fn after_commit(&mut self, act: impl FnOnce() + Send + 'static) {
        self.after.push(Box::new(act));
    }

    /// What a model's name stands for is about to change: once this op is committed, whoever remembers it looks again.
    pub(in crate::store) fn models_change(&mut self) {
        let changed = Arc::clone(&self.models_changed);
        self.after_commit(move || {
            changed.fetch_add(1, Ordering::Release);
        });
    }
}

/// One queued write, its type erased.
trait Op: Send {
    /// Runs the op; `true` when it wants to be kept.
    fn apply<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool>;
    /// The answer is lost to `error`: whatever the op itself said, nothing of it is on disk.
    fn lose(&mut self, error: &StoreError);
    /// Sends the answer.
    fn answer(self: Box<Self>);
}

struct Pending<T, E, F> {
    op: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Op for Pending<T, E, F>
where
    T: Send,
    E: From<StoreError> + Send,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
{
    fn apply<'t>(&'t mut self, tx: &'t mut Tx) -> BoxFuture<'t, bool> {
        async move {
            let Some(op) = self.op.take() else {
                return false;
            };
            // A panic in an op must not take the writer, and with it the whole server, down.
            let outcome = match AssertUnwindSafe(async { op(tx).await })
                .catch_unwind()
                .await
            {
                Ok(outcome) => outcome,
                Err(_) => {
                    Err(StoreError::Refused("the write panicked and was undone".to_owned()).into())
                }
            };
            let keep = outcome.is_ok();
            self.outcome = Some(outcome);
            keep
        }
        .boxed()
    }

    fn lose(&mut self, error: &StoreError) {
        // An op that refused by itself keeps its own reason.
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error.clone().into()));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            let _ = self.reply.send(outcome); // the caller may have stopped waiting
        }
    }
}

type Queue = mpsc::Sender<Box<dyn Op>>;

/// Handle to the writer task.
#[derive(Clone)]
pub(super) struct Writer {
    /// Dropped to close the queue; whoever writes borrows it for a moment through `sender`.
    queue: Arc<Mutex<Option<Queue>>>,
    sender: mpsc::WeakSender<Box<dyn Op>>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    wait: Duration,
}

impl Writer {
    pub(super) fn start(
        connection: SqliteConnection,
        reopen: SqliteConnectOptions,
        settings: &config::Store,
        models_changed: Arc<AtomicU64>,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(settings.write_queue);
        let tx = Tx {
            connection,
            after: Vec::new(),
            models_changed,
        };
        let task = tokio::spawn(work(tx, reopen, receiver, settings.commit_batch));
        Self {
            sender: sender.downgrade(),
            queue: Arc::new(Mutex::new(Some(sender))),
            task: Arc::new(Mutex::new(Some(task))),
            wait: Duration::from_millis(settings.write_wait_ms),
        }
    }

    pub(super) async fn write<T, E, F>(&self, op: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let pending: Box<dyn Op> = Box::new(Pending {
            op: Some(op),
            outcome: None,
            reply,
        });
        let sender = self.sender.upgrade().ok_or(StoreError::Closed)?;
        match sender.send_timeout(pending, self.wait).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                return Err(StoreError::Overloaded.into());
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => return Err(StoreError::Closed.into()),
        }
        drop(sender);
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Lets queued writes finish and ends the task.
    pub(super) async fn close(&self) {
        self.queue.lock().await.take();
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await; // a task that panicked has nothing left to write
        }
    }
}

async fn work(
    mut tx: Tx,
    reopen: SqliteConnectOptions,
    mut receiver: mpsc::Receiver<Box<dyn Op>>,
    batch_limit: usize,
) {
    let mut batch: Vec<Box<dyn Op>> = Vec::with_capacity(batch_limit);
    while let Some(first) = receiver.recv().await {
        match commit_group(&mut tx, first, &mut receiver, &mut batch, batch_limit).await {
            Ok(()) => tx.after.drain(..).for_each(|act| act()),
            Err(error) => {
                tracing::error!(%error, writes = batch.len(), "a group of writes was undone");
                tx.after.clear();
                batch.iter_mut().for_each(|op| op.lose(&error));
                recover(&mut tx, &reopen).await;
            }
        }
        batch.drain(..).for_each(Op::answer);
    }
    // Closing the last connection folds the log; an error here loses nothing, the log is replayed at the next start.
    if let Err(error) = tx.connection.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
}

/// One transaction: `first` and whatever is waiting behind it. On an error nothing of the group is on disk.
async fn commit_group(
    tx: &mut Tx,
    first: Box<dyn Op>,
    receiver: &mut mpsc::Receiver<Box<dyn Op>>,
    batch: &mut Vec<Box<dyn Op>>,
    batch_limit: usize,
) -> Result<(), StoreError> {
    let mut next = Some(first);
    let mut begun = false;
    while let Some(mut op) = next.take() {
        let done = async {
            if !begun {
                // IMMEDIATE: a transaction that starts by reading would otherwise be refused at its first write.
                sqlx::query("BEGIN IMMEDIATE")
                    .execute(&mut tx.connection)
                    .await?;
                begun = true;
            }
            apply(tx, op.as_mut()).await
        }
        .await;
        batch.push(op);
        done?;
        if batch.len() < batch_limit {
            next = receiver.try_recv().ok();
        }
    }
    sqlx::query("COMMIT").execute(&mut tx.connection).await?;
    Ok(())
}

/// Runs one op under a savepoint. `Err` means the whole transaction is gone (SQLite ends it by itself on a full disk).
async fn apply(tx: &mut Tx, op: &mut dyn Op) -> Result<(), StoreError> {
    let bells = tx.after.len();
    sqlx::query("SAVEPOINT op")
        .execute(&mut tx.connection)
        .await?;
    if !op.apply(tx).await {
        tx.after.truncate(bells);
        let undone = sqlx::query("ROLLBACK TO op")
            .execute(&mut tx.connection)
            .await;
        if let Err(error) = undone {
            // On a full or failing disk SQLite ends the whole transaction by itself, and the savepoint with it.
            tracing::error!(%error, "a write took its whole group with it");
            let message = "another write of the same commit met a full or failing disk; nothing of this one was kept";
            return Err(StoreError::Io(message.to_owned()));
        }
    }
    sqlx::query("RELEASE op")
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

/// After a failed group: undo, and go on with a fresh connection, because a connection that saw a failed fsync may
/// believe in pages that never reached the disk.
async fn recover(tx: &mut Tx, reopen: &SqliteConnectOptions) {
    if let Err(error) = sqlx::query("ROLLBACK").execute(&mut tx.connection).await {
        tracing::debug!(%error, "nothing to roll back");
    }
    match reopen.connect().await {
        Ok(fresh) => {
            let old = std::mem::replace(&mut tx.connection, fresh);
            if let Err(error) = old.close().await {
                tracing::debug!(%error, "the failed connection did not close cleanly");
            }
        }
        Err(error) => {
            tracing::error!(%error, "the database cannot be reopened; going on with the old connection")
        }
    }
}
