//! Columns of categories that are embedded: the layer that is put before the network, what it learns, and what explains it.

mod support;

use std::sync::Arc;

use descent_engine::dataset::{CategoryFeature, DataFacts, Outcome};
use descent_engine::isa::Cpu;
use descent_engine::layer::{EntityEmbedding, Layer, Table};
use descent_engine::model::Model;
use descent_engine::network::Parameters;
use descent_engine::spec::{Network, Spec, Violation};
use descent_engine::trainer::Trainer;
use descent_engine::weights;
use serde_json::{Value, json};
use support::{Problem, Record, categories};

/// Seven features, the second and the last of them indices.
fn facts() -> DataFacts {
    DataFacts {
        n_rows: 1000,
        n_train: 700,
        sample_shape: 7.into(),
        categories: [(1, 3), (6, 10_001)]
            .map(|(feature, vocabulary)| CategoryFeature {
                feature,
                vocabulary,
            })
            .to_vec(),
        outcome: Outcome::Classes(2),
    }
}

fn document(categories: Value, network: Option<Value>) -> Value {
    let mut document = json!({"dataset": "d", "task": {"kind": "classification", "target": "y",
        "preprocessing": {"categories": categories}}});
    if let Some(network) = network {
        document["network"] = network;
    }
    document
}

fn spec(categories: Value, network: Option<Value>) -> Spec {
    Spec::from_value(document(categories, network)).expect("the document is sound")
}

fn layers(spec: &Spec) -> &[Layer] {
    match &spec.network {
        Some(Network::Layers(layers)) => layers,
        other => panic!("layers are expected, not {other:?}"),
    }
}

fn tables(spec: &Spec) -> Vec<[usize; 3]> {
    let Some(Layer::EntityEmbedding(layer)) = layers(spec).first() else {
        panic!("the embedding goes first");
    };
    let of = |table: &Table| [table.feature, table.vocabulary, table.dimensions];
    layer.tables.iter().map(of).collect()
}

fn places(found: &[Violation]) -> Vec<(&str, &str)> {
    found.iter().map(|v| (v.pointer.as_str(), v.code)).collect()
}

#[test]
fn the_layer_goes_before_the_network_and_resolving_twice_changes_nothing() {
    let embedding = || json!({"kind": "embedding"});
    let dense = json!([{"kind": "dense", "units": 4}]);
    // 1.6 * 3^0.56 = 2.96, and 1.6 * 10001^0.56 = 278, of which 50 are taken.
    let usual = vec![[1, 3, 3], [6, 10_001, 50]];
    for network in [None, Some(dense), Some(json!({"kind": "logistic"}))] {
        let resolved = spec(embedding(), network)
            .resolve(&facts())
            .expect("it fits");
        assert_eq!(tables(&resolved), usual);
        assert_eq!(resolved.resolve(&facts()).as_ref(), Ok(&resolved));
        let copied = serde_json::to_value(&resolved).expect("it is JSON");
        assert_eq!(Spec::from_value(copied).as_ref(), Ok(&resolved));
        resolved.cost(&facts()).expect("the layers fit");
    }
    let asked = spec(json!({"kind": "embedding", "dimensions": 8}), None);
    let asked = asked.resolve(&facts()).expect("it fits");
    assert_eq!(tables(&asked), [[1, 3, 8], [6, 10_001, 8]]);
    // Sequences are made of what comes out of the tables: five features that pass and sixteen numbers.
    let steps = spec(
        json!({"kind": "embedding", "dimensions": 8}),
        Some(json!({"kind": "lstm_classifier"})),
    );
    let steps = steps.resolve(&facts()).expect("it fits");
    let reshaped = serde_json::to_value(&layers(&steps)[1]).expect("it is JSON");
    assert_eq!(reshaped, json!({"kind": "reshape", "shape": [21, 1]}));
}

