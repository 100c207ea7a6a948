//! The document: what is refused, where, and with what advice; what is filled in.

use descent_engine::dataset::{DataFacts, Outcome};
use descent_engine::precision::Precision;
use descent_engine::sample::SampleShape;
use descent_engine::spec::{Family, Network, Spec, Split, Violation};
use serde_json::{Value, json};

fn minimal() -> Value {
    json!({"dataset": "iris", "task": {"kind": "classification", "target": "species"}})
}

/// The minimal document with a merge patch on it.
fn with(patch: &Value) -> Value {
    fn merge(into: &mut Value, patch: &Value) {
        match patch {
            Value::Object(fields) => {
                if !into.is_object() {
                    *into = json!({});
                }
                for (name, value) in fields {
                    merge(&mut into[name], value);
                }
            }
            other => *into = other.clone(),
        }
    }
    let mut document = minimal();
    merge(&mut document, patch);
    document
}

fn refused(patch: &Value) -> Vec<Violation> {
    Spec::from_value(with(patch)).expect_err("the document should be refused")
}

fn accepted(patch: &Value) -> Spec {
    Spec::from_value(with(patch)).expect("the document should be accepted")
}

fn places(violations: &[Violation]) -> Vec<(&str, &str)> {
    violations
        .iter()
        .map(|violation| (violation.pointer.as_str(), violation.code))
        .collect()
}

fn iris() -> DataFacts {
    DataFacts {
        n_rows: 150,
        n_train: 106,
        sample_shape: (4).into(),
        categories: Vec::new(),
        outcome: Outcome::Classes(3),
    }
}

#[test]
fn the_document_of_the_design_is_accepted() {
    let spec = accepted(&json!({
        "name": "titanic-1", "dataset": "titanic",
        "task": {"kind": "classification", "target": "Survived", "features": {"exclude": ["Name", "Ticket", "Cabin"]},
                 "split": {"kind": "stratified", "validation": 0.15, "test": 0.15}},
        "network": [{"kind": "dense", "units": 64, "activation": "relu"}, {"kind": "dropout", "rate": 0.2}],
        "loss": {"kind": "cross_entropy", "class_weights": "balanced"},
        "optimizer": {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9, "schedule": {"kind": "cosine"}},
        "training": {"epochs": 50, "batch_size": 32, "seed": 7, "early_stopping": {"metric": "validation_loss", "patience": 8}},
        "resources": {"threads": 1, "device": "cpu"}, "priority": 0, "metadata": {"who": "notebook"}
    }));
    assert_eq!(spec.family(), Family::Classification);
    assert_eq!(
        spec.optimizer
            .as_ref()
            .map(|optimizer| optimizer.rule.learning_rate()),
        Some(0.05)
    );
    let again = serde_json::to_value(&spec).expect("a spec is JSON");
    assert_eq!(Spec::from_value(again).as_ref(), Ok(&spec));
}

#[test]
fn everything_wrong_is_said_at_once() {
    let violations = refused(&json!({
        "task": {"kind": "classification", "target": "species", "split": {"kind": "random", "validation": 0.6, "test": 0.6}},
        "network": [{"kind": "dense", "units": 0}, {"kind": "dens", "units": 3}, {"kind": "dropout"}],
        "optimizer": {"kind": "sgd", "learning_rat": 0.1, "momentum": -1},
        "training": {"epochs": 0, "batchsize": 32, "seed": -1},
        "priority": 1.5, "metadata": {"a": 1}, "datset": "iris"
    }));
    let places = places(&violations);
    for expected in [
        ("/network/0/units", "out_of_range"),
        ("/network/1/kind", "unknown_value"),
        ("/network/2/rate", "required"),
        ("/optimizer/learning_rat", "unknown_field"),
        ("/training/epochs", "out_of_range"),
        ("/training/batchsize", "unknown_field"),
        ("/training/seed", "out_of_range"),
        ("/priority", "wrong_type"),
        ("/metadata/a", "wrong_type"),
        ("/datset", "unknown_field"),
    ] {
        assert!(
            places.contains(&expected),
            "{expected:?} is missing in {places:?}"
        );
    }
}

