//! `{"kind": "attention", "heads": 4}`: multi-head self-attention, every step asks every step of its sequence.
//!
//! With x `[steps x features]` and d the `key_size`, each head computes, from its columns of [Q K V] = x W + b,
//!
//! ```text
//! softmax(Q K^T / sqrt(d)) V
//! ```
//! and the heads side by side, `[steps x heads d]`, give y = heads U + c, `[steps x features]`. W `[features x 3 heads d]` holds the
//! weights of the queries, keys and values of all heads side by side, b `[1 x 3 heads d]`; U `[heads d x features]`, c `[1 x features]`.
//! These are PyTorch's `in_proj` and `out_proj`. Vaswani et al. 2017.
//!
//! An encoder's block is `residual` of `layer_norm` and `attention`, then `residual` of `layer_norm` and two `dense`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, Mode, ParameterSpec};
use crate::op::{AddRow, Attend, MatMul};
use crate::sample::SampleShape;

/// Multi-head self-attention.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attention {
    /// Number of heads, at least 1.
    #[schemars(range(min = 1, max = 1_024))]
    pub heads: usize,
    /// Numbers of a query, key or value of one head. Default: features / heads, which must be whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_536))]
    pub key_size: Option<usize>,
    /// Whether a step attends only to itself and to the steps before it.
    #[serde(default)]
    pub causal: bool,
    /// Training only: the part of the attention that becomes zero, from 0 to below 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub dropout: f64,
}

impl Attention {
    /// Every step attends to all, with keys of features / heads numbers.
    pub fn new(heads: usize) -> Attention {
        Attention {
            heads,
            key_size: None,
            causal: false,
            dropout: 0.0,
        }
    }

    /// Numbers of a key, when the features allow it.
    fn size(&self, features: usize) -> Option<usize> {
        let even = features.is_multiple_of(self.heads.max(1));
        self.key_size.or(even.then(|| features / self.heads.max(1)))
    }
}

impl Rule for Attention {
    const KIND: &'static str = "attention";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let SampleShape::Sequence { features, .. } = input else {
            return Err(
                "takes sequences of steps x features; put a reshape or embedding layer before it"
                    .into(),
            );
        };
        match self.size(features) {
            Some(_) => Ok(input),
            None => Err(format!(
                "takes sequences whose features its {} heads divide, or a key_size",
                self.heads
            )),
        }
    }

    fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
        let features = input.last();
        let width = self.size(features).unwrap_or(0).saturating_mul(self.heads);
        let three = width.saturating_mul(3);
        vec![
            ParameterSpec::weight("input_weight", features, three, Init::GlorotUniform),
            ParameterSpec::weight("input_bias", 1, three, Init::Zeros),
            ParameterSpec::weight("output_weight", width, features, Init::GlorotUniform),
            ParameterSpec::weight("output_bias", 1, features, Init::Zeros),
        ]
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let features = builder.input.last();
        let steps = builder.input.n_numbers() / features;
        let attend = Attend {
            steps,
            heads: self.heads,
            size: self.size(features).unwrap_or(0),
            causal: self.causal,
            rate: match builder.mode {
                Mode::Train => self.dropout,
                Mode::Evaluate => 0.0,
            },
            position: builder.stream_position(),
        };
        let [weight, bias, out_weight, out_bias] = [0, 1, 2, 3].map(|idx| builder.parameter(idx));
        let graph = &mut *builder.graph;
        let x = graph.view(input, steps, features)?;
        let given = graph.apply(MatMul::plain(), &[x, weight])?;
        let given = graph.apply(AddRow, &[given, bias])?;
        let heads = graph.apply(attend, &[given])?;
        let y = graph.apply(MatMul::plain(), &[heads, out_weight])?;
        let y = graph.apply(AddRow, &[y, out_bias])?;
        graph.view(y, 1, steps * features)
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.heads == 0 {
            faults.push(("heads", "an attention has at least 1 head".to_owned()));
        }
        if self.key_size == Some(0) {
            faults.push(("key_size", "a key has at least 1 number".to_owned()));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            faults.push(("dropout", "dropout is from 0 to below 1".to_owned()));
        }
        faults
    }
}
