//! The numeric engine: arrays in, trained parameters out.

pub mod dataset;
pub mod diagnosis;
pub mod rng;
pub mod schedule;
pub mod spec;
pub mod trainer;
