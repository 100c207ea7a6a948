//! Upload of a 196 MB all-numeric CSV, from the first byte on the socket to the answer that says `ready`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::ensure;

use crate::server::{Row, Server, median, target_folder};

const N_ROWS: usize = 1_000_000;
const N_COLUMNS: usize = 20;
const RUNS: usize = 5;

/// Megabytes (10^6 bytes) per second and the server's peak memory.
pub async fn measure() -> anyhow::Result<Vec<Row>> {
    let path = target_folder().join("upload.csv");
    if !path.exists() {
        generate(&path)?;
    }
    let bytes = std::fs::metadata(&path)?.len();
    let (mut rates, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // A fresh server each time: the same bytes uploaded twice would share a blob.
        let server = Server::start(&[]).await?;
        let started = Instant::now();
        // curl in a process of its own, as a user would do it; its own cost is part of the figure.
        let output = std::process::Command::new("curl")
            .args([
                "-sS",
                "-X",
                "POST",
                "-H",
                "Content-Type: text/csv",
                "-H",
                "Expect:",
                "-T",
            ])
            .arg(&path)
            .args(["-H", &format!("Authorization: Bearer {}", server.token)])
            .arg(server.url("/v1/datasets?name=big"))
            .output()?;
        let elapsed = started.elapsed().as_secs_f64();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        ensure!(
            answer["n_rows"] == N_ROWS,
            "the upload was answered with {answer}"
        );
        rates.push(bytes as f64 / 1e6 / elapsed);
        peaks.push(server.memory()?.peak_bytes as f64 / 1e6);
    }
    let (rate, peak) = (median(&mut rates), median(&mut peaks));
    Ok(vec![
        Row {
            what: format!(
                "upload of a {} MB CSV, socket to ready, fsync included",
                bytes / 1_000_000
            ),
            measured: format!("{rate:.0} MB/s ({:.0}-{:.0})", rates[0], rates[RUNS - 1]),
            goal: ">= 250 MB/s",
            met: rate >= 250.0,
        },
        Row {
            what: "peak resident memory of that upload".into(),
            measured: format!("{peak:.0} MB"),
            goal: "< 300 MB",
            met: peak < 300.0,
        },
    ])
}

/// Writes `%.6f` of N(0, 10), the distribution by Box-Muller over a seeded linear congruential generator.
fn generate(path: &Path) -> anyhow::Result<()> {
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let header: Vec<String> = (0..N_COLUMNS).map(|i| format!("c{i}")).collect();
    writeln!(file, "{}", header.join(","))?;
    let mut state = 9_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    };
    let mut line = String::new();
    for _ in 0..N_ROWS {
        line.clear();
        for column in 0..N_COLUMNS {
            let value =
                10.0 * (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
            write!(
                line,
                "{value:.6}{}",
                if column + 1 == N_COLUMNS { '\n' } else { ',' }
            )?;
        }
        file.write_all(line.as_bytes())?;
    }
    file.flush()?;
    Ok(())
}
