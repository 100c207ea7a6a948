//! Access tokens: `dsc_<key id>_<secret><crc>`. The key id finds the row, the 256-bit secret proves the bearer, and the
//! checksum tells a mistyped token from a wrong one (and lets scanners find a leaked one). Only the SHA-256 of the secret is kept.

mod scope;
pub mod session;

pub use scope::{Right, Room, Scope, Scopes, UnknownScope};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::blobs::hex;
use crate::clock::{Entropy, EntropyError};
use crate::store::audit::Entry;
use crate::store::{self, Store, StoreError};

/// A token as the gate needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Key id.
    pub id: String,
    /// Whose data the bearer sees.
    pub owner: String,
    /// For people.
    pub name: String,
    /// What the bearer may do.
    pub scopes: Scopes,
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends by itself.
    pub expires_at_ms: Option<i64>,
    /// When it was revoked.
    pub revoked_at_ms: Option<i64>,
}

/// A new token: its text is shown once and kept nowhere.
pub struct Minted {
    /// Key id.
    pub id: String,
    /// The text for the bearer.
    pub text: String,
    /// What is kept.
    pub secret_sha256: [u8; 32],
}

/// What a new token shall be.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whose data the bearer sees.
    pub owner: String,
    /// For people.
    pub name: String,
    /// What the bearer may do.
    pub scopes: Scopes,
    /// When it ends by itself.
    pub expires_at_ms: Option<i64>,
}

/// Longest name of a token or an owner.
pub const MAX_NAME_CHARS: usize = 100;

/// What is wrong with a wish for a token, whichever way it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The name is empty or long.
    #[error("a name has 1 to {} characters", MAX_NAME_CHARS)]
    NameLength,
    /// The name would not stay on one line of a list, or would not be shown as it is.
    #[error("a name has no control characters")]
    NameControl,
    /// The owner's name is none.
    #[error(
        "an owner's name has 1 to {} letters, digits, '.', '_' or '-' and begins with a letter or digit",
        MAX_NAME_CHARS
    )]
    Owner,
    /// There are no scopes.
    #[error("a token without scopes opens no door; name at least one")]
    NoScopes,
    /// It would be over at once.
    #[error("a token cannot end before it begins")]
    Over,
}

impl NewToken {
    /// Everything that is wrong with it at `now_ms`.
    #[must_use]
    pub fn faults(&self, now_ms: i64) -> Vec<Fault> {
        let length = self.name.chars().count();
        let found = [
            (!(1..=MAX_NAME_CHARS).contains(&length)).then_some(Fault::NameLength),
            self.name
                .chars()
                .any(char::is_control)
                .then_some(Fault::NameControl),
            (!is_owner_name(&self.owner)).then_some(Fault::Owner),
            self.scopes
                .iter()
                .next()
                .is_none()
                .then_some(Fault::NoScopes),
            self.expires_at_ms
                .is_some_and(|at_ms| at_ms <= now_ms)
                .then_some(Fault::Over),
        ];
        found.into_iter().flatten().collect()
    }
}

