//! How an event looks: on a stream, and as a document.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::{Result, Source};
use crate::api::time::rfc3339;
use crate::store::Store;
use crate::store::events::{Kind, Placed};
use crate::store::metrics::{self, Series};

/// Points of a series in an event.
pub(super) const EVENT_POINTS: usize = 50;
/// Points of a series in an event for a watcher that is too slow for all of them.
pub(super) const SLOW_POINTS: usize = 5;

/// One event as it goes over the wire, under the number that its reader goes on from.
pub(super) async fn frame(
    store: &Store,
    source: &Source,
    row: &Placed,
    max_points: usize,
) -> Result<Bytes> {
    let data = document(store, source, row, max_points).await?;
    Ok(format!(
        "id: {}\nevent: {}\ndata: {data}\n\n",
        row.place, row.event.kind
    )
    .into())
}

/// One event as a JSON document; that of a metric carries its series.
///
/// # Errors
/// When the record cannot be read.
pub async fn value(store: &Store, source: &Source, row: &Placed) -> Result<Value> {
    document(store, source, row, EVENT_POINTS).await
}

async fn document(
    store: &Store,
    source: &Source,
    row: &Placed,
    max_points: usize,
) -> Result<Value> {
    let event = &row.event;
    let mut fields = serde_json::Map::new();
    if let Source::Owner(_) = source {
        fields.insert("id".into(), json!(row.place));
    }
    fields.insert("run_id".into(), json!(event.run_id));
    fields.insert("seq".into(), json!(event.seq));
    fields.insert("type".into(), json!(event.kind));
    fields.insert("ts".into(), json!(rfc3339(event.ts_ms)));
    fields.insert("step".into(), json!(event.step));
    fields.extend(event.body.parse::<serde_json::Map<String, Value>>()?);
    if event.kind == Kind::Metric {
        let series = metrics::of_event(store, event.run_id, event.seq).await?;
        let thinned = series.iter().any(|one| one.steps.len() > max_points);
        fields.insert(
            "series".into(),
            series.iter().map(|one| points(one, max_points)).collect(),
        );
        if thinned {
            fields.insert("thinned".into(), json!(true));
        }
    }
    Ok(Value::Object(fields))
}

/// Steps and values of one series; every so-manieth point, and always the last one, when there are more than wanted.
fn points(series: &Series, max_points: usize) -> Value {
    let n = series.steps.len();
    let stride = n.div_ceil(max_points.max(1)).max(1);
    let kept: Vec<usize> = (0..n)
        .filter(|i| (n - 1 - i).is_multiple_of(stride))
        .collect();
    let steps: Vec<u64> = kept.iter().map(|&i| series.steps[i]).collect();
    let values: Vec<Value> = kept
        .iter()
        .map(|&i| crate::api::numbers::number(series.values[i]))
        .collect();
    let mut one = json!({"name": series.name, "steps": steps, "values": values});
    let nonfinite = crate::api::numbers::nonfinite(kept.iter().map(|&i| series.values[i]));
    if !nonfinite.is_empty() {
        one["nonfinite"] = json!(nonfinite);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_the_last_point() {
        let series = Series {
            name: "loss".into(),
            steps: (1..=101).collect(),
            values: (1..=101).map(f64::from).collect(),
        };
        let thinned = points(&series, 50);
        let steps = thinned["steps"].as_array().unwrap();
        assert!(steps.len() <= 50, "{}", steps.len());
        assert_eq!(steps.last().unwrap(), 101);
        assert_eq!(
            points(&series, 1000)["steps"].as_array().unwrap().len(),
            101
        );
    }
}
