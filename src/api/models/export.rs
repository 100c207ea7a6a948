//! `GET /v1/models/{name}/export`: a model to take away, as safetensors (the weights, byte for byte), JSON (everything, weights
//! included, readable without any library) or ONNX (the whole way from a row to its answer, for other programs).

use std::collections::BTreeMap;
use std::io::Read;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_util::io::ReaderStream;
use utoipa::{IntoParams, ToSchema};

use super::{Model, Sealed, find, selected};
use crate::api::Api;
use crate::api::auth::Bearer;
use crate::api::error::{Error, Kind, Result};
use crate::api::etag;
use crate::api::input::{Path, Query};
use crate::blobs::Content;
use crate::export::onnx::{self, OnnxError};
use crate::store::Json;
use crate::store::models::Which;

const OCTETS: &str = "application/octet-stream";

/// A JSON document of more weights than this helps nobody; safetensors holds them in a third of the space.
const MAX_JSON_WEIGHTS_BYTES: i64 = 64 << 20;

/// Forms of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// The weights, byte for byte as they were trained.
    #[default]
    Safetensors,
    /// Document, metrics and weights in one JSON object.
    Json,
    /// A graph for other programs (operator set 17), raw columns in, answers out.
    Onnx,
}

impl ExportFormat {
    /// What tells the entity tags of the formats apart.
    fn suffix(self) -> &'static str {
        match self {
            ExportFormat::Safetensors => "",
            ExportFormat::Json => "-json",
            ExportFormat::Onnx => "-onnx",
        }
    }
}

/// Parameters of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// What to make of it.
    #[serde(default)]
    #[param(inline, default = "safetensors")]
    format: ExportFormat,
}

/// A whole model as one JSON object.
#[derive(Debug, Serialize, ToSchema)]
pub struct ModelExport {
    /// Always `model_export`.
    #[schema(pattern = "^model_export$")]
    object: &'static str,
    /// Name.
    name: String,
    /// Version.
    #[schema(minimum = 1)]
    version: i64,
    /// SHA-256 of the weights as safetensors.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    /// Spec, columns, transform, classes or targets.
    #[schema(value_type = Object)]
    document: Box<RawValue>,
    /// What the kept weights reach on each part that has rows: `train_...`, `validation_...` and `test_...`.
    #[schema(value_type = Object)]
    metrics: Json,
    /// The weights by name.
    weights: BTreeMap<String, Weights>,
}

/// One array of weights.
#[derive(Debug, Serialize, ToSchema)]
pub struct Weights {
    /// Length of each dimension.
    shape: Vec<usize>,
    /// The numbers, the last dimension varying fastest.
    data: Vec<f32>,
}

/// Take a model away
#[utoipa::path(get, path = "", operation_id = "models_export", tag = "models",
    params(("name" = String, Path, description = "Name of the model, `name@alias` or `name@version`"), ExportQuery),
    responses(
        (status = 200, description = "The model", content((Vec<u8> = "application/octet-stream"), (ModelExport = "application/json")),
            headers(("ETag" = String, description = "SHA-256 of the weights."))),
        (status = 304, description = "`If-None-Match` names what you hold already"),
        (status = 409, description = "`not_exportable`: the model has no ONNX form"),
        (status = 422, description = "`too_large_for_json`: take safetensors")))]
pub async fn export(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
    Query(query): Query<ExportQuery>,
    headers: HeaderMap,
) -> Result<Response> {
    let (name, which) = selected(&name);
    let row = find(&api, &caller.owner, name, &which).await?;
    let tag = etag::tag(format!("{}{}", row.weights, query.format.suffix()));
    let file_name = format!("{}-{}", ascii(&row.name), row.version);
    let mut response = if etag::is_known(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        match query.format {
            ExportFormat::Safetensors => safetensors(&api, &row, &file_name).await?,
            ExportFormat::Json => json(&api, row).await?,
            ExportFormat::Onnx => onnx(&api, &caller.owner, row, &file_name).await?,
        }
    };
    response
        .headers_mut()
        .insert(header::ETAG, etag::value(&tag));
    Ok(response)
}

async fn safetensors(api: &Api, row: &Model, file_name: &str) -> Result<Response> {
    let body = match api.app.blobs.open_blob(&row.weights).await? {
        Content::Bytes(bytes) => Body::from(bytes),
        Content::File(file) => Body::from_stream(ReaderStream::with_capacity(
            tokio::fs::File::from_std(file),
            256 << 10,
        )),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(row.size_bytes));
    headers.insert(
        header::CONTENT_DISPOSITION,
        attachment(&format!("{file_name}.safetensors"))?,
    );
    Ok(response)
}

fn attachment(file_name: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(format!("attachment; filename=\"{file_name}\"")).map_err(Error::internal)
}

async fn onnx(api: &Api, owner: &str, row: Model, file_name: &str) -> Result<Response> {
    let served = api
        .models
        .find(owner, &row.name, &Which::Version(row.version))
        .await?;
    let facts: Vec<(&str, String)> = [
        ("run_id", row.run_id.map(|id| id.to_string())),
        ("dataset_id", row.dataset_id.map(|id| id.to_string())),
    ]
    .into_iter()
    .filter_map(|(key, id)| Some((key, id?)))
    .collect();
    let written = tokio::task::spawn_blocking(move || onnx::model(&served, &facts));
    let written = written.await.map_err(Error::internal)?;
    let mut response = Response::new(Body::from(written?));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    headers.insert(
        header::CONTENT_DISPOSITION,
        attachment(&format!("{file_name}.onnx"))?,
    );
    Ok(response)
}

impl From<OnnxError> for Error {
    fn from(error: OnnxError) -> Self {
        Error::new(Kind::Conflict, "not_exportable", error.to_string())
    }
}

async fn json(api: &Api, row: Model) -> Result<Response> {
    if row.size_bytes > MAX_JSON_WEIGHTS_BYTES {
        let detail = format!(
            "{} bytes of weights are too much for JSON (at most {MAX_JSON_WEIGHTS_BYTES}); use ?format=safetensors",
            row.size_bytes
        );
        return Err(Error::new(
            Kind::Unprocessable,
            "too_large_for_json",
            detail,
        ));
    }
    let content = api.app.blobs.open_blob(&row.weights).await?;
    let written = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        content
            .reader()
            .read_to_end(&mut bytes)
            .map_err(Error::internal)?;
        serde_json::to_vec(&whole(row, &bytes)?).map_err(Error::internal)
    });
    let written = written.await.map_err(Error::internal)??;
    let mut response = Response::new(Body::from(written));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    Ok(response)
}

fn whole(row: Model, bytes: &[u8]) -> Result<ModelExport> {
    let tensors = SafeTensors::deserialize(bytes).map_err(Error::internal)?;
    let mut weights = BTreeMap::new();
    for (name, view) in tensors.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::internal(format!(
                "weights {name} are {:?}, not f32",
                view.dtype()
            )));
        }
        let data = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        weights.insert(
            name,
            Weights {
                shape: view.shape().to_vec(),
                data,
            },
        );
    }
    Ok(ModelExport {
        object: "model_export",
        document: row.document.parse::<Sealed>()?.document,
        name: row.name,
        version: row.version,
        sha256: row.weights,
        metrics: row.metrics,
        weights,
    })
}

/// A name as part of a file name that every client understands.
fn ascii(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') {
                c
            } else {
                '_'
            }
        })
        .collect()
}
