//! `/v1/runs/{id}/metrics`: the series of a run, whole or thinned.
//!
//! Every step's loss is kept. A chart cannot show a million points, so a series longer than `max_points` is answered as
//! buckets of neighbouring points, each with its minimum, maximum and mean: a spike stays visible at any zoom. A table
//! (`Accept: text/csv`, or `?format=csv`) has every point.

mod csv;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Result};
use super::input::{Path, Query};
use super::numbers::{Nonfinite, nonfinite, number};
use crate::ids::RunId;
use crate::store::metrics::{self, Series};

const DEFAULT_POINTS: usize = 1_000;
const MAX_POINTS: usize = 100_000;

/// The series of a run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metrics {
    /// Always `metrics`.
    #[schema(pattern = "^metrics$")]
    pub object: &'static str,
    /// Whose.
    #[schema(format = Uuid)]
    pub run_id: String,
    /// In the order of their names.
    pub series: Vec<Points>,
}

/// One series. With `thinned`, point i stands for a bucket: `steps` has its last step, `values` the mean.
#[derive(Debug, Serialize, ToSchema)]
pub struct Points {
    /// `loss` is the loss of every step; names with `train_`, `validation_` or `test_` are measured at the end of an epoch.
    pub name: String,
    /// Points on record, before thinning.
    pub n_points: usize,
    /// Whether points were put together.
    pub thinned: bool,
    /// Training step of each point, ascending.
    pub steps: Vec<u64>,
    /// Value of each point; `null` where it was not finite.
    #[schema(value_type = Vec<Option<f64>>)]
    pub values: Vec<Value>,
    /// Smallest finite value of each bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    pub min: Option<Vec<Value>>,
    /// Largest finite value of each bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Option<f64>>>)]
    pub max: Option<Vec<Value>>,
    /// Which values were not finite.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nonfinite: Vec<Nonfinite>,
}

/// Which series, and how many points of each.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// Names separated by commas; every series when absent.
    #[param(min_length = 1, max_length = 2000)]
    names: Option<String>,
    /// Most points of a series in the JSON document; a table has all.
    #[param(minimum = 1, maximum = 100_000, default = 1000)]
    max_points: Option<usize>,
    /// `csv` for a table of all points, `series,step,value`; `Accept: text/csv` does the same.
    #[param(inline, default = "json")]
    format: Option<MetricsFormat>,
}

/// Forms of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricsFormat {
    /// One document, long series thinned.
    Json,
    /// A table of all points.
    Csv,
}

/// Metrics of a run
///
/// As a table (`?format=csv`, or `Accept: text/csv`) they are whole: a line for each point, the series one after another, steps ascending;
/// a value that is not finite is `nan`, `inf` or `-inf`.
#[utoipa::path(get, path = "", operation_id = "runs_metrics", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid), MetricsQuery),
    responses((status = 200, description = "The series", content((Metrics = "application/json"), (String = "text/csv")))))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
    Query(query): Query<MetricsQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let max_points = query.max_points.unwrap_or(DEFAULT_POINTS);
    if !(1..=MAX_POINTS).contains(&max_points) {
        return Err(Error::query(
            "max_points",
            format!("max_points is {max_points}; it must be 1 to {MAX_POINTS}"),
        ));
    }
    // Characters, as JSON Schema counts them.
    let n_chars = |names: &String| names.chars().count();
    if !(1..=2000).contains(&query.names.as_ref().map_or(1, n_chars)) {
        return Err(Error::query(
            "names",
            "names has 1 to 2000 characters; leave it out for every series",
        ));
    }
    let run = api.app.runs.show(&caller.owner, id).await?;
    let names: Vec<String> = query
        .names
        .iter()
        .flat_map(|names| names.split(','))
        .map(|name| name.trim().to_owned())
        .collect();
    let as_table = match query.format {
        Some(format) => format == MetricsFormat::Csv,
        None => csv::is_preferred(&headers),
    };
    if as_table {
        return Ok(csv::answer(api.app.store.clone(), run.id, names));
    }
    let series = metrics::series(&api.app.store, run.id, &names).await?;
    let series = series
        .into_iter()
        .map(|one| thinned(one, max_points))
        .collect();
    Ok(Json(Metrics {
        object: "metrics",
        run_id: run.id.to_string(),
        series,
    })
    .into_response())
}

fn thinned(series: Series, max_points: usize) -> Points {
    let n_points = series.steps.len();
    if n_points <= max_points {
        return Points {
            name: series.name,
            n_points,
            thinned: false,
            values: series.values.iter().map(|&value| number(value)).collect(),
            min: None,
            max: None,
            nonfinite: nonfinite(series.values.iter().copied()),
            steps: series.steps,
        };
    }
    // Bucket b holds the points [b n / max, (b + 1) n / max): sizes differ by one at most.
    let bounds: Vec<usize> = (0..=max_points)
        .map(|b| b * n_points / max_points)
        .collect();
    let buckets: Vec<&[f64]> = bounds
        .windows(2)
        .map(|pair| &series.values[pair[0]..pair[1]])
        .collect();
    let extreme = |pick: fn(f64, f64) -> f64| -> Vec<Value> {
        let finite = |bucket: &&[f64]| {
            bucket
                .iter()
                .copied()
                .filter(|value| value.is_finite())
                .reduce(pick)
        };
        buckets
            .iter()
            .map(|bucket| finite(bucket).map_or(Value::Null, number))
            .collect()
    };
    let means: Vec<f64> = buckets
        .iter()
        .map(|bucket| bucket.iter().sum::<f64>() / bucket.len() as f64)
        .collect();
    Points {
        name: series.name,
        n_points,
        thinned: true,
        steps: bounds
            .iter()
            .skip(1)
            .map(|&end| series.steps[end - 1])
            .collect(),
        values: means.iter().map(|&mean| number(mean)).collect(),
        min: Some(extreme(f64::min)),
        max: Some(extreme(f64::max)),
        nonfinite: nonfinite(means.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: Vec<f64>) -> Series {
        Series {
            name: "loss".into(),
            steps: (1..=values.len() as u64).collect(),
            values,
        }
    }

    #[test]
    fn a_short_series_is_whole() {
        let points = thinned(series(vec![3.0, f64::NAN]), 2);
        assert!(!points.thinned);
        assert_eq!(points.values, [number(3.0), Value::Null]);
        assert_eq!(points.nonfinite[0].value, "nan");
    }

    #[test]
    fn a_bucket_keeps_its_spike() {
        let mut values = vec![1.0; 1000];
        values[637] = 99.0;
        let points = thinned(series(values), 10);
        assert_eq!(
            (points.steps.len(), points.steps[9], points.n_points),
            (10, 1000, 1000)
        );
        assert_eq!(points.max.unwrap()[6], number(99.0));
        assert_eq!(points.min.unwrap()[6], number(1.0));
        assert_eq!(points.values[6], number(1.98));
    }
}
