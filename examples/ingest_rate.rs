//! How fast a table is read while it arrives: `cargo run --release --example ingest_rate [FILE] [THREADS]`.
//!
//! Without a file, 1,000,000 rows of 20 numbers with six decimals are made in memory (196 MB), pushed in pieces of
//! 64 KiB, and the rate is printed, once without and once with SHA-256 on the pushing thread.

use std::time::Instant;

use descent::data::{DataError, Hint, Ingest, Ingested, Limits, Reading, Wanted, decode};
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().filter(|name| name != "-");
    let n_threads = arguments.next().map_or(Ok(2), |n| n.parse())?;
    let bytes = match &file {
        Some(path) => std::fs::read(path)?,
        None => numbers(1_000_000, 20),
    };
    let before = peak_resident_mb();
    for hashing in [false, true, false, true] {
        let start = Instant::now();
        let ingested = ingest(&bytes, n_threads, hashing)?;
        let what = if hashing {
            "ingest + SHA-256"
        } else {
            "ingest"
        };
        let size = format!(
            "{} rows x {} columns",
            ingested.n_rows,
            ingested.columns.len()
        );
        print_rate(
            &format!("{what}, {n_threads} threads, {size}"),
            bytes.len(),
            start,
        );
    }
    println!(
        "peak resident memory grew by {} MB",
        peak_resident_mb() - before
    );
    let ingested = ingest(&bytes, n_threads, false)?;
    let schema = ingested.schema();
    let columns = schema.columns.iter().enumerate();
    let wanted: Vec<_> = columns
        .map(|(column, of)| Wanted {
            column,
            reading: Reading::of(of.kind),
        })
        .collect();
    for _ in 0..3 {
        let start = Instant::now();
        let frame = decode(
            std::io::Cursor::new(&bytes[..]),
            &ingested.format,
            &schema,
            &wanted,
        )?;
        print_rate(
            &format!("decode of {} rows", frame.n_rows),
            bytes.len(),
            start,
        );
    }
    Ok(())
}

fn ingest(bytes: &[u8], n_threads: usize, hashing: bool) -> Result<Ingested, DataError> {
    let limits = Limits {
        n_threads,
        ..Limits::default()
    };
    let mut ingest = Ingest::new(limits, Hint::default());
    let mut hasher = Sha256::new();
    for piece in bytes.chunks(64 << 10) {
        if hashing {
            hasher.update(piece);
        }
        ingest.push(piece)?;
    }
    ingest.finish()
}

fn print_rate(what: &str, n_bytes: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = n_bytes as f64 / 1e6;
    println!(
        "{what}: {megabytes:.3} MB in {:.3} ms = {:.0} MB/s",
        seconds * 1e3,
        megabytes / seconds
    );
}

/// The most memory that was ever resident, in MB; 0 where the system does not tell.
fn peak_resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1000
}

/// Rows of numbers that look normally distributed with standard deviation 10 (the sum of twelve uniforms).
fn numbers(n_rows: usize, n_columns: usize) -> Vec<u8> {
    use std::io::Write;
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24)
    };
    let mut text = Vec::with_capacity(n_rows * n_columns * 10);
    for i in 0..n_columns {
        let _ = write!(text, "{}c{i}", if i == 0 { "" } else { "," });
    }
    text.push(b'\n');
    for _ in 0..n_rows {
        for i in 0..n_columns {
            let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
            let _ = write!(
                text,
                "{}{:.6}",
                if i == 0 { "" } else { "," },
                normal * 10.0
            );
        }
        text.push(b'\n');
    }
    text
}
