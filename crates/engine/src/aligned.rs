//! Numbers that begin at a line of the cache, so that no vector straddles two and threads which divide them at whole lines share none.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

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

impl<T: Pod> Aligned<T> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Aligned<T> {
        let per_line = size_of::<Line>() / size_of::<T>();
        Aligned {
            lines: vec![Line([0; 8]); len.div_ceil(per_line)],
            len,
            numbers: PhantomData,
        }
    }

    /// Makes it at least so long; what is new is zero.
    fn grow(&mut self, len: usize) {
        if len > self.len {
            let per_line = size_of::<Line>() / size_of::<T>();
            self.lines.resize(len.div_ceil(per_line), Line([0; 8]));
            self.len = len;
        }
    }
}

/// Numbers that are asked for first and then taken once, so that they can be counted before there are any.
#[derive(Clone)]
pub(crate) struct Buffer<T> {
    wanted: usize,
    numbers: Aligned<T>,
}

impl<T: Pod> Buffer<T> {
    /// Asks for at least so many numbers.
    pub(crate) fn want(&mut self, len: usize) {
        self.wanted = self.wanted.max(len);
    }
}

/// A [`Buffer`] of any numbers.
pub(crate) trait Wanted {
    /// Bytes of what was asked for.
    fn bytes(&self) -> u64;

    /// Takes it; what is new is zero.
    fn allocate(&mut self);
}

impl<T: Pod> Wanted for Buffer<T> {
    fn bytes(&self) -> u64 {
        self.wanted as u64 * size_of::<T>() as u64
    }

    fn allocate(&mut self) {
        self.numbers.grow(self.wanted);
    }
}

impl<T> Default for Buffer<T> {
    fn default() -> Buffer<T> {
        Buffer {
            wanted: 0,
            numbers: Aligned::default(),
        }
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.numbers
    }
}

impl<T: Pod> DerefMut for Buffer<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.numbers
    }
}

impl<T> fmt::Debug for Buffer<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Buffer({} numbers)", self.wanted)
    }
}

impl<T> Default for Aligned<T> {
    fn default() -> Aligned<T> {
        Aligned {
            lines: Vec::new(),
            len: 0,
            numbers: PhantomData,
        }
    }
}

impl<T: Pod> Deref for Aligned<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }
}

impl<T: Pod> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }
}

impl<T: Pod> From<&[T]> for Aligned<T> {
    fn from(numbers: &[T]) -> Aligned<T> {
        let mut aligned = Aligned::zeros(numbers.len());
        aligned.copy_from_slice(numbers);
        aligned
    }
}

impl<T: Pod> From<Vec<T>> for Aligned<T> {
    fn from(numbers: Vec<T>) -> Aligned<T> {
        Aligned::from(&numbers[..])
    }
}

impl<T: Pod + PartialEq> PartialEq for Aligned<T> {
    fn eq(&self, other: &Aligned<T>) -> bool {
        **self == **other
    }
}

impl<T> fmt::Debug for Aligned<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Aligned({} numbers)", self.len)
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
        let mut grown = Aligned::from(numbers.clone());
        grown.grow(3);
        assert_eq!(*grown, numbers[..]);
        grown.grow(21);
        assert_eq!(grown[..19], numbers);
        assert_eq!(grown[19..], [0.0; 2]);
    }
}
