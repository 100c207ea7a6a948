//! P1 to P6: a real server is killed with SIGKILL at seeded random moments while it takes uploads, takes runs, trains,
//! writes checkpoints and finishes. After every restart whatever got a 2xx is there, whole and once, and `verify` finds
//! nothing; in the end every run has the very weights and metrics of a run nobody disturbed.
//!
//! `DESCENT_CRASH_KILLS` says how many kills (60), `DESCENT_CRASH_SEED` which moments.

mod client;
mod drain;
mod full_disk;
mod kills;
mod plan;
mod record;
mod server;
mod sweeps;
mod undisturbed;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use client::Client;
use kills::{Story, Typical};
use plan::{Dice, Phase};
use record::Record;
use server::Server;

#[allow(clippy::disallowed_methods)] // a test binary has no config.rs
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn what_was_promised_survives_sigkill_at_any_moment() {
    let began = Instant::now();
    let (n_kills, seed) = (
        setting("DESCENT_CRASH_KILLS", 60) as usize,
        setting("DESCENT_CRASH_SEED", 1957),
    );
    let folder = tempfile::tempdir().unwrap();
    let (calm_dir, data_dir) = (folder.path().join("calm"), folder.path().join("data"));
    let runtime = runtime();
    let specs = plan::specs();

    let short_run = undisturbed::train_all(&runtime, &calm_dir, &specs);
    let mut server = Server::start(&data_dir, &[]).unwrap();
    let (record, typical) = prepare(&runtime, &server, &specs, short_run);
    let mut dice = Dice::new(seed);
    let phases = Phase::shuffled(n_kills, &mut dice);
    let mut story = Story {
        runtime: &runtime,
        data_dir: &data_dir,
        specs: &specs,
        dice,
        typical,
        record,
        history: Vec::new(),
        n_cut_off: 0,
    };
    for phase in &phases {
        server = story.live(server, *phase).unwrap_or_else(|violation| {
            panic!(
                "seed {seed}, {typical:?}:\n{}\nviolation: {violation}",
                story.history.join("\n")
            );
        });
    }

    let ending = Instant::now();
    if let Err(violation) = end(&mut story, server) {
        panic!(
            "seed {seed}:\n{}\nviolation at the end: {violation}",
            story.history.join("\n")
        );
    }
    let equal = runtime.block_on(undisturbed::compare(&calm_dir, &data_dir, &story.record));
    let compared = equal.unwrap_or_else(|difference| {
        panic!("seed {seed}:\n{}\n{difference}", story.history.join("\n"));
    });
    let n = |phase: Phase| phases.iter().filter(|one| **one == phase).count();
    println!(
        "crash test: {n_kills} kills ({} uploads, {} submits, {} trainings, {} checkpoints, {} finishes), 0 violations, hashes equal",
        n(Phase::Upload),
        n(Phase::Submit),
        n(Phase::Train),
        n(Phase::Checkpoint),
        n(Phase::Finish)
    );
    println!(
        "{} uploads, {} runs, {compared}, {} requests cut off, {:.1} s for everything, {:.1} s of it after the last kill",
        story.record.uploads.len(),
        story.record.submits.len(),
        story.n_cut_off,
        began.elapsed().as_secs_f64(),
        ending.elapsed().as_secs_f64()
    );
}

/// Uploads what the runs train on, and measures how long an upload and a submission take on this machine.
fn prepare(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    specs: &[serde_json::Value],
    short_run: Duration,
) -> (Record, Typical) {
    let client = Client::new(server);
    let mut record = Record::default();
    for (name, bytes) in undisturbed::examples() {
        record.upload_now(runtime, &client, name, bytes);
    }
    let began = Instant::now();
    record.upload_now(runtime, &client, "upload-2", plan::table(1, 3_000_000));
    let upload = began.elapsed();
    let began = Instant::now();
    record
        .submit_now(runtime, &client, plan::SHORT, specs)
        .unwrap();
    (
        record,
        Typical {
            upload,
            submit: began.elapsed(),
            short_run,
        },
    )
}

/// Lets every run finish, reads everything back, and ends the server as its user would.
fn end(story: &mut Story<'_>, server: Server) -> Result<(), String> {
    let client = Client::new(&server);
    story.runtime.block_on(async {
        for submit in &story.record.submits {
            client
                .finished(submit.id.as_deref().ok_or("a run without an id")?)
                .await?;
        }
        story
            .record
            .check(&client, story.specs, &mut story.dice)
            .await?;
        story.record.read_all_back(&client).await
    })?;
    let backup = story.data_dir.with_file_name("backup");
    descent(&[
        "backup",
        &text(&backup),
        "--data-dir",
        &text(story.data_dir),
    ])?;
    let (status, took) = server.terminate(Duration::from_secs(10))?;
    if !status.success() {
        return Err(format!(
            "after SIGTERM the server ended with {status} ({took:?})"
        ));
    }
    for folder in [story.data_dir, &backup] {
        let said = descent(&["verify", &text(folder)])?;
        if !said.trim_end().ends_with("nothing is wrong") {
            return Err(said);
        }
    }
    Ok(())
}

/// Runs a subcommand that must succeed; answers what it printed.
fn descent(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_descent"))
        .args(arguments)
        .output()
        .map_err(|e| e.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(said),
        false => Err(format!(
            "descent {arguments:?} ended with {}: {said}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
