//! Dates and date-times in ISO 8601 order. Day-month-year orders are not guessed: `01/02/2024` is two different days.

use chrono::{DateTime, NaiveDate};

/// Seconds since 1970-01-01T00:00:00Z of `text`, which is `2024-01`, `2024-01-31` (also with `/` or `.` between) or a
/// date followed by `T` or a space and `HH:MM[:SS[.fff]]`, then nothing, `Z` or `+HH:MM`. Without an offset the time is
/// taken as UTC.
pub(super) fn parse(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    if bytes.len() < 7 || bytes.len() > 35 || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let separator = bytes[4];
    if !matches!(separator, b'-' | b'/' | b'.') {
        return None;
    }
    let year = number(&bytes[..4])?;
    let month = number(&bytes[5..7])?;
    if bytes.len() == 7 {
        // `2024.01` is far more often a number than a month.
        return if separator == b'.' {
            None
        } else {
            midnight(year, month, 1)
        };
    }
    if bytes[7] != separator || bytes.len() < 10 {
        return None;
    }
    let day = midnight(year, month, number(&bytes[8..10])?)?;
    if bytes.len() == 10 {
        return Some(day);
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    Some(day + time_of_day(&bytes[11..])?)
}

/// The moment in RFC 3339, in UTC.
pub(super) fn display(seconds: f64) -> Option<String> {
    let whole = seconds.floor();
    let nanoseconds = ((seconds - whole) * 1e9) as u32;
    let moment = DateTime::from_timestamp(whole as i64, nanoseconds)?;
    Some(moment.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
}

fn midnight(year: u32, month: u32, day: u32) -> Option<f64> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp() as f64)
}

/// Seconds after midnight UTC of `HH:MM[:SS[.fff]]` with an optional offset.
fn time_of_day(bytes: &[u8]) -> Option<f64> {
    if bytes.len() < 5 || bytes[2] != b':' {
        return None;
    }
    let (hour, minute) = (number(&bytes[..2])?, number(&bytes[3..5])?);
    let (mut second, mut rest) = (0.0, &bytes[5..]);
    if rest.first() == Some(&b':') {
        let mut end = 1;
        while end < rest.len() && (rest[end].is_ascii_digit() || rest[end] == b'.') {
            end += 1;
        }
        if end < 3 || !rest[1..3].iter().all(u8::is_ascii_digit) {
            return None;
        }
        second = std::str::from_utf8(&rest[1..end])
            .ok()?
            .parse::<f64>()
            .ok()?;
        rest = &rest[end..];
    }
    if hour > 23 || minute > 59 || second >= 61.0 {
        return None;
    }
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0.0,
        [sign @ (b'+' | b'-'), digits @ ..] => {
            let (hours, minutes) = match digits {
                [a, b] => (number(&[*a, *b])?, 0),
                [a, b, b':', c, d] | [a, b, c, d] => (number(&[*a, *b])?, number(&[*c, *d])?),
                _ => return None,
            };
            let seconds = f64::from(hours * 3600 + minutes * 60);
            if *sign == b'+' { seconds } else { -seconds }
        }
        _ => return None,
    };
    Some(f64::from(hour * 3600 + minute * 60) + second - offset)
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, d| {
        d.is_ascii_digit().then(|| sum * 10 + u32::from(d - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_are_dates() {
        for (text, seconds) in [
            ("1970-01-01", 0.0),
            ("1970-02", 2_678_400.0),
            ("1970/01/02", 86_400.0),
            ("1970-01-01T01:00", 3_600.0),
            ("1970-01-01 00:00:01.5", 1.5),
            ("1970-01-01T00:00:00Z", 0.0),
            ("1970-01-01T09:00:00+09:00", 0.0),
            ("1969-12-31T23:00:00-0100", 0.0),
            ("2024-02-29", 1_709_164_800.0),
        ] {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn forms_that_are_not() {
        for text in [
            "",
            "2024",
            "2024-13",
            "2023-02-29",
            "01/02/2024",
            "2024-01-01T25:00",
            "2024.01",
            "2024-01/01",
            "서울-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn shown_in_utc() {
        assert_eq!(display(1.5).as_deref(), Some("1970-01-01T00:00:01.500Z"));
        assert_eq!(display(-1.0).as_deref(), Some("1969-12-31T23:59:59Z"));
    }
}