/// Rules across fields are checked together with the rules of single fields.
#[test]
fn rules_across_fields_join_the_others() {
    let violations = refused(&json!({
        "task": {"split": {"kind": "random", "validation": 0.6, "test": 0.6}},
        "training": {"epochs": 0, "early_stopping": {"metric": "validation_acuracy"}},
        "loss": {"kind": "mse"}
    }));
    assert_eq!(
        places(&violations),
        [
            ("/training/epochs", "out_of_range"),
            ("/task/split", "contradiction"),
            ("/loss/kind", "contradiction"),
            ("/training/early_stopping/metric", "unknown_value"),
        ]
    );
    assert!(
        violations[3]
            .message
            .contains("did you mean `validation_accuracy`?"),
        "{}",
        violations[3].message
    );
}

#[test]
fn a_slip_is_answered_with_the_nearest_name() {
    for (patch, meant) in [
        (json!({"trainig": {}}), "training"),
        (json!({"training": {"epoch": 3}}), "epochs"),
        (
            json!({"network": [{"kind": "dense", "units": 3, "activatoin": "relu"}]}),
            "activation",
        ),
        (
            json!({"network": [{"kind": "dense", "units": 3, "activation": "rellu"}]}),
            "relu",
        ),
        (json!({"optimizer": {"kind": "adm"}}), "adam"),
        (json!({"training": {"precision": "fb16"}}), "bf16"),
        (
            json!({"optimizer": {"kind": "adamw", "schedule": {"kind": "cosin"}}}),
            "cosine",
        ),
        (
            json!({"task": {"preprocessing": {"impute": "medain"}}}),
            "median",
        ),
    ] {
        let violations = refused(&patch);
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(
            violations[0]
                .message
                .contains(&format!("did you mean `{meant}`?")),
            "{}",
            violations[0].message
        );
    }
}

#[test]
fn what_is_missing_or_of_the_wrong_type_is_said_with_its_place() {
    let violations = Spec::parse(b"{}").expect_err("nothing is given");
    assert_eq!(
        places(&violations),
        [("/dataset", "required"), ("/task", "required")]
    );
    let violations = Spec::parse(b"{\"dataset\": \"x\",").expect_err("the document is cut");
    assert_eq!(places(&violations), [("", "malformed_json")]);
    let violations = Spec::parse(b"[]").expect_err("a list is no spec");
    assert_eq!(places(&violations), [("", "wrong_type")]);
    for (patch, place) in [
        (json!({"network": 3}), "/network"),
        (json!({"network": [3]}), "/network/0"),
        (json!({"network": [{"units": 3}]}), "/network/0/kind"),
        (json!({"network": {"kind": "percepton"}}), "/network/kind"),
        (json!({"task": {"target": 3}}), "/task/target"),
        (json!({"task": {"target": []}}), "/task/target"),
        (json!({"task": {"split": {}}}), "/task/split/kind"),
        (json!({"training": {"epochs": 3.5}}), "/training/epochs"),
        (json!({"training": {"epochs": "3"}}), "/training/epochs"),
        (json!({"training": null}), "/training"),
        (json!({"dataset": ""}), "/dataset"),
        (json!({"name": "two\nlines"}), "/name"),
        (
            json!({"loss": {"kind": "cross_entropy", "class_weights": "balancd"}}),
            "/loss/class_weights",
        ),
        (
            json!({"optimizer": {"kind": "adam", "clip_norm": 0}}),
            "/optimizer/clip_norm",
        ),
        (
            json!({"optimizer": {"kind": "sgd", "nesterov": 1}}),
            "/optimizer/nesterov",
        ),
    ] {
        let violations = refused(&patch);
        assert_eq!(
            violations
                .iter()
                .map(|violation| violation.pointer.as_str())
                .collect::<Vec<_>>(),
            [place],
            "{patch}"
        );
    }
}

#[test]
fn a_network_in_a_word_is_told_that_lists_and_objects_are_taken() {
    let violations = refused(&json!({"network": "mlp"}));
    assert_eq!(places(&violations), [("/network", "wrong_type")]);
    assert_eq!(
        violations[0].allowed,
        Some(json!(["array", "object", "null"]))
    );
    let message = &violations[0].message;
    assert!(message.contains("a list or an object"), "{message}");
}

