//! Uploaded bytes to columns to features: real files, hostile files, and the promises of the transform.

mod arrays;
mod cuts;
mod decoding;
mod hostile;
mod real_files;
mod transforms;

use std::path::{Path, PathBuf};

use descent::data::{DataError, Hint, Ingest, Ingested, Limits};

/// A file of the shared data sets, or `None` with one visible line where they are not there.
fn shared(name: &str) -> Option<Vec<u8>> {
    let mut path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    path.push(name);
    match std::fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(_) => {
            // Past the harness, which keeps what a passing test prints.
            std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("skipped: ../shared/data/{name} is not here\n").as_bytes(),
            )
            .unwrap();
            None
        }
    }
}

fn ingest(bytes: &[u8]) -> Result<Ingested, DataError> {
    ingest_in_pieces(bytes, 64 << 10, Limits::default(), Hint::default())
}

fn ingest_in_pieces(
    bytes: &[u8],
    piece: usize,
    limits: Limits,
    hint: Hint,
) -> Result<Ingested, DataError> {
    let mut ingest = Ingest::new(limits, hint);
    for piece in bytes.chunks(piece.max(1)) {
        ingest.push(piece)?;
    }
    ingest.finish()
}
