//! NPY files, plain or gzip, and whatever else the bytes turn out to be.
#![no_main]

mod arrays;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| arrays::read(bytes));
