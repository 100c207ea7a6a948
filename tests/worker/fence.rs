//! A worker that lost its run writes nothing any more (P5), and a run is finished once (P2).

use descent::runs::message::{Directive, NewModel, Outcome, Report, Started};
use descent::runs::{Beat, RunsError};
use descent::store::metrics::{self, Series};
use descent::store::runs::Status;
use descent::store::{Json, models};
use serde_json::json;

use crate::bench::Bench;

fn report(steps: std::ops::RangeInclusive<u64>) -> Report {
    let values = steps.clone().map(|step| 1.0 / step as f64).collect();
    let series = vec![Series {
        name: "loss".into(),
        steps: steps.collect(),
        values,
    }];
    Report {
        started: Some(Started {
            resolved_spec: Json::of(&json!({})).unwrap(),
            path: None,
        }),
        series,
        ..Report::default()
    }
}

async fn trained(bench: &Bench) -> Outcome {
    let weights = bench
        .app
        .runs
        .stage(b"weights".to_vec())
        .await
        .unwrap()
        .into();
    let empty = Json::of(&json!({})).unwrap();
    let model = NewModel {
        weights,
        document: empty.clone(),
        metrics: empty.clone(),
        result: empty,
    };
    Outcome::Trained(Box::new(model), None)
}

#[tokio::test]
async fn an_old_writer_is_refused_whatever_it_says() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let old = bench.claim().await.unwrap();
    bench
        .app
        .runs
        .report(run, old.fence, report(1..=3))
        .await
        .unwrap();
    bench.pass_ms(bench.app.config.worker.lease_ms as i64 + 1);
    assert_eq!(bench.app.runs.sweep().await.unwrap(), 1);
    let events = bench.events(run).await.len();

    for fence in [old.fence, old.fence + 1] {
        let refused = bench.app.runs.report(run, fence, report(4..=5)).await;
        assert!(
            matches!(refused, Err(RunsError::Fenced { .. })),
            "queued again: nobody holds it"
        );
    }
    let new = bench.claim().await.unwrap();
    assert!(new.fence > old.fence);
    let refused = bench.app.runs.report(run, old.fence, report(4..=5)).await;
    assert!(matches!(refused, Err(RunsError::Fenced { .. })));
    let refused = bench
        .app
        .runs
        .finish(run, old.fence, report(4..=5), trained(&bench).await)
        .await;
    assert!(matches!(refused, Err(RunsError::Fenced { .. })));
    let old_beat = Beat {
        run,
        fence: old.fence,
    };
    assert_eq!(
        bench.app.runs.heartbeat(vec![old_beat]).await.unwrap(),
        [(old_beat, Directive::Drop)]
    );

    assert_eq!(
        bench.events(run).await.len(),
        events + 1,
        "the claim alone was written"
    );
    let steps = metrics::series(&bench.app.store, run, &[]).await.unwrap()[0]
        .steps
        .clone();
    assert_eq!(steps, [1, 2, 3]);
    assert!(
        models::find(&bench.app.store, "ann", "small", &models::Which::Latest)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_run_finishes_exactly_once() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let job = bench.claim().await.unwrap();
    let finish = |outcome| {
        bench
            .app
            .runs
            .finish(run, job.fence, report(1..=2), outcome)
    };
    let (a, b) = (trained(&bench).await, trained(&bench).await);
    let answers = futures_util::future::join(finish(a), finish(b)).await;
    assert!(answers.0.is_ok() && matches!(answers.1, Err(RunsError::Fenced { .. })));
    let row = bench.show("ann", run).await;
    assert_eq!(
        (row.status, row.model_version),
        (Status::Succeeded, Some(1))
    );
    assert_eq!(
        bench.states(run).await,
        ["queued", "preparing", "running", "finalizing", "succeeded"]
    );
    assert_eq!(
        bench.events(run).await.last().unwrap().kind.as_str(),
        "done"
    );
}

#[tokio::test]
async fn what_is_on_record_is_kept_bit_by_bit_and_not_said_twice() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let job = bench.claim().await.unwrap();
    let odd = [
        f64::MIN_POSITIVE / 3.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        0.1 + 0.2,
    ];
    let series = |steps: Vec<u64>, values: Vec<f64>| {
        vec![Series {
            name: "loss".into(),
            steps,
            values,
        }]
    };
    let first = Report {
        series: series(vec![1, 2, 3, 4, 5], odd.to_vec()),
        ..Report::default()
    };
    bench.app.runs.report(run, job.fence, first).await.unwrap();
    bench.pass_ms(bench.app.config.worker.lease_ms as i64 + 1);
    bench.app.runs.sweep().await.unwrap();

    let job = bench.claim().await.unwrap();
    for steps in [vec![2, 3], vec![4, 5, 6], vec![7]] {
        let values = steps.iter().map(|_| 9.0).collect();
        bench
            .app
            .runs
            .report(
                run,
                job.fence,
                Report {
                    series: series(steps, values),
                    ..Report::default()
                },
            )
            .await
            .unwrap();
    }
    let all = &metrics::series(&bench.app.store, run, &[]).await.unwrap()[0];
    assert_eq!(all.steps, [1, 2, 3, 4, 5, 6, 7]);
    let bits: Vec<u64> = all.values.iter().map(|v| v.to_bits()).collect();
    let wanted: Vec<u64> = odd
        .into_iter()
        .chain([9.0, 9.0])
        .map(f64::to_bits)
        .collect();
    assert_eq!(bits, wanted);
    bench.events(run).await;
}

#[tokio::test]
async fn a_cancelled_run_stays_cancelled_even_if_its_training_ended_meanwhile() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let job = bench.claim().await.unwrap();
    bench.app.runs.cancel("ann", run).await.unwrap();
    let answer = bench
        .app
        .runs
        .report(run, job.fence, report(1..=2))
        .await
        .unwrap();
    assert_eq!(answer, Directive::Cancel);
    bench
        .app
        .runs
        .finish(run, job.fence, Report::default(), trained(&bench).await)
        .await
        .unwrap();
    let row = bench.show("ann", run).await;
    assert_eq!((row.status, row.model_version), (Status::Cancelled, None));
}
