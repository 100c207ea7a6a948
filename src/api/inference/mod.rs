//! `/v2`: the Open Inference Protocol, version 2, over HTTP, as clients of KServe, Triton and MLServer speak it.
//!
//! The protocol is not ours, so this surface has its manners: errors are `{"error": "..."}` with 400 for whatever is wrong with a
//! request (`api/error.rs` renders them by the path), a request needs no Content-Type, parameters that are not known are
//! passed over, and everything that succeeds is 200. It stands outside of the OpenAPI document, because what an inference may
//! hold depends on the model. Rows take the road of `/v1/models/{name}/predict`, so the answers are the same, bit by bit.

mod body;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use self::body::Coding;
use super::Api;
use super::auth::Bearer;
use super::error::{Error, Kind, Result};
use super::input::{self, Path};
use super::selector::{absent, selected};
use crate::predictor::tensors::{self, Port};
use crate::predictor::{FindError, Options, ServedModel};
use crate::store;
use crate::store::models::Which;

/// Where the JSON part of a body ends and the bytes of the tensors begin.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");
/// A larger body is worked on off the threads that serve requests.
const INLINE_BODY_BYTES: usize = 4 << 10;
/// So is one whose product with the model's size is larger: about a millisecond of arithmetic.
const INLINE_WORK: usize = 512 << 20;

/// The process is alive.
pub async fn live() -> Json<Value> {
    Json(json!({"live": true}))
}

/// Requests may be sent here.
pub async fn ready(State(api): State<Api>) -> Result<Json<Value>> {
    api.check_ready().await?;
    Ok(Json(json!({"ready": true})))
}

/// What this server is.
pub async fn server() -> Json<Value> {
    Json(json!({
        "name": "descent",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data", "model_repository"],
    }))
}

/// The names of the caller's models.
pub async fn list(State(api): State<Api>, caller: Bearer) -> Result<Json<Value>> {
    let mut names: Vec<String> = store::models::versions_of_all(&api.app.store, &caller.owner)
        .await?
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    names.dedup();
    Ok(Json(json!({"models": names})))
}

/// Every version of every model of the caller. All are ready: a model is opened when it is asked for.
pub async fn index(
    State(api): State<Api>,
    caller: Bearer,
    request: Request,
) -> Result<Json<Value>> {
    drained(&api, request).await?;
    let all = store::models::versions_of_all(&api.app.store, &caller.owner).await?;
    let entry = |(name, version): (String, i64)| json!({"name": name, "version": version.to_string(), "state": "READY", "reason": ""});
    Ok(Json(all.into_iter().map(entry).collect()))
}

/// Opens a model before somebody asks it.
pub async fn load(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    drained(&api, request).await?;
    opened(&api, &caller, &name, None).await?;
    Ok(Json(json!({})))
}

/// Gives back the memory of a model; it is opened again when somebody asks it.
pub async fn unload(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<Value>> {
    drained(&api, request).await?;
    let (model, which) = selected(&name);
    let found = store::models::find(&api.app.store, &caller.owner, model, &which).await?;
    let row = found.ok_or_else(|| absent(model, &which))?;
    api.models.forget(&caller.owner, &row.name, row.version);
    Ok(Json(json!({})))
}

/// A model can be asked.
pub async fn model_ready(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let model = opened(&api, &caller, &name, None).await?;
    Ok(Json(json!({"name": model.version().name, "ready": true})))
}

/// A version of a model can be asked.
pub async fn version_ready(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, version)): Path<(String, i64)>,
) -> Result<Json<Value>> {
    let model = opened(&api, &caller, &name, Some(version)).await?;
    Ok(Json(json!({"name": model.version().name, "ready": true})))
}

/// What a model takes and answers.
pub async fn model(
    State(api): State<Api>,
    caller: Bearer,
    Path(name): Path<String>,
) -> Result<Json<Value>> {
    let model = opened(&api, &caller, &name, None).await?;
    metadata(&api, &caller, &model).await
}

/// What a version of a model takes and answers.
pub async fn version(
    State(api): State<Api>,
    caller: Bearer,
    Path((name, version)): Path<(String, i64)>,
) -> Result<Json<Value>> {
    let model = opened(&api, &caller, &name, Some(version)).await?;
    metadata(&api, &caller, &model).await
}

/// Predicts with the newest version of a model, or with the one that `name@alias` or `name@version` stands for.
pub async fn infer(State(api): State<Api>, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let body =
        input::read_or_drain(&parts.headers, body, api.app.config.bodies.predict_bytes).await?;
    let Path(name) = Path::<String>::from_request_parts(&mut parts, &api).await?;
    answer(&api, &mut parts, body, &name, None).await
}

