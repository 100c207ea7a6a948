//! The map of the house.
#![forbid(unsafe_code)]

pub mod data;
