//! What is in a dataset: its profile, some rows, its original bytes.

use std::io::SeekFrom;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::find;
use super::wire::{Profile, Rows};
use crate::api::Api;
use crate::api::auth::Bearer;
use crate::api::error::{Error, Kind, Result};
use crate::api::etag;
use crate::api::input::{Path, Query};
use crate::blobs::Content;
use crate::data;
use crate::store::datasets as rows;

/// Rows of a preview when the client does not say, and at most.
const PREVIEW_ROWS: (usize, usize) = (20, 1000);

/// Bytes of an original file that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// What was learned about every column, and why it was taken for what it is
#[utoipa::path(get, path = "", operation_id = "datasets_profile", tag = "datasets",
    params(("id" = String, Path, format = Uuid, description = "Id of the dataset")),
    responses((status = 200, description = "The profile", body = Profile)))]
pub async fn profile(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
) -> Result<axum::Json<Profile>> {
    let row = find(&api, &caller.owner, &id).await?;
    Ok(axum::Json(row.profile.parse()?))
}

/// Which rows are shown.
#[derive(Debug, Deserialize)]
pub struct RowsQuery {
    offset: Option<u64>,
    limit: Option<usize>,
}

/// Rows word for word
#[utoipa::path(get, path = "", operation_id = "datasets_rows", tag = "datasets",
    params(("id" = String, Path, format = Uuid, description = "Id of the dataset"),
        ("offset" = Option<u64>, Query, minimum = 0, maximum = 9223372036854775807u64, description = "Rows passed over, default 0"),
        ("limit" = Option<usize>, Query, minimum = 1, maximum = 1000, description = "Rows shown, default 20")),
    responses((status = 200, description = "The rows", body = Rows)))]
pub async fn rows(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    Query(query): Query<RowsQuery>,
) -> Result<axum::Json<Rows>> {
    let row = find(&api, &caller.owner, &id).await?;
    let (offset, limit) = (
        query.offset.unwrap_or(0),
        query.limit.unwrap_or(PREVIEW_ROWS.0),
    );
    if !(1..=PREVIEW_ROWS.1).contains(&limit) {
        return Err(Error::query(
            "limit",
            format!("limit is {limit}; it must be 1 to {}", PREVIEW_ROWS.1),
        ));
    }
    if i64::try_from(offset).is_err() {
        return Err(Error::query(
            "offset",
            format!("offset is {offset}; no file has so many rows"),
        ));
    }
    let schema: data::Schema = row.schema.parse()?;
    let columns = schema
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let n_rows = u64::try_from(row.n_rows).unwrap_or(0);
    // Past the end there is nothing to read, and reading the file to find that out would cost the whole file.
    let data = if offset < n_rows {
        preview(&api, &row, schema, offset, limit).await?
    } else {
        Vec::new()
    };
    let has_more = offset.saturating_add(data.len() as u64) < n_rows;
    Ok(axum::Json(Rows {
        object: "rows",
        columns,
        offset,
        data,
        has_more,
    }))
}

async fn preview(
    api: &Api,
    row: &rows::Dataset,
    schema: data::Schema,
    offset: u64,
    limit: usize,
) -> Result<data::Rows> {
    let format: data::Format = row.format.parse()?;
    let content = api.app.blobs.open_blob(&row.sha256).await?;
    let read = tokio::task::spawn_blocking(move || {
        data::preview(content.reader(), &format, &schema, offset, limit)
    });
    // The file was checked when it came in: what is wrong now is ours.
    read.await
        .map_err(Error::internal)?
        .map_err(Error::internal)
}

/// The original bytes
///
/// Supports one `Range`. The ETag is the SHA-256 of the whole file.
#[utoipa::path(get, path = "", operation_id = "datasets_content", tag = "datasets",
    params(("id" = String, Path, format = Uuid, description = "Id of the dataset"), ("Range" = Option<String>, Header, description = "`bytes=first-last`")),
    responses(
        (status = 200, description = "All bytes", content((String = "text/csv"), (String = "application/zip"), (String = "application/gzip"), (String = "application/x-npy"), (String = "application/octet-stream")), headers(("ETag" = String, description = "SHA-256."), ("Accept-Ranges" = String, description = "`bytes`."))),
        (status = 206, description = "The bytes asked for", content((String = "text/csv"), (String = "application/zip"), (String = "application/gzip"), (String = "application/x-npy"), (String = "application/octet-stream")), headers(("Content-Range" = String, description = "Which bytes, of how many."))),
        (status = 304, description = "It is as `If-None-Match` knows it"),
        (status = 416, description = "The range begins behind the end", headers(("Content-Range" = String, description = "How many bytes there are.")))))]
