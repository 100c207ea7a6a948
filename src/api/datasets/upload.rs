//! `POST /v1/datasets`: the body is the file itself, or a form with one file or with the arrays of one dataset. Never held whole.

use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use http_body_util::BodyExt;
use serde::Deserialize;

use super::intake::Intake;
use super::wire::{Dataset, LayoutName};
use crate::api::Api;
use crate::api::auth::Bearer;
use crate::api::error::{Error, Kind, Result};
use crate::api::idempotency::{self, Once, Stored};
use crate::api::input::{self, Query, broken_body, check_name};
use crate::blobs::Staged;
use crate::data::{Hint, Ingested, Limits};
use crate::ids::DatasetId;
use crate::store::{self, Json, StoreError, datasets as rows, usage};

/// What a raw body may call itself.
const RAW: [&str; 9] = [
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
    "application/csv",
    "application/gzip",
    "application/x-gzip",
    "application/octet-stream",
    "application/zip",
    "application/x-npy",
];

/// Parts of a form that together are one dataset of arrays.
const ARRAYS: [&str; 6] = [
    "images",
    "labels",
    "validation_images",
    "validation_labels",
    "test_images",
    "test_labels",
];

/// After a refusal this much of the rest is read and thrown away, so that a client that only listens after it has sent
/// everything still hears why.
const DRAIN_BYTES: u64 = 64 << 20;

/// What an upload may say in its query.
#[derive(Debug, Deserialize)]
pub struct UploadQuery {
    name: Option<String>,
    layout: Option<LayoutName>,
}

/// Upload a table, arrays or pictures
///
/// The body is the file itself or `multipart/form-data` with one file part. What it holds is found out, and the profile says
/// why; the file is durable when the answer comes.
///
/// - A table: CSV, TSV, `;` or `|` separated, plain or gzip.
/// - Arrays: IDX (the format of MNIST) and NPY, plain or gzip, and NPZ with `x` and `y`, or `x_train`, `y_train`, `x_test` and
///   `y_test`. They become the columns `image` (or `vector`, `sequence`), `label` where there are labels, and `split` where
///   there are several parts.
/// - Several files of arrays as one dataset: a form with the parts `images` and `labels`, and, if there is a test part,
///   `test_images` and `test_labels` (`validation_images`, `validation_labels`). They are stored as one ZIP archive.
/// - Pictures: a ZIP archive of PNG, JPEG or BMP files of one size, each in a folder named by its class, these perhaps in
///   folders `train`, `validation` and `test`.
#[utoipa::path(post, path = "", operation_id = "datasets_upload", tag = "datasets",
    params(("name" = Option<String>, Query, description = "For people; default: the name of the file, or `dataset`", min_length = 1, max_length = 200),
        ("layout" = Option<LayoutName>, Query, description = "What the dimensions of arrays mean, default `channels_last`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat the request safely: the answer of the first is given again", min_length = 1, max_length = 255, pattern = "^[!-~]+$")),
    request_body(description = "The file", content(
        (String = "text/csv", example = json!("length,kind\n5.1,setosa\n6.3,virginica\n")),
        (UploadForm = "multipart/form-data"))),
    responses(
        (status = 201, description = "The dataset is durable", body = Dataset, headers(("Location" = String, description = "Where it is."), ("ETag" = Option<String>, description = "For PATCH."))),
        (status = 409, description = "A request with this Idempotency-Key is still being worked on"),
        (status = 507, description = "Above the quota, or too little free space")))]
pub async fn upload(
    State(api): State<Api>,
    caller: Bearer,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response<Body>> {
    let once = api.running.begin(&caller.owner, request.headers())?;
    let kind = input::media_type(request.headers());
    let declared = input::declared_length(request.headers()).unwrap_or(0);
    input::check_declared_length(request.headers(), api.app.config.bodies.upload_bytes)?;
    check_room(&api, &caller.owner, declared).await?;
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let (file, given) = match kind.as_deref() {
        Some("multipart/form-data") => from_form(&api, request, query.layout).await?,
        Some(kind) if RAW.contains(&kind) => (from_body(&api, request, query.layout).await?, None),
        other => {
            return Err(Error::unsupported_media_type(
                other,
                &[&RAW[..], &["multipart/form-data"]].concat(),
            ));
        }
    };
    let name = name_of(query.name.or(given))?;
    insert(&api, &caller, once, (&method, &uri), name, file).await
}

/// The form of a multipart upload.
#[derive(utoipa::ToSchema)]
#[allow(
    dead_code,
    reason = "it documents the form; the parts are read one by one"
)]
pub struct UploadForm {
    /// The file, if it is one.
    #[schema(value_type = Option<String>, format = Binary)]
    file: Option<Vec<u8>>,
    /// The array of samples, if the dataset comes in several files.
    #[schema(value_type = Option<String>, format = Binary)]
    images: Option<Vec<u8>>,
    /// The array of their labels.
    #[schema(value_type = Option<String>, format = Binary)]
    labels: Option<Vec<u8>>,
    /// The array of samples that validate.
    #[schema(value_type = Option<String>, format = Binary)]
    validation_images: Option<Vec<u8>>,
    /// The array of their labels.
    #[schema(value_type = Option<String>, format = Binary)]
    validation_labels: Option<Vec<u8>>,
    /// The array of samples that test.
    #[schema(value_type = Option<String>, format = Binary)]
    test_images: Option<Vec<u8>>,
    /// The array of their labels.
    #[schema(value_type = Option<String>, format = Binary)]
    test_labels: Option<Vec<u8>>,
}

