//! `{"kind": "entity_embedding", "tables": [{"feature": 1, "vocabulary": 9, "dimensions": 5}]}`: a table for each categorical column.
//!
//! Of a sample x `[features]`, the feature that a table names is an index, and its row of the table takes its place; all other
//! features pass unchanged: y = [x_0, E1_(x_1), x_2, ...] (Guo, Berkhahn 2016). Index 0 stands for what is unknown: what is no
//! index of the table reads its row, which begins at zero, so a row that nothing ever trained adds nothing.
//!
//! A spec whose preprocessing embeds categories gets this layer in front of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Concat, Gather, Index, MAX_INPUTS, Slice};
use crate::sample::SampleShape;

/// Most tables: each is a line of the resolved spec, which must not outgrow what may be posted again.
const MOST_TABLES: usize = 512;

/// A table for each categorical column; other features pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntityEmbedding {
    /// The tables, in the order of their features.
    #[schemars(length(min = 1, max = 512))]
    pub tables: Vec<Table>,
    /// How the tables are drawn. Default: `glorot_normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

/// The table of one feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Position of the feature that is an index, from 0. Resolving sets it where the preprocessing embeds categories.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub feature: usize,
    /// Number of indices, 0 for the unknown among them, at least 1. Resolving sets it likewise.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub vocabulary: usize,
    /// Numbers an index becomes, at least 1.
    #[schemars(range(min = 1, max = 1_024))]
    pub dimensions: usize,
}

impl Table {
    /// The rule of thumb of fastai's tabular models, 1.6 v^0.56 for v indices, but at most 50.
    pub fn usual_dimensions(vocabulary: usize) -> usize {
        (1.6 * (vocabulary as f64).powf(0.56)).round().min(50.0) as usize
    }
}

/// What lies beside each other in an output, in order.
enum Piece {
    /// These features as they are.
    Passed(std::ops::Range<usize>),
    /// A row of the table of this number.
    Looked(usize, Table),
}

impl EntityEmbedding {
    /// These tables, in the order of their features.
    pub fn new(tables: Vec<Table>) -> EntityEmbedding {
        EntityEmbedding { tables, init: None }
    }

    fn init(&self) -> Init {
        self.init.unwrap_or(Init::GlorotNormal)
    }

    fn pieces(&self, features: usize) -> Vec<Piece> {
        let (mut pieces, mut next) = (Vec::new(), 0);
        for (number, &table) in self.tables.iter().enumerate() {
            if table.feature > next {
                pieces.push(Piece::Passed(next..table.feature));
            }
            pieces.push(Piece::Looked(number, table));
            next = table.feature + 1;
        }
        if features > next {
            pieces.push(Piece::Passed(next..features));
        }
        pieces
    }
}

impl Rule for EntityEmbedding {
    const KIND: &'static str = "entity_embedding";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        let (SampleShape::Vector { features }, Some(last)) = (input, self.tables.last()) else {
            return Err("takes a vector of features, some of which are indices".into());
        };
        if last.feature >= features {
            return Err(format!("reads feature {}, counted from 0", last.feature));
        }
        let widths = self.tables.iter().map(|table| table.dimensions);
        let width = widths.fold(features - self.tables.len(), usize::saturating_add);
        Ok(width.into())
    }

    fn parameters(&self, _input: SampleShape) -> Vec<ParameterSpec> {
        let table = |(number, table): (usize, &Table)| ParameterSpec {
            zero_rows: 1,
            ..ParameterSpec::weight("table", table.vocabulary, table.dimensions, self.init())
                .inside(&number.to_string())
        };
        self.tables.iter().enumerate().map(table).collect()
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let features = builder.input.n_numbers();
        let x = builder.graph.view(input, 1, features)?;
        let columns = |graph: &mut Graph, range| {
            graph.apply(Slice::of(Shape::batch(features), 0, 1, range), &[x])
        };
        let mut nodes = Vec::new();
        for piece in self.pieces(features) {
            nodes.push(match piece {
                Piece::Passed(range) => columns(builder.graph, range)?,
                Piece::Looked(number, table) => {
                    let vocabulary = table.vocabulary;
                    let index = columns(builder.graph, table.feature..table.feature + 1)?;
                    let index = builder.graph.apply(Index { vocabulary }, &[index])?;
                    let table = builder.parameter(number);
                    builder.graph.apply(Gather, &[table, index])?
                }
            });
        }
        beside(builder.graph, nodes)
    }

    fn origins(&self, input: SampleShape) -> Option<Vec<usize>> {
        let pieces = self.pieces(input.n_numbers()).into_iter();
        let of_piece = |piece| match piece {
            Piece::Passed(range) => range.collect(),
            Piece::Looked(_, table) => vec![table.feature; table.dimensions],
        };
        Some(pieces.flat_map(of_piece).collect())
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if self.tables.is_empty() {
            faults.push(("tables", "an embedding has at least 1 table".to_owned()));
        }
        if self.tables.len() > MOST_TABLES {
            faults.push((
                "tables",
                format!(
                    "an embedding has at most {MOST_TABLES} tables, not {}",
                    self.tables.len()
                ),
            ));
        }
        if !self.tables.is_sorted_by(|a, b| a.feature < b.feature) {
            let reason = "every table reads a feature of its own, in the order of the features";
            faults.push(("tables", reason.to_owned()));
        }
        // Beyond 2^20 a feature, which is an f32, does not hold every index.
        let sound = |table: &Table| {
            (1..=1 << 20).contains(&table.vocabulary) && (1..=1024).contains(&table.dimensions)
        };
        if let Some(number) = self.tables.iter().position(|table| !sound(table)) {
            let reason = format!(
                "table {number} must have from 1 to 1048576 indices and from 1 to 1024 dimensions"
            );
            faults.push(("tables", reason));
        }
        faults
    }

    fn resolved(&self) -> EntityEmbedding {
        EntityEmbedding {
            init: Some(self.init()),
            ..self.clone()
        }
    }
}

/// Joins nodes in their order, as many at once as an op takes.
fn beside(graph: &mut Graph, mut nodes: Vec<NodeId>) -> Result<NodeId, GraphError> {
    while nodes.len() > 1 {
        let join = |some: &[NodeId]| match some {
            [only] => Ok(*only),
            several => graph.apply(Concat, several),
        };
        nodes = nodes
            .chunks(MAX_INPUTS)
            .map(join)
            .collect::<Result<_, _>>()?;
    }
    nodes.pop().ok_or(GraphError::Shape {
        op: EntityEmbedding::KIND,
        got: "no features".to_owned(),
        wanted: "it takes samples of the shape that was checked",
    })
}
