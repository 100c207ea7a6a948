//! Times on the wire: RFC 3339 in UTC with milliseconds.

use chrono::{DateTime, SecondsFormat};

/// `2026-03-01T12:00:00.000Z` for milliseconds since the Unix epoch.
pub fn rfc3339(ms: i64) -> String {
    // Only a clock that is off by a quarter of a million years is outside of the range.
    DateTime::from_timestamp_millis(ms)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn milliseconds_are_always_written() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_772_366_400_005), "2026-03-01T12:00:00.005Z");
    }
}