pub async fn content(
    State(api): State<Api>,
    caller: Bearer,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let row = find(&api, &caller.owner, &id).await?;
    let tag = etag::tag(&row.sha256);
    let value = etag::value(&tag);
    if etag::is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, value)]).into_response());
    }
    let size = u64::try_from(row.size_bytes).unwrap_or(0);
    let range = wanted_range(&headers, &tag, size)?;
    let (first, length) = range.unwrap_or((0, size));
    let body = match api.app.blobs.open_blob(&row.sha256).await? {
        Content::Bytes(bytes) => {
            Body::from(Bytes::from(bytes).slice(first as usize..(first + length) as usize))
        }
        Content::File(file) => {
            let mut file = tokio::fs::File::from_std(file);
            file.seek(SeekFrom::Start(first))
                .await
                .map_err(Error::internal)?;
            Body::from_stream(ReaderStream::with_capacity(file.take(length), READ_BYTES))
        }
    };
    let mut response = Response::new(body);
    let set = response.headers_mut();
    set.insert(header::ETAG, value);
    set.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    set.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media_type(&row.format.parse()?)),
    );
    set.insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment"),
    );
    if range.is_some() {
        let last = first + length - 1;
        set.insert(
            header::CONTENT_RANGE,
            HeaderValue::try_from(format!("bytes {first}-{last}/{size}"))
                .map_err(Error::internal)?,
        );
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// What the original bytes are.
fn media_type(format: &data::Format) -> &'static str {
    let Some(arrays) = &format.arrays else {
        return "text/csv";
    };
    match (arrays.container, arrays.compression) {
        (data::Container::Archive | data::Container::Pictures, _) => "application/zip",
        (_, data::Compression::Gzip) => "application/gzip",
        (data::Container::Npy, _) => "application/x-npy",
        (data::Container::Idx, _) => "application/octet-stream",
    }
}

/// First byte and length of the range asked for. Several ranges, another unit, or an `If-Range` that does not match mean
/// the whole file (RFC 9110 14.2).
fn wanted_range(headers: &HeaderMap, tag: &str, size: u64) -> Result<Option<(u64, u64)>> {
    if headers
        .get(header::IF_RANGE)
        .is_some_and(|known| known != tag)
    {
        return Ok(None);
    }
    let Some(text) = headers
        .get(header::RANGE)
        .and_then(|value| value.to_str().ok())
    else {
        return Ok(None);
    };
    let Some((first, last)) = text
        .strip_prefix("bytes=")
        .and_then(|spec| spec.trim().split_once('-'))
    else {
        return Ok(None);
    };
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if last < first => return Ok(None),
        (Ok(first), Ok(last)) => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => (first, size),
        (Err(_), Ok(n_last)) if first.is_empty() && n_last > 0 => {
            (size.saturating_sub(n_last), size)
        }
        (Err(_), Ok(0)) if first.is_empty() => (size, size),
        _ => return Ok(None),
    };
    if range.0 >= size {
        let total = HeaderValue::try_from(format!("bytes */{size}")).map_err(Error::internal)?;
        let error = Error::new(
            Kind::RangeNotSatisfiable,
            "range_not_satisfiable",
            format!("the file has {size} bytes"),
        );
        return Err(error.header(header::CONTENT_RANGE, total));
    }
    Ok(Some((range.0, range.1 - range.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &'static str) -> Result<Option<(u64, u64)>> {
        wanted_range(
            &HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(text))]),
            "\"t\"",
            100,
        )
    }

    #[test]
    fn ranges_as_clients_write_them() {
        assert_eq!(range("bytes=0-9").unwrap(), Some((0, 10)));
        assert_eq!(range("bytes=90-").unwrap(), Some((90, 10)));
        assert_eq!(range("bytes=-5").unwrap(), Some((95, 5)));
        assert_eq!(range("bytes=50-1000").unwrap(), Some((50, 50)));
        for whole in ["bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"] {
            assert_eq!(range(whole).unwrap(), None, "{whole}");
        }
        for beyond in ["bytes=100-", "bytes=-0", "bytes=200-300"] {
            assert_eq!(
                range(beyond).unwrap_err().kind(),
                Kind::RangeNotSatisfiable,
                "{beyond}"
            );
        }
    }
}