type File = (Staged, Ingested);

async fn from_body(api: &Api, request: Request, layout: Option<LayoutName>) -> Result<File> {
    let (parts, mut body) = request.into_parts();
    let mut intake = begin(api, &parts.headers, layout)?;
    while let Some(frame) = body.frame().await {
        let pushed = match frame {
            Ok(frame) => match frame.into_data() {
                Ok(piece) => intake.push(piece).await,
                Err(_trailers) => continue,
            },
            Err(error) => Err(broken_body(&error)),
        };
        match pushed {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                intake.abandon().await;
                drain(body).await;
                return Err(error);
            }
        }
    }
    let finished = intake.finish().await;
    if finished.is_err() {
        drain(body).await;
    }
    finished
}

async fn from_form(
    api: &Api,
    mut request: Request,
    layout: Option<LayoutName>,
) -> Result<(File, Option<String>)> {
    // The parts are counted as they come; axum's own limit is made for forms that are held in memory.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| broken_form(&error.body_text()))?;
    let (mut file, mut given) = (None, None);
    let mut arrays: Option<Arrays> = None;
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|error| broken_form(&error.body_text()))?
    {
        let role = part
            .name()
            .and_then(|name| ARRAYS.iter().find(|role| **role == name));
        if part.file_name().is_none() && part.name() != Some("file") && role.is_none() {
            let detail = format!(
                "the form has a part {:?}; one part with a file is wanted, or {}",
                part.name().unwrap_or(""),
                ARRAYS.join(", ")
            );
            return Err(Error::new(Kind::Unprocessable, "unknown_part", detail));
        }
        if file.is_some() || (arrays.is_some() && role.is_none()) {
            let detail = "the form has two files; upload them one by one, or name the parts images and labels if they are the arrays of one dataset";
            return Err(Error::new(Kind::Unprocessable, "two_files", detail));
        }
        match role {
            None => {
                given = part.file_name().map(str::to_owned);
                file = Some(from_part(api, part, layout).await?);
            }
            Some(role) => {
                let begun = match arrays.take() {
                    Some(begun) => begun,
                    None => Arrays {
                        intake: begin(api, part.headers(), layout)?,
                        seen: Vec::new(),
                    },
                };
                arrays = Some(begun.with(role, part).await?);
            }
        }
    }
    if let Some(arrays) = arrays {
        return Ok((arrays.intake.finish().await?, given));
    }
    let file = file.ok_or_else(|| {
        Error::new(
            Kind::Unprocessable,
            "no_file",
            "the form has no part with a file",
        )
    })?;
    Ok((file, given))
}

/// The arrays of a form on their way into one archive.
struct Arrays {
    intake: Intake,
    seen: Vec<&'static str>,
}

impl Arrays {
    /// Takes the next part.
    async fn with(mut self, role: &'static str, mut part: Field<'_>) -> Result<Self> {
        if self.seen.contains(&role) {
            self.intake.abandon().await;
            let detail = format!("the form has two parts {role:?}");
            return Err(Error::new(Kind::Unprocessable, "two_files", detail));
        }
        self.seen.push(role);
        let taken = match self.intake.begin_member(&member_name(role, &part)).await {
            Ok(_) => fill(&mut self.intake, &mut part).await,
            Err(error) => Err(error),
        };
        let ended = match taken {
            Ok(()) => self.intake.end_member().await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(_) => Ok(self),
            Err(error) => {
                self.intake.abandon().await;
                Err(error)
            }
        }
    }
}

/// The part's name with the last ending of the file's, so that the archive's members open with a click.
fn member_name(role: &str, part: &Field<'_>) -> String {
    let ending = part.file_name().and_then(|name| name.rsplit_once('.'));
    match ending {
        Some((_, ending))
            if ending.len() <= 5 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            format!("{role}.{ending}")
        }
        _ => role.to_owned(),
    }
}

