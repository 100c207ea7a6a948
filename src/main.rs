//! Descent.
fn main() {}
