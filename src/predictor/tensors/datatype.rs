//! The types of elements that a tensor may have.

/// Type of a tensor's elements, as the protocol names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// A truth value, one byte.
    Bool,
    /// Signed, 8 bits.
    Int8,
    /// Signed, 16 bits.
    Int16,
    /// Signed, 32 bits.
    Int32,
    /// Signed, 64 bits.
    Int64,
    /// Unsigned, 8 bits.
    Uint8,
    /// Unsigned, 16 bits.
    Uint16,
    /// Unsigned, 32 bits.
    Uint32,
    /// Unsigned, 64 bits.
    Uint64,
    /// Floating point, 16 bits; binary only.
    Fp16,
    /// The upper half of an FP32; binary only.
    Bf16,
    /// Floating point, 32 bits.
    Fp32,
    /// Floating point, 64 bits.
    Fp64,
    /// Texts, each with its length before it.
    Bytes,
}

const NAMES: [(&str, Datatype); 14] = [
    ("BOOL", Datatype::Bool),
    ("INT8", Datatype::Int8),
    ("INT16", Datatype::Int16),
    ("INT32", Datatype::Int32),
    ("INT64", Datatype::Int64),
    ("UINT8", Datatype::Uint8),
    ("UINT16", Datatype::Uint16),
    ("UINT32", Datatype::Uint32),
    ("UINT64", Datatype::Uint64),
    ("FP16", Datatype::Fp16),
    ("BF16", Datatype::Bf16),
    ("FP32", Datatype::Fp32),
    ("FP64", Datatype::Fp64),
    ("BYTES", Datatype::Bytes),
];

impl Datatype {
    /// The type of that name.
    pub fn named(name: &str) -> Option<Datatype> {
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, datatype)| *datatype)
    }

    /// The protocol's name.
    pub fn name(self) -> &'static str {
        let own = NAMES.iter().find(|(_, datatype)| *datatype == self);
        own.map_or("", |(name, _)| *name)
    }

    /// All names, for messages.
    pub(super) fn names() -> String {
        NAMES.map(|(name, _)| name).join(", ")
    }

    /// Bytes of an element; `None` of texts, which differ.
    pub(super) fn item_bytes(self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::Int8 | Self::Uint8 => 1,
            Self::Int16 | Self::Uint16 | Self::Fp16 | Self::Bf16 => 2,
            Self::Int32 | Self::Uint32 | Self::Fp32 => 4,
            Self::Int64 | Self::Uint64 | Self::Fp64 => 8,
            Self::Bytes => return None,
        })
    }

    /// Whether JSON has it: half precision travels as bytes alone.
    pub(super) fn in_json(self) -> bool {
        !matches!(self, Self::Fp16 | Self::Bf16)
    }

    /// Whether `number` is one of the type's values; of a floating point type each is taken as it is.
    pub(super) fn holds(self, number: f64) -> bool {
        let within =
            |least: f64, most: f64| number.fract() == 0.0 && number >= least && number <= most;
        match self {
            Self::Int8 => within(-128.0, 127.0),
            Self::Int16 => within(-32_768.0, 32_767.0),
            Self::Int32 => within(f64::from(i32::MIN), f64::from(i32::MAX)),
            Self::Int64 => within(-(2f64.powi(63)), 2f64.powi(63)),
            Self::Uint8 => within(0.0, 255.0),
            Self::Uint16 => within(0.0, 65_535.0),
            Self::Uint32 => within(0.0, f64::from(u32::MAX)),
            Self::Uint64 => within(0.0, 2f64.powi(64)),
            Self::Fp16 | Self::Bf16 | Self::Fp32 | Self::Fp64 => true,
            Self::Bool | Self::Bytes => false,
        }
    }

    /// The number that an element's little-endian bytes hold, as many as it has.
    pub(super) fn number(self, bytes: &[u8]) -> f64 {
        fn all<const N: usize>(bytes: &[u8]) -> [u8; N] {
            let mut all = [0; N];
            all.copy_from_slice(bytes);
            all
        }
        match self {
            Self::Bool | Self::Uint8 => f64::from(bytes[0]),
            Self::Int8 => f64::from(i8::from_le_bytes(all(bytes))),
            Self::Int16 => f64::from(i16::from_le_bytes(all(bytes))),
            Self::Uint16 => f64::from(u16::from_le_bytes(all(bytes))),
            Self::Int32 => f64::from(i32::from_le_bytes(all(bytes))),
            Self::Uint32 => f64::from(u32::from_le_bytes(all(bytes))),
            Self::Int64 => i64::from_le_bytes(all(bytes)) as f64,
            Self::Uint64 => u64::from_le_bytes(all(bytes)) as f64,
            Self::Fp16 => half(u16::from_le_bytes(all(bytes))),
            Self::Bf16 => f64::from(f32::from_bits(
                u32::from(u16::from_le_bytes(all(bytes))) << 16,
            )),
            Self::Fp32 => f64::from(f32::from_le_bytes(all(bytes))),
            Self::Fp64 => f64::from_le_bytes(all(bytes)),
            Self::Bytes => f64::NAN,
        }
    }
}

/// The number of an IEEE 754 binary16: sign, five bits of exponent, ten of fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023) / 1024.0);
    sign * match (exponent, bits & 1023) {
        (31, 0) => f64::INFINITY,
        (31, _) => f64::NAN,
        (0, _) => fraction * 2f64.powi(-14),
        _ => (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_ieee_says() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 2f64.powi(-24)),
            (0x3555, 0.333_251_953_125),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), number, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn every_type_reads_its_own_bytes() {
        for (datatype, bytes, number) in [
            (Datatype::Bool, vec![1], 1.0),
            (Datatype::Int8, vec![255], -1.0),
            (Datatype::Uint16, vec![1, 2], 513.0),
            (Datatype::Int64, (-5_i64).to_le_bytes().to_vec(), -5.0),
            (Datatype::Bf16, vec![0x80, 0x3f], 1.0),
            (Datatype::Fp32, 0.5_f32.to_le_bytes().to_vec(), 0.5),
        ] {
            assert_eq!(datatype.item_bytes(), Some(bytes.len()));
            assert_eq!(datatype.number(&bytes), number, "{datatype:?}");
            assert_eq!(Datatype::named(datatype.name()), Some(datatype));
        }
    }
}
