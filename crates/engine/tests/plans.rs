//! What a plan is made of: merged instructions, counted costs, a look inside, and messages that say what is wrong.

use descent_engine::graph::{Graph, GraphError};
use descent_engine::isa::{Cpu, Isa};
use descent_engine::layer::{Activation, Attention, Dense, Dropout, Layer};
use descent_engine::loss::{BinaryCrossEntropy, ClassWeights, CrossEntropy, Loss, Mse};
use descent_engine::model::Model;
use descent_engine::network::{Head, Mode, Network, Outcome};
use descent_engine::op::{Function, MatMul, StepKey};
use descent_engine::optimizer::{Adam, Optimizer, Sgd};
use descent_engine::plan::{
    Calculation, EvaluationPlan, Inputs, PlanError, Probe, Targets, TrainPlan,
};
use descent_engine::precision::Precision;
use descent_engine::sample::SampleShape;

fn classes(n_outputs: usize) -> Head {
    Head {
        n_outputs,
        outcome: Outcome::Classes,
    }
}

fn dense(units: usize, function: Function) -> Layer {
    Layer::Dense(Dense::new(units).with(function))
}

fn instructions(layers: &[Layer]) -> usize {
    let network = Network::build(layers, 4, classes(3)).expect("the network fits");
    let mut graph = Graph::new();
    let x = graph.features(4);
    let forward = network
        .forward(&mut graph, x, Mode::Train)
        .expect("the network fits");
    let calculation = Calculation::<f32>::compile(&graph, &[forward.output], 16, Cpu::native(1))
        .expect("it fits");
    calculation.n_instructions()
}

#[test]
fn bias_function_and_dropout_join_the_product_before_them() {
    // One instruction per product; the last is the head's.
    assert_eq!(instructions(&[]), 1);
    assert_eq!(
        instructions(&[dense(8, Function::Relu), dense(8, Function::Gelu)]),
        3
    );
    assert_eq!(
        instructions(&[dense(8, Function::Tanh), Layer::Dropout(Dropout::new(0.5))]),
        2
    );
    // Without a product before it, a function copies its input first.
    assert_eq!(
        instructions(&[Layer::Activation(Activation::new(Function::Tanh))]),
        2
    );
}

#[test]
fn parameters_have_names_places_and_shapes() {
    let layers = [
        dense(16, Function::Relu),
        Layer::Dropout(Dropout::new(0.1)),
        Layer::Dense(Dense {
            use_bias: false,
            ..Dense::new(5)
        }),
    ];
    let network = Network::build(&layers, 4, classes(3)).expect("the network fits");
    let found: Vec<_> = network
        .parameters()
        .iter()
        .map(|p| (p.name.as_str(), p.rows, p.cols, p.offset))
        .collect();
    let expected = [
        ("layers.0.weight", 4, 16, 0),
        ("layers.0.bias", 1, 16, 64),
        ("layers.2.weight", 16, 5, 80),
        ("output.weight", 5, 3, 160),
        ("output.bias", 1, 3, 175),
    ];
    assert_eq!(found, expected);
    assert_eq!(network.n_parameters(), 178);
    assert_eq!(network.widths(), [16, 16, 5, 3]);
    assert_eq!(network.initialise::<f32>(1), network.initialise::<f32>(1));
    assert_ne!(network.initialise::<f32>(1), network.initialise::<f32>(2));
}

