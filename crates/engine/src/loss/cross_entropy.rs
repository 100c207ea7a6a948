//! `{"kind": "cross_entropy", "class_weights": "balanced", "label_smoothing": 0.1}`: classes, one output per class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossNodes;
use crate::graph::{Graph, GraphError, NodeId};
use crate::op;

/// Mean of -w_y ln softmax(z)_y over the batch, divided by the mean weight; z are the outputs, y the class.
///
/// With smoothing s over K classes the target is (1 - s) for the class plus s / K for every class; the formula with
/// weights stands at [`op::CrossEntropy`] and is PyTorch's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrossEntropy {
    /// Weight of each class; all 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// Part of the target spread over all classes, at least 0 and below 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 0.99))]
    pub label_smoothing: f64,
}

/// How much each class counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ClassWeights {
    /// A rule that reads the training rows.
    Rule(WeightRule),
    /// One weight per class, in the order of the classes.
    Values(Vec<f64>),
}

/// A rule for class weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeightRule {
    /// n / (K n_c): every class weighs the same in total, and the mean weight is 1.
    Balanced,
}

impl ClassWeights {
    /// `"balanced"`.
    pub const BALANCED: ClassWeights = ClassWeights::Rule(WeightRule::Balanced);

    /// The weights as numbers, for training rows that hold class c `counts[c]` times. A class without rows weighs 0.
    pub fn values(&self, counts: &[u64]) -> Vec<f64> {
        match self {
            ClassWeights::Values(values) => values.clone(),
            ClassWeights::Rule(WeightRule::Balanced) => {
                let n: u64 = counts.iter().sum();
                let of_class = |&count: &u64| match count {
                    0 => 0.0,
                    _ => n as f64 / (counts.len() as f64 * count as f64),
                };
                counts.iter().map(of_class).collect()
            }
        }
    }
}

impl CrossEntropy {
    /// The same loss with the rule `balanced` replaced by numbers; a plan accepts only numbers.
    pub fn resolved(&self, counts: &[u64]) -> CrossEntropy {
        let class_weights = self
            .class_weights
            .as_ref()
            .map(|weights| ClassWeights::Values(weights.values(counts)));
        CrossEntropy {
            class_weights,
            ..self.clone()
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        "cross_entropy"
    }

    pub(super) fn forward(
        &self,
        graph: &mut Graph,
        output: NodeId,
    ) -> Result<LossNodes, GraphError> {
        let labels = graph.labels();
        let op = op::CrossEntropy {
            label_smoothing: self.label_smoothing,
        };
        match &self.class_weights {
            None => Ok(LossNodes {
                mean: graph.apply(op, &[output, labels])?,
                weight: None,
            }),
            Some(ClassWeights::Values(values)) => {
                let class_weights = graph.constant(values.clone());
                let weight = graph.apply(op::LabelWeight, &[class_weights, labels])?;
                let mean = graph.apply(op, &[output, labels, class_weights, weight])?;
                Ok(LossNodes {
                    mean,
                    weight: Some(weight),
                })
            }
            Some(ClassWeights::Rule(_)) => Err(GraphError::Shape {
                op: "cross_entropy",
                got: "class_weights \"balanced\"".to_owned(),
                wanted: "the rule must first be resolved to one number per class",
            }),
        }
    }

    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !(0.0..=0.99).contains(&self.label_smoothing) {
            faults.push((
                "label_smoothing",
                format!(
                    "label_smoothing lies between 0 and 0.99, not {}",
                    self.label_smoothing
                ),
            ));
        }
        if let Some(ClassWeights::Values(values)) = &self.class_weights
            && (values
                .iter()
                .any(|w| !((*w as f32).is_finite() && *w >= 0.0))
                || values.iter().all(|&w| w as f32 == 0.0))
        {
            faults.push((
                "class_weights",
                "class weights are not negative, at most 3.4e38, and not all zero".to_owned(),
            ));
        }
        faults
    }
}
