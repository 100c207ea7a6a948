//! How exactly the operands of matrix products and convolutions are held while a network trains.
//!
//! ```json
//! {"training": {"precision": "bf16"}}
//! ```
//!
//! A bfloat16 is the upper half of an f32: its sign, its 8 bits of exponent and 7 of its 23 bits of fraction (Kalamkar et
//! al., "A study of BFLOAT16 for deep learning training", 2019). It reaches as far as an f32 and has two to three decimals.
//!
//! What is rounded are the factors of multiplications. A convolution that transforms its operands first, to multiply less, rounds what it
//! has transformed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What products and convolutions multiply while a network trains. Whatever it is, sums, parameters, gradients, the state
/// of the optimizer, losses and everything element by element are f32, and so is the trained model: it is evaluated and
/// predicts in f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// The numbers as they are.
    #[default]
    F32,
    /// The numbers rounded to bfloat16: faster where the processor multiplies tiles of them (AMX) or pairs quickly (AVX512_BF16 of AMD),
    /// somewhat slower elsewhere.
    Bf16,
}

/// The bfloat16 nearest to a number, as its 16 bits; of two that are as near, the even one. What is too large becomes
/// infinite, and NaN stays NaN.
#[inline(always)]
pub fn to_bf16(number: f32) -> u16 {
    let bits = number.to_bits();
    // Half of the last place that stays, less the smallest step when what stays is even.
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    // The sum could carry a NaN into infinity or beyond; one bit of its fraction is set instead.
    let quiet = bits | 0x0040_0000;
    let nan = bits & 0x7fff_ffff > 0x7f80_0000;
    ((if nan { quiet } else { rounded }) >> 16) as u16
}

/// The number that the 16 bits of a bfloat16 stand for.
#[inline(always)]
pub fn from_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::{from_bf16, to_bf16};

    fn rounded(number: f32) -> f32 {
        from_bf16(to_bf16(number))
    }

    #[test]
    fn the_nearest_bfloat16_is_taken_and_of_two_the_even_one() {
        // Between 1 and 2 the steps are 1/128.
        let step = 1.0 / 128.0;
        for (number, nearest) in [
            (1.0, 1.0),
            (1.0 + 0.49 * step, 1.0),
            (1.0 + 0.5 * step, 1.0),
            (1.0 + 0.51 * step, 1.0 + step),
            (1.0 + 1.5 * step, 1.0 + 2.0 * step),
            (-(1.0 + 1.5 * step), -(1.0 + 2.0 * step)),
            (0.0, 0.0),
            (f32::INFINITY, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
            (-f32::MAX, f32::NEG_INFINITY),
        ] {
            assert_eq!(rounded(number), nearest, "{number}");
        }
        assert!(rounded(f32::NAN).is_nan());
        assert!(rounded(f32::from_bits(0xffff_ffff)).is_nan());
        assert!(rounded(f32::from_bits(0x7f80_0001)).is_nan());
    }
}
