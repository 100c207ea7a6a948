//! Lost workers: queued again, and given up after too many.

use std::sync::Arc;

use descent::runs::message::{NewCheckpoint, Report};
use descent::store::runs::Status;

use crate::bench::Bench;

#[tokio::test]
async fn a_silent_worker_loses_its_run_and_a_speaking_one_keeps_it() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let (silent, speaking) = (
        bench.submit("ann", dataset, 1).await.unwrap().id,
        bench.submit("ann", dataset, 0).await.unwrap().id,
    );
    let lease_ms = bench.app.config.worker.lease_ms as i64;
    assert_eq!(bench.claim().await.unwrap().run, silent);
    let job = bench.claim().await.unwrap();
    bench.pass_ms(lease_ms - 1);
    bench
        .app
        .runs
        .heartbeat(vec![descent::runs::Beat {
            run: job.run,
            fence: job.fence,
        }])
        .await
        .unwrap();
    assert_eq!(
        bench.app.runs.sweep().await.unwrap(),
        0,
        "nobody is late yet"
    );
    bench.pass_ms(2);
    assert_eq!(bench.app.runs.sweep().await.unwrap(), 1);
    let lost = bench.show("ann", silent).await;
    assert_eq!(
        (lost.status, lost.reason_code.as_deref()),
        (Status::Queued, Some("worker_lost"))
    );
    assert_eq!(bench.show("ann", speaking).await.status, Status::Preparing);
}

#[tokio::test]
async fn after_a_restart_every_state_in_work_finds_its_place() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let mut runs = Vec::new();
    for status in Status::ALL {
        let run = bench.submit("ann", dataset, 0).await.unwrap().id;
        bench.force(run, status).await;
        runs.push((status, run));
    }
    let dir = bench.close().await;
    let bench = Bench::at(dir, |_| {}, None).await;
    assert_eq!(bench.app.runs.recover().await.unwrap(), 5);
    for (before, run) in runs {
        let after = match before {
            Status::Preparing | Status::Running | Status::Finalizing => Status::Queued,
            Status::Pausing => Status::Paused,
            Status::Cancelling => Status::Cancelled,
            other => other,
        };
        assert_eq!(bench.show("ann", run).await.status, after, "was {before}");
    }
}

#[tokio::test]
async fn a_run_that_kills_its_worker_three_times_is_poison_unless_it_gets_further() {
    let bench = Bench::with(|config| config.worker.poison_losses = 3, None).await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    for round in 0..5_i64 {
        let job = bench.claim().await.unwrap();
        if round == 1 {
            let staged = bench.app.runs.stage(b"state".to_vec()).await.unwrap();
            let checkpoint = Some(Arc::new(NewCheckpoint {
                staged,
                step: 10,
                epoch: 1,
                is_best: true,
            }));
            bench
                .app
                .runs
                .report(
                    run,
                    job.fence,
                    Report {
                        checkpoint,
                        ..Report::default()
                    },
                )
                .await
                .unwrap();
        }
        assert_eq!(
            job.resume.is_some(),
            round > 1,
            "the checkpoint is what the next worker goes on from"
        );
        bench.app.runs.recover().await.unwrap();
        let row = bench.show("ann", run).await;
        // Lost in rounds 0 and 1, but the checkpoint of round 1 begins the count anew: rounds 1, 2 and 3 are three in a row.
        let wanted = if round < 3 {
            (Status::Queued, Some("server_restart"))
        } else {
            (Status::Failed, Some("poison"))
        };
        assert_eq!(
            (row.status, row.reason_code.as_deref()),
            wanted,
            "round {round}"
        );
        if round == 3 {
            break;
        }
    }
}
