//! Where an op stands while a graph is written: its inputs as tensors, and ways to make its output of them.

use std::borrow::Cow;

use super::{Attribute, NotExported, Writer};
use crate::graph::{Graph, NodeId, Origin, Shape};
use crate::op::{AddRow, MatMul, Op};

/// What a node of the graph is in ONNX.
#[derive(Clone, Debug)]
pub(crate) enum Value<'g> {
    /// A tensor with the samples along its first dimension.
    Batch(Batch),
    /// Numbers that are the same for every batch.
    Fixed(Fixed<'g>),
    /// Targets, which a prediction does not have.
    Absent,
}

/// A tensor `[N, rows, cols]`, or `[N, cols]` of one row.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) name: String,
    pub(crate) rows: usize,
    /// As many as the node has; of the record of a recurrent layer only those of the state, which stand first.
    pub(crate) cols: usize,
}

/// A matrix of constants.
#[derive(Clone, Debug)]
pub(crate) struct Fixed<'g> {
    pub(crate) name: String,
    pub(crate) numbers: Cow<'g, [f32]>,
    pub(crate) cols: usize,
}

impl<'g> Value<'g> {
    pub(crate) fn batch(name: String, shape: Shape) -> Value<'g> {
        let (rows, cols) = (shape.rows.count(1), shape.cols);
        Value::Batch(Batch { name, rows, cols })
    }

    pub(crate) fn fixed(name: String, shape: Shape, numbers: Cow<'g, [f32]>) -> Value<'g> {
        let cols = shape.cols;
        Value::Fixed(Fixed {
            name,
            numbers,
            cols,
        })
    }
}

impl Batch {
    /// Dimensions behind that of the samples.
    fn dims(&self) -> Vec<usize> {
        canonical(self.rows, self.cols)
    }
}

fn canonical(rows: usize, cols: usize) -> Vec<usize> {
    match rows {
        1 => vec![cols],
        _ => vec![rows, cols],
    }
}

/// An op that is being written.
pub(crate) struct Writing<'a, 'g> {
    pub(crate) writer: &'a mut Writer,
    pub(crate) graph: &'g Graph,
    /// Of every node before the op.
    pub(crate) values: &'a [Value<'g>],
    pub(crate) inputs: &'a [NodeId],
    pub(crate) op: &'static str,
    /// Shape of what it computes.
    pub(crate) output: Shape,
}

impl<'a, 'g> Writing<'a, 'g> {
    /// The error of an op that cannot be written.
    pub(crate) fn refuse<T>(&self, why: &'static str) -> Result<T, NotExported> {
        Err(NotExported {
            op: self.op,
            why: Some(why),
        })
    }

    fn value(&self, id: NodeId) -> &'a Value<'g> {
        &self.values[id.index()]
    }

    fn batch_of(&self, id: NodeId) -> Result<Batch, NotExported> {
        match self.value(id) {
            Value::Batch(batch) => Ok(batch.clone()),
            _ => self.refuse("it has a constant where samples are expected"),
        }
    }

    fn fixed_of(&self, id: NodeId) -> Result<&'a Fixed<'g>, NotExported> {
        match self.value(id) {
            Value::Fixed(fixed) => Ok(fixed),
            _ => self.refuse("it has samples where a constant is expected"),
        }
    }

    /// Input number `idx`, which has rows for each sample.
    pub(crate) fn batch(&self, idx: usize) -> Result<Batch, NotExported> {
        self.batch_of(self.inputs[idx])
    }