#[test]
fn a_cost_is_counted_before_anything_is_allocated() {
    let network =
        Network::build(&[dense(16, Function::Relu)], 4, classes(3)).expect("the network fits");
    let loss = Loss::CrossEntropy(CrossEntropy::default());
    let cost = network
        .cost(&loss, &Optimizer::Adam(Adam::default()), 16, Cpu::native(1))
        .expect("it is small");
    assert_eq!(
        (
            cost.parameters,
            cost.weights_bytes,
            cost.gradients_bytes,
            cost.optimizer_bytes
        ),
        (131, 524, 524, 1048)
    );
    // Forward and weights' gradient of both layers, and the gradient of the hidden layer's output.
    assert_eq!(cost.flops_per_sample, 2 * (2 * 4 * 16 + 3 * 16 * 3));
    assert_eq!(
        cost.total_bytes,
        524 + 524 + 1048 + cost.activations_bytes + cost.working_bytes
    );
    // At most everything of a batch at once; at least the hidden outputs and their gradient.
    assert!(
        (2 * 16 * 16 * 4..=6 * 16 * 16 * 4).contains(&cost.activations_bytes),
        "{}",
        cost.activations_bytes
    );

    let huge = [
        Layer::Dense(Dense::new(65_536)),
        Layer::Dense(Dense::new(65_536)),
    ];
    let network =
        Network::build(&huge, 65_536, classes(2)).expect("8.6 billion parameters can be counted");
    let cost = network
        .cost(&loss, &Optimizer::Sgd(Sgd::default()), 1024, Cpu::native(1))
        .expect("and so can their bytes");
    assert_eq!(
        cost.parameters,
        2 * (65_536 * 65_536 + 65_536) + 65_536 * 2 + 2
    );
    let overflow = network.cost(
        &loss,
        &Optimizer::Sgd(Sgd::default()),
        usize::MAX / 8,
        Cpu::native(1),
    );
    assert_eq!(overflow, Err(PlanError::TooLarge));
    let network = Network::build(&[Layer::Dense(Dense::new(usize::MAX / 2))], 4, classes(2));
    assert!(network.is_err_and(|error| error.to_string().contains("layer 0")));
}

/// The probabilities of a head, their gradient and that of the scores, which a thread holds for the sample it is at.
#[test]
fn what_threads_compute_with_is_counted() {
    let (steps, batch) = (1_000, 2);
    let network = Network::build(
        &[Layer::Attention(Attention::new(1))],
        SampleShape::of(&[steps, 4]).expect("a sequence"),
        classes(3),
    )
    .expect("the network fits");
    let cost = |threads| {
        let loss = Loss::CrossEntropy(CrossEntropy::default());
        let optimizer = Optimizer::Sgd(Sgd::default());
        network
            .cost(&loss, &optimizer, batch, Cpu::native(threads))
            .expect("it can be counted")
    };
    let pairs_bytes = 3 * (steps * steps) as u64 * 4;
    let [one, two] = [1, 2].map(cost);
    assert!(
        (pairs_bytes..2 * pairs_bytes).contains(&one.working_bytes),
        "{one:?}"
    );
    assert!(
        two.working_bytes >= 2 * one.working_bytes,
        "{two:?} beside {one:?}"
    );
    assert_eq!(
        two.total_bytes - one.total_bytes,
        two.working_bytes - one.working_bytes
    );
    // An evaluation has buffers of its own, and more rows at once.
    let loss = Loss::CrossEntropy(CrossEntropy::default());
    let [two_rows, many] = [2, 256].map(|rows| {
        network
            .evaluation_bytes(&loss, rows, Cpu::native(1))
            .expect("it can be counted")
    });
    let row_bytes = (steps * 4 * 4) as u64;
    assert!(two_rows > pairs_bytes);
    assert!(many - two_rows >= 254 * row_bytes, "{two_rows} and {many}");
}

