//! Models and metrics in the forms of other programs: bytes out.

pub mod onnx;
pub mod tensorboard;
