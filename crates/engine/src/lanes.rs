//! Numbers in a register, for kernels of which the compiler makes no vectors by itself: `with M of T` in [`kernel!`](crate::isa) gives the
//! type of register.

use std::marker::PhantomData;
use std::ops::{Add, Neg, Sub};

use crate::element::Real;
use crate::gemm::micro::Vector;

/// Numbers in a register; where one exists, the processor has its instructions.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<T, V>(V, PhantomData<T>);

impl<T: Real, V: Vector<T>> Lanes<T, V> {
    /// Zeros.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of V.
    #[inline(always)]
    pub(crate) unsafe fn zero() -> Lanes<T, V> {
        // SAFETY: the caller vouches for the instructions.
        Lanes(unsafe { V::zero() }, PhantomData)
    }

    /// A number in each place.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of V.
    #[inline(always)]
    pub(crate) unsafe fn splat(value: T) -> Lanes<T, V> {
        // SAFETY: the caller vouches for the instructions.
        Lanes(unsafe { V::splat(value) }, PhantomData)
    }

    /// The numbers with which a slice begins; zeros where it ends before.
    ///
    /// # Safety
    ///
    /// The processor has the instructions of V.
    #[inline(always)]
    pub(crate) unsafe fn load(from: &[T]) -> Lanes<T, V> {
        // SAFETY: the caller vouches for the instructions, and no more is read than the slice has.
        let lanes = unsafe {
            if from.len() >= V::LANES {
                V::load(from.as_ptr())
            } else {
                V::load_part(from.as_ptr(), from.len())
            }
        };
        Lanes(lanes, PhantomData)
    }

    /// Writes the first of them, as many as there is room for.
    #[inline(always)]
    pub(crate) fn store(self, to: &mut [T]) {
        // SAFETY: the processor has the instructions, and no more is written than the slice has.
        unsafe {
            if to.len() >= V::LANES {
                self.0.store(to.as_mut_ptr());
            } else {
                self.0.store_part(to.as_mut_ptr(), to.len());
            }
        }
    }

    /// Number by number the larger; NaN is taken and then kept.
    #[inline(always)]
    pub(crate) fn larger(self, other: Lanes<T, V>) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        Lanes(unsafe { self.0.larger(other.0) }, PhantomData)
    }

    /// Zero where a number is below; NaN stays, so that the guard of a step sees it.
    #[inline(always)]
    pub(crate) fn rectified(self) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        Lanes(unsafe { self.0.rectified() }, PhantomData)
    }

    /// Its numbers where two others are equal, and zeros.
    #[inline(always)]
    pub(crate) fn where_equal(self, a: Lanes<T, V>, b: Lanes<T, V>) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        Lanes(unsafe { self.0.where_equal(a.0, b.0) }, PhantomData)
    }

    /// With the products of two others added, rounded as often as in a matrix product.
    #[inline(always)]
    pub(crate) fn add_product(self, a: Lanes<T, V>, b: Lanes<T, V>) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        Lanes(unsafe { self.0.add_product(a.0, b.0) }, PhantomData)
    }

    /// All times a factor.
    #[inline(always)]
    pub(crate) fn times(self, factor: f64) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        let product = unsafe { self.0.mul(V::splat(T::from_f64(factor))) };
        Lanes(product, PhantomData)
    }
}

impl<T: Real, V: Vector<T>> Add for Lanes<T, V> {
    type Output = Lanes<T, V>;
    #[inline(always)]
    fn add(self, other: Lanes<T, V>) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        Lanes(unsafe { self.0.add(other.0) }, PhantomData)
    }
}

impl<T: Real, V: Vector<T>> Sub for Lanes<T, V> {
    type Output = Lanes<T, V>;
    #[inline(always)]
    fn sub(self, other: Lanes<T, V>) -> Lanes<T, V> {
        // SAFETY: the processor has the instructions.
        Lanes(unsafe { self.0.sub(other.0) }, PhantomData)
    }
}

impl<T: Real, V: Vector<T>> Neg for Lanes<T, V> {
    type Output = Lanes<T, V>;
    #[inline(always)]
    fn neg(self) -> Lanes<T, V> {
        self.times(-1.0)
    }
}

/// The numbers with which a slice begins, in a kernel `with M of T`: as many as a register holds, and zeros where it ends before.
macro_rules! load {
    ($from:expr) => {
        // SAFETY: `with M of T` gives the registers of the instructions that the processor was found to have.
        unsafe {
            $crate::lanes::Lanes::<T, <M as $crate::gemm::micro::Micro<T>>::Lanes>::load($from)
        }
    };
}
pub(crate) use load;
