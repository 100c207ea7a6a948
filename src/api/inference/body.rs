//! How a body is packed.

use std::io::{Read, Write};

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::api::error::{Error, Kind, Result};

/// The codings that the protocol's clients use. `deflate` is a zlib stream (RFC 9110 8.4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Deflate,
}

impl Coding {
    /// The coding of the request.
    pub(super) fn sent(headers: &HeaderMap) -> Result<Coding> {
        let Some(value) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(Coding::Identity);
        };
        let name = value.to_str().unwrap_or("").trim().to_ascii_lowercase();
        match &*name {
            "" | "identity" => Ok(Coding::Identity),
            "gzip" | "x-gzip" => Ok(Coding::Gzip),
            "deflate" => Ok(Coding::Deflate),
            other => {
                let detail = format!(
                    "Content-Encoding {other:?} is not read here; send gzip, deflate or none"
                );
                Err(Error::new(Kind::Malformed, "unknown_coding", detail))
            }
        }
    }

    /// The first coding of `Accept-Encoding` that is ours and not refused.
    pub(super) fn wanted(headers: &HeaderMap) -> Coding {
        let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let offers = lines.flat_map(|line| line.split(','));
        let coding = |offer: &str| {
            let mut parts = offer.split(';').map(str::trim);
            let coding = match parts.next()?.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => Coding::Gzip,
                "deflate" => Coding::Deflate,
                _ => return None,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
            (quality != Some(0.0)).then_some(coding)
        };
        offers
            .into_iter()
            .find_map(coding)
            .unwrap_or(Coding::Identity)
    }

    /// The value of `Content-Encoding`, where there is one.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Deflate => Some("deflate"),
        }
    }

    /// The body without the coding, of at most `limit_bytes`.
    pub(super) fn unpacked(self, body: Bytes, limit_bytes: u64) -> Result<Bytes> {
        let mut unpacked = Vec::new();
        let read = match self {
            Coding::Identity => return Ok(body),
            Coding::Gzip => MultiGzDecoder::new(&body[..])
                .take(limit_bytes + 1)
                .read_to_end(&mut unpacked),
            Coding::Deflate => ZlibDecoder::new(&body[..])
                .take(limit_bytes + 1)
                .read_to_end(&mut unpacked),
        };
        read.map_err(|error| {
            let detail = format!("the body is not what Content-Encoding says: {error}");
            Error::new(Kind::Malformed, "broken_coding", detail)
        })?;
        if unpacked.len() as u64 > limit_bytes {
            return Err(Error::too_large("the unpacked request body", limit_bytes));
        }
        Ok(unpacked.into())
    }

    /// A body in this coding.
    pub(super) fn packed(self, body: Vec<u8>) -> Result<Vec<u8>> {
        let packed = match self {
            Coding::Identity => return Ok(body),
            Coding::Gzip => {
                let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
                packer.write_all(&body).and_then(|()| packer.finish())
            }
            Coding::Deflate => {
                let mut packer = ZlibEncoder::new(Vec::new(), Compression::fast());
                packer.write_all(&body).and_then(|()| packer.finish())
            }
        };
        packed.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_body_comes_back_out_of_every_coding() {
        for coding in [Coding::Identity, Coding::Gzip, Coding::Deflate] {
            let body = b"tensor".repeat(1_000);
            let packed = Bytes::from(coding.packed(body.clone()).unwrap());
            assert_eq!(coding.unpacked(packed.clone(), 6_000).unwrap(), body);
            if coding != Coding::Identity {
                assert!(packed.len() < 100);
                let error = coding.unpacked(packed.clone(), 5_999).unwrap_err();
                assert_eq!(error.kind(), Kind::TooLarge);
                let cut = packed.slice(..packed.len() / 2);
                let error = coding.unpacked(cut, 6_000).unwrap_err();
                assert_eq!(error.kind(), Kind::Malformed);
            }
        }
    }

    #[test]
    fn the_first_coding_that_is_offered_is_taken() {
        for (offered, coding) in [
            ("gzip, deflate", Coding::Gzip),
            ("br, deflate;q=0.5", Coding::Deflate),
            ("gzip;q=0, identity", Coding::Identity),
            ("*", Coding::Identity),
        ] {
            let headers = HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(offered),
            )]);
            assert_eq!(Coding::wanted(&headers), coding, "{offered}");
        }
    }
}
