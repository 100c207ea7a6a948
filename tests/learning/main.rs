//! What is learned in a few seconds: tables with the defaults of a spec, and a fast case of each kind of network that `benches/learning` trains
//! at length, whose reading and training these tests share. Sequences have theirs in `crates/engine/tests/learning.rs`.

mod images;
mod tables;

#[path = "../../benches/learning/documents.rs"]
mod documents;
// The bench reads more sets than the tests of what is learned.
#[allow(dead_code)]
#[path = "../../benches/learning/source.rs"]
mod source;
#[path = "../../benches/learning/training.rs"]
mod training;

use std::io::Write;

/// What was read, or `None` with a visible line where the shared data is absent.
fn there<T>(name: &str, read: anyhow::Result<Option<T>>) -> Option<T> {
    let found = read.expect("the file is sound");
    if found.is_none() {
        // Past the harness, which keeps what a passing test prints.
        let line = format!("skipped: {name} is not there\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}
