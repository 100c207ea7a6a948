//! A network: layers in a row, then a head that makes one output per class or target; its parameters by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::aligned::Aligned;
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId};
use crate::init::Init;
use crate::layer::{Dense, Layer};
use crate::sample::SampleShape;

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
    /// An embedding: the place of a row among the others, one output per dimension; the value itself.
    Places,
}

/// The last, linear layer: as many units as there are outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of outputs.
    pub n_outputs: usize,
    /// What they mean.
    pub outcome: Outcome,
}

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Trained: it follows the gradient of the loss.
    Weight,
    /// Part of the model, but not trained: the layer says what it becomes after a step (a running mean).
    Statistic,
}

/// A parameter a layer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Name within the layer: `weight`, `bias`.
    pub name: Cow<'static, str>,
    /// Rows; for a weight the layer's inputs.
    pub rows: usize,
    /// Columns; for a weight the layer's outputs.
    pub cols: usize,
    /// First values.
    pub init: Init,
    /// Rows at the top that begin at zero, whatever `init` says: that of the unknown in a table of categories.
    pub zero_rows: usize,
    /// What it is for.
    pub role: Role,
}

impl ParameterSpec {
    /// A trained parameter.
    pub fn weight(name: &'static str, rows: usize, cols: usize, init: Init) -> ParameterSpec {
        ParameterSpec {
            name: name.into(),
            rows,
            cols,
            init,
            zero_rows: 0,
            role: Role::Weight,
        }
    }

    /// A statistic.
    pub fn statistic(name: &'static str, rows: usize, cols: usize, init: Init) -> ParameterSpec {
        ParameterSpec {
            role: Role::Statistic,
            ..ParameterSpec::weight(name, rows, cols, init)
        }
    }

    /// The parameter of a layer inside another.
    pub fn inside(self, outer: &str) -> ParameterSpec {
        ParameterSpec {
            name: format!("{outer}.{}", self.name).into(),
            ..self
        }
    }
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
    /// First values.
    pub init: Init,
    /// Rows at the top that begin at zero, whatever `init` says.
    pub zero_rows: usize,
    /// What it is for.
    pub role: Role,
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
    /// A layer cannot take what comes in.
    #[error("layer {layer_idx} ({kind}) {wanted}; what comes in is {} of {got}", .got.name())]
    Input {
        /// Position in the network, from 0.
        layer_idx: usize,
        /// Its kind.
        kind: &'static str,
        /// Shape of a sample that comes in.
        got: SampleShape,
        /// What the layer wants.
        wanted: String,
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
    /// There are more numbers than can be counted.
    #[error("layer {layer_idx} ({kind}) has more {what} for {} of {got} than this machine can address", .got.name())]
    TooLarge {
        /// Position in the network, from 0.
        layer_idx: usize,
        /// Its kind.
        kind: &'static str,
        /// Shape of a sample that comes in.
        got: SampleShape,
        /// Parameters or outputs.
        what: &'static str,
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
    /// Position of the layer in the network; layers inside it have the same.
    pub layer_idx: usize,
    /// Shape of a sample that comes in.
    pub input: SampleShape,
    /// Every parameter of the network.
    parameters: &'a [Parameter],
    /// Positions of the layer's own, in the order in which it named them.
    own: &'a [usize],
    /// Statistics and what they become.
    updates: &'a mut Vec<(usize, NodeId)>,
    /// Random ops so far within the layer.
    n_random: &'a mut u16,
}

impl Builder<'_> {
    /// The node of the layer's parameter number `idx`, in the order in which the layer named them.
    pub fn parameter(&mut self, idx: usize) -> NodeId {
        let position = self.own[idx];
        let Parameter { rows, cols, .. } = self.parameters[position];
        self.graph.parameter(position, rows, cols)
    }

    /// After a training step, the layer's statistic number `idx` becomes the value of `node`, which has its shape.
    pub fn update(&mut self, idx: usize, node: NodeId) {
        self.updates.push((self.own[idx], node));
    }

    /// A number that no other random op of the network has, so that two of them draw different numbers.
    pub fn stream_position(&mut self) -> u16 {
        let nth = *self.n_random;
        *self.n_random = nth.wrapping_add(1);
        // A network has at most 256 layers.
        (self.layer_idx as u16).wrapping_add(nth.wrapping_mul(256))
    }

    /// The error of a layer whose input does not have the shape it wants; [`Network::build`] finds it before.
    pub fn unfit(&self, layer: &'static str, input: NodeId) -> GraphError {
        GraphError::Shape {
            op: layer,
            got: self.graph.shape(input).to_string(),
            wanted: "it takes samples of the shape that was checked",
        }
    }

    /// Adds a layer inside this one; `first` is the number of its first parameter among this layer's, and `shape` that
    /// of a sample of `node`.
    ///
    /// # Errors
    /// When the layer's ops do not fit the shape.
    pub fn inner(
        &mut self,
        layer: &Layer,
        first: usize,
        shape: SampleShape,
        node: NodeId,
    ) -> Result<NodeId, GraphError> {
        let mut builder = Builder {
            graph: self.graph,
            mode: self.mode,
            layer_idx: self.layer_idx,
            input: shape,
            parameters: self.parameters,
            own: &self.own[first..],
            updates: self.updates,
            n_random: self.n_random,
        };
        layer.forward(&mut builder, node)
    }
}

/// A layer as a plan shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerOutline {
    /// Its kind; the linear layer that makes the outputs is `output`.
    pub kind: &'static str,
    /// Shape of a sample that comes out.
    pub output: SampleShape,
    /// Numbers that it learns.
    pub n_parameters: usize,
}

