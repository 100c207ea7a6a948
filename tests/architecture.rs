//! The import rules of the house, held by reading the source. A room may know only what stands below it, so a change of
//! HTTP never reaches the numbers and a change of SQL never reaches the handlers. When this test fails, the fix is
//! nearly always to move the code to the room it belongs to, not to widen a rule.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the top of the house to its bottom; a room may import rooms that stand further down.
/// Rooms of one line are siblings and do not know each other.
const STAIRS: &[&[&str]] = &[
    &["main"],
    &["demo"],
    &["serve"],
    &["backup"],
    &["router"],
    &["api"],
    &["listen"],
    &["app"],
    &["export"],
    &["worker"],
    &["predictor"],
    &["sweeps"],
    &["runs"],
    &["tokens"],
    &["blobs"],
    &["store"],
    &["data"],
    &["config"],
    &["clock", "ids"],
];

struct Source {
    /// Path below `src/`, with `/` between its parts.
    path: String,
    room: String,
    /// The code without its unit tests and without comments.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(
        files.len() > 20,
        "the house has only {} files: is this the right folder?",
        files.len()
    );
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let below = file
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let room = below
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            Source {
                path: below,
                room,
                code: without_tests_and_comments(&text),
            }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Cuts the unit tests (they stand last in a file) and every comment line.
fn without_tests_and_comments(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every room named by a path `crate::room` or inside a `use crate::{room::..., other}` group.
fn rooms_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for part in code.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut at_head = true;
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        named.push(std::mem::take(&mut word));
                        at_head = true;
                        continue;
                    }
                    ':' if depth == 0 => at_head = false,
                    _ => {}
                }
                if depth == 0 && at_head && (letter.is_alphanumeric() || letter == '_') {
                    word.push(letter);
                }
            }
            named.push(word);
        } else {
            named.push(
                part.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

fn floor(room: &str) -> Option<usize> {
    STAIRS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn imports_point_down_the_stairs() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.room != "lib") {
        let Some(here) = floor(&source.room) else {
            wrong.push(format!(
                "src/{}: the room {:?} has no place on the stairs",
                source.path, source.room
            ));
            continue;
        };
        for named in rooms_named(&source.code) {
            if let Some(there) = floor(&named)
                && named != source.room
                && there <= here
            {
                wrong.push(format!(
                    "src/{} imports `{named}`, which stands above or beside it",
                    source.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// `word` may be named only in files whose path starts with one of `allowed`.
fn only(word: &str, allowed: &[&str], reason: &str) {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|source| {
            source.code.contains(word)
                && !allowed.iter().any(|prefix| source.path.starts_with(prefix))
        })
        .map(|source| format!("src/{} names `{word}`: {reason}", source.path))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn store_alone_names_sqlx() {
    only("sqlx::", &["store/"], "SQL lives in store");
}

#[test]
fn only_config_reads_the_environment() {
    only("env::var", &["config"], "settings are handed in");
}

#[test]
fn only_main_ends_the_process() {
    only("process::exit", &["main.rs"], "a room returns its error");
}

#[test]
fn http_stays_in_the_upper_rooms() {
    for word in ["axum", "hyper::", "http::"] {
        only(
            word,
            &["api/", "router.rs", "listen", "serve.rs", "demo"],
            "lower rooms know no HTTP",
        );
    }
}

#[test]
fn api_knows_no_arrays_and_of_the_engine_only_the_spec() {
    for source in sources().iter().filter(|source| source.room == "api") {
        assert!(
            !source.code.contains("ndarray"),
            "src/{} names ndarray",
            source.path
        );
        for part in source.code.split("descent_engine::").skip(1) {
            assert!(
                part.starts_with("spec"),
                "src/{} knows more of the engine than the spec",
                source.path
            );
        }
    }
}

#[test]
fn resources_do_not_import_resources() {
    // What all resources share; it has no URL of its own.
    let shared = [
        "auth",
        "edge",
        "error",
        "etag",
        "feed",
        "idempotency",
        "input",
        "numbers",
        "object",
        "openapi",
        "page",
        "rate",
        "repeated",
        "selector",
        "time",
        "traffic",
        "translate",
    ];
    let resources: Vec<String> = sources()
        .iter()
        .filter_map(|source| {
            source
                .path
                .strip_prefix("api/")
                .map(|name| name.trim_end_matches(".rs").to_owned())
        })
        .filter(|name| !name.contains('/') && name != "mod" && !shared.contains(&name.as_str()))
        .collect();
    for source in sources()
        .iter()
        .filter(|source| source.path.starts_with("api/"))
    {
        let own = source
            .path
            .trim_start_matches("api/")
            .split('/')
            .next()
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned();
        if own == "mod" || own == "openapi" {
            continue;
        }
        for resource in resources.iter().filter(|resource| **resource != own) {
            for path in [format!("api::{resource}::"), format!("super::{resource}::")] {
                assert!(
                    !source.code.contains(&path),
                    "src/{} imports the resource `{resource}`",
                    source.path
                );
            }
        }
    }
}

#[test]
fn the_engine_knows_no_server() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/engine/Cargo.toml");
    let text = fs::read_to_string(manifest).unwrap();
    let dependencies = text.split("[dependencies]").nth(1).unwrap();
    for stranger in [
        "axum",
        "tokio",
        "sqlx",
        "hyper",
        "chrono",
        "rand",
        "getrandom",
        "reqwest",
    ] {
        assert!(
            !dependencies
                .lines()
                .any(|line| line.split(['=', ' ', '.']).next() == Some(stranger)),
            "the engine depends on {stranger}"
        );
    }
}

#[test]
fn only_runs_changes_a_status() {
    only(
        "set_status(",
        &["runs/", "store/"],
        "a status changes through the transition table in runs",
    );
}

#[test]
fn the_rules_see_imports_in_groups() {
    let code = "use crate::{api::x, store};\nuse crate::runs::{Job, Report};\nfn f() { crate::blobs::put(); }";
    assert_eq!(rooms_named(code), ["api", "store", "runs", "blobs"]);
}