#[test]
fn contradictions_are_found() {
    for (patch, place) in [
        (json!({"task": {"target": ["a", "b"]}}), "/task/target"),
        (
            json!({"task": {"kind": "regression", "target": ["a", "a"]}}),
            "/task/target/1",
        ),
        (
            json!({"task": {"features": {"include": ["a"], "exclude": ["b"]}}}),
            "/task/features",
        ),
        (
            json!({"task": {"features": {"include": ["species"]}}}),
            "/task/features/include/0",
        ),
        (
            json!({"task": {"kind": "regression", "split": {"kind": "stratified"}}}),
            "/task/split/kind",
        ),
        (
            json!({"task": {"split": {"kind": "by_column", "column": "species"}}}),
            "/task/split/column",
        ),
        (
            json!({"task": {"kind": "regression"}, "loss": {"kind": "cross_entropy"}}),
            "/loss/kind",
        ),
        (
            json!({"loss": {"kind": "cross_entropy", "class_weights": [1.0, -1.0]}}),
            "/loss/class_weights",
        ),
        (
            json!({"loss": {"kind": "cross_entropy", "class_weights": [1.0, 1e39]}}),
            "/loss/class_weights",
        ),
        (
            json!({"optimizer": {"kind": "adam", "epsilon": 0.0}}),
            "/optimizer/epsilon",
        ),
        (
            json!({"optimizer": {"kind": "sgd", "weight_decay": 1e39}}),
            "/optimizer/weight_decay",
        ),
        (
            json!({"optimizer": {"kind": "sgd", "learning_rate": 1e-50}}),
            "/optimizer/learning_rate",
        ),
        (
            json!({"network": {"kind": "perceptron"}, "optimizer": {"kind": "adam"}}),
            "/optimizer",
        ),
        (
            json!({"network": {"kind": "perceptron"}, "task": {"kind": "regression"}}),
            "/task/kind",
        ),
        (
            json!({"network": {"kind": "perceptron"}, "training": {"precision": "bf16"}}),
            "/training/precision",
        ),
        (
            json!({"network": [{"kind": "activation", "function": "relu", "slope": 0.1}]}),
            "/network/0/slope",
        ),
        (
            json!({"optimizer": {"kind": "adam", "beta1": 1.0}}),
            "/optimizer/beta1",
        ),
        (
            json!({"task": {"split": {"kind": "random", "validation": 0}}, "training": {"early_stopping": {}}}),
            "/training/early_stopping/metric",
        ),
        (
            json!({"training": {"rungs": [{"epoch": 3, "metric": "validation_los", "bound": 1.0}]}}),
            "/training/rungs/0/metric",
        ),
        (
            json!({"training": {"rungs": [{"epoch": 3, "metric": "train_loss", "bound": 1.0}, {"epoch": 3, "metric": "train_loss", "bound": 0.5}]}}),
            "/training/rungs/1/epoch",
        ),
        (
            json!({"optimizer": {"kind": "sgd", "schedule": {"kind": "warm_up", "steps": 3, "then": {"kind": "warm_up", "steps": 3}}}}),
            "/optimizer/schedule/then/kind",
        ),
    ] {
        let violations = refused(&patch);
        assert_eq!(
            violations
                .iter()
                .map(|violation| violation.pointer.as_str())
                .collect::<Vec<_>>(),
            [place],
            "{violations:?}"
        );
    }
}

/// Nothing is rounded unless it is asked for, and a precision that there is not is refused by its name.
#[test]
fn the_precision_is_f32_unless_bf16_is_asked_for() {
    let spec = accepted(&json!({}));
    assert_eq!(spec.training.precision, Precision::F32);
    let document = serde_json::to_value(&spec).expect("a spec is JSON");
    assert_eq!(document["training"].get("precision"), None);
    let spec = accepted(&json!({"training": {"precision": "bf16"}}));
    assert_eq!(spec.training.precision, Precision::Bf16);
    let document = serde_json::to_value(&spec).expect("a spec is JSON");
    assert_eq!(Spec::from_value(document).as_ref(), Ok(&spec));
    accepted(&json!({"network": {"kind": "perceptron"}, "training": {"precision": "f32"}}));
    for other in ["f16", "tf32", "F32"] {
        let violations = refused(&json!({"training": {"precision": other}}));
        assert_eq!(
            places(&violations),
            [("/training/precision", "unknown_value")]
        );
        assert!(violations[0].message.contains(other), "{violations:?}");
    }
    let precisions = |family: Family| family.schema()["$defs"]["Precision"].to_string();
    assert!(precisions(Family::Classification).contains("bf16"));
    assert!(!precisions(Family::Perceptron).contains("\"bf16\""));
}

