//! y_ij = x_ij + b_j: adds one row, the bias, to every row. x, y `[rows x cols]`, b `[1 x cols]`.

use super::column_sum::sum_of_rows;
use super::{Context, Derivation, Matrix, Rule, misfit};
use crate::element::Real;
use crate::graph::{Graph, GraphError, NodeId, Shape};
use crate::isa::kernel;
use crate::lanes::load;
use crate::onnx::{NotExported, Value, Writing};

/// Adds the second input, one row, to every row of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddRow;

impl Rule for AddRow {
    const NAME: &'static str = "add_row";
    const ELEMENT_WISE: bool = true;

    fn shape(&self, inputs: &[Shape]) -> Result<Shape, GraphError> {
        match inputs {
            &[x, row] if row == Shape::fixed(1, x.cols) => Ok(x),
            _ => Err(misfit(
                Self::NAME,
                inputs,
                "it takes a matrix and one row of as many columns",
            )),
        }
    }

    /// dx = dy; db_j = sum over i of dy_ij.
    fn derive(&self, graph: &mut Graph, at: Derivation<'_>) -> Result<NodeId, GraphError> {
        match at.input_idx {
            0 => Ok(at.gradient),
            _ => sum_of_rows(graph, at.gradient),
        }
    }

    fn onnx<'g>(&self, at: &mut Writing<'_, 'g>) -> Result<Value<'g>, NotExported> {
        let (x, row) = (at.batch(0)?, at.constant(1, &[at.output.cols])?);
        let y = at.node("Add", &[&x.name, &row], Vec::new());
        Ok(at.same(y))
    }

    fn run<T: Real>(
        &self,
        out: &mut [T],
        inputs: &[Matrix<'_, T>],
        _first: usize,
        context: Context<'_>,
    ) {
        add_row(context.isa, out, inputs[0].values);
    }
}

kernel! {
    fn add_row[T: Real] with M of T (matrix: &mut [T], row: &[T]) {
        for line in matrix.chunks_exact_mut(row.len()) {
            for (x, b) in line.chunks_mut(M::VECTOR).zip(row.chunks(M::VECTOR)) {
                (load!(x) + load!(b)).store(x);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;

    #[test]
    fn rows_of_any_length_are_added_and_nothing_behind_them() {
        for (isa, cols) in Isa::all().flat_map(|isa| (1..=35).map(move |cols| (isa, cols))) {
            let row: Vec<f32> = (0..cols).map(|i| i as f32 + 0.25).collect();
            let mut matrix: Vec<f32> = (0..3 * cols).map(|i| i as f32).collect();
            let wanted: Vec<f32> = matrix
                .iter()
                .enumerate()
                .map(|(i, x)| x + row[i % cols])
                .collect();
            // A number before and one behind: no line begins where a register's would.
            matrix.insert(0, -7.0);
            matrix.push(-7.0);
            add_row(isa, &mut matrix[1..=3 * cols], &row);
            assert_eq!(matrix[1..=3 * cols], wanted, "{cols} columns with {isa:?}");
            assert_eq!([matrix[0], matrix[3 * cols + 1]], [-7.0; 2]);
        }
    }
}
