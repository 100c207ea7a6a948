//! The README's tour is executed as it stands: every `sh` block, in order, in one shell, against a real server.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts `descent serve` on a free port; it says on its standard output when it is ready and where.
fn serve(data_folder: &Path) -> Server {
    let mut child = Command::new(env!("CARGO_BIN_EXE_descent"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data_folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let url = stdout
        .lines()
        .map_while(Result::ok)
        .find_map(|line| {
            line.split_whitespace()
                .find(|word| word.starts_with("http://"))
                .map(str::to_owned)
        })
        .expect("a line with the server's address");
    Server {
        child,
        url: url.trim_end_matches('/').to_owned(),
    }
}

/// The contents of every fenced block in that language.
fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    markdown
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn the_tour_runs_as_it_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&folder.path().join("data"));
    std::os::unix::fs::symlink(root.join("examples"), folder.path().join("examples")).unwrap();

    let tour = blocks(&readme, "sh").join("\n");
    assert!(
        tour.contains("http://127.0.0.1:8080"),
        "the tour names the default address"
    );
    let script = format!(
        "set -euo pipefail\n{}\n",
        tour.replace("http://127.0.0.1:8080", &server.url)
    );
    let output = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "the tour failed\n{stdout}\n{stderr}"
    );

    for seen in [
        r#""kind":"categorical""#,
        r#""parameters":"#,
        "event: done",
        r#""status":"succeeded""#,
        r#""label":"Gentoo""#,
        r#""code":"missing_imputed""#,
        "Adelie",
    ] {
        assert!(
            stdout.contains(seen),
            "the tour's output does not show {seen}\n{stdout}"
        );
    }
    let weights = std::fs::read(folder.path().join("penguins.safetensors")).unwrap();
    assert!(
        weights.len() > 100,
        "the exported weights are {} bytes",
        weights.len()
    );
}

/// The README's table of settings is written from the settings themselves: `UPDATE_README=1 cargo test --test readme`.
#[test]
#[allow(clippy::disallowed_methods)] // a switch of this test, not a setting of the product
fn the_table_of_settings_is_the_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- settings -->\n", "<!-- /settings -->");
    let (before, rest) = readme
        .split_once(start)
        .expect("the mark where the table begins");
    let (table, after) = rest.split_once(end).expect("the mark where the table ends");
    let fresh = settings_table();
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, format!("{before}{start}{fresh}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(
        table, fresh,
        "the table is stale: UPDATE_README=1 cargo test --test readme"
    );
}

fn settings_table() -> String {
    let mut table = String::from("| setting | variable | default | what |\n|---|---|---|---|\n");
    for setting in descent::config::Config::settings() {
        table += &format!(
            "| `{}.{}` | `DESCENT_{}` | `{}` | {} |\n",
            setting.section,
            setting.name,
            setting.name.to_ascii_uppercase(),
            setting.default,
            setting.about
        );
    }
    table
}

/// `make bench` replaces what stands between these marks; a part without them would end with an error after it has measured.
#[test]
fn each_part_of_the_bench_finds_its_place_in_the_document() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = std::fs::read_to_string(root.join("docs/benchmarks.md")).unwrap();
    for part in ["peers", "descent", "dashboard", "learning", "sweeps"] {
        let places = |mark: &str| {
            let mark = format!("<!-- {part}: {mark} -->");
            document
                .match_indices(&mark)
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        };
        let (begin, end) = (places("begin"), places("end"));
        assert_eq!((begin.len(), end.len()), (1, 1), "{part}");
        assert!(begin[0] < end[0], "{part}");
    }
}
