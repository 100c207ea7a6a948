//! Numbers that begin at a line of the cache, so that no vector straddles two and threads which divide them at whole lines share none.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use crate::element::Real;

/// One cache line.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u64; 8]);

/// An f32 takes such a part of a line; what starts at a multiple of it begins a line.
pub(crate) const LINE: usize = size_of::<Line>() / size_of::<f32>();

/// A slice of numbers of its own.
#[derive(Clone)]
pub struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    numbers: PhantomData<T>,
}

impl<T: Real> Aligned<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned<T> {
        let per_line = size_of::<Line>() / size_of::<T>();
        Aligned {
            lines: vec![Line([0; 8]); len.div_ceil(per_line)],
            len,
            numbers: PhantomData,
        }
    }
}

impl<T: Real> Deref for Aligned<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl<T: Real> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl<T: Real> From<&[T]> for Aligned<T> {
    fn from(numbers: &[T]) -> Aligned<T> {
        let mut aligned = Aligned::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl<T: Real> From<Vec<T>> for Aligned<T> {
    fn from(numbers: Vec<T>) -> Aligned<T> {
        Aligned::from(&numbers[..])
    }
}

impl<T: Real> PartialEq for Aligned<T> {
    fn eq(&self, other: &Aligned<T>) -> bool {
        **self == **other
    }
}

impl<T: Real> fmt::Debug for Aligned<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_a_line_and_are_those_they_were_made_of() {
        let numbers: Vec<f64> = (0..19).map(f64::from).collect();
        let aligned = Aligned::from(numbers.clone());
        assert_eq!(*aligned, numbers[..]);
        assert_eq!(aligned.as_ptr() as usize % 64, 0);
        assert_eq!(Aligned::<f32>::zeros(17).len(), 17);
    }
}
