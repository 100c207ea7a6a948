//! What the tests of products and of convolutions know of bfloat16.

/// A number rounded to bfloat16, by another way than the engine's: the distance to both neighbours is compared.
pub fn bf16(number: f32) -> f32 {
    let below = f32::from_bits(number.to_bits() & 0xffff_0000);
    let above = f32::from_bits((number.to_bits() & 0xffff_0000) + 0x1_0000);
    let (to_below, to_above) = ((number - below).abs(), (above - number).abs());
    let is_even = below.to_bits() >> 16 & 1 == 0;
    if to_below < to_above || to_below == to_above && is_even {
        below
    } else {
        above
    }
}
