//! P1, P8, P9: the order in which an upload becomes durable, a disk that fails at any of its steps, and bytes that change.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use descent::app::App;
use descent::blobs::{BlobError, Folder, Io};
use descent::clock::{Clock, Entropy};
use descent::config::Config;

/// An application whose disk fails at one step, and what it was asked to do so far.
struct Disk {
    app: App,
    dir: tempfile::TempDir,
    steps: Arc<Mutex<Vec<Io>>>,
    fault: Arc<Mutex<Option<(usize, io::ErrorKind)>>>,
}

impl Disk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let steps: Arc<Mutex<Vec<Io>>> = Arc::default();
        let fault: Arc<Mutex<Option<(usize, io::ErrorKind)>>> = Arc::default();
        let (seen, wanted) = (steps.clone(), fault.clone());
        let faults = move |step: Io| {
            let mut seen = seen.lock().unwrap();
            seen.push(step);
            match *wanted.lock().unwrap() {
                Some((at, kind)) if seen.len() == at + 1 => Err(kind.into()),
                _ => Ok(()),
            }
        };
        let mut config = Config::default();
        config.server.data_dir = dir.path().to_owned();
        config.quota.free_space_floor_bytes = 0;
        let app = App::open_with(
            config,
            Clock::system(),
            Entropy::seeded(3),
            Some(Arc::new(faults)),
        )
        .await
        .unwrap();
        Self {
            app,
            dir,
            steps,
            fault,
        }
    }

    fn fail_at(&self, fault: Option<(usize, io::ErrorKind)>) {
        self.steps.lock().unwrap().clear();
        *self.fault.lock().unwrap() = fault;
    }

    fn steps(&self) -> Vec<Io> {
        self.steps.lock().unwrap().clone()
    }

    async fn keep(&self, bytes: Vec<u8>) -> Result<String, BlobError> {
        let staged = self.app.blobs.put(bytes).await?;
        let hash = staged.sha256().to_owned();
        let write = self
            .app
            .store
            .write(move |tx| Box::pin(async move { staged.record(tx).await }));
        write.await?;
        Ok(hash)
    }

    fn temp_files(&self) -> usize {
        let entries = fs::read_dir(self.dir.path().join("blobs")).unwrap();
        entries
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".writing-")
            })
            .count()
    }
}

const LARGE: usize = 200_000;

#[tokio::test]
async fn a_large_blob_is_durable_before_it_has_a_name_and_named_before_it_has_a_row() {
    let disk = Disk::new().await;
    disk.keep(vec![7; LARGE]).await.unwrap();
    let mut steps = disk.steps();
    steps.dedup();
    // Temp file, bytes, fsync; the folder of its name, durable; then the name, durable. Only then the row.
    assert_eq!(
        steps,
        [
            Io::Create,
            Io::Write,
            Io::Sync,
            Io::Create,
            Io::SyncDir,
            Io::Rename,
            Io::SyncDir
        ]
    );
    disk.fail_at(None);
    disk.keep(vec![7; 1_000]).await.unwrap();
    assert_eq!(disk.steps(), [], "a small one is durable with its row");
}

#[tokio::test]
async fn a_disk_that_fails_at_any_step_leaves_no_half_and_is_not_asked_again() {
    let disk = Disk::new().await;
    disk.keep(vec![0; LARGE]).await.unwrap();
    let n_steps = disk.steps().len();
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::Other] {
        for at in 0..n_steps {
            // Every round has bytes of its own; all of them lie in a folder that is new, as in the first round.
            let mut bytes = vec![0; LARGE];
            bytes[0] = u8::try_from(at + 1).unwrap();
            disk.fail_at(Some((at, kind)));
            let failed = match disk.keep(bytes.clone()).await {
                Err(failed) => failed,
                Ok(_) => {
                    // Its folder happened to exist, so it took fewer steps.
                    assert!(disk.steps().len() <= at);
                    continue;
                }
            };
            match (kind, &failed) {
                (io::ErrorKind::StorageFull, BlobError::NoSpace { .. })
                | (io::ErrorKind::Other, BlobError::Io { .. }) => {}
                _ => panic!("step {at}, {kind:?}: {failed:?}"),
            }
            assert_eq!(
                disk.steps().len(),
                at + 1,
                "nothing is tried after a failed step"
            );
            assert_eq!(disk.temp_files(), 0, "step {at}");
            assert!(
                !failed
                    .to_string()
                    .contains(disk.dir.path().to_str().unwrap()),
                "{failed}"
            );

            disk.fail_at(None);
            let hash = disk.keep(bytes.clone()).await.unwrap();
            assert_eq!(
                disk.app.blobs.read(&hash).await.unwrap(),
                bytes,
                "the next try is a whole one"
            );
        }
    }
    crate::assert_sound(disk.dir.path()).await;
}

#[tokio::test]
async fn a_damaged_blob_is_never_served_not_even_after_it_was_served_once() {
    let disk = Disk::new().await;
    let hash = disk.keep(vec![7; LARGE]).await.unwrap();
    let path = Folder::of(disk.dir.path()).path(&hash);
    disk.app.blobs.read(&hash).await.unwrap();

    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[LARGE / 2] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    flip(&path);
    let refused = disk.app.blobs.read(&hash).await;
    assert!(
        matches!(refused, Err(BlobError::Damaged { .. })),
        "{refused:?}"
    );
    flip(&path);
    disk.app.blobs.read(&hash).await.unwrap();
    fs::remove_file(&path).unwrap();
    let refused = disk.app.blobs.read(&hash).await;
    assert!(
        matches!(refused, Err(BlobError::Damaged { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_uploaded_again_while_their_old_copy_is_collected_are_kept() {
    let disk = Disk::new().await;
    for round in 0..100 {
        // Nobody refers to it, so that every collection takes it.
        let hash = disk.keep(vec![9; LARGE]).await.unwrap();
        let (kept, _) = tokio::join!(disk.keep(vec![9; LARGE]), disk.app.blobs.collect(-1));
        assert_eq!(kept.unwrap(), hash);
        match disk.app.blobs.read(&hash).await {
            Ok(_) | Err(BlobError::Absent(_)) => {} // the collection came first, or last
            Err(lost) => panic!("round {round}: {lost}"),
        }
    }
}

#[tokio::test]
async fn what_a_killed_process_left_behind_goes() {
    let disk = Disk::new().await;
    let hash = disk.keep(vec![1; LARGE]).await.unwrap();
    let folder = Folder::of(disk.dir.path());
    let orphan = format!("{}{}", &hash[..2], "0".repeat(62));
    fs::write(folder.path(&orphan), "named, and its row never came").unwrap();
    disk.app.blobs.collect(3_600_000).await.unwrap();
    assert!(
        folder.path(&orphan).exists(),
        "a young one may still get its row"
    );

    let held = folder.hold().unwrap();
    assert_eq!(
        disk.app.blobs.collect(-1).await.unwrap(),
        0,
        "a backup is being made"
    );
    assert!(folder.path(&orphan).exists());
    drop(held);
    assert_eq!(disk.app.blobs.collect(-1).await.unwrap(), 1);
    assert!(!folder.path(&orphan).exists() && !folder.path(&hash).exists());
}
