//! The record of a path: thinned as it grows, kept by a resume, closed to an old writer; and a landscape in work survives its worker.

use std::sync::Arc;

use descent::runs::message::{Report, Started};
use descent::runs::{Description, Kind, LandscapeRequest, Path, RunsError};
use descent::store::Json;
use descent::store::landscapes::Status;
use descent::store::trajectories::{self, Point};
use descent_engine::spec::Spec;
use serde_json::{Value, json};

use crate::bench::Bench;

/// A network whose points are not complete, so that it has snapshots.
fn description() -> Description {
    let document = json!({"format": 1, "n_trained": 1_000_000, "n_statistics": 0, "batch_rows": 1_000, "inputs": [], "layers": null, "outputs": []});
    serde_json::from_value(document).unwrap()
}

/// What a training says after these steps, as the worker does: points and snapshots of the steps that have them.
fn said(steps: std::ops::Range<u64>, last: Option<u64>) -> Report {
    let layout = description().layout();
    let mut path = Path::of(&layout);
    let mut say = |step: u64, is_last: bool| {
        let point = Point {
            step,
            epoch: 1,
            is_last,
            loss: Some(1.0 / (step + 1) as f64),
            gradient_norm: None,
            learning_rate: Some(0.1),
            update_norm: Some(0.5),
        };
        path.points.points.push(point);
        path.points
            .numbers
            .resize(path.points.points.len() * layout.n_numbers(), step as f32);
        if !is_last && layout.snapshots().unwrap().from(step) == step {
            path.snapshots.push((step, vec![step as u16; 3]));
        }
    };
    steps
        .filter(|step| layout.points().from(*step) == *step)
        .for_each(|step| say(step, false));
    last.into_iter().for_each(|step| say(step, true));
    Report {
        path: Some(Arc::new(path)),
        ..Report::default()
    }
}

fn begun() -> Report {
    let spec: Value =
        json!({"dataset": "x", "task": {"kind": "classification", "target": "target"}});
    Report {
        started: Some(Started {
            resolved_spec: Json::of(&Spec::from_value(spec).unwrap()).unwrap(),
            path: Some(Json::of(&description()).unwrap()),
        }),
        ..Report::default()
    }
}

#[tokio::test]
async fn a_path_is_thinned_as_it_grows_and_a_resume_says_nothing_twice() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let job = bench.claim().await.unwrap();
    let runs = &bench.app.runs;
    runs.report(run, job.fence, begun()).await.unwrap();
    let layout = description().layout();
    let on_record = async || {
        let path = trajectories::points(&bench.app.store, run).await.unwrap();
        let width = layout.n_numbers();
        for (point, numbers) in path.points.iter().zip(path.numbers.chunks(width)) {
            let filler = numbers.last().copied();
            assert_eq!(
                (numbers.len(), filler),
                (width, Some(point.step as f32)),
                "each point has its own numbers"
            );
        }
        let snapshots = trajectories::snapshots(&bench.app.store, run)
            .await
            .unwrap();
        let steps = path
            .points
            .iter()
            .map(|point| point.step)
            .collect::<Vec<u64>>();
        (
            steps,
            snapshots
                .into_iter()
                .map(|(step, _)| step)
                .collect::<Vec<u64>>(),
        )
    };
    // Snapshots wait for a checkpoint, so they come with later reports than their points.
    let mut held = Vec::new();
    for first in (0..700).step_by(70) {
        let mut report = said(first..first + 70, None);
        let path = Arc::make_mut(report.path.as_mut().unwrap());
        held.append(&mut path.snapshots);
        if first % 210 == 0 {
            path.snapshots = std::mem::take(&mut held);
        }
        runs.report(run, job.fence, report).await.unwrap();
    }
    assert!(held.is_empty(), "the last report has all of them");
    let kept = |last: u64| -> (Vec<u64>, Vec<u64>) {
        let of = |thinning: descent_engine::trajectory::Thinning| {
            (0..=last)
                .filter(|step| thinning.keeps(*step, last))
                .collect()
        };
        (of(layout.points()), of(layout.snapshots().unwrap()))
    };
    let last = (0..700)
        .rev()
        .find(|step| layout.points().from(*step) == *step)
        .unwrap();
    assert_eq!(on_record().await, kept(last));
    assert!(kept(last).0.len() <= 256 && kept(last).1.len() <= 4);

    // Its worker is lost; the next one begins again at an earlier step, and the old one may say what it likes.
    bench.pass_ms(bench.app.config.worker.lease_ms as i64 + 1);
    runs.sweep().await.unwrap();
    let next = bench.claim().await.unwrap();
    let refused = runs.report(run, job.fence, said(700..900, None)).await;
    assert!(matches!(refused, Err(RunsError::Fenced { .. })));
    runs.report(run, next.fence, begun()).await.unwrap();
    runs.report(run, next.fence, said(300..640, None))
        .await
        .unwrap();
    assert_eq!(on_record().await, kept(last));
    runs.report(run, next.fence, said(640..1_500, Some(1_501)))
        .await
        .unwrap();
    let (mut points, snapshots) = kept(1_501);
    points.push(1_501);
    assert_eq!(
        on_record().await,
        (points, snapshots),
        "the end is kept whatever its step"
    );
}

#[tokio::test]
async fn a_landscape_that_was_being_computed_is_queued_again_after_a_restart() {
    let bench = Bench::new().await;
    let dataset = bench.small_dataset("ann").await;
    let run = bench.submit("ann", dataset, 0).await.unwrap().id;
    let job = bench.claim().await.unwrap();
    let runs = &bench.app.runs;
    let question = LandscapeRequest {
        kind: Kind::Random,
        resolution: 5,
        samples: 10,
        range: None,
        other: None,
        seed: 0,
        step: None,
    };
    let early = runs.ask_landscape("ann", run, question.clone()).await;
    assert!(
        matches!(early, Err(RunsError::NoLandscape(_))),
        "nothing is trained yet"
    );
    runs.report(run, job.fence, begun()).await.unwrap();
    runs.report(run, job.fence, said(0..10, None))
        .await
        .unwrap();
    let (row, is_new) = runs
        .ask_landscape("ann", run, question.clone())
        .await
        .unwrap();
    assert!(is_new && row.status == Status::Queued);
    let survey = runs.claim_landscape().await.unwrap().unwrap();
    assert_eq!(
        (survey.row.id, survey.row.status),
        (row.id, Status::Computing)
    );
    assert!(
        runs.claim_landscape().await.unwrap().is_none(),
        "it is given out once"
    );
    runs.recover().await.unwrap();
    let again = runs.claim_landscape().await.unwrap().unwrap();
    assert_eq!(again.row.id, row.id);
    runs.finish_landscape(&again.row, Err("the moon was full".to_owned()))
        .await
        .unwrap();
    let failed = runs.landscape("ann", run, None).await.unwrap().unwrap();
    assert_eq!(
        (failed.status, failed.reason.as_deref()),
        (Status::Failed, Some("the moon was full"))
    );
    // What failed may be asked again; what the training has added since makes it another question.
    assert!(
        runs.ask_landscape("ann", run, question.clone())
            .await
            .unwrap()
            .1
    );
    assert!(
        !runs
            .ask_landscape("ann", run, question.clone())
            .await
            .unwrap()
            .1
    );
    runs.recover().await.unwrap();
    let next = bench.claim().await.unwrap();
    runs.report(run, next.fence, said(10..40, None))
        .await
        .unwrap();
    assert!(runs.ask_landscape("ann", run, question).await.unwrap().1);
}