fn is_owner_name(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Owner of the admin token and of everything made before there were others.
pub const ADMIN: &str = "admin";

/// What can go wrong with tokens.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenError {
    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The record failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a token, with its line in the audit, and answers its row and the text that is shown once.
///
/// # Errors
/// When there is no randomness or the record fails.
pub async fn create(
    store: &Store,
    entropy: &Entropy,
    now_ms: i64,
    wanted: NewToken,
    actor: &str,
) -> Result<(Token, String), TokenError> {
    let minted = mint(entropy)?;
    let token = Token {
        id: minted.id,
        owner: wanted.owner,
        name: wanted.name,
        scopes: wanted.scopes,
        secret_sha256: minted.secret_sha256,
        created_at_ms: now_ms,
        expires_at_ms: wanted.expires_at_ms,
        revoked_at_ms: None,
    };
    let detail = serde_json::json!({ "scopes": token.scopes.to_string() });
    let entry = Entry::new(
        now_ms,
        actor,
        &token.owner,
        "token.create",
        &token.id,
        &detail,
    )?;
    let row: store::tokens::Token = token.clone().into();
    store
        .write(move |tx| {
            Box::pin(async move {
                store::tokens::insert(tx, &row).await?;
                store::audit::append(tx, &entry).await
            })
        })
        .await?;
    Ok((token, minted.text))
}

/// Revokes a token, with its line in the audit. `false`: there is none such, or it was revoked before.
///
/// # Errors
/// When the record fails.
pub async fn revoke(store: &Store, id: &str, now_ms: i64, actor: &str) -> Result<bool, TokenError> {
    let Some(row) = store::tokens::find(store, id).await? else {
        return Ok(false);
    };
    let nothing = serde_json::json!({});
    let entry = Entry::new(now_ms, actor, &row.owner, "token.revoke", id, &nothing)?;
    let revoked = store.write(move |tx| {
        Box::pin(async move {
            let revoked = store::tokens::revoke(tx, &row.id, now_ms).await?;
            if revoked {
                store::audit::append(tx, &entry).await?;
            }
            Ok::<_, StoreError>(revoked)
        })
    });
    Ok(revoked.await?)
}

/// The tokens that may open a door at `now_ms`.
///
/// # Errors
/// When the record fails.
pub async fn live(store: &Store, now_ms: i64) -> Result<Vec<Token>, TokenError> {
    let rows = store::tokens::live(store, now_ms).await?;
    Ok(rows
        .into_iter()
        .map(Token::try_from)
        .collect::<Result<_, _>>()?)
}

/// Makes a token from fresh random bytes.
///
/// # Errors
/// When there are none.
pub fn mint(entropy: &Entropy) -> Result<Minted, EntropyError> {
    let (mut id, mut secret) = ([0u8; 8], [0u8; 32]);
    entropy.fill(&mut id)?;
    entropy.fill(&mut secret)?;
    let (id, secret) = (hex(&id), hex(&secret));
    let body = format!("dsc_{id}_{secret}");
    let text = format!("{body}{:08x}", crc32(body.as_bytes()));
    Ok(Minted {
        id,
        text,
        secret_sha256: Sha256::digest(secret.as_bytes()).into(),
    })
}

/// Whether a text has the form of a key id, as [`mint`] makes them.
pub fn is_key_id(text: &str) -> bool {
    text.len() == 16
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Key id of what may be a token; [`read`] says whether it is one.
pub fn key_id(text: &str) -> Option<&str> {
    parts(text).map(|(id, _)| id)
}

/// Key id, and secret with checksum.
fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("dsc_")?.split_once('_')
}

/// Key id and hash of the secret of a presented token; `None` when it is not a token at all.
pub fn read(text: &str) -> Option<(&str, [u8; 32])> {
    let (id, rest) = parts(text)?;
    let (secret, crc) = rest.split_at_checked(64)?;
    let body = text.get(..text.len().checked_sub(8)?)?;
    let intact = crc.len() == 8 && u32::from_str_radix(crc, 16) == Ok(crc32(body.as_bytes()));
    intact.then(|| (id, Sha256::digest(secret.as_bytes()).into()))
}

/// Compares hashes in constant time, so that the answer's delay tells nothing.
pub fn same_secret(kept: &[u8; 32], presented: &[u8; 32]) -> bool {
    kept.ct_eq(presented).into()
}

/// CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320), a byte at a time.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (crc >> 8) ^ CRC_OF_BYTE[((crc ^ u32::from(*byte)) & 0xff) as usize]
    })
}

/// The checksum's eight steps for every byte, because each request with a token takes them for all of its letters.
const CRC_OF_BYTE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

impl TryFrom<store::tokens::Token> for Token {
    type Error = StoreError;

    fn try_from(row: store::tokens::Token) -> Result<Self, StoreError> {
        let damaged = |what: &str| StoreError::Damaged(format!("token {}: {what}", row.id));
        Ok(Self {
            scopes: row
                .scopes
                .parse()
                .map_err(|e: UnknownScope| damaged(&e.to_string()))?,
            secret_sha256: row
                .secret_sha256
                .as_slice()
                .try_into()
                .map_err(|_| damaged("its hash is not 32 bytes"))?,
            id: row.id,
            owner: row.owner,
            name: row.name,
            created_at_ms: row.created_at_ms,
            expires_at_ms: row.expires_at_ms,
            revoked_at_ms: row.revoked_at_ms,
        })
    }
}

impl From<Token> for store::tokens::Token {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            owner: token.owner,
            name: token.name,
            secret_sha256: token.secret_sha256.to_vec(),
            scopes: token.scopes.to_string(),
            created_at_ms: token.created_at_ms,
            expires_at_ms: token.expires_at_ms,
            revoked_at_ms: token.revoked_at_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_have_plain_names() {
        for name in ["admin", "team-7", "a.b_c", "0"] {
            assert!(is_owner_name(name), "{name}");
        }
        for name in [
            "",
            "-a",
            "a b",
            "a\n",
            "관리자",
            "a/b",
            &"x".repeat(MAX_NAME_CHARS + 1),
        ] {
            assert!(!is_owner_name(name), "{name}");
        }
    }

    #[test]
    fn a_minted_token_is_read_back_and_a_changed_one_is_not() {
        let minted = mint(&Entropy::seeded(3)).unwrap();
        let (id, hash) = read(&minted.text).unwrap();
        assert_eq!(id, minted.id);
        assert!(same_secret(&minted.secret_sha256, &hash));
        for at in 4..minted.text.len() {
            let mut changed = minted.text.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(read(&changed).is_none(), "a change at {at} must show");
        }
        for junk in [
            "",
            "dsc_",
            "dsc__",
            "Bearer x",
            "dsc_a_é",
            &minted.text[..40],
        ] {
            assert!(read(junk).is_none(), "{junk:?}");
        }
        assert_eq!(
            crc32(b"123456789"),
            0xCBF4_3926,
            "the check value of CRC-32"
        );
    }
}
