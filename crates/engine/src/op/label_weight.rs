//! W = sum over rows of w_y: the total weight of a batch whose rows have classes y. w `[1 x classes]`, W a scalar.

use super::{Context, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{GraphError, Shape};

/// Sum of the weights of the rows' classes: takes the class weights and the labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelWeight;

impl Rule for LabelWeight {
    const NAME: &'static str = "label_weight";

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            [weights, labels]
                if weights.rows == Shape::SCALAR.rows && *labels == Shape::batch(1) =>
            {
                Ok(Shape::SCALAR)
            }
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes one row of class weights and the labels",
            )),
        }
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        let weights = inputs[0].values;
        let total: f64 = context
            .labels
            .iter()
            .map(|&label| weights[label as usize].to_f64())
            .sum();
        out[0] = T::from_f64(total);
    }
}
