//! Models in the forms of other programs: bytes out.

pub mod onnx;
