//! P7: SIGTERM stops accepting, saves what trains, tells watchers and ends with 0 within 10 s; the run goes on as if nothing
//! had happened.

use std::time::Duration;

use descent::store::{checkpoints, metrics, runs};
use descent::tokens::ADMIN;

use crate::client::Client;
use crate::kills::wait_for;
use crate::plan;
use crate::record::{Record, verify};
use crate::server::Server;
use crate::undisturbed;

#[test]
fn sigterm_saves_what_trains_tells_watchers_and_ends_with_zero() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let runtime = crate::runtime();
    let mut specs = plan::specs();
    specs[0]["training"]["epochs"] = 400.into();
    // Only the drain itself saves: no epoch end is that long after the last checkpoint.
    specs[0]["training"]["checkpoint"] =
        serde_json::json!({"min_interval_ms": 86_400_000, "max_interval_ms": 86_400_000});

    let server = Server::start(&data_dir, &[]).unwrap();
    let client = Client::new(&server);
    let mut record = Record::default();
    for (name, bytes) in undisturbed::examples() {
        record.upload_now(&runtime, &client, name, bytes);
    }
    let id = record.submit_now(&runtime, &client, 0, &specs).unwrap();
    let events = client.follow(runtime.handle(), &id);
    wait_for(&events, |kind, _| kind == "metric").unwrap();

    let (status, took) = server.terminate(Duration::from_secs(10)).unwrap();
    assert_eq!(status.code(), Some(0), "after {took:?}");
    let told = wait_for(&events, |kind, event| {
        kind == "state" && event["status"] == "queued" && event["previous"] == "running"
    })
    .unwrap();
    assert_eq!(told["reason"]["code"], "server_restart", "{told}");
    assert!(
        runtime
            .block_on(runtime.spawn_blocking(move || events.iter().count()))
            .unwrap()
            < 100,
        "the stream has ended"
    );
    assert!(
        runtime.block_on(client.get("/healthz")).is_err(),
        "nobody listens any more"
    );

    runtime.block_on(verify(&data_dir)).unwrap();
    let (last_loss, checkpoint) = runtime.block_on(async {
        let app = undisturbed::open(&data_dir).await;
        let run = runs::find(&app.store, ADMIN, id.parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(run.status, runs::Status::Queued);
        let kept = checkpoints::list(&app.store, run.id).await.unwrap();
        let loss = metrics::series(&app.store, run.id, &["loss".to_owned()])
            .await
            .unwrap();
        app.store.close().await;
        (
            loss[0].steps.last().copied(),
            kept.first()
                .and_then(|checkpoint| u64::try_from(checkpoint.step).ok()),
        )
    });
    assert!(
        checkpoint.is_some() && checkpoint == last_loss,
        "{checkpoint:?} and {last_loss:?}: no step that was done is lost"
    );

    let server = Server::start(&data_dir, &[]).unwrap();
    let run = runtime
        .block_on(Client::new(&server).finished(&id))
        .unwrap();
    assert_eq!(
        (&run["status"], &run["attempts"]),
        (&"succeeded".into(), &2.into()),
        "{run}"
    );

    // The same spec undisturbed comes to the same weights.
    let calm = Client::new(&server);
    let twin = record.submit_now(&runtime, &calm, 0, &specs).unwrap();
    let twin = runtime.block_on(calm.finished(&twin)).unwrap();
    assert_eq!(twin["attempts"], 1, "{twin}");
    assert_eq!(run["model"]["sha256"], twin["model"]["sha256"]);
    println!(
        "SIGTERM: ended after {took:?} with a checkpoint of step {}; same weights as undisturbed",
        checkpoint.unwrap_or_default()
    );
}