/// What a network adds to a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// The output of every layer, the network's output last.
    pub outputs: Vec<NodeId>,
    /// The network's output.
    pub output: NodeId,
    /// Positions of statistics and what they become after a training step.
    pub updates: Vec<(usize, NodeId)>,
}

/// Layers with their sizes and parameters worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    /// What goes into each layer, and what comes out of the last.
    shapes: Vec<SampleShape>,
    head: Head,
    /// Trained ones first, so that they are one piece for the optimizer; then the statistics.
    parameters: Vec<Parameter>,
    /// For each layer the positions of its parameters, in the order in which it named them.
    own: Vec<Vec<usize>>,
    n_trained: usize,
    n_parameters: usize,
}

impl Network {
    /// Every layer in order, the one of the head last.
    pub fn outline(&self) -> Vec<LayerOutline> {
        let outline = |(idx, layer): (usize, &Layer)| {
            let own = self.own[idx].iter().map(|&own| &self.parameters[own]);
            LayerOutline {
                kind: if idx + 1 == self.layers.len() {
                    "output"
                } else {
                    layer.kind()
                },
                output: self.shapes[idx + 1],
                n_parameters: own
                    .filter(|parameter| parameter.role == Role::Weight)
                    .map(Parameter::len)
                    .sum(),
            }
        };
        self.layers.iter().enumerate().map(outline).collect()
    }

