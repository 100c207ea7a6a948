//! A whole server in this process: ready, stopped in order, and started again where it was (P6, P7).

use std::time::{Duration, Instant};

use descent::config::Config;
use descent::data::{Hint, Ingest, Limits};
use descent::runs::message::Submission;
use descent::serve;
use descent::store::datasets::{self, Dataset};
use descent::store::runs::Status;
use descent::store::{Json, StoreError};
use descent_engine::spec::Spec;
use serde_json::json;

fn config(dir: &tempfile::TempDir) -> Config {
    let mut config = Config::default();
    config.server.data_dir = dir.path().to_owned();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.quota.free_space_floor_bytes = 0;
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_hands_its_runs_to_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = serve::start(config(&dir)).await.unwrap();
    let alive = reqwest::get(format!("http://{}/healthz", first.address))
        .await
        .unwrap();
    assert!(alive.status().is_success());
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&first.token_file)
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        mode & 0o777,
        0o600,
        "the admin token is for this user alone"
    );
    assert!(
        serve::start(config(&dir)).await.is_err(),
        "one folder, one server"
    );

    let app = first.app().clone();
    let bytes = include_bytes!("../../examples/iris.csv").to_vec();
    let mut ingest = Ingest::new(Limits::default(), Hint::default());
    ingest.push(&bytes).unwrap();
    let ingested = ingest.finish().unwrap();
    let target = ingested.columns.last().unwrap().name.clone();
    let staged = app.blobs.put(bytes).await.unwrap();
    let row = Dataset {
        id: descent::ids::DatasetId(app.ids.next().unwrap()),
        owner: "admin".into(),
        name: "iris".into(),
        sha256: staged.sha256().into(),
        size_bytes: staged.size_bytes(),
        format: Json::of(&ingested.format).unwrap(),
        n_rows: ingested.n_rows as i64,
        n_columns: ingested.columns.len() as i64,
        schema: Json::of(&ingested.schema()).unwrap(),
        profile: Json::of(&ingested).unwrap(),
        version: 1,
        created_at_ms: 0,
        updated_at_ms: 0,
    };
    app.store
        .write(move |tx| {
            Box::pin(async move {
                staged.record(tx).await?;
                datasets::insert(tx, &row).await?;
                Ok::<_, StoreError>(())
            })
        })
        .await
        .unwrap();
    let endless = json!({"dataset": "iris", "task": {"kind": "classification", "target": target}, "training": {"epochs": 100_000}});
    let spec = Spec::from_value(endless).unwrap();
    let mut moved = app.runs.subscribe();
    let run = app
        .runs
        .submit(Submission {
            owner: "admin".into(),
            spec,
            remember: None,
        })
        .await
        .unwrap()
        .id;
    while app.runs.show("admin", run).await.unwrap().status != Status::Running {
        moved.recv().await.unwrap();
    }
    let began = Instant::now();
    drop(app);
    first.stop().await;
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "stopping took {:?}",
        began.elapsed()
    );

    let second = serve::start(config(&dir)).await.unwrap();
    let mut moved = second.app().runs.subscribe();
    let began = Instant::now();
    loop {
        let row = second.app().runs.show("admin", run).await.unwrap();
        if row.status == Status::Running {
            assert!(
                row.step > 0 && row.attempts == 2,
                "it goes on from its checkpoint"
            );
            break;
        }
        moved.recv().await.unwrap();
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "resuming took {:?}",
        began.elapsed()
    );
    second.app().runs.cancel("admin", run).await.unwrap();
    let row = second
        .app()
        .runs
        .wait("admin", run, Duration::from_secs(30))
        .await
        .unwrap();
    assert_eq!(row.status, Status::Cancelled);
    second.stop().await;
}
