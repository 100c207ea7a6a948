//! Decimal numbers as data files write them: `-12`, `3.5`, `.5`, `5.`, `1e-3`, `+7`. No thousands separators, no hex, no
//! infinities.

/// A number read from the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scanned {
    /// The nearest double, ties to even.
    pub value: f64,
    /// How many bytes it took.
    pub len: usize,
    /// Whether it was written without a decimal point and without an exponent.
    pub integer: bool,
}

/// Whether networks, which compute with singles, can take a number: not NaN, not infinite, at most 3.4e38.
pub(crate) fn is_single(number: f64) -> bool {
    (number as f32).is_finite()
}

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads the longest decimal number at the start of `bytes`, or `None` when there is none or it overflows a double.
///
/// With at most 15 digits and an exponent within 22, mantissa and power of ten are exact doubles, so one division or
/// multiplication rounds correctly (Clinger 1990). Everything else goes to the standard library's parser.
#[inline]
pub(super) fn scan(bytes: &[u8]) -> Option<Scanned> {
    let negative = matches!(bytes.first(), Some(b'-'));
    let start = usize::from(negative || matches!(bytes.first(), Some(b'+')));
    let mut at = start;
    let mut mantissa = 0u64;
    while let Some(digit) = digit_at(bytes, at) {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
        at += 1;
    }
    let mut n_digits = at - start;
    let mut n_decimals = 0;
    let mut integer = true;
    if bytes.get(at) == Some(&b'.') {
        integer = false;
        at += 1;
        let first_decimal = at;
        while let Some(digit) = digit_at(bytes, at) {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit);
            at += 1;
        }
        n_decimals = at - first_decimal;
        n_digits += n_decimals;
    }
    if n_digits == 0 {
        return None;
    }
    let has_exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
    if has_exponent || n_digits > 15 {
        return scan_slowly(bytes, at, integer);
    }
    // n_decimals <= n_digits <= 15 here, so the table lookup cannot fail.
    let magnitude = mantissa as f64 / EXACT_POWERS[n_decimals];
    let value = if negative { -magnitude } else { magnitude };
    Some(Scanned {
        value,
        len: at,
        integer,
    })
}

#[inline]
fn digit_at(bytes: &[u8], at: usize) -> Option<u64> {
    let digit = bytes.get(at)?.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Long mantissas and exponents; `at` is the first byte after the digits.
#[cold]
fn scan_slowly(bytes: &[u8], mut at: usize, mut integer: bool) -> Option<Scanned> {
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'-' | b'+')));
        let mut end = at + 1 + sign;
        while digit_at(bytes, end).is_some() {
            end += 1;
        }
        if end == at + 1 + sign {
            return None;
        }
        at = end;
        integer = false;
    }
    let value: f64 = std::str::from_utf8(&bytes[..at]).ok()?.parse().ok()?;
    value.is_finite().then_some(Scanned {
        value,
        len: at,
        integer,
    })
}

/// The number that `text` is, if it is one from its first to its last byte.
pub(super) fn parse(text: &str) -> Option<Scanned> {
    scan(text.as_bytes()).filter(|scanned| scanned.len == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_a_number_and_what_is_not() {
        for (text, value, integer) in [
            ("0", 0.0, true),
            ("-12", -12.0, true),
            ("+7", 7.0, true),
            ("3.5", 3.5, false),
            (".5", 0.5, false),
            ("5.", 5.0, false),
            ("1e-3", 1e-3, false),
            ("1E+3", 1e3, false),
            ("123456789012345678", 123456789012345678.0, true),
            ("0.12345678901234567", 0.12345678901234567, false),
        ] {
            assert_eq!(
                parse(text).map(|s| (s.value, s.integer)),
                Some((value, integer)),
                "{text}"
            );
        }
        for text in [
            "", "-", "+", ".", "-.", "e5", "1e", "1e+", "1,000", "0x10", "inf", "nan", "1e999",
            "1 2", "--1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_agrees_with_the_standard_parser(text in "[-+]?[0-9]{0,18}(\\.[0-9]{0,9})?([eE][-+]?[0-9]{1,2})?") {
            let ours = parse(&text).map(|s| s.value.to_bits());
            let theirs = text.parse::<f64>().ok().map(f64::to_bits);
            prop_assert_eq!(ours, theirs);
        }
    }
}
