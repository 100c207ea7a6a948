//! Predictions: raw rows in, classes with probabilities or values out, as JSON, CSV or NDJSON.
//!
//! `POST /v1/models/{name}/predict`, where the name may be `iris`, `iris@production` or `iris@3`, and
//! `POST /v1/models/{name}/versions/{version}/predict`. This is the one hot road of the service: a warm model answers on the thread
//! that read the request, without a query, and a large request moves to a thread of its own so that it delays nobody.

mod wire;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use utoipa::IntoParams;

use self::wire::{Picture, PredictRequest, Predictions};
use super::Api;
use super::auth::Bearer;
use super::error::{Error, Kind, Result, Violation};
use super::input::{self, Path, Query};
use super::selector::{absent, selected};
use crate::predictor::{self, Answered, FindError, Format, Options, PredictError, ServedModel};
use crate::store::models::Which;

/// A larger body is worked on off the threads that serve requests.
const INLINE_BODY_BYTES: usize = 16 << 10;
/// So is one whose product with the model's size is larger: about a millisecond of arithmetic.
const INLINE_WORK: usize = 512 << 20;

/// What can be asked for beside the rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// `true`: every prediction says how much each column contributed (integrated gradients), in JSON and NDJSON answers.
    #[serde(default)]
    #[param(default = false)]
    explain: bool,
}

/// Predict with the newest version, or with the one an alias points to
///
/// Rows have raw values as in the training file. The answer has the format that `Accept` names, else that of the request. One bad row in JSON or CSV
/// refuses the request; in NDJSON it becomes an error in its place.
///
/// A model of arrays takes a sample as nested lists of its shape, as all its numbers in one list (in the units of the training file:
/// pixels 0 to 255), or as a `data:` URL; or the body is a PNG, JPEG or BMP of the size that the model wants (it is not resized;
/// grey and colour are converted), or an NPY array of one sample or several.
#[utoipa::path(post, path = "", operation_id = "models_predict", tag = "models",
    params(("name" = String, Path, description = "Name of the model, `name@alias` or `name@version`"), Asked),
    request_body(description = "Rows by column name, in any order, or in the order of the file", content((PredictRequest = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Picture = "image/png"), (Picture = "image/jpeg"), (Picture = "application/x-npy"))),
    responses((status = 200, description = "One prediction per row, in the order of the rows", content((Predictions = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")))))]
pub async fn predict(State(api): State<Api>, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let Path(name) = Path::<String>::from_request_parts(&mut parts, &api).await?;
    let (name, which) = selected(&name);
    answer(&api, parts, body, name, &which).await
}

/// Predict with one version
#[utoipa::path(post, path = "", operation_id = "models_predict_version", tag = "models",
    params(("name" = String, Path, description = "Name of the model"), ("version" = i64, Path, minimum = 1, description = "Number of the version"), Asked),
    request_body(description = "Rows by column name, in any order, or in the order of the file", content((PredictRequest = "application/json"), (String = "text/csv"), (String = "application/x-ndjson"), (Picture = "image/png"), (Picture = "image/jpeg"), (Picture = "application/x-npy"))),
    responses((status = 200, description = "One prediction per row, in the order of the rows", content((Predictions = "application/json"), (String = "text/csv"), (String = "application/x-ndjson")))))]
pub async fn predict_version(State(api): State<Api>, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let Path((name, version)) = Path::<(String, i64)>::from_request_parts(&mut parts, &api).await?;
    answer(&api, parts, body, &name, &Which::Version(version)).await
}

async fn answer(
    api: &Api,
    mut parts: Parts,
    body: axum::body::Body,
    name: &str,
    which: &Which,
) -> Result<Response> {
    let asked = match parts.uri.query() {
        None => Asked::default(),
        Some(_) => Query::<Asked>::from_request_parts(&mut parts, api).await?.0,
    };
    let input = sent(&parts.headers)?;
    if input != Sent::Samples {
        input::require_plain(&parts.headers)?;
    }
    let output = wanted(&parts.headers, input.answered());
    if asked.explain && output == Format::Csv {
        return Err(Error::query(
            "explain",
            "a CSV answer has no place for explanations; ask for JSON or NDJSON with Accept",
        ));
    }
    let caller = Bearer::from_request_parts(&mut parts, api).await?;
    let body = input::read(&parts.headers, body, api.app.config.bodies.predict_bytes).await?;
    let model = match api.models.find(&caller.owner, name, which).await {
        Err(FindError::Absent) => return Err(absent(name, which)),
        found => found?,
    };
    let options = Options {
        explain: asked.explain,
        ..Options::default()
    };
    let is_small = body.len() <= INLINE_BODY_BYTES
        && body.len().saturating_mul(model.n_bytes()) <= INLINE_WORK
        && !asked.explain
        && input != Sent::Samples;
    let predicted = if is_small {
        predicted(&model, input, output, &body, options)?
    } else {
        aside(model, input, output, body, options).await?
    };
    api.traffic.predicted(predicted.n_rows);
    let mut response = Response::new(predicted.body.into());
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(output)),
    );
    Ok(response)
}

/// On a thread that may be kept busy.
async fn aside(
    model: std::sync::Arc<ServedModel>,
    input: Sent,
    output: Format,
    body: Bytes,
    options: Options,
) -> Result<Answered> {
    let work =
        tokio::task::spawn_blocking(move || predicted(&model, input, output, &body, options));
    Ok(work
        .await
        .map_err(|error| Error::internal(format!("a prediction did not end: {error}")))??)
}

/// What a request holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Rows(Format),
    /// A picture, or an array of one or several samples.
    Samples,
}

