//! What the numbers of a path are, said when training begins: how values become features, and how features become outputs where
//! a client can follow that.

use descent_engine::dataset::Outcome;
use descent_engine::layer::Layer;
use descent_engine::network::{Network, Outcome as Meaning};
use descent_engine::op::{Activate, Function};
use descent_engine::spec::Spec;
use descent_engine::trajectory::Layout;
use descent_engine::weights;

use super::prepare::Ready;
use crate::data::{Encoding, Transform};
use crate::runs::message::Reason;
use crate::runs::{Description, InputScale, LayerShape};

/// Trained numbers up to which inputs and layers are told; the weights of larger networks are not handed out.
const SMALL: usize = 4_096;

/// Describes the path of a resolved spec's training.
pub(super) fn describe(spec: &Spec, ready: &Ready, layout: &Layout) -> Result<Description, Reason> {
    let broken = |error: &dyn std::fmt::Display| Reason::new("bad_data", error.to_string());
    let (dataset, outcome) = (&ready.dataset, ready.facts.outcome);
    let network =
        weights::network(spec, dataset.sample_shape, outcome).map_err(|error| broken(&error))?;
    let is_small = layout.n_trained() <= SMALL;
    Ok(Description {
        format: Description::FORMAT,
        n_trained: network.n_trained(),
        n_statistics: network.n_parameters() - network.n_trained(),
        batch_rows: layout.batch_rows(),
        flops_per_sample: spec
            .cost(&ready.facts)
            .map_or(0, |cost| cost.flops_per_sample),
        inputs: if is_small {
            inputs(&ready.transform)
        } else {
            Vec::new()
        },
        layers: layers(&network, outcome).filter(|_| is_small),
        outputs: if is_small {
            ready.transform.target.output_names(network.head())
        } else {
            Vec::new()
        },
    })
}

/// How each feature comes from a value. What is not a number is itself: 0 or 1.
fn inputs(transform: &Transform) -> Vec<InputScale> {
    let scale_of = |encoding: &Encoding, place: usize| match encoding {
        Encoding::Number { shift, scale, .. } | Encoding::Timestamp { shift, scale, .. }
            if place == 0 =>
        {
            (f64::from(*shift), f64::from(*scale))
        }
        Encoding::Array {
            divisor,
            shift,
            scale,
            ..
        } => {
            let (channel, divisor) = (place % shift.len().max(1), f64::from(*divisor));
            (
                f64::from(shift[channel]) * divisor,
                f64::from(scale[channel]) * divisor,
            )
        }
        _ => (0.0, 1.0),
    };
    let of_input = transform.inputs.iter().flat_map(|input| {
        input
            .features()
            .map(move |at| (&input.encoding, at - input.first_feature))
    });
    transform
        .feature_names()
        .into_iter()
        .zip(of_input)
        .map(|(name, (encoding, place))| {
            let (mean, scale) = scale_of(encoding, place);
            InputScale { name, mean, scale }
        })
        .collect()
}

/// The layers, where each is a dense layer, a function or does nothing in a prediction. The last gives what a prediction answers.
fn layers(network: &Network, outcome: Outcome) -> Option<Vec<LayerShape>> {
    let mut shapes = Vec::new();
    let widths = network.widths();
    let mut n_inputs = network.n_features();
    let of = |layer_idx: usize, name: &str| {
        let own = network.parameters().iter();
        let mut own = own.filter(|parameter| parameter.layer_idx == layer_idx);
        own.find(|parameter| parameter.name.ends_with(name))
            .map(|parameter| parameter.offset)
    };
    for (layer_idx, (layer, &n_outputs)) in network.layers().iter().zip(&widths).enumerate() {
        let shape = |kind: &str, function: Option<Function>, constant: Option<f64>| LayerShape {
            kind: kind.to_owned(),
            n_inputs,
            n_outputs,
            weight_offset: of(layer_idx, ".weight"),
            bias_offset: of(layer_idx, ".bias"),
            activation: function.and_then(word),
            constant,
        };
        match layer {
            Layer::Dense(dense) => {
                let constant = dense
                    .activation
                    .map(|function| Activate::new(function).constant);
                shapes.push(shape("dense", dense.activation, constant));
            }
            Layer::Activation(activation) => {
                let usual = Activate::new(activation.function).constant;
                let constant = activation.slope.or(activation.alpha).unwrap_or(usual);
                shapes.push(shape(
                    "activation",
                    Some(activation.function),
                    Some(constant),
                ));
            }
            Layer::Dropout(_) => {}
            _ => return None,
        }
        n_inputs = n_outputs;
    }
    if let Some(last) = shapes.last_mut() {
        let meaning = match (network.head().outcome, outcome) {
            (Meaning::Classes | Meaning::Shares, _) => Some("softmax"),
            (Meaning::Binary, Outcome::Classes(_)) => Some("sigmoid"),
            (Meaning::Counts, _) => Some("exponential"),
            _ => None,
        };
        last.activation = meaning.map(str::to_owned);
    }
    Some(shapes)
}

fn word(function: Function) -> Option<String> {
    let word = serde_json::to_value(function).ok()?;
    word.as_str().map(str::to_owned)
}
