//! P8: when the disk takes no more, the server says so, lives on, reads and predicts; nothing half written is seen.
//!
//! A full disk is played by the limit on the size of any one file that a child inherits: beyond it every write fails.

use std::time::Duration;

use crate::client::{Answer, Client};
use crate::plan;
use crate::record::{Record, verify};
use crate::server::Server;
use crate::undisturbed;

#[test]
fn a_disk_that_takes_no_more_ends_no_process_and_leaves_no_half() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let runtime = crate::runtime();
    let specs = plan::specs();
    let mut record = Record::default();

    let server = Server::start(&data_dir, &[]).unwrap();
    let client = Client::new(&server);
    for (name, bytes) in undisturbed::examples() {
        record.upload_now(&runtime, &client, name, bytes);
    }
    let id = record
        .submit_now(&runtime, &client, plan::SHORT, &specs)
        .unwrap();
    runtime.block_on(client.finished(&id)).unwrap();
    server.terminate(Duration::from_secs(10)).unwrap();

    // Files of at most 1 MiB: the database fits for now, a large upload does not.
    let mut server = Server::start_under("trap '' XFSZ; ulimit -f 2048", &data_dir, &[]).unwrap();
    let client = Client::new(&server);
    let refused = |answer: Answer| match answer {
        Answer::Refused(why) => {
            assert!(why.starts_with("507") || why.starts_with("500"), "{why}");
            assert!(
                why.contains("\"code\"") && !why.contains(folder.path().to_str().unwrap()),
                "{why}"
            );
        }
        other => panic!("expected a problem document, got {other:?}"),
    };
    refused(runtime.block_on(client.upload("large", plan::table(5, 4_000_000))));
    assert!(server.is_alive());

    // Small uploads go into the database until its files are full as well.
    let mut n_taken = 0;
    for n in 0..200 {
        let name = format!("small-{n}");
        match runtime.block_on(client.upload(&name, plan::table(100 + n, 60_000))) {
            answer @ Answer::Promised(_) => {
                record.uploads.push(crate::record::Upload {
                    name,
                    bytes: plan::table(100 + n, 60_000),
                    id: None,
                });
                let upload_idx = record.uploads.len() - 1;
                record.uploaded(upload_idx, answer).unwrap();
                n_taken += 1;
            }
            answer => {
                refused(answer);
                break;
            }
        }
    }
    assert!(n_taken < 200, "the files of the database were never full");
    assert!(server.is_alive());
    let answer = runtime.block_on(client.submit("too-late", &specs[plan::SHORT]));
    assert!(!matches!(answer, Answer::Unknown), "{answer:?}");

    // Reads and predictions go on.
    let listed = runtime.block_on(client.all("/v1/datasets")).unwrap();
    assert_eq!(
        listed.len(),
        record.uploads.len(),
        "what was refused is not there"
    );
    runtime.block_on(record.read_all_back(&client)).unwrap();
    let rows = serde_json::json!({"rows": [[5.1, 3.5, 1.4, 0.2]]});
    let predicted = runtime
        .block_on(client.post("/v1/models/short/predict", &rows))
        .unwrap();
    assert!(
        predicted["predictions"][0]["label"].is_string(),
        "{predicted}"
    );
    drop(server);
    runtime.block_on(verify(&data_dir)).unwrap();

    // With room again everything goes on.
    let server = Server::start(&data_dir, &[]).unwrap();
    let client = Client::new(&server);
    record.upload_now(&runtime, &client, "after", plan::table(6, 4_000_000));
    runtime.block_on(record.read_all_back(&client)).unwrap();
    println!(
        "full disk: {n_taken} small uploads taken, the rest refused, the process alive, reads and predictions went on"
    );
}

#[test]
fn below_the_floor_of_free_space_writes_are_refused_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let runtime = crate::runtime();
    let specs = plan::specs();
    let mut record = Record::default();
    let server = Server::start(&data_dir, &[]).unwrap();
    let client = Client::new(&server);
    for (name, bytes) in undisturbed::examples() {
        record.upload_now(&runtime, &client, name, bytes);
    }
    drop(server);

    let floor = u64::MAX.to_string();
    let server = Server::start(
        &data_dir,
        &[("DESCENT_FREE_SPACE_FLOOR_BYTES", floor.as_str())],
    )
    .unwrap();
    let client = Client::new(&server);
    for answer in [
        runtime.block_on(client.upload("more", plan::table(1, 1_000))),
        runtime.block_on(client.submit("more", &specs[plan::SHORT])),
    ] {
        let Answer::Refused(why) = answer else {
            panic!("expected 507, got {answer:?}")
        };
        assert!(why.starts_with("507"), "{why}");
    }
    runtime.block_on(record.read_all_back(&client)).unwrap();
    drop(server);
    runtime.block_on(verify(&data_dir)).unwrap();
}
