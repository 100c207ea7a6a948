//! What the server counts about itself while it works: requests, predictions, uploads.
//!
//! Counting stands on every request's way, so it costs two lookups in maps of a few dozen entries and no allocation. How
//! the counts are shown is told in `metrics_page.rs`.

use std::fmt::Write as _;
use std::time::Instant;

use axum::http::{Method, StatusCode};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Route of a request that no template matches, or that was refused before anybody looked: one label for all of them, so
/// that a stranger who tries paths cannot make the page grow.
const OTHER: &str = "(other)";

/// Upper bounds of the latency buckets in seconds: from a warm prediction to a long poll.
const LATENCY_BUCKETS_S: [f64; 15] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    60.0,
];

/// The URL templates of the router, for labels.
#[derive(Debug, Default)]
pub struct RouteNames {
    /// Templates cut at `/`, by the number of their pieces.
    by_length: Vec<Vec<(&'static str, Vec<&'static str>)>>,
}

impl RouteNames {
    /// Names for these templates, as the router writes them: `/v1/runs/{id}`.
    pub fn new(templates: impl IntoIterator<Item = &'static str>) -> Self {
        let mut by_length: Vec<Vec<_>> = Vec::new();
        for template in templates {
            let pieces: Vec<&str> = template.split('/').collect();
            if by_length.len() <= pieces.len() {
                by_length.resize_with(pieces.len() + 1, Vec::new);
            }
            by_length[pieces.len()].push((template, pieces));
        }
        RouteNames { by_length }
    }

    /// The template that `path` follows. Fixed pieces go before variables, as in the router.
    pub fn of(&self, path: &str) -> &'static str {
        let n_pieces = path.split('/').count();
        let candidates = self.by_length.get(n_pieces).map_or(&[][..], Vec::as_slice);
        let matching = candidates.iter().filter(|(_, pieces)| {
            pieces
                .iter()
                .zip(path.split('/'))
                .all(|(piece, part)| is_variable(piece) || *piece == part)
        });
        let best = matching
            .min_by_key(|(_, pieces)| pieces.iter().filter(|piece| is_variable(piece)).count());
        best.map_or(OTHER, |(template, _)| template)
    }
}

fn is_variable(piece: &str) -> bool {
    piece.starts_with('{')
}

/// Method, route and status of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: Verb,
    route: &'static str,
    status: Code,
}

/// Route alone: a histogram has many lines per label set.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Routed {
    route: &'static str,
}

/// The methods that exist here; whatever else was sent counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Verb(&'static str);

impl Verb {
    fn of(method: &Method) -> Self {
        let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
        Verb(
            known
                .into_iter()
                .find(|name| *name == method.as_str())
                .unwrap_or("other"),
        )
    }
}

impl EncodeLabelValue for Verb {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.write_str(self.0)
    }
}

/// A status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Code(u16);

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        write!(encoder, "{}", self.0)
    }
}

/// The counters.
pub struct Traffic {
    registry: Registry,
    requests: Family<Answered, Counter>,
    latency: Family<Routed, Histogram>,
    in_flight: Gauge,
    predictions: Counter,
    uploaded: Counter,
}

impl Traffic {
    /// Counters that stand at zero.
    pub fn new() -> Self {
        let traffic = Traffic {
            registry: Registry::default(),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS_S)),
            in_flight: Gauge::default(),
            predictions: Counter::default(),
            uploaded: Counter::default(),
        };
        let mut registry = Registry::with_prefix("descent");
        registry.register(
            "http_requests",
            "Requests answered, by method, route and status",
            traffic.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the end of a request's headers to its answer's, by route",
            Unit::Seconds,
            traffic.latency.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests that are being answered",
            traffic.in_flight.clone(),
        );
        registry.register("predictions", "Rows predicted", traffic.predictions.clone());
        registry.register_with_unit(
            "upload",
            "Bytes of datasets received",
            Unit::Bytes,
            traffic.uploaded.clone(),
        );
        Traffic {
            registry,
            ..traffic
        }
    }

    /// A request came in; hand the answer to [`Traffic::finish`].
    pub fn start(&self) -> Instant {
        self.in_flight.inc();
        Instant::now()
    }

    /// A request was answered.
    pub fn finish(
        &self,
        started: Instant,
        method: &Method,
        route: &'static str,
        status: StatusCode,
    ) {
        self.in_flight.dec();
        let answered = Answered {
            method: Verb::of(method),
            route,
            status: Code(status.as_u16()),
        };
        self.requests.get_or_create(&answered).inc();
        self.latency
            .get_or_create(&Routed { route })
            .observe(started.elapsed().as_secs_f64());
    }

    /// Rows were predicted.
    pub fn predicted(&self, n_rows: u64) {
        self.predictions.inc_by(n_rows);
    }

    /// Bytes of a dataset arrived.
    pub fn uploaded(&self, n_bytes: u64) {
        self.uploaded.inc_by(n_bytes);
    }

    /// The counters, for the page that shows them.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}

impl Default for Traffic {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_by_its_template() {
        let names = RouteNames::new([
            "/",
            "/v1/runs",
            "/v1/runs/{id}",
            "/v1/runs/events",
            "/v1/models/{name}/predict",
        ]);
        for (path, name) in [
            ("/", "/"),
            ("/v1/runs", "/v1/runs"),
            ("/v1/runs/0190", "/v1/runs/{id}"),
            ("/v1/runs/events", "/v1/runs/events"),
            ("/v1/models/iris@live/predict", "/v1/models/{name}/predict"),
            ("/v1/models/iris/predict/", OTHER),
            ("/etc/passwd", OTHER),
        ] {
            assert_eq!(names.of(path), name, "{path}");
        }
    }

    #[test]
    fn requests_are_counted_by_method_route_and_status() {
        let traffic = Traffic::new();
        for status in [200, 200, 404] {
            let started = traffic.start();
            traffic.finish(
                started,
                &Method::GET,
                "/v1/runs/{id}",
                StatusCode::from_u16(status).unwrap(),
            );
        }
        traffic.predicted(3);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, traffic.registry()).unwrap();
        for line in [
            "descent_http_requests_total{method=\"GET\",route=\"/v1/runs/{id}\",status=\"200\"} 2",
            "descent_http_requests_total{method=\"GET\",route=\"/v1/runs/{id}\",status=\"404\"} 1",
            "descent_http_request_duration_seconds_count{route=\"/v1/runs/{id}\"} 3",
            "descent_http_requests_in_flight 0",
            "descent_predictions_total 3",
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
    }
}
