//! `{"kind": "embedding", "vocabulary": 1000, "dimensions": 32}`: a row of a table for each index.
//!
//! y_t = E_(k_t), with k `[steps]` indices from 0, E `[vocabulary x dimensions]`, y `[steps x dimensions]`. Index 0 stands for
//! what is unknown: what is no index of the table (negative, too large, not a number) reads its row; a fraction is cut off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rule;
use crate::graph::{GraphError, NodeId};
use crate::init::Init;
use crate::network::{Builder, ParameterSpec};
use crate::op::{Gather, Index};
use crate::sample::SampleShape;

/// A row of a table for each index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Number of indices, 0 for the unknown among them, at least 1.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub vocabulary: usize,
    /// Numbers an index becomes, at least 1.
    #[schemars(range(min = 1, max = 65_536))]
    pub dimensions: usize,
    /// How E is drawn. Default: `glorot_normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
}

impl Embedding {
    /// A table of that size.
    pub fn new(vocabulary: usize, dimensions: usize) -> Embedding {
        Embedding {
            vocabulary,
            dimensions,
            init: None,
        }
    }

    fn init(&self) -> Init {
        self.init.unwrap_or(Init::GlorotNormal)
    }
}

impl Rule for Embedding {
    const KIND: &'static str = "embedding";

    fn output_shape(&self, input: SampleShape) -> Result<SampleShape, String> {
        match input {
            SampleShape::Vector { features: steps }
            | SampleShape::Sequence { steps, features: 1 } => Ok(SampleShape::Sequence {
                steps,
                features: self.dimensions,
            }),
            _ => Err("takes a vector of indices, or a sequence with one index in each step".into()),
        }
    }

    fn parameters(&self, _input: SampleShape) -> Vec<ParameterSpec> {
        let (rows, cols) = (self.vocabulary, self.dimensions);
        vec![ParameterSpec::weight("table", rows, cols, self.init())]
    }

    fn forward(&self, builder: &mut Builder<'_>, input: NodeId) -> Result<NodeId, GraphError> {
        let vocabulary = self.vocabulary;
        let (steps, table) = (builder.input.n_numbers(), builder.parameter(0));
        let indices = builder.graph.apply(Index { vocabulary }, &[input])?;
        let y = builder.graph.apply(Gather, &[table, indices])?;
        builder.graph.view(y, 1, steps * self.dimensions)
    }

    fn origins(&self, input: SampleShape) -> Option<Vec<usize>> {
        let steps = 0..input.n_numbers();
        Some(
            steps
                .flat_map(|step| std::iter::repeat_n(step, self.dimensions))
                .collect(),
        )
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        // Beyond this a feature, which is an f32, does not hold every index.
        if !(1..=1 << 20).contains(&self.vocabulary) {
            faults.push((
                "vocabulary",
                "an embedding has from 1 to 1048576 indices".to_owned(),
            ));
        }
        if self.dimensions == 0 {
            faults.push((
                "dimensions",
                "an embedding has at least 1 dimension".to_owned(),
            ));
        }
        faults
    }

    fn resolved(&self) -> Embedding {
        Embedding {
            init: Some(self.init()),
            ..self.clone()
        }
    }
}
