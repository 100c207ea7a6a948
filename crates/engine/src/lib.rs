//! The numeric engine: arrays in, trained parameters out.

pub mod checkpoint;
pub mod convolution;
pub mod dataset;
pub mod diagnosis;
pub mod element;
pub mod gemm;
pub mod graph;
pub mod init;
pub mod isa;
pub mod layer;
pub mod loss;
mod math;
pub mod metrics;
pub mod model;
pub mod network;
pub mod op;
pub mod optimizer;
pub mod perceptron;
pub mod plan;
mod reduce;
pub mod rng;
pub mod sample;
pub mod schedule;
pub mod spec;
pub mod threads;
pub mod trainer;
pub mod weights;