#[test]
fn too_many_layers_and_units_are_refused() {
    let layers = vec![json!({"kind": "dense", "units": 1}); 257];
    assert_eq!(
        places(&refused(&json!({"network": layers}))),
        [("/network", "length")]
    );
    // Two blocks and what is in them.
    let block =
        |n| json!({"kind": "residual", "layers": vec![json!({"kind": "dense", "units": 1}); n]});
    accepted(&json!({"network": [block(127), block(127)]}));
    let many = json!({"network": [block(127), block(128)]});
    let violations = refused(&many);
    assert_eq!(places(&violations), [("/network", "length")]);
    assert_eq!(violations[0].got, Some(json!(257)));
    // What was queued before blocks were counted trains.
    let recorded = with(&json!({"name": "two\nlines", "network": many["network"]}));
    Spec::from_record(recorded).expect("what is on record is not asked again");
    assert_eq!(
        places(&refused(
            &json!({"network": [{"kind": "dense", "units": 65_537}]})
        )),
        [("/network/0/units", "out_of_range")]
    );
}

#[test]
fn what_is_echoed_is_cut() {
    let long = "x".repeat(100_000);
    let violations = refused(&json!({"training": {"epochs": long}}));
    let size = serde_json::to_string(&violations).map_or(0, |text| text.len());
    assert!(size < 1000, "{size} bytes");
}

#[test]
fn resolving_fills_everything_in_and_twice_changes_nothing() {
    let spec = accepted(&json!({"training": {"seed": 5}}));
    let resolved = spec.resolve(&iris()).expect("the defaults fit");
    assert!(matches!(
        resolved.task.split,
        Some(Split::Stratified { seed: Some(5), .. })
    ));
    assert!(matches!(&resolved.network, Some(Network::Layers(layers)) if !layers.is_empty()));
    assert!(
        resolved
            .optimizer
            .as_ref()
            .is_some_and(|optimizer| optimizer.schedule.is_some())
    );
    assert!(resolved.training.epochs.is_some() && resolved.training.batch_size.is_some());
    assert_eq!(resolved.resolve(&iris()).as_ref(), Ok(&resolved));
    let document = serde_json::to_value(&resolved).expect("a spec is JSON");
    assert_eq!(Spec::from_value(document).as_ref(), Ok(&resolved));
}

#[test]
fn rules_that_need_the_data_are_checked_on_resolving() {
    let places_of = |patch: &Value, facts: DataFacts| -> Vec<String> {
        let violations = accepted(patch)
            .resolve(&facts)
            .expect_err("it should not fit");
        violations
            .into_iter()
            .map(|violation| violation.pointer)
            .collect()
    };
    let one_class = DataFacts {
        outcome: Outcome::Classes(1),
        ..iris()
    };
    assert_eq!(places_of(&json!({}), one_class), ["/task/target"]);
    assert_eq!(
        places_of(&json!({"network": {"kind": "perceptron"}}), iris()),
        ["/network"]
    );
    assert_eq!(
        places_of(&json!({"loss": {"kind": "binary_cross_entropy"}}), iris()),
        ["/loss/kind"]
    );
    let weights = json!({"loss": {"kind": "cross_entropy", "class_weights": [1.0, 2.0]}});
    assert_eq!(places_of(&weights, iris()), ["/loss/class_weights"]);
    assert_eq!(
        places_of(
            &json!({}),
            DataFacts {
                n_train: 0,
                ..iris()
            }
        ),
        ["/task/split"]
    );
}

/// 4-16-3: 4 * 16 + 16 + 16 * 3 + 3 = 131 parameters of four bytes; momentum keeps as many again.
#[test]
fn the_cost_is_counted() {
    let spec = accepted(&json!({
        "network": [{"kind": "dense", "units": 16, "activation": "relu"}],
        "optimizer": {"kind": "sgd", "momentum": 0.9}, "training": {"epochs": 1, "batch_size": 32}
    }));
    let cost = spec
        .resolve(&iris())
        .expect("it fits")
        .cost(&iris())
        .expect("it can be counted");
    assert_eq!(
        (cost.parameters, cost.weights_bytes, cost.optimizer_bytes),
        (131, 524, 524)
    );
    assert!(
        cost.total_bytes
            > cost.weights_bytes
                + cost.gradients_bytes
                + cost.optimizer_bytes
                + cost.activations_bytes
                + cost.working_bytes
                + cost.evaluation_bytes
                + cost.transient_bytes
    );
    // The weights as a file and twice in a model are more than nothing, and what looks at the layers takes more.
    assert!(cost.transient_bytes > 3 * 524);
    assert!(cost.within(cost.total_bytes).is_ok());
    assert_eq!(
        cost.within(cost.total_bytes - 1)
            .map_err(|violation| violation.code),
        Err("too_large")
    );
}