#[test]
fn a_copied_layer_keeps_its_dimensions_and_follows_the_data() {
    let table = |feature: usize, vocabulary: usize, dimensions: usize| json!({"feature": feature, "vocabulary": vocabulary, "dimensions": dimensions});
    let copied = |tables: Value| {
        let network =
            json!([{"kind": "entity_embedding", "tables": tables}, {"kind": "dense", "units": 4}]);
        spec(json!({"kind": "embedding"}), Some(network)).resolve(&facts())
    };
    let resolved = copied(json!([table(0, 2, 5), table(9, 20, 6)])).expect("it fits");
    assert_eq!(tables(&resolved), [[1, 3, 5], [6, 10_001, 6]]);
    assert_eq!(layers(&resolved).len(), 2);
    let one = copied(json!([table(0, 2, 5)])).expect_err("there are two columns");
    assert_eq!(places(&one), [("/network/0/tables", "length")]);
    // With one-hot features it is a layer like any other, and no layer is put anywhere.
    let network = json!([{"kind": "entity_embedding", "tables": [table(0, 2, 5)]}]);
    let own = spec(json!({"kind": "one_hot"}), Some(network));
    let own = own.resolve(&facts()).expect("it fits");
    assert_eq!(tables(&own), [[0, 2, 5]]);
    assert_eq!(layers(&own).len(), 1);
    let none = DataFacts {
        categories: Vec::new(),
        ..facts()
    };
    let plain = spec(json!({"kind": "embedding"}), Some(json!([])));
    let plain = plain.resolve(&none).expect("a column may turn out empty");
    assert!(layers(&plain).is_empty());
}

#[test]
fn what_does_not_fit_is_refused_at_its_place_in_the_users_document() {
    let refused = |categories: Value, network: Value| {
        Spec::from_value(document(categories, Some(network)))
            .and_then(|spec| spec.resolve(&facts()))
            .expect_err("it is refused")
    };
    let kind = "/task/preprocessing/categories/kind";
    let dimensions = "/task/preprocessing/categories/dimensions";
    let embedding = || json!({"kind": "embedding"});
    for (categories, network, pointer, code) in [
        (
            json!({"kind": "embedding", "dimensions": 0}),
            json!([]),
            dimensions,
            "out_of_range",
        ),
        (
            json!({"kind": "embedding", "dimensions": 1_000_000_000}),
            json!([]),
            dimensions,
            "out_of_range",
        ),
        (
            json!({"kind": "one_hot", "dimensions": 8}),
            json!([]),
            dimensions,
            "unknown_field",
        ),
        (json!({"kind": "one-hot"}), json!([]), kind, "unknown_value"),
        (
            embedding(),
            json!({"kind": "perceptron"}),
            kind,
            "contradiction",
        ),
        (
            embedding(),
            json!([{"kind": "dense", "units": 4}, {"kind": "max_pool", "kernel_size": 2}]),
            "/network/1",
            "contradiction",
        ),
        (
            embedding(),
            json!(vec![json!({"kind": "dense", "units": 4}); 256]),
            "/network",
            "length",
        ),
        (
            json!({"kind": "one_hot"}),
            json!([{"kind": "entity_embedding", "tables": []}]),
            "/network/0/tables",
            "length",
        ),
        (
            json!({"kind": "one_hot"}),
            json!([{"kind": "entity_embedding", "tables": [
                {"feature": 2, "vocabulary": 3, "dimensions": 3}, {"feature": 2, "vocabulary": 3, "dimensions": 3}]}]),
            "/network/0/tables",
            "out_of_range",
        ),
    ] {
        let found = refused(categories, network);
        assert_eq!(places(&found), [(pointer, code)], "{}", found[0].message);
    }
    let far = json!([{"kind": "entity_embedding", "tables": [{"feature": 7, "vocabulary": 3, "dimensions": 3}]}]);
    let far = spec(json!({"kind": "one_hot"}), Some(far)).resolve(&facts());
    let found = far.and_then(|spec| spec.cost(&facts()));
    assert_eq!(
        found.expect_err("there are seven features")[0].message,
        "layer 0 (entity_embedding) reads feature 7, counted from 0; what comes in is a vector of 7"
    );
}

