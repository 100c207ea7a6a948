//! NDJSON: one JSON row per line. A bad line gets an error in its place, and the next line is read as if nothing had happened.

use super::error::PredictError;
use super::json;
use super::scoring::Scoring;

/// Bytes of one line.
const MAX_LINE_BYTES: usize = 8 << 20;

/// Reads the whole lines at the start of `bytes`, all of it when nothing follows, and answers how many bytes it took. Empty lines
/// are passed over.
///
/// # Errors
/// When a line or the answer is too long.
pub(super) fn read(
    scoring: &mut Scoring<'_>,
    bytes: &[u8],
    last: bool,
) -> Result<usize, PredictError> {
    let end = match memchr::memrchr(b'\n', bytes) {
        _ if last => bytes.len(),
        Some(at) => at + 1,
        None if bytes.len() > MAX_LINE_BYTES => {
            let message = format!(
                "line {} is longer than {MAX_LINE_BYTES} bytes",
                scoring.line + 1
            );
            return Err(PredictError::TooLarge {
                message,
                limit: MAX_LINE_BYTES as u64,
            });
        }
        None => return Ok(0),
    };
    let mut rest = &bytes[..end];
    while !rest.is_empty() {
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &rest[rest.len()..]),
        };
        rest = after;
        scoring.line += 1;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        match json::read_row(scoring, line) {
            Err(PredictError::Refused(fault)) => scoring.answer_fault(&fault)?,
            other => other?,
        }
    }
    Ok(end)
}
