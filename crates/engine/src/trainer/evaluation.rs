//! Measures a network on a part of the data, reusing its buffers from epoch to epoch.

use super::EngineError;
use super::rows::Rows;
use crate::dataset::Targets;
use crate::isa::{Cpu, Isa};
use crate::loss::Loss;
use crate::metrics::{ClassificationMetrics, EmbeddingMetrics, LOSS, Part, RegressionMetrics};
use crate::network::{Head, Network, Outcome, Parameters};
use crate::op::{exponential, softmax_in_place};
use crate::plan::{EVALUATED_ROWS, EvaluationPlan};

/// A named metric of a part.
pub(crate) type Measured = (&'static str, f64);

/// What is measured beside the loss.
#[derive(Clone, Debug)]
pub(crate) enum Measures {
    Classes(ClassificationMetrics),
    Values(RegressionMetrics),
    Places(EmbeddingMetrics),
}

impl Measures {
    /// The measures of such outputs of a network.
    pub(crate) fn of(head: Head, targets: &Targets) -> Self {
        match targets {
            Targets::Classes { .. } if head.outcome == Outcome::Places => {
                Self::Places(EmbeddingMetrics::new(head.n_outputs))
            }
            Targets::Classes { names, .. } => {
                Self::Classes(ClassificationMetrics::new(names.len()))
            }
            Targets::Values { std, .. } => Self::Values(RegressionMetrics::new(std)),
        }
    }

    /// Measures these outputs and appends what is finite.
    pub(crate) fn report(
        &mut self,
        outputs: &[f32],
        rows: &Rows,
        part: Part,
        into: &mut Vec<Measured>,
    ) {
        let mut push = |metric: crate::metrics::Metric, value: f64| {
            if value.is_finite() {
                into.push((metric.on(part), value));
            }
        };
        match self {
            Self::Classes(metrics) => {
                metrics.clear();
                metrics.add(outputs, &rows.labels);
                metrics.report(&mut push);
            }
            Self::Values(metrics) => {
                metrics.clear();
                metrics.add(outputs, &rows.values);
                metrics.report(&mut push);
            }
            Self::Places(metrics) => metrics.report(outputs, &rows.labels, &mut push),
        }
    }
}

/// A network compiled to be measured.
pub(crate) struct Evaluator {
    plan: EvaluationPlan<f32>,
    outputs: Vec<f32>,
    n_outputs: usize,
    outcome: Outcome,
    isa: Isa,
    pub(crate) measures: Measures,
}

impl Evaluator {
    pub(crate) fn new(
        network: &Network,
        loss: &Loss,
        targets: &Targets,
        most_rows: usize,
        cpu: Cpu,
    ) -> Result<Self, EngineError> {
        let plan =
            EvaluationPlan::compile(network, loss, EVALUATED_ROWS.min(most_rows).max(1), cpu)?;
        Ok(Self {
            plan,
            outputs: Vec::new(),
            n_outputs: network.n_outputs(),
            outcome: network.head().outcome,
            isa: cpu.isa,
            measures: Measures::of(network.head(), targets),
        })
    }

    /// `[rows x n_outputs]` of the part measured last: logits of classes, embeddings, else predictions as the targets are scaled.
    pub(crate) fn outputs(&self) -> &[f32] {
        &self.outputs
    }

    /// The mean loss of a part, with its outputs kept; NaN for no rows.
    pub(crate) fn loss(&mut self, parameters: &Parameters<f32>, rows: &Rows) -> f64 {
        self.outputs.resize(rows.n_rows * self.n_outputs, 0.0);
        if rows.n_rows == 0 {
            return f64::NAN;
        }
        self.plan.evaluate(
            parameters,
            &rows.features,
            rows.targets(),
            &mut self.outputs,
        )
    }

    /// Appends the loss and every metric of a part, and answers the loss. Nothing is appended for a part without rows.
    pub(crate) fn measure(
        &mut self,
        parameters: &Parameters<f32>,
        rows: &Rows,
        part: Part,
        into: &mut Vec<Measured>,
    ) -> f64 {
        let loss = self.loss(parameters, rows);
        if rows.n_rows > 0 {
            if loss.is_finite() {
                into.push((LOSS.on(part), loss));
            }
            self.predict();
            self.measures.report(&self.outputs, rows, part, into);
        }
        loss
    }

    /// Makes predictions of outputs where an error is one of the prediction: counts and shares. Classes are ranked by their
    /// outputs as they are.
    fn predict(&mut self) {
        match self.outcome {
            Outcome::Counts => exponential(self.isa, &mut self.outputs),
            Outcome::Shares => softmax_in_place(self.isa, &mut self.outputs, self.n_outputs),
            Outcome::Classes | Outcome::Binary | Outcome::Values | Outcome::Places => {}
        }
    }
}
