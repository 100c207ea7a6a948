//! The dashboard: static files that npm built into `web/dist` and that are part of this binary, so it needs no network and no
//! folder beside it. They speak only the public API and hold nothing of anybody's, so they need no token. A binary that was
//! built without them shows a page that says how to have them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{LazyLock, OnceLock};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::error::{Error, Result};
use super::etag;
use super::input::Path;
use crate::blobs::hex;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct Built;

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let built = Built::iter().filter_map(|name| Some((name.clone(), Built::get(&name)?.data)));
    Files::new(built)
});

/// Scripts, styles, fonts and data come from this server alone. Pictures may also be made by the page itself, and samples are
/// shown as `data:` URLs.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Names with a hash in them never change their content.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// To be asked for again, which costs a 304.
const ASK_AGAIN: &str = "no-cache";

const FRONT: &str = include_str!("front.html");

/// The dashboard, or the page that says how to build it.
pub async fn index(headers: HeaderMap) -> Response {
    match FILES.answer(&headers, "index.html", ASK_AGAIN) {
        Some(page) => page,
        None => without_dashboard(),
    }
}

/// The icon of its tab.
pub async fn icon(headers: HeaderMap) -> Result<Response> {
    let icon = FILES.answer(&headers, "icon.svg", ASK_AGAIN);
    icon.ok_or_else(|| Error::not_found("file", "icon.svg"))
}

/// What it loads.
pub async fn asset(headers: HeaderMap, Path(file): Path<String>) -> Result<Response> {
    // The name is looked up among embedded files; no path of the disk is ever opened.
    let asset = FILES.answer(&headers, &format!("assets/{file}"), FOREVER);
    asset.ok_or_else(|| Error::not_found("file", &file))
}

/// Whether this binary has the dashboard.
pub fn is_built() -> bool {
    FILES.0.contains_key("index.html")
}

fn without_dashboard() -> Response {
    static POLICY_OF_FRONT: LazyLock<String> = LazyLock::new(|| {
        let style = FRONT
            .split("<style>")
            .nth(1)
            .and_then(|rest| rest.split("</style>").next());
        let hash = BASE64.encode(Sha256::digest(style.unwrap_or("")));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY_OF_FRONT.as_str()),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, ASK_AGAIN),
    ];
    (headers, FRONT).into_response()
}

/// Files by name.
struct Files(BTreeMap<String, File>);

struct File {
    media_type: String,
    bytes: Bytes,
    /// Start of the hash of the bytes, for entity tags.
    hash: String,
    /// Compressed at the first request that takes it; `None` when that would save nothing.
    packed: OnceLock<Option<Bytes>>,
}

impl Files {
    fn new(files: impl Iterator<Item = (Cow<'static, str>, Cow<'static, [u8]>)>) -> Self {
        let files = files.map(|(name, bytes)| {
            let guess = mime_guess::from_path(&*name).first_or_octet_stream();
            let is_text = matches!(guess.type_(), mime_guess::mime::TEXT);
            let file = File {
                media_type: format!("{guess}{}", if is_text { "; charset=utf-8" } else { "" }),
                hash: hex(&Sha256::digest(&bytes)[..16]),
                bytes: match bytes {
                    Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                    Cow::Owned(bytes) => bytes.into(),
                },
                packed: OnceLock::new(),
            };
            (name.into_owned(), file)
        });
        Files(files.collect())
    }