#[test]
fn a_size_beyond_counting_is_refused_before_anything_is_allocated() {
    let wide = vec![json!({"kind": "dense", "units": 65_536}); 256];
    let spec = accepted(&json!({"network": wide}));
    let facts = DataFacts {
        sample_shape: (10_000).into(),
        ..iris()
    };
    let cost = spec
        .resolve(&facts)
        .expect("it is well formed")
        .cost(&facts)
        .expect("it can still be counted");
    assert!(cost.within(1 << 40).is_err());
    let endless = DataFacts {
        n_rows: u64::MAX,
        sample_shape: (1 << 40).into(),
        ..iris()
    };
    assert!(
        spec.resolve(&endless)
            .expect("it is well formed")
            .cost(&endless)
            .is_err()
    );
}

#[test]
fn the_schema_of_a_family_stands_on_its_own() {
    for family in Family::ALL {
        let schema = family.schema();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert_eq!(Family::named(family.name()), Some(family));
        let text = schema.to_string();
        for reference in text.split("#/$defs/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(
                schema["$defs"].get(name).is_some(),
                "{name} is referred to and not defined"
            );
        }
    }
    assert_eq!(Family::named("forecasting"), None);
}

/// Data whose rows have that shape.
fn shaped(dims: &[usize]) -> DataFacts {
    DataFacts {
        sample_shape: SampleShape::of(dims).expect("one to three sizes"),
        ..iris()
    }
}

#[test]
fn a_network_by_name_becomes_layers_that_fit_the_data() {
    let cases: [(&str, &[usize], &str); 10] = [
        ("logistic", &[4], ""),
        ("logistic", &[8, 8, 1], "flatten"),
        ("mlp", &[28, 28, 1], "flatten"),
        ("lenet5", &[28, 28, 1], "conv2d"),
        ("lenet5", &[64], "reshape"),
        ("alexnet", &[64, 64, 3], "conv2d"),
        ("alexnet", &[224, 224, 3], "conv2d"),
        ("resnet18", &[32, 32, 3], "conv2d"),
        ("lstm_classifier", &[100], "reshape"),
        ("transformer_encoder", &[20, 3], "dense"),
    ];
    for (name, dims, first) in cases {
        let facts = shaped(dims);
        let document = json!({"dataset": "d", "task": {"kind": "classification", "target": "y"}, "network": {"kind": name}});
        let spec = Spec::from_value(document).expect("the name is known");
        let resolved = spec.resolve(&facts).expect("it fits");
        let Some(Network::Layers(layers)) = &resolved.network else {
            panic!("{name} did not become layers");
        };
        assert_eq!(
            layers.first().map_or("", |layer| layer.kind()),
            first,
            "{name}"
        );
        assert!(resolved.cost(&facts).expect("the layers fit").parameters > 0);
        // What a user copies from the resolved spec is accepted as it stands.
        let copied = serde_json::to_value(&resolved).expect("it is JSON");
        assert_eq!(Spec::from_value(copied).expect("it is sound"), resolved);
    }
}

#[test]
fn published_sizes_of_the_networks_with_a_name() {
    let parameters = |name: &str, dims: &[usize]| {
        let document = json!({"dataset": "d", "task": {"kind": "classification", "target": "y"}, "network": {"kind": name}});
        let facts = DataFacts {
            outcome: Outcome::Classes(10),
            ..shaped(dims)
        };
        let spec = Spec::from_value(document).expect("the name is known");
        let resolved = spec.resolve(&facts).expect("it fits");
        resolved.cost(&facts).expect("the layers fit").parameters
    };
    // LeNet-5 with every map connected; ResNet-18 for CIFAR-10, whose three projections are normalised too in the paper.
    assert_eq!(parameters("lenet5", &[28, 28, 1]), 61_706);
    assert_eq!(
        parameters("resnet18", &[32, 32, 3]),
        11_173_962 - 2 * (128 + 256 + 512)
    );
}

#[test]
fn a_network_by_name_that_does_not_fit_says_what_came_in() {
    let document = json!({"dataset": "d", "task": {"kind": "classification", "target": "y"}, "network": {"kind": "lenet5"}});
    let facts = shaped(&[30]);
    let spec = Spec::from_value(document).expect("the name is known");
    let resolved = spec.resolve(&facts).expect("names resolve");
    let violations = resolved.cost(&facts).expect_err("30 columns are no square");
    assert_eq!(violations[0].pointer, "/network/0");
    assert!(
        violations[0]
            .message
            .contains("what comes in is a vector of 30"),
        "{}",
        violations[0].message
    );
}
