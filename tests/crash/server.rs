//! A real server in a process of its own, that can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A running `descent serve`. Dropped, it is killed.
pub struct Server {
    child: Child,
    /// Lines of its standard output; closed when the process has ended.
    lines: Receiver<String>,
    /// Where it listens: `http://127.0.0.1:...`.
    pub url: String,
    /// The admin's token.
    pub token: String,
    /// When it was started, as the API writes times.
    pub started_at: String,
    /// How long it took until it listened.
    pub ready_after: Duration,
}

/// Settings every server of these tests runs with: no limits of rate, and many lost workers are no fault of the run.
const SETTINGS: &[(&str, &str)] = &[
    ("DESCENT_OTHER_PER_S", "1000000"),
    ("DESCENT_POISON_LOSSES", "1000"),
    ("DESCENT_OWNER_QUEUED_RUNS", "1000"),
    ("DESCENT_REPORT_INTERVAL_MS", "20"),
    ("DESCENT_FREE_SPACE_FLOOR_BYTES", "0"),
    ("DESCENT_SLOTS", "4"),
];

/// Longest start on a machine that has much else to do.
const START: Duration = Duration::from_secs(20);

impl Server {
    /// Starts a server on `data_dir` and a free port, and waits until it says where it listens. What it logs is appended to
    /// `server.log` beside the folder.
    pub fn start(data_dir: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_command(
            Command::new(env!("CARGO_BIN_EXE_descent")),
            data_dir,
            settings,
        )
    }

    /// Like [`Server::start`] through a shell that first runs `prologue`, for limits a child inherits.
    pub fn start_under(
        prologue: &str,
        data_dir: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self, String> {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &format!("{prologue}; exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_descent"),
        ]);
        Self::start_command(command, data_dir, settings)
    }

    fn start_command(
        mut command: Command,
        data_dir: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self, String> {
        let began = Instant::now();
        let started_at = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let log = data_dir.with_file_name("server.log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|e| format!("{}: {e}", log.display()))?;
        let mut child = command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .envs(SETTINGS.iter().copied())
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|e| format!("descent serve: {e}"))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut server = Self {
            child,
            lines,
            url: String::new(),
            token: String::new(),
            started_at,
            ready_after: Duration::ZERO,
        };
        while let Some(left) = START.checked_sub(began.elapsed()) {
            match server.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(url) = line.strip_prefix("listening on ") {
                        server.url = url.trim().trim_end_matches('/').to_owned();
                        server.ready_after = began.elapsed();
                        let token = std::fs::read_to_string(data_dir.join("admin.token"));
                        server.token = token
                            .map_err(|e| format!("admin.token: {e}"))?
                            .trim()
                            .to_owned();
                        return Ok(server);
                    }
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    let status = server.child.wait().map_err(|e| e.to_string())?;
                    return Err(format!("the server ended with {status} before it listened"));
                }
            }
        }
        Err(format!("the server did not listen within {START:?}"))
    }

    /// Waits for `moment`, or until the process ends by itself, which is an error.
    pub fn live_for(&mut self, moment: Duration) -> Result<(), String> {
        let began = Instant::now();
        loop {
            match self
                .lines
                .recv_timeout(moment.saturating_sub(began.elapsed()))
            {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().map_err(|e| e.to_string())?;
                    return Err(format!("the server ended by itself with {status}"));
                }
            }
        }
    }

    /// SIGKILL, and waits for the end.
    pub fn kill_now(&mut self) -> Result<(), String> {
        self.child.kill().map_err(|e| e.to_string())?;
        self.child.wait().map(drop).map_err(|e| e.to_string())
    }

    /// SIGTERM, and waits at most `limit` for the end by itself. Answers how it ended and how long it took.
    pub fn terminate(mut self, limit: Duration) -> Result<(ExitStatus, Duration), String> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)
            .map_err(|e| e.to_string())?;
        let began = Instant::now();
        loop {
            match self
                .lines
                .recv_timeout(limit.saturating_sub(began.elapsed()))
            {
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!(
                        "the server did not end within {limit:?} of SIGTERM"
                    ));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().map_err(|e| e.to_string())?;
                    return Ok((status, began.elapsed()));
                }
            }
        }
    }

    /// Whether the process lives.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