/// Predicts with one version.
pub async fn infer_version(State(api): State<Api>, request: Request) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let body =
        input::read_or_drain(&parts.headers, body, api.app.config.bodies.predict_bytes).await?;
    let Path((name, version)) = Path::<(String, i64)>::from_request_parts(&mut parts, &api).await?;
    answer(&api, &mut parts, body, &name, Some(version)).await
}

async fn answer(
    api: &Api,
    parts: &mut axum::http::request::Parts,
    body: Bytes,
    name: &str,
    version: Option<i64>,
) -> Result<Response> {
    let caller = Bearer::from_request_parts(parts, api).await?;
    let sent = Coding::sent(&parts.headers)?;
    let wanted = Coding::wanted(&parts.headers);
    let json_bytes: Option<u64> = input::header(&parts.headers, &JSON_LENGTH)?;
    let model = opened(api, &caller, name, version).await?;
    let limit_bytes = api.app.config.bodies.predict_bytes;
    let is_small = sent == Coding::Identity
        && body.len() <= INLINE_BODY_BYTES
        && body.len().saturating_mul(model.n_bytes()) <= INLINE_WORK;
    let work = move || {
        inferred(
            &model,
            &sent.unpacked(body, limit_bytes)?,
            json_bytes,
            wanted,
        )
    };
    let (response, n_rows) = if is_small {
        work()?
    } else {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Error::internal(format!("an inference did not end: {error}")))??
    };
    api.traffic.predicted(n_rows);
    Ok(response)
}

/// The answer to an unpacked body, packed as the client wants it, and how many rows it is about.
fn inferred(
    model: &ServedModel,
    body: &[u8],
    json_bytes: Option<u64>,
    wanted: Coding,
) -> Result<(Response, u64)> {
    let length = json_bytes.map_or(Some(body.len()), |length| usize::try_from(length).ok());
    let Some((json, binary)) = length.and_then(|length| body.split_at_checked(length)) else {
        let detail = format!(
            "Inference-Header-Content-Length is {} and the body has {} bytes",
            json_bytes.unwrap_or(0),
            body.len()
        );
        return Err(Error::new(Kind::Malformed, "wrong_size", detail));
    };
    let reply = tensors::infer(model, json, binary, Options::default())?;
    let mut response = Response::new(Body::from(wanted.packed(reply.body)?));
    let headers = response.headers_mut();
    let media_type = if reply.json_bytes.is_some() {
        "application/octet-stream"
    } else {
        "application/json"
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Some(length) = reply.json_bytes {
        headers.insert(JSON_LENGTH, HeaderValue::from(length));
    }
    if let Some(name) = wanted.name() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
    }
    Ok((response, reply.n_rows))
}

/// The model of that name, or `name@alias`, ready to be asked.
async fn opened(
    api: &Api,
    caller: &Bearer,
    name: &str,
    version: Option<i64>,
) -> Result<std::sync::Arc<ServedModel>> {
    let (name, which) = match version {
        Some(version) => (name, Which::Version(version)),
        None => selected(name),
    };
    match api.models.find(&caller.owner, name, &which).await {
        Err(FindError::Absent) => Err(absent(name, &which)),
        found => Ok(found?),
    }
}

async fn metadata(api: &Api, caller: &Bearer, model: &ServedModel) -> Result<Json<Value>> {
    let name = &model.version().name;
    let versions = store::models::version_numbers(&api.app.store, &caller.owner, name).await?;
    let versions: Vec<String> = versions.iter().map(i64::to_string).collect();
    let ports = |ports: Vec<Port>| -> Vec<Value> { ports.iter().map(described).collect() };
    Ok(Json(json!({
        "name": name,
        "versions": versions,
        "platform": "descent",
        "inputs": ports(tensors::inputs(model)),
        "outputs": ports(tensors::outputs(model)),
    })))
}

/// A tensor; -1 stands for the rows.
fn described(port: &Port) -> Value {
    let dims = port.dims.iter().map(|&n| n as i64);
    let shape: Vec<i64> = [-1].into_iter().chain(dims).collect();
    json!({"name": port.name, "datatype": port.datatype.name(), "shape": shape})
}

/// Reads a body that says nothing, so that the connection can be used again.
async fn drained(api: &Api, request: Request) -> Result<()> {
    let (parts, body) = request.into_parts();
    input::read_or_drain(&parts.headers, body, api.app.config.bodies.json_bytes).await?;
    Ok(())
}
