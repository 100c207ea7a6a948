//! Which columns a prediction rests on: integrated gradients (Sundararajan, Taly, Yan 2017), summed per column.
//!
//! For every feature i, the contribution is (x_i - b_i) times the mean of df/dx_i on the straight way from the baseline b, the mean
//! training row, to the row x. Contributions of one-hot and indicator features are added up to their column. All of them together
//! make f(x) - f(b), up to the error of a path of 64 points. An index of an embedded category has neither mean nor slope: b has the
//! most frequent one, and the way is straight between the rows of its table.
//!
//! f is the probability of the predicted class, or the predicted value in original units. The perceptron answers 0 or 1, which has no
//! slope; there f is the logistic function of its activation.

use super::answer::largest;
use super::served::ServedModel;

/// Why one output is what it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Explanation {
    /// Which class or target it is about.
    pub output_idx: usize,
    /// f at the row.
    pub output: f32,
    /// f at the baseline.
    pub baseline: f32,
    /// One per input column, in file order.
    pub attributions: Vec<f32>,
}

impl ServedModel {
    /// Explains the predicted class, or every target. `outputs` is the answer for the row of `features`.
    pub(super) fn explain(&self, features: &[f32], outputs: &[f32]) -> Vec<Explanation> {
        let best = largest(outputs);
        let chosen = if self.classifies() {
            best..best + 1
        } else {
            0..outputs.len()
        };
        let (network, target) = (self.network(), &self.transform().target);
        let raw = network.raw_row(features);
        chosen
            .map(|output_idx| {
                let (node, scale, shift) = network.explained(output_idx, target);
                let contributions =
                    network
                        .model()
                        .integrated_gradients(features, self.baseline(), node);
                let of = |raw: &[f32]| (f64::from(raw[node]) * scale + shift) as f32;
                let columns = self.transform().inputs.iter();
                let sum = |range: std::ops::Range<usize>| {
                    (scale * contributions[range].iter().sum::<f64>()) as f32
                };
                Explanation {
                    output_idx,
                    output: of(&raw),
                    baseline: of(self.baseline_raw()),
                    attributions: columns.map(|input| sum(input.features())).collect(),
                }
            })
            .collect()
    }
}
