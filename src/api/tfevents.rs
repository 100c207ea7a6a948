//! `/v1/runs/{id}/tfevents`: the series of a run as a file of TensorBoard, written while it is read.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;

use super::Api;
use super::auth::Bearer;
use super::error::{Error, Result};
use super::input::Path;
use crate::export::tensorboard;
use crate::ids::RunId;
use crate::store::metrics;

/// Metrics of a run for TensorBoard
///
/// Save it under the name that it comes with, in a folder of its own for each run, and give TensorBoard the folder above. It holds
/// every point recorded so far, in the order of time; values are rounded to 32-bit floats, which the format has.
#[utoipa::path(get, path = "", operation_id = "runs_tfevents", tag = "runs",
    params(("id" = String, Path, description = "Run id", format = Uuid)),
    responses((status = 200, description = "An event file", content((Vec<u8> = "application/octet-stream")),
        headers(("Content-Disposition" = String, description = "The file's name, with `tfevents` in it.")))))]
pub async fn show(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<RunId>,
) -> Result<Response> {
    let run = api.app.runs.show(&caller.owner, id).await?;
    let began_ms = run.started_at_ms.unwrap_or(run.created_at_ms);
    let store = api.app.store.clone();
    let begin = Some((true, 0, String::new()));
    let records = stream::try_unfold(begin, move |after| {
        let store = store.clone();
        async move {
            let Some((is_first, seq, series)) = after else {
                return Ok(None);
            };
            let mut bytes = Vec::new();
            if is_first {
                tensorboard::begin(began_ms, &mut bytes);
            }
            let parts = metrics::parts_by_time(&store, id, (seq, &series)).await?;
            for part in &parts {
                let points = part.steps.iter().copied().zip(part.values.iter().copied());
                tensorboard::points(&part.series, part.at_ms, points, &mut bytes);
            }
            let next = parts
                .last()
                .map(|part| (false, part.seq, part.series.clone()));
            let is_end = bytes.is_empty();
            Ok::<_, crate::store::StoreError>((!is_end).then_some((bytes, next)))
        }
    });
    let mut response = Response::new(Body::from_stream(records));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    let disposition = format!(
        "attachment; filename=\"{}\"",
        tensorboard::file_name(began_ms)
    );
    headers.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::try_from(disposition).map_err(Error::internal)?,
    );
    Ok(response)
}
