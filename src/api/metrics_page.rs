//! `GET /metrics`: the server's counts for Prometheus.
//!
//! What is counted while the server works stands in `traffic.rs`; what can be looked up (runs by status, memory) is looked
//! up when the page is asked for. A scraper that says it reads OpenMetrics gets that, every other one the text format 0.0.4.

use std::fmt::Error as FormatError;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::Api;
use super::error::{Error, Result};
use crate::store;
use crate::store::runs::Status;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Counts for Prometheus
#[utoipa::path(get, path = "", operation_id = "metrics_page", tag = "server", responses((status = 200, description = "Requests, latencies, runs, queue, training steps, predictions, uploads, process",
    content((String = "text/plain"), (String = "application/openmetrics-text")))))]
pub async fn show(State(api): State<Api>, headers: HeaderMap) -> Result<Response> {
    let mut page = String::with_capacity(16 << 10);
    let looked_up = look_up(&api).await?;
    let written = encode_registry(&mut page, api.traffic.registry())
        .and_then(|()| encode_registry(&mut page, &looked_up))
        .and_then(|()| encode_registry(&mut page, &process()))
        .and_then(|()| encode_eof(&mut page));
    written.map_err(|FormatError| Error::internal("the metrics page cannot be written"))?;
    let wants_openmetrics = headers.get_all(header::ACCEPT).iter().any(|accept| {
        accept
            .to_str()
            .is_ok_and(|text| text.contains("application/openmetrics-text"))
    });
    let (page, kind) = if wants_openmetrics {
        (page, OPENMETRICS)
    } else {
        (plain(&page), PLAIN)
    };
    let mut response = page.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// What the record and the rooms know now.
async fn look_up(api: &Api) -> Result<Registry> {
    let by_status = store::usage::runs_by_status(&api.app.store).await?;
    let count = |status: Status| {
        by_status
            .iter()
            .find(|(name, _)| name == status.as_str())
            .map_or(0, |(_, n)| *n)
    };
    let runs = Family::<[(&str, &str); 1], Gauge>::default();
    for status in Status::ALL {
        runs.get_or_create(&[("status", status.as_str())])
            .set(count(status));
    }
    let steps = ConstCounter::new(api.app.runs.trained_steps());
    let (n_warm, warm_bytes) = api.models.size();
    let mut registry = Registry::with_prefix("descent");
    registry.register("runs", "Runs on record, by status", runs);
    registry.register(
        "queue_depth",
        "Runs that wait for a worker",
        ConstGauge::new(count(Status::Queued)),
    );
    registry.register("training_steps", "Training steps of all runs", steps);
    registry.register(
        "queue_draining",
        "1 while no run is given to a worker",
        ConstGauge::new(i64::from(api.app.runs.is_draining())),
    );
    registry.register(
        "worker_slots",
        "Runs that can train at the same time",
        ConstGauge::new(api.app.config.slots() as i64),
    );
    registry.register(
        "warm_models",
        "Models kept open for predictions",
        ConstGauge::new(n_warm as i64),
    );
    registry.register_with_unit(
        "warm_models",
        "Memory of the models kept open",
        Unit::Bytes,
        ConstGauge::new(warm_bytes as i64),
    );
    Ok(registry)
}

/// The names that every Prometheus client library gives to its process.
fn process() -> Registry {
    let mut registry = Registry::with_prefix("process");
    if let Some(process) = Process::read() {
        registry.register_with_unit(
            "resident_memory",
            "Resident memory",
            Unit::Bytes,
            ConstGauge::new(process.resident_bytes),
        );
        registry.register_with_unit(
            "virtual_memory",
            "Virtual memory",
            Unit::Bytes,
            ConstGauge::new(process.virtual_bytes),
        );
        registry.register("threads", "Threads", ConstGauge::new(process.n_threads));
        registry.register(
            "open_fds",
            "Open file descriptors",
            ConstGauge::new(process.n_files),
        );
        registry.register_with_unit(
            "cpu",
            "Processor time, user and system",
            Unit::Seconds,
            ConstCounter::new(process.cpu_seconds),
        );
    }
    registry
}

/// What the system says of this process.
struct Process {
    resident_bytes: i64,
    virtual_bytes: i64,
    n_threads: i64,
    n_files: i64,
    cpu_seconds: f64,
}

impl Process {
    /// From `/proc/self`; `None` where there is none.
    fn read() -> Option<Self> {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let field = |name: &str| -> Option<i64> {
            let line = status.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        let n_files = std::fs::read_dir("/proc/self/fd").ok()?.count() as i64;
        Some(Process {
            resident_bytes: field("VmRSS:")? << 10,
            virtual_bytes: field("VmSize:")? << 10,
            n_threads: field("Threads:")?,
            n_files,
            cpu_seconds: cpu_seconds(&std::fs::read_to_string("/proc/self/stat").ok()?)?,
        })
    }
}

/// Fields 14 and 15 of `/proc/self/stat` in seconds. The second field is a name in parentheses that may hold anything, so
/// counting begins behind its end.
fn cpu_seconds(stat: &str) -> Option<f64> {
    // Linux gives these times in hundredths of a second on every platform it runs on (USER_HZ).
    const TICKS_PER_SECOND: f64 = 100.0;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// OpenMetrics as the text format 0.0.4: there a counter's own name ends in `_total`, and units and the end have no line.
fn plain(openmetrics: &str) -> String {
    let counters: Vec<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut page = String::with_capacity(openmetrics.len() + 512);
    for line in openmetrics
        .lines()
        .filter(|line| !line.starts_with("# UNIT") && *line != "# EOF")
    {
        match about(line) {
            Some((keyword, name, rest)) if counters.contains(&name) => {
                page.extend(["# ", keyword, " ", name, "_total ", rest, "\n"])
            }
            _ => page.extend([line, "\n"]),
        }
    }
    page
}

/// `# TYPE name rest` or `# HELP name rest` in its parts.
fn about(line: &str) -> Option<(&str, &str, &str)> {
    let mut words = line.strip_prefix("# ")?.splitn(3, ' ');
    Some((words.next()?, words.next()?, words.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_renamed_for_the_old_format() {
        let openmetrics = "# HELP a_b Rows.\n# TYPE a_b counter\na_b_total{x=\"1\"} 3\n# HELP c_bytes Memory.\n# TYPE c_bytes gauge\n# UNIT c_bytes bytes\nc_bytes 7\n# EOF\n";
        let text = plain(openmetrics);
        assert_eq!(
            text,
            "# HELP a_b_total Rows.\n# TYPE a_b_total counter\na_b_total{x=\"1\"} 3\n# HELP c_bytes Memory.\n# TYPE c_bytes gauge\nc_bytes 7\n"
        );
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "1 (a) b (c) S 2 3 4 5 6 7 8 9 10 11 250 50 0 0 20 0 1 0";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("1 (x"), None);
    }

    #[test]
    fn this_process_has_memory_and_threads() {
        let process = Process::read().unwrap();
        assert!(process.resident_bytes > 0 && process.virtual_bytes >= process.resident_bytes);
        assert!(process.n_threads > 0 && process.n_files > 0 && process.cpu_seconds >= 0.0);
    }
}