/// Ten thousand categories: two numbers of the data a row, and a table; one-hot rows have ten thousand numbers.
#[test]
fn many_categories_cost_little_beside_one_hot() {
    let network = || Some(json!([{"kind": "dense", "units": 64, "activation": "relu"}]));
    let total = |spec: Spec, facts: &DataFacts| {
        let resolved = spec.resolve(facts).expect("it fits");
        resolved.cost(facts).expect("it can be counted").total_bytes
    };
    let one_hot = DataFacts {
        sample_shape: 10_009.into(),
        categories: Vec::new(),
        n_rows: 50_000,
        n_train: 35_000,
        ..facts()
    };
    let embedded = DataFacts {
        n_rows: 50_000,
        n_train: 35_000,
        ..facts()
    };
    let one_hot = total(spec(json!({"kind": "one_hot"}), network()), &one_hot);
    let embedded = total(spec(json!({"kind": "embedding"}), network()), &embedded);
    assert!(
        embedded * 100 < one_hot,
        "{embedded} bytes embedded, {one_hot} one-hot"
    );
}

/// The problem, trained with tables, and its network with the trained weights.
fn trained(training: Value) -> (Problem, EntityEmbedding, Model, f64) {
    let problem = categories(600, 1);
    let spec = problem.spec(json!({
        "task": {"kind": "classification", "target": "target", "preprocessing": {"categories": {"kind": "embedding"}}},
        "training": training
    }));
    let Layer::EntityEmbedding(layer) = layers(&spec)[0].clone() else {
        panic!("the embedding goes first");
    };
    let mut trainer =
        Trainer::new(&spec, Arc::clone(&problem.dataset), problem.parts.clone()).expect("it fits");
    let ending = trainer.run(&mut Record::default());
    assert!(ending.has_model(), "{ending:?}");
    let trained = trainer.trained().expect("there is a model");
    let (input, outcome) = (
        problem.dataset.sample_shape,
        problem.dataset.targets.outcome(),
    );
    let model = weights::open(&spec, input, outcome, &trained.weights, Cpu::native(1));
    let accuracy = trained
        .metrics
        .iter()
        .find(|(name, _)| name == "test_accuracy")
        .expect("the metric is defined")
        .1;
    (problem, layer, model.expect("they fit"), accuracy)
}

#[test]
fn tables_learn_and_the_row_of_the_unknown_stays_at_zero() {
    let (_, layer, model, accuracy) = trained(json!({"epochs": 40, "seed": 2}));
    assert!(accuracy >= 0.95, "{accuracy}");
    let parameters: &Parameters<f32> = model.parameters();
    for (number, table) in layer.tables.iter().enumerate() {
        let name = format!("layers.0.{number}.table");
        let own = model.network().parameters().iter();
        let own = own.clone().find(|parameter| parameter.name == name);
        let own = own.expect("each table is a tensor of its own");
        assert_eq!((own.rows, own.cols), (table.vocabulary, table.dimensions));
        let first = &parameters.of(own)[..table.dimensions];
        // In the first column no row is unknown; in the second, index 0 occurs and is learned.
        assert_eq!(first.iter().all(|&x| x == 0.0), number == 0, "{first:?}");
    }
}

/// Every contribution belongs to a feature, indices too, and together they make the difference.
#[test]
fn contributions_of_categories_add_up() {
    let (problem, _, model, _) = trained(json!({"epochs": 10, "seed": 2}));
    let baseline = [3.0, 0.1, 5.0];
    let answer = |row: &[f32]| {
        let mut out = [0.0; 2];
        model.predict(row, &mut model.scratch(1), &mut out);
        f64::from(out[1])
    };
    let mut largest = [0.0_f64; 3];
    for row in problem.dataset.features.rows().into_iter().take(40) {
        let row = row.to_vec();
        let contributions = model.integrated_gradients(&row, &baseline, 1);
        let sum: f64 = contributions.iter().sum();
        let change = answer(&row) - answer(&baseline);
        assert!((sum - change).abs() < 0.02, "{sum} for {change}");
        for (largest, contribution) in largest.iter_mut().zip(&contributions) {
            *largest = largest.max(contribution.abs());
        }
        for feature in [0, 2] {
            assert!(row[feature] != baseline[feature] || contributions[feature] == 0.0);
        }
    }
    assert!(largest[0] > 0.1 && largest[2] > 0.1, "{largest:?}");
}
