//! Layers: forward only. A layer's struct is the document a user posts; it names its parameters and adds ops to a graph.
//!
//! One layer, one file. Derivatives belong to the ops ([`crate::op`]), so a layer never contains one. A new layer is a
//! file with an `impl Rule`, the two lines below that name it, and a row in `tests/gradients.rs`.

mod activation;
mod affine;
mod attention;
mod average_pool;
mod batch_norm;
mod conv1d;
mod conv2d;
mod conv_transpose;
mod dense;
mod dropout;
mod embedding;
mod entity_embedding;
mod flatten;
mod geometry;
mod global_pool;
mod gru;
mod layer_norm;
mod local_response_norm;
mod lstm;
mod max_pool;
mod positional_encoding;
mod recurrent;
mod reshape;
mod residual;
mod rnn;
mod upsample;
pub mod window;

pub use entity_embedding::Table;
pub use global_pool::PoolFunction;
pub use positional_encoding::Encoding;
pub use upsample::Interpolation;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::graph::{GraphError, NodeId};
use crate::network::{Builder, ParameterSpec};
use crate::op::Function;
use crate::sample::SampleShape;

/// What every layer knows about itself.
pub(crate) trait Rule: Clone {
    /// The `kind` in a spec; the variant's name in snake case.
    const KIND: &'static str;

    /// Shape of a sample after the layer, or what the layer wants instead of `input`: "takes an image ...".
    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        Ok(input)
    }

    /// The layer's parameters for an input that fits, in order.
    fn parameters(&self, _input: SampleShape) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// Adds the layer's ops after `input`, whose samples have the shape `builder.input`, and answers its output.
    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError>;

    /// What is wrong with the layer's own fields: (field, reason).
    fn faults(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The layer with everything optional filled in.
    fn resolved(&self) -> Self {
        self.clone()
    }

    /// The function the layer ends with, which says when a unit is dead or saturated.
    fn function(&self) -> Option<Function> {
        None
    }

    /// Of a layer that looks indices up, so that no derivative goes to its input: the number of the input that each number
    /// of its output was made from.
    fn origins(&self, _input: SampleShape) -> Option<Vec<usize>> {
        None
    }
}

/// Writes the enum of all layers and its dispatch, so that a layer is listed once.
macro_rules! layers {
    ($($(#[$meta:meta])* $module:ident::$name:ident),* $(,)?) => {
        $(pub use $module::$name;)*

        /// One layer of a network, as it stands in a spec: `{"kind": "dense", "units": 64, "activation": "relu"}`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Layer {
            $($(#[$meta])* $name($name)),*
        }

        impl Layer {
            /// The `kind` in a spec.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Layer::$name(_) => <$name as Rule>::KIND),*
                }
            }

            /// Shape of a sample after the layer.
            ///
            /// # Errors
            /// What the layer wants instead of `input`.
            pub fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
                match self {
                    $(Layer::$name(layer) => layer.output_shape(input)),*
                }
            }

            /// The layer's parameters for an input that fits, in order.
            pub fn parameters(&self, input: SampleShape) -> Vec<ParameterSpec> {
                match self {
                    $(Layer::$name(layer) => layer.parameters(input)),*
                }
            }

            /// Adds the layer's ops after `input` and answers its output.
            ///
            /// # Errors
            /// When the ops do not fit the shape of the input.
            pub fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
                match self {
                    $(Layer::$name(layer) => layer.forward(builder, input)),*
                }
            }

            /// What is wrong with the layer's own fields: (field, reason). Sizes across layers are the spec's business.
            pub fn faults(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Layer::$name(layer) => layer.faults()),*
                }
            }

            /// The layer with everything optional filled in.
            pub fn resolved(&self) -> Layer {
                match self {
                    $(Layer::$name(layer) => Layer::$name(layer.resolved())),*
                }
            }

            /// The function the layer ends with, which says when a unit is dead or saturated.
            pub fn function(&self) -> Option<Function> {
                match self {
                    $(Layer::$name(layer) => layer.function()),*
                }
            }

            /// Of a layer that looks indices up, so that no derivative goes to its input: the number of the input that
            /// each number of its output was made from.
            pub fn origins(&self, input: SampleShape) -> Option<Vec<usize>> {
                match self {
                    $(Layer::$name(layer) => layer.origins(input)),*
                }
            }
        }
    };
}

layers! {
    /// Every output from every input: x W + b.
    dense::Dense,
    /// A convolution of images: f(x * W + b).
    conv2d::Conv2d,
    /// A convolution along a sequence: f(x * W + b).
    conv1d::Conv1d,
    /// A transposed convolution, which makes images or sequences larger.
    conv_transpose::ConvTranspose,
    /// A function applied to each number.
    activation::Activation,
    /// Training only: sets a random part of the numbers to zero.
    dropout::Dropout,
    /// Long short-term memory over the steps of a sequence.
    lstm::Lstm,
    /// A gated recurrent unit over the steps of a sequence.
    gru::Gru,
    /// A simple recurrent network over the steps of a sequence.
    rnn::Rnn,
    /// Every step of a sequence asks every step.
    attention::Attention,
    /// Adds to each step what tells its place.
    positional_encoding::PositionalEncoding,
    /// A row of a table for each index.
    embedding::Embedding,
    /// A table for each categorical column; other features pass.
    entity_embedding::EntityEmbedding,
    /// Largest number under a window.
    max_pool::MaxPool,
    /// Mean under a window.
    average_pool::AveragePool,
    /// One number for each channel of an image or feature of a sequence.
    global_pool::GlobalPool,
    /// Mean 0 and variance 1 for each channel over the batch.
    batch_norm::BatchNorm,
    /// Mean 0 and variance 1 for the features of each sample, step or pixel.
    layer_norm::LayerNorm,
    /// Each channel divided by the size of its neighbours.
    local_response_norm::LocalResponseNorm,
    /// An image or a sequence as a vector.
    flatten::Flatten,
    /// The same numbers in another shape.
    reshape::Reshape,
    /// More pixels or steps.
    upsample::Upsample,
    /// Layers with a way around them.
    residual::Residual,
}

impl Layer {
    /// The layer, with those inside it.
    #[must_use]
    pub fn n_layers(&self) -> usize {
        match self {
            Layer::Residual(block) => 1 + count(&block.layers),
            _ => 1,
        }
    }
}

/// All layers of a list, with those inside others.
#[must_use]
pub fn count(layers: &[Layer]) -> usize {
    layers.iter().map(Layer::n_layers).sum()
}
