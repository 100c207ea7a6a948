//! Which columns a prediction rests on: integrated gradients (Sundararajan, Taly, Yan 2017), summed per column.
//!
//! For every feature i, the contribution is (x_i - b_i) times the mean of df/dx_i on the straight way from the baseline b, the mean
//! training row, to the row x. Contributions of one-hot and indicator features are added up to their column. All of them together
//! make f(x) - f(b).
//!
//! f is the probability of the predicted class, or the predicted value. The perceptron has no probability: there f is the
//! activation w . x + b, towards the predicted class.

use super::answer::largest;
use super::network::{Network, activation};
use super::served::ServedModel;

/// Why one output is what it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Explanation {
    /// Which class or target it is about.
    pub output_idx: usize,
    /// f at the row.
    pub output: f32,
    /// f at the mean training row.
    pub baseline: f32,
    /// One per input column, in file order.
    pub attributions: Vec<f32>,
}

impl ServedModel {
    /// Explains the predicted class, or every target. `outputs` is the answer for the row of `features`.
    pub(super) fn explain(&self, features: &[f32], outputs: &[f32]) -> Vec<Explanation> {
        let classifies = self.classifies();
        let chosen = if classifies {
            largest(outputs)..largest(outputs) + 1
        } else {
            0..outputs.len()
        };
        let at_baseline = self.baseline_outputs();
        chosen
            .map(|output_idx| {
                let (contributions, output, baseline) = match self.network() {
                    Network::Layers(model) => {
                        let (node, scale) = self.scale_of(output_idx, model.network().n_outputs());
                        let mut found = model.integrated_gradients(features, self.baseline(), node);
                        found
                            .iter_mut()
                            .for_each(|contribution| *contribution *= scale);
                        (found, outputs[output_idx], at_baseline[output_idx])
                    }
                    Network::Perceptron { weights } => {
                        let towards = if output_idx == 1 { 1.0 } else { -1.0 };
                        let moved = features.iter().zip(self.baseline()).zip(weights);
                        let found = moved.map(|((&x, &b), weight)| {
                            towards * weight * (f64::from(x) - f64::from(b))
                        });
                        let of = |row: &[f32]| (towards * activation(weights, row)) as f32;
                        (found.collect(), of(features), of(self.baseline()))
                    }
                };
                let columns = self.transform().inputs.iter();
                let attributions = columns
                    .map(|input| contributions[input.features()].iter().sum::<f64>() as f32)
                    .collect();
                Explanation {
                    output_idx,
                    output,
                    baseline,
                    attributions,
                }
            })
            .collect()
    }

    /// The node of the network that an output comes from, and what its gradient is multiplied by.
    fn scale_of(&self, output_idx: usize, n_nodes: usize) -> (usize, f64) {
        if let crate::data::TargetEncoding::Values { std, .. } = &self.transform().target {
            return (output_idx, f64::from(std[output_idx]));
        }
        // One node for two classes gives the probability of class 1; that of class 0 is what is left.
        match (n_nodes, output_idx) {
            (1, 0) => (0, -1.0),
            (1, _) => (0, 1.0),
            _ => (output_idx, 1.0),
        }
    }
}
