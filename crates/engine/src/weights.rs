//! Weights as safetensors: the one form in which they leave the engine and come back.
//!
//! One tensor per parameter, named as in [`Network::parameters`] (`layers.0.weight`, `output.bias`), `F32`, `[rows, columns]`
//! row-major; a weight is `[inputs, outputs]`. The same weights give the same bytes, so their SHA-256 names a model.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use crate::aligned::Aligned;
use crate::dataset::Outcome;
use crate::isa::Cpu;
use crate::model::Model;
use crate::network::{Head, Network, NetworkError, Outcome as Meaning, Parameter, Parameters};
use crate::plan::PlanError;
use crate::sample::SampleShape;
use crate::spec::{self, Family, Spec};

/// Why weights cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// The bytes are not a safetensors file.
    #[error("not a safetensors file: {0}")]
    Format(String),
    /// A parameter of the network is not there.
    #[error("the tensor `{0}` is missing")]
    Missing(String),
    /// A tensor does not have the shape or type of its parameter.
    #[error("the tensor `{name}` is {got} where F32 {expected:?} is expected")]
    Shape {
        /// Its name.
        name: String,
        /// Type and shape found.
        got: String,
        /// Rows and columns of the parameter.
        expected: [usize; 2],
    },
    /// The spec is not resolved or does not fit the data.
    #[error("the network cannot be built: {0}")]
    Network(String),
}

impl From<NetworkError> for WeightsError {
    fn from(error: NetworkError) -> Self {
        Self::Network(error.to_string())
    }
}

impl From<PlanError> for WeightsError {
    fn from(error: PlanError) -> Self {
        Self::Network(error.to_string())
    }
}

/// The network that a resolved spec describes. A perceptron is a network without hidden layers and with one output: the
/// activation, whose sign is the answer.
///
/// # Errors
/// When the spec is not resolved.
pub fn network(spec: &Spec, input: SampleShape, outcome: Outcome) -> Result<Network, WeightsError> {
    if spec.family() == Family::Perceptron {
        let head = Head {
            n_outputs: 1,
            outcome: Meaning::Binary,
        };
        return Ok(Network::build(&[], input, head)?);
    }
    match (&spec.network, &spec.loss) {
        (Some(spec::Network::Layers(layers)), Some(loss)) => Ok(Network::build(
            layers,
            input,
            spec::resolve::head(loss, outcome),
        )?),
        _ => Err(WeightsError::Network("the spec is not resolved".into())),
    }
}

/// The model of a resolved spec with its trained weights, ready to predict.
///
/// # Errors
/// When the spec is not resolved, or the weights are damaged or belong to another network.
pub fn open(
    spec: &Spec,
    input: SampleShape,
    outcome: Outcome,
    weights: &[u8],
    cpu: Cpu,
) -> Result<Model, WeightsError> {
    let network = network(spec, input, outcome)?;
    let parameters = read(&network, weights)?;
    Ok(Model::new(&network, parameters, cpu)?)
}

/// The weights as a safetensors file.
///
/// # Errors
/// Never for parameters of this network: names are unique and lengths agree.
pub fn write(network: &Network, parameters: &Parameters<f32>) -> Result<Vec<u8>, WeightsError> {
    let mut bytes = Vec::with_capacity(4 * parameters.values.len());
    for value in parameters.values.iter() {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    let format = |error: safetensors::SafeTensorError| WeightsError::Format(error.to_string());
    let view = |parameter: &Parameter| {
        let range = parameter.range();
        let data = &bytes[4 * range.start..4 * range.end];
        TensorView::new(Dtype::F32, vec![parameter.rows, parameter.cols], data)
            .map(|view| (parameter.name.clone(), view))
    };
    let views = network
        .parameters()
        .iter()
        .map(view)
        .collect::<Result<Vec<_>, _>>()
        .map_err(format)?;
    safetensors::serialize(views, None).map_err(format)
}

/// The weights of a network from a safetensors file. Other tensors in it are left alone.
///
/// # Errors
/// When the file is damaged, a parameter is missing or has another shape.
pub fn read(network: &Network, bytes: &[u8]) -> Result<Parameters<f32>, WeightsError> {
    let tensors =
        SafeTensors::deserialize(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
    let mut values = Aligned::<f32>::zeros(network.n_parameters());
    for parameter in network.parameters() {
        let tensor = tensors
            .tensor(&parameter.name)
            .map_err(|_| WeightsError::Missing(parameter.name.clone()))?;
        let expected = [parameter.rows, parameter.cols];
        if tensor.dtype() != Dtype::F32 || tensor.shape() != expected {
            let got = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(WeightsError::Shape {
                name: parameter.name.clone(),
                got,
                expected,
            });
        }
        for (value, bytes) in values[parameter.range()]
            .iter_mut()
            .zip(tensor.data().as_chunks().0)
        {
            *value = f32::from_le_bytes(*bytes);
        }
    }
    Ok(Parameters { values })
}

/// SHA-256 as lower-case hex.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{Dense, Layer};

    fn small() -> Result<Network, NetworkError> {
        Network::build(
            &[Layer::Dense(Dense::new(5))],
            3,
            Head {
                n_outputs: 2,
                outcome: Meaning::Classes,
            },
        )
    }

    #[test]
    fn weights_come_back_bit_by_bit() -> Result<(), WeightsError> {
        let network = small()?;
        let parameters = network.initialise::<f32>(3);
        let bytes = write(&network, &parameters)?;
        assert_eq!(read(&network, &bytes)?, parameters);
        assert_eq!(write(&network, &parameters)?, bytes);
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        Ok(())
    }

    #[test]
    fn damaged_and_foreign_weights_are_refused() -> Result<(), WeightsError> {
        let network = small()?;
        let bytes = write(&network, &network.initialise::<f32>(3))?;
        assert!(matches!(
            read(&network, &bytes[..bytes.len() - 1]),
            Err(WeightsError::Format(_))
        ));
        let other = Network::build(&[Layer::Dense(Dense::new(6))], 3, network.head())?;
        assert!(matches!(
            read(&other, &bytes),
            Err(WeightsError::Shape { .. })
        ));
        let deeper = Network::build(
            &[Layer::Dense(Dense::new(5)), Layer::Dense(Dense::new(5))],
            3,
            network.head(),
        )?;
        assert!(matches!(
            read(&deeper, &bytes),
            Err(WeightsError::Missing(_) | WeightsError::Shape { .. })
        ));
        Ok(())
    }
}