impl Sent {
    /// The format of the answer when the client prefers none.
    fn answered(self) -> Format {
        match self {
            Self::Rows(format) => format,
            Self::Samples => Format::Json,
        }
    }
}

fn predicted(
    model: &ServedModel,
    input: Sent,
    output: Format,
    body: &[u8],
    options: Options,
) -> std::result::Result<Answered, PredictError> {
    match input {
        Sent::Rows(format) => predictor::predict_counted(model, format, output, body, options),
        Sent::Samples => predictor::predict_samples(model, output, body, options),
    }
}

/// What a picture or an array may call itself; which of them it is shows in its first bytes.
const SAMPLES: [&str; 5] = [
    "image/png",
    "image/jpeg",
    "image/bmp",
    "application/x-npy",
    "application/octet-stream",
];

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";

const fn media_type(format: Format) -> &'static str {
    match format {
        Format::Json => JSON,
        Format::Csv => "text/csv; charset=utf-8",
        Format::NdJson => NDJSON,
    }
}

/// The format named by a media type; line-delimited JSON goes by several names.
fn named(media_type: &str) -> Option<Format> {
    match media_type {
        JSON => Some(Format::Json),
        CSV => Some(Format::Csv),
        NDJSON | "application/ndjson" | "application/jsonl" | "application/json-lines" => {
            Some(Format::NdJson)
        }
        _ => None,
    }
}

/// The format of the request.
fn sent(headers: &HeaderMap) -> Result<Sent> {
    // The form every client sends, without taking it apart.
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == JSON)
    {
        return Ok(Sent::Rows(Format::Json));
    }
    let kind = input::media_type(headers);
    match kind.as_deref() {
        Some(kind) if SAMPLES.contains(&kind) => Ok(Sent::Samples),
        kind => kind.and_then(named).map(Sent::Rows).ok_or_else(|| {
            Error::unsupported_media_type(kind, &[&[JSON, CSV, NDJSON][..], &SAMPLES].concat())
        }),
    }
}

/// The format of the answer: what `Accept` prefers among ours, else that of the request. A client that accepts none of
/// ours gets the format it speaks itself (RFC 9110 12.4.1 leaves that open), not a refusal.
fn wanted(headers: &HeaderMap, input: Format) -> Format {
    let lines = headers
        .get_all(header::ACCEPT)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let mut best: Option<(f32, Format)> = None;
    for range in lines.flat_map(|line| line.split(',')) {
        let mut parameters = range.split(';').map(str::trim);
        let kind = parameters.next().unwrap_or("").to_ascii_lowercase();
        let format = match kind.as_str() {
            "*/*" => Some(input),
            "application/*" if input != Format::Csv => Some(input),
            "application/*" => Some(Format::Json),
            "text/*" => Some(Format::Csv),
            kind => named(kind),
        };
        let quality = parameters
            .find_map(|parameter| parameter.strip_prefix("q=")?.parse().ok())
            .unwrap_or(1.0);
        if let Some(format) = format
            && quality > best.map_or(0.0, |(best, _)| best)
        {
            best = Some((quality, format));
        }
    }
    best.map_or(input, |(_, format)| format)
}

impl From<PredictError> for Error {
    fn from(error: PredictError) -> Self {
        match error {
            PredictError::Malformed {
                message,
                line,
                column,
            } => {
                let column = (column > 0).then(|| column.to_string());
                let violation = Violation {
                    line: Some(line),
                    column,
                    code: "malformed".into(),
                    message: message.clone(),
                    ..Violation::default()
                };
                Error::new(Kind::Malformed, "malformed_rows", message).with(vec![violation])
            }
            PredictError::Refused(fault) => {
                let violation = Violation {
                    pointer: Some(fault.pointer.clone()),
                    line: fault.line,
                    column: fault.column.clone(),
                    code: fault.code.into(),
                    message: fault.message.clone(),
                    allowed: fault.nearest.clone().map(Into::into),
                    got: fault.got.clone().map(Into::into),
                    ..Violation::default()
                };
                Error::new(Kind::Unprocessable, "invalid_rows", fault.message).with(vec![violation])
            }
            PredictError::TooLarge { message, limit } => {
                let violation = Violation {
                    code: "too_large".into(),
                    message: message.clone(),
                    allowed: Some(limit.into()),
                    ..Violation::default()
                };
                Error::new(Kind::TooLarge, "too_large", message).with(vec![violation])
            }
        }
    }
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Absent => Error::new(Kind::NotFound, "not_found", "there is no such model"),
            FindError::Store(error) => error.into(),
            FindError::Blob(error) => error.into(),
            // A model that cannot be opened was damaged on our side; the cause is in the log, with the request id.
            FindError::Open(error) => Error::internal(error),
            FindError::Ending => Error::retry_later(
                Kind::Unavailable,
                "draining",
                "the server is about to end",
                std::time::Duration::from_secs(1),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_the_format_that_is_preferred() {
        let with = |accept: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))])
        };
        for (accept, input, output) in [
            ("*/*", Format::Csv, Format::Csv),
            ("text/csv", Format::Json, Format::Csv),
            (
                "text/csv;q=0.5, application/json",
                Format::NdJson,
                Format::Json,
            ),
            ("application/jsonl", Format::Json, Format::NdJson),
            (
                "application/json;q=0, text/*;q=0.1",
                Format::Json,
                Format::Csv,
            ),
            ("image/png", Format::NdJson, Format::NdJson),
            ("application/*", Format::Csv, Format::Json),
        ] {
            assert_eq!(wanted(&with(accept), input), output, "{accept}");
        }
        assert_eq!(wanted(&HeaderMap::new(), Format::Csv), Format::Csv);
    }
}
