//! The number types of the engine: f32 for training and prediction, f64 for proving gradients with the same code.
//!
//! The functions of f32 are those of `math`; the functions of f64 are the standard library's. None of them uses a fused multiply-add, so an
//! element-wise kernel gives the same bits on every instruction set.

use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use crate::math;

/// A floating-point number the kernels can work with. Implemented by f32 and f64.
pub trait Real:
    bytemuck::Pod
    + PartialOrd
    + Debug
    + Display
    + Default
    + Send
    + Sync
    + Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + crate::gemm::micro::Loops
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Name of the type in files: `F32` or `F64`.
    const NAME: &'static str;
    /// Its kernels are compiled for vector instructions too. Those of f64 are not: gradients are proved without, and the engine is compiled
    /// in five sixths of the time.
    const HAS_VECTORS: bool;

    /// The nearest number of this type.
    fn from_f64(value: f64) -> Self;
    /// The same number as f64, exactly.
    fn to_f64(self) -> f64;
    /// A count as a number.
    #[inline(always)]
    fn from_count(count: usize) -> Self {
        Self::from_f64(count as f64)
    }
    /// |x|.
    fn abs(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// e^x.
    fn exp(self) -> Self;
    /// e^x - 1, with full relative accuracy near 0.
    fn exp_m1(self) -> Self;
    /// ln x for x > 0.
    fn ln(self) -> Self;
    /// ln(1 + x) for 0 <= x <= 1, with full relative accuracy near 0.
    fn ln_1p_unit(self) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Distribution function of the standard normal, Phi(x) = erfc(-x / sqrt 2) / 2.
    fn normal_cdf(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Not a number.
    #[inline(always)]
    #[allow(clippy::eq_op)]
    fn is_nan(self) -> bool {
        self != self
    }

    /// The larger number; the second one when the first is NaN.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    /// The smaller number; the second one when the first is NaN.
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    /// -1, 0 or 1.
    #[inline(always)]
    fn sign(self) -> Self {
        if self > Self::ZERO {
            Self::ONE
        } else if self < Self::ZERO {
            -Self::ONE
        } else {
            self
        }
    }
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
    const NAME: &'static str = "F32";
    const HAS_VECTORS: bool = true;

    #[inline(always)]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn abs(self) -> f32 {
        f32::abs(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f32 {
        f32::sqrt(self)
    }
    #[inline(always)]
    fn exp(self) -> f32 {
        math::exp_f32(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> f32 {
        math::exp_m1_f32(self)
    }
    #[inline(always)]
    fn ln(self) -> f32 {
        math::ln_f32(self)
    }
    #[inline(always)]
    fn ln_1p_unit(self) -> f32 {
        math::ln_1p_unit_f32(self)
    }
    #[inline(always)]
    fn tanh(self) -> f32 {
        math::tanh_f32(self)
    }
    #[inline(always)]
    fn normal_cdf(self) -> f32 {
        math::normal_cdf_f32(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f32::is_finite(self)
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
    const NAME: &'static str = "F64";
    const HAS_VECTORS: bool = false;

    #[inline(always)]
    fn from_f64(value: f64) -> f64 {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn abs(self) -> f64 {
        f64::abs(self)
    }
    #[inline(always)]
    fn sqrt(self) -> f64 {
        f64::sqrt(self)
    }
    #[inline]
    fn exp(self) -> f64 {
        f64::exp(self)
    }
    #[inline]
    fn exp_m1(self) -> f64 {
        f64::exp_m1(self)
    }
    #[inline]
    fn ln(self) -> f64 {
        f64::ln(self)
    }
    #[inline]
    fn ln_1p_unit(self) -> f64 {
        f64::ln_1p(self)
    }
    #[inline]
    fn tanh(self) -> f64 {
        f64::tanh(self)
    }
    #[inline]
    fn normal_cdf(self) -> f64 {
        math::normal_cdf_f64(self)
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        f64::is_finite(self)
    }
}
