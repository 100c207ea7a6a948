//! Many writes share a commit; one that fails or panics takes nobody with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use descent::blobs::hex;
use descent::store::{self, StoreError};

use crate::bench::Bench;

fn blob(n: u8) -> store::blobs::Blob {
    store::blobs::Blob {
        sha256: hex(&[n; 32]),
        size_bytes: 1,
        bytes: Some(vec![n]),
        created_at_ms: 0,
    }
}

#[tokio::test]
async fn a_refused_op_is_undone_alone() {
    let bench = Bench::new().await;
    let bells = Arc::new(AtomicUsize::new(0));
    let writes = (0..60_u8).map(|n| {
        let bells = bells.clone();
        bench.app.store.write(move |tx| {
            Box::pin(async move {
                tx.after_commit(move || {
                    bells.fetch_add(1, Ordering::SeqCst);
                });
                store::blobs::insert(tx, &blob(n)).await?;
                match n % 3 {
                    0 => Ok(n),
                    1 => Err(StoreError::Constraint("for this test".into())),
                    _ => panic!("for this test"),
                }
            })
        })
    });
    let answers = futures_util::future::join_all(writes).await;
    for (n, answer) in answers.iter().enumerate() {
        let n = n as u8;
        assert_eq!(answer.is_ok(), n.is_multiple_of(3), "{answer:?}");
        let found = store::blobs::find(&bench.app.store, &blob(n).sha256)
            .await
            .unwrap();
        assert_eq!(found.is_some(), n.is_multiple_of(3), "op {n}");
    }
    assert_eq!(
        bells.load(Ordering::SeqCst),
        20,
        "only kept ops ring their bells"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_a_whole_effect() {
    let bench = Bench::new().await;
    let (begun, hears) = tokio::sync::oneshot::channel();
    let store = bench.app.store.clone();
    let caller = tokio::spawn(async move {
        store
            .write(move |tx| {
                Box::pin(async move {
                    let _ = begun.send(());
                    store::blobs::insert(tx, &blob(1)).await?;
                    store::blobs::insert(tx, &blob(2)).await
                })
            })
            .await
    });
    hears.await.unwrap();
    caller.abort();
    // The writer works in order: when this answers, the abandoned op is through.
    bench
        .app
        .store
        .write(|tx| Box::pin(async move { store::blobs::insert(tx, &blob(3)).await }))
        .await
        .unwrap();
    for n in 1..=3 {
        assert!(
            store::blobs::find(&bench.app.store, &blob(n).sha256)
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let bench = Bench::new().await;
    bench.app.store.close().await;
    let answer = bench
        .app
        .store
        .write(|tx| Box::pin(async move { store::blobs::insert(tx, &blob(1)).await }))
        .await;
    assert!(matches!(answer, Err(StoreError::Closed)));
}
