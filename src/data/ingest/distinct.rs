//! Different values and their counts, up to a cap; beyond it only "at least this many" is known.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Multiplicative hashing (Fibonacci, as in the Rust compiler) of the bits of numbers. Keys come from one upload and the
/// table is bounded, so a crafted file can slow only itself.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct BitsHasher(u64);

impl Hasher for BitsHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }
    fn write_u64(&mut self, bits: u64) {
        // Round numbers differ in their high bits only: fold the product so that both halves see all of them.
        let product =
            u128::from(bits ^ self.0).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// Counts by the bits of numbers.
pub(super) type NumberCounts = HashMap<u64, u64, BuildHasherDefault<BitsHasher>>;

/// The key of a number: both zeros are one value.
#[inline]
pub(super) fn number_key(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// Counted different values of a whole column.
#[derive(Debug)]
pub(super) struct DistinctValues {
    numbers: NumberCounts,
    names: HashMap<Box<str>, u64>,
    name_bytes: usize,
    max_values: usize,
    max_bytes: usize,
    /// At least this many, once the cap was passed.
    beyond: Option<u64>,
}

impl DistinctValues {
    /// A table for at most `max_values` values and `max_bytes` bytes of names.
    pub(super) fn new(max_values: usize, max_bytes: usize) -> Self {
        Self {
            numbers: NumberCounts::default(),
            names: HashMap::new(),
            name_bytes: 0,
            max_values,
            max_bytes,
            beyond: None,
        }
    }

    /// Whether there were too many values to go on counting.
    pub(super) fn is_full(&self) -> bool {
        self.beyond.is_some()
    }

    /// Adds a block's counts.
    pub(super) fn merge(&mut self, numbers: &NumberCounts, names: Vec<(Box<str>, u64)>) {
        if self.is_full() {
            return;
        }
        for (bits, count) in numbers {
            *self.numbers.entry(*bits).or_insert(0) += count;
        }
        for (name, count) in names {
            match self.names.get_mut(&name) {
                Some(total) => *total += count,
                None => {
                    self.name_bytes += name.len();
                    self.names.insert(name, count);
                }
            }
        }
        self.check();
    }

    /// Says that a block alone had more numbers than the cap.
    pub(super) fn overflow(&mut self) {
        self.empty(self.max_values as u64 + 1);
    }

    fn check(&mut self) {
        let n = self.numbers.len() + self.names.len();
        if n > self.max_values {
            // Not `n`: that depends on where the blocks were cut.
            self.empty(self.max_values as u64 + 1);
        } else if self.name_bytes > self.max_bytes {
            self.empty(n as u64);
        }
    }

    fn empty(&mut self, at_least: u64) {
        self.beyond.get_or_insert(at_least);
        self.numbers = NumberCounts::default();
        self.names = HashMap::new();
    }

    /// How many, and whether that is exact.
    pub(super) fn count(&self) -> crate::data::Distinct {
        match self.beyond {
            Some(n) => crate::data::Distinct { n, exact: false },
            None => crate::data::Distinct {
                n: (self.numbers.len() + self.names.len()) as u64,
                exact: true,
            },
        }
    }

    /// The counted numbers.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (f64, u64)> {
        self.numbers
            .iter()
            .map(|(bits, count)| (f64::from_bits(*bits), *count))
    }

    /// The counted names.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, u64)> {
        self.names.iter().map(|(name, count)| (&**name, *count))
    }

    /// The `n` most frequent values, ties in order of the value.
    pub(super) fn top(&self, n: usize) -> Vec<crate::data::TopValue> {
        let numbers = self
            .numbers()
            .map(|(value, count)| (value.to_string(), count));
        let names = self.names().map(|(name, count)| (name.to_owned(), count));
        let mut all: Vec<_> = numbers.chain(names).collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(n);
        all.into_iter()
            .map(|(value, count)| crate::data::TopValue { value, count })
            .collect()
    }
}
