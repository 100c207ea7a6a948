//! A network: layers in a row, then a head that makes one output per class or target; its parameters by name.

use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId};
use crate::init::Init;
use crate::layer::{Dense, Layer};

/// What the graph is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Training: dropout drops.
    Train,
    /// Evaluation and prediction: dropout does nothing.
    Evaluate,
}

/// What the outputs of a network mean, which is how a prediction is made of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One output per class; probabilities are their softmax.
    Classes,
    /// One output for two classes; the probability of class 1 is its sigmoid.
    Binary,
    /// One output per target; the value itself.
    Values,
    /// One output per target; the expected count is its exponential.
    Counts,
    /// One output per target; the shares of a whole are their softmax.
    Shares,
}

/// The last, linear layer: as many units as there are outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of outputs.
    pub n_outputs: usize,
    /// What they mean.
    pub outcome: Outcome,
}

/// A parameter a layer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Name within the layer: `weight`, `bias`.
    pub name: &'static str,
    /// Rows; for a weight the layer's inputs.
    pub rows: usize,
    /// Columns; for a weight the layer's outputs.
    pub cols: usize,
    /// How it is drawn.
    pub init: Init,
}

/// A parameter of a network: a part of the one buffer that holds all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// `layers.0.weight`, `output.bias`.
    pub name: String,
    /// The layer it belongs to; the head counts as the last one.
    pub layer_idx: usize,
    /// Rows; for a weight the layer's inputs.
    pub rows: usize,
    /// Columns; for a weight the layer's outputs.
    pub cols: usize,
    /// Where it starts in the buffer, in elements.
    pub offset: usize,
    /// How it is drawn.
    pub init: Init,
}

impl Parameter {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// A parameter is never empty in a network that was built.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its place in the buffer.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// Why a network cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// A layer does not fit.
    #[error("layer {layer_idx} ({kind}): {source}")]
    Layer {
        /// Position in the network, from 0.
        layer_idx: usize,
        /// Its kind.
        kind: &'static str,
        /// What is wrong.
        source: GraphError,
    },
    /// The loss does not fit the outputs.
    #[error("loss: {0}")]
    Loss(#[from] GraphError),
    /// A layer's field has a value it cannot have.
    #[error("layer {layer_idx} ({kind}): {reason}")]
    Field {
        /// Position in the network, from 0.
        layer_idx: usize,
        /// Its kind.
        kind: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There are more parameters than can be counted.
    #[error("layer {layer_idx}: the number of parameters exceeds what this machine can address")]
    TooLarge {
        /// Position in the network, from 0.
        layer_idx: usize,
    },
    /// Nothing goes in or comes out.
    #[error("a network has at least one input and one output")]
    Empty,
}

/// Hands a layer its parameters while the graph is being built.
pub struct Builder<'a> {
    /// The graph that grows.
    pub graph: &'a mut Graph,
    /// What it is built for.
    pub mode: Mode,
    /// Position of the layer in the network.
    pub layer_idx: usize,
    parameters: &'a [Parameter],
    first: usize,
}

impl Builder<'_> {
    /// The node of the layer's parameter number `idx`, in the order in which the layer named them.
    pub fn parameter(&mut self, idx: usize) -> NodeId {
        let position = self.first + idx;
        let Parameter { rows, cols, .. } = self.parameters[position];
        self.graph.parameter(position, rows, cols)
    }
}

/// Layers with their sizes and parameters worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    n_features: usize,
    head: Head,
    parameters: Vec<Parameter>,
    n_parameters: usize,
}

impl Network {
    /// Works out sizes and parameters; the linear layer of the head is appended.
    pub fn build(layers: &[Layer], n_features: usize, head: Head) -> Result<Network, NetworkError> {
        if n_features == 0 || head.n_outputs == 0 {
            return Err(NetworkError::Empty);
        }
        let mut all = layers.to_vec();
        all.push(Layer::Dense(Dense::new(head.n_outputs)));
        let mut parameters = Vec::new();
        let (mut width, mut offset) = (n_features, 0_usize);
        for (layer_idx, layer) in all.iter().enumerate() {
            if let Some((_, reason)) = layer.faults().into_iter().next() {
                return Err(NetworkError::Field {
                    layer_idx,
                    kind: layer.kind(),
                    reason,
                });
            }
            let prefix = if layer_idx == layers.len() {
                "output".to_owned()
            } else {
                format!("layers.{layer_idx}")
            };
            for ParameterSpec {
                name,
                rows,
                cols,
                init,
            } in layer.parameters(width)
            {
                let end = rows
                    .checked_mul(cols)
                    .and_then(|len| offset.checked_add(len))
                    .filter(|&end| end <= isize::MAX as usize / 8);
                parameters.push(Parameter {
                    name: format!("{prefix}.{name}"),
                    layer_idx,
                    rows,
                    cols,
                    offset,
                    init,
                });
                offset = end.ok_or(NetworkError::TooLarge { layer_idx })?;
            }
            width = layer.n_outputs(width);
        }
        Ok(Network {
            layers: all,
            n_features,
            head,
            parameters,
            n_parameters: offset,
        })
    }

    /// The layers, the head's linear layer last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Number of columns that go in.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The head.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Number of columns that come out.
    pub fn n_outputs(&self) -> usize {
        self.head.n_outputs
    }

    /// Every parameter, in the order of the buffer.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Number of trained numbers.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// Number of columns after each layer.
    pub fn widths(&self) -> Vec<usize> {
        let mut width = self.n_features;
        self.layers
            .iter()
            .map(|layer| {
                width = layer.n_outputs(width);
                width
            })
            .collect()
    }

    /// First values of all parameters; a function of the seed alone.
    pub fn initialise<T: Real>(&self, seed: u64) -> Parameters<T> {
        let mut values = vec![T::ZERO; self.n_parameters];
        for (position, parameter) in self.parameters.iter().enumerate() {
            parameter.init.fill(
                &mut values[parameter.range()],
                parameter.rows,
                parameter.cols,
                seed,
                position as u16,
            );
        }
        Parameters { values }
    }

    /// Adds the whole network to a graph and answers the output of every layer, the network's output last.
    pub fn forward(
        &self,
        graph: &mut Graph,
        input: NodeId,
        mode: Mode,
    ) -> Result<Vec<NodeId>, NetworkError> {
        let mut outputs = Vec::with_capacity(self.layers.len());
        let (mut node, mut first) = (input, 0);
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            let n_own = self
                .parameters
                .iter()
                .filter(|parameter| parameter.layer_idx == layer_idx)
                .count();
            let mut builder = Builder {
                graph,
                mode,
                layer_idx,
                parameters: &self.parameters,
                first,
            };
            node = layer
                .forward(&mut builder, node)
                .map_err(|source| NetworkError::Layer {
                    layer_idx,
                    kind: layer.kind(),
                    source,
                })?;
            outputs.push(node);
            first += n_own;
        }
        Ok(outputs)
    }
}

/// The trained numbers of a network: one buffer, in the order of [`Network::parameters`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<T> {
    /// All parameters one after another.
    pub values: Vec<T>,
}

impl<T: Real> Parameters<T> {
    /// One parameter, row-major.
    pub fn of(&self, parameter: &Parameter) -> &[T] {
        &self.values[parameter.range()]
    }

    /// One parameter, row-major, to be changed.
    pub fn of_mut(&mut self, parameter: &Parameter) -> &mut [T] {
        &mut self.values[parameter.range()]
    }
}
