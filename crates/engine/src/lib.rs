//! The numeric engine: arrays in, trained parameters out.

pub mod rng;