    /// Works out sizes and parameters; the linear layer of the head is appended, which reads what comes as a vector.
    ///
    /// # Errors
    /// The first layer that does not fit what comes into it, or has a field with a value it cannot have.
    pub fn build(
        layers: &[Layer],
        input: impl Into<SampleShape>,
        head: Head,
    ) -> Result<Network, NetworkError> {
        let input = input.into();
        if input.n_numbers() == 0 || head.n_outputs == 0 {
            return Err(NetworkError::Empty);
        }
        let mut all = layers.to_vec();
        all.push(Layer::Dense(Dense::new(head.n_outputs)));
        let (mut shapes, mut wanted) = (vec![input], Vec::new());
        let mut shape = input;
        for (layer_idx, layer) in all.iter().enumerate() {
            let is_head = layer_idx == layers.len();
            if is_head {
                shape = shape.flat();
                shapes[layer_idx] = shape;
            }
            let output = checked_output(layer, layer_idx, shape)?;
            let prefix = if is_head {
                "output".to_owned()
            } else {
                format!("layers.{layer_idx}")
            };
            let own = layer.parameters(shape).into_iter();
            let own = own.map(|parameter| parameter.inside(&prefix)).enumerate();
            wanted.extend(own.map(|(idx, parameter)| ((layer_idx, idx), parameter)));
            shape = output;
            shapes.push(shape);
        }
        // A stable sort: within each role, the order of the layers.
        wanted.sort_by_key(|(_, parameter)| parameter.role == Role::Statistic);
        let (mut parameters, mut n_trained, mut offset) = (Vec::new(), 0, 0_usize);
        let mut own: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); all.len()];
        for ((layer_idx, idx), wanted) in wanted {
            own[layer_idx].insert(idx, parameters.len());
            let end = wanted
                .rows
                .checked_mul(wanted.cols)
                .and_then(|len| offset.checked_add(len))
                .filter(|&end| end <= isize::MAX as usize / 8)
                .ok_or_else(|| NetworkError::TooLarge {
                    layer_idx,
                    kind: all[layer_idx].kind(),
                    got: shapes[layer_idx],
                    what: "parameters",
                })?;
            parameters.push(Parameter {
                name: wanted.name.into_owned(),
                layer_idx,
                rows: wanted.rows,
                cols: wanted.cols,
                offset,
                init: wanted.init,
                zero_rows: wanted.zero_rows,
                role: wanted.role,
            });
            offset = end;
            if wanted.role == Role::Weight {
                n_trained = end;
            }
        }
        Ok(Network {
            layers: all,
            shapes,
            head,
            parameters,
            own: own
                .into_iter()
                .map(|own| own.into_values().collect())
                .collect(),
            n_trained,
            n_parameters: offset,
        })
    }

    /// The layers, the head's linear layer last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Shape of a sample that goes in.
    pub fn input(&self) -> SampleShape {
        // There is always the head, so there are always two shapes; what goes in is the first.
        self.shapes[0]
    }

    /// Shape of a sample after each layer.
    pub fn shapes(&self) -> &[SampleShape] {
        &self.shapes[1..]
    }

    /// Numbers of a sample that goes in.
    pub fn n_features(&self) -> usize {
        self.input().n_numbers()
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

    /// Numbers of all parameters together: the trained ones, then the statistics.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// Number of trained numbers; they are the first in the buffer.
    pub fn n_trained(&self) -> usize {
        self.n_trained
    }

    /// Numbers of a sample after each layer.
    pub fn widths(&self) -> Vec<usize> {
        self.shapes()
            .iter()
            .map(|shape| shape.n_numbers())
            .collect()
    }

    /// First values of all parameters; a function of the seed alone.
    pub fn initialise<T: Real>(&self, seed: u64) -> Parameters<T> {
        let mut values = Aligned::zeros(self.n_parameters);
        for (position, parameter) in self.parameters.iter().enumerate() {
            parameter.init.fill(
                &mut values[parameter.range()],
                parameter.rows,
                parameter.cols,
                seed,
                position as u16,
            );
            values[parameter.offset..][..parameter.zero_rows * parameter.cols].fill(T::ZERO);
        }
        Parameters { values }
    }

    /// Adds the whole network to a graph.
    ///
    /// # Errors
    /// When the ops of a layer do not fit; never after `build` found that the layers do.
    pub fn forward(
        &self,
        graph: &mut Graph,
        input: NodeId,
        mode: Mode,
    ) -> Result<Forward, NetworkError> {
        self.forward_from(0, graph, input, mode)
    }

    /// As [`Network::forward`], without the layers before number `first_layer_idx`: `input` is what comes out of them.
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn forward_from(
        &self,
        first_layer_idx: usize,
        graph: &mut Graph,
        input: NodeId,
        mode: Mode,
    ) -> Result<Forward, NetworkError> {
        // Every parameter has its place in the buffer, those of the layers that are left out too.
        for (position, parameter) in self.parameters.iter().enumerate() {
            if parameter.layer_idx < first_layer_idx {
                graph.parameter(position, parameter.rows, parameter.cols);
            }
        }
        let mut forward = Forward {
            outputs: Vec::with_capacity(self.layers.len()),
            output: input,
            updates: Vec::new(),
        };
        for (layer_idx, layer) in self.layers.iter().enumerate().skip(first_layer_idx) {
            let mut builder = Builder {
                graph,
                mode,
                layer_idx,
                input: self.shapes[layer_idx],
                parameters: &self.parameters,
                own: &self.own[layer_idx],
                updates: &mut forward.updates,
                n_random: &mut 0,
            };
            forward.output = layer
                .forward(&mut builder, forward.output)
                .map_err(|source| NetworkError::Layer {
                    layer_idx,
                    kind: layer.kind(),
                    source,
                })?;
            forward.outputs.push(forward.output);
        }
        Ok(forward)
    }
}

/// Shape of a sample after a layer, if its fields are sound and it takes what comes in.
fn checked_output(
    layer: &Layer,
    layer_idx: usize,
    input: SampleShape,
) -> Result<SampleShape, NetworkError> {
    let kind = layer.kind();
    if let Some((_, reason)) = layer.faults().into_iter().next() {
        return Err(NetworkError::Field {
            layer_idx,
            kind,
            reason,
        });
    }
    let output = layer
        .output_shape(input)
        .map_err(|wanted| NetworkError::Input {
            layer_idx,
            kind,
            got: input,
            wanted,
        })?;
    // Far beyond any memory, and far from where products of sizes overflow.
    if output.n_numbers() > isize::MAX as usize / 8 {
        return Err(NetworkError::TooLarge {
            layer_idx,
            kind,
            got: input,
            what: "outputs",
        });
    }
    Ok(output)
}

/// The trained numbers of a network: one buffer, in the order of [`Network::parameters`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters<T: Real> {
    /// All parameters one after another.
    pub values: Aligned<T>,
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