    /// The file as this client takes it, or that it has it already; `None` when there is no such file.
    fn answer(&self, headers: &HeaderMap, name: &str, caching: &'static str) -> Option<Response> {
        let file = self.0.get(name)?;
        let packed = takes_gzip(headers).then(|| file.packed()).flatten();
        let tag = match packed {
            Some(_) => etag::tag(format_args!("{}-gzip", file.hash)),
            None => etag::tag(&file.hash),
        };
        let shared = [
            (header::ETAG, etag::value(&tag)),
            (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if etag::is_known(headers, &tag) {
            return Some((StatusCode::NOT_MODIFIED, shared).into_response());
        }
        let own = [
            (header::CONTENT_TYPE, file.media_type.as_str()),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        let mut response = (shared, own, packed.unwrap_or(&file.bytes).clone()).into_response();
        if packed.is_some() {
            let gzip = HeaderValue::from_static("gzip");
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, gzip);
        }
        Some(response)
    }
}

impl File {
    fn packed(&self) -> Option<&Bytes> {
        let packed = self.packed.get_or_init(|| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
            // Memory takes every byte; were it otherwise, the file would go as it is.
            let packed = gzip
                .write_all(&self.bytes)
                .and_then(|()| gzip.finish())
                .ok()?;
            (packed.len() < self.bytes.len()).then(|| packed.into())
        });
        packed.as_ref()
    }
}

/// `gzip` among the encodings that a client takes, and not with a weight of nothing.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(weight, Some(Ok(weight)) if weight <= 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let script = "export const greeting = 'hello';\n"
            .repeat(100)
            .into_bytes();
        let files: [(&str, Vec<u8>); 3] = [
            ("index.html", b"<!doctype html>".to_vec()),
            ("assets/app-1a2b.js", script),
            ("assets/font-3c4d.woff2", (0..=255).collect()),
        ];
        Files::new(
            files
                .into_iter()
                .map(|(name, bytes)| (name.into(), bytes.into())),
        )
    }

    fn headers(lines: &[(header::HeaderName, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect()
    }

    async fn body(response: Response) -> Vec<u8> {
        axum::body::to_bytes(response.into_body(), usize::MAX)
            .await
            .unwrap()
            .to_vec()
    }

    #[tokio::test]
    async fn a_file_comes_packed_to_whoever_takes_that() {
        let files = files();
        let name = "assets/app-1a2b.js";
        let plain = files.answer(&HeaderMap::new(), name, FOREVER).unwrap();
        let gzip = headers(&[(header::ACCEPT_ENCODING, "br, gzip;q=0.8")]);
        let packed = files.answer(&gzip, name, FOREVER).unwrap();
        for response in [&plain, &packed] {
            let headers = response.headers();
            assert_eq!(
                headers[header::CONTENT_TYPE],
                "text/javascript; charset=utf-8"
            );
            assert_eq!(headers[header::CACHE_CONTROL], FOREVER);
            assert_eq!(headers[header::VARY], "accept-encoding");
            assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY);
        }
        assert_eq!(packed.headers()[header::CONTENT_ENCODING], "gzip");
        assert_ne!(
            packed.headers()[header::ETAG],
            plain.headers()[header::ETAG]
        );
        let (plain, packed) = (body(plain).await, body(packed).await);
        assert!(packed.len() * 10 < plain.len());
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(
            &mut flate2::read::GzDecoder::new(&packed[..]),
            &mut unpacked,
        )
        .unwrap();
        assert_eq!(unpacked, plain);
        for refused in ["gzip;q=0", "br", "identity, gzip;q=0.0"] {
            let answer = files.answer(
                &headers(&[(header::ACCEPT_ENCODING, refused)]),
                name,
                FOREVER,
            );
            assert!(
                answer
                    .unwrap()
                    .headers()
                    .get(header::CONTENT_ENCODING)
                    .is_none(),
                "{refused}"
            );
        }
        // Nothing is gained by packing what does not shrink.
        let font = files
            .answer(&gzip, "assets/font-3c4d.woff2", FOREVER)
            .unwrap();
        assert!(font.headers().get(header::CONTENT_ENCODING).is_none());
        assert_eq!(font.headers()[header::CONTENT_TYPE], "font/woff2");
    }

    #[tokio::test]
    async fn what_a_browser_has_is_not_sent_again() {
        let files = files();
        for encoding in ["identity", "gzip"] {
            let asked = headers(&[(header::ACCEPT_ENCODING, encoding)]);
            let first = files.answer(&asked, "index.html", ASK_AGAIN).unwrap();
            let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
            let again = headers(&[
                (header::ACCEPT_ENCODING, encoding),
                (header::IF_NONE_MATCH, &tag),
            ]);
            let known = files.answer(&again, "index.html", ASK_AGAIN).unwrap();
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
            assert_eq!(known.headers()[header::ETAG], tag.as_str());
            assert_eq!(known.headers()[header::CACHE_CONTROL], ASK_AGAIN);
            assert!(body(known).await.is_empty());
        }
        let other = headers(&[(header::IF_NONE_MATCH, "\"0\"")]);
        assert_eq!(
            files
                .answer(&other, "index.html", ASK_AGAIN)
                .unwrap()
                .status(),
            StatusCode::OK
        );
        assert!(
            files
                .answer(&other, "assets/../index.html", FOREVER)
                .is_none()
        );
        assert!(files.answer(&other, "index.htm", FOREVER).is_none());
    }

    #[tokio::test]
    async fn the_page_without_a_dashboard_may_use_its_own_style_and_nothing_else() {
        let page = without_dashboard();
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-"),
            "{policy}"
        );
        let text = String::from_utf8(body(page).await).unwrap();
        assert_eq!(text.matches("<style>").count(), 1);
        assert!(!text.contains("<script") && !text.contains(" style="));
        assert!(text.contains("make dashboard"));
    }
}
