//! What the service promises of its speed, measured over HTTP against the release binary: upload, prediction beside a bare
//! axum handler, a thousand small runs, a thousand watchers, and the server at rest. `make bench` runs it and prints a table.
//!
//! `cargo bench --bench service -- upload predict` runs only the sections named.

mod at_rest;
mod history;
mod load;
mod peer;
mod predict;
mod runs;
mod server;
mod upload;
mod watchers;

use server::Row;

/// The server's allocator, so that the peer of the prediction benchmark has it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    if wanted.first().is_some_and(|word| word == "peer") {
        return peer::serve(wanted[1].parse()?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    println!("\n| what | measured | goal | met |\n|---|---|---|---|");
    runtime.block_on(measure(&wanted))
}

async fn measure(wanted: &[String]) -> anyhow::Result<()> {
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    if asked("rest") {
        show(at_rest::measure().await?);
    }
    if asked("upload") {
        show(upload::measure().await?);
    }
    if asked("predict") {
        show(predict::measure().await?);
    }
    if asked("runs") {
        show(runs::measure().await?);
    }
    if asked("history") {
        show(history::measure().await?);
    }
    if asked("watchers") {
        show(watchers::measure().await?);
    }
    Ok(())
}

fn show(rows: Vec<Row>) {
    for row in rows {
        let met = if row.met { "yes" } else { "NO" };
        println!("| {} | {} | {} | {met} |", row.what, row.measured, row.goal);
    }
}
