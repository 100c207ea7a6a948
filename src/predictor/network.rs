//! Opened weights: features in, probabilities or values in original units out.

use std::collections::BTreeMap;

use descent_engine::isa::{Cpu, Isa};
use descent_engine::model::{Model, Scratch as NetworkScratch};
use descent_engine::network::{Network as Shape, Outcome, Parameters};
use descent_engine::spec::{Network as Layers, Spec};
use safetensors::{Dtype, SafeTensors};

use super::error::OpenError;
use crate::data::TargetEncoding;

/// Values of a batch at most while it runs through the layers (4 MiB), so that a wide network has smaller batches.
const MAX_BATCH_VALUES: usize = 1 << 20;

/// What is trained, ready to be asked.
pub(super) enum Network {
    /// A stack of layers.
    Layers(Box<Model>),
    /// One threshold unit: class 1 where w . x + b > 0.
    Perceptron {
        /// One per feature, then the bias.
        weights: Vec<f64>,
    },
}

/// Memory for one batch.
pub(super) type Scratch = Option<NetworkScratch>;

impl Network {
    /// Builds the network that `spec` describes and fills it with `weights`, a safetensors file with one tensor per parameter
    /// (`layers.0.weight` as `[inputs x outputs]`, `output.bias`, ...; for the perceptron `weight` and `bias`).
    ///
    /// # Errors
    /// When the spec is not resolved, or a tensor is absent, left over, or has another shape.
    pub(super) fn open(
        spec: &Spec,
        n_features: usize,
        n_outputs: usize,
        weights: &[u8],
        instruction_set: &str,
    ) -> Result<Self, OpenError> {
        let tensors = SafeTensors::deserialize(weights).map_err(|error| {
            OpenError::Shape(format!("the weights are no safetensors file: {error}"))
        })?;
        let mut tensors = Tensors {
            rest: tensors.tensors().into_iter().collect(),
        };
        let network = match &spec.network {
            Some(Layers::Layers(layers)) => {
                let head = spec
                    .head(n_outputs)
                    .ok_or_else(|| shape("the spec is not resolved: it has no loss"))?;
                let built = Shape::build(layers, n_features, head)
                    .map_err(|error| shape(&error.to_string()))?;
                let mut values = vec![0.0; built.n_parameters()];
                for parameter in built.parameters() {
                    tensors.take_f32(&parameter.name, &mut values[parameter.range()])?;
                }
                let isa = Isa::named(instruction_set).unwrap_or_else(Isa::detect);
                let model = Model::new(&built, Parameters { values }, Cpu { isa, threads: 1 });
                Self::Layers(Box::new(model.map_err(|error| shape(&error.to_string()))?))
            }
            Some(Layers::Family(_)) => {
                let mut weights = vec![0.0; n_features + 1];
                let (bias, unit) = (n_features, ..n_features);
                tensors.take_f64("weight", &mut weights[unit])?;
                tensors.take_f64("bias", &mut weights[bias..])?;
                if n_outputs != 2 {
                    return Err(shape("a perceptron tells two classes apart"));
                }
                Self::Perceptron { weights }
            }
            None => return Err(shape("the spec is not resolved: it has no network")),
        };
        tensors.none_left()?;
        Ok(network)
    }

    /// Bytes of the weights and of one batch's values.
    pub(super) fn n_bytes(&self) -> usize {
        match self {
            Self::Layers(model) => {
                4 * (model.parameters().values.len() + self.batch_rows() * row_values(model))
            }
            Self::Perceptron { weights } => 8 * weights.len(),
        }
    }

    /// Rows that are scored together at most.
    pub(super) fn batch_rows(&self) -> usize {
        match self {
            Self::Layers(model) => (MAX_BATCH_VALUES / row_values(model).max(1))
                .clamp(1, super::scoring::MAX_BATCH_ROWS),
            Self::Perceptron { .. } => super::scoring::MAX_BATCH_ROWS,
        }
    }

    /// Scores rows of features, row-major, into one probability per class or one value per target, in original units.
    #[inline]
    pub(super) fn score(
        &self,
        features: &[f32],
        n_rows: usize,
        target: &TargetEncoding,
        scratch: &mut Scratch,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        match self {
            Self::Layers(model) => {
                let n_outputs = model.network().n_outputs();
                out.resize(n_rows * n_outputs, 0.0);
                let scratch = scratch.get_or_insert_with(|| model.scratch(self.batch_rows()));
                model.predict(features, scratch, out);
                self.restore(target, out);
            }
            Self::Perceptron { weights } => {
                for row in features.chunks_exact(weights.len() - 1) {
                    let fires = activation(weights, row) > 0.0;
                    out.extend(if fires { [0.0, 1.0] } else { [1.0, 0.0] });
                }
            }
        }
    }

    /// From what the last layer says to what is answered.
    fn restore(&self, target: &TargetEncoding, out: &mut Vec<f32>) {
        let Self::Layers(model) = self else { return };
        match model.network().head().outcome {
            Outcome::Classes => {}
            Outcome::Binary => *out = out.iter().flat_map(|&p| [1.0 - p, p]).collect(),
            Outcome::Values => {
                let n_outputs = model.network().n_outputs();
                for row in out.chunks_exact_mut(n_outputs) {
                    for (index, value) in row.iter_mut().enumerate() {
                        *value = target.restore(index, *value);
                    }
                }
            }
        }
    }
}

/// Numbers that a row becomes while it runs through the layers.
fn row_values(model: &Model) -> usize {
    model.network().n_features() + model.network().widths().iter().sum::<usize>()
}

/// w . x + b, the bias first, in the order in which training adds.
pub(super) fn activation(weights: &[f64], row: &[f32]) -> f64 {
    let (bias, weights) = weights
        .split_last()
        .map_or((0.0, &[][..]), |(bias, weights)| (*bias, weights));
    weights
        .iter()
        .zip(row)
        .fold(bias, |sum, (weight, &x)| sum + weight * f64::from(x))
}

fn shape(message: &str) -> OpenError {
    OpenError::Shape(message.to_owned())
}

/// The tensors that nobody asked for yet.
struct Tensors<'a> {
    rest: BTreeMap<String, safetensors::tensor::TensorView<'a>>,
}

impl<'a> Tensors<'a> {
    fn take(&mut self, name: &str, wanted: Dtype, len: usize) -> Result<&'a [u8], OpenError> {
        let Some(tensor) = self.rest.remove(name) else {
            return Err(OpenError::Shape(format!(
                "the weights lack the tensor {name:?}"
            )));
        };
        let n: usize = tensor.shape().iter().product();
        if tensor.dtype() != wanted || n != len {
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            let message = format!(
                "tensor {name:?} holds {dtype:?} {shape:?}, and the spec needs {len} numbers of {wanted:?}"
            );
            return Err(OpenError::Shape(message));
        }
        Ok(tensor.data())
    }

    fn take_f32(&mut self, name: &str, into: &mut [f32]) -> Result<(), OpenError> {
        let bytes = self.take(name, Dtype::F32, into.len())?;
        for (number, bytes) in into.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *number = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }

    fn take_f64(&mut self, name: &str, into: &mut [f64]) -> Result<(), OpenError> {
        let bytes = self.take(name, Dtype::F64, into.len())?;
        for (number, bytes) in into.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *number = f64::from_le_bytes(*bytes);
        }
        Ok(())
    }

    fn none_left(&self) -> Result<(), OpenError> {
        match self.rest.keys().next() {
            Some(name) => Err(OpenError::Shape(format!(
                "the weights hold a tensor {name:?} that the spec has no place for"
            ))),
            None => Ok(()),
        }
    }
}
