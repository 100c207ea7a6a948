//! Everything that is not UTF-8 is refused, with a guess at what it is so that its owner knows what to convert from.

use super::DataError;

/// The UTF-8 byte order mark.
pub(super) const UTF8_MARK: &[u8] = &[0xEF, 0xBB, 0xBF];

/// Refuses text that shows in its first bytes that it is UTF-16 or UTF-32.
///
/// # Errors
/// `unsupported_encoding`
pub(super) fn check_head(head: &[u8]) -> Result<(), DataError> {
    let named = match head {
        [0xFF, 0xFE, 0, 0, ..] => Some("utf-32le"),
        [0, 0, 0xFE, 0xFF, ..] => Some("utf-32be"),
        [0xFF, 0xFE, ..] => Some("utf-16le"),
        [0xFE, 0xFF, ..] => Some("utf-16be"),
        _ => utf16_without_mark(head),
    };
    match named {
        Some(name) => Err(refusal(name, 0)),
        None => Ok(()),
    }
}

/// Latin text in UTF-16 has a NUL in every other byte.
fn utf16_without_mark(head: &[u8]) -> Option<&'static str> {
    let sample = &head[..head.len().min(512) & !1];
    if sample.len() < 4 {
        return None;
    }
    let zeros = |parity: usize| {
        sample
            .iter()
            .skip(parity)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let half = sample.len() / 2;
    match (zeros(0), zeros(1)) {
        (0, odd) if odd * 10 >= half * 8 => Some("utf-16le"),
        (even, 0) if even * 10 >= half * 8 => Some("utf-16be"),
        _ => None,
    }
}

/// The error for text that stops being UTF-8 at `bad`, an index into `text`, whose first byte is at `offset` of the file.
pub(super) fn not_utf8(text: &[u8], bad: usize, offset: u64) -> DataError {
    let end = text.len().min(bad + 4096);
    refusal(guess(&text[bad..end]), offset + bad as u64)
}

fn refusal(name: &str, offset: u64) -> DataError {
    DataError::new(
        "unsupported_encoding",
        format!(
            "the file is not UTF-8 from byte {offset} on; it looks like {name}. Convert it first, e.g. `iconv -f {name} -t utf-8`"
        ),
    )
    .at_byte(offset)
}

/// Names the encoding that the bytes above 0x7F look like.
fn guess(bytes: &[u8]) -> &'static str {
    let (mut hangul, mut extended, mut pairs, mut alone, mut c1) = (0u32, 0u32, 0u32, 0u32, 0u32);
    let mut at = 0;
    while at < bytes.len() {
        let lead = bytes[at];
        at += 1;
        if lead < 0x80 {
            continue;
        }
        let trail = bytes.get(at).copied().unwrap_or(0);
        match trail {
            0xA1..=0xFE if lead >= 0xA1 => {
                pairs += 1;
                hangul += u32::from((0xB0..=0xC8).contains(&lead));
                at += 1;
            }
            0x41..=0x5A | 0x61..=0x7A | 0x81..=0xFE if lead >= 0x81 && trail >= 0x80 => {
                extended += 1;
                at += 1;
            }
            _ => {
                alone += 1;
                c1 += u32::from(lead < 0xA0);
            }
        }
    }
    if alone > pairs + extended {
        return if c1 > 0 { "windows-1252" } else { "latin-1" };
    }
    match (pairs, hangul, extended) {
        (pairs, hangul, 0) if hangul * 10 >= pairs * 7 => "euc-kr",
        (pairs, hangul, _) if hangul * 2 >= pairs => "cp949",
        (_, _, 0) => "gb2312",
        _ => "gbk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_named() {
        let korean = [
            0xB1, 0xE2, 0xB0, 0xA3, b',', 0xC2, 0xF7, 0xC1, 0xBE, 0xBA, 0xB0,
        ];
        assert_eq!(guess(&korean), "euc-kr");
        let extended = [0x8C, 0x63, 0xB9, 0xE6, 0xB0, 0xA2, 0xC7, 0xCF, 0x98, 0xD0];
        assert_eq!(guess(&extended), "cp949");
        assert_eq!(guess(b"caf\xE9,na\xEFve"), "latin-1");
        assert_eq!(guess(b"\x93quoted\x94 it\x92s"), "windows-1252");
    }

    #[test]
    fn utf16_is_seen_with_and_without_its_mark() {
        let little: Vec<u8> = "a,b\n1,2\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(check_head(&little).is_err_and(|e| e.message.contains("utf-16le")));
        let mut marked = vec![0xFE, 0xFF];
        marked.extend("a,b\n1,2\n".encode_utf16().flat_map(u16::to_be_bytes));
        assert!(check_head(&marked).is_err_and(|e| e.message.contains("utf-16be")));
        assert!(check_head("기간,차종별\n".as_bytes()).is_ok());
    }
}
