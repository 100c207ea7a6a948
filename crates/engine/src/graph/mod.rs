//! What is to be computed, without any data: nodes with shapes, each made by an op from earlier nodes.
//!
//! Every value is a matrix in row-major order. A value that belongs to the samples has [`Rows::PerSample`] rows, a number
//! that is known only when a step runs; so one graph serves every batch size. A sample is one row, or several: a
//! sequence of 100 steps may be seen as `[batch x 100 f]` or as `[100 batch x f]`, which are the same numbers
//! ([`crate::op::Reshape`]).
//!
//! ```text
//! x [batch x 4] --matmul--> [batch x 16] --add_row--> [batch x 16] --activate--> ...
//! w [4 x 16] ----^            b [1 x 16] ----^
//! ```

mod derive;

use crate::op::{Op, Reshape};

/// A node of one graph. Nodes are numbered in an order in which they can be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// Position of the node in its graph.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How many rows a matrix has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// This many for each sample of the batch, at least 1.
    PerSample(usize),
    /// A number fixed by the network.
    Fixed(usize),
}

impl Rows {
    /// The number of rows when the batch has `batch_rows`.
    #[inline]
    pub fn count(self, batch_rows: usize) -> usize {
        match self {
            Rows::PerSample(n_rows) => batch_rows.saturating_mul(n_rows),
            Rows::Fixed(n_rows) => n_rows,
        }
    }
}

/// Rows and columns of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of rows.
    pub rows: Rows,
    /// Number of columns.
    pub cols: usize,
}

impl Shape {
    /// One row per sample, `cols` columns.
    pub const fn batch(cols: usize) -> Shape {
        Shape {
            rows: Rows::PerSample(1),
            cols,
        }
    }

    /// `rows` rows per sample, `cols` columns.
    pub const fn per_sample(rows: usize, cols: usize) -> Shape {
        Shape {
            rows: Rows::PerSample(rows),
            cols,
        }
    }

    /// A matrix whose size does not depend on the batch.
    pub const fn fixed(rows: usize, cols: usize) -> Shape {
        Shape {
            rows: Rows::Fixed(rows),
            cols,
        }
    }

    /// A single number.
    pub const SCALAR: Shape = Shape::fixed(1, 1);
}

impl std::fmt::Display for Shape {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rows {
            Rows::PerSample(1) => write!(out, "[batch x {}]", self.cols),
            Rows::PerSample(rows) => write!(out, "[{rows} batch x {}]", self.cols),
            Rows::Fixed(rows) => write!(out, "[{rows} x {}]", self.cols),
        }
    }
}

/// Why a graph cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// An op was given matrices that do not fit together.
    #[error("{op} cannot take {got}: {wanted}")]
    Shape {
        /// Name of the op.
        op: &'static str,
        /// The shapes it was given.
        got: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// A derivative was asked for that no rule gives.
    #[error("{op} has no derivative rule for its input {input_idx}")]
    NoDerivative {
        /// Name of the op.
        op: &'static str,
        /// The input, counted from 0.
        input_idx: usize,
    },
}

/// Where the value of a node comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// The features of the batch.
    Features,
    /// The target values of the batch.
    Targets,
    /// The class of each row of the batch; its numbers are `u32` and reach the ops beside the matrices.
    Labels,
    /// The parameter at this position of the network.
    Parameter(usize),
    /// Numbers that never change.
    Constant(Vec<f64>),
    /// Computed from other nodes.
    Computed(Op),
}

/// One value of the computation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value comes from.
    pub origin: Origin,
    /// What it is computed from, in the order the op names its inputs.
    pub inputs: Vec<NodeId>,
    /// Rows and columns.
    pub shape: Shape,
}

/// A computation: nodes in an order in which they can be computed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Every node, in computing order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Shape of one node.
    pub fn shape(&self, id: NodeId) -> Shape {
        self.node(id).shape
    }

    /// Every node's id, in computing order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    fn push(&mut self, origin: Origin, inputs: Vec<NodeId>, shape: Shape) -> NodeId {
        self.nodes.push(Node {
            origin,
            inputs,
            shape,
        });
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// The features of the batch, `[batch x n_features]`.
    pub fn features(&mut self, n_features: usize) -> NodeId {
        self.push(Origin::Features, Vec::new(), Shape::batch(n_features))
    }

    /// The target values of the batch, `[batch x n_targets]`.
    pub fn targets(&mut self, n_targets: usize) -> NodeId {
        self.push(Origin::Targets, Vec::new(), Shape::batch(n_targets))
    }

    /// The class of each row of the batch, `[batch x 1]`.
    pub fn labels(&mut self) -> NodeId {
        self.push(Origin::Labels, Vec::new(), Shape::batch(1))
    }

    /// The parameter at `position` of the network, `[rows x cols]`.
    pub fn parameter(&mut self, position: usize, rows: usize, cols: usize) -> NodeId {
        self.push(
            Origin::Parameter(position),
            Vec::new(),
            Shape::fixed(rows, cols),
        )
    }

    /// Every parameter that was added: its position in the network and its node.
    pub fn parameter_nodes(&self) -> Vec<(usize, NodeId)> {
        let position = |id| match self.node(id).origin {
            Origin::Parameter(position) => Some((position, id)),
            _ => None,
        };
        self.ids().filter_map(position).collect()
    }

    /// Where each parameter starts in the buffer that holds them one after another, by position.
    pub fn parameter_offsets(&self) -> Vec<usize> {
        let nodes = self.parameter_nodes();
        let n = nodes
            .iter()
            .map(|(position, _)| position + 1)
            .max()
            .unwrap_or(0);
        let mut lengths = vec![0; n];
        for (position, id) in nodes {
            let shape = self.shape(id);
            lengths[position] = shape.rows.count(1) * shape.cols;
        }
        let starts = lengths.iter().scan(0, |end, length| {
            *end += length;
            Some(*end - length)
        });
        starts.collect()
    }

    /// The same numbers with `rows` rows per sample. Errs when they cannot be cut so.
    pub fn view(&mut self, node: NodeId, rows: usize, cols: usize) -> Result<NodeId, GraphError> {
        let shape = Shape::per_sample(rows, cols);
        if self.shape(node) == shape {
            return Ok(node);
        }
        self.apply(Reshape { shape }, &[node])
    }

    /// One row of numbers that never change.
    pub fn constant(&mut self, numbers: Vec<f64>) -> NodeId {
        let shape = Shape::fixed(1, numbers.len());
        self.push(Origin::Constant(numbers), Vec::new(), shape)
    }

    /// The node that has this op on these inputs: one that is there already, or a new one. So rules for several inputs of an
    /// op share what they have in common.
    pub fn shared(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let op = op.into();
        let origin = Origin::Computed(op.clone());
        let same = |id: &NodeId| self.node(*id).origin == origin && self.node(*id).inputs == inputs;
        match self.ids().rev().find(same) {
            Some(id) => Ok(id),
            None => self.apply(op, inputs),
        }
    }

    /// Adds an op. Errs when the shapes of its inputs do not fit together.
    pub fn apply(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        let op = op.into();
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = op.shape(&shapes)?;
        Ok(self.push(Origin::Computed(op), inputs.to_vec(), shape))
    }
}
