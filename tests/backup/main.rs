//! P10: a backup taken under load restores to a state that passes `verify`, and `verify` finds damage.

mod busy;
mod damage;
mod faults;

use std::path::Path;
use std::sync::Arc;

use descent::app::App;
use descent::backup::{self, BackupError};
use descent::blobs::Folder;
use descent::clock::Clock;
use descent::store::DATABASE;

use busy::Busy;

/// Everything `verify` finds, which shall be nothing.
async fn assert_sound(folder: &Path) {
    let verified = backup::verify(folder).await.unwrap();
    assert!(verified.is_sound(), "{}:\n{verified}", folder.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_taken_under_load_restore_to_a_sound_state() {
    let busy = Arc::new(Busy::start().await);
    let work = [
        tokio::spawn(busy.clone().upload()),
        tokio::spawn(busy.clone().train()),
        tokio::spawn(busy.clone().collect()),
    ];
    let targets = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..6 {
        // Something must happen between two backups, or nothing is proved.
        busy.wait_for_commits(before + 20).await;
        let target = targets.path().join(format!("round-{round}"));
        let manifest = backup::backup(busy.data_dir(), &target, &Clock::system())
            .await
            .unwrap();
        before = busy.commits();
        assert!(manifest.n_files > 0, "the load includes large blobs");
        assert_sound(&target).await;
        assert_sound(busy.data_dir()).await; // beside the working server
    }
    busy.stop();
    for task in work {
        task.await.unwrap();
    }

    for round in 0..6 {
        let target = targets.path().join(format!("round-{round}"));
        backup::adopt(&target).unwrap();
        let restored = busy.reopen(&target).await;
        let datasets = busy.datasets_of(&restored).await;
        assert!(!datasets.is_empty());
        for dataset in datasets {
            let bytes = restored.blobs.read(&dataset.sha256).await.unwrap();
            assert_eq!(bytes.len() as i64, dataset.size_bytes);
        }
        restored.runs.recover().await.unwrap();
        restored.store.close().await;
        drop(restored);
        assert_sound(&target).await; // it is a data folder now, and may change
    }
}

#[tokio::test]
async fn a_backup_wants_a_folder_of_its_own_and_a_source() {
    let busy = Busy::start().await;
    let target = tempfile::tempdir().unwrap();
    std::fs::write(target.path().join("notes.txt"), "mine").unwrap();
    let refused = backup::backup(busy.data_dir(), target.path(), &Clock::system()).await;
    assert!(
        matches!(refused, Err(BackupError::Occupied(_))),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_dir(target.path()).unwrap().count(),
        1,
        "what was there is untouched"
    );

    let empty = tempfile::tempdir().unwrap();
    let refused = backup::backup(empty.path(), &target.path().join("x"), &Clock::system()).await;
    assert!(
        matches!(refused, Err(BackupError::NoDatabase(_))),
        "{refused:?}"
    );
    let refused = backup::verify(empty.path()).await;
    assert!(
        matches!(refused, Err(BackupError::NoDatabase(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_interrupted_backup_is_refused_everywhere() {
    let busy = Busy::start().await;
    busy.dataset(200_000).await;
    let hash = busy.datasets_of(&busy.app).await[0].sha256.clone();
    let path = Folder::of(busy.data_dir()).path(&hash);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[1..]).unwrap(); // a damaged blob ends a backup in its middle

    let target = tempfile::tempdir().unwrap();
    let failed = backup::backup(busy.data_dir(), target.path(), &Clock::system())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        failed.contains(&hash) && failed.contains("199999 bytes instead of 200000"),
        "{failed}"
    );
    let unfinished = |result: Result<(), BackupError>| {
        assert!(
            matches!(result, Err(BackupError::Unfinished(_))),
            "{result:?}"
        )
    };
    assert!(
        target.path().join(DATABASE).exists(),
        "it looks like a data folder"
    );
    unfinished(backup::verify(target.path()).await.map(drop));
    unfinished(backup::adopt(target.path()));
    unfinished(
        backup::backup(target.path(), &target.path().join("x"), &Clock::system())
            .await
            .map(drop),
    );
}

#[tokio::test]
async fn no_secret_and_no_stranger_comes_along() {
    let busy = Busy::start().await;
    busy.dataset(200_000).await;
    std::fs::write(busy.data_dir().join("admin.token"), "secret").unwrap();
    std::fs::write(
        busy.data_dir().join("blobs").join(".writing-x"),
        "half an upload",
    )
    .unwrap();
    let target = tempfile::tempdir().unwrap();
    backup::backup(busy.data_dir(), target.path(), &Clock::system())
        .await
        .unwrap();
    let mut names: Vec<_> = std::fs::read_dir(target.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["backup.json", "blobs", DATABASE]);
    assert_eq!(
        std::fs::read_dir(target.path().join("blobs"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        backup::verify(target.path()).await.unwrap().to_string(),
        "verified 1 datasets, 0 runs with 0 events, 0 models, 1 blobs of 200000 bytes: nothing is wrong"
    );
}

/// An application opened from a folder, for tests that look into a restored one.
async fn open(folder: &Path) -> App {
    let mut config = descent::config::Config::default();
    config.server.data_dir = folder.to_owned();
    config.quota.free_space_floor_bytes = 0;
    App::open(config).await.unwrap()
}
