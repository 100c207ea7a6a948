//! The map of the house, in reading order. Imports point down only: see `tests/architecture.rs`.
#![forbid(unsafe_code)]

pub mod api;
pub mod app;
pub mod backup;
pub mod blobs;
pub mod clock;
pub mod config;
pub mod data;
pub mod demo;
pub mod export;
pub mod ids;
pub mod listen;
pub mod predictor;
pub mod router;
pub mod runs;
pub mod serve;
pub mod store;
pub mod sweeps;
pub mod tokens;
pub mod worker;
