//! Damage of every sort is found and named.

use std::fs;
use std::path::Path;

use descent::backup;
use descent::blobs::Folder;
use descent::clock::Clock;
use descent::store::DATABASE;

use crate::busy::Busy;

/// A backup of a folder with one large dataset, and the hash of that.
async fn one_backup() -> (tempfile::TempDir, String) {
    let busy = Busy::start().await;
    busy.dataset(200_000).await;
    busy.dataset(5_000).await;
    let target = tempfile::tempdir().unwrap();
    backup::backup(busy.data_dir(), target.path(), &Clock::system())
        .await
        .unwrap();
    let large = busy
        .datasets_of(&busy.app)
        .await
        .into_iter()
        .find(|dataset| dataset.size_bytes == 200_000)
        .unwrap();
    (target, large.sha256)
}

async fn violations(folder: &Path) -> String {
    backup::verify(folder).await.unwrap().violations.join("\n")
}

/// Changes one byte of a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_blob_with_one_wrong_bit_is_named() {
    let (folder, hash) = one_backup().await;
    flip(&Folder::of(folder.path()).path(&hash), 77_777);
    let found = violations(folder.path()).await;
    assert!(
        found.contains(&format!(
            "blob {hash} is damaged: its bytes have the SHA-256"
        )),
        "{found}"
    );
}

#[tokio::test]
async fn a_missing_blob_is_named() {
    let (folder, hash) = one_backup().await;
    fs::remove_file(Folder::of(folder.path()).path(&hash)).unwrap();
    let found = violations(folder.path()).await;
    assert!(
        found.contains(&format!("blob {hash} is damaged: its file is missing")),
        "{found}"
    );
}

#[tokio::test]
async fn a_small_blob_is_hashed_too_and_the_manifest_knows_its_database() {
    let (folder, _) = one_backup().await;
    let database = folder.path().join(DATABASE);
    // The bytes of the small dataset fill pages of their own; one bit in the middle of them breaks no page.
    let size = fs::metadata(&database).unwrap().len() as usize;
    let mut n_found = 0;
    for at in (4_096 + 2_000..size).step_by(4_096) {
        flip(&database, at);
        let found = violations(folder.path()).await;
        assert!(found.contains("the manifest says"), "{found}");
        n_found += usize::from(found.contains("is damaged: its bytes have the SHA-256"));
        flip(&database, at);
    }
    assert!(n_found > 0, "no flipped bit fell into the small blob");
    assert_eq!(violations(folder.path()).await, "");
}

#[tokio::test]
async fn half_a_database_is_told_and_is_no_panic() {
    let (folder, _) = one_backup().await;
    let database = folder.path().join(DATABASE);
    let bytes = fs::read(&database).unwrap();
    for keep in [0, 100, 4_096, bytes.len() / 2, bytes.len() - 4_096] {
        fs::write(&database, &bytes[..keep]).unwrap();
        let found = violations(folder.path()).await;
        assert!(
            found.lines().count() >= 2,
            "the first {keep} bytes alone: {found}"
        );
    }
}

#[tokio::test]
async fn what_belongs_to_nobody_is_a_note() {
    let (folder, hash) = one_backup().await;
    let blobs = folder.path().join("blobs");
    let orphan = format!("{}{}", &hash[..2], "0".repeat(62));
    fs::write(blobs.join(&hash[..2]).join(&orphan), "left over").unwrap();
    fs::write(blobs.join("readme.txt"), "what is this").unwrap();
    let verified = backup::verify(folder.path()).await.unwrap();
    assert!(verified.is_sound(), "{verified}");
    let notes = verified.notes.join("\n");
    assert!(
        notes.contains("1 files of 9 bytes") && notes.contains("readme.txt is no blob"),
        "{notes}"
    );
}
