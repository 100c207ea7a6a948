//! Proving that a folder holds what it says.

use std::fmt;
use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::copy::digest;
use super::manifest::Manifest;
use super::{BackupError, blocking};
use crate::blobs::{BlobError, Files, Folder, hex};
use crate::runs::transition::{self, Verb};
use crate::store::rules::RULES;
use crate::store::snapshot::{Counts, Snapshot};
use crate::store::{DATABASE, StoreError};

/// Small blobs that are hashed between two reads of the database.
const PAGE: u32 = 256;

/// What [`verify`] found.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// Whatever breaks a rule, a sentence each. Empty: the folder can be trusted.
    pub violations: Vec<String>,
    /// What is worth knowing and breaks nothing.
    pub notes: Vec<String>,
    /// How much the database holds.
    pub counts: Counts,
    /// Blobs whose hash was compared.
    pub n_blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    fn wrong(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }
}

/// One line per violation and note, and a summary as the last line.
impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "violation: {violation}")?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let Counts {
            datasets,
            runs,
            events,
            models,
        } = self.counts;
        write!(
            f,
            "verified {datasets} datasets, {runs} runs with {events} events, {models} models, {} blobs of {} bytes: ",
            self.n_blobs, self.blob_bytes
        )?;
        match self.violations.len() {
            0 => write!(f, "nothing is wrong"),
            1 => write!(f, "1 violation"),
            n => write!(f, "{n} violations"),
        }
    }
}

/// Checks a data folder or a backup against every rule of the record, and every blob against its hash. Changes nothing, so
/// a server may be at work on the folder.
///
/// # Errors
/// When there is nothing to check, or it is an unfinished backup. Whatever can be said about a damaged folder is a violation
/// instead.
pub async fn verify(folder: &Path) -> Result<Verified, BackupError> {
    let database = folder.join(DATABASE);
    if !database.is_file() {
        return Err(BackupError::NoDatabase(folder.to_owned()));
    }
    let mut verified = Verified::default();
    if let Some(manifest) = Manifest::read(folder)? {
        check_manifest(&manifest, &database, &mut verified)?;
    }
    if let Err(error) = check_record(&database, folder, &mut verified).await {
        verified.wrong(format!("the check could not go on: {error}"));
    }
    Ok(verified)
}

fn check_manifest(
    manifest: &Manifest,
    database: &Path,
    verified: &mut Verified,
) -> Result<(), BackupError> {
    let mut file = File::open(database).map_err(super::io_error("opening", database))?;
    let (sha256, size_bytes) = digest(&mut file, database)?;
    if sha256 != manifest.database_sha256 || size_bytes != manifest.database_bytes {
        verified.wrong(format!(
            "{DATABASE} has {size_bytes} bytes with SHA-256 {sha256}; the manifest says {} bytes with {}",
            manifest.database_bytes, manifest.database_sha256
        ));
    }
    Ok(())
}

async fn check_record(
    database: &Path,
    folder: &Path,
    verified: &mut Verified,
) -> Result<(), BackupError> {
    let mut snapshot = Snapshot::open(database).await?;
    verified.violations.extend(snapshot.integrity().await?);
    let schema = snapshot.schema_faults().await?;
    if !schema.is_empty() {
        verified.violations.extend(schema); // the rules are about this version's tables alone
        return Ok(());
    }
    verified.counts = snapshot.counts().await?;
    for rule in RULES {
        match snapshot.violations(rule).await {
            Ok(found) => verified.violations.extend(found),
            Err(error) => verified.wrong(format!(
                "it could not be checked that {}: {error}",
                rule.holds
            )),
        }
    }
    match snapshot.metric_faults().await {
        Ok(found) => verified.violations.extend(found),
        Err(error) => verified.wrong(format!("the metrics could not be checked: {error}")),
    }
    match snapshot.changes().await {
        Ok(changes) => {
            for (from, to) in changes {
                if !Verb::ALL
                    .into_iter()
                    .any(|verb| transition::next(from, verb) == Some(to))
                {
                    verified.wrong(format!("a run went from {from} to {to}, which no run can"));
                }
            }
        }
        Err(error) => verified.wrong(format!(
            "the changes of status could not be checked: {error}"
        )),
    }
    check_small_blobs(&mut snapshot, verified).await?;
    let files = snapshot.files().await?;
    // Hashing large files takes its time; the server's write-ahead log need not grow meanwhile.
    snapshot.close().await?;
    check_files(database, Folder::of(folder), files, verified).await
}

async fn check_small_blobs(
    snapshot: &mut Snapshot,
    verified: &mut Verified,
) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = snapshot.small_blobs(&after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after.clone_from(last);
        for (sha256, bytes) in page {
            verified.n_blobs += 1;
            verified.blob_bytes += bytes.len() as u64;
            let found = hex(&Sha256::digest(&bytes));
            if found != sha256 {
                verified.wrong(format!(
                    "blob {sha256} is damaged: its bytes have the SHA-256 {found}"
                ));
            }
        }
    }
}

async fn check_files(
    database: &Path,
    blobs: Folder,
    files: Vec<(String, i64)>,
    verified: &mut Verified,
) -> Result<(), BackupError> {
    let Files { known, strange } = blobs.files()?;
    let orphans: Vec<_> = known
        .into_iter()
        .filter(|(sha256, _)| {
            files
                .binary_search_by(|(hash, _)| hash.cmp(sha256))
                .is_err()
        })
        .collect();
    if !orphans.is_empty() {
        let bytes: u64 = orphans.iter().map(|(_, size_bytes)| size_bytes).sum();
        verified.notes.push(format!(
            "{} files of {bytes} bytes in blobs/ belong to no row: an upload was interrupted, or they are about to be deleted",
            orphans.len()
        ));
    }
    verified.notes.extend(
        strange
            .iter()
            .map(|path| format!("{} is no blob", path.display())),
    );

    verified.n_blobs += files.len() as u64;
    verified.blob_bytes += files
        .iter()
        .map(|(_, size_bytes)| u64::try_from(*size_bytes).unwrap_or(0))
        .sum::<u64>();
    let faults = blocking(move || {
        let check = |(sha256, size_bytes): (String, i64)| {
            blobs
                .check(&sha256, size_bytes)
                .err()
                .map(|fault| (sha256, fault))
        };
        Ok(files
            .into_iter()
            .filter_map(check)
            .collect::<Vec<(String, BlobError)>>())
    })
    .await?;
    for (sha256, fault) in faults {
        // On a server at work a blob may have been deleted properly since its row was read.
        let mut now = Snapshot::open(database).await?;
        if now.has_blob(&sha256).await? {
            verified.wrong(fault.to_string());
        }
        now.close().await?;
    }
    Ok(())
}
