//! Who is served first, and that the queue says so beforehand.

use descent::runs::RunsError;
use descent::runs::message::{Outcome, Reason, Report};
use futures_util::FutureExt;

use crate::bench::Bench;

#[tokio::test]
async fn priority_then_fairness_between_owners_then_time() {
    let bench = Bench::new().await;
    let (ann, bob) = (
        bench.small_dataset("ann").await,
        bench.small_dataset("bob").await,
    );
    let mut expected = Vec::new();
    let mut ids = Vec::new();
    for (owner, dataset, priority) in [
        ("ann", ann, 0),
        ("ann", ann, 0),
        ("ann", ann, 0),
        ("bob", bob, 0),
        ("bob", bob, 0),
        ("bob", bob, 5),
        ("ann", ann, -1),
    ] {
        ids.push(bench.submit(owner, dataset, priority).await.unwrap().id);
        bench.pass_ms(1);
    }
    // bob's urgent run first; then ann, who was never served; then in turns; the unimportant one last.
    for index in [5, 0, 3, 1, 4, 2, 6] {
        expected.push(ids[index]);
    }
    let said: Vec<_> = bench
        .app
        .runs
        .queue()
        .await
        .unwrap()
        .runs
        .into_iter()
        .map(|queued| queued.run.id)
        .collect();
    assert_eq!(said, expected, "the queue as it is shown");
    let mut taken = Vec::new();
    while let Some(job) = bench.claim().await {
        taken.push(job.run);
    }
    assert_eq!(taken, expected, "the queue as it is worked off");
}

#[tokio::test]
async fn the_shown_order_is_the_order_of_claims_in_random_queues() {
    for seed in 0..5_u64 {
        let bench = Bench::new().await;
        let entropy = descent::clock::Entropy::seeded(seed);
        let mut random = vec![0u8; 3 * 40];
        entropy.fill(&mut random).unwrap();
        let owners = ["ann", "bob", "cleo"];
        let mut datasets = Vec::new();
        for owner in owners {
            datasets.push(bench.small_dataset(owner).await);
        }
        for draw in random.chunks(3) {
            let owner = usize::from(draw[0]) % owners.len();
            bench
                .submit(owners[owner], datasets[owner], i64::from(draw[1] % 3))
                .await
                .unwrap();
            bench.pass_ms(i64::from(draw[2] % 2));
            if draw[2] % 5 == 0 {
                bench.claim().await; // somebody is in work already when the queue is looked at
            }
        }
        let said: Vec<_> = bench
            .app
            .runs
            .queue()
            .await
            .unwrap()
            .runs
            .into_iter()
            .map(|queued| queued.run.id)
            .collect();
        let mut taken = Vec::new();
        while let Some(job) = bench.claim().await {
            taken.push(job.run);
        }
        assert_eq!(said, taken, "seed {seed}");
    }
}

#[tokio::test]
async fn an_owner_at_the_limit_waits_while_others_go_on() {
    let bench = Bench::with(|config| config.quota.owner_running_runs = 1, None).await;
    let (ann, bob) = (
        bench.small_dataset("ann").await,
        bench.small_dataset("bob").await,
    );
    let first = bench.submit("ann", ann, 0).await.unwrap().id;
    let second = bench.submit("ann", ann, 9).await.unwrap().id;
    let other = bench.submit("bob", bob, 0).await.unwrap().id;
    let job = bench.claim().await.unwrap();
    assert_eq!(job.run, second);
    assert_eq!(bench.claim().await.unwrap().run, other);
    assert!(
        bench.claim().await.is_none(),
        "ann has one run in work, and so has bob"
    );
    let failed = Outcome::Failed(Reason::new("bad_data", "for this test"));
    bench
        .app
        .runs
        .finish(job.run, job.fence, Report::default(), failed)
        .await
        .unwrap();
    assert_eq!(bench.claim().await.unwrap().run, first);
}

#[tokio::test]
async fn more_queued_runs_than_the_quota_are_refused_exactly() {
    let bench = Bench::with(|config| config.quota.owner_queued_runs = 10, None).await;
    let dataset = bench.small_dataset("ann").await;
    let tries = (0..40).map(|_| bench.submit("ann", dataset, 0));
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    assert!(
        answers
            .iter()
            .filter_map(|a| a.as_ref().err())
            .all(|e| matches!(e, RunsError::TooManyQueued { limit: 10 }))
    );
}

/// A sweep may wait for a place in the queue.
#[tokio::test]
async fn a_run_that_leaves_the_queue_wakes_the_sweeps() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let woken = || bench.app.runs.vacancy().now_or_never().is_some();
    bench.submit("ann", dataset, 1).await.unwrap();
    let second = bench.submit("ann", dataset, 0).await.unwrap().id;
    assert!(!woken());
    bench.claim().await.unwrap();
    assert!(woken() && !woken());
    bench.app.runs.pause("ann", second).await.unwrap();
    assert!(woken());
}

#[tokio::test]
async fn another_owners_dataset_and_run_do_not_exist() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    assert!(matches!(
        bench.submit("bob", dataset, 0).await,
        Err(RunsError::NoDataset(_))
    ));
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    assert!(matches!(
        bench.app.runs.show("bob", run).await,
        Err(RunsError::Absent)
    ));
    assert!(matches!(
        bench.app.runs.cancel("bob", run).await,
        Err(RunsError::Absent)
    ));
    assert!(matches!(
        bench.app.runs.delete("bob", run, None).await,
        Err(RunsError::Absent)
    ));
}
