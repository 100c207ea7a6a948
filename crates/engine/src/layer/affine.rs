//! What dense and convolution layers have in common: y = f(L(x, W) + b), where L is linear and b one row for all places.

use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Activate, AddRow, Function};

/// For `serde`: b is added.
pub(super) fn yes() -> bool {
    true
}

/// The parameters: W with these rows and columns, and b for that many units.
pub(super) fn parameters(
    [rows, cols]: [usize; 2],
    n_units: usize,
    init: Init,
    use_bias: bool,
) -> Vec<ParameterSpec> {
    let bias = ParameterSpec::weight("bias", 1, n_units, Init::Zeros);
    let weight = ParameterSpec::weight("weight", rows, cols, init);
    let bias = use_bias.then_some(bias);
    [weight].into_iter().chain(bias).collect()
}

/// Adds b, the layer's parameter 1, and f to L(x, W), which has `n_places` rows of `n_units` per sample; the result has one
/// row per sample.
pub(super) fn finish(
    builder: &mut Builder<'_>,
    product: NodeId,
    [n_places, n_units]: [usize; 2],
    use_bias: bool,
    activation: Option<Function>,
) -> Result<NodeId, GraphError> {
    let mut y = builder.graph.view(product, n_places, n_units)?;
    if use_bias {
        let bias = builder.parameter(1);
        y = builder.graph.apply(AddRow, &[y, bias])?;
    }
    if let Some(function) = activation {
        y = builder.graph.apply(Activate::new(function), &[y])?;
    }
    builder.graph.view(y, 1, n_places * n_units)
}