    /// The numbers of input `idx`, which is the same for every batch.
    pub(crate) fn numbers(&self, idx: usize) -> Result<&'a [f32], NotExported> {
        self.fixed_of(self.inputs[idx])
            .map(|fixed| &fixed.numbers[..])
    }

    /// Input number `idx`, which is the same for every batch, as a tensor of these dimensions.
    pub(crate) fn constant(&mut self, idx: usize, dims: &[usize]) -> Result<String, NotExported> {
        let fixed = self.fixed_of(self.inputs[idx])?;
        Ok(self.writer.floats(&fixed.name, dims, &fixed.numbers))
    }

    /// As [`Writing::constant`] of dimensions `dims`, which then change their places: dimension number j is `order[j]` of before.
    pub(crate) fn permuted(
        &mut self,
        idx: usize,
        dims: &[usize],
        order: &[usize],
    ) -> Result<String, NotExported> {
        let fixed = self.fixed_of(self.inputs[idx])?;
        let new: Vec<usize> = order.iter().map(|&axis| dims[axis]).collect();
        let numbers = permute(&fixed.numbers, dims, order);
        Ok(self.writer.floats(&fixed.name, &new, &numbers))
    }

    /// Adds an operator.
    pub(crate) fn node(
        &mut self,
        op_type: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        self.writer.node(op_type, inputs, attributes)
    }

    /// Adds an operator of two inputs, of which the second is a number.
    pub(crate) fn with_number(&mut self, op_type: &'static str, x: &str, number: f32) -> String {
        let number = self.writer.floats("number", &[], &[number]);
        self.writer.node(op_type, &[x, &number], Vec::new())
    }

    /// The tensor in these dimensions behind that of the samples.
    pub(crate) fn viewed(&mut self, batch: &Batch, dims: &[usize]) -> String {
        self.reshaped(&batch.name, &batch.dims(), dims)
    }

    fn reshaped(&mut self, name: &str, from: &[usize], to: &[usize]) -> String {
        if from == to {
            return name.to_owned();
        }
        // 0 keeps the number of samples as it is.
        let shape: Vec<i64> = [0]
            .into_iter()
            .chain(to.iter().map(|&n| n as i64))
            .collect();
        let shape = self.writer.ints("shape", &shape);
        self.writer.node("Reshape", &[name, &shape], Vec::new())
    }

    /// Dimensions of a tensor in another order.
    pub(crate) fn transposed(&mut self, name: &str, order: &[i64]) -> String {
        let order = vec![("perm", Attribute::Ints(order.to_vec()))];
        self.writer.node("Transpose", &[name], order)
    }

    /// Input number `idx`, images of these rows, columns and channels, as `[N, channels, rows, columns]`.
    pub(crate) fn image(&mut self, idx: usize, size: [usize; 3]) -> Result<String, NotExported> {
        let x = self.batch(idx)?;
        let x = self.viewed(&x, &size);
        Ok(self.transposed(&x, &[0, 3, 1, 2]))
    }

    /// The op's output: a tensor that has these dimensions behind that of the samples.
    pub(crate) fn put(&mut self, name: &str, dims: &[usize]) -> Value<'g> {
        let wanted = canonical(self.output.rows.count(1), self.output.cols);
        let name = self.reshaped(name, dims, &wanted);
        Value::batch(name, self.output)
    }

    /// The op's output: a tensor in the form of values.
    pub(crate) fn same(&self, name: String) -> Value<'g> {
        Value::batch(name, self.output)
    }

    /// The op's output: images `[N, channels, rows, columns]`.
    pub(crate) fn put_image(
        &mut self,
        name: &str,
        [rows, cols, channels]: [usize; 3],
    ) -> Value<'g> {
        let y = self.transposed(name, &[0, 2, 3, 1]);
        self.put(&y, &[rows, cols, channels])
    }

    /// x, W and b when input number `idx` is x W + b.
    pub(crate) fn affine(&self, idx: usize) -> Option<(Batch, &'a Fixed<'g>, &'a Fixed<'g>)> {
        let made_by = |id: NodeId, op: &Op| {
            let node = self.graph.node(id);
            let is = matches!(&node.origin, Origin::Computed(made) if made == op);
            is.then_some(&node.inputs[..])
        };
        let &[product, bias] = made_by(self.inputs[idx], &AddRow.into())? else {
            return None;
        };
        let &[x, weight] = made_by(product, &MatMul::plain().into())? else {
            return None;
        };
        Some((
            self.batch_of(x).ok()?,
            self.fixed_of(weight).ok()?,
            self.fixed_of(bias).ok()?,
        ))
    }
}

/// The numbers of a tensor with these dimensions, which become dimensions `order`.
pub(crate) fn permute(numbers: &[f32], dims: &[usize], order: &[usize]) -> Vec<f32> {
    let strides: Vec<usize> = (0..dims.len())
        .map(|axis| dims[axis + 1..].iter().product())
        .collect();
    let mut place = vec![0; dims.len()];
    let mut permuted = Vec::with_capacity(numbers.len());
    for _ in 0..numbers.len() {
        let at = place
            .iter()
            .zip(order)
            .map(|(at, &axis)| at * strides[axis]);
        permuted.push(numbers[at.sum::<usize>()]);
        for (at, &axis) in place.iter_mut().zip(order).rev() {
            *at += 1;
            if *at < dims[axis] {
                break;
            }
            *at = 0;
        }
    }
    permuted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_change_places() {
        let numbers: Vec<f32> = (0..24).map(|x| x as f32).collect();
        let permuted = permute(&numbers, &[2, 3, 4], &[2, 0, 1]);
        for (a, b, c) in [(0, 0, 0), (1, 2, 3), (1, 0, 2), (0, 2, 1)] {
            assert_eq!(permuted[(c * 2 + a) * 3 + b], numbers[(a * 3 + b) * 4 + c]);
        }
    }
}