#[test]
fn a_probe_sees_dead_and_saturated_units() {
    let layers = [dense(8, Function::Relu), dense(4, Function::Tanh)];
    let network = Network::build(
        &layers,
        2,
        Head {
            n_outputs: 1,
            outcome: Outcome::Values,
        },
    )
    .expect("it fits");
    let mut parameters = network.initialise::<f32>(0);
    let [weight, bias, tanh_weight, tanh_bias] =
        [0, 1, 2, 3].map(|idx| network.parameters()[idx].clone());
    parameters.of_mut(&weight).fill(0.0);
    parameters
        .of_mut(&bias)
        .copy_from_slice(&[-1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    parameters.of_mut(&tanh_weight).fill(0.0);
    parameters
        .of_mut(&tanh_bias)
        .copy_from_slice(&[9.0, -9.0, 0.1, 0.1]);
    let mut probe =
        Probe::compile(&network, &Loss::Mse(Mse::default()), 4, Cpu::native(1)).expect("it fits");
    let found = probe.look(
        &parameters,
        &[0.5; 6],
        Targets::Values(&[1.0; 3]),
        StepKey::default(),
    );
    let summary: Vec<_> = found
        .iter()
        .map(|layer| (layer.kind, layer.n_units, layer.dead, layer.saturated))
        .collect();
    assert_eq!(
        summary,
        [
            ("dense", 8, 0.375, 0.0),
            ("dense", 4, 0.0, 0.5),
            ("dense", 1, 0.0, 0.0)
        ]
    );
    assert!((found[0].mean - 0.625).abs() < 1e-6);
    // Nothing reaches the first layer through weights that are zero.
    assert_eq!(found[0].gradient_norm, 0.0);
    assert!(found[2].gradient_norm > 0.0);
}

#[test]
fn a_probe_sees_the_same_in_batches_of_any_size() {
    let layers = [dense(8, Function::Relu), dense(4, Function::Tanh)];
    let network = Network::build(&layers, 2, classes(3)).expect("it fits");
    let parameters = network.initialise::<f64>(5);
    let features: Vec<f64> = (0..22).map(|x| f64::from(x % 7) - 3.0).collect();
    let labels = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1];
    let loss = Loss::CrossEntropy(CrossEntropy::default());
    let look = |rows: usize| {
        let mut probe = Probe::compile(&network, &loss, rows, Cpu::native(1)).expect("it fits");
        let key = StepKey::default();
        probe.look(&parameters, &features, Targets::Labels(&labels), key)
    };
    let whole = look(11);
    assert!(whole[0].dead < 1.0 && whole[1].saturated > 0.0, "{whole:?}");
    for rows in [1, 3, 10] {
        for (part, whole) in look(rows).iter().zip(&whole) {
            assert_eq!((part.dead, part.saturated), (whole.dead, whole.saturated));
            for (got, expected) in [
                (part.mean, whole.mean),
                (part.std, whole.std),
                (part.gradient_norm, whole.gradient_norm),
            ] {
                assert!((got - expected).abs() < 1e-12, "{part:?} and {whole:?}");
            }
        }
    }
}

#[test]
fn an_evaluation_joins_weighted_means() {
    let network = Network::build(&[], 2, classes(2)).expect("it fits");
    let parameters = network.initialise::<f64>(1);
    let weights = Some(ClassWeights::Values(vec![1.0, 5.0]));
    let loss = Loss::CrossEntropy(CrossEntropy {
        class_weights: weights,
        label_smoothing: 0.0,
    });
    let features: Vec<f64> = (0..14).map(|x| f64::from(x) / 7.0 - 1.0).collect();
    let labels = [0, 1, 1, 0, 0, 0, 1];
    let mean = |rows| {
        let mut plan =
            EvaluationPlan::compile(&network, &loss, rows, Cpu::native(1)).expect("it fits");
        plan.evaluate(
            &parameters,
            &features,
            Targets::Labels(&labels),
            &mut [0.0; 14],
        )
    };
    let whole = mean(7);
    assert!((1..7).all(|rows| (mean(rows) - whole).abs() < 1e-12));
}

#[test]
fn messages_say_what_is_wrong_and_what_would_be_right() {
    let mut graph = Graph::new();
    let (x, w) = (graph.features(4), graph.parameter(0, 5, 3));
    let error = graph
        .apply(MatMul::plain(), &[x, w])
        .expect_err("4 columns do not meet 5 rows");
    assert_eq!(
        error.to_string(),
        "matmul cannot take [batch x 4] and [5 x 3]: the columns of the first matrix are as many as the rows of the second"
    );
    assert!(matches!(error, GraphError::Shape { op: "matmul", .. }));

    let network = Network::build(&[Layer::Dropout(Dropout::new(1.5))], 4, classes(2))
        .expect_err("a rate above 1");
    assert_eq!(
        network.to_string(),
        "layer 0 (dropout): rate lies between 0 and 0.99, not 1.5"
    );
    assert!(Network::build(&[], 0, classes(2)).is_err());

    let image = SampleShape::Image {
        height: 2,
        width: 2,
        channels: 1,
    };
    let doubled =
        serde_json::from_value::<Layer>(serde_json::json!({"kind": "upsample", "factor": 65_536}))
            .expect("it is a layer");
    let network =
        Network::build(&[doubled.clone(), doubled], image, classes(2)).expect_err("2^66 pixels");
    assert_eq!(
        network.to_string(),
        "layer 1 (upsample) has more outputs for an image of 131072 x 131072 x 1 than this machine can address"
    );
    let wide = [dense(65_536, Function::Relu)];
    let input = SampleShape::from(isize::MAX as usize >> 10);
    let network = Network::build(&wide, input, classes(2)).expect_err("2^69 weights");
    assert_eq!(
        network.to_string(),
        "layer 0 (dense) has more parameters for a vector of 9007199254740991 than this machine can address"
    );

    let network = Network::build(&[], 4, classes(3)).expect("it fits");
    let weights = Some(ClassWeights::Values(vec![1.0; 2]));
    let loss = Loss::CrossEntropy(CrossEntropy {
        class_weights: weights,
        label_smoothing: 0.0,
    });
    let optimizer = Optimizer::Sgd(Sgd::default());
    let plan = TrainPlan::<f32>::compile(&network, &loss, &optimizer, 8, Cpu::native(1));
    assert!(plan.is_err_and(|error| error.to_string().contains("one weight per class")));
    let loss = Loss::BinaryCrossEntropy(BinaryCrossEntropy::default());
    let plan = TrainPlan::<f32>::compile(&network, &loss, &optimizer, 0, Cpu::native(1));
    assert!(plan.is_err_and(|error| error == PlanError::EmptyBatch));
}

#[test]
fn balanced_weights_make_every_class_weigh_the_same() {
    let weights = ClassWeights::BALANCED.values(&[10, 30, 0]);
    assert_eq!(weights, [40.0 / 30.0, 40.0 / 90.0, 0.0]);
    let document = serde_json::json!({"kind": "cross_entropy", "class_weights": "balanced"});
    let loss: Loss = serde_json::from_value(document.clone()).expect("a spec may say so");
    assert_eq!(
        serde_json::to_value(&loss).expect("it is JSON")["class_weights"],
        document["class_weights"]
    );
}

#[test]
fn an_instruction_set_is_known_by_its_name() {
    assert_eq!(Isa::named("portable"), Some(Isa::PORTABLE));
    assert_eq!(Isa::named("native"), Some(Isa::detect()));
    assert_eq!(Isa::named(Isa::detect().name()), Some(Isa::detect()));
    assert_eq!(Isa::named("abacus"), None);
    for name in ["avx2", "avx512", "avx512_bf16", "avx512_amx"] {
        assert!(Isa::named(name).is_none_or(|isa| isa.name() == name));
    }
    // The precision is no instruction set: it is asked for, and belongs to no name.
    let rounding = Isa::detect().with_precision(Precision::Bf16);
    assert_eq!(Isa::detect().precision(), Precision::F32);
    assert_eq!(rounding.precision(), Precision::Bf16);
    assert_eq!(Isa::named(rounding.name()), Some(Isa::detect()));
}

#[test]
fn dropout_drops_its_share_and_keeps_the_mean() {
    let rate = 0.3;
    let network =
        Network::build(&[Layer::Dropout(Dropout::new(rate))], 1000, classes(2)).expect("it fits");
    let mut graph = Graph::new();
    let x = graph.features(1000);
    let dropped = network
        .forward(&mut graph, x, Mode::Train)
        .expect("it fits")
        .outputs[0];
    let mut calculation =
        Calculation::<f32>::compile(&graph, &[dropped], 20, Cpu::native(1)).expect("it fits");
    let features = vec![1.0; 20_000];
    let mut at = |step| {
        let targets = Targets::Labels(&[]);
        calculation.run(&Inputs {
            features: &features,
            targets,
            parameters: &[],
            batch_rows: 20,
            key: StepKey { seed: 1, step },
        });
        calculation.value(dropped, 20).to_vec()
    };
    let (first, again, other) = (at(0), at(0), at(1));
    assert_eq!(first, again);
    assert_ne!(first, other);
    let kept = first.iter().filter(|&&y| y > 0.0).count() as f64 / 20_000.0;
    assert!((kept - (1.0 - rate)).abs() < 0.02, "{kept}");
    assert!(
        first
            .iter()
            .all(|&y| y == 0.0 || (f64::from(y) - 1.0 / (1.0 - rate)).abs() < 1e-6)
    );

    let mut graph = Graph::new();
    let x = graph.features(1000);
    assert_eq!(
        network
            .forward(&mut graph, x, Mode::Evaluate)
            .expect("it fits")
            .outputs[0],
        x
    );
}

#[test]
fn a_layer_that_does_not_fit_is_refused_with_what_came_in_and_what_it_wants() {
    let image = SampleShape::Image {
        height: 4,
        width: 4,
        channels: 3,
    };
    let layers = [Layer::Dropout(Dropout::new(0.1)), dense(5, Function::Relu)];
    let error = Network::build(&layers, image, classes(2)).expect_err("an image is no vector");
    assert_eq!(
        error.to_string(),
        "layer 1 (dense) takes a vector or a sequence; put a flatten or global_pool layer before it; \
         what comes in is an image of 4 x 4 x 3"
    );
    // The output layer reads whatever comes as a vector.
    let network = Network::build(&[], image, classes(2)).expect("the head fits");
    assert_eq!(network.n_parameters(), 4 * 4 * 3 * 2 + 2);
}

#[test]
fn a_dense_layer_reads_every_step_of_a_sequence_with_the_same_weights() {
    let sequence = SampleShape::Sequence {
        steps: 3,
        features: 2,
    };
    let network =
        Network::build(&[dense(4, Function::Tanh)], sequence, classes(2)).expect("it fits");
    assert_eq!(network.widths(), [12, 2]);
    assert_eq!(network.n_parameters(), 2 * 4 + 4 + 12 * 2 + 2);
    let (mut graph, mut alone) = (Graph::new(), Graph::new());
    let (x, step) = (graph.features(6), alone.features(2));
    let all = network
        .forward(&mut graph, x, Mode::Evaluate)
        .expect("it fits")
        .outputs[0];
    let single = Network::build(&[dense(4, Function::Tanh)], 2, classes(2)).expect("it fits");
    let one = single
        .forward(&mut alone, step, Mode::Evaluate)
        .expect("it fits")
        .outputs[0];
    let parameters = network.initialise::<f32>(3).values;
    let features: Vec<f32> = (0..12).map(|x| x as f32 / 7.0 - 1.0).collect();
    let run = |graph: &Graph, node, batch_rows| {
        let mut calculation =
            Calculation::<f32>::compile(graph, &[node], batch_rows, Cpu::portable(1))
                .expect("it fits");
        calculation.run(&Inputs {
            features: &features,
            targets: Targets::Labels(&[]),
            parameters: &parameters,
            batch_rows,
            key: StepKey::default(),
        });
        calculation.value(node, batch_rows).to_vec()
    };
    assert_eq!(run(&graph, all, 2), run(&alone, one, 6));
}

/// Convolutions of every way: with fewer multiplications, direct, in groups, and transposed.
#[test]
fn a_prediction_makes_its_factors_of_the_weights_once_and_keeps_its_bits() {
    let layers: Vec<Layer> = serde_json::from_value(serde_json::json!([
        {"kind": "reshape", "shape": [6, 6, 4]},
        {"kind": "conv2d", "filters": 16, "kernel_size": 2, "groups": 2, "activation": "relu"},
        {"kind": "conv2d", "filters": 18, "kernel_size": 3, "padding": "same", "activation": "tanh"},
        {"kind": "conv_transpose", "filters": 17, "kernel_size": 5, "stride": 1, "padding": 2},
        {"kind": "conv_transpose", "filters": 5, "kernel_size": 3, "stride": 2, "padding": 1},
        {"kind": "flatten"}
    ]))
    .expect("they are layers");
    let head = Head {
        n_outputs: 3,
        outcome: Outcome::Values,
    };
    let network = Network::build(&layers, 144, head).expect("the network fits");
    let parameters = network.initialise::<f32>(5);
    let mut graph = Graph::new();
    let features = graph.features(144);
    let outputs = network
        .forward(&mut graph, features, Mode::Evaluate)
        .expect("the network fits")
        .output;
    let rows: Vec<f32> = (0..9 * 144).map(|x| (x as f32).sin()).collect();
    for threads in [1, 2] {
        let cpu = Cpu::native(threads);
        let mut calculation =
            Calculation::<f32>::compile(&graph, &[outputs], 9, cpu).expect("it fits");
        calculation.run(&Inputs {
            features: &rows,
            targets: Targets::Values(&[]),
            parameters: &parameters.values,
            batch_rows: 9,
            key: StepKey::default(),
        });
        let model = Model::new(&network, parameters.clone(), cpu).expect("the network fits");
        assert!(model.n_bytes() > 2 * 4 * network.n_parameters());
        for batch_rows in [1, 4, 9] {
            let mut predictions = vec![0.0; 27];
            model.predict(&rows, &mut model.scratch(batch_rows), &mut predictions);
            assert_eq!(predictions, calculation.value(outputs, 9));
        }
    }
}

#[test]
#[should_panic(expected = "the scratch of this model")]
fn a_model_refuses_the_scratch_of_another() {
    let network = Network::build(&[], 4, classes(3)).expect("the network fits");
    let model =
        || Model::new(&network, network.initialise::<f32>(5), Cpu::native(1)).expect("it fits");
    model().predict(&[0.0; 4], &mut model().scratch(1), &mut [0.0; 3]);
}
