//! A full disk (P8): a clear answer, the process alive, reads go on, no half of anything.

use descent::blobs::hex;
use descent::runs::RunsError;
use descent::store::{self, StoreError};

use crate::bench::Bench;

#[tokio::test]
async fn a_full_database_refuses_writes_clearly_and_goes_on_reading() {
    let bench = Bench::with(|config| config.store.max_database_bytes = 1 << 20, None).await;
    let dataset = bench.small_dataset("ann").await;
    let before = bench.submit("ann", dataset, 0).await.unwrap().id;
    let put = |n: u16, size: usize| {
        let sha256 = hex(&[[n.to_le_bytes()[0]; 16], [n.to_le_bytes()[1]; 16]].concat());
        let blob = store::blobs::Blob {
            sha256: sha256.clone(),
            size_bytes: size as i64,
            bytes: Some(vec![7; size]),
            created_at_ms: 0,
        };
        let write = bench
            .app
            .store
            .write(move |tx| Box::pin(async move { store::blobs::insert(tx, &blob).await }));
        async move { (sha256, write.await) }
    };
    let mut kept = Vec::new();
    let full = loop {
        let (sha256, answer) = put(kept.len() as u16, 40_000).await;
        match answer {
            Ok(()) => kept.push(sha256),
            Err(error) => break (sha256, error),
        }
        assert!(kept.len() < 100, "the limit is never reached");
    };
    assert!(matches!(full.1, StoreError::DiskFull), "{:?}", full.1);
    assert!(
        store::blobs::find(&bench.app.store, &full.0)
            .await
            .unwrap()
            .is_none(),
        "no half record"
    );
    for sha256 in &kept {
        assert!(
            store::blobs::find(&bench.app.store, sha256)
                .await
                .unwrap()
                .is_some(),
            "what was acknowledged stays"
        );
    }

    // Small writes that need no new page, reads, and the life of runs go on.
    assert_eq!(bench.show("ann", before).await.id, before);
    let (tiny, huge) = futures_util::future::join(put(1_000, 10), put(1_001, 400_000)).await;
    assert!(matches!(huge.1, Err(StoreError::DiskFull)));
    // A small write that shares its commit with a large one may fall with it, and is told so.
    assert!(
        matches!(tiny.1, Ok(()) | Err(StoreError::Io(_))),
        "{:?}",
        tiny.1
    );
    put(1_002, 10).await.1.unwrap();
    let job = bench.claim().await;
    assert!(job.is_some_and(|job| job.run == before));
    let dir = bench.close().await;
    let verified = descent::backup::verify(dir.path()).await.unwrap();
    let whole = verified.violations.iter().all(|said| said.contains("blob"));
    assert!(whole, "the record itself is whole: {verified}");
}

#[tokio::test]
async fn below_the_floor_of_free_space_nothing_new_is_taken_in() {
    let bench = Bench::with(|config| config.quota.free_space_floor_bytes = 0, None).await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let dir = bench.close().await;
    let bench = Bench::at(
        dir,
        |config| config.quota.free_space_floor_bytes = u64::MAX,
        None,
    )
    .await;
    let refused = bench.submit("ann", dataset, 0).await;
    assert!(
        matches!(
            refused,
            Err(RunsError::Blob(descent::blobs::BlobError::NoSpace { .. }))
        ),
        "{refused:?}"
    );
    assert_eq!(bench.show("ann", run).await.id, run, "reads go on");
}
