//! All points of a run's series as a table, one point a line, written while it is read.
//!
//! ```csv
//! series,step,value
//! loss,1,1.0986122886681098
//! ```
//! A value that is not finite is `nan`, `inf` or `-inf`.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;

use crate::api::numbers::word;
use crate::ids::RunId;
use crate::store::Store;
use crate::store::metrics::{self, Part};

const MEDIA_TYPE: &str = "text/csv";

/// Whether `Accept` asks for a table before it asks for JSON.
pub(super) fn is_preferred(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).into_iter();
    let offers: Vec<&str> = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .collect();
    let quality = |wanted: &str| {
        let of = |offer: &&str| {
            let mut parts = offer.split(';').map(str::trim);
            let kind = parts.next()?.to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            (kind == wanted).then_some(quality.unwrap_or(1.0))
        };
        offers.iter().filter_map(of).fold(0.0, f32::max)
    };
    quality(MEDIA_TYPE) > quality("application/json")
}

/// The table of the series called `names`, or of all.
pub(super) fn answer(store: Store, run: RunId, names: Vec<String>) -> Response {
    let begin = Some((true, String::new(), 0));
    let parts = stream::try_unfold(begin, move |after| {
        let (store, names) = (store.clone(), names.clone());
        async move {
            let Some((is_first, series, step)) = after else {
                return Ok(None);
            };
            let parts = metrics::parts_by_series(&store, run, &names, (&series, step)).await?;
            let mut text = String::from(if is_first { "series,step,value\n" } else { "" });
            parts.iter().for_each(|part| write(part, &mut text));
            let next = parts
                .last()
                .map(|part| (false, part.series.clone(), part.first_step));
            let is_end = text.is_empty();
            Ok::<_, crate::store::StoreError>((!is_end).then_some((text, next)))
        }
    });
    let mut response = Response::new(Body::from_stream(parts));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/csv; charset=utf-8"),
    );
    response
}

fn write(part: &Part, out: &mut String) {
    for (step, value) in part.steps.iter().zip(&part.values) {
        // Writing to memory cannot fail. Names of series are words, and need no quotes.
        let _ = match word(*value) {
            Some(word) => writeln!(out, "{},{step},{word}", part.series),
            None => writeln!(out, "{},{step},{value:?}", part.series),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_for_who_asks_for_it() {
        for (accept, table) in [
            ("text/csv", true),
            ("text/csv, application/json;q=0.5", true),
            ("application/json, text/csv;q=0.9", false),
            ("*/*", false),
            ("text/csv;q=0", false),
        ] {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            assert_eq!(is_preferred(&headers), table, "{accept}");
        }
    }

    #[test]
    fn numbers_keep_their_bits() {
        let part = Part {
            series: "loss".into(),
            first_step: 1,
            seq: 1,
            at_ms: 0,
            steps: vec![1, 2, 3],
            values: vec![0.1 + 0.2, 1e-300, f64::NAN],
        };
        let mut text = String::new();
        write(&part, &mut text);
        assert_eq!(
            text,
            "loss,1,0.30000000000000004\nloss,2,1e-300\nloss,3,nan\n"
        );
    }
}
