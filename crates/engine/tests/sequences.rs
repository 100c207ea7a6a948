//! What layers of sequences say when they do not fit, and what indices beyond a table mean.

use descent_engine::isa::Cpu;
use descent_engine::layer::Layer;
use descent_engine::model::Model;
use descent_engine::network::{Head, Network, Outcome};
use descent_engine::sample::SampleShape;
use serde_json::{Value, json};

fn build(layers: Value, input: SampleShape) -> Result<Network, String> {
    let layers: Vec<Layer> = serde_json::from_value(layers).expect("they are layers");
    let head = Head {
        n_outputs: 2,
        outcome: Outcome::Values,
    };
    Network::build(&layers, input, head).map_err(|error| error.to_string())
}

#[test]
fn a_layer_that_does_not_fit_says_what_it_wants() {
    let steps = SampleShape::Sequence {
        steps: 7,
        features: 6,
    };
    let vector = SampleShape::Vector { features: 6 };
    for (layers, input, wanted) in [
        (
            json!([{"kind": "lstm", "units": 4}, {"kind": "gru", "units": 4}]),
            steps,
            "layer 1 (gru) takes sequences of steps x features; put a reshape or embedding layer before it, or let the \
             recurrent layer before it return_sequences; what comes in is a vector of 4",
        ),
        (
            json!([{"kind": "attention", "heads": 4}]),
            steps,
            "layer 0 (attention) takes sequences whose features its 4 heads divide, or a key_size; what comes in is a \
             sequence of 7 x 6",
        ),
        (
            json!([{"kind": "attention", "heads": 0}]),
            steps,
            "layer 0 (attention): an attention has at least 1 head",
        ),
        (
            json!([{"kind": "positional_encoding"}]),
            vector,
            "layer 0 (positional_encoding) takes sequences of steps x features; put a reshape or embedding layer before it; \
             what comes in is a vector of 6",
        ),
        (
            json!([{"kind": "embedding", "vocabulary": 9, "dimensions": 2}]),
            steps,
            "layer 0 (embedding) takes a vector of indices, or a sequence with one index in each step; what comes in is a \
             sequence of 7 x 6",
        ),
        (
            json!([{"kind": "rnn", "units": 3, "activation": "gelu"}]),
            steps,
            "layer 0 (rnn): the activation of an rnn is tanh or relu",
        ),
        (
            json!([{"kind": "lstm", "units": 0}]),
            steps,
            "layer 0 (lstm): a recurrent layer has at least 1 unit",
        ),
    ] {
        assert_eq!(build(layers, input).expect_err("it does not fit"), wanted);
    }
}

#[test]
fn what_is_no_index_reads_the_row_of_the_unknown() {
    let layers = json!([{"kind": "embedding", "vocabulary": 5, "dimensions": 3}]);
    let network = build(layers, SampleShape::Vector { features: 1 }).expect("it fits");
    let parameters = network.initialise::<f32>(3);
    let model = Model::new(&network, parameters, Cpu::native(1)).expect("it fits");
    let answer = |index: f32| {
        let mut out = [0.0; 2];
        model.predict(&[index], &mut model.scratch(1), &mut out);
        out
    };
    for index in [-1.0, -0.5, 5.0, 1e9, f32::INFINITY, f32::NAN, 0.9] {
        assert_eq!(answer(index), answer(0.0), "{index}");
    }
    assert_eq!(answer(4.7), answer(4.0));
    assert_ne!(answer(4.0), answer(0.0));
}
