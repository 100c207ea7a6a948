//! What the service promises of its speed, measured over HTTP against the release binary: upload, prediction beside a bare
//! axum handler, a thousand small runs, a thousand watchers, and the server at rest. `make bench` runs it and prints a table.
//!
//! `cargo bench --bench service -- upload predict` runs only the sections named.

mod at_rest;
mod load;
mod peer;
mod predict;
mod runs;
mod server;
mod upload;
mod watchers;

use server::Row;

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
    let rows = runtime.block_on(measure(&wanted))?;
    println!("\n| what | measured | goal | met |\n|---|---|---|---|");
    for row in rows {
        println!(
            "| {} | {} | {} | {} |",
            row.what,
            row.measured,
            row.goal,
            if row.met { "yes" } else { "NO" }
        );
    }
    Ok(())
}

async fn measure(wanted: &[String]) -> anyhow::Result<Vec<Row>> {
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    let mut rows = Vec::new();
    if asked("rest") {
        rows.extend(at_rest::measure().await?);
    }
    if asked("upload") {
        rows.extend(upload::measure().await?);
    }
    if asked("predict") {
        rows.extend(predict::measure().await?);
    }
    if asked("runs") {
        rows.extend(runs::measure().await?);
    }
    if asked("watchers") {
        rows.extend(watchers::measure().await?);
    }
    Ok(rows)
}
