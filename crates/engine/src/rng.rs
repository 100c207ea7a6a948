//! Counter-based randomness: a number is a function of (seed, purpose, step, index), so nothing is stored between steps.
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//! A run that is interrupted, or computed by another number of threads, draws the same numbers because there is no
//! position to lose: element `index` of step `step` is always the same word.
//!
//! ```
//! use descent_engine::rng::{Purpose, Stream};
//! let stream = Stream::new(7, Purpose::Shuffle, 0);
//! assert_eq!(stream.permutation(5), Stream::new(7, Purpose::Shuffle, 0).permutation(5));
//! ```

/// What the numbers are for. Two purposes never share a number, whatever the seed, step and index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// First values of the parameter with this position in the network.
    Initialisation(u16),
    /// The units that the dropout layer with this position drops.
    Dropout(u16),
    /// The order of the training rows; the step is the epoch.
    Shuffle,
    /// The assignment of rows to training, validation and test.
    Split,
    /// Small changes to training rows.
    Augmentation,
    /// Random directions and points of tests and probes.
    Probe,
    /// Values that a search proposes for the setting with this position; the step is the proposal.
    Proposal(u16),
}

impl Purpose {
    /// The word of the counter that keeps purposes apart: family in the upper half, position in the lower.
    const fn word(self) -> u32 {
        match self {
            Purpose::Initialisation(position) => 0x0001_0000 | position as u32,
            Purpose::Dropout(position) => 0x0002_0000 | position as u32,
            Purpose::Shuffle => 0x0003_0000,
            Purpose::Split => 0x0004_0000,
            Purpose::Augmentation => 0x0005_0000,
            Purpose::Probe => 0x0006_0000,
            Purpose::Proposal(position) => 0x0007_0000 | position as u32,
        }
    }
}

/// An endless, random-access sequence of random words for one (seed, purpose, step).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u32; 2],
    step: [u32; 2],
    purpose: u32,
}

impl Stream {
    /// The stream of one purpose at one step. Costs nothing: there is no state to warm up.
    #[inline]
    pub const fn new(seed: u64, purpose: Purpose, step: u64) -> Stream {
        Stream {
            key: [seed as u32, (seed >> 32) as u32],
            step: [step as u32, (step >> 32) as u32],
            purpose: purpose.word(),
        }
    }

    /// Four independent words, the `block`-th of the stream.
    #[inline(always)]
    pub fn block(&self, block: u32) -> [u32; 4] {
        philox([block, self.purpose, self.step[0], self.step[1]], self.key)
    }

    /// Word `index` of the stream, uniform over all 32-bit values. The stream repeats after 2^34 words.
    #[inline]
    pub fn word(&self, index: u64) -> u32 {
        self.block((index / 4) as u32)[(index % 4) as usize]
    }

    /// 64 random bits: the `index`-th pair of words.
    #[inline]
    fn wide(&self, index: u64) -> u64 {
        let words = self.block((index / 2) as u32);
        let at = 2 * (index % 2) as usize;
        u64::from(words[at]) << 32 | u64::from(words[at + 1])
    }

    /// Uniform over [0, 1) with 24 bits, exact in f32.
    #[inline]
    pub fn uniform_f32(&self, index: u64) -> f32 {
        unit_f32(self.word(index))
    }

    /// Uniform over [0, 1) with 53 bits, exact in f64.
    #[inline]
    pub fn uniform(&self, index: u64) -> f64 {
        (self.wide(index) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal: the inverse of the distribution function at a uniform number.
    ///
    /// Only additions, multiplications, divisions and square roots are used, which IEEE 754 rounds the same way on
    /// every machine; a `ln` or `cos` of the platform's C library would not be.
    pub fn normal(&self, index: u64) -> f64 {
        // The middle of one of 2^53 cells: never 0 and never 1, where the inverse is infinite.
        let uniform = ((self.wide(index) >> 11) as f64 + 0.5) * (1.0 / (1u64 << 53) as f64);
        inverse_normal(uniform)
    }

    /// Uniform over 0..n. The bias is below n / 2^64. Answers 0 for n = 0.
    #[inline]
    pub fn below(&self, index: u64, n: u64) -> u64 {
        ((u128::from(self.wide(index)) * u128::from(n)) >> 64) as u64
    }

    /// Brings `items` into a random order (Fisher and Yates), without allocating.
    pub fn shuffle<E>(&self, items: &mut [E]) {
        for last in (1..items.len()).rev() {
            let chosen = self.below(last as u64, last as u64 + 1) as usize;
            items.swap(last, chosen);
        }
    }

    /// The numbers 0..n in a random order.
    pub fn permutation(&self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        self.shuffle(&mut order);
        order
    }
}

/// Uniform over [0, 1) from the upper 24 bits of a word.
#[inline(always)]
pub fn unit_f32(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

/// Philox4x32 with ten rounds: each multiplies two words and exchanges the halves, with a key that grows by constants.
#[inline(always)]
fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let left = u64::from(counter[0]) * 0xD251_1F53;
        let right = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (right >> 32) as u32 ^ counter[1] ^ key[0],
            right as u32,
            (left >> 32) as u32 ^ counter[3] ^ key[1],
            left as u32,
        ];
        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }
    counter
}

