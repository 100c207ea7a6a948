//! What a signed-in browser holds instead of a token: an opaque secret of 256 bits in a cookie, and before that the code of a
//! sign-in link, which works once. Only their hashes are kept.

use sha2::{Digest, Sha256};

use crate::blobs::hex;
use crate::clock::{Entropy, EntropyError};
use crate::store::audit::Entry;
use crate::store::{self, Store, StoreError};

use super::TokenError;

/// Sessions of one token; the oldest ends when another one begins.
pub const MAX_SESSIONS: u32 = 100;

/// A session as the gate needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of what the cookie holds.
    pub id_sha256: [u8; 32],
    /// Whose rights it has.
    pub token_id: String,
    /// When it ends by itself.
    pub expires_at_ms: i64,
}

/// A fresh secret as text, for a cookie or a link, and the hash that is kept of it.
///
/// # Errors
/// When there is no randomness.
pub fn secret(entropy: &Entropy) -> Result<(String, [u8; 32]), EntropyError> {
    let mut bytes = [0u8; 32];
    entropy.fill(&mut bytes)?;
    let text = hex(&bytes);
    let kept = hash(&text);
    Ok((text, kept))
}

/// What is kept of a presented secret.
pub fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// Makes a session of a token, with its line in the audit, and answers what the cookie is to hold.
///
/// # Errors
/// When there is no randomness or the record fails.
pub async fn open(
    store: &Store,
    entropy: &Entropy,
    now_ms: i64,
    lasts_ms: i64,
    (token_id, owner): (&str, &str),
) -> Result<(Session, String), TokenError> {
    let (text, id_sha256) = secret(entropy)?;
    let session = Session {
        id_sha256,
        token_id: token_id.to_owned(),
        expires_at_ms: now_ms.saturating_add(lasts_ms),
    };
    let row = store::sessions::Session {
        id_sha256: id_sha256.to_vec(),
        token_id: token_id.to_owned(),
        created_at_ms: now_ms,
        expires_at_ms: session.expires_at_ms,
    };
    let detail = serde_json::json!({});
    let entry = Entry::new(now_ms, token_id, owner, "session.create", token_id, &detail)?;
    store
        .write(move |tx| {
            Box::pin(async move {
                store::sessions::insert(tx, &row, MAX_SESSIONS).await?;
                store::audit::append(tx, &entry).await
            })
        })
        .await?;
    Ok((session, text))
}

/// Ends a session. `false`: there is none such.
///
/// # Errors
/// When the record fails.
pub async fn close(store: &Store, id_sha256: [u8; 32]) -> Result<bool, TokenError> {
    let closed = store
        .write(move |tx| Box::pin(async move { store::sessions::delete(tx, &id_sha256).await }));
    Ok(closed.await?)
}

/// The sessions that have not ended at `now_ms`.
///
/// # Errors
/// When the record fails.
pub async fn live(store: &Store, now_ms: i64) -> Result<Vec<Session>, TokenError> {
    let rows = store::sessions::live(store, now_ms).await?;
    let sessions = rows.into_iter().map(|row| {
        let damaged = |_| StoreError::Damaged("a session's hash is not 32 bytes".to_owned());
        Ok::<_, StoreError>(Session {
            id_sha256: row.id_sha256.as_slice().try_into().map_err(damaged)?,
            token_id: row.token_id,
            expires_at_ms: row.expires_at_ms,
        })
    });
    Ok(sessions.collect::<Result<_, _>>()?)
}

/// Removes sessions that ended from the record; answers how many.
///
/// # Errors
/// When the record fails.
pub async fn forget(store: &Store, now_ms: i64) -> Result<u64, TokenError> {
    let forgotten =
        store.write(move |tx| Box::pin(async move { store::sessions::forget(tx, now_ms).await }));
    Ok(forgotten.await?)
}
