//! The API's documentation at `/docs/`. Everything it loads comes from this binary, so it works on a machine without a
//! network. It says nothing about anybody's data and needs no token; "Authorize" on the page takes one, which stays in the browser.

use std::sync::{Arc, LazyLock};

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::Config;

use super::error::{Error, Result};
use super::input::Path;

/// The page loads nothing from elsewhere and may be shown in nobody's frame. Swagger UI writes styles into the page.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

static SWAGGER: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").display_request_duration(true)));

/// The page's own links are relative to `/docs/`.
pub async fn to_docs() -> Redirect {
    Redirect::permanent("/docs/")
}

/// The documentation page.
pub async fn index() -> Result<Response> {
    file_named("index.html")
}

/// What the page loads.
pub async fn file(Path(name): Path<String>) -> Result<Response> {
    file_named(&name)
}

fn file_named(name: &str) -> Result<Response> {
    // The name is looked up among embedded files; no path of the disk is ever opened.
    let found = utoipa_swagger_ui::serve(name, Arc::clone(&SWAGGER)).map_err(Error::internal)?;
    let found = found.ok_or_else(|| Error::not_found("page", name))?;
    let packed = found.gzpipped;
    let mut response = page(found.content_type, found.bytes.into_owned());
    if packed {
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn page(content_type: String, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    (headers, bytes).into_response()
}