/// Quantile of the standard normal distribution for 0 < p < 1, relative error about 1e-16
/// (Wichura: "Algorithm AS 241", Applied Statistics 37, 1988).
fn inverse_normal(p: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ];
    const B: [f64; 8] = [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ];
    const C: [f64; 8] = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    let horner = |c: &[f64; 8], x: f64| c.iter().rev().fold(0.0, |sum, &a| sum * x + a);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * horner(&A, r) / horner(&B, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-natural_logarithm(tail)).sqrt();
    let magnitude = if r <= 5.0 {
        horner(&C, r - 1.6) / horner(&D, r - 1.6)
    } else {
        horner(&E, r - 5.0) / horner(&F, r - 5.0)
    };
    if q < 0.0 { -magnitude } else { magnitude }
}

/// ln x for a positive normal x, from the series of the inverse hyperbolic tangent, in IEEE operations only.
fn natural_logarithm(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | 1023 << 52);
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 artanh s with s = (m - 1) / (m + 1), |s| <= 0.172: twelve terms reach 1e-18.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let series = (0..12)
        .rev()
        .fold(0.0, |sum, k| sum * s * s + 1.0 / f64::from(2 * k + 1));
    2.0 * s * series + exponent as f64 * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_published_vectors() {
        // Known-answer file of the Random123 distribution, philox4x32 10.
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_normal_number_has_the_right_moments_and_quantiles() {
        let stream = Stream::new(3, Purpose::Probe, 0);
        let n = 200_000;
        let numbers: Vec<f64> = (0..n).map(|index| stream.normal(index)).collect();
        let moment = |power: i32| numbers.iter().map(|x| x.powi(power)).sum::<f64>() / n as f64;
        assert!(moment(1).abs() < 0.01);
        assert!((moment(2) - 1.0).abs() < 0.02);
        assert!((moment(4) - 3.0).abs() < 0.1);
        assert!((inverse_normal(0.975) - 1.959_963_984_540_054).abs() < 1e-12);
        assert!((inverse_normal(1e-10) + 6.361_340_902_404_056).abs() < 1e-11);
        assert!((inverse_normal(0.01) + 2.326_347_874_040_841).abs() < 1e-12);
    }

    #[test]
    fn the_logarithm_agrees_with_the_standard_library() {
        for exponent in 1..300 {
            let x = 0.97_f64.powi(exponent);
            assert!((natural_logarithm(x) / x.ln() - 1.0).abs() < 1e-14, "{x}");
        }
    }

    #[test]
    fn uniform_numbers_stay_below_one_and_fill_the_range() {
        let stream = Stream::new(9, Purpose::Augmentation, 4);
        let mean = (0..100_000)
            .map(|index| f64::from(stream.uniform_f32(index)))
            .sum::<f64>()
            / 1e5;
        assert!((mean - 0.5).abs() < 0.005);
        assert!(unit_f32(u32::MAX) < 1.0);
        assert!((0..1000).all(|index| stream.below(index, 7) < 7));
    }

    #[test]
    fn a_permutation_holds_every_number_once_and_depends_on_everything() {
        let order = Stream::new(1, Purpose::Shuffle, 2).permutation(1000);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(
            sorted
                .iter()
                .enumerate()
                .all(|(index, &number)| index as u32 == number)
        );
        assert_ne!(order, Stream::new(1, Purpose::Shuffle, 3).permutation(1000));
        assert_ne!(order, Stream::new(2, Purpose::Shuffle, 2).permutation(1000));
        assert_ne!(order, Stream::new(1, Purpose::Split, 2).permutation(1000));
        assert!(
            Stream::new(1, Purpose::Shuffle, 2)
                .permutation(0)
                .is_empty()
        );
    }
}