/// Passes the bytes of a part on, until no more are wanted.
async fn fill(intake: &mut Intake, part: &mut Field<'_>) -> Result<()> {
    loop {
        match part.chunk().await {
            Ok(Some(piece)) => {
                if !intake.push(piece).await? {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => return Err(broken_form(&error.body_text())),
        }
    }
}

async fn from_part(api: &Api, mut part: Field<'_>, layout: Option<LayoutName>) -> Result<File> {
    let mut intake = begin(api, part.headers(), layout)?;
    if let Err(error) = fill(&mut intake, &mut part).await {
        intake.abandon().await;
        return Err(error);
    }
    intake.finish().await
}

fn begin(api: &Api, headers: &HeaderMap, layout: Option<LayoutName>) -> Result<Intake> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.as_bytes().to_ascii_lowercase());
    if encoding.is_some_and(|encoding| encoding != b"gzip" && encoding != b"identity") {
        return Err(Error::new(
            Kind::UnsupportedMediaType,
            "unsupported_content_encoding",
            "only gzip and identity are read as Content-Encoding",
        ));
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let limits = limits(api);
    Ok(Intake::begin(
        api.app.blobs.clone(),
        limits,
        Hint {
            layout: layout.map(Into::into),
            ..Hint::from_content_type(content_type)
        },
        api.app.config.bodies.upload_bytes,
    ))
}

/// The bounds of a table, as configured.
pub fn limits(api: &Api) -> Limits {
    let data = &api.app.config.data;
    Limits {
        max_columns: data.max_columns,
        max_field_bytes: data.max_field_bytes,
        max_unpack_ratio: data.max_unpack_ratio,
        ..Limits::default()
    }
}

/// 507 before a byte is read when the declared size cannot fit.
async fn check_room(api: &Api, owner: &str, more_bytes: u64) -> Result<()> {
    let (quota, usage) = (
        &api.app.config.quota,
        usage::of(&api.app.store, owner).await?,
    );
    let held = u64::try_from(usage.dataset_bytes).unwrap_or(0);
    if held.saturating_add(more_bytes) > quota.owner_bytes {
        let detail = format!(
            "{held} bytes of datasets are held and {more_bytes} more would be above the quota of {}",
            quota.owner_bytes
        );
        return Err(Error::new(
            Kind::InsufficientStorage,
            "quota_exceeded",
            detail,
        ));
    }
    if u64::try_from(usage.n_datasets).unwrap_or(0) >= quota.owner_datasets {
        let detail = format!(
            "there are {} datasets, which is the quota; delete some",
            usage.n_datasets
        );
        return Err(Error::new(
            Kind::InsufficientStorage,
            "quota_exceeded",
            detail,
        ));
    }
    Ok(api.app.blobs.check_space(more_bytes)?)
}

async fn insert(
    api: &Api,
    caller: &Bearer,
    once: Option<Once>,
    (method, uri): (&Method, &Uri),
    name: String,
    (staged, ingested): File,
) -> Result<Response<Body>> {
    let fingerprint = idempotency::fingerprint(method, uri, staged.sha256().as_bytes());
    if let Some(once) = &once
        && let Some(answer) = once.replay(&api.app.store, &fingerprint).await?
    {
        return Ok(answer);
    }
    // The size may not have been declared.
    check_room(
        api,
        &caller.owner,
        u64::try_from(staged.size_bytes()).unwrap_or(0),
    )
    .await?;
    let now_ms = api.app.clock.now_ms();
    let row = rows::Dataset {
        id: DatasetId(api.app.ids.next()?),
        owner: caller.owner.clone(),
        name,
        sha256: staged.sha256().to_owned(),
        size_bytes: staged.size_bytes(),
        format: Json::of(&ingested.format)?,
        n_rows: i64::try_from(ingested.n_rows).unwrap_or(i64::MAX),
        n_columns: i64::try_from(ingested.columns.len()).unwrap_or(i64::MAX),
        schema: Json::of(&ingested.schema())?,
        profile: Json::of(&ingested)?,
        version: 1,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    let answered = stored(&row)?;
    let remember = once.as_ref().map(|once| {
        let answered = answered.clone();
        once.remember::<rows::Dataset>(fingerprint, move |_| answered)
    });
    let written = api.app.store.write(move |tx| {
        Box::pin(async move {
            staged.record(tx).await?;
            rows::insert(tx, &row).await?;
            if let Some(remember) = remember {
                store::idempotency::remember(tx, remember, &row, now_ms).await?;
            }
            Ok::<_, StoreError>(())
        })
    });
    written.await?;
    idempotency::answer(answered)
}

fn stored(row: &rows::Dataset) -> Result<Stored> {
    let body = serde_json::to_vec(&Dataset::of(row)?).map_err(Error::internal)?;
    Ok((
        StatusCode::CREATED,
        Some(format!("/v1/datasets/{}", row.id)),
        body,
    ))
}

/// What was asked for, or the file's name without its folder, or `dataset`.
fn name_of(wanted: Option<String>) -> Result<String> {
    let Some(wanted) = wanted else {
        return Ok("dataset".to_owned());
    };
    let name = wanted
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or("")
        .trim()
        .to_owned();
    check_name("?name", &name)?;
    Ok(name)
}

fn broken_form(detail: &str) -> Error {
    Error::new(
        Kind::Malformed,
        "invalid_form",
        format!("the multipart form cannot be read: {detail}"),
    )
}

async fn drain(mut body: Body) {
    let mut n_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        n_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if n_bytes > DRAIN_BYTES {
            return;
        }
    }
}
