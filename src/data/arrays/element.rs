//! The type of the numbers in a file of arrays, and how its bytes become numbers.

use serde::{Deserialize, Serialize};

/// The type of the numbers in a file, by its name in NumPy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ElementType {
    /// One byte, 0 or 1.
    Bool,
    /// 0 to 255: the pixels of most pictures.
    UInt8,
    /// -128 to 127.
    Int8,
    /// 0 to 65,535.
    UInt16,
    /// -32,768 to 32,767.
    Int16,
    /// 32 bits without a sign.
    UInt32,
    /// 32 bits with a sign.
    Int32,
    /// 64 bits without a sign; exact up to 2^53.
    UInt64,
    /// 64 bits with a sign; exact up to 2^53.
    Int64,
    /// IEEE 754 binary16.
    Float16,
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
}

impl ElementType {
    /// Bytes of one number.
    pub fn n_bytes(self) -> usize {
        match self {
            Self::Bool | Self::UInt8 | Self::Int8 => 1,
            Self::UInt16 | Self::Int16 | Self::Float16 => 2,
            Self::UInt32 | Self::Int32 | Self::Float32 => 4,
            Self::UInt64 | Self::Int64 | Self::Float64 => 8,
        }
    }

    /// Whether it holds whole numbers only.
    pub fn is_whole(self) -> bool {
        !matches!(self, Self::Float16 | Self::Float32 | Self::Float64)
    }

    /// The name used in JSON and by NumPy.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::UInt8 => "uint8",
            Self::Int8 => "int8",
            Self::UInt16 => "uint16",
            Self::Int16 => "int16",
            Self::UInt32 => "uint32",
            Self::Int32 => "int32",
            Self::UInt64 => "uint64",
            Self::Int64 => "int64",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A type with the order of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element {
    pub kind: ElementType,
    pub big_endian: bool,
}

impl Element {
    /// Appends the numbers that `bytes` hold; a number cut off at the end is left out.
    pub(super) fn read(self, bytes: &[u8], out: &mut Vec<f64>) {
        macro_rules! numbers {
            ($kind:ty, $width:literal) => {{
                let (chunks, _) = bytes.as_chunks::<$width>();
                if self.big_endian {
                    out.extend(chunks.iter().map(|c| <$kind>::from_be_bytes(*c) as f64));
                } else {
                    out.extend(chunks.iter().map(|c| <$kind>::from_le_bytes(*c) as f64));
                }
            }};
        }
        match self.kind {
            ElementType::Bool => out.extend(bytes.iter().map(|b| f64::from(u8::from(*b != 0)))),
            ElementType::UInt8 => out.extend(bytes.iter().map(|b| f64::from(*b))),
            ElementType::Int8 => numbers!(i8, 1),
            ElementType::UInt16 => numbers!(u16, 2),
            ElementType::Int16 => numbers!(i16, 2),
            ElementType::UInt32 => numbers!(u32, 4),
            ElementType::Int32 => numbers!(i32, 4),
            ElementType::UInt64 => numbers!(u64, 8),
            ElementType::Int64 => numbers!(i64, 8),
            ElementType::Float32 => numbers!(f32, 4),
            ElementType::Float64 => numbers!(f64, 8),
            ElementType::Float16 => {
                let (chunks, _) = bytes.as_chunks::<2>();
                let word = |c: &[u8; 2]| {
                    if self.big_endian {
                        u16::from_be_bytes(*c)
                    } else {
                        u16::from_le_bytes(*c)
                    }
                };
                out.extend(chunks.iter().map(|c| half(word(c))));
            }
        }
    }
}

/// The value of an IEEE 754 binary16: sign, five bits of exponent, ten of fraction. Exact.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1F if fraction == 0.0 => f64::INFINITY,
        0x1F => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    };
    sign * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(kind: ElementType, big_endian: bool, bytes: &[u8]) -> Vec<f64> {
        let mut out = Vec::new();
        Element { kind, big_endian }.read(bytes, &mut out);
        out
    }

    #[test]
    fn both_orders_of_bytes_are_read() {
        assert_eq!(
            numbers(ElementType::Int16, true, &[0xFF, 0xFE, 1, 0]),
            [-2.0, 256.0]
        );
        assert_eq!(
            numbers(ElementType::Int16, false, &[0xFE, 0xFF, 0, 1]),
            [-2.0, 256.0]
        );
        let bytes = 1.5f32.to_be_bytes();
        assert_eq!(numbers(ElementType::Float32, true, &bytes), [1.5]);
        assert_eq!(numbers(ElementType::Bool, false, &[0, 7]), [0.0, 1.0]);
        assert_eq!(
            numbers(ElementType::UInt64, false, &[1, 0, 0, 0, 0, 0, 0, 0, 9]),
            [1.0]
        );
    }

    #[test]
    fn half_floats_are_exact() {
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65_504.0),
            (0x0001, 2f64.powi(-24)),
            (0x03FF, 1023.0 * 2f64.powi(-24)),
            (0x0400, 2f64.powi(-14)),
            (0x3555, 0.333_251_953_125),
            (0x7C00, f64::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7E00).is_nan());
    }
}
