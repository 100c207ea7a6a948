//! How often something is measured, for how long, and the line that says what came out.

use std::time::Duration;

use descent_engine::isa::{Cpu, Isa};
use serde_json::{Map, Value, json};

pub type Error = Box<dyn std::error::Error>;

/// The terms of a measurement.
pub struct Protocol {
    pub cpu: Cpu,
    /// Counted runs.
    pub runs: usize,
    /// The longest run.
    pub cap: Duration,
}

impl Protocol {
    /// Reads `BENCH_RUNS` and `BENCH_CAP_S`.
    pub fn from_environment(threads: usize) -> Result<Self, Error> {
        Ok(Self {
            cpu: Cpu::native(threads),
            runs: setting("BENCH_RUNS", 5.0)?.max(1.0) as usize,
            cap: Duration::try_from_secs_f64(setting("BENCH_CAP_S", 6.0)?)?,
        })
    }

    /// Prints a result; `more` are fields of its own.
    pub fn report(&self, workload: &str, unit: &str, runs: &[f64], more: Value) {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (sorted.first(), sorted.last()) else {
            return;
        };
        let mut line = json!({
            "workload": workload, "peer": "project", "threads": self.cpu.threads, "unit": unit,
            "median": rounded(median(&sorted)), "min": rounded(*min), "max": rounded(*max),
            "runs": runs.iter().copied().map(rounded).collect::<Vec<_>>(),
            "isa": Isa::detect().name(), "version": env!("CARGO_PKG_VERSION"),
        });
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend::<Map<String, Value>>(more);
        }
        println!("{line}");
    }
}

/// The middle of ascending numbers, or the mean of the two in the middle.
pub fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        (sorted[half - 1] + sorted[half]) / 2.0
    }
}

/// Four decimals, as the peers print them.
pub fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[allow(clippy::disallowed_methods)] // the peer bench says its terms this way, and a measurement has no config.rs
fn setting(name: &str, default: f64) -> Result<f64, Error> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{name} is `{text}`, which is no number").into()),
        Err(_) => Ok(default),
    }
}
